"""The same in other words: near vectors in cells, and the conditions on the words of a pair."""
