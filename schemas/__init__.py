"""The shared language of tablet and server: record types, changes, merge, rules, reference figures. Pure."""

VERSION = "0.2.0"  # of the whole; pyproject.toml says the same (tests/unit/test_packaging.py)
