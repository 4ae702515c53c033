"""Language models, and what rests on them: perplexity, loss, classification heads, sentence vectors."""
