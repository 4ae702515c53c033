"""What jobs on documents share: domain, sampling, benchmark items, sentinels, invalidation."""
