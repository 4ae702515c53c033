"""What is chosen from the worker's samples: ranks, quotas and diversity, all of it on executors."""
