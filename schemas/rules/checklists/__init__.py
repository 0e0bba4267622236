"""Checklists as data: what a list is (model), which lists there are (ready), what its answers come to (verdict), which
law an item stands on (basis), what figures say by themselves (auto), which records of a point it is about (beside)."""

from schemas.rules.checklists.ready import pinned as find

__all__ = ["find"]
