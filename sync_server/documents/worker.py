"""The process that sets documents: `python -m sync_server.documents.worker`, started for each one by press.py.

The typesetting library reads what anybody may have written into a record; so it does so here, with bounded memory and time, without
the server's secrets, unable to write a file, and if it dies only this process does. Texts come as JSON and are read by the template as
values: nothing of them is ever markup.

    in   {"template": name, "data": {…}, "pictures": {name: SVG}, "at": seconds}
    out  the PDF; or nothing, a code other than 0, and on stderr why
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import manimgx_fonts_cjk
import typst

HERE = Path(__file__).parent
FONTS = Path(manimgx_fonts_cjk.__file__).parent
MEMORY = 3 << 29  # bytes of address space [D]: the library, the font and the largest document take a third of it
CPU_S = 20


def bound() -> None:
    """Where the platform has such limits: memory, processor time, no core, no file written."""
    try:
        import resource
    except ImportError:
        return
    limits = ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, CPU_S), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0))  # fmt: skip
    for limit, most in limits:
        with suppress(OSError, ValueError):
            resource.setrlimit(limit, (most, most))


def pdf(job: dict[str, Any]) -> bytes:
    """The document, of nothing but our templates, its data and the one font: no file, package or network is asked."""
    files = {p.name: p.read_bytes() for p in HERE.glob("*.typ")}
    files["main"] = files[f"{job['template']}.typ"]
    files["data.json"] = json.dumps(job["data"], ensure_ascii=False).encode()
    files |= {name: svg.encode() for name, svg in job["pictures"].items()}
    compile: Any = typst.compile  # its types know nothing of files by name, which it takes
    made = compile(files, font_paths=[FONTS], ignore_system_fonts=True, format="pdf", timestamp=job["at"])
    if not isinstance(made, bytes):
        raise ValueError("no document")
    return made


def main() -> int:
    bound()
    try:
        made = pdf(json.loads(sys.stdin.buffer.read()))
    except Exception as err:  # what a library makes of odd input is not listed anywhere
        print(f"{type(err).__name__}: {err}"[:2000], file=sys.stderr)
        return 1
    sys.stdout.buffer.write(made)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
