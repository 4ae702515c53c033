"""One file is one job; it runs on the driver. `jobs.core` holds what they share."""
