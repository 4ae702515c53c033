"""The kernels of passage removal called one after the other, without Spark; and the definition in plain Python."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.passages.anchors import WindowParams, runs_of
from gristmill.udfs.passages.borders import lengths_of, pieces_of
from gristmill.udfs.passages.copies import Rule, copies_of
from gristmill.udfs.passages.rows import IS_MULTIPLE, IS_SUBJECT, LENGTH_SHIFT, RUN_ROW, Rows
from gristmill.udfs.passages.spans import every_occurrence

Pieces = tuple[Rows, npt.NDArray[np.int64]]


def pieces_in(
    docs: Sequence[bytes],
    rule: Rule,
    sources: Sequence[int] | None = None,
    seed: int = 1,
    figures: dict[str, int] | None = None,
) -> Pieces:
    """The repeated pieces of documents in the order of their rank, and the document of each.

    `figures` gets the numbers of runs and members, and the size of the largest group of one anchor.
    """
    # Latin-1: any bytes are a text, and `large_binary` is what a text is to the kernels
    texts = pa.array(docs, pa.large_binary()).view(pa.large_string())
    params = tuple(WindowParams(window, seed) for window in rule.windows)
    rows = np.concatenate([run_rows(texts, each, i, sources) for i, each in enumerate(params)])
    (ranks, whole), members = copies_of(rows, rule)
    if figures is not None:
        largest = int(np.unique(rows["anchor"], return_counts=True)[1].max(initial=0))
        figures |= {"runs": len(rows), "members": len(members), "largest_group": largest}
    lengths = lengths_of(members, rule)
    text = b"".join(
        docs[rank][begin : begin + size]
        for rank, begin, size in zip(members["rank"].tolist(), members["begin"].tolist(), lengths.tolist(), strict=True)
    )
    more_ranks, borders = pieces_of(members, np.frombuffer(text, np.uint8), rule)
    pieces, document = every_occurrence(
        np.concatenate([whole, borders]), np.concatenate([ranks, more_ranks]), texts, rule, params
    )
    return counted(pieces, document, rule)


def counted(pieces: Rows, document: npt.NDArray[np.int64], rule: Rule) -> Pieces:
    """Those far enough from their kept place (as gristmill.udfs.passages.spans.whole_characters)."""
    window = np.array(rule.windows)[pieces["flags"] >> LENGTH_SHIFT]
    distance = pieces["begin"].astype(np.int64) - pieces["kept_begin"]
    is_other = pieces["kept_rank"] != document
    good = is_other | ((distance >= window) & (pieces["n_copies"] >= rule.min_copies))
    return pieces[good], document[good]


def run_rows(texts: pa.Array, params: WindowParams, number: int, sources: Sequence[int] | None) -> Rows:
    """RUN_ROW rows of all documents, whose ranks are their positions."""
    runs = runs_of(texts, params)
    rows = np.zeros(len(runs.anchor), RUN_ROW)
    rows["anchor"], rows["run"], rows["rank"] = runs.anchor, runs.run, runs.document
    rows["begin"], rows["chars"] = runs.begin, runs.chars
    rows["windows"], rows["offset"] = runs.windows, runs.offset
    rows["source"] = np.array(sources if sources is not None else range(len(texts)), np.uint32)[runs.document]
    rows["flags"] = IS_SUBJECT | runs.is_multiple * IS_MULTIPLE | number << LENGTH_SHIFT
    return rows


def mask_of(docs: Sequence[bytes], pieces: Pieces) -> list[list[bool]]:
    """Of each byte of each document, whether it goes."""
    mask = [[False] * len(doc) for doc in docs]
    for row, doc in zip(pieces[0], pieces[1].tolist(), strict=True):
        begin, size = int(row["begin"]), int(row["n_bytes"])
        assert 0 <= begin < begin + size <= len(docs[doc])
        mask[doc][begin : begin + size] = [True] * size
    return mask


def definition(docs: Sequence[bytes], rule: Rule, sources: Sequence[int] | None = None) -> list[list[bool]]:
    """The same by the definition: a byte goes if it lies in a window that also stands at a better place."""
    [window] = rule.windows
    places: dict[bytes, list[tuple[int, int]]] = defaultdict(list)
    for d, doc in enumerate(docs):
        for i in range(len(doc) - window + 1):
            places[doc[i : i + window]].append((d, i))
    mask = [[False] * len(doc) for doc in docs]
    for d, doc in enumerate(docs):
        for i in range(len(doc) - window + 1):
            mine = places[doc[i : i + window]]
            best_within = min(at for e, at in mine if e == d)
            others = [e for e, _ in mine if e < d and (not rule.across_sources_only or sources[e] != sources[d])]
            is_within = rule.cut_within and i - best_within >= window
            if others or is_within:
                mask[d][i : i + window] = [True] * window
    return mask
