"""Requests for the synthesis worker, and the choice among its samples: ranks, quotas, diversity."""
