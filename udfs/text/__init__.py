"""Characters, words, lines, language, folded form of a text."""
