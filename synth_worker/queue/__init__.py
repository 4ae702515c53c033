"""The lake as the worker sees it: parts, leases, journal."""
