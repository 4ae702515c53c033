"""A lake is brought back in order: `gristmill repair` and `gristmill upgrade`."""
