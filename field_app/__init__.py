"""The tablet app: offline first. Every page works with the radio off."""
