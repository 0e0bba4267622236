"""One visit to a point while it is being written. core.py: its records, edits, gaps; the other files: a step's own part.

A step of its own: a class on `Core` here, a pane in pages/, its words in words/point.py, its types in core.CHILDREN.
"""

from __future__ import annotations

import flet as ft

from field_app.visit.core import Core, Gap, Shift, Values
from field_app.visit.layers import Layers
from field_app.visit.photos import Photos
from field_app.visit.readings import DEPTH_STEP, Readings, shown
from field_app.visit.samples import Samples

STEPS = ("position", "layers", "readings", "samples", "photos", "scene", "check")


@ft.observable
class Visit(Readings, Layers, Samples, Photos, Core):
    """What the pages of the workspace read and change."""


__all__ = ["DEPTH_STEP", "STEPS", "Gap", "Shift", "Values", "Visit", "shown"]
