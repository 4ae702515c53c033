"""One file is one job; it runs on the driver. `gristmill.jobs.core` holds what they share."""
