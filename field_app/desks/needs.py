"""What a person should know after a sync, read out of the store: what was returned and why, conflicts, what waits, receipts.

Runs in a worker thread and hands over plain tuples. Texts are pairs, Chinese and English.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from field_app import words
from field_app.store import Media, Owed, Seen, Signed, Store
from schemas.change import Change
from schemas.fields import fields_of
from schemas.problems import PROBLEMS
from schemas.records import TYPES
from schemas.records.review_decision import ReviewDecision
from schemas.reference import codes
from schemas.rules import evidence
from schemas.rules.review import state_of
from schemas.rules.rights import may_decide
from schemas.shown import plain_title
from schemas.wire import Receipt

Pair = tuple[str, str]
Values = Mapping[str, Any]
SHOWN = 50  # of each kind; how many more there are is said
LOOKED = 500  # conflicts and sent-back records looked at, the last ones first
RECEIPTS = 5
NONE: Pair = ("", "")
PHOTO = "photo "


class Todo(NamedTuple):
    """kind: rejected (refused by the rules, or sent back by a reviewer), conflict, photo (whose file does not get to the
    server), parked. opens: the page a tap leads to; id: what it is about there. again: worth a try, if the person says so."""

    kind: str
    what: Pair
    why: Pair
    remedy: Pair
    opens: str = ""
    id: str = ""
    type: str = ""
    record: str = ""
    again: bool = False


class Refused(NamedTuple):
    """A refused change, or what recorded a photo that is not taken, opened. names: (type, id) → what its values refer to.
    picture: a small JPEG of that photo, where it can be drawn."""

    made: Change
    todo: Todo
    names: Mapping[tuple[str, str], str]
    picture: bytes | None = None


class Proof(NamedTuple):
    """A receipt, opened. good: signed by the server this tablet is enrolled with."""

    id: str
    short: str
    scope: str  # its name
    at: str
    said: Receipt
    good: bool


class Picture(NamedTuple):
    todos: tuple[Todo, ...] = ()
    more: int = 0  # todos beyond those shown
    urgent: int = 0  # how many need the person: all but what is parked
    receipts: tuple[Proof, ...] = ()
    locked: tuple[str, ...] = ()  # names of people whose records wait for their PIN
    last: dict[str, Any] | None = None  # the last sync
    scopes: Mapping[str, str] = {}  # id → name
    media: Media = Media()
    photo_bytes: int = 0  # of the photos that wait


def pair(key: str, **given: object) -> Pair:
    """A sentence in both languages; a given pair goes in language by language."""
    zh, en = ({k: v[n] if isinstance(v, tuple) else v for k, v in given.items()} for n in (0, 1))
    return words.say("zh", key, **zh), words.say("en", key, **en)


def read(store: Store, seen_ids: frozenset[str], now: datetime) -> Picture:
    """Everything the sync page lists. `seen_ids`: refused changes the person has taken note of."""
    if store.identity is None:
        return Picture()
    refused = [_refused(store, t) for t in store.told("rejected", SHOWN, seen_ids)]
    back = sent_back(store, now)
    clashes = [*conflicts(store), *_coming(store)]
    waits = [_waiting(store, *w) for w in store.waiting(SHOWN)]
    photos = troubled(store, seen_ids)
    urgent = store.count_told("rejected", seen_ids) + len(back) + len(clashes) + len(photos)
    shown = [*refused, *back[:SHOWN], *clashes[:SHOWN], *photos[:SHOWN], *waits]
    more = urgent - len(refused) - sum(min(len(x), SHOWN) for x in (back, clashes, photos))
    found = (proof(store, s) for s in store.receipts(RECEIPTS))
    last = json.loads(store.meta("ui.last_sync") or "null")
    return Picture(tuple(shown), more, urgent, tuple(p for p in found if p), locked(store), last,
                   {g.scope: g.name for g in store.scopes()}, store.media(), store.photo_bytes())  # fmt: skip


def locked(store: Store) -> tuple[str, ...]:
    """Whose pending changes and photos wait until he or she has unlocked."""
    shut = [i for i in store.keys.identities.values() if i.locked]
    return tuple(i.person_name for i in shut if store.pending_scopes(i) or store.owed(i.person))


# --- names -----------------------------------------------------------------------------------------------------------


def title(store: Store, type: str, record: str, values: Values | None = None) -> Pair:
    """What people call a record: its kind and code, behind the point it belongs to."""
    if type not in TYPES:
        return type, type
    about = TYPES[type].about
    if values is None:
        seen = store.get(type, record)
        values = seen.values if seen else {}
    own = plain_title(type, values) or ("" if values else record[-6:])
    point = store.get("point", str(values["point_id"])) if values.get("point_id") else None
    above = f"{point.values.get('code', '')} · " if point is not None else ""
    return f"{above}{about.zh} {own}".strip(), f"{above}{about.en} {own}".strip()


def labels(type: str, names: list[str]) -> Pair:
    """Fields by their labels: the first three."""
    known = fields_of(TYPES[type]) if type in TYPES else {}
    spec = [known[n].spec for n in names if n in known]
    if not spec:
        return ", ".join(names[:3]), ", ".join(names[:3])
    return "、".join(s.zh for s in spec[:3]), ", ".join(s.en for s in spec[:3])


def names_of(store: Store, type: str, *given: Values) -> dict[tuple[str, str], str]:
    """What the values of a type refer to: (type, id) → name."""
    out: dict[tuple[str, str], str] = {}
    for name, f in fields_of(TYPES[type]).items() if type in TYPES else ():
        for values in given if f.spec.ref else ():
            ref = str(values.get("subject_kind", "")) if f.spec.ref == "*" else f.spec.ref
            ids = values.get(name)
            for id in ids if isinstance(ids, list) else [ids] if ids else []:
                seen = store.get(ref, str(id)) if ref in TYPES else None
                out[ref, str(id)] = plain_title(ref, seen.values) if seen else str(id)[-6:]
    return out


def person_name(store: Store, id: str) -> str:
    seen = store.get("person", id) if id else None
    return str(seen.values.get("name", "")) if seen else ""


def _words(detail: Values) -> tuple[Pair, Pair]:
    """Why, and what to do about it."""
    p = PROBLEMS.get(detail.get("problem") or 0)
    why = (detail.get("zh") or (p.zh if p else ""), detail.get("en") or (p.en if p else ""))
    return why, (p.remedy_zh, p.remedy_en) if p else NONE


# --- what was returned -----------------------------------------------------------------------------------------------


def _refused(store: Store, told: Any) -> Todo:
    made = store.changes_of([told.id]).get(told.id)
    why, remedy = _words(told.detail)
    what = title(store, told.type, told.record, whole(store, made) if made else None)
    return Todo("rejected", what, why, remedy, "refused", told.id, told.type, told.record)


def refused(store: Store, id: str) -> Refused | None:
    """One of the person's own refused changes; or a photo that does not get to the server (`photo_id`)."""
    if id.startswith(PHOTO):
        return _photo_refused(store, id)
    made = store.changes_of([id]).get(id)
    told = store.told_of(id)
    if made is None or told is None:
        return None
    return Refused(made, _refused(store, told), names_of(store, made.type, made.after))


# --- photos that do not get to the server ----------------------------------------------------------------------------


def photo_id(one: Owed) -> str:
    """As it is named in a page's arguments and among what was noted. The same photo with another trouble is another thing."""
    return f"{PHOTO}{one.scope}/{one.sha256}/{one.state}"


def troubled(store: Store, seen_ids: frozenset[str]) -> list[Todo]:
    owed = [one for one in store.troubled(store.keys.require().person) if photo_id(one) not in seen_ids]
    return [_photo(store, one) for one in owed]


def _photo(store: Store, one: Owed) -> Todo:
    p = PROBLEMS.get(one.problem or 0)
    if one.state in ("damaged", "missing"):
        why, remedy = pair(f"photo.file.{one.state}"), pair(f"photo.file.{one.state}.remedy")
    else:
        why = (one.said.get("zh", ""), one.said.get("en", ""))
        remedy = (p.remedy_zh, p.remedy_en) if p else NONE
    return Todo("photo", _photo_title(store, one), why, remedy, "refused", photo_id(one), "photo", one.record,
                one.state == "refused")  # fmt: skip


def _photo_title(store: Store, one: Owed) -> Pair:
    """What it shows, and of what."""
    seen = store.get("photo", one.record, deleted=True)
    if seen is None:
        return title(store, "photo", one.record)
    kind, id = str(seen.values.get("subject_kind", "")), str(seen.values.get("subject_id", ""))
    above, step = title(store, kind, id), codes("photo_step").get(str(seen.values.get("step", "")))
    name: Pair = (step.zh, step.en) if step else ("", "")
    return f"{above[0]} · {name[0]}".strip(" ·"), f"{above[1]} · {name[1]}".strip(" ·")


def _photo_refused(store: Store, id: str) -> Refused | None:
    scope, sha, _ = id.removeprefix(PHOTO).split("/")
    one = store.photo_owed(store.keys.require().person, scope, sha)
    change_id = store.photo_change(one) if one else ""
    made = store.changes_of([change_id]).get(change_id)
    if one is None or made is None or photo_id(one) != id:
        return None
    return Refused(made, _photo(store, one), names_of(store, made.type, made.after))


def whole(store: Store, made: Change) -> Values:
    """The record as this change would have left it."""
    seen = None if made.creates else store.get(made.type, made.record)
    return {**(seen.values if seen else {}), **made.after}


def sent_back(store: Store, now: datetime) -> list[Todo]:
    """Records a reviewer sent back that nobody has done again since, and that are this person's or nobody's."""
    wanted = store.sent_back(LOOKED)
    said: dict[str, list[ReviewDecision]] = {}
    for seen in store.related("review_decision", "subject_id", wanted):
        decision = ReviewDecision.of(seen.id, seen.values, seen.seq)
        said.setdefault(decision.subject_id, []).append(decision)
    photos: dict[str, list[Seen]] = {}
    for seen in store.related("photo", "subject_id", wanted):
        if not seen.values.get("deleted"):
            photos.setdefault(seen.values["subject_id"], []).append(seen)
    mine, out = store.made_here(wanted), []
    for id in wanted:
        found = _sent_back(store, id, said.get(id, []), photos.get(id, []))
        if found is None or id not in mine and not _theirs(store, found[0]):
            continue
        subject, last = found
        when = words.clock("zh", last.at, now), words.clock("en", last.at, now)
        why = pair("todo.back", who=person_name(store, last.person_id), at=when, why=last.reason or "–")
        what = title(store, subject.type, subject.id, subject.values)
        out.append(Todo("rejected", what, why, pair("todo.back.remedy"), "record", last.id, subject.type, subject.id))
    return out


def _sent_back(
    store: Store, id: str, said: list[ReviewDecision], photos: list[Seen]
) -> tuple[Seen, ReviewDecision] | None:
    """The record and what was said of it, as long as it is to be done again."""
    kind = said[0].subject_kind if said else ""
    subject = store.get(kind, id) if kind in TYPES else None
    if subject is None or subject.seq == 0:
        return None  # changed here and not yet back from the server: the reviewer's turn
    if any(p.seq == 0 and p.state != "parked" for p in photos):
        return None  # a photo of it is on its way
    now = state_of(subject.seq, said, answered=max((p.seq for p in photos), default=0))
    return (subject, now.last) if now.state == "returned" and now.last is not None else None


def _theirs(store: Store, subject: Seen) -> bool:
    """Is it of whose turn it is, by the people it or its point names? What names nobody concerns everybody."""
    me = store.keys.require().person
    named = _people(subject)
    if not named and subject.values.get("point_id"):
        point = store.get("point", str(subject.values["point_id"]))
        named = _people(point) if point else set()
    return not named or me in named


def _people(seen: Seen) -> set[str]:
    out: set[str] = set()
    for name, f in fields_of(TYPES[seen.type]).items():
        if f.spec.ref == "person" and (value := seen.values.get(name)):
            out |= set(value) if isinstance(value, list) else {str(value)}
    return out


# --- conflicts -------------------------------------------------------------------------------------------------------


def conflicts(store: Store) -> list[Todo]:
    """Open ones this person may decide, or that met a change of his or her own."""
    found = [s for id in store.open_conflicts(LOOKED) if (s := store.get("conflict", id)) is not None]
    own = store.changes_of([s.values["change_id"] for s in found])
    out = []
    for s in found:
        decides = decider(store, s.scope)
        if not decides and s.values["change_id"] not in own:
            continue
        kind, names = s.values["subject_kind"], list(json.loads(s.values["after"]))
        zh, en = title(store, kind, s.values["subject_id"])
        field = labels(kind, names)
        why = pair("todo.clash" if decides else "todo.clash.mine")
        out.append(Todo("conflict", (f"{zh} · {field[0]}", f"{en} · {field[1]}"), why, NONE, "conflict", s.id,
                        kind, s.values["subject_id"]))  # fmt: skip
    return out


def _coming(store: Store) -> list[Todo]:
    """Own changes that met another one, whose conflict record has not come yet."""
    out = []
    for t in store.told("conflict", SHOWN):
        ids = t.detail.get("conflicts") or []
        if ids and not any(store.get("conflict", i) for i in ids):
            out.append(Todo("conflict", title(store, t.type, t.record), pair("todo.clash.coming"), NONE))
    return out


def decider(store: Store, scope: str) -> bool:
    return any(may_decide(g.roles, g.audience) for g in store.scopes() if g.scope == scope)


# --- what waits ------------------------------------------------------------------------------------------------------


def _waiting(store: Store, type: str, record: str, n: int, detail: dict[str, Any]) -> Todo:
    why, remedy = _words(detail)
    about = TYPES[type].about if type in TYPES else None
    name: Pair = (about.zh, about.en) if about else (type, type)
    what = pair("todo.parked", what=name, n=n) if n > 1 else title(store, type, record)
    return Todo("parked", what, why, remedy if remedy[0] else pair("todo.waits"))


# --- receipts --------------------------------------------------------------------------------------------------------


def short(receipt: Receipt) -> str:
    """R-20261121-3f9c: the server's day and the end of its number."""
    return f"R-{receipt.at[:10].replace('-', '')}-{receipt.receipt[-4:]}"


def proof(store: Store, signed: Signed | None) -> Proof | None:
    """Checked here and now, with the key kept at enrolment."""
    if signed is None:
        return None
    try:
        said = Receipt.model_validate_json(signed.text)
    except ValueError:
        return None
    keys = {i.server_key for i in store.keys.identities.values()}
    good = said.server_key in keys and evidence.verify(said.server_key, signed.text.encode(), signed.signature)
    name = next((g.name for g in store.scopes() if g.scope == said.scope), said.scope.rpartition(".")[2])
    return Proof(signed.id, short(said), name, signed.at, said, good)
