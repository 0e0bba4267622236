"""Exports."""

WORDS: dict[str, tuple[str, str]] = {}
