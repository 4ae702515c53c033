"""Trained models, examples, ensembles."""
