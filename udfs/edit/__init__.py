"""What is changed in a text when the corpus is written: personal data, headers, script."""
