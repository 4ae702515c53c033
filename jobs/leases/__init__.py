"""One process at a time: file locks on a local disk, and leases where several machines see a lake."""
