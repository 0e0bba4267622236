"""Reviewing, returning, conflicts."""

WORDS: dict[str, tuple[str, str]] = {}
