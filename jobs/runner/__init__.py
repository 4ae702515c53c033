"""What a job is and how one runs: open, step, commit, count, log. Knows no subject."""
