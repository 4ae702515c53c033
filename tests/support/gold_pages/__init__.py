"""Web pages of our own with the text that an extractor should find; `python -m tests.support.gold_pages` writes them."""
