"""Chunks, and measures and selection of synthetic samples."""
