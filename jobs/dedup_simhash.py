"""Keep the best of every family of near-duplicates, found by SimHash; the tables are those of dedup_minhash.

reads   docs, signals, verdicts, edits; scores, quality, models where the ranking names them
writes  sketches, pairs, hot_buckets, duplicates, verdicts
run     spark-submit jobs/dedup_simhash.py --recipe conf/jobs/dedup_simhash.yaml --lake lakes/demo

A sketch has 8 bytes instead of 256, and every pair within the Hamming distance is found, not only most. But
the distance of two SimHashes says little about the similarity of short texts. So the shingle sets decide
(`decide: text`) unless the recipe has the bits decide alone.
"""

from __future__ import annotations

import functools
import sys
from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from gristmill.jobs.dedup.params import NearDupParams
from gristmill.jobs.dedup.ranking import RANKING_TABLES
from gristmill.jobs.dedup.steps import STEPS, WRITES
from gristmill.jobs.runner.counting import count_verdicts
from gristmill.jobs.runner.job import Job
from gristmill.jobs.runner.main import main
from gristmill.udfs.dedup.blocks import Fingerprinter
from gristmill.udfs.dedup.simhash import SimHashParams, simhash_fingerprints
from gristmill.udfs.dedup.verdicts import PairDecision, decide_by_simhashes


class Params(NearDupParams):
    """See conf/jobs/dedup_simhash.yaml for every number and its source."""

    max_hamming: NonNegativeInt  # of 64 bits
    # A document has choose(blocks, max_hamming) keys: more
    # blocks make longer, rarer keys, and more of them.
    blocks: PositiveInt
    decide: Literal["text", "bits"]  # what accepts a pair within the distance
    measure: Literal["jaccard", "containment"]  # of the shingle sets, where texts decide
    min_similarity: float = Field(gt=0, le=1)  # from this value of `measure` on: a duplicate

    @model_validator(mode="after")
    def _blocks_fit(self) -> Params:
        self.simhash()
        return self

    def simhash(self) -> SimHashParams:
        """Parameters of the kernel. Raises ValueError where the blocks cannot find the distance."""
        return SimHashParams(self.shingles(), self.max_hamming, self.blocks)

    def config_hash(self) -> str:  # noqa: D102
        return self.digest(self.simhash())

    def pairing(self) -> str:  # noqa: D102
        return self.digest((self.simhash(), self.decide, self.by_text(), self.max_bucket))

    def n_keys(self) -> int:  # noqa: D102
        return self.simhash().n_keys

    def sketch_bytes(self) -> int:  # noqa: D102
        return 8

    def fingerprinter(self) -> Fingerprinter:  # noqa: D102
        return functools.partial(simhash_fingerprints, params=self.simhash())

    def decision(self) -> PairDecision:  # noqa: D102
        return functools.partial(
            decide_by_simhashes, max_hamming=self.max_hamming, by_text=self.decide == "text"
        )

    def by_text(self) -> tuple[str, float]:  # noqa: D102
        return self.measure, self.min_similarity

    def by_sketch(self) -> tuple[str, float]:  # noqa: D102
        # `pairs.similarity` of bits is the share of equal
        # bits, so the distance becomes a threshold of that.
        return "simhash", 1 - self.max_hamming / 64

    def notes(self) -> list[str]:
        """Keys of a document and their length, for `gristmill check`."""
        keys = self.simhash().n_keys
        return [
            f"{keys} keys a document, each of about {64 * (self.blocks - self.max_hamming) // self.blocks} "
            f"bits: every pair within {self.max_hamming} of 64 bits is a candidate"
        ]


JOB = Job(
    "dedup_simhash",
    Params,
    reads=("docs", "signals", "verdicts", "edits"),
    writes=WRITES,
    steps=STEPS,
    scope="lake",
    count=count_verdicts,
    about=__doc__,
    looks_at=RANKING_TABLES,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
