"""What the jobs share: errors, recipes, tables, the lake, the session and the runner."""
