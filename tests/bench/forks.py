"""Processes of their own that begin with everything loaded and nothing opened: forked from one that does nothing else."""

from __future__ import annotations

import multiprocessing

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["sync_server.cli.commands", "tests.bench.bare", "tests.bench.crowd"])
