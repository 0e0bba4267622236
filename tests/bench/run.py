"""性能测量 / measurements: `python3 dev.py bench [--json FILE] [--only NAME …] [--repeat N] [--gate]`.

Each figure in seconds and as a ratio to its own limit of the same run, the limit measured beside every repetition
(docs/performance.md says what each measurement and each limit does). Median of the repetitions."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from tests.bench.figures import Figures, judge, table
from tests.bench.outside import watching

Tell = Callable[[str], None]


class Group(NamedTuple):
    """Figures that are taken together, by a function of its own file, loaded when it is wanted."""

    names: tuple[str, ...]
    where: str  # "module:function" of (folder, repeat, tell)
    most: int = 100  # repetitions, however many were asked for: those of a million rows are few


SYNC = tuple(f"{what}_10k{tail}" for tail in ("", "_postgresql") for what in ("push", "resend", "update", "pull"))
GROUPS = (
    Group((*SYNC, "nothing_changed_10k", "database_bytes_per_record"), "ten:sync"),
    Group(("finalize",), "finalizing:finalize"),
    Group(("memory_push_100k", "catch_up_100_of_100k"), "hundred:hundred"),
    Group(("clients_20x1000",), "crowd:clients"),
    Group(("photo_capture",), "capturing:capture"),
    Group(("photos_100x2mb", "photos_cut"), "photos:photos"),
    Group(("plan_import_100k", "plan_import_100k_csv"), "plans:plan_imports"),
    Group(("tablet_list_1k", "tablet_list_100k"), "lists:tablet_lists"),
    Group(("console_page_10k", "console_page_1m"), "lists:console_pages", 3),
    Group(("reconcile_100k", "reconcile_1m"), "judging:reconcile", 3),
    Group(("memory_pull_1m", "nothing_changed_1m", "memory_backup_1m"), "million:million"),
)


def tell(text: str) -> None:
    print(f"· {text}", file=sys.stderr, flush=True)


def take(group: Group, folder: Path, repeat: int) -> Figures:
    module, _, name = group.where.partition(":")
    work: Callable[[Path, int, Tell], Figures] = getattr(import_module(f"tests.bench.{module}"), name)
    began = time.perf_counter()
    folder.mkdir()
    figures = work(folder, min(repeat, group.most), tell)
    shutil.rmtree(folder)  # a million records take gigabytes
    tell(f"{', '.join(group.names)}: {time.perf_counter() - began:.0f} s")
    return figures


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="dev.py bench", description=__doc__)
    parser.add_argument("--json", type=Path, help="结果写到这里 / write the figures here")
    parser.add_argument("--only", action="append", default=[], help="只测这些 / only these")
    parser.add_argument("--repeat", type=int, default=7, help="重复次数 / repetitions")
    parser.add_argument("--gate", action="store_true", help="有一项未达标时返回 1 / exit with 1 if a gate is missed")
    args = parser.parse_args(argv)
    known = [name for group in GROUPS for name in group.names]
    if args.repeat < 1 or (wrong := set(args.only) - set(known)):
        zh = f"没有 {', '.join(sorted(wrong))}；可用：{', '.join(known)}" if args.repeat > 0 else "--repeat 至少为 1"
        print(f"✗ {zh} / no such measurement", file=sys.stderr)
        return 2
    with watching([os.getpid()]) as watch:
        pass
    if watch.syncs is None:
        tell(
            "没有 strace，或它无权查看，fsync 次数为空 / no strace, or it may not look: fsyncs are null (Debian: apt install strace)"
        )
    began = time.perf_counter()
    figures: Figures = {}
    with tempfile.TemporaryDirectory(prefix="jingtu-bench-") as temp:
        for n, group in enumerate(GROUPS):
            if not args.only or set(args.only) & set(group.names):
                figures |= take(group, Path(temp) / f"{n}", args.repeat)
    judged = judge(figures)
    shown = {k: v for k, v in figures.items() if not args.only or k in args.only}
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("\n".join(table(shown, judged)))
    missed = [j.target for j in judged if not j.good and j.target.name in shown]
    print(
        f"{time.perf_counter() - began:.0f} s; " + (f"✗ {len(missed)} gates missed" if missed else "✓ every gate kept")
    )
    if args.json:
        args.json.write_text(json.dumps(shown, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 1 if missed and args.gate else 0


if __name__ == "__main__":
    sys.exit(main())
