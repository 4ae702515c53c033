"""Duplicates of every grain: the steps of one engine on executors."""
