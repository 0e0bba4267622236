"""`jingtu verify` cannot be fooled: 1,000 random tamperings by anybody, a table of what whoever holds the server's key may try, the few
things he can do unseen, and that no file at all makes the reader fall over."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from schemas import canonical
from schemas.rules import evidence, sealing
from schemas.rules.judging import Unreadable
from tests.api.packages import Parts, clone, make_site, rot, verdict

Values = dict[str, Any]


class World:
    """One site, its packages, read once."""

    def __init__(self, folder: Path) -> None:
        self.site = make_site(folder)
        self.point = self.site.export(folder / "point.zip")
        self.project = self.site.export(folder / "project.zip", "project", "")
        self.rotten_device = rot(self.site)
        self.rotten = self.site.export(folder / "rotten.zip")
        clone(self.site)
        self.cloned = self.site.export(folder / "cloned.zip")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("site"))
    yield made
    made.site.server.close()


def codes(data: bytes) -> set[str]:
    try:
        v = verdict(data)
    except Unreadable as err:
        return {err.found.code}
    for f in (*v.faults, *v.told):
        assert f.zh and f.en and "{" not in f.zh + f.en, f
    return {f.code for f in v.faults}


# --- untouched ---------------------------------------------------------------------------------------------------------


def test_an_untouched_package_is_whole_and_says_what_is_proved(world: World) -> None:
    for data in (world.point, world.project, world.rotten):
        v = verdict(data)
        assert v.whole, v.faults
        assert {"proved.sealed", "proved.signed", "proved.acknowledged", "proved.records", "proved.photos"} == {
            s.code for s in v.proved
        }
        assert {"claimed.time", "claimed.position", "claimed.exif", "claimed.person"} <= {s.code for s in v.claimed}
        assert {"unknown.staged", "unknown.pin", "unknown.left_out", "unknown.server_key"} <= {
            s.code for s in v.unknown
        }
        assert not v.compared
    v, site = verdict(world.point), world.site
    of_a = next(c for c in v.chains if c["enrolment"] == site.a.enrolment)
    assert (of_a["person"], of_a["device"], of_a["signed_up_to"], of_a["hidden"]) == (
        site.server.sampler,
        site.a.id,
        12,
        3,
    )
    assert of_a["fingerprint"] == sealing.fingerprint(evidence.public_of(site.a.private))
    assert [(a["first"], a["last"], a["at"][:16]) for a in of_a["acknowledged"]] == [
        (1, 5, "2026-11-21T02:00"), (6, 10, "2026-11-21T02:05"), (11, 11, "2026-11-21T02:10"), (12, 12, "2026-11-21T02:10"),
    ]  # fmt: skip
    photo = next(p for p in v.photos if p["sha256"] == site.shas[0])
    assert photo["here"] and photo["signed"] and {n["pos"] for n in photo["named_by"]} == {3}
    assert sum(not p["here"] for p in v.photos) == 1
    told = {f.code for f in v.told}
    assert {"told.hidden", "told.console", "told.conflict", "told.parked", "told.rejected", "told.photo"} == told
    assert [f.pos for f in verdict(world.project).told if f.code == "told.unreadable"] == [
        3,
        4,
    ]  # one with a NUL, one no UTF-8
    assert b'"line64"' in b"".join(d for n, d in Parts(world.project).files.items() if n.startswith("chains/"))
    assert v.counts["hidden"] > 0 and not any(
        c["hidden"] for c in verdict(world.project).chains if c["scope"] == site.server.field
    )


def test_the_servers_key_is_compared_with_what_a_tablet_shows(world: World) -> None:
    key = evidence.public_of(world.site.key)
    shown = " ".join(sealing.fingerprint(key)[n : n + 4] for n in range(0, 32, 4))
    for given_key in (shown, shown.upper(), shown.replace(" ", ":"), key):
        v = verdict(world.point, given_key)
        assert v.whole and v.compared and "unknown.server_key" not in {s.code for s in v.unknown}
    v = verdict(world.point, sealing.fingerprint(evidence.public_of(bytes(32))))
    assert [f.code for f in v.faults] == ["server_key.other"] and not v.compared


def test_lines_that_rotted_on_a_device_are_told_and_no_fault(world: World) -> None:
    v = verdict(world.rotten)
    (chain,) = [c for c in v.chains if c["enrolment"] == world.rotten_device.enrolment]
    assert v.whole and chain["unproven"] == 2 and chain["sound"]
    told = {f.code: f for f in v.told if f.file in (chain["file"], chain["file"].replace("chains", "receipts"))}
    assert told["told.unproven"].pos == 2 and "told.lines" in told


def test_a_cloned_device_is_found_by_its_two_signed_heads(world: World) -> None:
    v = verdict(world.cloned)
    (fault,) = v.faults
    chain = next(c for c in v.chains if c["enrolment"] == world.site.b.enrolment)
    assert (fault.code, fault.id, fault.file) == (
        "device.cloned",
        world.site.b.enrolment,
        chain["file"].replace("chains", "forks"),
    )
    assert not chain["sound"] and "2" in fault.zh
    unsigned = Parts(world.cloned)
    file = fault.file
    unsigned.put_lines(file, [{**f, "claim": None} for f in unsigned.lines(file)])
    v = verdict(unsigned.sealed(world.site.key))
    assert v.whole and "told.fork" in {f.code for f in v.told}
    forged = Parts(world.cloned)
    forged.put_lines(file, [{**f, "claim": _edited(f["claim"], signature="A" * 86)} for f in forged.lines(file)])
    assert codes(forged.sealed(world.site.key)) == {"fork.head"}


# --- anybody -----------------------------------------------------------------------------------------------------------

COUNT = 1000


def _bytes_tampered(r: random.Random, data: bytes) -> bytes:
    at, what = r.randrange(len(data)), r.randrange(8)
    if what <= 2:
        return data[:at] + bytes([data[at] ^ 1 << r.randrange(8)]) + data[at + 1 :]
    if what == 3:
        return data[:at] + r.randbytes(r.randrange(1, 9)) + data[at:]
    if what == 4:
        return data[:at] + data[at + r.randrange(1, 9) :]
    if what == 5:
        return data + r.randbytes(r.randrange(1, 200))
    if what == 6:
        other, n = r.randrange(len(data)), r.randrange(1, 300)
        return data[:at] + data[other : other + n] + data[at + n :]
    return data[:at]


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _leaves(inner, (*path, key))
    if not isinstance(value, (dict, list)):
        yield path


def _edit_json(r: random.Random, value: Any, path: tuple[Any, ...] | None = None) -> Any:
    """One leaf is another."""
    path = r.choice(list(_leaves(value))) if path is None else path
    at = value
    for key in path[:-1]:
        at = at[key]
    old = at[path[-1]] if path else None
    new = (
        not old if isinstance(old, bool) else old + r.choice((-1, 1, 1000)) if isinstance(old, int)
        else None if old is not None and r.random() < 0.2
        else (old or "")[: len(old or "") // 2] + r.choice("0aZ甲") + (old or "")[len(old or "") // 2 + r.randrange(2) :]
    )  # fmt: skip
    at[path[-1]] = new if new != old else "?"
    return value


def _files_tampered(r: random.Random, parts: Parts) -> None:
    """Entries dropped, doubled, renamed, moved; values edited; lines dropped, doubled, moved; photos and signatures exchanged."""
    names, what = list(parts.files), r.randrange(9)
    name = r.choice(names)
    ndjson = r.choice([n for n in names if n.endswith(".ndjson") and parts.lines(n)])
    if what == 0:
        del parts.files[name]
    elif what == 1:
        parts.files[r.choice((f"{name}x", "../evil", "photos/a.jpg", "/etc/x"))] = parts.files[name]
    elif what == 2:
        parts.files = {(f"chains/{r.randrange(9, 99)}.ndjson" if n == name else n): d for n, d in parts.files.items()}
    elif what == 3:
        order = names[:]
        while order == names:
            r.shuffle(order)
        parts.files = {n: parts.files[n] for n in order}
    elif what == 4:
        kind = r.choice(("chains/", "receipts/", "photos/"))
        one, two = r.sample([n for n in names if n.startswith(kind)], 2)
        parts.files[one], parts.files[two] = parts.files[two], parts.files[one]
    elif what == 5:
        name = r.choice([n for n in names if n.endswith(".json")])
        parts.put(name, _edit_json(r, parts.json(name) or ["x"]))
    elif what == 6:
        lines = parts.lines(ndjson)
        _edit_json(r, r.choice(lines))
        parts.put_lines(ndjson, lines)
    elif what == 7:
        lines = parts.files[ndjson].splitlines(keepends=True)
        n = r.randrange(len(lines))
        done = r.choice(
            ([*lines[:n], *lines[n + 1 :]], [*lines, lines[n]], [*lines[n:], *lines[:n]] if n else lines + lines)
        )
        parts.files[ndjson] = b"".join(done)
    else:
        receipts = [n for n in names if n.startswith("receipts/")]
        one, two = r.sample(receipts, 2)
        mine, theirs = parts.lines(one), parts.lines(two)
        mine[0]["signature"], theirs[0]["signature"] = theirs[0]["signature"], mine[0]["signature"]
        parts.put_lines(one, mine)
        parts.put_lines(two, theirs)


def test_a_thousand_random_tamperings_are_all_found(world: World) -> None:
    r, missed = random.Random(20261128), []
    for n in range(COUNT):
        if n % 2:
            data = _bytes_tampered(r, world.point)
        else:
            parts = Parts(world.point)
            _files_tampered(r, parts)
            data = parts.zipped()
        if data != world.point and not codes(data):
            missed.append(n)
    assert missed == []
    assert verdict(world.point).whole


def test_the_same_by_the_holder_of_another_key_is_found_by_the_fingerprint(world: World) -> None:
    """All is hashed and sealed anew with a key of his own; without the server's, its receipts are against him."""
    parts, own = Parts(world.point), evidence.new_key()
    public = evidence.public_of(own)
    parts.edit_package(lambda p: p.update(server_key=public))
    parts.put("keys.json", {**parts.json("keys.json"), "server_key": public})
    assert {"receipt.key", "receipt.signature"} <= codes(parts.sealed(own))


# --- the insider -------------------------------------------------------------------------------------------------------


def _edited(text: str, **values: Any) -> str:
    return canonical.dumps({**json.loads(text), **values}).decode()


class Insider:
    """He holds the server's key and the whole package; not the devices' keys."""

    def __init__(self, world: World, data: bytes) -> None:
        self.world, self.parts, self.site = world, Parts(data), world.site
        self.field = world.site.server.field
        self.a, self.b, self.c = (d.enrolment for d in (world.site.a, world.site.b, world.site.c))

    def file(self, enrolment: str, kind: str = "file") -> str:
        found: str = self.parts.chain(enrolment, self.field)[kind]
        return found

    def chain(self, edit: Callable[[list[Values]], Any], of: str | None = None, relink: bool = True) -> None:
        """Edit the lines of a chain and, with `relink`, make its own numbers right again."""
        of = of or self.a
        lines = self.parts.lines(self.file(of))
        edit(lines)
        self.parts.put_lines(self.file(of), lines)
        if relink:
            self.parts.relink(of, self.field)

    def receipts(self, edit: Callable[[list[Values]], Any], of: str | None = None) -> None:
        name = self.file(of or self.a, "receipts")
        lines = self.parts.lines(name)
        edit(lines)
        self.parts.put_lines(name, lines)

    def resign(self, receipt: Values, **values: Any) -> Values:
        text = _edited(receipt["text"], **values)
        return {**receipt, "text": text, "signature": evidence.sign(self.site.key, text.encode())}

    def rows(self, edit: Callable[[dict[str, Values]], Any]) -> None:
        rows = {x["id"]: x for x in self.parts.lines("records.ndjson")}
        edit(rows)
        self.parts.put_lines("records.ndjson", list(rows.values()))

    def chain_of_home(self, old: str, new: str) -> None:
        """On the server's own chain in the organisation's scope."""
        scope = self.world.site.server.home
        name = self.parts.chain("console", scope)["file"]
        self.parts.put_lines(
            name, [{**x, "line": x["line"].replace(old, new)} if "line" in x else x for x in self.parts.lines(name)]
        )
        self.parts.relink("console", scope)

    def list(self, name: str, edit: Callable[[Any], Any]) -> None:
        value = self.parts.json(name)
        edit(value)
        self.parts.put(name, value)

    def codes(self) -> set[str]:
        return codes(self.parts.sealed(self.site.key))


def _renumbered(lines: list[Values]) -> None:
    for n, x in enumerate(lines, 1):
        x["pos"] = n


def _replace(lines: list[Values], old: str, new: str) -> None:
    x = next(x for x in lines if old in x.get("line", ""))
    x["line"] = x["line"].replace(old, new)


LINE = '"after":{"note":"备注 2"}'


def change_line(i: Insider) -> None:
    i.chain(lambda x: _replace(x, LINE, '"after":{"note":"备注 9"}'))


def change_line_and_row(i: Insider) -> None:
    i.chain(lambda x: _replace(x, '"after":{"note":"备注 3"}', '"after":{"note":"备注 9"}'))
    i.rows(lambda r: r[i.site.point]["values"].update(note="备注 9"))


def change_line_only(i: Insider) -> None:
    i.chain(lambda x: _replace(x, LINE, '"after":{"note":"备注 9"}'), relink=False)


def change_salt(i: Insider) -> None:
    i.chain(lambda x: x[0].update(salt="00" * 16))


def change_hidden(i: Insider) -> None:
    i.chain(lambda x: next(h for h in x if "inner" in h).update(inner="00" * 32))


def remove_line(i: Insider) -> None:
    i.chain(lambda x: (x.pop(9), _renumbered(x)))


def remove_line_leaving_a_gap(i: Insider) -> None:
    i.chain(lambda x: x.pop(9))


def remove_the_end(i: Insider) -> None:
    i.chain(lambda x: x.pop())


def add_line_inside(i: Insider) -> None:
    i.chain(lambda x: (x.insert(9, dict(x[9])), _renumbered(x)))


def add_line_behind(i: Insider) -> None:
    i.chain(
        lambda x: x.append(
            {
                **x[-1],
                "pos": len(x) + 1,
                "line": x[-1]["line"].replace("备注", "批注"),
                "outcome": "rejected",
                "problem": 3001,
                "seq": None,
            }
        )
    )


def reorder(i: Insider) -> None:
    i.chain(lambda x: (x.insert(9, x.pop(10)), _renumbered(x)))


def reorder_visibly(i: Insider) -> None:
    i.chain(lambda x: x.insert(9, x.pop(10)))


def pretend_unproven(i: Insider) -> None:
    """The altered line is given out for one that rotted on the device: the link of the true line stands beside it."""
    lines = i.parts.lines(i.file(i.a))
    link = evidence.first_link(i.field, i.a)
    for x in lines[:11]:
        link = _next(link, x)

    def edit(x: list[Values]) -> None:
        _replace(x, LINE, '"after":{"note":"备注 9"}')
        x[10] |= {"proof": "unproven", "link": link.hex()}

    i.chain(edit)
    i.receipts(lambda r: r[2].update(claim=_edited(r[2]["claim"], links=[link.hex()])))


def pretend_unproven_without_the_device_saying_so(i: Insider) -> None:
    pretend_unproven(i)
    i.receipts(
        lambda r: r[2].update(
            claim=canonical.dumps({k: v for k, v in json.loads(r[2]["claim"]).items() if k != "links"}).decode()
        )
    )


def _next(link: bytes, x: Values) -> bytes:
    if "inner" in x:
        return hashlib.sha256(link + bytes.fromhex(x["inner"])).digest()
    return evidence.next_link(link, bytes.fromhex(x["salt"]), x["line"].encode())


def swap_photos(i: Insider) -> None:
    one, two = (f"photos/{sha}.jpg" for sha in i.site.shas[:2])
    i.parts.files[one], i.parts.files[two] = i.parts.files[two], i.parts.files[one]


def replace_photo(i: Insider) -> None:
    i.parts.files[f"photos/{i.site.shas[0]}.jpg"] += b"\0"


def replace_photo_everywhere_but_in_the_change(i: Insider) -> None:
    """Bytes, name, list and record tell of the other picture."""
    sha, data = i.site.shas[1], i.parts.files.pop(f"photos/{i.site.shas[1]}.jpg") + b"\0"
    new = hashlib.sha256(data).hexdigest()
    i.parts.files = {f"photos/{new}.jpg": data, **i.parts.files}
    text = (
        i.parts.files["photos.json"]
        .decode()
        .replace(sha, new)
        .replace(f'"size": {len(data) - 1}', f'"size": {len(data)}')
    )
    i.parts.files["photos.json"] = text.encode()
    i.parts.files["records.ndjson"] = i.parts.files["records.ndjson"].replace(sha.encode(), new.encode())


def replace_photo_everywhere(i: Insider) -> None:
    replace_photo_everywhere_but_in_the_change(i)
    new = next(n for n in i.parts.files if n.startswith("photos/"))[7:71]
    i.chain(lambda x: _replace(x, i.site.shas[1], new), of=i.c)


def forge_signature(i: Insider) -> None:
    i.receipts(lambda r: r[1].update(claim=_edited(r[1]["claim"], signature="A" * 86)))


def sign_with_another_devices_key(i: Insider) -> None:
    def edit(r: list[Values]) -> None:
        claim = json.loads(r[1]["claim"])
        message = evidence.head_message(i.field, i.a, 10, bytes.fromhex(claim["head"]), claim["lines"])
        r[1]["claim"] = _edited(r[1]["claim"], signature=evidence.sign(i.site.b.private, message))

    i.receipts(edit)


def exchange_keys(i: Insider) -> None:
    def edit(keys: Values) -> None:
        a, b = (next(e for e in keys["enrolments"] if e["enrolment"] == x) for x in (i.a, i.b))
        a["public_key"], b["public_key"] = b["public_key"], a["public_key"]

    i.list("keys.json", edit)
    for e in (i.a, i.b):  # and the records say the same
        i.rows(lambda r, e=e: r.get(e, {"values": {}})["values"].pop("public_key", None))  # type: ignore[misc]


def write_a_signature_another_way(i: Insider) -> None:
    """The last character of 86 holds four bits that mean nothing."""

    def edit(r: list[Values]) -> None:
        s = json.loads(r[1]["claim"])["signature"]
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        r[1]["claim"] = _edited(r[1]["claim"], signature=s[:-1] + letters[letters.index(s[-1]) + 1])

    i.receipts(edit)


def clone_by_two_claims(i: Insider) -> None:
    """Two pushes for one position, both signed with the device's key, as a copied tablet makes them."""
    claim = json.loads(i.parts.lines(i.file(i.a, "receipts"))[2]["claim"])
    message = evidence.head_message(i.field, i.a, 11, bytes(32), claim["lines"])
    signature = evidence.sign(i.site.a.private, message)

    def edit(r: list[Values]) -> None:
        other = i.resign(r[2], head="00" * 32)
        r.append({**other, "claim": _edited(r[2]["claim"], head="00" * 32, signature=signature)})

    i.receipts(edit)


def edit_row(i: Insider) -> None:
    i.rows(lambda r: r[i.site.point]["values"].update(note="备注 9"))


def edit_row_seq(i: Insider) -> None:
    i.rows(lambda r: r[i.site.point].update(seq=r[i.site.point]["seq"] + 1))


def name_row_of_an_unknown_type(i: Insider) -> None:
    """A record of a type nobody knows is not replayed."""
    i.rows(lambda r: r[i.site.point].update(type="pointt", values={"note": "备注 9"}))


def call_a_chain_a_page(i: Insider) -> None:
    name = i.file(i.a)
    i.parts.files["pages/9.html"] = i.parts.files.pop(name)
    i.parts.edit_package(lambda p: next(c for c in p["chains"] if c["file"] == name).update(file="pages/9.html"))


def add_row(i: Insider) -> None:
    i.rows(lambda r: r.update(x={**r[i.site.photo], "id": i.site.server.new_id()}))
    i.list(
        "photos.json",
        lambda p: [
            x.update(
                records=sorted(
                    {y["id"] for y in i.parts.lines("records.ndjson") if y["values"].get("sha256") == x["sha256"]}
                )
            )
            for x in p
        ],
    )


def remove_row(i: Insider) -> None:
    i.rows(lambda r: r.pop(i.b))


def double_row(i: Insider) -> None:
    i.parts.files["records.ndjson"] += i.parts.files["records.ndjson"].splitlines(keepends=True)[0]


def write_row_another_way(i: Insider) -> None:
    i.parts.files["records.ndjson"] = i.parts.files["records.ndjson"].replace(b'"seq":', b'"seq": ', 1)


def accept_the_rejected(i: Insider) -> None:
    def edit(x: list[Values]) -> None:
        y = next(y for y in x if y.get("outcome") == "rejected")
        y |= {"outcome": "applied", "seq": 99, "problem": None}

    i.chain(edit)


def reject_the_accepted(i: Insider) -> None:
    i.chain(lambda x: x[11].update(outcome="rejected", seq=None, problem=3001))
    i.rows(lambda r: r[i.site.point]["values"].update(note="备注 2"))


def smooth_the_conflict(i: Insider) -> None:
    i.chain(lambda x: next(y for y in x if y.get("outcome") == "conflict").update(outcome="applied"))


def move_seq(i: Insider) -> None:
    i.chain(lambda x: x[11].update(seq=98))
    i.rows(lambda r: r[i.site.point].update(seq=98))


def give_a_seq_twice(i: Insider) -> None:
    i.chain(lambda x: x[11].update(seq=x[10]["seq"]))


def outcome_against_itself(i: Insider) -> None:
    i.chain(lambda x: x[11].update(seq=None))


def sign_receipt_with_another_key(i: Insider) -> None:
    i.receipts(lambda r: r[0].update(signature=evidence.sign(evidence.new_key(), r[0]["text"].encode())))


def name_another_server_key(i: Insider) -> None:
    i.receipts(lambda r: r.__setitem__(0, i.resign(r[0], server_key=evidence.public_of(evidence.new_key()))))


def edit_receipt(i: Insider) -> None:
    i.receipts(lambda r: r[0].update(text=_edited(r[0]["text"], at="2020-01-01T00:00:00.000+00:00")))


def receipt_of_another_batch(i: Insider) -> None:
    i.receipts(lambda r: r[0].update(claim=r[1]["claim"]))


def receipt_that_says_too_little(i: Insider) -> None:
    i.receipts(lambda r: r.__setitem__(1, i.resign(r[1], runs=json.loads(r[1]["text"])["runs"][:1])))


def remove_receipt(i: Insider) -> None:
    i.receipts(lambda r: r.pop(1))


def remove_last_receipt(i: Insider) -> None:
    i.receipts(lambda r: r.pop())


def another_person(i: Insider) -> None:
    def edit(keys: Values) -> None:
        next(e for e in keys["enrolments"] if e["enrolment"] == i.a)["person"] = i.site.server.pm

    i.list("keys.json", edit)


def another_device(i: Insider) -> None:
    def edit(keys: Values) -> None:
        next(e for e in keys["enrolments"] if e["enrolment"] == i.a)["device"] = i.site.b.id

    i.list("keys.json", edit)


def key_against_its_record(i: Insider) -> None:
    i.rows(lambda r: r[i.a]["values"].update(public_key=evidence.public_of(bytes(32))))


def hide_the_beginning(i: Insider) -> None:
    _hide(i, 0)


def hide_an_edit(i: Insider) -> None:
    _hide(i, 0, i.b)


def hide_the_last_edit(i: Insider) -> None:
    _hide(i, 11)


def _hide(i: Insider, n: int, of: str = "") -> None:
    def edit(x: list[Values]) -> None:
        inner = hashlib.sha256(bytes.fromhex(x[n]["salt"]) + x[n]["line"].encode()).hexdigest()
        x[n] = {"pos": n + 1, "inner": inner}

    i.chain(edit, of or i.a)


def half_hidden(i: Insider) -> None:
    i.chain(lambda x: next(h for h in x if "inner" in h).update(line="{}"))


def _console(i: Insider, edit: Callable[[list[Values]], Any], relink: bool = True) -> None:
    i.chain(edit, of="console", relink=relink)


def change_console_line(i: Insider) -> None:
    _console(i, lambda x: _replace(x, "现场核实", "无需核实"), relink=False)


def change_console_line_and_relink(i: Insider) -> None:
    _console(i, lambda x: _replace(x, "现场核实", "无需核实"))


def change_console_salt(i: Insider) -> None:
    _console(i, lambda x: next(y for y in x if "line" in y).update(salt="11" * 16))


def give_console_for_a_device(i: Insider) -> None:
    i.chain(lambda x: x[0].update(proof="server"))


def decide_about_nothing(i: Insider) -> None:
    i.list(
        "decisions.json",
        lambda d: d.append({"id": i.site.server.new_id(), "accepted": True, "by": "x", "at": "x", "reason": "x"}),
    )


def photo_said_to_be_away(i: Insider) -> None:
    i.list("photos.json", lambda p: next(x for x in p if x["there"]).update(there=False))


def photo_dropped(i: Insider) -> None:
    del i.parts.files[f"photos/{i.site.shas[0]}.jpg"]


def photo_off_the_list(i: Insider) -> None:
    i.list("photos.json", lambda p: p.remove(next(x for x in p if not x["there"])))


def photo_nobody_names(i: Insider) -> None:
    i.list("photos.json", lambda p: p.append({"sha256": "00" * 32, "there": False, "records": []}))


def photo_of_other_records(i: Insider) -> None:
    i.list("photos.json", lambda p: p[0].update(records=[i.site.server.new_id()]))


def photo_twice(i: Insider) -> None:
    i.list("photos.json", lambda p: p.append(p[0]))


def photo_size(i: Insider) -> None:
    i.list("photos.json", lambda p: next(x for x in p if x["there"]).update(size=1))


def smuggle_a_file(i: Insider) -> None:
    i.parts.files = {"pages/x.html": b"x", **i.parts.files}


def smuggle_a_photo(i: Insider) -> None:
    i.parts.files = {f"photos/{'0' * 64}.jpg": b"x", **i.parts.files}


def climb_out(i: Insider) -> None:
    i.parts.files = {"../../x": b"x", **i.parts.files}


def key_twice_in_json(i: Insider) -> None:
    name = i.file(i.a)
    i.parts.files[name] = i.parts.files[name].replace(b'{"', b'{"pos":1,"', 1)


def blank_line(i: Insider) -> None:
    i.parts.files[i.file(i.a)] += b"\n"


def no_last_line_feed(i: Insider) -> None:
    i.parts.files[i.file(i.a)] = i.parts.files[i.file(i.a)][:-1]


def both_forms_of_a_line(i: Insider) -> None:
    i.chain(lambda x: x[0].update(line64=evidence.b64(x[0]["line"].encode())), relink=False)


def chain_of_another_project(i: Insider) -> None:
    i.parts.edit_package(lambda p: next(c for c in p["chains"] if c["enrolment"] == i.a).update(scope="x.field"))


def chain_twice(i: Insider) -> None:
    i.parts.edit_package(lambda p: p["chains"].append(p["chains"][0]))


def chain_head(i: Insider) -> None:
    i.parts.edit_package(lambda p: p["chains"][0].update(head="00" * 32))


def chain_last(i: Insider) -> None:
    i.parts.edit_package(lambda p: p["chains"][0].update(last=99))


def key_left_out(i: Insider) -> None:
    i.list("keys.json", lambda k: k["enrolments"].pop(0))


def key_twice(i: Insider) -> None:
    i.list("keys.json", lambda k: k["enrolments"].append(k["enrolments"][0]))


def server_key_differs(i: Insider) -> None:
    i.list("keys.json", lambda k: k.update(server_key=evidence.public_of(bytes(32))))


def again_of_nothing(i: Insider) -> None:
    i.chain(lambda x: x[11].update(outcome="again", seq=None))


def line_twice(i: Insider) -> None:
    i.chain(lambda x: x.append({**x[11], "pos": 13, "seq": 97}))


INSIDER: list[tuple[Callable[[Insider], None], set[str]]] = [
    (change_line, {"head.link"}),
    (change_line_and_row, {"head.link"}),
    (change_line_only, {"head.link", "chain.head"}),
    (change_salt, {"head.link"}),
    (change_hidden, {"head.link"}),
    (remove_line, {"head.link", "receipt.beyond", "receipt.outcome", "chain.unsigned"}),
    (remove_line_leaving_a_gap, {"chain.position", "head.link", "receipt.beyond"}),
    (remove_the_end, {"receipt.beyond", "record.differs"}),
    (add_line_inside, {"head.link", "line.twice", "line.seq"}),
    (add_line_behind, {"chain.unsigned", "receipt.missing", "line.twice"}),
    (reorder, {"head.link", "receipt.outcome"}),
    (reorder_visibly, {"chain.position", "head.link"}),
    (pretend_unproven, {"head.lines"}),
    (pretend_unproven_without_the_device_saying_so, {"chain.unproven", "head.link"}),
    (swap_photos, {"photo.swapped"}),
    (replace_photo, {"photo.swapped", "photo.size"}),
    (replace_photo_everywhere_but_in_the_change, {"record.differs"}),
    (replace_photo_everywhere, {"head.link"}),
    (forge_signature, {"head.signature"}),
    (sign_with_another_devices_key, {"head.other_key"}),
    (exchange_keys, {"head.other_key"}),
    (write_a_signature_another_way, {"head.signature"}),
    (clone_by_two_claims, {"device.cloned"}),
    (edit_row, {"record.differs"}),
    (edit_row_seq, {"record.differs"}),
    (name_row_of_an_unknown_type, {"record.differs"}),
    (call_a_chain_a_page, {"file.name"}),
    (add_row, {"record.unmade"}),
    (remove_row, {"record.gone"}),
    (double_row, {"record.twice"}),
    (write_row_another_way, {"record.form"}),
    (accept_the_rejected, {"receipt.outcome", "record.gone"}),
    (reject_the_accepted, {"receipt.outcome"}),
    (smooth_the_conflict, {"receipt.outcome", "record.order"}),
    (move_seq, {"receipt.outcome"}),
    (give_a_seq_twice, {"line.seq", "receipt.outcome"}),
    (outcome_against_itself, {"line.outcome"}),
    (sign_receipt_with_another_key, {"receipt.signature"}),
    (name_another_server_key, {"receipt.key"}),
    (edit_receipt, {"receipt.signature"}),
    (receipt_of_another_batch, {"receipt.batch", "receipt.missing"}),
    (receipt_that_says_too_little, {"receipt.runs", "receipt.missing"}),
    (remove_receipt, {"receipt.missing"}),
    (remove_last_receipt, {"receipt.missing", "chain.unsigned"}),
    (another_person, {"line.author", "key.record"}),
    (another_device, {"line.author", "key.record"}),
    (key_against_its_record, {"key.record", "record.differs"}),
    (hide_the_beginning, {"record.begins", "record.order"}),
    (hide_an_edit, {"record.order"}),
    (hide_the_last_edit, {"record.differs"}),
    (half_hidden, {"file.form"}),
    (change_console_line, {"chain.head", "record.differs"}),
    (change_console_line_and_relink, {"record.differs"}),
    (change_console_salt, {"line.salt"}),
    (give_console_for_a_device, {"chain.proof"}),
    (decide_about_nothing, {"decision.unknown"}),
    (photo_said_to_be_away, {"photo.there", "file.unexpected"}),
    (photo_dropped, {"photo.gone"}),
    (photo_off_the_list, {"photo.unlisted"}),
    (photo_nobody_names, {"photo.unnamed"}),
    (photo_of_other_records, {"photo.records"}),
    (photo_twice, {"photo.twice"}),
    (photo_size, {"photo.size"}),
    (smuggle_a_file, {"file.name"}),
    (smuggle_a_photo, {"file.unexpected"}),
    (climb_out, {"file.name", "file.unexpected"}),
    (key_twice_in_json, {"file.form"}),
    (blank_line, {"file.form"}),
    (no_last_line_feed, {"file.form"}),
    (both_forms_of_a_line, {"file.form"}),
    (chain_of_another_project, {"chain.scope", "receipt.batch"}),
    (chain_twice, {"chain.twice"}),
    (chain_head, {"chain.head"}),
    (chain_last, {"chain.last"}),
    (key_left_out, {"key.missing"}),
    (key_twice, {"key.twice"}),
    (server_key_differs, {"key.server"}),
    (again_of_nothing, {"line.again"}),
    (line_twice, {"line.twice", "chain.unsigned"}),
]


@pytest.mark.parametrize(("tampering", "expected"), INSIDER, ids=lambda x: x.__name__ if callable(x) else "")
def test_the_insider_is_found_and_it_is_named(
    world: World, tampering: Callable[[Insider], None], expected: set[str]
) -> None:
    i = Insider(world, world.point)
    tampering(i)
    found = i.codes()
    assert expected <= found, (expected, found)


def test_whatever_value_the_insider_edits_in_a_devices_chain_or_its_receipts(world: World) -> None:
    """Any value but those that are the server's word alone, or that the device did not sign."""
    unsigned = {"received_at", "detail", "problem", "zh", "en", "missing"}
    r, missed = random.Random(6), []
    for n in range(400):
        i = Insider(world, world.point)
        name = i.file(r.choice((i.a, i.b, i.c)), r.choice(("file", "receipts")))
        lines = i.parts.lines(name)
        at = r.randrange(len(lines))
        path = r.choice(list(_leaves(lines[at])))
        if unsigned & set(path) or path == ("claim",):
            continue
        lines[at] = _edit_json(r, lines[at], path)
        i.parts.put_lines(name, lines)
        with suppress(ValueError, TypeError, AttributeError):  # what cannot even be hashed keeps its old head
            i.parts.relink(next(c["enrolment"] for c in i.parts.package["chains"] if name in c.values()), i.field)
        if not i.codes():
            missed.append((n, name, path))
    assert missed == []
