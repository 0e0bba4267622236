"""docs/evidence.md is enough to write the check anew: `recheck.py`, which knows nothing of the project, agrees with the judge."""

from __future__ import annotations

import ast
import json
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schemas.fields import Merge, atoms_of, fields_of
from schemas.records import TYPES
from schemas.rules.judging.words import FAULTS, TOLD
from tests.api import test_verify as tampering
from tests.api.packages import Parts
from tests.api.test_verify import Insider, World
from tests.contract.recheck import Recheck, rules_of

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "evidence.md"
RULES = rules_of(DOCUMENT)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("site"))
    yield made
    made.site.server.close()


def faults(data: bytes) -> list[str]:
    return Recheck(data, RULES).all()


def test_it_knows_nothing_of_the_project() -> None:
    names = set()
    for node in ast.walk(ast.parse((ROOT / "tests" / "contract" / "recheck.py").read_text("utf-8"))):
        names |= {a.name for a in node.names} if isinstance(node, ast.Import) else set()
        names |= {node.module or ""} if isinstance(node, ast.ImportFrom) else set()
    assert {n.split(".")[0] for n in names} - set(sys.stdlib_module_names) == {"cryptography"}


def test_it_finds_untouched_packages_whole(world: World) -> None:
    for data in (world.point, world.project, world.rotten):
        assert faults(data) == []


FOUND = [
    (tampering.change_line, "signed head"),
    (tampering.remove_line, "signed head"),
    (tampering.add_line_behind, "no receipt"),
    (tampering.reorder, "signed head"),
    (tampering.pretend_unproven, "signed lines"),
    (tampering.swap_photos, "photo bytes"),
    (tampering.replace_photo_everywhere, "signed head"),
    (tampering.forge_signature, "device signature"),
    (tampering.sign_with_another_devices_key, "device signature"),
    (tampering.edit_row, "record"),
    (tampering.remove_row, "records missing"),
    (tampering.move_seq, "outcome"),
    (tampering.edit_receipt, "receipt"),
    (tampering.another_person, "author"),
    (tampering.write_a_signature_another_way, "device signature"),
    (tampering.smuggle_a_file, "name"),
]


@pytest.mark.parametrize(("tamper", "word"), FOUND, ids=lambda x: getattr(x, "__name__", ""))
def test_it_finds_what_the_insider_does(world: World, tamper: Callable[[Insider], None], word: str) -> None:
    i = Insider(world, world.point)
    tamper(i)
    found = faults(i.parts.sealed(world.site.key))
    assert any(f.startswith(word) for f in found), found


def test_it_finds_the_clone_and_any_byte(world: World) -> None:
    assert [f.split()[0] for f in faults(world.cloned)] == ["cloned"]
    r = random.Random(7)
    for _ in range(100):
        at = r.randrange(len(world.point))
        data = world.point[:at] + bytes([world.point[at] ^ 1 << r.randrange(8)]) + world.point[at + 1 :]
        assert faults(data), at


def test_both_agree_on_the_insiders_table(world: World) -> None:
    """Of what the judge finds, the short one finds nearly all: what it leaves out is said here."""
    missed = set()
    for tamper, _ in tampering.INSIDER:
        i = Insider(world, world.point)
        tamper(i)
        if not faults(i.parts.sealed(world.site.key)):
            missed.add(tamper.__name__)
    assert missed == {
        "receipt_that_says_too_little", "half_hidden", "give_console_for_a_device", "decide_about_nothing",
        "photo_twice", "photo_size", "both_forms_of_a_line", "key_twice",
    }  # fmt: skip


def test_the_document_says_how_records_are_merged() -> None:
    for type, cls in TYPES.items():
        sizes: dict[str, list[str]] = {}
        for name, atom in atoms_of(cls).items():
            sizes.setdefault(atom, []).append(name)
        want = {n: atom for atom, names in sizes.items() if len(names) > 1 for n in names}
        assert {**RULES["atom"]["*"], **RULES["atom"].get(type, {})} == want, type
        for policy in (Merge.OVERWRITE, Merge.UNION):
            names = {n for n, f in fields_of(cls).items() if f.spec.merge is policy}
            assert {*RULES[policy.value]["*"], *RULES[policy.value].get(type, {})} == names, type


def test_the_document_has_the_words_of_every_code() -> None:
    text = DOCUMENT.read_text("utf-8")
    for code, words in {**FAULTS, **TOLD}.items():
        assert f"| `{code}` | {words.zh} | {words.en} |" in text, code


def test_the_packages_own_numbers_are_counted_as_the_document_says(world: World) -> None:
    parts = Parts(world.project)
    assert parts.counted(parts.package) == parts.package["counts"]
    assert json.loads(parts.files["package.json"])["counts"]["changes"] > 20
