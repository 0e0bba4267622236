"""A line of the audit log in words: who did what to what, and what else is known of it. Pure: no database, no request, no clock.

Any program of any version may have noted any action with any detail: what is not known is shown as it stands.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from schemas.change import ID
from schemas.records import TYPES
from schemas.reference import codes
from schemas.rules.reconcile.terms import SHANGHAI
from sync_server.console.people.shown import read, role_word
from sync_server.console.said import type_words
from sync_server.console.shell import ROOT
from sync_server.console.words import pick, words
from sync_server.console.words.people import WORDS
from sync_server.console.words.review import WORDS as DECIDED
from sync_server.service.log import Called
from sync_server.store import Noted

# which actions stand together in the list to choose from; one that stands nowhere is "other"
GROUPS: dict[str, tuple[str, ...]] = {
    "signin": (
        "sign_in",
        "sign_out",
        "refused",
        "session_end",
        "password",
        "reset_link",
        "reset_used",
        "key_made",
        "key_revoked",
    ),
    "people": ("grant", "withdraw", "invite", "uninvite", "invite_used", "account", "disable", "enable"),
    "devices": ("code", "enrol", "revoked", "enrolled"),
    "records": (
        "write",
        "project_made",
        "review",
        "review_pass",
        "review_back",
        "comment",
        "accept",
        "decline",
        "resolve",
        "retake",
        "let_go",
    ),
    "plan": ("plan_import", "plan_save", "plan_rules", "plan_tolerances", "plan_review", "plan_approve"),
    "transfer": (
        "transfer_new",
        "transfer_edit",
        "transfer_file",
        "transfer_receipt",
        "transfer_suspend",
        "transfer_resume",
        "transfer_amend",
        "transfer_thing",
    ),
    "inspections": (
        "tablet_signed",
        "tablet_check",
        "tablet_void",
        "tablet_action",
        "tablet_recheck",
        "tablet_task",
        "recheck",
        "party_report",
        "task_import",
        "task_assign",
        "task_edit",
        "task_again",
        "task_withdraw",
        "checklist_copy",
        "checklist_edit",
        "checklist_publish",
        "checklist_retire",
        "checklist_drop",
        "round_edit",
    ),  # fmt: skip
    "out": ("export", "export_made", "export_cancelled", "export_log", "evidence", "document"),
    "care": ("bundle", "backup", "restore", "mend"),
}
# of what stands in a line's detail, what is said in the sentence or is no reader's business
SAID = {
    "grant": {"role"}, "withdraw": {"role"}, "enrol": {"device", "person"}, "revoked": {"device"}, "enrolled": {"device"},
    "key_made": {"name"}, "key_revoked": {"name"}, "write": {"types", "scope"}, "accept": {"type", "scope"},
    "decline": {"type", "scope"}, "retake": {"type", "scope"}, "let_go": {"type", "scope"}, "resolve": {"type", "record"},
    "transfer_thing": {"type"}, "transfer_new": {"code"}, "transfer_edit": {"code"}, "transfer_file": {"code"}, "transfer_receipt": {"code"},
    "checklist_copy": {"code", "of"}, "checklist_edit": {"code"}, "checklist_publish": {"code"}, "checklist_retire": {"code"}, "checklist_drop": {"code"}, "round_edit": {"type"},
    "transfer_suspend": {"code"}, "transfer_resume": {"code"}, "transfer_amend": {"code", "of"},
    "tablet_action": {"record"}, "tablet_recheck": {"record"}, "tablet_void": {"type"}, "party_report": {"record"}, "task_again": {"record"}, "recheck": {"record", "recheck", "state"}, "evidence": {"label"}, "project_made": {"name"}, "export_made": {"file"}, "document": {"file"}, "review_pass": {"n", "records"}, "review_back": {"n", "records"}, "invite": {"hours"}, "reset_link": {"hours"},
}  # fmt: skip
LONGEST = 200  # characters of one detail
HIDDEN = frozenset({"heads", "scope", "job"})  # long, and said better elsewhere
CODED = {"side": "filing_side", "result": "recheck_result", "outcome": "task_outcome"}  # details that are codes
RECORDS = ("person", "by", "record", "amends")  # details that are ids of records


class Line(NamedTuple):
    """`about`: where the link of the sentence leads, or "". `more`: what else is known, one a part."""

    n: int
    day: str
    time: str
    who: str
    action: str
    said: str
    about: str
    owner: str
    owner_name: str
    more: list[str]


def action_word(action: str, lang: str) -> str:
    """As it stands in the list to choose from: the sentence without what it is about."""
    key = f"p_act_{action}"
    if key not in WORDS:
        return action
    text = words(lang)(key)
    for hole in ("：{many}", ": {many}", "：{file}", ": {file}",
                 "：用户名「{about}」", ": user name “{about}”", "「{name}」", ": “{name}”", "：{role}", "：{type} {record}", ": {type} {record}",
                 "：{type}", ": {type}", "：{label}", ": {label}", "，使用人{person}", " for {person}"):  # fmt: skip
        text = text.replace(hole, "")
    for hole in ("{what}", "{role}", "{type}", "{types}", "{device}", "{name}", "{record}"):
        text = text.replace(hole, "…")
    return text.replace("… …", "…").strip()


def groups(actions: Sequence[str], lang: str) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """(name, word, [(action, word)]) of those actions that were ever noted."""
    w, placed = words(lang), {a for of in GROUPS.values() for a in of}
    every = {**GROUPS, "other": tuple(a for a in actions if a not in placed)}
    found = [(g, w(f"p_g_{g}"), [(a, action_word(a, lang)) for a in of if a in actions]) for g, of in every.items()]
    return [g for g in found if g[2]]


def chosen(choice: str, actions: Sequence[str]) -> list[str] | None:
    """What was chosen: one action, or "g:" and a group; None for all."""
    if not choice:
        return None
    if not choice.startswith("g:"):
        return [choice]
    placed = {a for of in GROUPS.values() for a in of}
    return list(GROUPS.get(choice[2:], [a for a in actions if a not in placed]))


def pointed_at(noted: Sequence[Noted]) -> set[str]:
    """Ids of records these lines speak of."""
    out: set[str] = set()
    for x in noted:
        named = [
            x.by,
            x.about,
            x.owner or "",
            *(str(x.detail.get(k, "")) for k in ("person", "record", "owner", "amends")),
        ]
        out |= {i for i in named if ID.match(i)}
    return out


def line(x: Noted, known: Mapping[str, Called], lang: str, project: str | None = None) -> Line:
    """`known`: records by id; `project`: the one whose log it is."""
    at = read(x.at)
    day, time = (
        (f"{at.astimezone(SHANGHAI):%Y-%m-%d}", f"{at.astimezone(SHANGHAI):%H:%M:%S}") if at else (x.at[:40], "")
    )
    owner = x.owner or ""
    if owner in known and known[owner].type == "project":
        owner_name = known[owner].name
    else:
        owner, owner_name = "", ""
    return Line(x.n, day, time, who(x.by, known, lang), x.action, sentence(x, known, lang), link(x, known, project), owner, owner_name,
                more(x, known, lang))  # fmt: skip


def who(by: str, known: Mapping[str, Called], lang: str) -> str:
    w = words(lang)
    if by in known:
        return known[by].name
    if by.startswith("os:"):
        return w("p_by_command", user=by[3:])
    if by in ("", "?"):
        return w("p_by_nobody" if by else "p_by_system")
    return w("p_unknown_person", id=by[:8])


def sentence(x: Noted, known: Mapping[str, Called], lang: str) -> str:
    w, d = words(lang), x.detail
    key = f"p_act_{x.action}"
    if key not in WORDS:
        return f"{x.action} {_name(x.about, known)}".strip()
    what = str(d.get("name")) if x.action == "project_made" and d.get("name") else _name(x.about, known)
    types = d.get("types")
    parts = {
        "what": _apart(what, lang), "about": x.about, "role": role_word(str(d.get("role", "")), lang), "name": str(d.get("name", "")),
        "device": str(d.get("device") or ""), "person": _apart(_name(str(d.get("person", "")), known), lang),
        "type": type_words(str(d.get("type", "")), lang), "record": _name(str(d.get("record", "")), known),
        "label": str(d.get("label") or ""), "file": str(d.get("file") or ""), "many": _many(d.get("records"), d.get("n"), known, lang), "types": _counted(types, lang) if isinstance(types, dict) else "",
    }  # fmt: skip
    return w(key, **{k: v[:LONGEST] for k, v in parts.items()}).strip()


def _apart(text: str, lang: str) -> str:
    """A name of Latin letters inside a Chinese sentence stands apart."""
    return f" {text} " if lang == "zh" and text[:1].isascii() and text else text


def _name(id: str, known: Mapping[str, Called]) -> str:
    if id in known:
        return known[id].name or id[:8]
    return id[:8] if ID.match(id) else id[:60]


def _counted(types: Mapping[str, Any], lang: str) -> str:
    w = words(lang)
    return ("、" if lang == "zh" else ", ").join(
        w("p_type_n", what=type_words(str(t), lang), n=n) if n != 1 else type_words(str(t), lang)
        for t, n in types.items()
    )


def _many(records: Any, n: Any, known: Mapping[str, Called], lang: str) -> str:
    """Of pairs (type, id): a single one by its name, more by their types and how many they are."""
    pairs = [r for r in records if isinstance(r, list) and len(r) >= 2] if isinstance(records, list) else []
    if len(pairs) == 1 and n in (1, None):
        return f"{type_words(str(pairs[0][0]), lang)} {_name(str(pairs[0][1]), known)}"
    if not pairs or n != len(pairs):  # more than stand in the line
        return words(lang)("p_records_n", n=n if n is not None else len(pairs))
    return _counted(Counter(str(p[0]) for p in pairs), lang)


def link(x: Noted, known: Mapping[str, Called], project: str | None) -> str:
    """To the record, the person, the project or the list the line is about."""
    record = str(x.detail.get("record") or x.about)
    if x.action == "write" and x.detail.get("types") and len(x.detail.get("ids") or []) != 1:
        return f"{ROOT}/projects/{x.owner}/records/{next(iter(x.detail['types']))}" if x.owner else ""
    at = known.get(record)
    if at is None:
        return ""
    if at.type == "project":
        return f"{ROOT}/projects/{record}"
    if at.type == "person" and (project or not x.owner):
        return f"{ROOT}/projects/{project}/members/{record}" if project else f"{ROOT}/people/{record}"
    owner = project or x.owner
    return f"{ROOT}/projects/{owner}/records/{at.type}/{record}" if owner and at.type in TYPES else ""


def more(x: Noted, known: Mapping[str, Called], lang: str) -> list[str]:
    """What else is known, one a part; what nobody here has a word for as it stands."""
    said = SAID.get(x.action, set())
    return [
        part for k, v in x.detail.items() if k not in said | HIDDEN and v not in (None, "", [], {}) and (part := _part(k, v, known, lang))
    ]  # fmt: skip


def _part(k: str, v: Any, known: Mapping[str, Called], lang: str) -> str:
    w = words(lang)
    label = w(f"p_k_{k}") if f"p_k_{k}" in WORDS else k
    if k == "ids" and isinstance(v, list):
        if len(v) < 2:
            return ""  # it is what the line is about
        v = ", ".join(_name(str(i), known) for i in v)
    elif k in RECORDS and isinstance(v, str):
        v = _name(v, known)
    elif k in CODED and v in codes(CODED[k]):
        v = pick(codes(CODED[k])[v], lang)
    elif isinstance(v, bool):
        v = w("p_yes" if v else "p_no")
    elif k in ("way", "why") and f"p_v_{v}" in WORDS:
        v = w(f"p_v_{v}")
    elif k == "choice" and f"cf_choice_{v}" in DECIDED:
        v = w(f"cf_choice_{v}")
    elif k == "format":
        v = str(v).upper() if v != "gpkg" else "GeoPackage"
    elif k == "type":
        v = type_words(str(v), lang)
    elif k == "types" and isinstance(v, list):
        v = ("、" if lang == "zh" else ", ").join(type_words(str(t), lang) for t in v)
    text = v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)
    return f"{label} {text[:LONGEST]}{'…' if len(text) > LONGEST else ''}"


def row(x: Noted, known: Mapping[str, Called], lang: str) -> list[str]:
    """A line as a spreadsheet gets it."""
    n = line(x, known, lang)
    return [str(x.n), f"{n.day} {n.time}".strip(), n.who, x.by, n.said, x.action, x.about, n.owner_name, x.owner or "",
            json.dumps(x.detail, ensure_ascii=False) if x.detail else ""]  # fmt: skip


def bounds(since: str, until: str) -> tuple[str, str]:
    """Days as typed (Shanghai; the last one counts too) → moments as the log keeps them; "" for what is no day."""
    return _start(since, 0), _start(until, 1)


def _start(day: str, later: int) -> str:
    try:
        at = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=SHANGHAI) + timedelta(days=later)
        return at.astimezone(UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError):
        return ""
