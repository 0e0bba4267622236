"""`python -m field_app --data DIR [--port N]`."""

from field_app.main import run

run()
