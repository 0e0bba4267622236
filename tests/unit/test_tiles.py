"""Base maps on the device: read, refused in words, copied in whole or not at all, and handed out to nobody else."""

from __future__ import annotations

import asyncio
import gzip
import io
import shutil
import socket
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from field_app.capture.tileserver import EMPTY, MOUNT, TileServer, kind_of
from field_app.desks.ground import Ground
from field_app.store import tiles
from field_app.store.tiles import BadTiles, TileFile, bring_in, listed
from schemas.problems import Trouble

META = {"name": "厂区航片", "format": "png", "minzoom": "14", "maxzoom": "16", "bounds": "119.4,32.1,119.5,32.3",
        "attribution": '<a href="x">测绘院 &copy; 2026</a>'}  # fmt: skip


def picture(kind: str = "PNG", color: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4), color).save(out, kind)
    return out.getvalue()


def mbtiles(
    path: Path, placed: dict[tuple[int, int, int], bytes] | None = None, meta: dict[str, str] | None = META
) -> Path:
    """A file with tiles at (zoom, column, row from the south)."""
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE tiles (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_data BLOB)")
        db.execute("CREATE UNIQUE INDEX t ON tiles (zoom_level, tile_column, tile_row)")
        shown = {(14, 3, 5): picture()} if placed is None else placed
        db.executemany("INSERT INTO tiles VALUES (?,?,?,?)", [(*at, data) for at, data in shown.items()])
        if meta is not None:
            db.execute("CREATE TABLE metadata (name TEXT, value TEXT)")
            db.executemany("INSERT INTO metadata VALUES (?,?)", meta.items())
    db.close()
    return path


def test_a_file_is_read_and_its_rows_are_turned(tmp_path: Path) -> None:
    file = TileFile(mbtiles(tmp_path / "a.mbtiles"))
    assert (file.name, file.attribution, file.min_zoom, file.max_zoom) == ("厂区航片", "测绘院 © 2026", 14, 16)
    assert file.tile(14, 3, (1 << 14) - 1 - 5) == picture()
    assert file.tile(14, 3, 5) is None and file.tile(15, 3, 5) is None
    assert file.tile(14, -1, 0) is None and file.tile(99, 0, 0) is None and file.tile(14, 1 << 14, 0) is None
    assert file.covers(119.45, 32.2) and not file.covers(116.4, 39.9)
    with pytest.raises(sqlite3.OperationalError):
        file._db.execute("DELETE FROM tiles")
    file.close()
    assert file.tile(14, 3, 16378) is None  # a client may still ask


def test_what_the_file_does_not_say_is_looked_up(tmp_path: Path) -> None:
    odd = {"minzoom": "low", "bounds": "1,2,three,4"}
    for n, meta in enumerate((None, {}, odd)):
        file = TileFile(
            mbtiles(tmp_path / f"{n}.mbtiles", {(3, 1, 1): picture("JPEG"), (7, 2, 2): picture("WEBP")}, meta)
        )
        assert (file.min_zoom, file.max_zoom, file.bounds, file.name) == (3, 7, None, str(n))
        assert file.covers(0, 0)
        assert (
            kind_of(file.tile(3, 1, 6) or b"") == "image/jpeg" and kind_of(file.tile(7, 2, 125) or b"") == "image/webp"
        )
        file.close()


def test_what_cannot_be_shown_says_why(tmp_path: Path) -> None:
    def why(path: Path) -> str:
        with pytest.raises(BadTiles) as caught:
            TileFile(path)
        assert caught.value.reason in tiles.WHY
        return caught.value.reason

    assert why(tmp_path / "none.mbtiles") == "missing"
    (tmp_path / "text.mbtiles").write_text("<html>登录</html>")
    assert why(tmp_path / "text.mbtiles") == "not_tiles"
    (tmp_path / "short.mbtiles").write_bytes(b"SQLite format 3\0" + b"\0" * 40)
    assert why(tmp_path / "short.mbtiles") == "damaged"
    with sqlite3.connect(tmp_path / "other.mbtiles") as db:
        db.execute("CREATE TABLE t (a)")
    assert why(tmp_path / "other.mbtiles") == "not_tiles"
    assert why(mbtiles(tmp_path / "empty.mbtiles", {})) == "empty"
    assert why(mbtiles(tmp_path / "vector.mbtiles", {(1, 0, 0): gzip.compress(b"pbf")})) == "vector"
    good = mbtiles(tmp_path / "cut.mbtiles", {(14, x, y): picture() for x in range(80) for y in range(80)})
    whole = good.read_bytes()
    good.write_bytes(whole[: len(whole) // 3])
    try:  # where it is cut decides whether opening notices; a tile that cannot be read is none, in either case
        file = TileFile(good)
    except BadTiles as err:
        assert err.reason == "damaged"
    else:
        assert any(file.tile(14, x, 100) is None for x in range(80))


# --- copying in ------------------------------------------------------------------------------------------------------


def test_a_file_comes_in_whole(tmp_path: Path) -> None:
    source, folder, heard = mbtiles(tmp_path / "现场.MBTILES"), tmp_path / "tiles", []
    assert bring_in(source, folder, lambda *a: heard.append(a)) == "现场.mbtiles"
    assert (folder / "现场.mbtiles").read_bytes() == source.read_bytes()
    size = source.stat().st_size
    assert heard[-1] == (size, size) and listed(folder) == [("现场.mbtiles", size)]
    assert listed(tmp_path / "nowhere") == []


def test_a_bad_one_leaves_nothing_and_a_good_one_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tiles"
    old = bring_in(mbtiles(tmp_path / "a.mbtiles"), folder)
    before = (folder / old).read_bytes()
    (tmp_path / "new").mkdir()
    bad = tmp_path / "new" / "a.mbtiles"
    bad.write_text("not a map")
    with pytest.raises(BadTiles):
        bring_in(bad, folder)

    def cut(*args: Any) -> None:
        args[3](1, 2)
        args[1].write_bytes(b"half")
        raise OSError(28, "no space left")

    with monkeypatch.context() as m:
        m.setattr(tiles, "_copied", cut)
        with pytest.raises(Trouble) as full:
            bring_in(mbtiles(tmp_path / "new" / "b.mbtiles"), folder)
    assert full.value.problem.number == 5001
    (folder / "c.mbtiles.part").write_bytes(b"of a process that was killed")
    with monkeypatch.context() as m:
        m.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9 - 10**6, 10**6))  # type: ignore[attr-defined]
        with pytest.raises(Trouble) as full:
            bring_in(tmp_path / "new" / "b.mbtiles", folder)
    assert full.value.problem.number == 5001
    assert sorted(p.name for p in folder.iterdir()) == ["a.mbtiles"] and (folder / old).read_bytes() == before


# --- handing out -----------------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[TileServer]:
    s = TileServer()
    yield s
    s.close()


def get(url: str) -> tuple[int, bytes, dict[str, str]]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as err:
        return err.code, err.read(), dict(err.headers)


def at(address: str, z: Any, x: Any, y: Any) -> str:
    return address.replace("{z}", str(z)).replace("{x}", str(x)).replace("{y}", str(y))


def test_the_loopback_server_gives_tiles_to_who_knows_the_way(tmp_path: Path, server: TileServer) -> None:
    file = TileFile(mbtiles(tmp_path / "a.mbtiles"))
    server.show(file.key, file.tile)
    address = server.address
    status, body, headers = get(at(address, 14, 3, 16378))
    assert (status, body, headers["Content-Type"]) == (200, picture(), "image/png")
    assert headers["Access-Control-Allow-Origin"] == "*" and headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    for nowhere in ((14, 0, 0), ("x", 1, 1), (2, 9, 9)):
        status, body, _ = get(at(address, *nowhere))
        assert (status, body) == (200, EMPTY) or (nowhere[0] == "x" and status == 404)
    token = address.split("/")[3]
    for stranger in (address.replace(token, "x" * 24), address.replace(f"/{token}", "")):
        status, body, _ = get(at(stranger, 14, 3, 16378))
        assert (status, body) == (404, b"")
    server.show("another", None)
    assert get(at(address, 14, 3, 16378))[1] == EMPTY  # a client that still asks for the file of before


def test_no_other_machine_reaches_the_loopback_server(server: TileServer) -> None:
    host, port = server.address.split("/")[2].split(":")
    assert host == "127.0.0.1" and server._server is not None and server._server.server_address[0] == "127.0.0.1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("192.0.2.1", 9))  # sends nothing: only asks which address of ours others see
        ours = s.getsockname()[0]
    if not ours.startswith("127."):
        with pytest.raises(OSError):
            socket.create_connection((ours, int(port)), timeout=1).close()


def test_where_the_app_is_a_web_page_its_server_gives_them(tmp_path: Path, server: TileServer) -> None:
    file = TileFile(mbtiles(tmp_path / "a.mbtiles"))
    server.show(file.key, file.tile)
    app = server.asgi()
    assert server.address.startswith(f"{MOUNT}/") and server._server is None

    def ask(path: str) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        asyncio.run(app({"type": "http", "path": path, "root_path": MOUNT}, None, send))  # type: ignore[arg-type]
        return sent

    start, body = ask(at(server.address, 14, 3, 16378))
    assert start["status"] == 200 and body["body"] == picture() and (b"content-type", b"image/png") in start["headers"]
    assert ask(f"{MOUNT}/guess/{file.key}/14/3/16378")[0]["status"] == 404


# --- choosing --------------------------------------------------------------------------------------------------------


class Host(NamedTuple):
    kept: dict[str, str]

    def keep_setting(self, name: str, value: str) -> None:
        self.kept[name] = value


def test_choosing_a_base_map(tmp_path: Path, server: TileServer) -> None:
    host, folder = Host({}), tmp_path / "tiles"
    ground = Ground(host, folder, "", server)  # type: ignore[arg-type]

    async def body() -> None:
        await ground.look()
        assert (ground.file, ground.files, ground.problem, ground.address) == (None, (), "", "")
        await ground.bring(mbtiles(tmp_path / "a.mbtiles"))
        assert ground.file is not None and host.kept["tiles"] == "a.mbtiles" and ground.copied is None
        assert get(at(ground.address, 14, 3, 16378))[1] == picture()
        address = ground.address
        (tmp_path / "bad.mbtiles").write_text("x")
        await ground.bring(tmp_path / "bad.mbtiles")  # the one that is shown stays
        assert ground.problem == "not_tiles" and ground.address == address
        await ground.choose("")
        assert ground.file is None and ground.problem == "" and get(at(address, 14, 3, 16378))[1] == EMPTY
        again = Ground(host, folder, "gone.mbtiles", server)  # type: ignore[arg-type]
        await again.look()
        assert again.problem == "missing" and again.files and again.file is None
        await again.choose("a.mbtiles")
        await again.remove("a.mbtiles")
        assert again.file is None and again.files == () and host.kept["tiles"] == ""

    asyncio.run(body())
