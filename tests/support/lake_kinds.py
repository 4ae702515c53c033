"""The kinds of lake on which the same tests run, one in a process of its own (it has one Spark session): GRISTMILL_LAKE_KIND.

disk      a folder on this machine's disk, in a session of this machine alone (the default)
s3        a bucket of an S3 server, this process the driver of a standalone cluster that speculates
catalog   a schema of a metastore (Hive on Derby), in a session of this machine alone
"""

from __future__ import annotations

import os

KINDS = ("disk", "s3", "catalog")


def kind() -> str:
    """The kind of this process. Raises ValueError for one that there is not."""
    given = os.environ.get("GRISTMILL_LAKE_KIND", "disk")
    if given not in KINDS:
        raise ValueError(f"GRISTMILL_LAKE_KIND: {given}: no such kind; write one of {', '.join(KINDS)}")
    return given
