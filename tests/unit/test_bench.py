"""The measurements' own ground: the records they are taken on, what counts, and that the sync ones run at all."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest

from schemas import change
from schemas.records import TYPES, check, missing
from tests.bench.figures import TARGETS, figure, judge
from tests.bench.generate import CHARACTERS, WORDS, Places, records, uuid7
from tests.bench.outside import Syncs, read_trace
from tests.bench.run import GROUPS
from tests.bench.ten import sync

MADE_AT: change.MadeAt = {"wall": "2026-11-21T10:00:00.123+00:00", "mono_ms": 123_456, "server_offset_ms": 12}


@pytest.fixture(scope="module")
def places() -> Places:
    rng = random.Random(7)
    ids = [uuid7(rng, 1_790_000_000_000 + n) for n in range(28)]
    return Places(ids[0], tuple(ids[1:4]), tuple(ids[4:]))


def test_records_are_the_same_for_a_seed_and_others_for_another(places: Places) -> None:
    assert list(records(places, 1, 300)) == list(records(places, 1, 300))
    ids = [{id for _, id, _ in records(places, seed, 300)} for seed in (1, 2)]
    assert len(ids[0]) == len(ids[1]) == 300 and not ids[0] & ids[1]
    codes = [{v["code"] for _, _, v in records(places, 1, 300, first) if "code" in v} for first in (0, 300)]
    assert not codes[0] & codes[1]


def test_records_are_valid_whole_and_of_the_said_shares(places: Places) -> None:
    made = list(records(places, 1, 2000))
    for type, _, values in made:
        assert not check(TYPES[type], values) and not missing(TYPES[type], values), (type, values)
        assert values.keys() <= TYPES[type].model_fields.keys()
    seen = set(places.people) | {places.site, *places.instruments}
    for _, id, values in made:  # parents first
        assert {values[k] for k in ("point_id", "borehole_id", "site_id") if k in values} <= seen
        seen.add(id)
    shares = {type: n / len(made) for type, n in Counter(type for type, _, _ in made).items()}
    assert 0.45 < shares["field_reading"] < 0.55 and 0.2 < shares["sample"] < 0.3 and 0.07 < shares["point"] < 0.13


def test_a_change_has_about_950_bytes_and_no_text_comes_twice(places: Places) -> None:
    made = list(records(places, 1, 2000))
    lines = [
        change.encode(id=id, scope=f"{places.site}.field", type=type, record=id, before={}, after=values, made_at=MADE_AT,
                      by=places.people[0], device=places.site).line
        for type, id, values in made
    ]  # fmt: skip
    assert 880 < sum(map(len, lines)) / len(lines) < 1000
    notes = Counter(v["note"] for _, _, v in made)
    assert max(notes.values()) == 1
    words = Counter(word for note in notes for word in note.split("，"))
    assert set(words) & set(WORDS) and all(set(w) <= set(CHARACTERS) for w in words if w not in WORDS)
    assert not any(len(w) > 3 and n > 5 for w, n in words.items() if w not in WORDS)


def test_commits_are_told_from_checkpoints() -> None:
    sync = "7 fdatasync(4</t/a.db-wal>) = 0\n"
    header = '7 pwrite64(4</t/a.db-wal>, "7\\177\\6\\202", 32, 0) = 32\n' + sync
    frame = '7 pwrite64(4</t/a.db-wal>, "\\0\\0, 32, 0"..., 24, 32 <unfinished ...>\n'
    commit = frame + frame + sync
    checkpoint = (
        "8 fdatasync(4</t/a.db-wal>) = 0\n"  # beside the writer; the database only if it got through the whole log
    )
    whole = checkpoint + "8 fdatasync(3</t/a.db>) = 0\n"
    other = "9 fsync(5</t/token.key>) = 0\n"
    trace = header + commit + commit + frame + checkpoint + sync + whole + other + header + commit
    assert read_trace(trace) == Syncs(10, 4)
    assert read_trace("") == Syncs(0, 0)


def test_every_target_has_a_figure_and_is_judged() -> None:
    known = {name for group in GROUPS for name in group.names}
    assert {t.name for t in TARGETS} <= known and all(t.aim <= t.gate for t in TARGETS)
    figures = {"push_10k": figure([2.0, 3.0, 1.0], [0.1, 0.3, 0.1], 10, [5_000_000, 1, 9_000_000]),
               "finalize": figure([0.1], None, 1), "reconcile_1m": figure([50.0], [4.0], 1_000_000, times_100k=12.5)}  # fmt: skip
    assert figures["push_10k"]["ratio"] == pytest.approx(10) and figures["push_10k"]["wire_bytes"] == 5_000_000
    judged = {(j.target.name, j.target.key): j.good for j in judge(figures)}
    assert judged == {("push_10k", "ratio"): True, ("push_10k", "wire_bytes"): False,
                      ("reconcile_1m", "times_100k"): False}  # fmt: skip


@pytest.mark.long
def test_the_sync_measurements_run(tmp_path: Path) -> None:
    """With few records on SQLite: what is measured is of no use, but everything is checked and every key is there."""
    (folder := tmp_path / "0").mkdir()
    figures = sync(folder, 0, lambda _: None, count=200, both=False)
    assert list(figures) == ["push_10k", "resend_10k", "update_10k", "pull_10k", "nothing_changed_10k", "database_bytes_per_record"]  # fmt: skip
    for name, f in list(figures.items())[:-1]:
        assert f["seconds"] > 0 and f["ratio"] > 0 and f["wire_bytes"] > 100 and f["round_trips"] >= 1, name
        assert f["transactions"] >= 0 and {"fsyncs", "rows", "limit_seconds"} <= f.keys(), name
    assert figures["push_10k"]["rows"] == 200 and figures["update_10k"]["wire_bytes"] > 10_000
    sizes = figures["database_bytes_per_record"]
    assert sizes["server_sqlite"] > sizes["server_sqlite_journal"] > sizes["line"]


def test_no_measurement_is_named_twice() -> None:
    names = [name for group in GROUPS for name in group.names]
    assert len(names) == len(set(names)) and all(re.fullmatch(r"[a-z0-9_]+", n) for n in names)
