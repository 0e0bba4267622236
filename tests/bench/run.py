"""性能测量 / measurements: `python3 dev.py bench [--json FILE] [--only NAME …] [--repeat N]`.

Each figure in seconds and as a ratio to its own limit of the same run, the limit measured beside every repetition
(docs/performance.md says what each limit does). Median of the repetitions."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench import ground as g
from tests.bench.sync import Scene, median, push_resend_update_pull

Figures = dict[str, dict[str, Any]]
TEN_K = ("push_10k", "resend_10k", "update_10k", "pull_10k", "nothing_changed_10k")


def ten_thousand(folder: Path, repeat: int, tell: Callable[[str], None]) -> Figures:
    tell("准备一万条 / making ten thousand records")
    scene = Scene(folder / "ten")
    lines = scene.lines()
    runs: list[Figures] = []
    limits: list[float] = []
    for n in range(repeat):
        limits.append(g.limit_one(lines, folder))
        runs.append(push_resend_update_pull(scene, traced=False))
        tell(f"{n + 1}/{repeat}: " + ", ".join(f"{k} {v['seconds'] / limits[-1]:.1f}×" for k, v in runs[-1].items()))
    traced = push_resend_update_pull(scene, traced=True)
    out: Figures = {}
    for name in runs[0]:
        ratios = [r[name]["seconds"] / limit for r, limit in zip(runs, limits, strict=True)]
        out[name] = {
            "seconds": median([r[name]["seconds"] for r in runs]), "limit_seconds": median(limits), "ratio": median(ratios),
            "wire_bytes": int(median([r[name]["wire_bytes"] for r in runs])), "fsyncs": traced[name]["fsyncs"],
            "rows": runs[0][name]["rows"],
        }  # fmt: skip
    return out


GROUPS: dict[tuple[str, ...], Callable[[Path, int, Callable[[str], None]], Figures]] = {TEN_K: ten_thousand}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="dev.py bench", description=__doc__)
    parser.add_argument("--json", type=Path, help="结果写到这里 / write the figures here")
    parser.add_argument("--only", action="append", default=[], help="只测这些 / only these")
    parser.add_argument("--repeat", type=int, default=7, help="重复次数 / repetitions")
    args = parser.parse_args(argv)
    known = {name for group in GROUPS for name in group}
    if wrong := set(args.only) - known:
        print(
            f"✗ 没有 {', '.join(sorted(wrong))}；可用：{', '.join(sorted(known))} / no such measurement",
            file=sys.stderr,
        )
        return 2
    figures: Figures = {}
    with tempfile.TemporaryDirectory(prefix="jingtu-bench-") as temp:
        for group, work in GROUPS.items():
            if not args.only or set(args.only) & set(group):
                figures |= work(Path(temp), args.repeat, lambda text: print(f"· {text}", file=sys.stderr, flush=True))
    if args.only:
        figures = {k: v for k, v in figures.items() if k in args.only}
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for name, f in figures.items():
        ratio = f"{f['ratio']:.2f} ×" if f["ratio"] is not None else "-"
        syncs = "没有 strace / no strace" if f["fsyncs"] is None else f["fsyncs"]
        print(f"{name:28} {f['seconds'] * 1000:9.1f} ms  {ratio:>9}  {f['wire_bytes'] or 0:>10} B  fsync {syncs}")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
