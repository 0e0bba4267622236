"""Bugs, each a named patch to the shipped code. The simulation must notice every one of them."""

from __future__ import annotations

import inspect
import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import field_app.store
import field_app.store.incoming
import field_app.sync
import field_app.sync.photos
import schemas.merge
import sync_server.applying
import sync_server.pushing
import sync_server.service.base
from schemas.records import TYPES
from schemas.wire import Outcome


class Patch(NamedTuple):
    """Replace `old` by `new` in the source of a function, or, without `old`, the function itself by `new`."""

    owner: Any
    name: str
    old: str | None
    new: Any


Store, Syncer = field_app.store.Store, field_app.sync.Syncer
Applying, Service = sync_server.applying.Applying, sync_server.service.Service


def _reencoded(self: Any, *args: Any, real: Callable[..., Any] = Store.batch) -> Any:
    batch = real(self, *args)
    return batch and batch._replace(lines=[json.dumps(json.loads(x), ensure_ascii=False).encode() for x in batch.lines])


BUGS: dict[str, list[Patch]] = {
    "cursor committed before the rows": [
        Patch(Store, "apply_pull", "            for line in lines:\n", "            db.execute('UPDATE scope SET cursor=? WHERE id=?', (head.cursor, scope))\n"
              "            db.execute('COMMIT')\n            db.execute('BEGIN IMMEDIATE')\n            for line in lines:\n"),
    ],
    "acknowledged without looking at the receipt": [Patch(Syncer, "_receipt_fits", None, lambda *_: True)],
    "known changes are not recognised": [
        Patch(Service, "_push", "skip=max(0, pos - head.first + 1)", "skip=0"),
        Patch(sync_server.pushing, "take_lines", "again = tx.journaled([c.id for c in changes])", "again = {}"),
        Patch(sync_server.pushing, "_take_one", "again.get(c.id) or work.outcome_of(c.id)", "None"),
    ],
    "lists are overwritten instead of united": [Patch(schemas.merge, "_union", None, lambda now, before, after: after)],
    "fields of an atom are merged one by one": [
        Patch(schemas.merge, "atoms_of", None, lambda cls: {}),
    ],
    "atoms are merged one by one on the server only": [
        Patch(schemas.merge, "merge", "groups.setdefault(atoms.get(name, name), [])", "groups.setdefault(name, [])"),
    ],
    "the losing value is dropped": [Patch(Applying, "_open_conflict", None, lambda self, c, clash: "")],
    "the later arrival always wins": [
        Patch(schemas.merge, "merge", "policy is Merge.OVERWRITE", "policy is not Merge.UNION"),
    ],
    "a seq is used again after a parked change": [
        Patch(Applying, "run_parked", "                moved += 1\n            for n",
              "                moved += 1\n                self.seq -= 1\n            for n"),
    ],
    "the overlay goes at the acknowledgement": [
        Patch(Store, "_settle", "UPDATE ahead SET seq=? WHERE id=?\", [(seq, id)", "DELETE FROM ahead WHERE id=?\", [(id,)"),
    ],
    "the overlay goes by the cursor alone": [
        Patch(Store, "_drop_pulled", " AND b.seq>=ahead.seq", ""),
    ],
    "the digest keeps the old row": [
        Patch(Applying, "_write", "self.digest -= ", "self.digest -= 0 * "),
    ],
    "the digest keeps the old row of a plain edit": [
        Patch(Applying, "edit", "self.digest -= ", "self.digest -= 0 * "),
    ],
    "the tablet's digest keeps the old row": [Patch(Store, "_old_hashes", None, lambda *_: 0)],
    "parked changes are never run again": [Patch(Applying, "run_parked", None, lambda *_: 0)],
    "lines are encoded again when they are sent": [Patch(Store, "batch", None, _reencoded)],
    "roles are not looked at": [Patch(Applying, "_writable", None, lambda *_: frozenset(TYPES))],
    "plain edits do not look at what is there": [
        Patch(Applying, "_edited", "any([now.get(k) != v for k, v in c.before.items()])", "False"),
    ],
    "nothing is new as long as the epoch is the same": [
        Patch(Service, "me", "[ours, [s.model_dump() for s in scopes], heads, waits, directories]", "[ours]"),
    ],
    "every member reads everything": [
        Patch(sync_server.service.base, "may_read", None, lambda roles, audience: bool(roles)),
    ],
    "all pending is done once a part is": [
        Patch(Store, "acknowledge", "pos BETWEEN ? AND ?\", place)", "pos BETWEEN ? AND ?\", (*place[:3], 10**9))"),
    ],
    "refused changes are told as applied": [
        Patch(Applying, "_refuse", "no = Outcome.REJECTED", "no = Outcome.APPLIED"),
    ],
    "a device's changes overtake its parked ones": [Patch(Applying, "_holding", None, lambda self: {})],
    "conflicts never settle by themselves": [Patch(Applying, "_settle_conflicts", None, lambda *_: None)],
    "half of the edit is written when the app dies": [
        Patch(Store, "_append", "        db.execute(\"INSERT INTO pending", "        db.execute(\"COMMIT\")\n        db.execute(\"BEGIN IMMEDIATE\")\n        db.execute(\"INSERT INTO pending"),
    ],
}  # fmt: skip

# Too rare for a few seeds: noticed by a story of tests/api/test_promises.py.
RARE: dict[str, list[Patch]] = {
    "a conflict that applied itself is decided twice": [
        Patch(Applying, "_settle_conflicts", 'if "choice" in self._here[conflict.id].values', "if False"),
    ],
}

# About what is new: noticed by the stories of tests/api/test_news.py, which know of people's rights and restores.
NEWS: dict[str, list[Patch]] = {
    "nothing is new as long as the heads are the same": [
        Patch(Service, "me", "[ours, [s.model_dump() for s in scopes], heads, waits, directories]", "[ours, heads]"),
    ],
    "nothing is new as long as grants and heads are the same": [
        Patch(Service, "me", "heads, waits, directories]", "heads]"),
    ],
}  # fmt: skip

# About photos: noticed by tests/unit/test_photo_faults.py, where lines are worse, records are made between any two chunks, and the
# server's data may become another.
PHOTOS: dict[str, list[Patch]] = {
    "a photo is there once its upload was begun": [Patch(Store, "photo_begun", None, lambda self, one, url: self.photo_there(one))],
    "any good answer to the last chunk means that it is there": [
        Patch(Syncer, "_chunk", "return _stored(answer, one.sha256) is not None, end", "return end == local.size, end"),
        Patch(field_app.sync.photos, "_reached", None, lambda response, end: response),
    ],
    "an upload that was cut is begun anew": [Patch(Syncer, "_photo", "one.url or self._begin", "self._begin")],
    "what was there before a restore is not asked about again": [Patch(field_app.store.incoming, "ask_again", None, lambda db: None)],
    "records wait until all photos are through": [Patch(Syncer, "_give_way", None, lambda self: None)],
    "a photo is sent without asking whether it is there": [Patch(Syncer, "_is_there", None, lambda self, one: False)],
}  # fmt: skip


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The shipped code with this bug in it."""
    with ExitStack() as stack:
        for patch in {**BUGS, **RARE, **NEWS, **PHOTOS}[name]:
            stack.enter_context(_patched(patch))
        yield


@contextmanager
def _patched(patch: Patch) -> Iterator[None]:
    real = getattr(patch.owner, patch.name)
    new = patch.new if patch.old is None else _rewritten(real, patch)
    setattr(patch.owner, patch.name, new)
    # who imported it by name has it too
    also = [m for n, m in list(sys.modules.items()) if n.startswith(("schemas", "field_app", "sync_server")) and m is not patch.owner
            and inspect.ismodule(patch.owner) and vars(m).get(patch.name) is real and patch.owner is schemas.merge]  # fmt: skip
    for module in also:
        setattr(module, patch.name, new)
    try:
        yield
    finally:
        setattr(patch.owner, patch.name, real)
        for module in also:
            setattr(module, patch.name, real)


_SOURCES: dict[tuple[int, str], str] = {}


def _rewritten(real: Any, patch: Patch) -> Any:
    """The function made anew from its changed source, with the module it lives in around it."""
    source = _SOURCES.get((id(real), patch.name)) or inspect.getsource(real)
    assert patch.old is not None
    if source.count(patch.old) != 1:
        raise LookupError(f"{patch.name} no longer holds this once: {patch.old!r}")
    source = source.replace(patch.old, patch.new)
    space: dict[str, Any] = {}
    exec(
        compile(textwrap.dedent(source), f"<planted in {patch.name}>", "exec"),
        vars(inspect.getmodule(real) or sys),
        space,
    )
    made = space[patch.name]
    _SOURCES[id(made), patch.name] = source
    return made


__all__ = ["BUGS", "NEWS", "PHOTOS", "Outcome", "planted"]
