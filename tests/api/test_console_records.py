"""Tables of records: pages by seq in both directions, every field of every type, and nothing one may not read."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import httpx
import pytest

from schemas.fields import Audience, fields_of
from schemas.records import TYPES
from schemas.reference import codes
from schemas.shown import fields_in_order
from sync_server.console.tables.table import PAGE, cell, grouped
from sync_server.console.words import words
from sync_server.service import Write
from sync_server.store import Stored
from tests.api.conftest import AT, Server
from tests.api.test_rights import Desk

HOSTILE = "<img src=x onerror=alert(1)>\"'&</script><b>{{7*7}}"
TYPE = "soil_layer"


def fill(server: Server, scope: str, count: int, first: int = 1, **more: Any) -> list[Stored]:
    """Rows as the store keeps them, without what made them."""
    values = {"borehole_id": server.new_id(), "layer_no": 1, "top_m": "0.10", "bottom_m": "0.50", **more}
    rows = [Stored(TYPE, server.new_id(), scope, first + n, {**values, "note": f"n{n}"}) for n in range(count)]
    with server.service.store.writing() as tx:
        tx.put(rows, [])
        tx.move_scope(scope, first + count, 0)
    return rows


# --- pages -----------------------------------------------------------------------------------------------------------


def test_pages_follow_one_another_both_ways(server: Server) -> None:
    """Whatever was changed meanwhile, and from any place in any direction: what comes is what lies there."""
    rng = random.Random(7)
    rows = fill(server, server.field, 90)
    fill(server, f"{server.other}.field", 90)  # of another project, with the same numbers
    moved = [r._replace(seq=200 + n, values={**r.values, "deleted": True}) for n, r in enumerate(rng.sample(rows, 30))]
    with server.service.store.writing() as tx:
        tx.put([], moved)
    every = sorted(server.service.records(TYPE, server.field), key=lambda s: s.seq)
    assert len(every) == 90
    for newest in (True, False):
        order = every[::-1] if newest else every
        met, after, pages = [], None, []
        while True:
            page = server.service.listed(TYPE, server.field, newest, after, limit=7)
            assert (page.before is None) == (after is None)
            met += page.rows
            pages.append(page.rows)
            after = page.after
            if after is None:
                break
        assert met == order
        before = page.before
        for wanted in reversed(pages[:-1]):  # and back the same way
            page = server.service.listed(TYPE, server.field, newest, before=before, limit=7)
            assert page.rows == wanted
            before = page.before
        assert before is None
        for _ in range(150):
            at, limit = rng.randint(0, 240), rng.randint(1, 40)
            beyond = [r for r in order if (r.seq < at if newest else r.seq > at)]
            in_front = [r for r in order if (r.seq > at if newest else r.seq < at)]
            page = server.service.listed(TYPE, server.field, newest, after=at, limit=limit)
            assert page.rows == beyond[:limit]
            assert page.after == (beyond[limit - 1].seq if len(beyond) > limit else None)
            assert (page.before is not None) == (0 < len(beyond) < len(order))
            page = server.service.listed(TYPE, server.field, newest, before=at, limit=limit)
            assert page.rows == (in_front[-limit:] if len(in_front) >= limit else order[:limit])
            assert (page.before is None) == (page.rows[0] == order[0])
            assert (page.after is None) == (page.rows[-1] == order[-1])


def steps(server: Server, work: Callable[[Any], Any]) -> int:
    """What SQLite does for it, in steps of its own machine."""
    done = 0

    def one() -> int:
        nonlocal done
        done += 1
        return 0

    with server.service.store.reading() as tx:
        db = tx.conn.connection.driver_connection
        assert db is not None
        db.set_progress_handler(one, 10)
        try:
            work(tx)
        finally:
            db.set_progress_handler(None, 10)
    return done


def test_a_page_looks_at_its_own_rows_only(server: Server) -> None:
    cost = []
    for first, count in ((1, 300), (1001, 6000)):
        fill(server, server.field, count, first)
        fill(server, f"{server.other}.field", count, first)
        middle = first + count // 2
        cost.append((
            steps(server, lambda tx: tx.records_beyond(TYPE, server.field, 2**62, PAGE, True)),
            steps(server, lambda tx, m=middle: tx.records_beyond(TYPE, server.field, m, PAGE, True)),
            steps(server, lambda tx, m=middle: tx.records_beyond(TYPE, server.field, m, PAGE, False)),
            steps(server, lambda tx: tx.of_scope(TYPE, server.field)),
        ))  # fmt: skip
    few, many = cost
    assert all(m <= 1.1 * f + 2 for f, m in zip(few[:3], many[:3], strict=True)), cost
    assert many[3] > 10 * few[3], "the measure sees what grows"


# --- the page --------------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(server: Server) -> Desk:
    return Desk(server, server.pm)


def table(desk: Desk, type: str, query: str = "", project: str = "") -> httpx.Response:
    return desk.call("GET", f"/console/projects/{project or desk.server.project}/records/{type}{query}")


def shown(html: str) -> list[str]:
    return re.findall(r'<tr id="r-([^"]+)"', html)


def link(html: str, rel: str) -> str | None:
    found = re.search(rf'rel="{rel}" href="([^"]+)"', html)
    return unescape(found[1]) if found else None


def test_links_lead_to_the_last_page_and_back(server: Server, desk: Desk) -> None:
    rows = fill(server, server.field, 2 * PAGE + 10)
    newest, oldest = [r.id for r in rows[::-1]], [r.id for r in rows]
    for query, wanted in (("", newest), ("?order=old&columns=all", oldest)):
        html = table(desk, TYPE, query).text
        assert link(html, "prev") is None
        pages = [shown(html)]
        while (onward := link(html, "next")) is not None:
            html = desk.call("GET", onward).text
            pages.append(shown(html))
        assert [len(p) for p in pages] == [PAGE, PAGE, 10] and sum(pages, []) == wanted
        assert ("只列有内容的列" in html) == ("columns=all" in query)  # the rest of the address goes along
        for want in (pages[1], pages[0]):
            back = link(html, "prev")
            assert back is not None
            html = desk.call("GET", back).text
            assert shown(html) == want
        assert link(html, "prev") is None


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_field_of_every_type_is_a_column(server: Server, desk: Desk, lang: str) -> None:
    """A row of each type where there is none, to see the heads; none is written by hand."""
    with server.service.store.writing() as tx:
        for n, (type, cls) in enumerate(TYPES.items()):
            audience = "field" if cls.about.audience is Audience.SUBJECT else cls.about.audience.value
            scope = server.home if audience == "organisation" else f"{server.project}.{audience}"
            tx.put(
                [Stored(type, server.new_id(), scope, 1000 + n, {"note": HOSTILE, "void_reason": "<img src=y>"})], []
            )
    for type, cls in TYPES.items():
        answer = table(desk, type, f"?columns=all&lang={lang}")
        assert answer.status_code == 200, type
        head = re.search(r"<thead>(.*?)</thead>", answer.text, re.S)
        assert head is not None, type
        heads = re.findall(
            r'<th(?![^>]*class="made)[^>]*>(.*?)</th>', head[1], re.S
        )  # those of fields: each leads to an order
        found = [unescape(re.sub(r"<[^>]*>", "", t)).strip() for t in heads]
        said = [" ".join(x for x in (f.spec.label(lang), f.spec.unit) if x) for f in fields_in_order(type)]
        number_ = words(lang)("point_code" if type == "field_reading" else "seq_no")
        own = [number_] if fields_in_order(type)[0].name not in cls.about.key else []
        assert found == own + said, type
        assert {f.name for f in fields_in_order(type)} == fields_of(cls).keys() - {"deleted"}
        assert "<img" not in answer.text and "49" not in re.findall(r"<td[^>]*>([^<]*)</td>", answer.text)
        assert f"<h1>{cls.about.zh if lang == 'zh' else cls.about.en}</h1>" in answer.text


def test_what_stands_in_a_cell(server: Server) -> None:
    now = server.clock()
    reading, point, sample = (fields_of(TYPES[t]) for t in ("field_reading", "point", "sample"))

    def said(field: Any, value: Any, lang: str = "zh") -> tuple[str, str, bool]:
        return tuple(cell(field, value, {"id": "S1"}, lang, now))  # type: ignore[return-value]

    assert said(reading["value"], "1050.20") == ("1\u00a0050.20", "", True)  # not rounded, no unit, to the right
    assert [grouped(x) for x in ("0", "-12345.678", "999", "007", "1e5")] == [
        "0",
        "-12\u00a0345.678",
        "999",
        "7",
        "1e5",
    ]
    unit = codes("unit")["mg_kg"]
    assert said(reading["unit"], "mg_kg") == (unit.zh, "", False)
    assert said(point["outcome"], "done", "en")[0] == codes("visit_outcome")["done"].en
    assert said(sample["groups"], ["metal", "voc"], "en")[0] == ", ".join(
        codes("analyte_group")[g].en for g in ("metal", "voc")
    )
    assert said(point["site_id"], "id")[0] == "S1"
    assert said(point["started_at"], AT)[0] == "10:00"
    assert said(sample["label_checked"], False) == ("否", "", False)
    assert said(point["note"], None) == said(point["note"], "") == ("", "", False)
    text = "采样时下雨，岩芯有扰动，表层为碎砖和混凝土块，混有黑色油渍，气味明显；现场已拍照三张。" * 2
    first, rest, _ = said(point["note"], text)
    assert first + rest == text and first.endswith("；") and len(first) <= 36
    long = "x" * 200
    assert "".join(said(point["note"], long)[:2]) == long


def test_what_a_reader_sees(server: Server, desk: Desk) -> None:
    good, void = server.new_id(), server.new_id()
    server.service.write(None, [
        Write("point", good, server.field, server.point(code="S7", outcome="done", wind="北 3 级")),
        Write("point", void, server.field, server.point(code="S8", deleted=True, void_reason="点错了")),
    ])  # fmt: skip
    html = table(desk, "point").text
    assert shown(html) == [void, good]
    lines = {id: line for id, line in re.findall(r'<tr id="r-([^"]+)"(.*?)</tr>', html, re.S)}
    assert "作废" in lines[void] and "点错了" in lines[void] and 'class="void"' in lines[void]
    assert "作废" not in lines[good] and codes("visit_outcome")["done"].zh in lines[good] and "<b>S7</b>" in lines[good]
    head = re.search(r"<thead>(.*?)</thead>", html, re.S)
    assert head and "气温" not in head[1] and "风向风力" in head[1]  # a column nobody filled in is left out
    assert "气温" in table(desk, "point", "?columns=all").text
    assert (
        f"/console/projects/{server.project}/records/point"
        in desk.call("GET", f"/console/projects/{server.project}").text
    )


def test_an_empty_table_says_what_to_do(server: Server, desk: Desk) -> None:
    for type, wanted in (
        ("sample", "让平板同步一次"),
        ("plan", "jingtu plan import"),
        ("conflict", "由服务器自己生成"),
    ):
        html = table(desk, type).text
        assert shown(html) == [] and wanted in html, type
    fill(server, server.field, 3)
    html = table(desk, TYPE, "?order=old&after=99").text
    assert "后面没有了" in html and "回到第一页" in html


def number(answer: httpx.Response) -> str:
    found = re.search(r"问题 (\d{4})", answer.text)
    return found[1] if found else str(answer.status_code)


def test_addresses_nobody_made(server: Server, desk: Desk) -> None:
    fill(server, server.field, 3)
    for query in ("after=x", "after=-1", "before=9" + "9" * 30, "order=up", "columns=1"):
        assert number(table(desk, TYPE, f"?{query}")) == "1001", query
    assert shown(table(desk, TYPE, "?after=0").text) == []
    assert len(shown(table(desk, TYPE, "?before=0").text)) == 3
    assert number(table(desk, "nothing")) == number(table(desk, "point'--")) == "1005"
    assert number(table(desk, "nothing", project=server.other)) == "2004"
    assert number(table(desk, "comment", "?of=nowhere")) == number(table(desk, "point", "?of=transfer")) == "2004"


def test_what_one_may_not_read_is_not_there(server: Server, desk: Desk) -> None:
    """A sampler's answer about inspections is the one about a project that does not exist, to the byte; and nothing of
    them shows in what he may read."""
    sampler, inspection = Desk(server, server.sampler), server.new_id()
    officer = {"person_id": server.inspector, "name": "王", "duty": "inspector"}
    server.service.write(None, [Write("inspection", inspection, server.enforcement, {
        "code": "J-GEHEIM", "kind": "patrol", "site_id": server.site, "org_id": server.org, "officers": [officer], "started_at": AT,
    })])  # fmt: skip
    about = {"subject_kind": "inspection", "subject_id": inspection, "at": AT}
    server.service.write(None, [Write("comment", server.new_id(), server.enforcement, {**about, "text": "执法批注"})])
    with (
        server.service.store.writing() as tx
    ):  # the server takes no such change; should a row be there, it tells no name
        tx.put([Stored("comment", server.new_id(), server.field, 900, {**about, "text": "外业批注"})], [])
    hidden, nowhere = (table(sampler, "inspection", project=p) for p in (server.project, server.new_id()))
    same = lambda answer: re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", answer.text)  # noqa: E731
    assert (hidden.status_code, same(hidden)) == (nowhere.status_code, same(nowhere)) and number(hidden) == "2004"
    assert number(table(sampler, "comment", "?of=enforcement")) == "2004"
    html = table(sampler, "comment").text
    assert "外业批注" in html and "执法批注" not in html and "GEHEIM" not in html and "of=enforcement" not in html
    assert "检查项" not in html  # nor among the types to choose
    for query, mine, other in (("", "外业批注", "执法批注"), ("?of=enforcement", "执法批注", "外业批注")):
        html = table(desk, "comment", query).text
        assert mine in html and other not in html and "J-GEHEIM" in html
