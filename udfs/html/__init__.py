"""HTML as arrays: elements, blocks of text, what is measured of each, and which are the main content."""
