"""`gristmill doctor`: what this machine lacks, and how to get it."""
