"""The laws of merge, for any values, and the table of its policies."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.fields import Merge, atoms_of, fields_of
from schemas.merge import merge, put, whole_atoms
from schemas.records import TYPES

READING, SAMPLE, POINT = TYPES["field_reading"], TYPES["sample"], TYPES["point"]
Values = dict[str, Any]

text = st.sampled_from(["a", "b", "c", None])
items = st.lists(st.sampled_from("abcdef"), unique=True, max_size=4).map(lambda x: x or None)
wind = st.fixed_dictionaries(
    {}, optional={"wind": text, "note": text, "weather": text, "samplers": items, "later_field": text}
)
result = st.fixed_dictionaries({k: text for k in ("value", "qualifier", "unit", "lod")})


def clean(values: Values) -> Values:
    return {k: v for k, v in values.items() if v is not None}


def edit(old: Values, new: Values) -> tuple[Values, Values]:
    return whole_atoms(POINT, clean(old), clean(new))


@given(wind, wind)
def test_a_change_nobody_crossed_is_taken_whole(old: Values, new: Values) -> None:
    before, after = edit(old, new)
    done = merge(POINT, clean(old), before, after)
    assert done.values == clean(new) and not done.clashes
    assert done.changed == (clean(old) != clean(new))


@given(wind, wind, wind)
def test_the_same_change_twice_is_the_same_as_once(old: Values, now: Values, new: Values) -> None:
    before, after = edit(old, new)
    once = merge(POINT, clean(now), before, after)
    again = merge(POINT, once.values, before, after)
    assert again.values == once.values
    assert {c.atom for c in again.clashes} == {c.atom for c in once.clashes}


@given(wind, wind, wind)
def test_review_keeps_what_is_there_and_hands_over_all_three_values(old: Values, now: Values, new: Values) -> None:
    before, after = edit(old, new)
    done = merge(POINT, clean(now), before, after)
    for clash in done.clashes:
        assert {k: done.values.get(k) for k in clash.now} == clash.now == {k: clean(now).get(k) for k in clash.now}
        assert clash.after == {k: after[k] for k in clash.after} and clash.before == {
            k: before[k] for k in clash.before
        }
        assert clash.now not in (clash.before, clash.after)
    waiting = {k for c in done.clashes for k in c.after}
    assert not waiting & {"note", "samplers"}  # other policies never ask a person
    for name, value in after.items():
        if name not in waiting and name != "samplers":
            assert done.values.get(name) == value


@given(wind, wind)
def test_fields_of_different_atoms_commute(a: Values, b: Values) -> None:
    old: Values = {"wind": "x", "note": "x", "weather": "x"}
    one, other = {**old, "wind": a.get("wind") or "y"}, {**old, "weather": b.get("weather") or "z"}
    first, second = edit(old, one), edit(old, other)
    ab = merge(POINT, merge(POINT, old, *first).values, *second)
    ba = merge(POINT, merge(POINT, old, *second).values, *first)
    assert ab.values == ba.values and not ab.clashes and not ba.clashes


@given(items, items, items)
def test_union_takes_all_additions_and_all_removals_in_any_order(old: Any, one: Any, other: Any) -> None:
    base = clean({"samplers": old})
    first, second = edit(base, {"samplers": one}), edit(base, {"samplers": other})
    ab = merge(POINT, merge(POINT, base, *first).values, *second).values.get("samplers", [])
    ba = merge(POINT, merge(POINT, base, *second).values, *first).values.get("samplers", [])
    had, x, y = set(old or []), set(one or []), set(other or [])
    assert set(ab) == set(ba) == (had | x | y) - (had - x) - (had - y)
    assert len(ab) == len(set(ab)) and ab != [""]


@given(result, result, result)
def test_an_atom_is_never_mixed(old: Values, now: Values, new: Values) -> None:
    before, after = whole_atoms(READING, clean(old), clean(new))
    done = merge(READING, clean(now), before, after)
    assert {k: done.values.get(k) for k in old} in (now, new)
    assert not after or set(after) == set(old)


@given(wind, wind)
def test_whole_atoms_says_just_what_moved(old: Values, new: Values) -> None:
    before, after = edit(old, new)
    assert before.keys() == after.keys() and all(before[k] != after[k] for k in after)
    there = clean(old)
    put(there, after)
    assert there == clean(new)


def test_half_an_atom_still_travels_whole() -> None:
    old = {"value": "1", "qualifier": "eq", "unit": "ppm_ib"}
    before, after = whole_atoms(READING, old, {**old, "value": "2"})
    assert after == {"value": "2", "qualifier": "eq", "unit": "ppm_ib", "lod": None}
    assert before == {"value": "1", "qualifier": "eq", "unit": "ppm_ib", "lod": None}


def test_overwrite_takes_the_later_arrival() -> None:
    done = merge(POINT, {"note": "theirs"}, {"note": "old"}, {"note": "mine"})
    assert done.values == {"note": "mine"} and not done.clashes


def test_both_wrote_the_same() -> None:
    done = merge(POINT, {"wind": "N"}, {"wind": None}, {"wind": "N"})
    assert not done.clashes and not done.changed


def test_an_unknown_field_waits_for_a_person() -> None:
    done = merge(POINT, {"later_field": 2}, {"later_field": 1}, {"later_field": 3})
    assert done.values == {"later_field": 2} and [c.atom for c in done.clashes] == ["later_field"]


def test_deleting_is_an_atom_of_its_own() -> None:
    gone = {"deleted": True, "void_reason": "重复"}
    done = merge(SAMPLE, {"batch": "2"}, dict.fromkeys(gone), gone)
    assert done.values == {"batch": "2", **gone} and not done.clashes
    other = {"deleted": True, "void_reason": "破损"}
    assert [c.atom for c in merge(SAMPLE, done.values, dict.fromkeys(gone), other).clashes] == ["deletion"]


def test_emptying_a_field_removes_it() -> None:
    assert merge(POINT, {"wind": "N"}, {"wind": "N"}, {"wind": None}).values == {}


def test_merge_does_not_touch_what_it_is_given() -> None:
    now, before, after = {"samplers": ["a"]}, {"samplers": ["a"]}, {"samplers": ["a", "b"]}
    merge(POINT, now, before, after)
    assert (now, before, after) == ({"samplers": ["a"]}, {"samplers": ["a"]}, {"samplers": ["a", "b"]})


def test_union_is_for_lists_and_no_atom_has_two_policies() -> None:
    for cls in TYPES.values():
        fields, atoms = fields_of(cls), atoms_of(cls)
        for name, f in fields.items():
            if f.spec.merge is Merge.UNION:
                assert f.kind in ("list", "values"), name
        for atom in set(atoms.values()):
            assert len({fields[n].spec.merge for n in atoms if atoms[n] == atom}) == 1, (cls, atom)
