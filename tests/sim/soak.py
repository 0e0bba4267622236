"""长时间仿真 / the simulation for as long as wanted: `python -m tests.sim.soak [--ci] [--seeds N] [--seed N] …`.

Stops at the first seed that breaks a promise, names it, and exits with 1. `--seed N` runs one seed again."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

from tests.sim.world import live

CI, ALL = 300, 10_000
PROVE_EVERY = 5  # of so many seeds one's evidence packages are made and verified


def one(seed: int, http: bool, steps: int, postgres: bool, servers: int) -> dict[str, int]:
    return live(seed, http, steps, postgres, servers, prove=seed % PROVE_EVERY == 0)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="dev.py soak", description=__doc__)
    parser.add_argument("--ci", action="store_true", help=f"{CI} seeds / {CI} 个种子")
    parser.add_argument("--seeds", type=int, default=None, help=f"how many (default {ALL}) / 种子数")
    parser.add_argument("--first", type=int, default=100_000, help="the first seed / 首个种子")
    parser.add_argument("--seed", type=int, default=None, help="only this one / 只跑这一个")
    parser.add_argument("--http-share", type=float, default=0.1, help="share over real HTTP / 走真实 HTTP 的比例")
    parser.add_argument("--http", action="store_true", help="with --seed: over real HTTP / 走真实 HTTP")
    parser.add_argument("--postgres", action="store_true", help="with --seed: on PostgreSQL / 用 PostgreSQL")
    parser.add_argument("--servers", type=int, default=1, help="with --seed: this many processes / 服务器进程数")
    parser.add_argument("--pg-every", type=int, default=30, help="two servers on PostgreSQL, 0 none / 每几个种子一次")
    parser.add_argument("--steps", type=int, default=50, help="steps of one seed / 每个种子的步数")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args(argv)
    if args.seed is not None:
        print(one(args.seed, args.http, args.steps, args.postgres, args.servers))
        return 0
    count = args.seeds or (CI if args.ci else ALL)
    seeds = range(args.first, args.first + count)
    code = soak(seeds, args.http_share, args.pg_every, args.steps, args.processes)
    return code or (deaths() or long_ones() if args.ci else 0)


def pytest(*args: str, **env: str) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", *args]
    return subprocess.run(command, env={**os.environ, **env}).returncode


def long_ones() -> int:
    """The tests that `dev.py test` leaves to this."""
    return pytest("--dist", "loadfile", "--no-loadscope-reorder", "-m", "long")


def deaths() -> int:
    """The sizes the project promises: 60 tablets, 30 servers and 40 migrations killed."""
    from tests import crash

    try:
        print(crash.run(60, 30, 40), flush=True)
        # and every planted fault is noticed by them
        if pytest("-p", "no:cacheprovider", "tests/crash/test_crash.py", "-k", "caught", JINGTU_LONG="1"):
            return 1
    except AssertionError as err:
        print(f"\n✗ {err}", flush=True)
        return 1
    return 0


def soak(seeds: range, http_share: float, pg_every: int, steps: int, processes: int) -> int:
    began, seen, done = time.monotonic(), Counter[str](), 0
    every = round(1 / http_share) if http_share > 0 else 0
    todo: Iterator[int] = iter(seeds)
    running: dict[Future[dict[str, int]], int] = {}
    with ProcessPoolExecutor(processes) as pool:
        while True:
            while len(running) < 2 * processes and (seed := next(todo, None)) is not None:
                # of every 30 one is on PostgreSQL with two server processes, and one in this process
                two = bool(pg_every and seed % pg_every == 0)
                postgres = bool(pg_every and seed % pg_every == pg_every // 2)
                http = bool(every and seed % every == 0) and not two
                running[pool.submit(one, seed, http, steps, postgres, 2 if two else 1)] = seed
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                running.pop(future)
                try:
                    seen.update(future.result())
                except AssertionError as err:
                    pool.shutdown(wait=False, cancel_futures=True)
                    print(f"\n✗ {err}", flush=True)
                    return 1
                done += 1
                if done % 10 == 0 or done == len(seeds):
                    tell(done, len(seeds), seen, time.monotonic() - began)
    print(f"\n✓ {done} 个种子，没有丢失，没有重复 / {done} seeds: nothing lost, nothing applied twice", flush=True)
    return 0


def tell(done: int, of: int, seen: Counter[str], seconds: float) -> None:
    kinds = ", ".join(f"{seen[k]} {k}" for k in ("applied", "conflict", "parked", "rejected"))
    line = f"{done}/{of} seeds, {seconds:.0f} s, {kinds}"
    print(f"\r{line}" if sys.stdout.isatty() else line, end="" if sys.stdout.isatty() else "\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
