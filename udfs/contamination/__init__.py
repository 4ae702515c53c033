"""Benchmark items inside documents."""
