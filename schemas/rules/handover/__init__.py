"""Hand-over without a network: a manifest's legs as COSE_Sign1 in one QR code, and what such a code is worth.

`claims` says what a signature is over, `cose` signs and checks one leg (`strict`: what bytes of strangers may be), `chain` makes text of
several and back, `directory` knows whose keys they are, `judge` says genuine, not genuine or cannot say, and why (`words`). The format for
strangers: docs/manifest-qr.md.
"""

from schemas.rules.handover.chain import Chain, link, read, signed_leg, text_of, tidy
from schemas.rules.handover.claims import Claim, Load
from schemas.rules.handover.directory import Directory, Key
from schemas.rules.handover.judge import Against, Judged, judged
from schemas.rules.handover.words import WORDS

__all__ = [
    "WORDS", "Against", "Chain", "Claim", "Directory", "Judged", "Key", "Load", "judged", "link", "read", "signed_leg", "text_of", "tidy",
]  # fmt: skip
