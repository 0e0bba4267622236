"""What this device shows of its records, base and overlay together: one, all, a page of them, how many.

On a tablet several people share, records of scopes only others may see are left out; what the person made there and did
not send yet goes on being shown. Nothing here writes.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from itertools import dropwhile
from typing import Any, NamedTuple

from field_app.keys import Identity
from field_app.store.base import Base, quoted
from field_app.store.rows import Seen, Values
from schemas import canonical, change
from schemas.merge import put
from schemas.rows import codec
from schemas.wire import ScopeGrant

PAGE = 100  # rows of one page
LOOKED = 1000  # rows of either layer that one page looks at, at most
LISTED = "(SELECT value FROM json_each(?))"  # one statement whatever the number of values
_LAST = "\U0010ffff"  # sorts behind every id

Over = tuple[str, str, str]  # record, scope, values as JSON: a row of the overlay


class Page(NamedTuple):
    """Some records, by id, which is the order they were made in. next: what to ask with for the following ones; None
    after the last. Where most records are voided or hidden there may be fewer rows than asked for, even none, and more
    to come."""

    rows: list[Seen]
    next: str | None


class _Span(NamedTuple):
    """Which records are looked at: a condition on their id ({0}), and its arguments; with voided ones or without."""

    where: str
    args: tuple[str, ...]
    newest: bool = False
    deleted: bool = False
    skip: frozenset[str] = frozenset()  # scopes

    @property
    def turn(self) -> str:
        return " DESC" if self.newest else ""

    def living(self, column: str) -> str:
        return "" if self.deleted else f" AND coalesce({column},0)=0"


class Lists(Base):
    # --- who sees what -------------------------------------------------------------------------------------------

    def scopes(self, who: Identity | None = None) -> list[ScopeGrant]:
        """What a person (default: whose turn it is) may pull or hand in to, organisation first: others refer to it."""
        identity = who or self.identity
        order = "CASE audience WHEN 'organisation' THEN 0 WHEN 'field' THEN 1 WHEN 'transfer' THEN 2 ELSE 3 END"
        rows = self._rows(
            "SELECT s.id,s.audience,s.owner,s.name,g.roles,g.writes,g.reads FROM granted g JOIN scope s ON s.id=g.scope"
            f" WHERE g.person=? ORDER BY {order},s.id", identity.person if identity else "",
        )  # fmt: skip
        return [
            ScopeGrant(
                scope=i, audience=a, owner=o, name=n, roles=json.loads(r), writes=json.loads(w), reads=bool(reads)
            )
            for i, a, o, n, r, w, reads in rows
        ]

    def _person(self) -> str:
        return self.identity.person if self.identity else ""

    def _hidden(self) -> set[str]:
        """Scopes the person may not read: only others on this tablet may, or nobody here."""
        sql = "SELECT id FROM scope WHERE id NOT IN (SELECT scope FROM granted WHERE person=? AND reads)"
        return {s for (s,) in self._db.execute(sql, (self._person(),))}

    def _own_only(self, overs: Iterable[Over]) -> list[Over]:
        """Records of a scope the person may not read any more, as his or her own changes alone make them: nothing of what
        others wrote since."""
        out = []
        for record, scope, _ in overs:
            lines = self._db.execute(
                "SELECT j.line FROM ahead a JOIN journal j ON j.id=a.id WHERE a.record=? AND j.person=? ORDER BY j.rowid",
                (record, self._person()),
            )
            values: Values = {}
            for one in dropwhile(lambda c: not c.creates, [change.decode(line) for (line,) in lines]):
                put(values, one.after)
            if values:
                out.append((record, scope, canonical.dumps(values).decode()))
        return out

    def _shown(self, overs: Iterable[Over], hidden: set[str]) -> list[Over]:
        """These as the person may see them."""
        return [o for over in overs for o in (self._own_only([over]) if over[1] in hidden else [over])]

    # --- all of a type -------------------------------------------------------------------------------------------

    def all(self, type: str, deleted: bool = False, **equal: Any) -> list[Seen]:
        """Records of a type as this device sees them, base and overlay together, where the fields equal what is given."""
        c = codec(type)
        sql, args = f'SELECT {",".join(quoted(c.columns))} FROM "{type}" WHERE 1', []
        for name, value in equal.items():
            sql, args = f'{sql} AND "{name}"=?', [*args, value]
        with self._lock:
            base = self._db.execute(sql + " ORDER BY id", args).fetchall()
            overs = self._db.execute(
                "SELECT record,scope,vals FROM overlay WHERE type=? ORDER BY record", (type,)
            ).fetchall()
            states = self._states("v.type=?", type) if overs else {}
            hidden = self._hidden()
            overs = self._shown(overs, hidden)
        over = {record: (scope, json.loads(vals)) for record, scope, vals in overs}
        shown = [r for r in base if r[0] not in over and r[1] not in hidden]
        out = [Seen(type, r[0], r[1], r[2], c.from_row(r), "accepted") for r in shown]
        for record, (scope, values) in over.items():
            if all((record if k == "id" else scope if k == "scope" else values.get(k)) == v for k, v in equal.items()):
                out.append(Seen(type, record, scope, 0, values, states.get(record, "pending")))
        return [s for s in out if deleted or not s.values.get("deleted")]

    def related(self, type: str, field: str, values: Collection[str]) -> list[Seen]:
        """Of the records that `all` gives, voided ones too, those whose field is one of these; where it is a list, those
        that name one of them. The database passes over the others, so that what is not asked for costs next to nothing."""
        if not values:
            return []
        c, listed = codec(type), json.dumps(sorted(values))
        place = c.columns.index(field)
        base_is = (
            f'EXISTS (SELECT 1 FROM json_each(b."{field}") j WHERE j.value IN {LISTED})'
            if c.is_json(place)
            else f'b."{field}" IN {LISTED}'
        )
        over_is = (
            f"record IN {LISTED}"
            if field == "id"
            else f"EXISTS (SELECT 1 FROM json_each(vals,'$.{field}') j WHERE j.value IN {LISTED})"
        )
        with self._lock:
            hidden = self._hidden()
            scopes = json.dumps(sorted(hidden))
            base = self._db.execute(
                f'SELECT {",".join(quoted(c.columns))} FROM "{type}" b WHERE {base_is} AND scope NOT IN {LISTED}'
                " AND NOT EXISTS (SELECT 1 FROM overlay o WHERE o.record=b.id) ORDER BY id", (listed, scopes),
            ).fetchall()  # fmt: skip
            overs = self._db.execute(
                f"SELECT record,scope,vals FROM overlay WHERE type=? AND ({over_is} OR scope IN {LISTED}) ORDER BY record",
                (type, listed, scopes),
            ).fetchall()
            states = self._states(f"a.record IN {LISTED}", json.dumps([o[0] for o in overs])) if overs else {}
            overs = self._shown(overs, hidden)
        out = [Seen(type, r[0], r[1], r[2], c.from_row(r), "accepted") for r in base]
        for record, scope, vals in overs:
            seen = Seen(type, record, scope, 0, json.loads(vals), states.get(record, "pending"))
            has = record if field == "id" else seen.values.get(field)
            if set(has if isinstance(has, list) else [has]) & set(values):
                out.append(seen)
        return out

    def _states(self, where: str, arg: str) -> dict[str, str]:
        """record → accepted, parked or pending, of records with changes ahead."""
        rows = self._db.execute(
            # offered again after a new epoch: the outcome of before says nothing about the server as it is now
            "SELECT a.record, max(CASE WHEN p.pos IS NOT NULL THEN 3 WHEN o.outcome='parked' THEN 2"
            " WHEN o.outcome IN ('applied','conflict') THEN 1 ELSE 3 END)"
            " FROM ahead a JOIN overlay v ON v.record=a.record LEFT JOIN outcome o ON o.id=a.id"
            " LEFT JOIN journal j ON j.id=a.id LEFT JOIN pending p"
            f" ON p.enrolment=j.enrolment AND p.scope=j.scope AND p.pos=j.pos WHERE {where} GROUP BY a.record",
            (arg,),
        )
        return {record: {1: "accepted", 2: "parked", 3: "pending"}[rank] for record, rank in rows}

    # --- some of them: the cost does not grow with the others ----------------------------------------------------

    def get(self, type: str, record: str, deleted: bool = False) -> Seen | None:
        """One record, unless it is voided (and not asked for) or hidden."""
        with self._lock:
            found = self._within(type, _Span("{0}=?", (record,), deleted=deleted), 1)
        return found[0] if found else None

    def page(
        self, type: str, after: str | None = None, limit: int = PAGE, *, newest: bool = False, deleted: bool = False,
        skip: Collection[str] = (),
    ) -> Page:  # fmt: skip
        """Of the records that `all` gives the next `limit` behind `after`, the `next` of the page before; `newest`: from
        the last made to the first. At most LOOKED rows of the base and as many of the overlay are looked at, however many
        there are. skip: scopes to leave out, as those of other projects."""
        looked, more, less = max(LOOKED, limit), *("<>" if newest else "><")
        after = after or (_LAST if newest else "")
        with self._lock:
            tops = (self._db.execute(sql, (after, looked - 1)).fetchone() for sql in _tops(type, newest))
            top = (max if newest else min)((t[0] for t in tops if t), default=None)
            end = top or ("" if newest else _LAST)
            where = f"{{0}}{more}? AND {{0}}{less}=?"
            found = self._within(type, _Span(where, (after, end), newest, deleted, frozenset(skip)), limit + 1)
        rows = found[:limit]
        return Page(rows, rows[-1].id if len(found) > limit else top)

    def _within(self, type: str, span: _Span, most: int) -> list[Seen]:
        """The first records of a span, at most so many."""
        hidden = self._hidden()
        overs = self._first_overs(type, span, most, hidden)
        c, columns = codec(type), quoted(codec(type).columns)
        base = self._db.execute(
            f'SELECT {",".join(columns)} FROM "{type}" b WHERE {span.where.format("b.id")}{span.living("deleted")}'
            f" AND scope NOT IN {LISTED} AND NOT EXISTS (SELECT 1 FROM overlay o WHERE o.record=b.id)"
            f" ORDER BY b.id{span.turn} LIMIT ?", (*span.args, json.dumps(sorted(hidden | span.skip)), most),
        ).fetchall()  # fmt: skip
        states = self._states(f"a.record IN {LISTED}", json.dumps([o[0] for o in overs])) if overs else {}
        out = [Seen(type, r[0], r[1], r[2], c.from_row(r), "accepted") for r in base]
        out += [Seen(type, r, scope, 0, values, states.get(r, "pending")) for r, scope, values in overs]
        return sorted(out, key=lambda s: s.id, reverse=span.newest)[:most]

    def _first_overs(self, type: str, span: _Span, most: int, hidden: set[str]) -> list[tuple[str, str, Values]]:
        """(record, scope, values) of overlay rows, read one by one until there are enough that are not voided."""
        # + keeps the index of the type out: rows have to come by their id, so that the first are enough
        where = f"{span.where.format('record')} AND +type=?"
        sql = f"SELECT record,scope,vals FROM overlay WHERE {where} ORDER BY record{span.turn}"
        out: list[tuple[str, str, Values]] = []
        for over in self._db.execute(sql, (*span.args, type)):
            for record, scope, vals in self._shown([over], hidden) if over[1] not in span.skip else ():
                values = json.loads(vals)
                if span.deleted or not values.get("deleted"):
                    out.append((record, scope, values))
            if len(out) == most:
                break
        return out

    def count(self, type: str, skip: Collection[str] = ()) -> int:
        """How many `all` would give outside the scopes of `skip`, counted where they lie; only the person's own in hidden
        scopes are read."""
        with self._lock:
            hidden = self._hidden()
            listed = json.dumps(sorted(hidden | set(skip)))
            ((base,),) = self._db.execute(
                f'SELECT count(*) FROM "{type}" b WHERE coalesce(deleted,0)=0 AND scope NOT IN {LISTED}'
                " AND NOT EXISTS (SELECT 1 FROM overlay o WHERE o.record=b.id)", (listed,),
            )  # fmt: skip
            ((over,),) = self._db.execute(
                f"SELECT count(*) FROM overlay WHERE type=? AND scope NOT IN {LISTED}"
                " AND NOT coalesce(json_extract(vals,'$.deleted'),0)", (type, listed),
            )  # fmt: skip
            elsewhere = self._db.execute(
                f"SELECT record,scope,vals FROM overlay WHERE type=? AND scope IN {LISTED}",
                (type, json.dumps(sorted(hidden - set(skip)))),
            ).fetchall()
            own = sum(not json.loads(vals).get("deleted") for _, _, vals in self._own_only(elsewhere))
        return int(base) + int(over) + own

    # --- photos --------------------------------------------------------------------------------------------------

    def photo_hashes(self) -> set[str]:
        """Which pictures any record or draft here names, whoever's it is."""
        sql = (
            "SELECT sha256 FROM photo"
            " UNION SELECT json_extract(vals,'$.sha256') FROM overlay WHERE type='photo'"
            " UNION SELECT json_extract(vals,'$.sha256') FROM draft WHERE type='photo'"
        )  # fmt: skip
        return {sha for (sha,) in self._rows(sql) if sha}


def _tops(type: str, newest: bool) -> Sequence[str]:
    """How far a page may look, in the base and in the overlay: read off the indexes alone."""
    more, turn = ("<", " DESC") if newest else (">", "")
    return [
        f'SELECT {name} FROM "{table}" WHERE {name}{more}? ORDER BY {name}{turn} LIMIT 1 OFFSET ?'
        for table, name in ((type, "id"), ("overlay", "record"))
    ]
