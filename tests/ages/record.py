"""记录一个已发布版本的数据库 / record the databases of a release, once, by its own code: `python -m tests.ages.record VERSION`.

What comes out is kept for ever and never made anew: tests.ages upgrades it with whatever the code is by then. A world is
stopped in the middle of its work, with unsent, parked, conflicting and half-typed records on its tablets.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

from tests.sim.world import world

HERE = Path(__file__).parent
SEED = 4


def dump(path: Path, out: Path) -> None:
    """A SQLite file as SQL text, its version with it (iterdump leaves that out)."""
    db = sqlite3.connect(path)
    (version,) = db.execute("PRAGMA user_version").fetchone()
    lines = [*db.iterdump()]
    db.close()
    out.write_text("\n".join([*lines, f"PRAGMA user_version={version};", ""]), "utf-8")


def main(version: str) -> None:
    folder = HERE / version
    folder.mkdir()
    with world(SEED, steps=60) as w:
        w.run()
        for tablet in w.tablets:
            tablet.share = tablet.net.share = 0.0
        story = {"seed": SEED, "at": w.clock().isoformat(), "tablets": len(w.tablets)}
        for tablet in w.tablets:
            tablet.store.close()
            dump(tablet.folder / "tablet.db", folder / f"tablet{tablet.number}.sql")
            (folder / f"tablet{tablet.number}.identity.json").write_text((tablet.folder / "identity.json").read_text())
            tablet.open()
        w.parts.service.store.close()
        dump(w.folder / "server" / "server.db", folder / "server.sql")
        for key in ("receipt.key", "token.key"):  # of a world that never was: no secrets
            (folder / f"{key}.hex").write_text((w.folder / "server" / key).read_bytes().hex() + "\n")
        (folder / "story.json").write_text(json.dumps(story, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
