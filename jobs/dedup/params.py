"""Parameters of near-duplicate removal that all fingerprints share, and the interface of a fingerprint.

jobs/dedup_minhash.py and jobs/dedup_simhash.py implement the interface; jobs/dedup/steps.py calls it.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field, PositiveInt

from gristmill.jobs.core.params import AppliesEdits, Filtered, LeavesOut
from gristmill.jobs.dedup.ranking import Rank, unused_tables
from gristmill.udfs.dedup.blocks import Fingerprinter, warm_up
from gristmill.udfs.dedup.shingles import ShingleParams
from gristmill.udfs.dedup.verdicts import PairDecision
from gristmill.udfs.text.folding import FoldParams

if TYPE_CHECKING:
    import pyarrow as pa


class NearDupParams(Filtered, LeavesOut, AppliesEdits):
    """Parameters of every fingerprint. The methods that raise NotImplementedError are the interface."""

    # auto: characters where min_unspaced_ratio of them are Han, Kana, Thai, ...
    unit: Literal["auto", "words", "characters"]
    words: PositiveInt  # words in a word shingle
    characters: PositiveInt  # characters in a character shingle
    min_unspaced_ratio: float = Field(ge=0, le=1)
    nfkc: bool
    casefold: bool
    # Traditional characters count as Simplified
    traditional_to_simplified: bool
    # Classes of equal shingle sets under one band key. In a larger bucket each class is paired
    # with its neighbour and with the first one, and the survivors of that are paired again.
    max_bucket: PositiveInt
    # whether `pairs` has rows for rejected pairs too
    keep_rejected: bool
    clustering: Literal["independent_set", "connected_components"]
    # The first criterion that differs decides which copy is kept; doc_id breaks ties.
    ranking: list[Rank]

    def shingles(self) -> ShingleParams:
        """How texts become sets of shingles."""
        fold = FoldParams(
            nfkc=self.nfkc,
            casefold=self.casefold,
            traditional_to_simplified=self.traditional_to_simplified,
            powers=True,
        )
        return ShingleParams(self.words, self.characters, self.unit, self.min_unspaced_ratio, fold)

    def unused_tables(self) -> frozenset[str]:
        """Tables of RANKING_TABLES that no criterion of this ranking reads."""
        return unused_tables(self.ranking)

    def digest(self, value: object) -> str:
        """16 hex digits of `value` and of the jobs whose edits are applied."""
        return digest((value, tuple(self.edits)) if self.edits else value)

    def config_hash(self) -> str:
        """16 hex digits of what makes a sketch; only sketches of equal config_hash are compared."""
        raise NotImplementedError

    def pairing(self) -> str:
        """16 hex digits of what makes a pair: the sketch, the rule that accepts it, max_bucket."""
        raise NotImplementedError

    def n_keys(self) -> int:
        """Number of band keys of a document."""
        raise NotImplementedError

    def sketch_bytes(self) -> int:
        """Bytes of a sketch in `sketches`."""
        raise NotImplementedError

    def fingerprinter(self) -> Fingerprinter:
        """The function from an Arrow array of texts to sketches, band keys and set hashes."""
        raise NotImplementedError

    def warm_up_pass(self) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
        """A mapInArrow function that returns its rows and loads the kernels of sketching into the workers."""
        return functools.partial(warm_up, fingerprinter=self.fingerprinter())

    def decision(self) -> PairDecision:
        """The function that accepts, rejects or leaves open pairs by their sketches."""
        raise NotImplementedError

    def by_text(self) -> tuple[str, float]:
        """Measure of two texts (jaccard or containment) and the least value at which a pair is accepted."""
        raise NotImplementedError

    def by_sketch(self) -> tuple[str, float]:
        """`pairs.method` of pairs that sketches decide, and the least similarity at which they accept."""
        raise NotImplementedError


def digest(value: object) -> str:
    """16 hex digits of `repr(value)`: equal for equal parameters, in every process."""
    # repr of frozen dataclasses lists all fields in order;
    # Python's own hash() differs between processes.
    return hashlib.blake2b(repr(value).encode(), digest_size=8).hexdigest()
