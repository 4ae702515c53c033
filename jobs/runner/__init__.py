"""What a job is and how one runs: open, step, commit, count, log. Contains no rule about documents."""
