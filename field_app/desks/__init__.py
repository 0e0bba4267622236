"""What a page can do that is not about one visit: one observable each, made by State, read as `state.<name>`.

A desk knows the store (and the syncer) but no page. It writes through its host, so that everything is written on the one
worker thread, in order: `host._do` waits, `host._write` does not; both tell what fails.
"""
