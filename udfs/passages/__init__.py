"""Exact repeated passages: anchors of windows, copies of whole runs, borders of passages, spans that are
cut."""
