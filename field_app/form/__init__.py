"""A record class as a form, by walking its fields. Labels, units, limits, codes and conditions stand on the field alone.

items.py says what to ask and how (no control in it, so it is testable by itself), typed.py turns what is typed into wire
values, draw.py draws one item; nested.py rows of a value class, places.py positions and areas; said.py is the way back:
a stored value in words. A field that needs something of its own is a named exception in WIDGETS, not a hook on the
record type.
"""

from field_app.form.draw import Change, Means, Now, Options, box, chooser, field, form, limits, menu
from field_app.form.items import (
    CHIPS,
    HIDDEN,
    WIDGETS,
    Item,
    Values,
    defaults,
    faults,
    given,
    inner_faults,
    inner_missing,
    items,
    ring_fault,
)
from field_app.form.said import said
from field_app.form.typed import as_date, as_int, as_time, settled, shown_time

__all__ = [
    "CHIPS", "HIDDEN", "WIDGETS", "Change", "Item", "Means", "Now", "Options", "Values", "as_date", "as_int", "as_time", "box",
    "chooser", "defaults", "faults", "field", "form", "given", "inner_faults", "inner_missing", "items", "limits", "menu",
    "ring_fault", "said", "settled", "shown_time",
]  # fmt: skip
