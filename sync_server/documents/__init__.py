"""Documents on paper: the manifest, the plan's filing form, the notice board. Pure data first, then set as PDF by a bounded process.

Nothing is imported here: that process would wait for it (press.py).
"""
