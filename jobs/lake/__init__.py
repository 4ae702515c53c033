"""The only package that touches Delta, Spark sessions and file systems, behind one interface."""
