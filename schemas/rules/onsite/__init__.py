"""The on-site record: what is read out, what is missing before signing, what is signed and its hash, what is frozen after, what an
amendment changes.

Records are their wire values with their "id" (`whole`). Form of the record: RULES §17, 现场检查（勘察）笔录 [C].
"""

from schemas.rules.onsite.amending import Difference, difference, still_open
from schemas.rules.onsite.freezing import SIGNED_WITH, stops
from schemas.rules.onsite.lacking import excused, lacks, notices_lacking, wants
from schemas.rules.onsite.notices import NOTICES, REQUIRED, Notice, notice
from schemas.rules.onsite.signed import (
    CHILDREN,
    LATER,
    Sheet,
    agrees,
    content,
    content_hash,
    frozen,
    frozen_photo,
    signed,
    signed_at,
    whole,
)
from schemas.rules.onsite.signers import Signer, signers, unsigned

__all__ = [
    "CHILDREN",
    "LATER",
    "NOTICES",
    "REQUIRED",
    "SIGNED_WITH",
    "Difference",
    "Notice",
    "Sheet",
    "Signer",
    "agrees",
    "content",
    "content_hash",
    "difference",
    "excused",
    "frozen",
    "frozen_photo",
    "lacks",
    "notice",
    "notices_lacking",
    "signed",
    "signed_at",
    "signers",
    "still_open",
    "stops",
    "unsigned",
    "wants",
    "whole",
]
