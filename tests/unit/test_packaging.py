"""What is installed where: the tablet carries only what exists for it, and every pin, lock and file says so."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from field_app import fonts, icons

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
    "base45": PURE,
    "cbor2": "a wheel py3-none-any beside the compiled ones, without its C extension",
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
    "pyzbar": FLET,
    "repath": PURE,
    "segno": PURE,
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
    assert flet["bundle_id"].startswith(flet["org"]) and flet["product"] == "净土外业" and flet["build_number"] >= 1
    for platform in ("android", "ios"):
        assert set(flet[platform]["dependencies"]) == set(flet["dev_packages"]) == {PYPROJECT["project"]["name"]}
    assert flet["app"] == {"path": "field_app", "module": "main"} and (ROOT / "field_app" / "main.py").is_file()
    assert flet["source_packages"] == [PYPROJECT["project"]["name"]]


def test_the_app_asks_for_nothing_it_does_not_need() -> None:
    flet = PYPROJECT["tool"]["flet"]
    assert set(flet["permissions"]) == {"location", "camera", "photo_library"}
    refused = {name for name, wanted in flet["android"]["permission"].items() if wanted is False}
    assert refused == {"android.permission.ACCESS_BACKGROUND_LOCATION", "android.permission.RECORD_AUDIO"}
    assert set(flet["android"]["permission"]) == refused  # what is wanted comes with the bundles above
    texts = flet["ios"]["info"]
    # each that the bundles bring in English, and the one for saving; no microphone, nothing in the background
    assert set(texts) == {
        "NSLocationWhenInUseUsageDescription", "NSLocationAlwaysAndWhenInUseUsageDescription", "NSCameraUsageDescription",
        "NSPhotoLibraryUsageDescription", "NSPhotoLibraryAddUsageDescription",
    }  # fmt: skip
    for text in texts.values():
        assert re.search("[\u4e00-\u9fff]{6}", text), "iOS shows this to the user: Chinese"
    assert "enable_audio=False" in (ROOT / "field_app" / "capture" / "camera.py").read_text("utf-8")


def test_icons_and_splash_are_our_drawing() -> None:
    assets = ROOT / "field_app" / "assets"
    for name, image in icons.drawn().items():
        kept = Image.open(assets / name)
        assert (kept.size, kept.mode) == (image.size, image.mode) and kept.tobytes() == image.tobytes(), (
            f"{name}: python -m field_app.icons"
        )
    assert Image.open(assets / "icon_ios.png").mode == "RGB"  # the App Store takes no transparency
    strokes = Image.open(assets / "icon_android.png").getchannel("A")
    inner = 0.66 / 2 * strokes.width
    middle = (strokes.width - 1) / 2
    seen = [(i % strokes.width, i // strokes.width) for i, a in enumerate(strokes.tobytes()) if a]
    assert seen and max(((x - middle) ** 2 + (y - middle) ** 2) ** 0.5 for x, y in seen) <= inner
    flet, tokens = PYPROJECT["tool"]["flet"], json.loads((assets / "tokens.json").read_text("utf-8"))["themes"]
    assert flet["splash"] == {"color": tokens["light"]["paper"], "dark_color": tokens["dark"]["paper"]}
    assert flet["splash"]["color"] == icons.PAPER and flet["android"]["adaptive_icon_background"] == icons.TEAL


# --- what a device gets ----------------------------------------------------------------------------------------------

DEVICE = tomllib.loads((REQUIREMENTS / "device-wheels.toml").read_text("utf-8"))
# import name → package, where they differ
PACKAGES = {"PIL": "pillow", "flet_map": "flet-map", "flet_geolocator": "flet-geolocator", "flet_camera": "flet-camera"}
# only where the app is set up, tried or served to a browser; a device never comes there
BESIDE = {
    "field_app/capture/qr.py": {"zxingcpp"},  # where it is; devices have pyzbar
    "field_app/fonts.py": {"fontTools", "manimgx_fonts_cjk", "flet_web"},
    "field_app/main.py": {"flet_web"},
}


def test_every_compiled_package_has_a_wheel_for_a_device() -> None:
    tablet = locked("tablet.txt")
    compiled = {name for name, reason in TABLET.items() if reason == FLET}
    assert compiled == set(DEVICE["index"]) and DEVICE["frozen"].year >= 2026 and len(DEVICE["sources"]) == 2
    for name in compiled:
        fitting = [v for v in DEVICE["index"][name] if f"{tablet[name]}.".startswith(f"{v}.")]
        assert fitting, f"{name} {tablet[name]}: wheels are known of {DEVICE['index'][name]}"
    assert not set(tablet) & set(DEVICE["neither"]["names"])


def test_the_app_imports_only_what_is_on_the_tablet() -> None:
    tablet = {name.replace("_", "-").lower() for name in locked("tablet.txt")}
    ours = {"field_app", "schemas"}
    used = set()
    for path in [*(ROOT / "schemas").rglob("*.py"), *(ROOT / "field_app").rglob("*.py")]:
        where = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for top in (
                {n.partition(".")[0] for n in names} - ours - set(sys.stdlib_module_names) - BESIDE.get(where, set())
            ):
                package = PACKAGES.get(top, top.replace("_", "-").lower())
                assert package in tablet, f"{where} imports {top}, which no tablet has"
                used.add(package)
    assert {"flet", "httpx", "cryptography", "pillow", "sqlmodel"} <= used


def test_no_file_of_the_app_hides_a_module() -> None:
    """On a device the folder field_app itself is the first place modules are looked for."""
    top = {p.stem for p in (ROOT / "field_app").iterdir() if p.suffix == ".py" or (p / "__init__.py").is_file()}
    carried = {n.replace("-", "_") for n in locked("tablet.txt")} | {"PIL", "schemas"}
    assert not top & (set(sys.stdlib_module_names) | carried)


UV = Path(sys.executable).with_name("uv")


def uv(*args: str | Path, **more: object) -> subprocess.CompletedProcess[str]:
    """From the cache where it has everything; else the index is asked."""
    ran = subprocess.run([UV, *args, "--offline"], capture_output=True, text=True, **more)  # type: ignore[call-overload]
    if ran.returncode:
        ran = subprocess.run([UV, *args], capture_output=True, text=True, **more)  # type: ignore[call-overload]
    assert ran.returncode == 0, ran.stderr
    return ran


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `flet build` installs on a device, [tool.flet.dev_packages]; built beside the repository, which stays as it is."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("schemas", "field_app", "sync_server"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    uv("build", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", out, source)
    return next(out.glob("*.whl"))


def test_schemas_and_assets_get_in(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    for room in ("schemas", "field_app"):
        files = {
            p.relative_to(ROOT).as_posix()
            for p in (ROOT / room).rglob("*")
            if p.is_file() and "__pycache__" not in p.parts
        }
        assert files - inside == set(), "in no device's app"
    for name in ("schemas/reference/codes.csv", "field_app/assets/tokens.json", "field_app/assets/icon_android.png"):
        assert name in inside
    assert not [n for n in inside if n.startswith(("tests/", "requirements/"))]


OPENS = """
import sys
from pathlib import Path
import field_app.main as main
from field_app import kit, words
from schemas.records import TYPES
from schemas.reference import codes
from field_app.store import Store
start = main.open_tablet(Path(sys.argv[1]))
assert callable(start) and (Path(sys.argv[1]) / "tablet.db").is_file()
assert len(TYPES) > 30 and codes("photo_step") and kit.tokens()["themes"]["sun"] and words.say("zh", "today") == "今日"
homes = {str(sys.modules[m].__file__) for m in ("field_app.main", "schemas.reference")}
missing = [m for m in ("flet_web", "fastapi", "pytest", "fontTools", "sync_server.main") if m in sys.modules]
print(*homes, *missing, sep="\\n")
"""


@pytest.fixture(scope="module")
def device(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with tablet.txt and the app alone, as on a device but for the processor. Its python."""
    place = tmp_path_factory.mktemp("device") / "venv"
    uv("venv", "--python", sys.executable, place)
    python = next(p for p in (place / "bin" / "python", place / "Scripts" / "python.exe") if p.exists())
    uv("pip", "install", "--python", python, "--no-deps", "-r", REQUIREMENTS / "tablet.txt", wheel)
    uv("pip", "check", "--python", python)
    return python


def opened(python: Path, folder: Path, *before: str) -> list[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "JINGTU", "VIRTUAL"))}
    code = f"import sys; sys.path[:0] = {list(before)!r}\n{OPENS}"
    folder.mkdir()
    ran = subprocess.run(
        [python, "-I", "-c", code, folder / "data"], cwd=folder, env=env, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


def test_the_tablets_list_installs_alone_and_the_app_opens_without_the_repository(device: Path, tmp_path: Path) -> None:
    homes = opened(device, tmp_path / "run")
    assert len(homes) == 2 and all(h.startswith(str(device.parents[1])) for h in homes), homes


def test_the_app_opens_out_of_a_zip_of_compiled_files(device: Path, tmp_path: Path) -> None:
    """How Android gets it: no sources, no files on a disk."""
    packages = next(device.parents[1].rglob("site-packages"))
    app = tmp_path / "app"
    for room in ("schemas", "field_app"):
        shutil.copytree(packages / room, app / room, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([device, "-m", "compileall", "-q", "-b", app], check=True)
    for source in app.rglob("*.py"):
        source.unlink()
    archive = shutil.make_archive(str(tmp_path / "app"), "zip", app)
    homes = opened(device, tmp_path / "run", archive)
    assert len(homes) == 2 and all(h.startswith(archive) and h.endswith(".pyc") for h in homes), homes


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


def test_fonts_are_not_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    out = fonts.ensure()
    for work in ("_draw", "_put", "_source_font", "_one_at_a_time"):
        monkeypatch.setattr(
            fonts, work, lambda *_, work=work: pytest.fail(f"{work} was called for fonts that are there")
        )
    assert fonts.ensure() == out


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
