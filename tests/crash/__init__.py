"""SIGKILL from another process, and disks without room: what was acknowledged is there, whatever happened.

`run` is the full size; tests/crash/test_*.py the small one. A process that dies loses nothing the kernel already has, so
`synchronous` and fsync cannot be judged here: that they are set is asserted in tests/unit/test_store.py.
"""

from __future__ import annotations


def run(
    kills_tablet: int = 60,
    kills_server: int = 30,
    kills_migrations: int = 40,
    seed: int | None = None,
    kills_uploads: int = 30,
) -> dict[str, int]:
    """Prints what it does, and the seed that repeats it. Raises Broken."""
    from tests.crash.every import run as every

    return every(kills_tablet, kills_server, kills_migrations, seed, kills_uploads)


__all__ = ["run"]
