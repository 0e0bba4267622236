"""Photos and other files: how they come (tus), where their bytes lie (files), what a picture is (pictures)."""
