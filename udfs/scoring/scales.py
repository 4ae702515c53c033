"""A scale of quality: which share of a language a scorer puts below a value, and where its bins begin.

It is counted from the documents of one time. Later ones are placed on it and move nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import pyarrow as pa

# values are counted in 1 / STEPS, so that neither order nor partitions of rows move any
STEPS = 65536
BINS = 20
Lang: TypeAlias = "str | None"
# (step, weight), ascending, each step once
Counted: TypeAlias = "Sequence[tuple[int, int]]"


@dataclass(frozen=True)
class Curve:
    """Which share of a language one scorer puts below a step, half of the step's own documents included."""

    # int32, ascending: those that documents had
    steps: np.ndarray
    shares: np.ndarray  # float64, 0 to 1

    def at(self, steps: np.ndarray) -> np.ndarray:
        """float64, the share at each of `steps`.

        A step that no document had takes the share of the nearest one below it, and 0 below the first: a
        higher step never has a smaller share.
        """
        return np.concatenate(([0.0], self.shares))[np.searchsorted(self.steps, steps, side="right")]


@dataclass(frozen=True)
class Scale:
    """What a document is measured by; empty until documents have been counted."""

    curves: Mapping[tuple[Lang, str], Curve] = field(default_factory=dict)  # by language and scorer
    starts: Mapping[Lang, list[int]] = field(default_factory=dict)  # the steps at which bins 1 to 19 begin
    documents: Mapping[Lang, int] = field(default_factory=dict)  # how many these are cut from

    def to_bytes(self) -> bytes:
        """Canonical JSON: equal bytes, equal scale. Floats come back to the last bit."""
        curves = [[*key, each.steps.tolist(), each.shares.tolist()] for key, each in self.curves.items()]
        bins = [[lang, self.documents[lang], starts] for lang, starts in self.starts.items()]
        # Sorted, so that the bytes do not depend on the order in which rows were collected.
        content = {"curves": sorted(curves, key=_place), "bins": sorted(bins, key=_place)}
        return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def from_bytes(data: bytes) -> Scale:
    """The scale of `to_bytes`."""
    content = json.loads(data)
    return Scale(
        {
            (lang, scorer): Curve(np.array(steps, np.int32), np.array(shares, np.float64))
            for lang, scorer, steps, shares in content["curves"]
        },
        {lang: starts for lang, _, starts in content["bins"]},
        {lang: n for lang, n, _ in content["bins"]},
    )


def _place(entry: list) -> tuple[str, ...]:
    """Where an entry stands: by language (none comes first) and scorer."""
    return ("" if entry[0] is None else f" {entry[0]}", str(entry[1]))


def curve_of(counted: Counted) -> Curve:
    """The curve of the documents that were counted."""
    total, below, shares = sum(n for _, n in counted), 0, []
    for _, n in counted:
        # The middle of the step: documents with equal scores get their mean rank.
        shares.append((below + n / 2) / total)
        below += n
    return Curve(np.array([step for step, _ in counted], np.int32), np.array(shares, np.float64))


def bin_starts(counted: Counted) -> list[int]:
    """Where bins 1 to 19 begin: the first step with b/20 of the weight below it; STEPS when there is none."""
    total, below, starts = sum(n for _, n in counted), 0, [STEPS] * (BINS - 1)
    for step, n in counted:
        # A step with many documents may begin several bins at once.
        for b in range(1, BINS):
            if starts[b - 1] == STEPS and below * BINS >= b * total:
                starts[b - 1] = step
        below += n
    return starts


def shares_at(
    langs: pa.Array, scorers: pa.Array, steps: pa.Array, curves: Mapping[tuple[Lang, str], Curve]
) -> pa.Array:
    """float64, a row for each: the share at its step on the curve of its language (may be null) and scorer.

    Raises ValueError for a language and scorer without a curve.
    """
    lang, scorer = langs.dictionary_encode(null_encoding="encode"), scorers.dictionary_encode()
    pairs = lang.indices.to_numpy().astype(np.int64) * len(scorer.dictionary) + scorer.indices.to_numpy()
    at, result = steps.to_numpy(), np.empty(len(steps), np.float64)
    # A batch has few pairs of language and scorer: one search for each, not one for each row.
    for pair in np.unique(pairs):
        of_lang, of_scorer = divmod(int(pair), len(scorer.dictionary))
        key = (lang.dictionary[of_lang].as_py(), scorer.dictionary[of_scorer].as_py())
        if key not in curves:
            raise ValueError(f"share_below: the scale has no curve of {key[1]} for the language {key[0]}")
        mine = pairs == pair
        result[mine] = curves[key].at(at[mine])
    return pa.array(result)
