"""What is asked of a request and how answers are read."""
