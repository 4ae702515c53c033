"""Shingles, sketches, candidate pairs, survivors."""
