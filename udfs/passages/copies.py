"""Whole runs that stand at several places: found by anchor and hash, without a look at the text.

Of documents that share an anchor, those with the same run are decided here: all but the best one repeat it.
Where documents share the anchor and differ in the run (the border of a passage), one document of each
distinct run becomes a MEMBER, whose text is compared (gristmill.udfs.passages.borders).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.arrow.compiled import compiled, frozen
from gristmill.udfs.dedup.messages import group_by_kind, message_batch, messages_of
from gristmill.udfs.passages.rows import (
    IS_MULTIPLE,
    IS_SUBJECT,
    LENGTH_SHIFT,
    MEMBER,
    PIECE,
    PIECE_ROW,
    RANK_BITS,
    RUN_ROW,
    RUNS,
    Rows,
    by_chunk,
    rows_of,
)


@dataclass(frozen=True)
class Rule:
    """When a window is a repeat."""

    windows: tuple[int, ...]  # lengths in bytes; the flags of a run have the position in this tuple
    min_copies: int  # places at which a window must stand
    # whether only a better place in another source counts
    across_sources_only: bool
    # Whether a window is also a repeat of one in its own document that begins at least a
    # window's length before: "aaaa..." then keeps its first window, not its first byte.
    cut_within: bool


def find_copies(batches: Iterator[pa.RecordBatch], rule: Rule) -> Iterator[pa.RecordBatch]:
    """mapInArrow: MESSAGE (RUNS of one part) -> MESSAGE: PIECE and MEMBER by chunk.

    Windows of 500 bytes, documents in the order of their rank, the same passage in all of them:

        document  runs           result
        0         x, p, q, y     MEMBER x', y' (their anchors are shared, the runs are not)
        1         v, p, q, w     MEMBER v', w';  PIECE p, q  kept at 0
    """
    messages = group_by_kind(messages_of(batches)).get(RUNS, [])
    (ranks, pieces), members = copies_of(rows_of(RUN_ROW, messages), rule)
    yield message_batch([*by_chunk(PIECE, ranks, pieces), *by_chunk(MEMBER, members["rank"], members)])


def copies_of(rows: Rows, rule: Rule) -> tuple[tuple[npt.NDArray[np.int64], Rows], Rows]:
    """Of RUN_ROW rows with complete groups of anchors: PIECE_ROW rows with the ranks of their documents, and
    MEMBER rows."""
    rows = _shared(rows)
    order = np.lexsort((rows["begin"], rows["rank"], rows["run"], rows["anchor"]))
    rows = rows[order]
    columns = [
        frozen(np.ascontiguousarray(rows[name])) for name in ("anchor", "run", "rank", "source", "flags")
    ]
    kept, copies, is_member = _decide(*columns, rule.min_copies, rule.across_sources_only, rule.cut_within)
    at = np.flatnonzero(kept >= 0)
    best, mine = rows[kept[at]], rows[at]
    pieces = np.zeros(len(at), PIECE_ROW)
    lengths = np.array(rule.windows)[mine["flags"] >> LENGTH_SHIFT]
    pieces["row"] = mine["rank"] & ((1 << RANK_BITS) - 1)
    pieces["begin"] = pieces["run_begin"] = mine["begin"]
    pieces["n_bytes"] = mine["windows"] - 1 + lengths
    pieces["kept_rank"], pieces["kept_begin"], pieces["kept_chars"] = (
        best["rank"],
        best["begin"],
        best["chars"],
    )
    pieces["n_copies"], pieces["flags"] = copies[at], mine["flags"]
    members = rows[is_member]
    members["n_copies"] = copies[is_member]
    # Decided already: such a row is a place only. (One to be looked for in its own document is kept at
    # itself.)
    is_decided = (kept[is_member] >= 0) & (kept[is_member] != np.flatnonzero(is_member))
    members["flags"] &= np.where(is_decided, ~np.uint8(IS_SUBJECT), ~np.uint8(0))
    return (mine["rank"], pieces), members


def _shared(rows: Rows) -> Rows:
    """The rows whose anchor another row has too, or whose run occurs in its document again.

    Most anchors stand at one place, and are gone after one sort of their hashes.
    """
    anchors = rows["anchor"]
    order = np.argsort(anchors)
    sorted_anchors = anchors[order]
    same = np.concatenate([[False], sorted_anchors[1:] == sorted_anchors[:-1], [False]])
    is_shared = same[1:] | same[:-1]
    if not len(rows):
        return rows
    return rows[order[is_shared | ((rows["flags"][order] & IS_MULTIPLE) > 0)]]


@compiled
def _decide(anchor, run, rank, source, flags, min_copies, across, within):  # type: ignore[no-untyped-def]
    """For each row, sorted by anchor, run, rank: the row of the better place where its whole run stands (its
    own, where it is to be looked for in the document again; -1: none), documents with the run, and whether it
    is a member."""
    n = len(anchor)
    kept, copies, is_member = np.full(n, -1, np.int64), np.zeros(n, np.int32), np.zeros(n, np.bool_)
    start = 0
    while start < n:
        end, n_runs = start, 0
        while end < n and anchor[end] == anchor[start]:
            n_runs += end == start or run[end] != run[end - 1]
            end += 1
        is_needed = False
        first = start
        while first < end:
            last, other = first, -1
            while last < end and run[last] == run[first]:
                if other < 0 and source[last] != source[first]:
                    other = last
                last += 1
            n_copies = last - first
            for i in range(first, last):
                better = -1
                if across:
                    better = first if source[i] != source[first] else other
                    if better > i:
                        better = -1
                elif i != first:
                    better = first
                copies[i] = n_copies
                if flags[i] & IS_SUBJECT and better >= 0 and n_copies >= min_copies:
                    kept[i] = better
                    is_member[i] = n_runs > 1 and across and i == other
                    continue
                # The best place of each run, and with `across` the best one of another
                # source, is what other runs are compared with.
                is_asked = flags[i] & IS_SUBJECT and n_runs > 1 and end - start >= min_copies
                is_member[i] = n_runs > 1 and (is_asked or i == first or (across and i == other))
                is_needed |= is_asked
                if within and flags[i] & IS_SUBJECT and flags[i] & IS_MULTIPLE:
                    kept[i] = i
            # counted once, when windows of several runs are counted together
            if n_runs > 1:
                for i in range(first + 1, last):
                    if is_member[i]:
                        copies[i] = 0
            first = last
        if not is_needed:
            is_member[start:end] = False
        start = end
    return kept, copies, is_member
