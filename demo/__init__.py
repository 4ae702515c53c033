"""Raw demo text with known faults, and the tour of `make demo`."""
