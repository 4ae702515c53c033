"""Measures of a text, and their comparison with limits."""
