"""Small pictures of other people's photos, for who inspects: which are wanted, which are here, and that they do not fill the device.

They lie in <folder>/seen/<sha256>.jpg, apart from this tablet's own photos and thumbnails, and can be fetched anew at any time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from field_app.keys import Identity
from field_app.storage import told
from field_app.store.blobs import PICTURES
from field_app.store.lists import LISTED, Lists
from schemas.fields import Audience

MOST = 3000  # small pictures on one tablet [D]
MOST_BYTES = 300_000_000  # of all of them [D]
FINDINGS = 600  # photos of findings that come before all others [D]
POINTS = 200  # points whose photos come before the newest ones [D]
LOOKED = 20  # points somebody looked at that are remembered [D]
# What hangs on a point and may have photos: (type, field that names its parent, the parent's type)
_UNDER = (
    ("borehole", "point_id", "point"), ("soil_layer", "borehole_id", "borehole"), ("sample", "point_id", "point"),
    ("sample_container", "sample_id", "sample"), ("field_reading", "point_id", "point"), ("field_reading", "borehole_id", "borehole"),
)  # fmt: skip


class Wanted(NamedTuple):
    """A photo somebody may want to look at: its hash, and a scope in which a record names it."""

    sha256: str
    scope: str


class Thumbs(Lists):
    # --- which are wanted --------------------------------------------------------------------------------------------

    def thumbs_wanted(self, who: Identity, most: int = MOST) -> list[Wanted]:
        """Photos of the field records of projects in which this person inspects, in the order they are worth having: of findings,
        before and after, to stand at the same spot; of points of checks begun, of tasks, of points looked at; then the newest. Without those whose file is on this tablet."""
        own = [g for g in self.scopes(who) if "inspection" in g.writes and g.reads]
        fields = [f"{g.owner}.{Audience.FIELD.value}" for g in own]
        readable = {g.scope for g in self.scopes(who) if g.reads}
        scopes = [s for s in dict.fromkeys(fields) if s in readable]
        out: dict[str, Wanted] = {sha: Wanted(sha, scope) for sha, scope in self._found([g.scope for g in own])}
        if not scopes and not out:
            return []
        for sha, scope in self._photos_under(self._points_first(who)[:POINTS], scopes):
            out.setdefault(sha, Wanted(sha, scope))
        mine = self._own_files()
        if len(out) < most:
            sql = (
                f"SELECT sha256, min(scope) FROM photo WHERE scope IN {LISTED} AND coalesce(deleted,0)=0"
                " GROUP BY sha256 ORDER BY max(id) DESC LIMIT ?"
            )
            for sha, scope in self._rows(sql, json.dumps(scopes), most + len(out) + len(mine)):
                out.setdefault(sha, Wanted(sha, scope))
        return [one for sha, one in out.items() if sha not in mine][:most]

    def _found(self, scopes: Sequence[str]) -> list[tuple[str, str]]:
        """(hash, scope) of photos of findings and of what was done about them, the newest first."""
        sql = (
            f"SELECT sha256, scope FROM photo WHERE scope IN {LISTED} AND coalesce(deleted,0)=0"
            " AND (step='rectified' OR subject_kind IN ('finding','corrective_action','recheck')"
            " OR subject_id IN (SELECT answer_id FROM finding WHERE answer_id IS NOT NULL)) ORDER BY id DESC LIMIT ?"
        )
        return self._rows(sql, json.dumps(list(scopes)), FINDINGS)

    def _points_first(self, who: Identity) -> list[str]:
        begun = self._rows(
            "SELECT json_extract(vals,'$.point_id') FROM draft WHERE type='inspection' AND person=? ORDER BY updated_at DESC",
            who.person,
        )  # fmt: skip
        tasks = self._rows(
            "SELECT point_id FROM field_task WHERE point_id IS NOT NULL AND outcome IS NULL AND coalesce(deleted,0)=0 ORDER BY NOT"
            " EXISTS (SELECT 1 FROM json_each(coalesce(assigned_to,'[]')) j WHERE j.value=?), coalesce(due_on,'9'), id", who.person,
        )  # fmt: skip
        found = [point for (point,) in (*begun, *tasks) if point]
        return list(dict.fromkeys([*found, *self.points_looked(who.person)]))

    def _photos_under(self, points: Sequence[str], scopes: Sequence[str]) -> list[tuple[str, str]]:
        """(hash, scope) of photos of these points and of all that hangs on them, in the order of the points."""
        rank = {point: n for n, point in enumerate(points)}
        ids: dict[str, dict[str, int]] = {"point": dict(rank)}
        for type, field, parent in _UNDER:
            above = ids[parent]
            rows = self._rows(
                f'SELECT id,"{field}" FROM "{type}" WHERE "{field}" IN {LISTED}', json.dumps(sorted(above))
            )
            ids.setdefault(type, {}).update((id, above[of]) for id, of in rows)
        planned = self._rows(f"SELECT planned_point_id,id FROM point WHERE id IN {LISTED}", json.dumps(list(points)))
        place = {id: n for found in ids.values() for id, n in found.items()} | {p: rank[id] for p, id in planned if p}
        rows = self._rows(
            f"SELECT subject_id, sha256, scope FROM photo WHERE subject_id IN {LISTED} AND scope IN {LISTED}"
            " AND coalesce(deleted,0)=0 ORDER BY id", json.dumps(sorted(place)), json.dumps(list(scopes)),
        )  # fmt: skip
        rows.sort(key=lambda row: place[row[0]])
        return [(sha, scope) for _, sha, scope in rows]

    def points_looked(self, person: str) -> list[str]:
        """The last points this person looked at, the last one first."""
        kept: list[str] = json.loads(self.meta(f"looked {person}") or "[]")
        return kept

    def look_at(self, point: str) -> None:
        """Whose turn it is looks at this point: its photos are fetched before others."""
        person = self._person()
        before = self.points_looked(person)
        if before[:1] != [point]:
            self.set_meta(f"looked {person}", json.dumps([point, *(p for p in before if p != point)][:LOOKED]))

    # --- which are here ----------------------------------------------------------------------------------------------

    def thumb_file(self, sha: str) -> Path | None:
        path = self._seen / f"{sha}.jpg"
        return path if path.is_file() else None

    def thumbs_here(self) -> dict[str, int]:
        """hash → bytes of those that are here."""
        out: dict[str, int] = {}
        with suppress(OSError), os.scandir(self._seen) as files:
            for entry in files:
                name, _, end = entry.name.partition(".")
                if end == "jpg" and len(name) == 64:
                    with suppress(OSError):
                        out[name] = entry.stat().st_size
        return out

    def keep_thumb(self, sha: str, data: bytes) -> None:
        """Whole or not at all. Raises Trouble 5001, 5007."""
        path = self._seen / f"{sha}.jpg"
        temp = path.with_name(f".{sha}.{os.getpid()}.new")
        with told():
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                temp.write_bytes(data)
                os.replace(temp, path)
            except BaseException:
                temp.unlink(missing_ok=True)
                raise

    def drop_thumbs(self, shas: Iterable[str]) -> None:
        for sha in shas:
            with suppress(OSError):
                (self._seen / f"{sha}.jpg").unlink(missing_ok=True)

    @property
    def _seen(self) -> Path:
        return self.folder / "seen"

    def _own_files(self) -> set[str]:
        with suppress(OSError), os.scandir(self.folder / "photos") as files:
            return {e.name.partition(".")[0] for e in files if e.name.partition(".")[2] in PICTURES}
        return set()
