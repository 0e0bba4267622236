"""Whatever comes in: a numbered problem in both languages, quickly, in bounded memory, and nothing else is affected."""

from __future__ import annotations

import gzip
import json
import resource
import time
import zlib
from typing import Any

import pytest

from schemas import canonical
from schemas.rules import evidence
from schemas.wire import MAX_BATCH, MAX_BODY
from tests.api.conftest import AT, BEARER, Device, Server, outcomes, problem

GZIP = {"Content-Encoding": "gzip"}


def body(device: Device, lines: list[bytes]) -> bytes:
    return b"\n".join([canonical.dumps(device.head(lines, device.server.field)), *lines])


def bomb(size: int) -> bytes:
    squeeze = zlib.compressobj(9, wbits=31)
    return b"".join(squeeze.compress(b"\0" * 1_000_000) for _ in range(size // 1_000_000)) + squeeze.flush()


# --- the body as a whole ---------------------------------------------------------------------------------------------

BODIES: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "empty": (1001, b"", {}),
    "empty, compressed": (1001, gzip.compress(b""), GZIP),
    "not compressed at all": (1001, b"plain text", GZIP),
    "gzip magic and nothing": (1001, b"\x1f\x8b", GZIP),
    "line feeds": (1001, b"\n" * 1000, {}),
    "zeros": (1001, bytes(1000), {}),
    "html": (1001, b"<html>hello</html>", {}),
    "a list": (1001, b"[]", {}),
    "deep": (1001, b"[" * 1_000_000, {}),
    "deep objects": (1001, b'{"a":' * 100_000, {}),
    "not utf-8": (1001, b"\xff\xfe{}", {}),
    "utf-16": (1001, "{}".encode("utf-16"), {}),
    "endless number": (1001, b'{"first":' + b"9" * 1_000_000 + b"}", {}),
    "larger than allowed": (1002, b"x" * (MAX_BODY + 1), {}),
    "bomb 1:1000": (1002, bomb(100_000_000), GZIP),
    "bomb in a bomb": (1001, gzip.compress(bomb(100_000_000)), GZIP),
    "brotli": (1003, b"x", {"Content-Encoding": "br"}),
    "twice compressed": (1003, b"x", {"Content-Encoding": "gzip, gzip"}),
    "encoding from nowhere": (1003, b"x", {"Content-Encoding": "{zh}{0}%s" * 20}),
}  # fmt: skip


@pytest.mark.parametrize("what", list(BODIES))
def test_bodies(server: Server, device: Device, what: str) -> None:
    number, sent, headers = BODIES[what]
    before, began = server.state(), time.monotonic()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    body = problem(device.raw(server.field, sent, headers), number) if "{" not in str(headers) else None
    if body is None:
        assert device.raw(server.field, sent, headers).json()["number"] == number
    assert time.monotonic() - began < 2  # 1 s on a machine that does nothing else
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 120_000  # kB
    assert server.state() == before


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_truncated_gzip(server: Server, device: Device, share: float) -> None:
    packed = gzip.compress(body(device, [device.change("point", server.point())]))
    before = server.state()
    problem(device.raw(server.field, packed[: int(len(packed) * share)], GZIP), 1001)
    assert server.state() == before


def test_a_flipped_bit_anywhere_never_changes_anything(server: Server, device: Device) -> None:
    packed = gzip.compress(body(device, [device.change("point", server.point())]), mtime=0)
    before = server.state()
    for at in range(10, len(packed), 7):
        hurt = bytearray(packed)
        hurt[at] ^= 1 << at % 8
        answer = device.raw(server.field, bytes(hurt), GZIP)
        assert answer.json()["number"] in (1001, 1203, 1207, 1002), answer.text
    assert server.state() == before


def test_too_many_changes(server: Server, device: Device) -> None:
    line = device.change("point", server.point())
    before = server.state()
    problem(device.push([line] * (MAX_BATCH + 1), keep=False), 1004)
    problem(device.push([], keep=False), 1001)
    assert server.state() == before


@pytest.mark.parametrize("path", ["/api/v1/enrol", "/api/v1/auth/token", "/api/v1/blocks", "/api/v1/scopes/x/outcomes"])
@pytest.mark.parametrize("sent", [b"x" * 20_000_000, b"[" * 5_000_000, b""])
def test_large_or_broken_bodies_elsewhere(server: Server, device: Device, path: str, sent: bytes) -> None:
    before, began = server.state(), time.monotonic()
    kind = "application/x-www-form-urlencoded" if path.endswith("token") else "application/json"
    answer = server.http.post(path, content=sent, headers=device.auth | {"Content-Type": kind})
    body = answer.json()
    assert 400 <= answer.status_code < 500 and body["number"] in (1001, 1002, 2001), body
    problem(answer, body["number"])
    assert len(answer.content) < 5000 and time.monotonic() - began < 2
    assert server.state() == before


# --- the head --------------------------------------------------------------------------------------------------------

HEADS: dict[str, dict[str, Any]] = {
    "no enrolment": {"enrolment": None}, "enrolment is a list": {"enrolment": ["x"]}, "position 0": {"first": 0},
    "position below": {"first": -1}, "position as text": {"first": "1"}, "position true": {"first": True},
    "position beyond 64 bits": {"first": 10**30}, "prev too short": {"prev": "00"}, "prev not hex": {"prev": "g" * 64},
    "prev upper case": {"prev": "A" * 64}, "signature too short": {"signature": "A"}, "signature with padding": {"signature": "=" * 86},
    "links are text": {"links": "x"}, "links of the wrong kind": {"links": ["x"]}, "pending below 0": {"pending": -1},
    "pending beyond 64 bits": {"pending": 10**30}, "no lines": {"lines": None}, "epoch is a number": {"epoch": 1},
}  # fmt: skip


@pytest.mark.parametrize("what", list(HEADS))
def test_heads(server: Server, device: Device, what: str) -> None:
    line = device.change("point", server.point())
    before = server.state()
    head = json.dumps({**device.head([line], server.field), **HEADS[what]}).encode()
    answer = device.raw(server.field, head + b"\n" + line)
    problem(answer, answer.json()["number"])
    assert answer.json()["number"] in (1001, 1202), answer.text
    assert server.state() == before


def test_floats_twins_and_unknown_keys_in_a_head(server: Server, device: Device) -> None:
    line = device.change("point", server.point())
    head = device.head([line], server.field)
    problem(device.raw(server.field, json.dumps({**head, "first": 1.0}).encode() + b"\n" + line), 1001)
    assert outcomes(device.raw(server.field, canonical.dumps({**head, "later": {"x": 1}}) + b"\n" + line)) == [
        "applied"
    ]


# --- one bad line among good ones ------------------------------------------------------------------------------------


def good(device: Device, **more: Any) -> dict[str, Any]:
    return json.loads(device.change("point", device.server.point(**more)))  # type: ignore[no-any-return]


def written(device: Device, **envelope: Any) -> bytes:
    return json.dumps(good(device) | envelope, ensure_ascii=False).encode()


def point(device: Device, **values: Any) -> bytes:
    return written(device, after=device.server.point() | values)


LINES: dict[str, Any] = {
    "nothing": lambda d: b"", "spaces": lambda d: b"   ", "junk": lambda d: b"\x00\xff\xfe junk", "a number": lambda d: b"1",
    "a list": lambda d: b"[]", "null": lambda d: b"null", "cut": lambda d: point(d)[:-20], "html": lambda d: b"<b>x</b>",
    "float": lambda d: point(d, air_temp_c=1.5), "NaN": lambda d: point(d, wind=float("nan")), "1e400": lambda d: point(d).replace(b'"S1"', b"1e400"),
    "twice": lambda d: point(d).replace(b'"code":', b'"code":"x","code":') if b'"code":' in point(d) else point(d).replace(b'"code": ', b'"code": "x", "code": '),
    "deep": lambda d: point(d).replace(b'"S1"', b"[" * 50_000 + b"]" * 50_000),
    "deep unknown field 900": lambda d: point(d, later=nested(900)), "deep unknown field 60": lambda d: point(d, later=nested(60)),
    "huge int": lambda d: point(d).replace(b'"S1"', b"9" * 5000),
    "int beyond 64 bits, unknown field": lambda d: point(d, later=2**64), "int beyond 64 bits": lambda d: point(d, seq=2**64),
    "NUL": lambda d: point(d, wind="a\0b"), "NUL in an unknown field": lambda d: point(d, later="\0"),
    "half a surrogate pair": lambda d: point(d).replace(b'"S1"', b'"\\ud800"'), "half a pair as a key": lambda d: point(d).replace(b'"wind"', b'"\\udc00"'),
    "utf-16": lambda d: point(d).decode().encode("utf-16"), "latin-1": lambda d: point(d, wind="é").decode().encode("latin-1"),
    "BOM": lambda d: b"\xef\xbb\xbf" + point(d),
    "text for a list": lambda d: point(d, samplers="x"), "list for text": lambda d: point(d, code=["x"]), "object for text": lambda d: point(d, code={"a": 1}),
    "bool for text": lambda d: point(d, code=True), "number for text": lambda d: point(d, code=5), "text for bool": lambda d: point(d, deleted="true"),
    "text too long": lambda d: point(d, code="x" * 100_000), "code from nowhere": lambda d: point(d, weather="plasma"),
    "decimal out of range": lambda d: point(d, air_temp_c="9" * 18), "decimal in words": lambda d: point(d, air_temp_c="1e5"),
    "day of no year": lambda d: point(d, started_at="0000-00-00T00:00:00Z"), "time without offset": lambda d: point(d, started_at="2026-01-01T00:00:00"),
    "id with path": lambda d: written(d, record="../../../etc/passwd"), "id with SQL": lambda d: written(d, record="'; DROP TABLE point; --"),
    "type with SQL": lambda d: written(d, type="point\"; DROP TABLE point; --"), "type of a server table": lambda d: written(d, type="journal"),
    "scope with path": lambda d: written(d, scope="../x"), "no keys": lambda d: b"{}", "surplus key": lambda d: written(d, extra=1),
    "before is a list": lambda d: written(d, before=[]), "after is empty": lambda d: written(d, after={}), "made_at is text": lambda d: written(d, made_at="now"),
    "mono beyond 64 bits": lambda d: written(d, made_at={"wall": AT, "mono_ms": 2**70, "server_offset_ms": 0}),
    "reference with SQL": lambda d: point(d, site_id="' OR 1=1"), "very many unknown fields": lambda d: written(d, after={f"f{n}": n for n in range(20_000)}),
    "format braces": lambda d: point(d, weather="{0}{x}{zh!r}"),
}  # fmt: skip


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("what", list(LINES))
def test_a_bad_line_never_blocks_its_neighbours(server: Server, device: Device, what: str) -> None:
    first, last = device.change("point", server.point(code="first")), device.change("point", server.point(code="last"))
    bad = LINES[what](device).replace(b"\n", b" ")
    answer = device.push([first, bad, last])
    got = outcomes(answer)
    assert got[0] == got[2] == "applied" and got[1] in ("rejected", "parked"), (got, answer.text)
    (detail,) = answer.json()["details"]
    assert detail["problem"] and detail["zh"] and detail["en"]
    assert len(answer.content) < 20_000
    assert {v.values["code"] for v in server.service.records("point", server.field)} == {"first", "last"}
    kept = server.sql("SELECT line FROM journal WHERE enrolment=? ORDER BY pos", device.enrolment)
    assert kept[1][0] == bad  # evidence of what happened to the device
    again = device.push([device.change("point", server.point(code="next"))])
    assert outcomes(again) == ["applied"]
    rows = device.pull().content.split(b"\n")
    assert canonical.loads(rows[0])["count"] == len(rows) - 1 and all(canonical.loads(r) for r in rows)


def test_strange_but_allowed(server: Server, device: Device) -> None:
    """What looks dangerous and is only text goes in as it is, and comes out as it was."""
    texts = [
        "'; DROP TABLE point; --",
        "{zh}{0}%s",
        "<script>alert(1)</script>",
        "\u202e\u200b",
        "\U0001f600",
        "a" * 64,
        "\\ud800",
        "=cmd|' /C calc'!A0",
    ]
    assert outcomes(device.push([device.change("point", server.point(code=t)) for t in texts])) == ["applied"] * len(
        texts
    )
    rows = [canonical.loads(r) for r in device.pull().content.split(b"\n")[1:]]
    assert [r["values"]["code"] for r in rows if r["type"] == "point"] == texts


# --- addresses, queries, small requests ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method,path,number",
    [
        ("GET", "/", 1005), ("GET", "/api/v1/nothing", 1005), ("GET", "/api/v1/../../etc/passwd", 1005), ("DELETE", "/api/v1/me", 1006),
        ("PUT", "/api/v1/enrol", 1006), ("GET", "/api/v1/scopes/x/pull?cursor=-1", 1001), ("GET", "/api/v1/scopes/x/pull?cursor=x", 1001),
        ("GET", "/api/v1/scopes/x/pull?cursor=99999999999999999999999", 1001), ("GET", "/api/v1/scopes/x/pull?limit=0", 1001),
        ("GET", "/api/v1/scopes/x/pull?limit=100000", 1001), ("GET", "/api/v1/scopes/x/pull?epoch=" + "x" * 200, 1001),
    ],
)  # fmt: skip
def test_addresses_and_queries(server: Server, device: Device, method: str, path: str, number: int) -> None:
    answer = server.http.request(method, path, headers=device.auth)
    if number == 1005 and path == "/" and answer.status_code < 400:
        return  # the console may live there
    problem(answer, number)


@pytest.mark.parametrize(
    "path,sent",
    [
        ("/api/v1/blocks", {"use": "gold", "size": 1}), ("/api/v1/blocks", {"use": "sample", "size": 0}), ("/api/v1/blocks", {"use": "sample", "size": 10**9}),
        ("/api/v1/blocks", {"use": "sample", "size": "5"}), ("/api/v1/blocks", []), ("/api/v1/blocks", None),
        ("/api/v1/scopes/{field}/outcomes", {"ids": ["x"] * 1001}), ("/api/v1/scopes/{field}/outcomes", {"ids": [1]}), ("/api/v1/scopes/{field}/outcomes", {}),
        ("/api/v1/enrol", {}), ("/api/v1/enrol", {"code": "x" * 65}), ("/api/v1/enrol", {"code": 5}),
    ],
)  # fmt: skip
def test_small_requests(server: Server, device: Device, path: str, sent: Any) -> None:
    before = server.state()
    problem(server.http.post(path.format(field=server.field), json=sent, headers=device.auth), 1001)
    assert server.state() == before


def test_ids_that_are_no_ids_are_simply_not_found(server: Server, device: Device) -> None:
    ids = ["' OR 1=1 --", "../..", "", "\u0000", "x" * 10_000, "broken:", "again:"]
    assert device.outcomes(ids).json() == []


def test_a_token_form_with_strange_fields(server: Server) -> None:
    for data in (
        {"grant_type": "password", "username": "x" * 201},
        {"grant_type": BEARER, "assertion": "x" * 4001},
        {"grant_type": "\0"},
    ):
        problem(server.http.post("/api/v1/auth/token", data=data), 1001)


def test_keys_of_an_enrolment_that_are_no_keys(server: Server) -> None:
    code = server.service.new_code(server.sampler, server.pm)
    key = evidence.new_key()
    for public in ("A" * 43, "_" * 43, "-" * 42 + "8"):
        message = f"jingtu-enrol-1\n{code}\n{public}\n{'A' * 43}".encode()
        request = {
            "code": code,
            "public_key": public,
            "salt_key": "A" * 43,
            "label": "x",
            "signature": evidence.sign(key, message),
        }
        problem(server.http.post("/api/v1/enrol", json=request), 1203)
