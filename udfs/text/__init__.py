"""Characters, words, lines, language and folded form of a text."""
