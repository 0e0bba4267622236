"""The shared language of tablet and server: record types, changes, merge, rules, reference figures. Pure."""
