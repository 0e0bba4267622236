"""The evidence package: what belongs to it, how it is written, how it is shown, how it is checked."""
