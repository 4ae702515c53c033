"""The synthesis worker: a program of its own that knows no Spark and no jobs."""
