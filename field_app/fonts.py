"""The fonts and static files that Flet serves to a browser, built at set-up time and never committed.

Flet's web client cannot use the system's fonts: without one of ours every Chinese character is an empty box.
`ensure()` draws two fonts out of the variable Noto Sans CJK (SIL OFL 1.1, a development package) into build/app_assets:

    fonts/NotoSansSC.otf, NotoSansSC-Bold.otf    for `page.fonts`
    assets/fonts/…, assets/FontManifest.json     the same for the web client, which loads them before its first frame
    everything under field_app/assets/ but stamp/      copied as it is

`python -m field_app.fonts` (which `dev.py setup` runs before an app is packed) also puts NotoSansSC.otf into
field_app/assets/stamp, where capture/stamp.py finds it on a device: what writes on photos cannot use the system's fonts.

Family NotoSC has GB 2312, Latin, symbols and whatever the app itself writes; NotoSCB has a true bold of the app's own
characters only, so a bold text names NotoSC as its fallback. The outlines are drawn glyph by glyph at a fixed weight:
instancing the whole variable font takes over a minute. Kerning is left out on purpose: digits stay of one width.

fontTools is imported only when there is something to build. A tablet has neither it nor a need: its screens use its own fonts.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
REGULAR, BOLD = "NotoSansSC.otf", "NotoSansSC-Bold.otf"
FAMILIES = {REGULAR: ("NotoSC", 400), BOLD: ("NotoSCB", 700)}

RANGES = ((0x20, 0x7F), (0xA0, 0x100), (0x2010, 0x2040), (0x2190, 0x21A0), (0x3000, 0x3020), (0xFF00, 0xFFE7))
SYMBOLS = "−℃℉²³㎡㎏㎎μ±×÷≤≥≈°′″‰✓●○▲△■□★☆⇄⇅"  # Noto Sans CJK has no ☐ ☑ ✗ ↻: a page takes an icon for them
# Drawn small from the full character, since the source has none of them: CO₂, m⁻¹, 10⁻⁶.
SCALE, LOWERED, RAISED = 0.62, -130, 330
SCRIPTS = {
    **{sub: (full, LOWERED) for sub, full in zip("₀₁₂₃₄₅₆₇₈₉₊₋", "0123456789+−", strict=True)},
    **{sup: (full, RAISED) for sup, full in zip("⁰⁴⁵⁶⁷⁸⁹⁺⁻", "0456789+−", strict=True)},
}
BOLD_ALWAYS = {chr(c) for c in range(0x20, 0x7F)} | set("\u00a0−°±²³·×μ℃㎡→←↑↓✓，。、：；（）“”")
# Where the app's own words are written.
SOURCES = (("schemas", "*.py"), ("schemas/reference", "*.csv"), ("field_app", "*.py"))
STATIC = ROOT / "field_app" / "assets"
PACKED = STATIC / "stamp"  # goes into the packed app; never into git


class FontsMissing(RuntimeError):
    """Something needed for building is not installed."""


def build_dir() -> Path:
    """The git-ignored build folder of a checkout; a cache folder where the package is installed without one."""
    if named := os.environ.get("JINGTU_BUILD_DIR"):
        return Path(named).resolve()
    if (ROOT / "pyproject.toml").is_file():
        return ROOT / "build"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jingtu"


def ensure(force: bool = False, say: Callable[[str], None] = lambda _: None) -> Path:
    """The folder to give to Flet as assets_dir. Builds what is missing or older than the app's own words."""
    out = build_dir() / "app_assets"
    wanted = _wanted()
    if not force and _stamp(out) == wanted and all((out / p).is_file() for p in _products()):
        return out
    out.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(out.parent / ".app_assets.lock"):
        have = {} if force else _stamp(out)
        for name, (family, weight) in FAMILIES.items():
            if have.get(name) != wanted[name] or not (out / "assets" / "fonts" / name).is_file():
                say(f"生成字体 {family}…… / building font {family} …")
                _put(out / "assets" / "fonts" / name, _draw(_source_font(), _charset(name), family, weight))
            _put(out / "fonts" / name, (out / "assets" / "fonts" / name).read_bytes())
        _put(out / "fonts" / "OFL.txt", _licence())
        _put(out / "assets" / "FontManifest.json", _manifest())
        _copy_static(out, have.get("static", {}), wanted["static"])
        _put(out / ".stamp.json", json.dumps(wanted).encode())
    return out


def pack(out: Path) -> None:
    """The font that stamped copies of photos are written with, as a data file of the app; with its licence."""
    for name in (REGULAR, "OFL.txt"):
        data, to = (out / "fonts" / name).read_bytes(), PACKED / name
        if not to.is_file() or to.read_bytes() != data:
            _put(to, data)


def _products() -> list[str]:
    return ["assets/FontManifest.json", *(f"{d}/{name}" for d in ("fonts", "assets/fonts") for name in FAMILIES)]


def _stamp(out: Path) -> dict[str, Any]:
    try:
        stamp: dict[str, Any] = json.loads((out / ".stamp.json").read_text())
    except (OSError, ValueError):
        return {}
    return stamp


def _wanted() -> dict[str, Any]:
    """What the outputs depend on, cheap enough to ask at every start."""
    app = _app_chars()
    recipe = hashlib.sha256(Path(__file__).read_bytes())

    def key(chars: set[str]) -> str:
        h = recipe.copy()
        h.update("".join(sorted(chars)).encode())
        return h.hexdigest()

    static = {p.relative_to(STATIC).as_posix(): p.stat().st_mtime for p in _files(STATIC) if PACKED not in p.parents}
    return {
        REGULAR: key({c for c in app if not _in_gb2312(c)}),
        BOLD: key(app),
        "manifest": _flet_manifest().stat().st_mtime,
        "static": static,
    }


def _files(folder: Path, pattern: str = "*") -> list[Path]:
    return sorted(p for p in folder.rglob(pattern) if p.is_file()) if folder.is_dir() else []


def _app_chars() -> set[str]:
    chars: set[str] = set()
    for folder, pattern in SOURCES:
        for path in _files(ROOT / folder, pattern):
            chars.update(path.read_text("utf-8", errors="ignore"))
    return {c for c in chars if c >= " "}


def _in_gb2312(c: str) -> bool:
    try:
        c.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def _charset(name: str) -> set[str]:
    if name == BOLD:
        return _app_chars() | BOLD_ALWAYS
    gb2312 = {c for c in map(chr, range(0x80, 0x10000)) if not 0xD800 <= ord(c) < 0xE000 and _in_gb2312(c)}
    return gb2312 | {chr(c) for a, b in RANGES for c in range(a, b)} | set(SYMBOLS) | set(SCRIPTS) | _app_chars()


def _package(name: str, needed_for: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise FontsMissing(
            f"缺少 {name}，无法生成{needed_for}：请运行 python3 dev.py setup"
            f" / {name} is missing: run python3 dev.py setup"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _flet_manifest() -> Path:
    web = os.environ.get("FLET_WEB_PATH") or _package("flet_web", "字体清单") / "web"
    return Path(web) / "assets" / "FontManifest.json"


def _source_font() -> Path:
    return _package("manimgx_fonts_cjk", "字体") / "NotoSansCJK-VF.otf.ttc"


def _licence() -> bytes:
    from importlib.metadata import distribution

    for file in distribution("manimgx-fonts-cjk").files or []:
        if file.name == "LICENSE":
            return Path(str(file.locate())).read_bytes()
    raise FontsMissing("字体包中没有许可证文件 / the font package has no licence file")


def _manifest() -> bytes:
    """Flet's own manifest without the 20 KaTeX files, which only formulas need, and with our two families."""
    entries = [e for e in json.loads(_flet_manifest().read_text()) if "KaTeX" not in e["family"]]
    entries += [{"family": family, "fonts": [{"asset": f"fonts/{n}"}]} for n, (family, _) in FAMILIES.items()]
    return json.dumps(entries).encode()


def _draw(source: Path, chars: set[str], family: str, weight: int) -> bytes:
    """A static CFF font with the given characters of the variable font at one weight."""
    from io import BytesIO

    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.boundsPen import ControlBoundsPen
    from fontTools.pens.recordingPen import RecordingPen
    from fontTools.pens.t2CharStringPen import T2CharStringPen
    from fontTools.pens.transformPen import TransformPen
    from fontTools.ttLib import TTCollection

    faces = TTCollection(source, lazy=True).fonts
    font = next(f for f in faces if f["name"].getDebugName(1) == "Noto Sans CJK SC")
    all_glyphs = font.getBestCmap()
    cmap = {ord(c): all_glyphs[ord(c)] for c in chars - SCRIPTS.keys() if ord(c) in all_glyphs}
    names = [".notdef", *sorted(set(cmap.values()) - {".notdef"}, key=font.getGlyphID)]
    glyphs = font.getGlyphSet(location={"wght": weight})
    outlines, metrics = {}, {}

    def add(name: str, like: str, scale: float = 1, rise: int = 0) -> None:
        record = RecordingPen()
        glyphs[like].draw(TransformPen(record, (scale, 0, 0, scale, 0, rise)))
        width = round(glyphs[like].width * scale)
        pen, bounds = T2CharStringPen(width, None), ControlBoundsPen(None)
        record.replay(pen)
        record.replay(bounds)
        outlines[name] = pen.getCharString()
        metrics[name] = (width, round(bounds.bounds[0]) if bounds.bounds else 0)

    for name in names:
        add(name, name)
    for c in sorted(chars & SCRIPTS.keys()):
        full, rise = SCRIPTS[c]
        cmap[ord(c)] = f"script{ord(c):X}"
        names.append(cmap[ord(c)])
        add(names[-1], all_glyphs[ord(full)], SCALE, rise)

    line = {k: getattr(font["hhea"], k) for k in ("ascent", "descent", "lineGap")}
    builder = FontBuilder(font["head"].unitsPerEm, isTTF=False)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap(cmap)
    builder.setupCFF(family, {"FullName": family, "FamilyName": family}, outlines, {})
    builder.setupHorizontalMetrics(metrics)
    builder.setupHorizontalHeader(**line)
    builder.setupNameTable(
        {
            "copyright": font["name"].getDebugName(0) or "",
            "familyName": family,
            "styleName": "Bold" if weight == 700 else "Regular",
            "uniqueFontIdentifier": f"{family}-{weight}",
            "fullName": family,
            "psName": family,
            "licenseDescription": font["name"].getDebugName(13) or "",
            "licenseInfoURL": font["name"].getDebugName(14) or "",
        },
        mac=False,
    )
    builder.font["OS/2"] = font["OS/2"]
    builder.font["OS/2"].usWeightClass = weight
    builder.setupPost(keepGlyphNames=False)
    result = BytesIO()
    builder.save(result)
    return result.getvalue()


def _copy_static(out: Path, before: dict[str, float], now: dict[str, float]) -> None:
    for gone in before.keys() - now.keys():
        (out / gone).unlink(missing_ok=True)
    for name in now:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(STATIC / name, out / name)


def _put(path: Path, data: bytes) -> None:
    """Write beside and rename, so that a server running meanwhile never reads half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temp = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(handle, "wb") as f:
        f.write(data)
    os.chmod(temp, 0o644)
    os.replace(temp, path)


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Two test workers may ask at once; where there is no flock, both build and the last rename stands."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.open("w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def main() -> int:
    began = time.perf_counter()
    try:
        out = ensure("--force" in sys.argv[1:], lambda text: print(text, file=sys.stderr, flush=True))
        pack(out)
    except FontsMissing as e:
        print(e, file=sys.stderr)
        return 1
    if "--quiet" not in sys.argv[1:]:
        print(f"{out}  {time.perf_counter() - began:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
