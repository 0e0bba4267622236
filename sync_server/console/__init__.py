"""The review console: pages a browser reads. `pages.make_console` builds it; main.py mounts it under /console."""
