"""Record types only grow. A breaking edit fails here; an addition passes once `python -m tests.golden.make` wrote it down."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.golden.make import FILE, golden, text
from tests.golden.rules import Golden, breaking

MAKE = "python -m tests.golden.make"


def test_no_breaking_edit() -> None:
    """Additive only: retire a field, never rename, retype or narrow it."""
    assert breaking(json.loads(FILE.read_text()), golden()) == []


def test_additions_are_written_down() -> None:
    assert FILE.read_text() == text(golden()), f"the types grew; look at what changed, then run: {MAKE}"


# --- the rules themselves --------------------------------------------------------------------------------------------

DEPTH = {
    "kind": "decimal",
    "storage": "text",
    "required": False,
    "atom": "interval",
    "merge": "review",
    "ge": "0",
    "le": "50",
    "decimals": 2,
}
CODE = {"kind": "text", "storage": "text", "required": True, "atom": "code", "merge": "review", "max_length": 64}
KIND = {"kind": "text", "storage": "text", "required": True, "atom": "kind", "merge": "review", "codes": "kinds"}
GROUPS = {"kind": "list", "storage": "json", "required": True, "atom": "groups", "merge": "union", "min_length": 1}
OLD: Golden = {
    "types": {"sample": {"audience": "field", "writers": ["inspector", "sampler"], "frozen": False,
                         "fields": {"code": CODE, "kind": KIND, "top": DEPTH, "groups": GROUPS}}},
    "values": {"Fix": {"lon": {**DEPTH, "required": True, "atom": "lon"}}},
    "codes": {"kinds": ["ordinary", "blank"]},
}  # fmt: skip


def field(name: str, **edit: Any) -> Callable[[Golden], None]:
    return lambda g: g["types"]["sample"]["fields"][name].update(edit)


def new(**spec: Any) -> Callable[[Golden], None]:
    return lambda g: g["types"]["sample"]["fields"].update(new={**DEPTH, "atom": "new", **spec})


def sample(**edit: Any) -> Callable[[Golden], None]:
    return lambda g: g["types"]["sample"].update(edit)


def rename(g: Golden) -> None:
    fields = g["types"]["sample"]["fields"]
    fields["number"] = {**fields.pop("code"), "required": False, "atom": "number"}


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda g: g["types"].pop("sample"), "sample: type removed"),
        (lambda g: g["types"]["sample"]["fields"].pop("top"), "sample.top: field removed"),
        (rename, "sample.code: field removed"),
        (field("top", kind="int"), "sample.top: kind decimal → int"),
        (field("top", storage="json"), "sample.top: storage text → json"),
        (field("top", required=True), "sample.top: now required"),
        (field("top", atom="top"), "sample.top: atom interval → top"),
        (field("top", merge="overwrite"), "sample.top: merge review → overwrite"),
        (field("top", ge="1"), "sample.top: ge narrowed 0 → 1"),
        (field("top", le="49.5"), "sample.top: le narrowed 50 → 49.5"),
        (field("top", decimals=1), "sample.top: decimals narrowed 2 → 1"),
        (field("top", max_length=9), "sample.top: max_length narrowed None → 9"),
        (field("code", max_length=32), "sample.code: max_length narrowed 64 → 32"),
        (field("code", pattern="^S"), "sample.code: pattern None → ^S"),
        (field("code", ref="point"), "sample.code: ref None → point"),
        (field("groups", min_length=2), "sample.groups: min_length narrowed 1 → 2"),
        (field("kind", codes="others"), "sample.kind: codes kinds → others"),
        (new(required=True), "sample.new: a new field is required"),
        (new(atom="interval"), "sample.new: a new field joins the atom interval, which old tablets send without it"),
        (sample(audience="enforcement"), "sample: audience field → enforcement"),
        (sample(frozen=True), "sample: frozen False → True"),
        (sample(writers=["sampler"]), "sample: inspector may no longer write"),
        (lambda g: g["codes"].update(kinds=["blank"]), "code list kinds: ordinary removed"),
        (lambda g: g["codes"].pop("kinds"), "code list kinds: ordinary removed"),
        (lambda g: g["values"].pop("Fix"), "Fix: value class removed"),
        (lambda g: g["values"]["Fix"]["lon"].update(le="9"), "Fix.lon: le narrowed 50 → 9"),
    ],
)
def test_breaking_edits_are_named(edit: Callable[[Golden], None], told: str) -> None:
    edited = copy.deepcopy(OLD)
    edit(edited)
    assert told in breaking(OLD, edited)


@pytest.mark.parametrize(
    "edit",
    [
        lambda g: None,
        lambda g: g["types"].update(well=copy.deepcopy(g["types"]["sample"])),
        lambda g: g["values"].update(Box={"lon": CODE}),
        lambda g: g["codes"].update(kinds=["blank", "ordinary", "trip_blank"], more=["x"]),
        new(),
        field("top", ge="-1"),
        field("top", le="100"),
        field("top", decimals=3),
        field("code", max_length=100),
        field("code", required=False),
        field("groups", min_length=0),
        sample(writers=["dispatcher", "inspector", "sampler"]),
    ],
)
def test_additions_are_not_breaking(edit: Callable[[Golden], None]) -> None:
    edited = copy.deepcopy(OLD)
    edit(edited)
    assert breaking(OLD, edited) == []
