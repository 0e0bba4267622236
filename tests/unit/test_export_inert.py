"""Whatever a person or a device wrote stays text: in cells, heads, sheets, layers, files inside a zip, in every format."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from python_calamine import CalamineWorkbook

from sync_server.blobs.files import Files
from sync_server.export.cells import Unique, calculates, file_name
from sync_server.export.columns import Style
from sync_server.export.csv_file import cell
from sync_server.export.layers import About, Layer
from sync_server.export.photos import PhotosWriter, Shot
from sync_server.store import BlobRow, SourceRow, Stored
from tests.unit.exported import ABOUT, AT, SCOPE, id_of, layer, point, rows_of, writer, written

PAYLOADS = [
    "=1+1", "=HYPERLINK(\"http://evil.example\",\"点我\")", "=cmd|'/c calc'!A0", "+1+cmd|'/c calc'!A0", "-2+3+cmd|'/c calc'!A0", "@SUM(1+1)",
    "\t=1+1", "\r=1+1", "\n=1+1", "  =1+1", "＝1+1", "－1+1", "{=1+1}", '"=1+1"', "=1+1\";=2", "a,=1+1", "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>", "http://evil.example/", "'; DROP TABLE point; --", "\"); DELETE FROM gpkg_contents; --", "{{7*7}}${7*7}",
    "../../../etc/passwd", "a\u202egpj.exe", "_x003D_1+1", "-0.5", "\u0001\u001f\ufffe", "😀" * 40,
]  # fmt: skip
FORMATS = ("xlsx", "csv", "geojson", "gpkg")


def back(format: str, path: Path, head: str, title: str) -> str:
    """The cell below this head, as a reader of that format has it."""
    if format == "csv":
        rows = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
        return rows[1][rows[0].index(head)]
    if format == "geojson":
        (one,) = json.loads(path.read_bytes())["features"]
        return str(one["properties"][head])
    if format == "gpkg":
        with sqlite3.connect(path) as db:
            return str(db.execute(f'SELECT "{head}" FROM "{title}"').fetchone()[0])
    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_name(title).to_python()
    return str(rows[1][rows[0].index(head)])


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda p: repr(p)[:24])
@pytest.mark.parametrize("format", FORMATS)
def test_text_stays_text(tmp_path: Path, format: str, payload: str) -> None:
    rows = rows_of("point", [point(reason_text=payload, note=payload, code=payload)], {id_of(9): payload})
    path = written(format, tmp_path, "point", rows, title="点位")
    for head in ("备注", "原因说明", "实际点位编号", "地块"):  # the last one: the name of what it points at
        got = back(format, path, head, "点位")
        if format == "csv":
            assert got == (f"'{payload}" if calculates(payload) else payload)
            assert not got.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
        elif format == "xlsx":
            assert got.replace("_xFFFE_", "\ufffe") == payload  # which no XML can hold: Excel writes it so, too
        else:
            assert got == payload
    if format == "xlsx":
        assert_no_formula(path, payload)


def assert_no_formula(path: Path, payload: str) -> None:
    with zipfile.ZipFile(path) as book:
        for name in book.namelist():
            if not name.endswith((".xml", ".rels")):
                continue
            tree = ElementTree.fromstring(book.read(name))  # well-formed, whatever was written
            tags = {e.tag.rpartition("}")[2] for e in tree.iter()}
            assert not tags & {"f", "hyperlink", "script", "img"}, (name, payload)
            assert "evil.example" not in "".join(e.get("Target", "") for e in tree.iter())


def test_text_a_person_edits_stays_text_in_a_workbook(tmp_path: Path) -> None:
    """Excel keeps a cell marked so as text also after somebody pressed F2 and Enter in it."""
    path = written("xlsx", tmp_path, "point", rows_of("point", [point(note="=1+1", reason_text="plain")]), title="点位")
    with zipfile.ZipFile(path) as book:
        styles = ElementTree.fromstring(book.read("xl/styles.xml"))
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    main = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    looks = [x.get("quotePrefix") for x in styles.find(f"{main}cellXfs") or ()]
    marked = {
        "".join(t.text or "" for t in c.iter(f"{main}t")): looks[int(c.get("s", "0"))]
        for c in sheet.iter(f"{main}c")
        if c.get("t") == "inlineStr"
    }
    assert marked["=1+1"] == "1" and marked["plain"] is None


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda p: repr(p)[:24])
def test_names_of_sheets_layers_and_files(tmp_path: Path, payload: str) -> None:
    """Record types have plain names; should one ever not have, nothing opens that should not."""
    style = Style()
    for format in ("xlsx", "gpkg"):
        made = writer(format, tmp_path / format, style)
        for _ in range(2):  # the same name twice
            made.begin(layer("point", format, style, payload))
            made.write(rows_of("point", [point()]))
        made.close(About([(payload, payload)]))
        if format == "xlsx":
            names = CalamineWorkbook.from_path(str(made.path)).sheet_names
            assert len(names) == 3 and len({n.casefold() for n in names}) == 3
            assert all(len(n) <= 31 and not set(n) & set("[]:*?/\\") and not n.startswith("'") for n in names)
            assert_no_formula(made.path, payload)
        else:
            with sqlite3.connect(made.path) as db:
                assert db.execute("SELECT count(*) FROM gpkg_contents").fetchone() == (3,)
                for (name,) in db.execute("SELECT table_name FROM gpkg_contents WHERE data_type='features'").fetchall():
                    quoted = name.replace('"', '""')
                    assert db.execute(f'SELECT count(*) FROM "{quoted}"').fetchone() == (1,)
    for format in ("csv", "geojson"):
        made = writer(format, tmp_path / format, style, several=True)
        for _ in range(2):
            made.begin(layer("point", format, style, payload))
            made.write(rows_of("point", [point()]))
        made.close(About([(payload, payload)]))
        with zipfile.ZipFile(made.path) as pack:
            assert len(set(pack.namelist())) == 3
            assert_names_safe(pack.namelist())
            assert pack.testzip() is None


def assert_names_safe(names: list[str]) -> None:
    for name in names:
        assert (
            name == Path(name).name and name.isprintable() and not name.startswith((".", "-", "=", "+", "@", "~", " "))
        ), name
        assert not set(name) & set('\\/:*?"<>|') and len(name.encode()) < 250, name


@pytest.mark.parametrize("head", ["=1+1", "-x", "@a", 'a"b', "fid", "geom", "FID", "  =x"])
def test_heads_are_inert_too(tmp_path: Path, head: str) -> None:
    """A label of a field is ours; that of an unknown part is a device's."""
    for format in FORMATS:
        made = writer(format, tmp_path / format, Style())
        base = layer("point", format, Style())
        reserved = ("fid", "geom") if format == "gpkg" else ()
        columns = [base.columns[0]._replace(head=Unique(reserved)(head)), base.columns[1]]
        made.begin(Layer("point", "点位", columns, base.shape))
        made.write(rows_of("point", [point()]))
        made.close(ABOUT)
        if format == "csv":
            assert made.path.read_bytes().decode("utf-8-sig")[1] not in "=+-@" and made.path.read_bytes()[3:4] == b'"'
        if format == "xlsx":
            assert_no_formula(made.path, head)


def test_figures_stay_figures_and_text_that_looks_like_one_does_not() -> None:
    assert cell("number", "-1.50") == "-1.50"
    assert cell("int", -3) == "-3"
    assert cell("number", "-1.5e3+cmd") == '"\'-1.5e3+cmd"'
    assert cell("number", "-1\n") == '"\'-1\n"'
    assert cell("text", "-1.50") == '"\'-1.50"'
    assert cell("text", 'a"b') == '"a""b"'
    assert cell("text", "") == cell("text", None) == ""


@pytest.mark.parametrize(
    "payload",
    [*PAYLOADS, "..", ".", "CON", "con.txt", "lpt1", "a" * 400, "字" * 400, "", " ", "a/b\\c", "\u2028x", "~$x"],
    ids=lambda p: repr(p)[:24],
)
def test_file_names_are_safe_everywhere(payload: str) -> None:
    name = file_name(payload)
    assert_names_safe([name])
    assert name.partition(".")[0].casefold() not in ("con", "lpt1", "") and len(name.encode()) <= 80


def photo(payload: str, n: int = 1, sha: str = "") -> Stored:
    values = {
        "sha256": sha,
        "step": "core_box",
        "subject_kind": "point",
        "subject_id": id_of(2),
        "taken_at": AT,
        "source": "app_camera",
        "caption": payload,
    }
    return Stored("photo", id_of(n), SCOPE, n, values)


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda p: repr(p)[:24])
def test_a_photo_archive_is_inert(tmp_path: Path, payload: str) -> None:
    import hashlib

    data = payload.encode("utf-8", "replace") + b"jpeg"
    sha = hashlib.sha256(data).hexdigest()
    (tmp_path / "up").write_bytes(data)
    files = Files(tmp_path / "blobs")
    files.take(tmp_path / "up", sha)
    blob = BlobRow(sha, len(data), payload, payload, AT, payload)
    shot = Shot(photo(payload, sha=sha), blob, SourceRow(sha, SCOPE, "p", None, payload, AT), payload, payload, payload)
    made = PhotosWriter(tmp_path / "x.zip", Style(), files, tmp_path)
    made.write([shot, shot._replace(blob=None, source=None)])
    made.close(About([(payload, payload)]))
    with zipfile.ZipFile(made.path) as pack:
        assert_names_safe(pack.namelist())
        picture, listed, _ = pack.namelist()
        assert pack.read(picture) == data and pack.getinfo(picture).compress_type == zipfile.ZIP_STORED
        assert picture.endswith(f" {sha[:8]}.bin")  # a kind nobody knows is no picture
        rows = list(csv.reader(io.StringIO(pack.read(listed).decode("utf-8-sig"), newline="")))
    assert len(rows) == 3 and not any(calculates(c) for row in rows for c in row)
