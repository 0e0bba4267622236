"""Comments about a record: threads as they are read, and a new one as it is written. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from schemas.fields import fields_of
from schemas.problems import Trouble
from schemas.records import TYPES
from sync_server.console.record.called import Names, moment
from sync_server.console.record.values import Bit, folded
from sync_server.service.history import Recorded
from sync_server.store import Stored

LONGEST = 4000  # characters of one comment written here


class Remark(NamedTuple):
    """`answers`: in the order they came."""

    id: str
    who: str
    text: Bit
    at: str
    resolved: bool
    field: str
    answers: list[Remark]


def threads(of: Recorded, names: Names, lang: str) -> list[Remark]:
    """Those about the record, open ones first, each with its answers. Voided ones are left to the history."""
    alive = [c for c in of.comments if not c.values.get("deleted")]
    ids = {c.id for c in alive}
    answers: dict[str, list[Stored]] = {}
    for c in alive:
        if c.values.get("subject_kind") == "comment" and c.values.get("subject_id") in ids:
            answers.setdefault(str(c.values["subject_id"]), []).append(c)
    first = [c for c in alive if c.values.get("subject_id") not in ids]
    first.sort(key=lambda c: (bool(c.values.get("resolved")), -c.seq))
    return [_remark(c, answers, of, names, lang, 0) for c in first]


def _remark(c: Stored, answers: dict[str, list[Stored]], of: Recorded, names: Names, lang: str, depth: int) -> Remark:
    at = moment(c.values.get("at"))
    below = sorted(answers.get(c.id, ()), key=lambda a: (str(a.values.get("at")), a.id)) if depth < 3 else []
    name = str(c.values.get("field_name") or "")
    field = fields_of(TYPES[of.stored.type]).get(name)
    return Remark(
        c.id, names.get(of.authors.get(c.id, ""), ""), folded(str(c.values.get("text") or "")), at.strftime("%Y-%m-%d %H:%M") if at else "", bool(c.values.get("resolved")),
        field.spec.label(lang) if field else name, [_remark(a, answers, of, names, lang, depth + 1) for a in below],
    )  # fmt: skip


def new(of: Recorded, text: str, answer: str, now: str) -> dict[str, Any]:
    """Values of a new comment, or of an answer to one of this record's. Raises Trouble 3001, 2004 for another's comment."""
    text = text.replace("\r\n", "\n").strip()
    if not text or len(text) > LONGEST:
        zh, en = ("写点什么再发", "Write something before you send it") if not text else (
            f"最多 {LONGEST} 个字，现在 {len(text)} 个", f"At most {LONGEST} characters; these are {len(text)}"
        )  # fmt: skip
        raise Trouble(3001, {"faults": [{"field": "text", "zh": zh, "en": en}]}, faults={"zh": zh, "en": en})
    kind, id = of.stored.type, of.stored.id
    if answer:
        if answer not in {c.id for c in of.comments}:
            raise Trouble(2004)
        kind, id = "comment", answer
    return {"subject_kind": kind, "subject_id": id, "text": text, "at": now}
