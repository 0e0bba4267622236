"""Plans: import, compare, approve, move points."""

WORDS: dict[str, tuple[str, str]] = {}
