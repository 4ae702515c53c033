"""Errors, recipes, small files, threads. Knows no Spark and no table."""
