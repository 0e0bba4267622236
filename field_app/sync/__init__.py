"""Sync: the only room that speaks HTTP. loop.py is the sync itself, talk.py what a request is, enrolling.py how a tablet
gets its identity."""

from __future__ import annotations

from field_app.sync.loop import NewEpoch, Progress, Syncer
from field_app.sync.talk import NotReached, SyncResult

__all__ = ["NewEpoch", "NotReached", "Progress", "SyncResult", "Syncer"]
