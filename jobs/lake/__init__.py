"""The only place that touches Delta, Spark sessions and file systems, behind one interface."""
