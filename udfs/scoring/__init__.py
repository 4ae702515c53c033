"""Models that give a text a number."""
