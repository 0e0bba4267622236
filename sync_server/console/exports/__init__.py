"""Exports: what to take along, how far it is, and the files."""
