"""崩溃与断电 / crashes: `python -m tests.crash [--ci] [--seed N] [--tablet N] [--server N] [--migrations N] [--uploads N]`."""

from __future__ import annotations

import argparse
import sys

from tests.crash import run
from tests.crash.site import Broken


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--ci", action="store_true", help="the full size, which is the default too / 全量（默认）")
    parser.add_argument("--seed", type=int, default=None, help="repeat this one / 重复这个种子")
    parser.add_argument("--tablet", type=int, default=60)
    parser.add_argument("--server", type=int, default=30)
    parser.add_argument("--migrations", type=int, default=40)
    parser.add_argument("--uploads", type=int, default=30)
    args = parser.parse_args()
    try:
        run(args.tablet, args.server, args.migrations, args.seed, args.uploads)
    except Broken as err:
        print(f"✗ {err}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
