"""What a recipe says of near-duplicates whatever the fingerprint, and what each method has to say of
itself."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field, PositiveInt

from gristmill.jobs.core.params import Filtered, LeavesOut
from gristmill.jobs.dedup.ranking import Rank, unused_tables
from gristmill.udfs.dedup.blocks import Fingerprinter, warm_up
from gristmill.udfs.dedup.shingles import ShingleParams
from gristmill.udfs.dedup.verdicts import PairDecision
from gristmill.udfs.text.folding import FoldParams

if TYPE_CHECKING:
    import pyarrow as pa


class NearDupParams(Filtered, LeavesOut):
    """The parameters of every method; the methods below are what gristmill.jobs.dedup asks of it."""

    # auto: characters where min_unspaced_ratio of them are Han, Kana, Thai, ...
    unit: Literal["auto", "words", "characters"]
    words: PositiveInt  # words in a word shingle
    characters: PositiveInt  # characters in a character shingle
    min_unspaced_ratio: float = Field(ge=0, le=1)
    nfkc: bool
    casefold: bool
    # Traditional characters count as Simplified
    traditional_to_simplified: bool
    # classes that share one band key; beyond, only neighbours in doc_id order and the first are paired, and
    # who stays again
    max_bucket: PositiveInt
    # whether rejected pairs are kept in `pairs`
    keep_rejected: bool
    clustering: Literal["independent_set", "connected_components"]
    # the first difference decides who stays; doc_id breaks the last tie
    ranking: list[Rank]

    def shingles(self) -> ShingleParams:
        """How texts become sets."""
        fold = FoldParams(
            nfkc=self.nfkc,
            casefold=self.casefold,
            traditional_to_simplified=self.traditional_to_simplified,
            powers=True,
        )
        return ShingleParams(self.words, self.characters, self.unit, self.min_unspaced_ratio, fold)

    def unused_tables(self) -> frozenset[str]:
        """Tables that only other rankings look at."""
        return unused_tables(self.ranking)

    def config_hash(self) -> str:
        """Hash of what makes a sketch; sketches of equal kernels compare."""
        raise NotImplementedError

    def pairing(self) -> str:
        """Hash of what makes a pair: the kernel, the rule, the cap."""
        raise NotImplementedError

    def n_keys(self) -> int:
        """Band keys of a document."""
        raise NotImplementedError

    def sketch_bytes(self) -> int:
        """Bytes of a sketch."""
        raise NotImplementedError

    def fingerprinter(self) -> Fingerprinter:
        """Texts to what is kept of them."""
        raise NotImplementedError

    def warm_up_pass(self) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
        """What workers may load before there are documents."""
        return functools.partial(warm_up, fingerprinter=self.fingerprinter())

    def decision(self) -> PairDecision:
        """What sketches say of pairs."""
        raise NotImplementedError

    def by_text(self) -> tuple[str, float]:
        """How texts compare (jaccard or containment), and from what value on a pair is accepted."""
        raise NotImplementedError

    def by_sketch(self) -> tuple[str, float]:
        """`pairs.method` of what sketches decide, and the similarity from which on they accept."""
        raise NotImplementedError


def digest(value: object) -> str:
    """A short name for parameters."""
    return hashlib.blake2b(repr(value).encode(), digest_size=8).hexdigest()
