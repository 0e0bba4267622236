"""What must be true of a tablet: at the end, and (`view`) at any moment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schemas.records import TYPES
from schemas.rows import codec
from schemas.rules import evidence
from tests.sim import reference
from tests.sim.promise import same, want
from tests.sim.reference import Entry, Folded

if TYPE_CHECKING:
    from tests.sim.tablet import Tablet
    from tests.sim.world import World


def quiet(w: World, t: Tablet) -> None:
    want(t.store.counts()["pending"] == 0, f"tablet {t.number} has pending changes at the end")
    want(t.start_overs == 0, f"tablet {t.number} had to start over {t.start_overs} times: its digest went wrong")
    parked = {id for id, *_ in t.store.outcomes("parked")}
    scopes = {s.scope for s in t.store.scopes()}
    ahead = {id for id, scope in t.db.execute("SELECT id, scope FROM ahead").fetchall() if scope in scopes}
    want(ahead <= parked, f"tablet {t.number} still holds {ahead - parked} on top of the server's rows")
    roles = w.roles.get(t.person, set())
    for audience in ("field", "enforcement", "transfer"):
        granted = f"{w.project}.{audience}" in scopes
        want(granted == reference.may_read(roles, audience), f"tablet {t.number} of {roles}: {audience} is {granted}")
    if not reference.may_read(w.ever.get(t.person, set()), "enforcement"):
        for type in TYPES:
            ((n,),) = t.db.execute(f'SELECT count(*) FROM "{type}" WHERE scope LIKE ?', ("%.enforcement",)).fetchall()
            want(n == 0, f"tablet {t.number} of {roles} received {n} enforcement records ({type})")


def base_rows(t: Tablet, scope: str) -> dict[str, tuple[str, int, dict[str, Any]]]:
    out = {}
    for type in TYPES:
        c = codec(type)
        columns = ",".join(f'"{x}"' for x in c.columns)
        for row in t.db.execute(f'SELECT {columns} FROM "{type}" WHERE scope=?', (scope,)).fetchall():
            out[row[0]] = (type, row[2], c.from_row(row))
    return out


def equal(w: World, t: Tablet, folded: dict[str, Folded]) -> None:
    """Base rows, tombstones included, are the server's; the digest kept up, recounted and the server's are one."""
    granted = {s.scope for s in t.store.scopes()}
    for scope, one in folded.items():
        have = base_rows(t, scope)
        same(f"tablet {t.number}'s base of {scope}", one.records if scope in granted else {}, have)
        if scope in granted:
            digests = {t.store.digest(scope), t.store.recount_digest(scope), reference.digest(one.records)}
            want(len(digests) == 1, f"tablet {t.number}'s digests of {scope} differ: {digests}")


def receipts(w: World, t: Tablet, journal: list[Entry]) -> None:
    """Each acknowledged change is covered by a receipt that the server signed, and which says what truly became of it."""
    identity = t.store.keys.require()
    by_place = {(e.scope, e.pos): e for e in journal if e.enrolment == identity.enrolment}
    covered: dict[str, str] = {}
    for text, signature in t.db.execute("SELECT text, signature FROM receipt ORDER BY at, id").fetchall():
        want(
            evidence.verify(identity.server_key, text.encode(), signature),
            f"tablet {t.number} holds a receipt nobody signed",
        )
        r = json.loads(text)
        want(by_place[r["scope"], r["last"]].link.hex() == r["head"], "a receipt is for another chain")
        for start, count, outcome, seq in r["runs"]:
            for n in range(count):
                e = by_place[r["scope"], start + n]
                covered[e.id] = outcome
                true = outcome in (e.outcome, "parked") and (seq is None or seq + n == e.seq)
                want(
                    true,
                    lambda e=e, o=outcome, s=seq: f"a receipt says {o} {s} of {e.id}, which is {e.outcome} {e.seq}",
                )
    known = {id: outcome for id, outcome in t.db.execute("SELECT id, outcome FROM outcome").fetchall()}
    mine = {e.id for e in by_place.values()}
    want(
        known.keys() == mine == covered.keys(),
        f"tablet {t.number}: receipts cover {len(covered)} of {len(mine)} changes",
    )
    readable = {s.scope for s in t.store.scopes()}
    for e in by_place.values():
        if e.scope in readable:
            want(
                known[e.id] == e.outcome,
                lambda e=e: f"the tablet believes {e.id} {known[e.id]}, the server says {e.outcome}",
            )


def view(w: World, t: Tablet) -> None:
    """At any moment: what somebody wrote here and the base does not hold yet is what this tablet shows."""
    outcome = {id: (o, seq) for id, o, seq in t.db.execute("SELECT id, outcome, seq FROM outcome").fetchall()}
    granted = {s.scope for s in t.store.scopes()}
    last: dict[tuple[str, str, str], tuple[str, Any]] = {}
    for i in w.intents:
        if i.tablet == t.number and outcome.get(i.change.id, ("", None))[0] != "rejected":
            for name, value in i.change.after.items():
                last[i.change.type, i.change.record, name] = (i.change.id, value)
    shown: dict[str, Any] = {}
    waiting = {id for (id,) in t.db.execute("SELECT j.id FROM pending p JOIN journal j USING (enrolment,scope,pos)")}
    unsent = {i.change.id for i in w.intents if i.tablet == t.number} - outcome.keys()
    want(unsent <= waiting, lambda: f"tablet {t.number} has no answer for {unsent - waiting} and will not send them")
    scope_of = {i.change.id: i.change.scope for i in w.intents}
    made_here = {
        i.change.record
        for i in w.intents
        if i.tablet == t.number and i.change.creates and outcome.get(i.change.id, ("parked", None))[0] == "parked"
    }
    for (type, record, name), (id, value) in last.items():
        seq = outcome.get(id, ("", None))[1]
        if seq is not None and (scope_of[id] not in granted or (t.person in w.left and t.busy)):
            continue  # it is on the server, and may no longer be seen here, or is just being fetched again
        base = t.db.execute(f'SELECT seq, scope FROM "{type}" WHERE id=?', (record,)).fetchone()
        if seq is not None and base is not None and base[0] >= seq:
            continue  # the server's version holds it, or something newer
        if base is None and record not in made_here and t.person in w.left:
            continue  # the record may no longer be seen here: half of it is never shown
        if record not in shown:
            shown[record] = next(iter(t.store.all(type, deleted=True, id=record)), None)
        s = shown[record]
        want(s is not None, lambda t=t, r=record, ty=type: f"tablet {t.number} no longer shows its own {ty} {r}")
        want(
            s.values.get(name) == value,
            lambda s=s, n=name, v=value: (
                f"tablet {t.number} shows {n}={s.values.get(n)!r} of {s.type} {s.id}, written was {v!r}"
            ),
        )
