"""What must be true when all is quiet, judged by what people meant (`World.intents`), not by convergence alone."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from schemas.records import TYPES
from schemas.records import check as faults_in
from schemas.rows import codec
from schemas.rules import evidence
from tests.sim import reference
from tests.sim.reference import Entry, Folded

if TYPE_CHECKING:
    from tests.sim.world import Tablet, World

CONSOLE = "console"


def want(true: Any, text: str | Callable[[], str]) -> None:
    if not true:
        from tests.sim.world import Broken

        raise Broken(text if isinstance(text, str) else text())


def check(w: World) -> dict[str, int]:
    """All promises. Returns how much there was of what."""
    journal = w.journal()
    folded = {
        scope: reference.fold(e for e in journal if e.scope == scope) for (scope,) in w.sql("SELECT id FROM scope")
    }
    arrived(w, journal)
    seqs(w, journal)
    chains(w, journal)
    rows = server_rows(w, folded)
    nobody_invented(w, rows)
    nothing_swallowed(w, journal, folded)
    conflicts(w, journal, folded)
    waiting(w, journal, rows)
    refused(w, journal)
    rights(w, journal)
    photos(w)
    for tablet in w.tablets:
        quiet(w, tablet)
        equal(w, tablet, folded)
        receipts(w, tablet, journal)
        view(w, tablet)
    return dict(Counter(e.outcome for e in journal if e.enrolment != CONSOLE)) | {"worlds": 1, "rows": len(rows)}


def photos(w: World) -> None:
    """Every picture a tablet took is on the server, whole; and both sides say so: n of m."""
    owed: set[str] = set()
    for tablet in w.tablets:
        media = tablet.store.media()
        want(media.there == media.total, f"tablet {tablet.number} still owes photos: {media}")
        owed |= tablet.store.photos_there()
    files = w.parts.files
    for sha in owed:
        want(files.has(sha), f"photo {sha[:8]} is not on the server")
        with files.open(sha) as file:
            want(hashlib.sha256(file.read()).hexdigest() == sha, f"photo {sha[:8]} is not whole")
    with w.service.store.reading() as tx:
        named, here = tx.media_of(w.field)
    accepted = {sha for (sha,) in w.sql("SELECT sha256 FROM photo WHERE scope=?", w.field)}
    want(
        named == here == len(accepted) and accepted <= owed,
        f"the server says {here} of {named}, tablets took {len(owed)}",
    )


# --- the journal -----------------------------------------------------------------------------------------------------


def arrived(w: World, journal: list[Entry]) -> None:
    """Everything finalized is in the server's journal, once, with exactly its bytes, at its place; and nothing else."""
    by_id = {e.id: e for e in journal}
    want(len(by_id) == len(journal), "a change stands twice in the journal")
    for i in w.intents:
        c, e = i.change, by_id.get(i.change.id)
        want(e is not None, lambda c=c, i=i: f"lost: {c.type} {c.id} of tablet {i.tablet}")
        assert e is not None
        want(e.line == c.line, lambda c=c: f"the bytes of {c.id} are not what was signed")
        want((e.enrolment, e.scope) == (i.enrolment, c.scope), lambda c=c: f"{c.id} came by another way")
        want(e.proof == "proven", lambda c=c, e=e: f"{c.id} is {e.proof}")
    meant = {i.change.id for i in w.intents}
    strange = [e.id for e in journal if e.enrolment != CONSOLE and e.id not in meant]
    want(not strange, f"nobody made these: {strange}")
    for t in w.tablets:
        mine = {(s, p): c for s, p, c in t.store.changes()}
        theirs = {(e.scope, e.pos): e for e in journal if e.enrolment == t.store.keys.require().enrolment}
        want(mine.keys() == theirs.keys(), lambda t=t: f"tablet {t.number} and server do not hold the same positions")
        want(all(mine[k].line == theirs[k].line for k in mine), lambda t=t: f"tablet {t.number}'s lines differ")


def seqs(w: World, journal: list[Entry]) -> None:
    """Accepted changes, and only they, have a seq: 1, 2, 3 … per scope; own changes to a record in the order made."""
    for scope, top in w.sql("SELECT id, seq FROM scope"):
        given = sorted(e.seq for e in journal if e.scope == scope and e.seq is not None)
        want(given == list(range(1, top + 1)), lambda s=scope, g=given: f"seqs of {s} are not 1…n: {g}")
    for e in journal:
        want(
            (e.seq is not None) == (e.outcome in ("applied", "conflict")),
            lambda e=e: f"{e.id}: {e.outcome} with seq {e.seq}",
        )
    last: dict[tuple[str, str], int] = {}
    for e in sorted(journal, key=lambda e: (e.enrolment, e.scope, e.pos)):
        if e.seq is not None:
            key = (e.enrolment, e.record)
            want(
                last.get(key, 0) < e.seq,
                lambda e=e: f"{e.enrolment}'s changes to {e.type} {e.record} were taken out of order",
            )
            last[key] = e.seq


def chains(w: World, journal: list[Entry]) -> None:
    """Link by link, recomputed from the lines and each tablet's own salt."""
    salts = {t.store.keys.require().enrolment: t.store.keys.require().salt_key for t in w.tablets} | {CONSOLE: b""}
    heads = {(e, s): (p, h) for e, s, p, h in w.sql("SELECT enrolment, scope, pos, head FROM chain")}
    groups: dict[tuple[str, str], list[Entry]] = {}
    for e in sorted(journal, key=lambda e: e.pos):
        groups.setdefault((e.enrolment, e.scope), []).append(e)
    want(heads.keys() == groups.keys(), "there is a chain without changes, or the other way round")
    for (enrolment, scope), entries in groups.items():
        link = hashlib.sha256(f"jingtu-chain-1\n{scope}\n{enrolment}".encode()).digest()
        for n, e in enumerate(entries, start=1):
            salt = hmac.new(salts[enrolment], e.id.encode(), "sha256").digest()[:16]
            link = hashlib.sha256(link + hashlib.sha256(salt + e.line).digest()).digest()
            want((e.pos, e.link) == (n, link), lambda e=e, n=n: f"the chain of {e.enrolment} breaks at {n}")
        want(
            heads[enrolment, scope] == (len(entries), link), lambda e=enrolment: f"the head of {e} is not its last link"
        )


# --- the records -----------------------------------------------------------------------------------------------------


def server_rows(w: World, folded: dict[str, Folded]) -> dict[str, tuple[str, dict[str, Any]]]:
    """The server's rows are what the reference makes of its journal; so is the digest."""
    out: dict[str, tuple[str, dict[str, Any]]] = {}
    have: dict[str, dict[str, tuple[str, int, dict[str, Any]]]] = {scope: {} for scope in folded}
    for type in TYPES:
        c = codec(type)
        columns = ",".join(f'"{x}"' for x in c.columns)
        for row in w.sql(f'SELECT {columns} FROM "{type}"'):
            values = c.from_row(row)
            have[row[1]][row[0]] = (type, row[2], values)
            out[row[0]] = (type, values)
    for scope, one in folded.items():
        same(f"the server's rows of {scope}", one.records, have[scope])
        ((kept,),) = w.sql("SELECT digest FROM scope WHERE id=?", scope)
        want(kept == reference.digest(one.records), f"the server's digest of {scope} is not the sum of its rows")
    return out


def same(what: str, wanted: dict[str, Any], have: dict[str, Any]) -> None:
    if wanted != have:
        odd = [(k, wanted.get(k), have.get(k)) for k in {*wanted, *have} if wanted.get(k) != have.get(k)]
        want(False, f"{what}: {len(odd)} differ, first: {odd[0][0]}\n  wanted {odd[0][1]}\n  there  {odd[0][2]}")


def nobody_invented(w: World, rows: dict[str, tuple[str, dict[str, Any]]]) -> None:
    """Each atom holds values that somebody wrote together; each list only what somebody put in, once."""
    for record in {id for ids in w.made.values() for id in ids} & rows.keys():
        type, values = rows[record]
        for name in values:
            fields = frozenset(reference.atom_fields(type, name))
            written = w.written.get((record, fields), [])
            if reference.is_union(type, name):
                items = values[name]
                want(len(items) == len({json.dumps(x) for x in items}), lambda v=items, n=name: f"twice in {n}: {v}")
                want(
                    all(any(x in (o[name] or []) for o in written) for x in items),
                    lambda n=name: f"nobody put all of these into {n}",
                )
            else:
                held = {f: values.get(f) for f in fields}
                want(held in written, lambda t=type, r=record, h=held: f"nobody wrote {h} into {t} {r}")


def nothing_swallowed(w: World, journal: list[Entry], folded: dict[str, Folded]) -> None:
    """Right after an accepted change every atom of it stands in the record, or waits in a conflict record."""
    found = conflict_rows(folded)
    for e in journal:
        if e.seq is None or e.type == "conflict":
            continue
        c, then = e.content, folded[e.scope].after[e.id]
        kept = [k for k in found if k["change_id"] == e.id]
        for name, after in c["after"].items():
            if then.get(name) == after:
                continue
            if any(name in k["after"] and k["after"][name] == after for k in kept):
                continue
            before, there = c["before"].get(name) or [], then.get(name) or []
            fits = reference.is_union(e.type, name) and all(x in there for x in after or [] if x not in before)
            gone = fits and not any(x in there for x in before if x not in (after or []))
            want(
                gone,
                lambda e=e, n=name, a=after: (
                    f"{n}={a!r} of {e.type} {e.record} by change {e.id} is nowhere to be found"
                ),
            )


def conflict_rows(folded: dict[str, Folded]) -> list[dict[str, Any]]:
    out = []
    for scope, one in folded.items():
        for id, (type, _, values) in one.records.items():
            if type == "conflict":
                read = {k: json.loads(values[k]) for k in ("before", "now", "after")}
                out.append({**values, **read, "id": id, "scope": scope})
    return out


def conflicts(w: World, journal: list[Entry], folded: dict[str, Folded]) -> None:
    """Every clash has its conflict record with all three values, no conflict is there that nobody made, and none that
    has settled itself is still open."""
    by_id = {e.id: e for e in journal}
    found = conflict_rows(folded)
    there = {(c["change_id"], frozenset(c["after"])): c for c in found}
    want(len(there) == len(found), "a clash has two conflict records")
    meant = {(id, lost.fields): lost for one in folded.values() for id, losts in one.lost.items() for lost in losts}
    want(
        meant.keys() == there.keys(),
        lambda: f"clashes {sorted(map(str, meant.keys() ^ there.keys()))} have no conflict record, or none was meant",
    )
    for key, lost in meant.items():
        c, e = there[key], by_id[key[0]]
        want(
            (c["before"], c["now"], c["after"]) == (lost.before, lost.now, lost.after),
            lambda c=c, x=lost: f"conflict {c['id']} says {c}, not {x}",
        )
        others = {
            who for f in key[1] for who in w.touched.get((e.record, frozenset(reference.atom_fields(e.type, f))), [])
        }
        want(
            others - {e.enrolment},
            lambda e=e, k=key: f"a conflict about {set(k[1])} of {e.type} {e.record}, which only {e.enrolment} touched",
        )
    for e in journal:
        want((e.outcome == "conflict") == (e.id in {k[0] for k in meant}), lambda e=e: f"{e.id} is told as {e.outcome}")
    for c in found:
        if "choice" in c:
            continue
        _, _, values = folded[c["scope"]].records[c["subject_id"]]
        now = {k: values.get(k) for k in c["after"]}
        want(now != c["after"], lambda c=c: f"conflict {c['id']} is open though both values are equal")
        fits = not faults_in(TYPES[c["subject_kind"]], reference.with_changes(values, c["after"]))
        want(
            now != c["before"] or not fits,
            lambda c=c: f"conflict {c['id']} is open though the value is again what was seen",
        )


# --- what was not taken ----------------------------------------------------------------------------------------------


def waiting(w: World, journal: list[Entry], rows: dict[str, Any]) -> None:
    """Parked only while a right, a reference or an earlier change to the same record is truly missing."""
    held: dict[tuple[str, str], bool] = {}
    people = {i.change.id: i.change.by for i in w.intents}
    for e in sorted((e for e in journal if e.outcome == "parked"), key=lambda e: (e.enrolment, e.scope, e.pos)):
        c, audience = e.content, e.scope.rpartition(".")[2]
        no_right = not reference.may_write(w.roles.get(people[e.id], ()), e.type, audience)
        no_reference = any(id not in rows for id in reference.refs(c["after"]) - {e.record})
        no_record = bool(c["before"]) and e.record not in rows
        key = (e.enrolment, e.record)
        want(
            no_right or no_reference or no_record or key in held,
            lambda e=e: f"{e.type} {e.id} is parked ({e.problem}) though nothing is missing",
        )
        held[key] = True


def refused(w: World, journal: list[Entry]) -> None:
    """Only what nobody may write is refused, and the tablet still shows what was meant."""
    for e in journal:
        if e.outcome != "rejected":
            continue
        want(not TYPES[e.type].about.writers, lambda e=e: f"{e.type} {e.id} was refused with {e.problem}: {e.content}")
        (tablet,) = (t for t in w.tablets if t.store.keys.require().enrolment == e.enrolment)
        told = {id: detail for id, _, _, _, detail in tablet.store.outcomes("rejected")}
        want(
            e.id in told and told[e.id].get("zh") and told[e.id].get("en"),
            lambda e=e: f"tablet was not told why {e.id} was refused",
        )
        want(
            any(c.id == e.id and c.line == e.line for _, _, c in tablet.store.changes()),
            "a refused value can no longer be read",
        )


def rights(w: World, journal: list[Entry]) -> None:
    """Nothing went in of somebody who never might, nor after the right was withdrawn."""
    people = {i.change.id: i.change.by for i in w.intents}
    for e in journal:
        if e.seq is None or e.enrolment == CONSOLE:
            continue
        person, audience = people[e.id], e.scope.rpartition(".")[2]
        want(
            reference.may_write(w.ever.get(person, ()), e.type, audience),
            lambda e=e: f"{e.type} {e.id} went in without any right",
        )
        if person in w.withdrawn and not reference.may_write(w.roles[person], e.type, audience):
            want(e.id in w.withdrawn[person], lambda e=e: f"{e.type} {e.id} went in after the right was withdrawn")


# --- the tablets -----------------------------------------------------------------------------------------------------


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
