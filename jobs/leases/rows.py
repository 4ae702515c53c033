"""Registers of leases as rows of a Delta table, for lakes whose store makes Delta's commits exclusive by
itself: HDFS, ABFS and GCS, volumes, catalogs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from gristmill.jobs.core.errors import RetryLater
from gristmill.jobs.leases.lease import Seen, Terms

if TYPE_CHECKING:
    from pyspark.sql import Row

# A change is a commit of about a second, so there are few: a dead driver costs ten minutes, a live one one.
TERMS = Terms(seconds=600.0, beat_seconds=60.0, poll_seconds=5.0)


class RowRegister:
    """The row `name` of the table `ref`, a name in SQL. `query` runs a statement and returns its rows, and
    raises RetryLater where another commit came first."""

    def __init__(self, query: Callable[[str], list[Row]], ref: str, name: str) -> None:
        self.query, self.ref, self.name = query, ref, _literal(name)

    def read(self) -> Seen | None:
        """See Register."""
        rows = self.query(f"SELECT lease FROM {self.ref} WHERE name = {self.name}")
        # A text is unique (lease and beat), so it is its own tag.
        return Seen(rows[0]["lease"], rows[0]["lease"]) if rows else None

    def swap(self, seen: Seen | None, text: str) -> Seen | None:
        """See Register."""
        expected = "CAST(NULL AS STRING)" if seen is None else _literal(seen.text)
        source = f"SELECT {self.name} AS name, {_literal(text)} AS lease, {expected} AS expected"
        # The name stands there as a literal, too: Delta then knows that other rows' commits are no conflict.
        merge = (
            f"MERGE INTO {self.ref} t USING ({source}) k ON t.name = {self.name} AND t.name = k.name "
            "WHEN MATCHED AND t.lease = k.expected THEN UPDATE SET lease = k.lease "
            "WHEN NOT MATCHED AND k.expected IS NULL THEN INSERT (name, lease) VALUES (k.name, k.lease)"
        )
        # Who was first is read, not told: a conflict may also come from elsewhere in the table.
        with contextlib.suppress(RetryLater):
            self.query(merge)
        now = self.read()
        return now if now is not None and now.text == text else None


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
