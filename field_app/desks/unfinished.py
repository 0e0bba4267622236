"""What was begun on loads and not signed yet: kept at every edit, so that it is there after a kill, and when the load is scanned again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from field_app.desks.legging import Draft, draft_of
from field_app.desks.reckoning import Around, Reading, Roadside
from field_app.store import Store

if TYPE_CHECKING:
    from field_app.state import State

KEPT = "ui.leg"  # of the person whose turn it is
MOST_KEPT = 20  # loads whose unfinished steps are kept


class Unfinished:
    def __init__(self, host: State, store: Store) -> None:
        self._host, self._store = host, store
        self._reading: Reading | None = None
        self._around: Around | None = None
        self._draft: Draft | None = None
        self._road = Roadside()
        self._drafts: dict[str, dict[str, Any]] | None = None  # manifest → what is kept of it; None: not read yet

    reading = property(lambda self: self._reading)
    around = property(lambda self: self._around)
    draft = property(lambda self: self._draft)
    road = property(lambda self: self._road)

    def _changed(self) -> None:
        self.notify()  # type: ignore[attr-defined]

    def _begin(self, kind: str) -> None:
        self._draft = Draft(self._store.new_id(), kind)

    def put(self, **values: Any) -> None:
        if self._draft is not None:
            self._draft = self._draft.put(**values)
            self._keep()
            self._changed()

    def put_road(self, **values: Any) -> None:
        self._road = self._road._replace(**values)
        self._keep()
        self._changed()

    def _take_up(self, kept: dict[str, Any]) -> None:
        """What was begun on this load before."""
        assert self._reading is not None
        self._draft = draft_of(kept["draft"]) if kept.get("draft") else None
        self._road = (
            Roadside(**kept["road"]) if kept.get("road") else Roadside()
        )  # the plate that is seen, not the one that is said

    def _kept(self) -> dict[str, dict[str, Any]]:
        """What this person began and did not sign, by load, the newest last."""
        if self._drafts is None:
            said = json.loads(self._store.meta(KEPT) or "{}")
            self._drafts = dict(said.get("loads", {})) if said.get("turn") == self._host.turn else {}
        return self._drafts

    def _keep(self) -> None:
        reading, draft, kept = self._reading, self._draft, self._kept()
        for entry in kept.values():
            entry["open"] = False
        if reading is not None:
            manifest = reading.chain.load.manifest
            kept.pop(manifest, None)
            kept[manifest] = {
                "open": True, "text": reading.text, "way": reading.way, "at": reading.at.isoformat(),
                "draft": draft.kept if draft else None, "road": self._road._asdict(),
            }  # fmt: skip
        for old in list(kept)[:-MOST_KEPT]:
            del kept[old]
        self._host._write(self._store.set_meta, KEPT, json.dumps({"turn": self._host.turn, "loads": kept}))

    def _done(self, manifest: str) -> None:
        """Signed, or recorded: nothing of it is left open."""
        self._reading = self._around = self._draft = None
        self._road = Roadside()
        self._kept().pop(manifest, None)
        self._keep()
