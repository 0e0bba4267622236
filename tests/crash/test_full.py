"""Disks without room: every call that writes, on both sides, is tried; and none is forgotten."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from field_app.keys import Keys
from field_app.store import Store
from sync_server.auth import Auth
from sync_server.console.session import Sessions
from sync_server.service import Service
from tests.crash import filling_server, filling_tablet, full
from tests.crash.nursery import Nursery


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as made:
        yield made


# --- none is forgotten -----------------------------------------------------------------------------------------------


def writers(cls: type, begins: tuple[str, ...]) -> set[str]:
    """Public methods that write, themselves or through others of the class. `begins`: what a write begins with."""
    found, calls = set[str](), dict[str, set[str]]()
    for name, method in inspect.getmembers(cls, inspect.isfunction):
        if name == "__init__" or "Tx" in str(inspect.signature(method).parameters.get("tx", "")):
            continue  # inside a transaction of somebody else's
        tree = ast.parse(textwrap.dedent(inspect.getsource(method)))
        made = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        calls[name] = {m.removeprefix("self.") for m in made if m.startswith("self.") and m.count(".") == 1}
        if made & set(begins):
            found.add(name)
    while more := {name for name, used in calls.items() if used & found} - found:
        found |= more
    return {name for name in found if not name.startswith("_")}


def test_the_list_of_the_tablet_is_whole() -> None:
    own = {name for name in filling_tablet.CALLS if not name.startswith("keys_")}
    assert writers(Store, ("self._write", "self.keys.turn", "self.keys.save", "self.keys.draft")) == own
    keys = {name.removeprefix("keys_") for name in filling_tablet.CALLS if name.startswith("keys_")}
    assert writers(Keys, ("self._write",)) == keys


def test_the_list_of_the_server_is_whole() -> None:
    begins = ("self.store.writing", "self._store.writing")
    found = writers(Service, (*begins, "self.store.create")) | writers(Auth, begins) | writers(Sessions, begins)
    assert found == {*filling_server.CALLS, *filling_server.OPENING, *filling_server.READING}


def test_a_call_that_is_forgotten_would_be_noticed() -> None:
    class Later(Store):
        def later(self) -> None:
            self.set_meta("a", "b")

    assert "later" in writers(Later, ("self._write",))


WRITES = ("write_text", "write_bytes", "replace", "rename", "touch", "copyfile", "copy2", "copytree", "connect", "link")


def file_writers(room: str) -> set[str]:
    """module.function of whatever writes a file by itself."""
    found, root = set[str](), Path(full.__file__).parents[2]
    for path in sorted((root / room).rglob("*.py")):
        for top in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(top, ast.FunctionDef):
                continue
            for node in ast.walk(top):
                if isinstance(node, ast.Call) and _writes(node):
                    found.add(f"{path.relative_to(root).with_suffix('').as_posix().replace('/', '.')}.{top.name}")
    return found


def _writes(node: ast.Call) -> bool:
    name = ast.unparse(node.func)
    if name in ("os.open", "os.replace", "os.link", "sqlite3.connect"):
        return "O_RDONLY" not in ast.unparse(node)
    return name.rpartition(".")[2] in ("write_text", "write_bytes", "copyfile", "copy2", "copytree", "mkdir")


def test_no_other_file_is_written() -> None:
    """Each of these is tried on a full disk, here or (backup, restore) in their own tests; a new one must be, too."""
    assert {n for n in file_writers("field_app") if not n.startswith("field_app.fonts.")} == {
        "field_app.device_db.open_db", "field_app.device_db._opened", "field_app.device_db._copy", "field_app.storage.replace",
        "field_app.lone.hold", "field_app.capture.photo._write", "field_app.capture.photo._put_beside",
        "field_app.rescue.write", "field_app.store.tiles.bring_in",
        "field_app.store.thumbs.keep_thumb",  # a small picture that can be fetched anew: tests/unit/test_thumbs.py
        "field_app.store.tiles.__init__", "field_app.store.shelf._second",  # open to read only
    }  # fmt: skip
    care = (
        "sync_server.backup.",
        "sync_server.restore.",
        "sync_server.archive.",
        "sync_server.store.transfer.",
        "sync_server.bundle",
        "sync_server.proof.archive.",
    )
    assert {n for n in file_writers("sync_server") if not n.startswith(care)} == {
        "sync_server.main.build", "sync_server.settings.secret", "sync_server.store.engine.copy_to",
        "sync_server.store.engine._run",  # a checkpoint: tests/api/test_checkpoints.py
        "sync_server.blobs.files.take", "sync_server.blobs.incoming.__init__", "sync_server.blobs.incoming.make_empty",
        "sync_server.blobs.incoming.mark_whole",
        "sync_server.proof.verify.main",  # /dev/null, for a reader that left
        "sync_server.export.making.make", "sync_server.store.geopackage.__init__", "sync_server.service.export_jobs._hold",
        "sync_server.service.export_jobs._lives",  # opens another process's lock
        "sync_server.cli.papers.keep",  # a paper: tests/api/test_papers_cli.py
        "sync_server.blobs.pictures._keep",  # worth no failure: it can be made anew
    }  # fmt: skip


# --- every one is tried ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["limited", "small"])
def test_a_tablet_without_room(tmp_path: Path, nursery: Nursery, kind: str) -> None:
    done = _on(tmp_path, kind, lambda place: full.tablet(tmp_path, nursery, kind, place))
    assert done.keys() >= set(filling_tablet.CALLS)


@pytest.mark.parametrize("kind", ["limited", pytest.param("small", marks=pytest.mark.long)])
def test_a_server_without_room(tmp_path: Path, nursery: Nursery, kind: str) -> None:
    done = _on(tmp_path, kind, lambda place: full.server(nursery, kind, place))
    assert done.keys() >= {*filling_server.CALLS, *filling_server.OPENING}


def test_requests_to_a_server_without_room(tmp_path: Path, nursery: Nursery) -> None:
    assert full.requests(tmp_path, nursery) == {
        "token", "password", "push", "enrol", "blocks", "seen", "login", "decide", "announce", "append"
    }  # fmt: skip


def _on(tmp_path: Path, kind: str, work: Any) -> dict[str, int]:
    place = tmp_path / "place"
    if kind == "limited":
        place.mkdir()
        return dict(work(place))
    with full.small_disk(place) as mounted:
        # whoever may not mount has the limit, which goes the same ways through the code
        return dict(work(place)) if mounted else dict.fromkeys(
            [*filling_tablet.CALLS, *filling_server.CALLS, *filling_server.OPENING], 0
        )  # fmt: skip
