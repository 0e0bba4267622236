"""A version from the future: today's code with a record type, a field and a code more; in a process of its own.

`python -m tests.ages.future server …` is `jingtu server …` of that version; `… tablet DIR` a tablet that takes commands, one
JSON object a line on stdin, and answers each with one on stdout. JINGTU_FUTURE_STRICT=1: it speaks only with its own age.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

TYPES_DIR = Path(__file__).parent / "future_types"  # read as if the files lay in schemas/records


def install() -> None:
    """Before anything of the project but `schemas.reference` is imported."""
    import schemas.reference as reference

    known = reference.codes

    def codes(name: str) -> dict[str, Any]:
        more = {"sleet": reference.Label("雨夹雪", "Sleet")} if name == "weather" else {}
        return {**known(name), **more}

    reference.codes = codes
    spec = importlib.util.find_spec("schemas.records")
    assert spec and spec.loader and spec.submodule_search_locations is not None
    spec.submodule_search_locations.append(str(TYPES_DIR))
    records = importlib.util.module_from_spec(spec)
    sys.modules["schemas.records"] = records
    spec.loader.exec_module(records)
    records.SCHEMA += 1
    import schemas.wire as wire

    if os.environ.get("JINGTU_FUTURE_STRICT"):
        wire.PROTOCOL = wire.OLDEST_TABLET = wire.OLDEST_SERVER = wire.PROTOCOL + 1


def tablet(folder: Path) -> None:
    from field_app.store import Edit, Store
    from field_app.sync import Syncer

    store = Store(folder)
    syncer = Syncer(store)
    for line in sys.stdin:
        c = json.loads(line)
        answer: Any = None
        if c["do"] == "enrol":
            answer = syncer.enrol(c["url"], c["code"], "来自未来").enrolment
        elif c["do"] == "finalize":
            record = c.get("record") or store.new_id()
            store.finalize([Edit(c["type"], record, c["scope"], c["values"])], complete=False)
            answer = record
        elif c["do"] == "sync":
            r = syncer.run()
            answer = {"problems": [p.problem.number for p in r.problems], "equal": r.digests_equal, **store.counts()}
        elif c["do"] == "get":
            seen = store.get(c["type"], c["record"])
            answer = {"values": seen.values, "state": seen.state} if seen else None
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    install()
    if sys.argv[1] == "tablet":
        tablet(Path(sys.argv[2]))
    else:
        from sync_server.cli import main

        main()
