"""Keep the best of every family of near-duplicates, found by MinHash; each removed document is itself similar
to the survivor it names.

reads   docs, signals, verdicts, edits; scores, quality, models where the ranking names them
writes  sketches, pairs, hot_buckets, duplicates, verdicts
run     spark-submit jobs/dedup_minhash.py --recipe conf/jobs/dedup_minhash.yaml --lake lakes/demo

MinHash sketches find candidates by their bands. Pairs far from the threshold are decided by their sketches,
all others by their texts. The steps are in jobs/dedup/steps.py.
"""

from __future__ import annotations

import functools
import sys
from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from gristmill.jobs.dedup.params import NearDupParams
from gristmill.jobs.dedup.ranking import RANKING_TABLES
from gristmill.jobs.dedup.steps import STEPS, WRITES
from gristmill.jobs.runner.counting import count_verdicts
from gristmill.jobs.runner.job import Job
from gristmill.jobs.runner.main import main
from gristmill.udfs.dedup.blocks import Fingerprinter
from gristmill.udfs.dedup.minhash import (
    MinHashParams,
    candidate_probability,
    minhash_fingerprints,
    permutations,
)
from gristmill.udfs.dedup.verdicts import PairDecision, PairRule, decide_by_sketches


class Params(NearDupParams):
    """See conf/jobs/dedup_minhash.yaml for every number and its source."""

    permutations: PositiveInt
    bands: PositiveInt
    # permutations in one band; pairs become candidates from about Jaccard (1/bands) ** (1/rows) on
    rows: PositiveInt
    seed: NonNegativeInt
    bits: Literal[1, 2, 4, 8, 16]  # of each minimum that the sketch keeps
    measure: Literal["jaccard", "containment"]
    min_similarity: float = Field(gt=0, le=1)  # from this value of `measure` on: a duplicate
    # a sketch decides only pairs that are this many standard errors away from min_similarity
    n_sigma: PositiveFloat
    exact_only: bool  # compare every candidate by text

    # MinHashParams validates itself; it is built here
    # so that a wrong recipe fails before Spark starts.
    @model_validator(mode="after")
    def _bands_fit(self) -> Params:
        self.minhash()
        return self

    def minhash(self) -> MinHashParams:
        """Parameters of the kernel. Raises ValueError where bands and rows need more permutations."""
        return MinHashParams(self.shingles(), self.permutations, self.bands, self.rows, self.seed, self.bits)

    def rule(self) -> PairRule:
        """When a pair is accepted."""
        return PairRule(self.measure, self.min_similarity, self.n_sigma, self.exact_only)

    def config_hash(self) -> str:  # noqa: D102
        return self.digest(self.minhash())

    # With the rule and the cap, unlike config_hash: another
    # threshold keeps the sketches, but not the pairs.
    def pairing(self) -> str:  # noqa: D102
        return self.digest((self.minhash(), self.rule(), self.max_bucket))

    def n_keys(self) -> int:  # noqa: D102
        return self.bands

    def sketch_bytes(self) -> int:  # noqa: D102
        return self.permutations * self.bits // 8

    def fingerprinter(self) -> Fingerprinter:  # noqa: D102
        permuted = permutations(self.permutations, self.seed)
        return functools.partial(minhash_fingerprints, params=self.minhash(), permuted=permuted)

    def decision(self) -> PairDecision:  # noqa: D102
        return functools.partial(decide_by_sketches, params=self.minhash(), rule=self.rule())

    def by_text(self) -> tuple[str, float]:  # noqa: D102
        return self.measure, self.min_similarity

    def by_sketch(self) -> tuple[str, float]:  # noqa: D102
        return "sketch", self.min_similarity

    def preload(self) -> None:
        """Imports datasketch, which takes a second, while the JVM starts."""
        permutations(self.permutations, self.seed)

    def notes(self) -> list[str]:
        """Points of the S-curve, for `gristmill check`."""
        points = ", ".join(
            f"{j:.2f}: {float(candidate_probability(j, self.bands, self.rows)):.4f}"
            for j in (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9)
        )
        return [
            f"probability that a pair of this Jaccard shares a band ({self.bands} x {self.rows}): {points}"
        ]


JOB = Job(
    "dedup_minhash",
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
