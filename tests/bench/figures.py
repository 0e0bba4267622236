"""A figure, its targets, and how both are shown. One place says what is aimed at."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

Figure = dict[str, Any]
Figures = dict[str, Figure]
median = statistics.median


def figure(
    seconds: Sequence[float], limits: Sequence[float] | None, rows: int, wire: Sequence[int] | int | None = None,
    fsyncs: int | float | None = None, **more: Any,
) -> Figure:  # fmt: skip
    """Medians over the repetitions. `ratio`: the median of each repetition's seconds ÷ its own limit, or None without one.
    `wire`: bytes both ways; `fsyncs`: calls of the server (or, without a server, of the process measured)."""
    ratios = [s / limit for s, limit in zip(seconds, limits, strict=True)] if limits else []
    return {
        "seconds": median(seconds), "limit_seconds": median(limits) if limits else None,
        "ratio": median(ratios) if ratios else None,
        "wire_bytes": int(median(wire)) if isinstance(wire, Sequence) else wire, "fsyncs": fsyncs, "rows": rows,
        "repetitions": len(seconds), **more,
    }  # fmt: skip


class Target(NamedTuple):
    """gate: what must hold; aim: what is worked towards. Both are "at most"."""

    name: str
    key: str  # of the figure
    gate: float
    aim: float


# targets of docs/performance.md
TARGETS = (
    Target("push_10k", "ratio", 10, 7.5),
    Target("push_10k", "wire_bytes", 3_000_000, 2_400_000),
    Target("push_10k", "transactions_per_request", 1, 1),
    Target("push_10k", "transactions_per_request_client", 1, 1),
    Target("resend_10k", "ratio", 3, 1),
    Target("update_10k", "ratio", 13, 9.5),
    Target("pull_10k", "ratio", 8, 5.5),
    Target("push_10k_postgresql", "ratio", 16, 11),
    Target("update_10k_postgresql", "ratio", 25, 18),
    Target("catch_up_100_of_100k", "wire_bytes", 30_000, 10_000),
    Target("nothing_changed_10k", "wire_bytes", 450, 320),
    Target("nothing_changed_10k", "round_trips", 1, 1),
    Target("nothing_changed_1m", "wire_bytes", 450, 320),
    Target("nothing_changed_1m", "round_trips", 1, 1),
    Target("clients_20x1000", "ratio", 20, 12),
    Target("reconcile_1m", "times_100k", 11, 10),
    Target("console_page_1m", "ratio", 1.3, 1.1),
    Target("tablet_list_100k", "ratio", 1.5, 1.1),
    Target("finalize", "ratio", 3, 2),
    Target("photo_capture", "ratio", 1.6, 1),
    Target("photos_100x2mb", "ratio", 4, 2.5),
    Target("photos_cut", "ratio", 4, 2.5),
    Target("photos_cut", "sent_again_chunks_per_cut", 1, 1),
)


class Judged(NamedTuple):
    target: Target
    value: float

    @property
    def good(self) -> bool:
        return self.value <= self.target.gate


def judge(figures: Figures) -> list[Judged]:
    """Every target whose figure was taken. A value nobody could count (None) is not judged."""
    found = ((t, figures.get(t.name, {}).get(t.key)) for t in TARGETS)
    return [Judged(t, value) for t, value in found if value is not None]


def table(figures: Figures, judged: Sequence[Judged]) -> list[str]:
    """A line for each figure with its targets, and what else was counted."""
    lines = [f"{'':26}{'seconds':>11}{'limit':>11}{'ratio':>9}  {'wire':>12}  {'fsync':>7}  {'rows':>9}"]
    for name, f in figures.items():
        cells = (
            _number(f["seconds"], 4), _number(f["limit_seconds"], 4), _number(f["ratio"], 2),
            _number(f["wire_bytes"], 0), _number(f["fsyncs"], 1), _number(f["rows"], 0),
        )  # fmt: skip
        lines.append("{:26}{:>11}{:>11}{:>9}  {:>12}  {:>7}  {:>9}".format(name, *cells))
        more = {k: v for k, v in f.items() if k not in _SHOWN}
        if more:
            lines.append("    " + " · ".join(f"{k} {_number(v, 2)}" for k, v in more.items()))
        for t, value in (j for j in judged if j.target.name == name):
            words = [f"{'✓' if value <= at else '✗'} {what} {at:g}" for what, at in (("gate", t.gate), ("aim", t.aim))]
            lines.append(f"    {t.key} {_number(value, 2)}: {', '.join(words)}")
    return lines


_SHOWN = ("seconds", "limit_seconds", "ratio", "wire_bytes", "fsyncs", "rows")


def _number(value: Any, places: int) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.{places}f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
