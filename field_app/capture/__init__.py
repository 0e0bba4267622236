"""What the device senses, as plain values."""
