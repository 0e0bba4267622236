"""`jingtu verify OUT.zip`: needs the zip and the core of this package alone, none of the server's.

Exit: 0 whole, 1 faults, 2 it cannot be read.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from schemas.rules.judging import Finding, Unreadable, Verdict, judge
from schemas.rules.judging.words import finding
from sync_server.proof.opening import Opened

WHOLE, FAULTY, UNREADABLE = 0, 1, 2
MOST_SHOWN = 50  # findings and photos a person reads; --json has all


def verify(path: Path, server_key: str | None = None) -> Verdict:
    """Raises Unreadable."""
    try:
        if path.exists() and not path.is_file():
            raise Unreadable(finding("zip.unreadable", "", what=("这不是文件", "this is no file")))
        with path.open("rb") as file:
            return judge(Opened(file), server_key)
    except OSError as err:
        raise Unreadable(finding("zip.unreadable", "", what=_why(err))) from err


def _why(err: OSError) -> tuple[str, str]:
    """In words of ours: the system's speak one language."""
    if isinstance(err, FileNotFoundError):
        return "没有这个文件", "there is no such file"
    if isinstance(err, PermissionError):
        return "没有读这个文件的权限", "there is no permission to read this file"
    said = err.strerror or str(err)
    return f"读文件时出错（{said}）", f"reading the file failed ({said})"


def main(args: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(args)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console without Chinese must not stop the answer
    try:
        verdict = verify(given.package, given.server_key)
    except Unreadable as err:
        if given.as_json:
            _print_json({"whole": False, "unreadable": True, "faults": [err.found._asdict()]})
        else:
            print(
                f"读不了，没有作任何判断 · It cannot be read; nothing was judged\n{_line(err.found)}", file=sys.stderr
            )
        return UNREADABLE
    try:
        if given.as_json:
            _print_json({"unreadable": False, **verdict.as_json()})
        else:
            print("\n".join(_text(verdict)))
        sys.stdout.flush()
    except BrokenPipeError:  # read no further, by `head` say: the exit code still tells
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return WHOLE if verdict.whole else FAULTY


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jingtu verify",
        description="核验证据包：证明了什么，只是声称什么，什么无从知道 · "
        "Verify an evidence package: what is proved, only claimed, unknowable. Exit 0 完好 whole, 1 有问题 faults, 2 读不了 unreadable.",
    )
    parser.add_argument("package", type=Path, metavar="OUT.zip")
    parser.add_argument("--json", dest="as_json", action="store_true", help="供程序读 · for programs")
    parser.add_argument(
        "--server-key",
        metavar="指纹·FINGERPRINT",
        help="服务器密钥应有的指纹：平板“最近签收”里的 32 位十六进制数 · the fingerprint the server's key must have, "
        "as a tablet shows it under its receipts (32 hex digits, spaces allowed), or the key itself",
    )
    return parser


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=1))


def _line(f: Finding) -> str:
    where = ":".join(str(x) for x in (f.file, f.pos) if x not in ("", None))
    about = f"  [{f.id}]" if f.id else ""
    return f"  {f.code}  {_plain(where)}{_plain(about)}\n    {f.zh}\n    {f.en}"


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:1000])


def _text(v: Verdict) -> list[str]:
    p = v.package
    title = "完好 · WHOLE" if v.whole else f"有问题 · FAULTS: {len(v.faults) + v.more}"
    out = [
        title,
        _plain(f"{p['project']['name']} · {p['selection']['kind']} {p['selection']['label']} · {p['made_at']} · {p['organisation']['name']}"),
        f"服务器密钥指纹 · server key: {grouped(v.fingerprint)}{' ✓' if v.compared else ''}",
    ]  # fmt: skip
    if v.faults:
        out += ["", "问题 · Faults", *map(_line, v.faults[:MOST_SHOWN]), *_more(len(v.faults) + v.more)]
    for zh, en, said in (
        ("证明了", "Proved", v.proved), ("只是声称", "Only claimed", v.claimed), ("无从知道", "Cannot be known", v.unknown),
    ):  # fmt: skip
        out += ["", f"{zh} · {en}"]
        out += [f"  {_plain(s.zh)}\n    {_plain(s.en)}" for s in said] or ["  —"]
    if v.told:
        out += ["", "另外 · Also", *map(_line, v.told[:MOST_SHOWN]), *_more(len(v.told))]
    if v.photos:
        out += ["", "照片 · Photos"]
        for photo in v.photos[:MOST_SHOWN]:
            state = "✓" if photo["here"] else "—"
            by = ", ".join(f"{n['file']}:{n['pos']}{' ✓' if n['signed'] else ''}" for n in photo["named_by"])
            out.append(f"  {state} {photo['sha256']}  {_plain(by)}")
        out += _more(len(v.photos))
    return out


def _more(count: int) -> list[str]:
    return [f"  … 共 {count} 条，--json 全部列出 · {count} in all, --json lists them"] if count > MOST_SHOWN else []


def grouped(text: str) -> str:
    """Hex in fours, as the tablet shows it."""
    return " ".join(text[n : n + 4] for n in range(0, len(text), 4))


if __name__ == "__main__":
    raise SystemExit(main())
