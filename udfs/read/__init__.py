"""Any file to rows, with a reason for each bad one."""
