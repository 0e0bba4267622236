"""Tables in any order, narrowed in any way: what pages show is what an independent reading of the same rows says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.fields import RecordField, fields_of
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.shown import searched
from schemas.wire import ScopeGrant
from sync_server.console.tables.asked import asked, params_of, place_of, place_text, query_of
from sync_server.console.tables.find import SHOWN
from sync_server.console.tables.table import PAGE
from sync_server.facts import FactsReader
from sync_server.service import Clause, Query, Write
from sync_server.store import Stored
from tests.api.conftest import AT, Server
from tests.api.test_rights import Desk

QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
NUMBERS = [
    "0", "-0", "1.5", "1.50", "-1.5", "-0.5", "-0.50", "0.5", "9", "10", "100", "007", "0.000000000001", "-0.000000000001",
    "999999999999999999.999999999999", "999999999999999999.999999999998", "-999999999999999999", "123456789012345678",
    "abc", "", "--5", "-", "1.", ".5", "1e5", "1 000", "٣", "1.2.3", "+5", "1234567890123456789", "0.1234567890123", "5\n",
]  # fmt: skip
TIMES = [
    "2026-11-21T10:00:00+08:00", "2026-11-21T02:00:00Z", "2026-11-21T02:00:00.000001Z", "2026-11-21T02:00:00.1Z",
    "2026-11-21T10:00:00.25+08:00", "2026-11-20T22:30:00-04:00", "2026-11-21T10:00+08:00", "2026-11-21 02:00:01Z", "1969-12-31T23:59:59Z",
    "2000-02-29T12:00:00+05:30", "1900-03-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-21T23:59:59.999999+08:00",
    "2026-11-21T02:00:00.1234567Z", "yesterday", "", "2026-11-21", "2026-11-21T10:00:00", "2026-11-21T10:00:00.+08:00",
    "2026-11-21T10:00:0x+08:00", "2026-11-21T10:00:00.1x+08:00",
]  # fmt: skip
TEXTS = [
    "", "a", "A", "B", "b", "ab", "中", "丁", "é", "\ufffd", "𠮷", "100%", "a_b", "a/b", "a\\b", "油 渍", "x" * 120 + "a", "x" * 120 + "b",
]  # fmt: skip
DAYS = ["2026-11-20", "2026-11-21", "2026-11-22", "2025-01-01", ""]
KINDS = {"decimal": NUMBERS, "datetime": TIMES, "date": DAYS}


# --- the same, read independently ------------------------------------------------------------------------------------


def moment(text: str) -> datetime | None:
    found = re.match(
        r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:Z|([+-])(\d\d):(\d\d))\Z", text, re.ASCII
    )
    if not found:
        return None
    y, mo, d, h, mi, s = (int(x or 0) for x in found.groups()[:6])
    micros = int(((found[7] or "") + "000000")[:6])
    offset = timedelta(hours=int(found[9] or 0), minutes=int(found[10] or 0)) * (-1 if found[8] == "-" else 1)
    start = datetime(y, mo, 1, tzinfo=UTC)
    return start + timedelta(days=d - 1, hours=h, minutes=mi, seconds=s, microseconds=micros) - offset


def measure(field: RecordField, value: Any) -> Any:
    """What a value is sorted and compared by; None: nothing there."""
    if value is None:
        return None
    if field.kind == "decimal":
        return Decimal(value) if re.match(r"-?\d{1,18}(\.\d{1,12})?\Z", value, re.ASCII) else None
    if field.kind == "datetime":
        return moment(value)
    if field.kind in ("int", "bool"):
        return int(value)
    if field.kind == "list":
        return json.dumps(value, separators=(",", ":"))[:100] if value else None
    if field.spec.codes:
        known = list(field.options())
        return (known.index(value) if value in known else len(known), value[:100]) if value else None
    return value[:100] or None


def in_order(rows: list[Stored], field: RecordField | None, down: bool) -> list[str]:
    if field is None:
        return [r.id for r in sorted(rows, key=lambda r: r.seq, reverse=down)]
    there = [(m, r.id) for r in rows if (m := measure(field, r.values.get(field.name))) is not None]
    gone = [r.id for r in rows if measure(field, r.values.get(field.name)) is None]
    return [id for _, id in sorted(there, reverse=down)] + sorted(gone, reverse=down)


def lower(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


def fits(field: RecordField, clause: Clause, value: Any) -> bool:
    op, wanted = clause.op, clause.value
    if op in ("given", "none"):
        return (value not in (None, "", [])) == (op == "given")
    if op == "not":
        return not fits(field, clause._replace(op="is"), value)
    if op == "has":
        return value is not None and lower(wanted) in lower(value)
    if field.name == "deleted":
        return bool(value) == (wanted == "true")
    if value is None:
        return False
    if field.kind == "bool":
        return value == (wanted == "true")
    if field.kind == "list":
        return any(w in value for w in wanted.split(","))
    if field.spec.codes:
        return value in wanted.split(",")
    if field.kind == "text" or (field.kind == "date" and value == ""):
        return value == wanted
    made: Callable[[Any], Any] = {"decimal": Decimal, "int": int, "datetime": moment, "date": str}[field.kind]
    have, bound = (measure(field, value) if field.kind != "date" else value), made(wanted)
    return have is not None and {"is": have == bound, "least": have >= bound, "most": have <= bound}[op]


# --- rows and questions at random ------------------------------------------------------------------------------------


def some_value(field: RecordField) -> st.SearchStrategy[Any]:
    if field.kind == "bool":
        return st.sampled_from([None, True, False])
    if field.kind == "int":
        return st.sampled_from([None, 0, 1, -1, 2, 10, 2**53, -(2**53)])
    if field.kind in KINDS:
        return st.none() | st.sampled_from(KINDS[field.kind])
    if field.spec.codes:
        codes = [*list(field.options())[:5], "newer_code"]
        return st.none() | (
            st.lists(st.sampled_from(codes), max_size=3) if field.kind == "list" else st.sampled_from([*codes, ""])
        )
    return st.none() | st.sampled_from(TEXTS)


def some_clause(field: RecordField) -> st.SearchStrategy[Clause]:
    out = [st.sampled_from([Clause(field.name, "given"), Clause(field.name, "none")])]
    if field.kind == "bool":
        out.append(st.sampled_from([Clause(field.name, "is", v) for v in ("true", "false")]))
    elif field.spec.codes:
        some = st.lists(st.sampled_from(list(field.options())[:5]), min_size=1, max_size=2, unique=True).map(",".join)
        out.append(st.builds(Clause, st.just(field.name), st.sampled_from(["is", "not"]), some))
    elif field.kind in ("decimal", "int", "datetime", "date"):
        whole = field.kind == "int"
        good = (
            [str(n) for n in (-1, 0, 1, 2, 2**53)]
            if whole
            else [v for v in KINDS[field.kind] if measure(field, v) is not None]
        )
        if field.kind == "datetime":  # as an address has them
            good = ["2026-11-21T00:00:00+08:00", "2026-11-21T23:59:59.999999+08:00", "2026-11-21T02:00:00.000001+00:00"]
        ops = ["least", "most", "is"] if field.kind in ("decimal", "int") else ["least", "most"]
        out.append(st.builds(Clause, st.just(field.name), st.sampled_from(ops), st.sampled_from(good)))
    elif not field.spec.ref and field.kind == "text":
        found = st.sampled_from([t for t in TEXTS if t])
        out.append(st.builds(Clause, st.just(field.name), st.sampled_from(["has", "is"]), found))
    return st.one_of(out)


ASKED = {
    "field_reading": ("value", "repeat_no", "at", "method", "parameter", "deleted", "depth_top_m", "note"),
    "sample": ("code", "groups", "label_checked", "collected_at", "depth_top_m", "medium", "note", "deleted"),
    "person_qualification": ("number", "valid_to", "note", "deleted"),
}


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]], str, bool, list[Clause], str, int]:
    type = draw(st.sampled_from(sorted(ASKED)))
    known = fields_of(TYPES[type])
    names = [n for n in ASKED[type] if n in known]
    rows = draw(st.lists(st.fixed_dictionaries({n: some_value(known[n]) for n in names}), max_size=25))
    order = draw(st.sampled_from(["seq", *names]))
    where = draw(st.lists(st.sampled_from(names).flatmap(lambda n: some_clause(known[n])), max_size=2))
    words = draw(st.sampled_from(["", "", "a", "A b", "%", "_", "中"]))
    return type, rows, order, draw(st.booleans()), where, words, draw(st.integers(1, 9))


@given(questions())
@QUICK
def test_pages_walk_and_count_are_the_rows_sorted_and_filtered(server: Server, asked_for: Any) -> None:
    type, made, order, down, where, words, limit = asked_for
    service, scope, known = server.service, f"{server.new_id()}.field", fields_of(TYPES[type])
    rows = [
        Stored(type, server.new_id(), scope, n, {k: v for k, v in values.items() if v is not None})
        for n, values in enumerate(made, 1)
    ]
    with service.store.writing() as tx:
        tx.put(rows, [])
    here = [
        r for r in rows
        if all(fits(known[c.field], c, r.values.get(c.field)) for c in where)
        and all(any(lower(w) in lower(str(r.values.get(n, ""))) for n in searched(type)) for w in words.split())
    ]  # fmt: skip
    wanted = in_order(here, None if order == "seq" else known[order], down)
    query = Query(type, scope, tuple(where), words, order, down)
    assert [r.id for part in service.walk(query, size=limit) for r in part] == wanted
    assert {r.id: r.values for part in service.walk(query) for r in part} == {r.id: r.values for r in here}
    assert service.counted(query) == len(wanted) and service.counted(query, most=3) == min(len(wanted), 4)
    after, pages = None, []
    while True:
        page = service.page(query, after, limit=limit)
        assert (page.before is None) == (after is None or not page.rows)
        pages.append([r.id for r in page.rows])
        if page.after is None:
            break
        after = place_of(query, place_text(query, page.after) or "")  # as it travels in an address
        assert after == page.after
    assert sum(pages, []) == wanted and all(len(p) == limit for p in pages[:-1])
    before = page.before
    for want in reversed(pages[:-1]):
        page = service.page(query, before=place_of(query, place_text(query, before) or ""), limit=limit)
        assert [r.id for r in page.rows] == want and page.after is not None
        before = page.before
    assert before is None


@pytest.mark.parametrize(("name", "values"), [("value", NUMBERS), ("at", TIMES), ("note", TEXTS)])
def test_every_value_stands_in_its_place(server: Server, name: str, values: list[str]) -> None:
    scope, field = f"{server.new_id()}.field", fields_of(TYPES["field_reading"])[name]
    rows = [Stored("field_reading", server.new_id(), scope, n, {name: v}) for n, v in enumerate(values * 2, 1)]
    with server.service.store.writing() as tx:
        tx.put(rows, [])
    for down in (True, False):
        query = Query("field_reading", scope, order=name, down=down)
        wanted = in_order(rows, field, down)
        assert [r.id for part in server.service.walk(query) for r in part] == wanted
        after, met = None, []
        while after is not None or not met:
            page = server.service.page(query, after, limit=1)
            met += [r.id for r in page.rows]
            after = page.after
        assert met == wanted
    bounds = [v for v in values if measure(field, v) is not None] if name == "value" else []
    for clause in (Clause(name, op, bound) for bound in bounds for op in ("least", "most", "is")):
        found = {r.id for part in server.service.walk(Query("field_reading", scope, (clause,))) for r in part}
        assert found == {r.id for r in rows if fits(field, clause, r.values[name])}, clause


CODES = [None, "", "xrf", "pid", "newer_code"]
LISTS = [None, [], ["metal"], ["metal", "voc"], ["newer_code"]]


@pytest.mark.parametrize(("type", "name", "values", "asked_"), [
    ("field_reading", "method", CODES, ("xrf", "xrf,pid", "fid")), ("sample", "groups", LISTS, ("metal", "voc,metal", "ph")),
    ("sample", "label_checked", [None, True, False], ("true", "false")), ("sample", "deleted", [None, True, False], ("true", "false")),
])  # fmt: skip
def test_every_choice_finds_its_rows(
    server: Server, type: str, name: str, values: list[Any], asked_: tuple[str, ...]
) -> None:
    scope, field = f"{server.new_id()}.field", fields_of(TYPES[type])[name]
    rows = [Stored(type, server.new_id(), scope, n, {} if v is None else {name: v}) for n, v in enumerate(values, 1)]
    with server.service.store.writing() as tx:
        tx.put(rows, [])
    clauses = [
        Clause(name, op, value) for value in asked_ for op in (("is",) if field.kind == "bool" else ("is", "not"))
    ]
    for clause in (*clauses, Clause(name, "given"), Clause(name, "none")):
        found = {r.id for part in server.service.walk(Query(type, scope, (clause,))) for r in part}
        wanted = {r.id for r in rows if fits(field, clause, r.values.get(name))}
        if name == "deleted" and clause.op == "none":  # as every record is until somebody voids it
            wanted = {rows[0].id}
        assert found == wanted, clause


def test_rows_that_moved_do_not_break_a_walk(server: Server) -> None:
    """A place stays where it was, whatever became of its row."""
    scope = f"{server.new_id()}.field"
    rows = [Stored("soil_layer", server.new_id(), scope, n, {"bottom_m": f"{n}.5"}) for n in range(1, 8)]
    with server.service.store.writing() as tx:
        tx.put(rows, [])
    query = Query("soil_layer", scope, order="bottom_m", down=False)
    first = server.service.page(query, limit=3)
    with server.service.store.writing() as tx:
        tx.put([], [rows[2]._replace(seq=20, values={"bottom_m": "100"})])
    rest = server.service.page(query, first.after, limit=9)
    assert [r.values["bottom_m"] for r in rest.rows] == ["4.5", "5.5", "6.5", "7.5", "100"]


def test_what_a_reference_is_called(server: Server) -> None:
    """Rows are found and sorted by the name of what they point at, and only by names the reader may read."""
    scope, home, hidden = f"{server.new_id()}.field", server.home, f"{server.new_id()}.field"
    names = {"b": (scope, "S2-1"), "a": (scope, "S10-1"), "c": (hidden, "S9-GEHEIM")}
    holes = {
        k: Stored("borehole", server.new_id(), s, n, {"code": code})
        for n, (k, (s, code)) in enumerate(names.items(), 1)
    }
    person = Stored("person", server.new_id(), home, 900, {"name": "周岚"})
    rows = [
        Stored("soil_layer", server.new_id(), scope, n, {"borehole_id": holes[k].id})
        for n, k in enumerate(("b", "c", "a"), 10)
    ]
    sample = Stored("sample", server.new_id(), scope, 20, {"collected_by": [person.id]})
    with server.service.store.writing() as tx:
        tx.put([*holes.values(), person, sample, *rows], [])

    def found(query: Query) -> list[str]:
        return [r.id for part in server.service.walk(query) for r in part]

    layers = Query("soil_layer", scope, order="borehole_id", down=False)
    assert found(layers) == [
        rows[2].id,
        rows[0].id,
        rows[1].id,
    ]  # S10, S2; then the one whose name is not for this reader
    assert found(layers._replace(where=(Clause("borehole_id", "has", "s10"),))) == [rows[2].id]
    assert found(layers._replace(where=(Clause("borehole_id", "has", "GEHEIM"),))) == []
    assert found(layers._replace(where=(Clause("borehole_id", "has", "GEHEIM"),), names_in=(hidden,))) == [rows[1].id]
    by = Query("sample", scope, (Clause("collected_by", "has", "周"),))
    assert found(by) == [] and found(by._replace(names_in=(home,))) == [sample.id]


# --- addresses -------------------------------------------------------------------------------------------------------


def scopes() -> list[ScopeGrant]:
    return [
        ScopeGrant(scope=f"p1.{a}", audience=a, owner="p1", name="P", roles=["project_manager"], writes=[])
        for a in ("field", "enforcement", "transfer")
    ] + [ScopeGrant(scope="o1.organisation", audience="organisation", owner="o1", name="O", roles=[], writes=[])]


def test_an_address_is_a_query_and_back() -> None:
    given_ = [
        ("value.least", "１ 50.5"), ("method.is", "xrf"), ("method.is", "pid"), ("at.least", "2026-11-21"), ("at.most", "2026-11-21"),
        ("lod.set", "none"), ("note.has", " 油 "), ("q", " a   b "), ("order", "-value"), ("deleted.is", "false"), ("value.most", ""),
        ("lang", "en"),
    ]  # fmt: skip
    query = query_of("field_reading", scopes(), given_)
    assert query == Query(
        "field_reading", "p1.field",
        (Clause("value", "least", "150.5"), Clause("method", "is", "xrf,pid"), Clause("at", "least", "2026-11-21T00:00:00+08:00"),
         Clause("at", "most", "2026-11-21T23:59:59.999999+08:00"), Clause("lod", "none"), Clause("note", "has", "油"),
         Clause("deleted", "is", "false")),
        "a b", "value", True, ("p1.field", "p1.enforcement", "p1.transfer", "o1.organisation"),
    )  # fmt: skip
    assert query_of("field_reading", scopes(), params_of(query).items()) == query
    assert params_of(query_of("comment", scopes(), [("of", "transfer"), ("order", "old")])) == {
        "of": "transfer",
        "order": "old",
    }


@pytest.mark.parametrize(("name", "value", "number"), [
    ("value.least", "abc", 1007), ("value.least", "1.2.3", 1007), ("value.most", "9" * 19, 1007), ("at.least", "2026-13-01", 1007),
    ("at.most", "gestern", 1007), ("method.is", "xrf,magic", 1007), ("lod.set", "perhaps", 1007), ("deleted.is", "2", 1007),
    ("repeat_no.is", "1.5", 1007), ("point_id.is", "S1", 1007), ("note.has", "x" * 201, 1007), ("note.has", "a\0b", 1007),
    ("nothing.is", "1", 1008), ("value.has", "1", 1008), ("value.", "1", 1008), ("q.q.q", "1", 1008), ("id.is", "1", 1008),
])  # fmt: skip
def test_a_filter_that_makes_no_sense_is_told_and_left_out(name: str, value: str, number: int) -> None:
    found = asked("field_reading", scopes(), [(name, value), ("qualifier.is", "eq")])
    assert found.query.where == (Clause("qualifier", "is", "eq"),)
    (wrong,) = found.wrong
    assert wrong.trouble.problem.number == number and wrong.trouble.text("zh") != wrong.trouble.text("en")
    with pytest.raises(Trouble) as err:
        query_of("field_reading", scopes(), [(name, value)])
    assert err.value.problem.number == number


@pytest.mark.parametrize(("order", "text"), [
    ("new", "x"), ("new", "-1"), ("new", "9" * 30), ("new", "1~2"), ("-value", "1"), ("-value", "0193e9a0-0000-7000-8000-000000000000~1"),
    ("-value", "0193e9a0-0000-7000-8000-000000000000~1~x"), ("-value", "0193e9a0-0000-7000-8000-000000000000~1~" + "9" * 30),
    ("note", "0193e9a0-0000-7000-8000-000000000000~" + "x" * 3000), ("note", "0193e9a0-0000-7000-8000-000000000000~a\0"),
    ("note", "' OR 1=1 --"),
])  # fmt: skip
def test_a_place_nobody_was_led_to(order: str, text: str) -> None:
    query = asked("field_reading", scopes(), [("order", order)]).query
    with pytest.raises(Trouble) as err:
        place_of(query, text)
    assert err.value.problem.number == 1001


# --- pages -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(server: Server) -> Desk:
    return Desk(server, server.pm)


def get(desk: Desk, path: str) -> httpx.Response:
    return desk.call("GET", f"/console/projects/{desk.server.project}/{path}")


def ids(html: str) -> list[str]:
    return re.findall(r'<tr id="r-([^"]+)"', html)


def href(html: str, word: str) -> str:
    """Of the link that says this."""
    found = [
        unescape(a)
        for a, text in re.findall(r'<a[^>]*href="([^"]*)"[^>]*>(.*?)</a>', html, re.S)
        if word in re.sub("<[^>]*>", "", text)
    ]
    assert found, word
    return found[0]


def readings(server: Server, values: list[str], **more: Any) -> list[str]:
    """Nickel at one point. Their ids."""
    point, hole, instrument = (server.new_id() for _ in range(3))
    server.service.write(None, [
        Write("site", server.site, server.field, {**server.service.records("site", server.field)[0].values, "standard": "gb36600_1", "land_use": "r1"}),
        Write("instrument", instrument, f"{server.org}.organisation", {"code": "XRF-9", "kind": "xrf", "model": "Vanta", "serial_no": "9", "org_id": server.org}),
        Write("point", point, server.field, server.point(code="S14")),
        Write("borehole", hole, server.field, {"point_id": point, "code": "S14-1", "opened_at": AT}),
    ])  # fmt: skip
    found = [server.new_id() for _ in values]
    server.service.write(None, [Write("field_reading", id, server.field, {
        "borehole_id": hole, "method": "xrf", "instrument_id": instrument, "parameter": "Ni", "depth_top_m": "1.5", "depth_bottom_m": "2.0",
        "value": value, "qualifier": "eq", "unit": "mg_kg", "at": AT, "entry_way": "typed", **more,
    }) for id, value in zip(found, values, strict=True)])  # fmt: skip
    return found


def test_readings_stand_against_their_limit_worst_first(server: Server, desk: Desk) -> None:
    low, high, middle, equal = readings(server, ["38", "642", "391", "150"])
    html = get(desk, "records/field_reading?order=worst").text
    assert ids(html) == [high, middle, equal, low]
    lines = dict(re.findall(r'<tr id="r-([^"]+)"(.*?)</tr>', html, re.S))
    said = {id: re.sub(r"<title>.*?</title>|<[^>]*>", " ", line) for id, line in lines.items()}
    assert "超管制值" in said[high] and "超筛选值" in said[middle] and "未超筛选值" in said[equal]
    assert all("150 / 600" in s and "S14" in s and "1.5–2.0" in s and "镍" in s for s in said.values())
    assert 'class="f-alert"' in lines[high] and 'class="f-done"' in lines[low] and "读数值 mg/kg" in html
    assert f'/records/field_reading/{high}"' in lines[high]
    # the words of reconcile: R04 names the same reading
    report = FactsReader(server.service).report(server.project, server.clock()).report
    worst = next(f for f in report.findings if f.check == "R04")
    assert worst.figures["severe"] is True and worst.figures["value"] == Decimal(642)


def test_worst_first_goes_on_after_a_reading_and_has_a_bound(
    server: Server, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = readings(server, [str(n) for n in range(100, 100 + 2 * PAGE + 7)])
    html, met = get(desk, "records/field_reading?order=worst&q=Ni").text, []
    pages = [ids(html)]
    while 'rel="next"' in html:
        html = desk.call("GET", href(html, "下一页")).text
        pages.append(ids(html))
    assert sum(pages, met) == made[::-1] and [len(p) for p in pages] == [PAGE, PAGE, 7]
    assert ids(desk.call("GET", href(html, "上一页")).text) == pages[1]
    assert get(desk, "records/field_reading?order=worst&after=7").status_code == 400
    monkeypatch.setattr("sync_server.console.tables.page.MOST", 20)
    answer = get(desk, "records/field_reading?order=worst")
    assert answer.status_code == 400 and "超过 20 条读数" in answer.text and ids(answer.text) == made[::-1][:PAGE]
    answer = get(desk, "records/field_reading?order=worst&value.most=110")
    assert answer.status_code == 200 and ids(answer.text) == made[:11][::-1]


def test_a_head_sorts_and_a_chip_takes_away(server: Server, desk: Desk) -> None:
    two, ten, none = (server.new_id() for _ in range(3))
    with server.service.store.writing() as tx:
        tx.put([Stored("soil_layer", id, server.field, n, {"layer_no": n, **v}) for n, (id, v) in enumerate(
            ((two, {"bottom_m": "2.50"}), (ten, {"bottom_m": "10"}), (none, {"note": "油渍"})), 1)], [])  # fmt: skip
    html = get(desk, "records/soil_layer").text
    assert ids(html) == [none, ten, two] and 'aria-sort="descending"' in html
    html = desk.call("GET", href(html, "层底深度")).text
    assert ids(html) == [ten, two, none] and re.search(r'aria-sort="descending">\s*<a[^>]*>层底深度', html)
    html = desk.call("GET", href(html, "层底深度")).text
    assert ids(html) == [two, ten, none] and re.search(r'aria-sort="ascending">\s*<a[^>]*>层底深度', html)
    html = get(desk, "records/soil_layer?bottom_m.least=2.5&bottom_m.most=9&order=-bottom_m").text
    assert ids(html) == [two] and "3 条中 1 条" in html and "层底深度 ≥ 2.5 m" in html
    html = desk.call("GET", href(html, "≤ 9")).text
    assert ids(html) == [ten, two] and "≤" not in html
    html = get(desk, "records/soil_layer?none=bottom_m&q=油").text
    assert ids(html) == [none] and "层底深度 没填" in html
    html = get(desk, "records/soil_layer?q=nirgends").text
    assert ids(html) == [] and "没有符合这些条件的记录" in html


def test_what_is_shown_is_what_is_exported(server: Server, desk: Desk) -> None:
    readings(server, ["1", "20"])
    html = get(desk, "records/field_reading?value.least=2&method.is=xrf&order=-at&q=Ni&columns=value").text
    there = httpx.URL(href(html, "导出所见"))
    assert there.path == f"/console/projects/{server.project}/exports/new"
    params = dict(there.params)
    assert params.pop("type") == "field_reading"
    grants = [ScopeGrant(scope=server.field, audience="field", owner=server.project, name="", roles=[], writes=[])]
    query = query_of("field_reading", grants, params.items())
    assert [r.values["value"] for part in server.service.walk(query) for r in part] == ["20"]


def test_nonsense_is_told_where_it_stands(server: Server, desk: Desk) -> None:
    readings(server, ["1", "20"])
    answer = get(desk, "records/field_reading?value.least=viel&value.most=5&xx.is=1&lang=en")
    assert answer.status_code == 400 and len(ids(answer.text)) == 1  # what could be read counts
    assert "The filter of “Value” cannot be read: viel" in answer.text and "cannot be filtered by xx.is" in answer.text
    assert re.search(r'name="value.least" value="viel"[^>]*aria-invalid="true" aria-describedby="([^"]+)"', answer.text)
    for bad in (
        "value.least=%00",
        "q=%00x",
        "q=" + "x" * 300,
        "note.has=" + "%F0%9F%98%80" * 300,
        "at.least=9999-99-99",
        "at.most=0000-01-01",
    ):
        assert get(desk, f"records/field_reading?{bad}").status_code == 400, bad
    for fine in (
        "at.least=0001-01-01",
        "at.most=9999-12-31",
        "value.least=-999999999999999999.999999999999",
        "q=%25_%5C'",
        "note.has=%F0%A0%AE%B7",
    ):
        assert get(desk, f"records/field_reading?{fine}").status_code == 200, fine


def test_chosen_columns_are_remembered(server: Server, desk: Desk) -> None:
    readings(server, ["20"])
    answer = get(desk, "records/field_reading?columns=value&columns=at")
    assert answer.status_code == 303 and answer.headers["location"].endswith("?columns=value%2Cat")
    answer = desk.call("GET", answer.headers["location"])

    def heads(html: str) -> list[str]:
        found = re.search(r"<thead>(.*?)</thead>", html, re.S)
        return (
            [re.sub("<[^>]*>", "", h).strip() for h in re.findall(r"<th[^>]*>(.*?)</th>", found[1], re.S)]
            if found
            else []
        )

    assert heads(answer.text) == ["点位", "状态", "读数值", "测量时间"]
    kept = answer.headers["set-cookie"].partition(";")[0]
    assert kept == "jingtu_columns_field_reading=value.at" and "httponly" in answer.headers["set-cookie"].lower()
    cookie, desk.cookie = desk.cookie, f"{desk.cookie}; {kept}"
    assert heads(get(desk, "records/field_reading").text) == ["点位", "状态", "读数值", "测量时间"]
    answer = desk.call("GET", href(get(desk, "records/field_reading?columns=all").text, "只列有内容的列"))
    assert 'jingtu_columns_field_reading=""' in answer.headers["set-cookie"] and "对限值" in heads(answer.text)
    for strange in ("nonsense.value", "a=b", "..", "x" * 5000):
        desk.cookie = f"{cookie}; jingtu_columns_field_reading={strange}"
        assert get(desk, "records/field_reading").status_code == 200


def test_marks_of_review_and_conflict(server: Server, desk: Desk) -> None:
    server.service.write(None, [
        Write("point", id := server.new_id(), server.field, server.point(code="S7")),
        Write("point", other := server.new_id(), server.field, server.point(code="S8")),
    ])  # fmt: skip
    seq = next(r.seq for r in server.service.records("point", server.field) if r.id == id)
    said = {
        "subject_kind": "point",
        "subject_id": id,
        "record_seq": seq,
        "state": "back",
        "level": 1,
        "reason": "重拍",
        "person_id": server.pm,
        "at": AT,
    }
    clash = {
        "subject_kind": "point",
        "subject_id": other,
        "change_id": "c",
        "field_name": "note",
        "before": "1",
        "now": "2",
        "after": "3",
    }
    with server.service.store.writing() as tx:
        tx.put(
            [
                Stored("review_decision", server.new_id(), server.field, seq + 5, said),
                Stored("conflict", server.new_id(), server.field, seq + 6, clash),
            ],
            [],
        )
    lines = dict(re.findall(r'<tr id="r-([^"]+)"(.*?)</tr>', get(desk, "records/point").text, re.S))
    assert "退回" in lines[id] and "冲突" not in lines[id] and "冲突" in lines[other] and "待审核" in lines[other]


def test_odd_records_are_shown(server: Server, desk: Desk) -> None:
    """Fields nobody knows, references to nothing, readings with gaps: a table of them is a table."""
    gone = server.new_id()
    odd: list[dict[str, Any]] = [
        {}, {"value": "abc", "qualifier": "??", "unit": "x", "parameter": "Ni", "method": "xrf"}, {"parameter": "Ni", "method": "xrf"},
        {"borehole_id": gone, "parameter": "Ni", "value": "5", "method": "xrf", "unit": "mg_kg", "qualifier": "eq", "newer": {"a": [1]}},
        {"borehole_id": gone, "parameter": "不知道", "value": "5", "method": "xrf"}, {"parameter": "Ni", "value": "-1", "method": "newer", "at": "x"},
    ]  # fmt: skip
    with server.service.store.writing() as tx:
        tx.put([Stored("field_reading", server.new_id(), server.field, n, v) for n, v in enumerate(odd, 1)], [])
    for query in (
        "",
        "?order=worst",
        "?columns=all",
        "?order=-value",
        "?order=at",
        "?order=borehole_id",
        "?columns=value,unit,at",
    ):
        answer = get(desk, f"records/field_reading{query}")
        assert answer.status_code == 200 and len(ids(answer.text)) == len(odd), query


# --- find ------------------------------------------------------------------------------------------------------------


def test_an_exact_code_leads_to_its_record(server: Server, desk: Desk) -> None:
    sample, voided, instrument = (server.new_id() for _ in range(3))
    point = server.new_id()
    server.service.write(None, [
        Write("point", point, server.field, server.point(code="S14")),
        Write("instrument", instrument, f"{server.org}.organisation", {"code": "XRF-9", "kind": "xrf", "org_id": server.org, "model": "Vanta", "serial_no": "842167"}),
    ])  # fmt: skip
    with server.service.store.writing() as tx:
        tx.put([Stored("sample", sample, server.field, 500, {"code": "HX-S14-1"}),
                Stored("sample", voided, server.field, 501, {"code": "S14", "deleted": True})], [])  # fmt: skip
    here = f"/console/projects/{server.project}/records"
    for text, there in (
        (" s14 ", f"point/{point}"),
        ("hx-s14-1", f"sample/{sample}"),
        ("842167", f"instrument/{instrument}"),
    ):
        answer = get(desk, "find?" + httpx.QueryParams({"q": text}).__str__())
        assert (answer.status_code, answer.headers.get("location")) == (303, f"{here}/{there}"), text
    html = get(desk, "find?q=S14&all=1").text
    assert html.index("<h2>点位</h2>") < html.index("<h2>样品</h2>") and "HX-S14-1" in html and "作废" in html
    assert get(desk, "find?q=S1").status_code == 200 and "没有找到「QQ」" in get(desk, "find?q=QQ").text
    assert "没有找到" in get(desk, "find?q=%25").text and get(desk, "find").status_code == 200
    for strange in ("%00", "%0A%0D", "x" * 1999, "%F0%9F%98%80", "'--", "<script>"):
        answer = get(desk, f"find?q={strange}")
        assert answer.status_code == 200 and "<script>" not in answer.text.replace("<script src", ""), strange


def test_two_of_one_code_are_both_shown(server: Server, desk: Desk) -> None:
    with server.service.store.writing() as tx:
        tx.put([Stored("planned_point", server.new_id(), server.field, 600, {"code": "W01"}),
                Stored("point", server.new_id(), server.field, 601, {"code": "W01"})], [])  # fmt: skip
    html = get(desk, "find?q=w01").text
    assert html.count("完全相同") == 2
    for n in range(SHOWN + 3):
        with server.service.store.writing() as tx:
            tx.put(
                [Stored("vehicle", server.new_id(), f"{server.org}.organisation", 700 + n, {"plate": f"苏L·A{n:04}"})],
                [],
            )
    html = get(desk, "find?q=苏L").text
    assert html.count("苏L·A") == SHOWN and len(ids(desk.call("GET", href(html, "全部符合的")).text)) == SHOWN + 3


def test_find_shows_nothing_one_may_not_read(server: Server, desk: Desk) -> None:
    with server.service.store.writing() as tx:
        tx.put([Stored("inspection", server.new_id(), server.enforcement, 800, {"code": "J-GEHEIM"}),
                Stored("point", server.new_id(), f"{server.other}.field", 801, {"code": "GEHEIM-2"})], [])  # fmt: skip
    sampler = Desk(server, server.sampler)
    assert "没有找到" in get(sampler, "find?q=GEHEIM").text and "没有找到" in get(sampler, "find?q=J-GEHEIM").text
    assert get(desk, "find?q=J-GEHEIM").status_code == 303 and "GEHEIM-2" not in get(desk, "find?q=GEHEIM&all=1").text
    foreign = sampler.call("GET", f"/console/projects/{server.other}/find?q=x")
    nowhere = sampler.call("GET", f"/console/projects/{server.new_id()}/find?q=x")
    assert foreign.status_code == nowhere.status_code == 404


def test_what_there_is_no_time_for_is_said(server: Server) -> None:
    told = server.service.by_name("x", [("point", [server.field]), ("sample", [server.field])], 5, seconds=-1)
    assert told.left == ["point", "sample"] and not told.found
