"""What makes records right, as pure functions."""
