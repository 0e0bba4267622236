"""People, devices, sessions, tokens, the log."""

WORDS: dict[str, tuple[str, str]] = {}
