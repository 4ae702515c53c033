"""Arrow columns as compiled code sees them, the cache of machine code, and the start of Python workers."""
