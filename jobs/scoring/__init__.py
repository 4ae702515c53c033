"""Models that a lake has trained, labelled examples, ensembles of scorers."""
