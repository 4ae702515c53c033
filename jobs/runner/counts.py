"""Counts of a run: rows in, kept and left out, by reason. Plain numbers, no Spark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Row


@dataclass(frozen=True)
class Counts:
    """Numbers of documents (or rows).

    `reasons` counts a document once for each of its reasons. A run finishes only when rows_in = rows_kept +
    rows_left_out (gristmill.jobs.runner.run).
    """

    rows_in: int
    rows_kept: int
    rows_left_out: int
    reasons: dict[str, int]


def by_one_reason(n_by_reason: Mapping[str | None, int], rows_in: int | None = None) -> Counts:
    """Counts of rows with one reason each (None: kept), the most frequent reason first.

    `rows_in`: the input rows, where they were counted separately. Reasons without a row are dropped.

        {None: 5, "too_short": 2, "javascript": 0}  ->  Counts(7, 5, 2, {"too_short": 2})
    """
    n_kept = n_by_reason.get(None, 0)
    reasons = {reason: n for reason, n in n_by_reason.items() if reason is not None and n}
    left_out = sum(reasons.values())
    # The name breaks ties, so that equal runs write equal rows.
    return Counts(
        n_kept + left_out if rows_in is None else rows_in,
        n_kept,
        left_out,
        dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )


def by_reason(rows: list[Row]) -> dict[str, int]:
    """Documents by reason, the most frequent first, from rows of (reasons, n)."""
    n_by_reason: Counter[str] = Counter()
    for row in rows:
        for reason in row["reasons"] or ():
            n_by_reason[reason] += row["n"]
    return dict(sorted(n_by_reason.items(), key=lambda item: (-item[1], item[0])))
