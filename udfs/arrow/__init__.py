"""How compiled code sees Arrow columns, where its machine code is kept, and what a Python worker needs
to start."""
