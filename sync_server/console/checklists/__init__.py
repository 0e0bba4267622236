"""Checklists: the ready ones and a project's own, copied, edited, published; recurring rounds and the facilities they go to."""
