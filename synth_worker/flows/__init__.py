"""The calls of each recipe, and how their answers are parsed."""
