"""The records of the package against what their changes make: the same merge, in the order of seq, as the server did it."""

from __future__ import annotations

from typing import Any

from schemas import change
from schemas.canonical import NotCanonical
from schemas.merge import merge
from schemas.records import TYPES, check
from schemas.rules import evidence
from schemas.rules.judging.court import Court, Line
from schemas.rules.judging.reading import both
from schemas.rules.package import RECORDS

PHOTO = "photo"


def judge_records(court: Court) -> None:
    seen: set[str] = set()
    for line in court.lines(RECORDS):
        row = _row(court, line)
        if row is None:
            continue
        court.counts["records"] += 1
        if row["id"] in seen:
            court.say("record.twice", RECORDS, line.no, row["id"])
            continue
        seen.add(row["id"])
        _look_up(court, line.no, row)
        _replay(court, line.no, row)
    for record in court.changes.left():
        if court.record_of[record][0] in TYPES:
            court.say("record.gone", RECORDS, None, record)
        else:
            court.say("told.type", RECORDS, None, record, type=court.record_of[record][0])


def _row(court: Court, line: Line) -> dict[str, Any] | None:
    """A row in the one way it is written: {"id","seq","type","values"}, values canonical without nulls."""
    value = court.json(line.data, RECORDS, line.no)
    if value is None:
        return None
    try:
        id, seq, type, values = value["id"], value["seq"], value["type"], value["values"]
        if not change.ID.match(id) or not isinstance(type, str) or not isinstance(values, dict):
            raise NotCanonical("id、type 或 values 不对 ‖ id, type or values are not right")
        if evidence.row_line(type, id, seq, values) != line.data or None in values.values():
            raise NotCanonical("不是规范写法 ‖ it is not canonical")
    except (KeyError, TypeError) as err:
        court.say("record.form", RECORDS, line.no, what=str(err))
    except NotCanonical as err:
        court.say("record.form", RECORDS, line.no, what=both(err))
    else:
        return value
    return None


def _replay(court: Court, no: int, row: dict[str, Any]) -> None:
    id, type = row["id"], row["type"]
    changes = court.changes.pop(id)
    if changes is None:
        court.say("record.unmade", RECORDS, no, id, type=type)
        return
    if court.record_of[id][0] != type:
        court.say("record.differs", RECORDS, no, id, type=type, what="type")
        return
    cls = TYPES.get(type)
    if cls is None:
        court.say("told.type", RECORDS, no, id, type=type)
        return
    now: dict[str, Any] = {}
    named: tuple[str, int, int] | None = None
    for seq, place in changes:
        stands = court.stands(place)
        c = change.decode(stands.data)
        file, pos = court.package.chains[stands.chain].file, stands.shown.pos
        if seq == changes[0][0] and not c.creates:
            court.say("record.begins", file, pos, c.id)
        if c.type != type:
            continue  # said where the changes were read, and below
        merged = merge(cls, now, c.before, c.after)
        values = merged.values
        if stands.shown.outcome == "conflict":
            if not merged.clashes or check(cls, values):
                values = now  # the whole change waits for a person
        elif merged.clashes:
            court.say("record.order", file, pos, c.id, what=", ".join(clash.atom for clash in merged.clashes))
        if type == PHOTO and values.get("sha256") != now.get("sha256"):
            named = (str(values.get("sha256")), stands.chain, pos)
        now = values
    if (changes[-1][0], now) != (row["seq"], row["values"]):
        odd = sorted(k for k in {*now, *row["values"]} if now.get(k) != row["values"].get(k))
        court.say("record.differs", RECORDS, no, id, type=type, what=", ".join(odd) or "seq")
    elif named is not None:
        court.photo_made.setdefault(named[0], []).append((id, named[1], named[2]))


def _look_up(court: Court, no: int, row: dict[str, Any]) -> None:
    """What other files say of the same things."""
    values: dict[str, Any] = row["values"]
    if row["type"] == PHOTO and isinstance(values.get("sha256"), str):
        court.photo_rows.setdefault(values["sha256"], []).append(row["id"])
    if row["type"] == "enrolment" and (key := court.keys.get(row["id"])) is not None:
        said = {"public_key": key.public_key, "person_id": key.person, "device_id": key.device}
        wrong = [k for k, v in said.items() if values.get(k, v) != v]
        if wrong:
            court.say("key.record", RECORDS, no, row["id"], what=", ".join(wrong))
