"""Edits of a text that are applied when the corpus is written (personal data, headers, script), and the form
in which a text is exported."""
