"""Learnt quality scorers, a kind a file; domains, word lists and percentile scales."""
