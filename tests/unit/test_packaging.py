"""What is installed where: the tablet carries only what exists for it, and every pin, lock and file says so."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from field_app import fonts

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCKS = ("dev.lock", "server.lock")

PURE = "one wheel, py3-none-any"
FLET = "compiled; a wheel for Android is in the list that Flet's app build uses"
# Every package a tablet may carry, with the reason why it can be installed there.
TABLET = {
    "annotated-types": PURE,
    "anyio": PURE,
    "certifi": PURE,
    "cffi": FLET,
    "cryptography": FLET,
    "flet": PURE,
    "flet-camera": PURE,
    "flet-geolocator": PURE,
    "flet-map": PURE,
    "h11": PURE,
    "httpcore": PURE,
    "httpx": PURE,
    "idna": PURE,
    "msgpack": FLET,
    "msgspec": FLET,
    "oauthlib": PURE,
    "piexif": PURE,
    "pillow": FLET,
    "pycparser": PURE,
    "pydantic": PURE,
    "pydantic-core": FLET,
    "repath": PURE,
    "six": PURE,
    "sqlalchemy": "a wheel py3-none-any beside the compiled ones, without its C extensions",
    "sqlmodel": PURE,
    "typing-extensions": PURE,
    "typing-inspection": PURE,
    "zstandard": FLET,
}


def pins(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", text, re.M))


def locked(name: str) -> dict[str, str]:
    return pins((REQUIREMENTS / name).read_text("utf-8"))


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~; ]", r, maxsplit=1)[0].lower() for r in requirements}


def test_the_tablet_carries_only_what_exists_for_it() -> None:
    tablet = locked("tablet.txt")
    assert set(tablet) - set(TABLET) == set(), "no known wheel for Android: leave it out, or give its reason in TABLET"
    assert names(PYPROJECT["project"]["dependencies"]) <= set(tablet)


def test_the_compiled_ones_are_held_at_builds_that_exist() -> None:
    compiled = {name for name, reason in TABLET.items() if reason == FLET}
    held = locked("tablet-constraints.in")
    assert set(held) == compiled
    assert {n: v for n, v in locked("tablet.txt").items() if n in held} == held


@pytest.mark.parametrize("lock", LOCKS)
def test_tablet_and_locks_agree_where_one_version_matters(lock: str) -> None:
    tablet, other = locked("tablet.txt"), locked(lock)
    for name in tablet:
        if name.startswith("flet") or name in (
            "pydantic",
            "pydantic-core",
            "msgspec",
            "zstandard",
            "sqlmodel",
            "sqlalchemy",
            "httpx",
            "piexif",
        ):
            assert tablet[name] == other[name], name


def test_one_version_of_flet() -> None:
    flet = {v for n, v in locked("dev.lock").items() if n in ("flet", "flet-web", "flet-map", "flet-geolocator")}
    assert flet == {PYPROJECT["project"]["dependencies"][0].split("==")[1]}


def test_the_servers_lock_is_part_of_the_developers() -> None:
    dev, server = locked("dev.lock"), locked("server.lock")
    assert {n: dev.get(n) for n in server} == server
    assert "pytest" in dev and "pytest" not in server and "fonttools" not in server


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes(lock: str) -> None:
    text = (REQUIREMENTS / lock).read_text("utf-8")
    for line, following in zip(text.splitlines(), text.splitlines()[1:], strict=False):
        if "==" in line and not line.lstrip().startswith("#"):
            assert line.endswith("\\") and following.strip().startswith("--hash=sha256:"), line


@pytest.mark.parametrize("path", sorted(REQUIREMENTS.iterdir()), ids=lambda p: p.name)
def test_no_host_and_no_place_of_one_machine(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"://|--(extra-)?index-url|--find-links|-i ", text)
    assert not re.search(r"(^|[\s@])(/|[A-Z]:\\|file:)", text)


def test_the_locks_know_the_project_as_it_is() -> None:
    project = PYPROJECT["project"]
    server = names(project["dependencies"]) | names(project["optional-dependencies"]["server"])
    assert server <= set(locked("server.lock"))
    assert server | names(PYPROJECT["dependency-groups"]["dev"]) <= set(locked("dev.lock"))


def unexplained(text: str) -> list[str]:
    """Lines of the dependency lists that carry no comment."""
    lists = re.findall(r"^(?:dependencies|server|dev) = \[\n(.*?)^\]", text, re.M | re.S)
    assert len(lists) == 3
    return [line for part in lists for line in part.splitlines() if not re.search(r'",\s*# \S.{8,}', line)]


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert unexplained(text) == []
    assert unexplained(text.replace("# test runner", "")) == ['    "pytest>=9",                 ']


def test_flet_can_build_the_app() -> None:
    flet = PYPROJECT["tool"]["flet"]
    assert flet["bundle_id"].startswith(flet["org"]) and flet["product"] == "净土外业"
    assert set(flet["permissions"]) <= {"location", "camera", "microphone", "photo_library", "biometric"}
    for text in flet["ios"]["info"].values():
        assert re.search("[\u4e00-\u9fff]", text), "iOS shows this to the user: Chinese"
    for platform in ("android", "ios"):
        assert set(flet[platform]["dependencies"]) == set(flet["dev_packages"]) == {PYPROJECT["project"]["name"]}


def test_no_built_font_or_library_in_git() -> None:
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        files = listed.decode().split("\0")
    else:
        skipped = {".venv", "build", ".git"}
        files = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if p.relative_to(ROOT).parts[0] not in skipped]
    bad = [f for f in files if re.search(r"\.(woff2?|ttf|otf|ttc|min\.js|min\.css)$", f) or Path(f).name == "uv.lock"]
    assert bad == []


def test_the_web_fonts_draw_what_the_app_writes() -> None:
    from fontTools.ttLib import TTFont

    out = fonts.ensure()
    manifest = {e["family"]: e["fonts"] for e in json.loads((out / "assets" / "FontManifest.json").read_text())}
    assert manifest["NotoSC"] == [{"asset": "fonts/NotoSansSC.otf"}]
    assert "MaterialIcons" in manifest and not any("KaTeX" in family for family in manifest)
    drawn = {name: set(TTFont(out / "fonts" / name, lazy=True).getBestCmap()) for name in fonts.FAMILIES}
    assert drawn[fonts.BOLD] <= drawn[fonts.REGULAR]
    assert len(drawn[fonts.REGULAR]) > 7400
    for text in ("土壤采样转运联单检查整改", "0123456789 −\u00a0°²₂→←↑↓≥≤±μ℃㎡", "，。（）：；“”《》"):
        assert not [c for c in text if ord(c) not in drawn[fonts.REGULAR]]
    for name in fonts.FAMILIES:
        font = TTFont(out / "assets" / "fonts" / name)
        assert len({font["hmtx"][font.getBestCmap()[ord(c)]][0] for c in "0123456789"}) == 1, "digits of one width"
    assert (out / "fonts" / "OFL.txt").is_file()


def test_no_text_of_the_app_is_an_empty_box() -> None:
    from fontTools.ttLib import TTFont

    drawn = set(TTFont(fonts.ensure() / "fonts" / fonts.REGULAR, lazy=True).getBestCmap())
    for path in [*(ROOT / "schemas").rglob("*.py"), *(ROOT / "field_app").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if path.name != "fonts.py" and isinstance(node, ast.Constant) and isinstance(node.value, str):
                boxes = {c for c in node.value if c.isprintable() and ord(c) not in drawn}
                assert not boxes, f"{path.relative_to(ROOT)}:{node.lineno}: the font has no {boxes}; take an icon"


def test_asking_for_fonts_again_is_quick() -> None:
    out = fonts.ensure()
    times = []
    for _ in range(5):
        began = time.perf_counter()
        assert fonts.ensure() == out
        times.append(time.perf_counter() - began)
    assert min(times) < 0.05


@pytest.mark.parametrize(
    ("ci", "outcome"),
    [("true", "1 failed, 1 passed, 1 xfailed, 2 errors"), ("", "1 passed, 3 skipped, 1 xfailed")],
)
def test_under_ci_a_skip_is_a_failure(tmp_path: Path, ci: str, outcome: str) -> None:
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "conftest.py")
    (tmp_path / "test_a.py").write_text(
        "import pytest\n"
        "@pytest.mark.skip(reason='x')\ndef test_1(): pass\n"
        "def test_2(): pytest.skip('y')\n"
        "@pytest.mark.xfail(strict=True)\ndef test_3(): assert 0\n"
        "def test_4(): pass\n"
    )
    (tmp_path / "test_b.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--continue-on-collection-errors", "."]
    env = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert outcome in ran.stdout.strip().splitlines()[-1], ran.stdout
    assert (ran.returncode != 0) == (ci == "true")


def test_one_version() -> None:
    from schemas import VERSION

    assert PYPROJECT["project"]["version"] == VERSION
