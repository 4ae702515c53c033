"""A crawled page to a document: HTTP bodies, acceptance, URL rules, character encodings, main content."""
