"""Copies of lists, their edits, and what is frozen once a version is published."""

from __future__ import annotations

import pytest

from schemas.reference import Label
from schemas.rules.checklists import model, ready
from schemas.rules.checklists.model import Checklist, Item
from schemas.rules.checklists.publishing import copied, frozen, moved, next_code, put, without


def get(code: str) -> Checklist:
    return next(c for c in ready.every() if c.code == code)


WELL = get("well-check")


@pytest.mark.parametrize(
    ("suffix", "code"),
    [("HX-2026", "well-check-HX-2026"), ("红星", "well-check-own"), ("a b/c", "well-check-a-b-c"), ("x" * 60, "well-check-" + "x" * 29), ("", "well-check-own")],
)  # fmt: skip
def test_a_copy_of_a_ready_list_is_one_of_ones_own(suffix, code):
    made = copied(WELL, [], suffix)
    assert (made.code, made.version, made.mark, made.ready) == (code, 1, "D", False)
    assert made.items == WELL.items and made.sha256 != WELL.sha256 and made == model.sealed(made)
    assert not [f for f in model.faults(made) if f.hard]
    assert copied(WELL, [(code, 1), (code, 4), ("other", 9)], suffix).version == 5


def test_a_copy_of_ones_own_is_its_next_version():
    mine = model.sealed(WELL._replace(code="own", ready=False))
    assert (copied(mine, [("own", 1)], "x").code, copied(mine, [("own", 1)], "x").version) == ("own", 2)
    with pytest.raises(ValueError, match="999"):
        copied(mine, [("own", 999)], "x")


def test_items_are_put_moved_and_taken_out():
    first, second, third = (i.code for i in WELL.items[:3])
    assert [i.code for i in moved(WELL, first, 1).items[:3]] == [second, first, third]
    assert moved(WELL, first, -1).items == WELL.items  # it stops at the ends
    assert moved(WELL, WELL.items[-1].code, 9).items == WELL.items
    assert moved(WELL, "nobody", 1) == WELL
    assert [i.code for i in without(WELL, second).items[:2]] == [first, third]
    renamed = put(WELL, WELL.items[1]._replace(code="X1"), second)
    assert [i.code for i in renamed.items[:3]] == [first, "X1", third]
    new = Item("N1", WELL.items[0].section, Label("新", "New"))
    at = put(WELL, new)
    assert at.items.index(new) == max(n for n, i in enumerate(at.items) if i.section == new.section)
    assert put(WELL, new._replace(section=Label("别处", "Elsewhere"))).items[-1].code == "N1"
    for c in (at, renamed, without(WELL, second), moved(WELL, first, 1)):
        assert c.sha256 == model.sealed(c).sha256 != WELL.sha256


def test_the_next_code_follows_the_last_one():
    assert next_code(WELL) == "WL-14"
    assert next_code(put(WELL, WELL.items[-1]._replace(code="WL-14"))) == "WL-15"
    assert next_code(WELL._replace(items=())) == "A-01"
    assert next_code(WELL._replace(items=(WELL.items[0]._replace(code="last"),))) == "last-01"


OLD = {
    "code": "own",
    "version": 1,
    "title_zh": "表",
    "definition": "{}",
    "state": "published",
    "valid_from": "2026-01-01",
}


@pytest.mark.parametrize(
    ("change", "no"),
    [
        ({}, False), ({"state": "retired", "valid_to": "2026-02-01"}, False), ({"note": "看过"}, False),
        ({"title_zh": "改"}, True), ({"definition": "{ }"}, True), ({"state": "draft"}, True), ({"state": None}, True),
        ({"deleted": True, "void_reason": "x"}, True), ({"valid_from": "2026-01-02"}, True), ({"project_id": "p"}, True),
        ({"version": 2}, True), ({"later": "a field of a newer version"}, True),
    ],
)  # fmt: skip
def test_what_is_frozen(change, no):
    new = {k: v for k, v in {**OLD, **change}.items() if v is not None}
    assert frozen(OLD, new) is no
    draft = {**OLD, "state": "draft"}
    assert not frozen(draft, {**draft, **{k: v for k, v in change.items() if v is not None}})
    retired = {**OLD, "state": "retired"}
    assert not frozen(retired, {**retired, "state": "published"}) and frozen(retired, {**retired, "state": "draft"})
