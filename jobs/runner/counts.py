"""What a run came to: rows in, kept and left out, and for which reasons. Plain numbers, no Spark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Row


@dataclass(frozen=True)
class Counts:
    """What a run looked at and did with it, each number counted by itself; `reasons` may count a document
    twice.

    A run finishes only when rows_in = rows_kept + rows_left_out (gristmill.jobs.runner.run).
    """

    rows_in: int
    rows_kept: int
    rows_left_out: int
    reasons: dict[str, int]


def by_one_reason(found: Mapping[str | None, int], rows_in: int | None = None) -> Counts:
    """Of rows that have one reason each (None: kept): the commonest reason first; a reason without a row is
    not listed.

    `rows_in`: where it was counted apart from them.
    """
    kept = found.get(None, 0)
    reasons = {reason: n for reason, n in found.items() if reason is not None and n}
    left_out = sum(reasons.values())
    return Counts(
        kept + left_out if rows_in is None else rows_in,
        kept,
        left_out,
        dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )


def by_reason(rows: list[Row]) -> dict[str, int]:
    """Documents by reason, the commonest first, from rows of (reasons, n)."""
    found: Counter[str] = Counter()
    for row in rows:
        for reason in row["reasons"] or ():
            found[reason] += row["n"]
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
