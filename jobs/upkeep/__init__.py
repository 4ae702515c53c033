"""Repairs and upgrades of a lake: `gristmill repair` and `gristmill upgrade`."""
