"""Every string a person sees stands in the catalogue (field_app/words) or with the field or code it names; both languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from field_app.words import WORDS

APP = Path(__file__).resolve().parents[2] / "field_app"
CJK = re.compile(r"[\u3400-\u9fff]")
# punctuation between two texts that are both looked up is no text
LETTERS = re.compile(r"[A-Za-z]{3,}|[\u3400-\u9fff]")
# What draws text: the argument that is shown, by place or by name.
DRAWN = {
    "t": (0,),
    "button": (0,),
    "judge": (2, 3),
    "chip": (1,),
    "icon_button": (1,),
    "Text": (0,),
    "TextSpan": (0,),
    "Notice": (1, 2),
}
NAMED = ("label", "tooltip", "hint_text", "semantics_label", "value", "text", "title", "helper", "dialog_title")
# Not shown by the app's pages: what a terminal is told, what Chinese typing is read as, what a database keeps.
ELSEWHERE = {"main.py", "device_db.py", "fonts.py"}


def sources() -> list[Path]:
    return [
        p for p in sorted(APP.rglob("*.py")) if "words" not in p.relative_to(APP).parts[:1] and p.name not in ELSEWHERE
    ]


def docstrings(tree: ast.AST) -> set[int]:
    out = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                out.add(id(first.value))
    return out


def patterns(tree: ast.AST) -> set[int]:
    """What typed text is matched with is shown to nobody."""
    compiled = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "re.compile"]
    return {id(inner) for call in compiled for inner in ast.walk(call)}


def chinese(source: str) -> Iterator[tuple[int, str]]:
    """Literals with more than one Chinese character; a lone one is a separator or a mark."""
    tree = ast.parse(source)
    known = docstrings(tree) | patterns(tree)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in known
            and CJK.search(node.value)
        ):
            yield node.lineno, node.value


def literal(node: ast.expr) -> str:
    """The words written at the place itself; what is looked up or computed is not."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return " ".join(p.value for p in node.values if isinstance(p, ast.Constant) and isinstance(p.value, str))
    if isinstance(node, ast.IfExp):
        return f"{literal(node.body)} {literal(node.orelse)}"
    if isinstance(node, ast.BinOp):
        return f"{literal(node.left)} {literal(node.right)}"
    if isinstance(node, ast.Tuple):
        return " ".join(map(literal, node.elts))
    return ""


def drawn(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        shown = [node.args[n] for n in DRAWN.get(name, ()) if n < len(node.args)]
        shown += [k.value for k in node.keywords if k.arg in NAMED and name not in ("Trouble", "dict")]
        for one in shown:
            if LETTERS.search(text := literal(one)):
                yield node.lineno, text


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(APP)))
def test_no_words_outside_the_catalogue(path: Path) -> None:
    source = path.read_text("utf-8")
    found = [f"{path.name}:{line} {text!r}" for line, text in (*chinese(source), *drawn(source))]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        'k.t("Not in the catalogue")',
        'k.t(f"{n} records")',
        'k.button("存")',
        'x = ("已完成", "finished")',
        'k.judge("warn", I.X, "Look here")',
        'ft.TextField(label="Name")',
        'k.t("Yes" if ok else k.say("no"))',
        'Notice("done", ("a", "three letters"))',
    ],
)
def test_words_outside_are_found(source: str) -> None:
    assert [*chinese(source), *drawn(source)]


@pytest.mark.parametrize(
    "source", ['k.t(k.say("today"))', 'k.t(f"{a} · {b} m")', '"""标题"""', 'k.chip(I.X, k.say(f"state.{s}"), "done")']
)
def test_what_is_looked_up_passes(source: str) -> None:
    assert not [*chinese(source), *drawn(source)]


def test_both_languages_say_something_and_take_the_same_words() -> None:
    braces = re.compile(r"{(\w+)[^}]*}")
    for key, (zh, en) in WORDS.items():
        assert zh.strip() and en.strip(), key
        assert set(braces.findall(zh)) == set(braces.findall(en)), key
        words = braces.sub("", zh)
        assert CJK.search(words) or zh == en or not re.search("[a-z]{4}", words), key
        assert not CJK.search(en) or key in ("lang.zh", "set.lang"), key
        assert "!" not in zh + en and "！" not in zh and "请稍后" not in zh and "您" not in zh, key
