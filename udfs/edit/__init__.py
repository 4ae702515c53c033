"""What is changed in a text when the corpus is written: spans of personal data, of headers, of another script."""
