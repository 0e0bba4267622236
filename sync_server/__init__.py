"""The sync server: one place where changes meet, and the review console over it."""
