"""What honest people made verifies whole: out of simulated worlds, the project, its points and its inspections. A package of one
point or inspection holds nothing anybody wrote into a record outside it."""

from __future__ import annotations

import io
import json
import random
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.rules.judging import Verdict, judge
from schemas.rules.package import Named
from sync_server.proof.choosing import Kind
from sync_server.proof.opening import Opened
from sync_server.proof.writing import Wanted, export
from tests.contract.recheck import Recheck, rules_of
from tests.sim.world import World

RULES = rules_of(Path(__file__).resolve().parents[2] / "docs" / "evidence.md")


def packages(w: World, most: int) -> Iterator[tuple[Kind, str, bytes]]:
    """The whole project, and at most so many points and inspections of it."""
    s, out = w.service, w.folder / "evidence.zip"
    with s.store.reading() as tx:
        (project,) = tx.load("project", [w.project])
    picks: list[tuple[Kind, str]] = [("project", "")]
    kinds: tuple[tuple[Kind, str], ...] = (("point", w.field), ("inspection", w.enforcement))
    for kind, scope in kinds:
        ids = sorted(r.id for r in s.records(kind, scope))
        picks += [(kind, id) for id in random.Random(w.seed).sample(ids, min(most, len(ids)))]
    for kind, id in picks:
        export(s, w.parts.files, Wanted(project, kind, id, Named(id="os:sim", name="sim"), force=True), out)
        yield kind, id, out.read_bytes()


def texts(value: Any) -> Iterator[str]:
    """What somebody wrote: the world writes nothing twice (`World.fresh`)."""
    if isinstance(value, str) and re.fullmatch(r"[^\W\d_]{1,2}\d+", value):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(inner)


def strangers(w: World, files: dict[str, bytes]) -> tuple[int, set[str]]:
    """How many texts only records outside the package hold, now or ever; and those of them that are in it all the same."""
    inside, outside = set[str](), set[str]()
    shown = {json.loads(x)["id"] for x in files["records.ndjson"].splitlines()}
    waiting = {json.loads(x["line"])["record"] for n, d in files.items() if n.startswith("chains/")
               for x in map(json.loads, d.splitlines()) if "line" in x}  # fmt: skip
    for line in w.journal():
        if line.line.startswith(b'{"id":"'):
            c = json.loads(line.line)
            (inside if c["record"] in shown | waiting else outside).update(texts([c["before"], c["after"]]))
    held = b"\n".join(d for n, d in files.items() if not n.startswith("photos/")).decode()
    others = outside - inside
    return len(others), others & set(re.findall(r"(?<![\w-])[^\W\d_]{1,2}\d+(?![\w-])", held))  # not inside a hash


def verified(w: World, most: int = 3) -> Counter[str]:
    """Raises where an honest package does not verify whole, or tells what it must not."""
    seen: Counter[str] = Counter()
    for kind, id, data in packages(w, most):
        found: Verdict = judge(Opened(io.BytesIO(data)))
        assert found.whole, (w.seed, kind, id, found.faults[:5])
        other = Recheck(data, RULES).all()
        assert other == [], (w.seed, kind, id, other[:5])
        with zipfile.ZipFile(io.BytesIO(data)) as z:
            files = {n: z.read(n) for n in z.namelist()}
        if kind != "project":
            others, told = strangers(w, files)
            seen["others"] += others
            assert not told, (w.seed, kind, id, sorted(told)[:5])
        seen.update([kind, *(t.code for t in found.told)])
        seen["hidden"] += found.counts.get("hidden", 0)
    return seen
