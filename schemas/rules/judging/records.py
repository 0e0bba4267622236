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
MOST_STATES = 32  # that one record may be in
# values, and which change (chain, position) gave them their sha256
State = tuple[dict[str, Any], tuple[int, int] | None]


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
    """Of a change that clashed in part, the rest went in or waited too, as the type's rules were then. They may be others by now:
    either is right, today's answer is tried first."""
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
    states: list[State] = [({}, None)]
    for seq, place in changes:
        stands = court.stands(place)
        c = change.decode(stands.data)
        file, pos = court.package.chains[stands.chain].file, stands.shown.pos
        if seq == changes[0][0] and not c.creates:
            court.say("record.begins", file, pos, c.id)
        if c.type != type:
            continue  # said where the changes were read
        done = [(state, merge(cls, state[0], c.before, c.after)) for state in states]
        here, made = (stands.chain, pos), list[State]()
        if stands.shown.outcome == "conflict":
            for state, merged in done:
                ways = [_moved(state, merged.values, here)] if merged.clashes else []
                whole_waits = not merged.clashes or bool(check(cls, merged.values))
                made += [state, *ways] if whole_waits else [*ways, state]
        else:
            if all(merged.clashes for _, merged in done):
                clashes = done[0][1].clashes
                court.say("record.order", file, pos, c.id, what=", ".join(clash.atom for clash in clashes))
            fit = [d for d in done if not d[1].clashes] or done
            made = [_moved(state, merged.values, here) for state, merged in fit]
        states = [s for n, s in enumerate(made) if all(s[0] != t[0] for t in made[:n])][:MOST_STATES]
    found = next((s for s in states if s[0] == row["values"]), None)
    if found is None or changes[-1][0] != row["seq"]:
        now = states[0][0] if found is None else found[0]
        odd = sorted(k for k in {*now, *row["values"]} if now.get(k) != row["values"].get(k))
        court.say("record.differs", RECORDS, no, id, type=type, what=", ".join(odd) or "seq")
    elif type == PHOTO and found[1] is not None:
        court.photo_made.setdefault(str(found[0].get("sha256")), []).append((id, *found[1]))


def _moved(state: State, values: dict[str, Any], here: tuple[int, int]) -> State:
    return values, here if values.get("sha256") != state[0].get("sha256") else state[1]


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
