"""The page of one record."""

WORDS: dict[str, tuple[str, str]] = {}
