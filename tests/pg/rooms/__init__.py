"""A file per room: `work(tx)` calls each of its own statements of the store; test_store.py compares both databases' answers."""
