"""A file per room of the console: the rules of its routes and how each is probed.

RULES: (method, route) → rule of tests/api/rules.py, or one of its own with the same shape.
PROBES: (method, route) → `probe(world, who, place)` that answers what the application said; a plain GET needs none.
PLACES: route → the places it is asked for, where `places_of` does not know them; optional.
"""
