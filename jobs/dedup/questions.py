"""Near-duplicate questions of samples: to the engine in jobs/dedup/steps.py they are its documents.

A question is short, so sketches decide nothing: every candidate pair is compared by its texts. Its shingles
are of characters whatever the language, white space among them, so that a changed word weighs by its own
length.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from pydantic import Field, PositiveInt, model_validator

from gristmill.jobs.core.config import Strict
from gristmill.jobs.dedup.sketch_blocks import Size
from gristmill.jobs.dedup.steps import Order, Source, outcomes_of
from gristmill.jobs.runner.documents import broadcast_while_few
from gristmill.udfs.dedup.blocks import BLOCK, sketch_blocks
from gristmill.udfs.dedup.choosing import Rule
from gristmill.udfs.dedup.minhash import MinHashParams, minhash_fingerprints, permutations
from gristmill.udfs.dedup.shingles import ShingleParams
from gristmill.udfs.dedup.verdicts import PairRule, decide_by_sketches
from gristmill.udfs.samples.measures import FOLD

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from gristmill.jobs.runner.context import JobContext

# stands for white space, which shingles of the engine never see
SPACE = "␣"
# of each minimum that a sketch keeps, as nobody decides by it
BITS = 1
BATCH_ROWS = 8_192  # of questions on their way to Python


class NearDuplicates(Strict):
    """Questions whose shingles of `characters` characters are so alike (Jaccard) count as one."""

    min_similarity: float = Field(gt=0, le=1)
    characters: PositiveInt
    permutations: PositiveInt  # of MinHash
    bands: PositiveInt
    # permutations in one band; pairs start to meet near Jaccard (1/bands) ** (1/rows)
    rows: PositiveInt
    # sets under one band key; beyond, each meets the best and the next
    max_bucket: PositiveInt

    @model_validator(mode="after")
    def _bands_fit(self) -> NearDuplicates:
        self.minhash(0)
        return self

    def minhash(self, seed: int) -> MinHashParams:
        """The kernel's parameters."""
        shingles = ShingleParams(characters=self.characters, unit="characters", fold=FOLD)
        return MinHashParams(shingles, self.permutations, self.bands, self.rows, seed, BITS)

    def rule(self, seed: int) -> Rule:
        """Every pair is decided by its texts, and no two that stay are alike."""
        minhash, pairs = self.minhash(seed), PairRule("jaccard", self.min_similarity, 1.0, exact_only=True)
        decide = functools.partial(decide_by_sketches, params=minhash, rule=pairs)
        width = self.permutations * BITS // 8
        return Rule(
            decide,
            width,
            "sketch",
            minhash.shingles,
            "jaccard",
            self.min_similarity,
            "independent_set",
            self.max_bucket,
            keep_rejected=False,
        )


def alike_questions(tables: JobContext, rows: DataFrame, spec: NearDuplicates, seed: int) -> DataFrame:
    """sample_id, dup_of, similarity of the questions that are like a better one, which stays.

    `rows`: sample_id, key (32 hexadecimal digits, unique), question, value; staged, as they are read several
    times. Better is the higher value, then the lower sample_id. Who stays is the lexicographically first
    maximal independent set.
    """
    from pyspark.sql import functions as F

    outcomes = outcomes_of(tables, _source(tables, rows, spec, seed))
    gone = outcomes.where("result = 'duplicate'").select("doc_a", "doc_b", "similarity")
    one = rows.select(F.col("key").alias("doc_a"), "sample_id")
    other = rows.select(F.col("key").alias("doc_b"), F.col("sample_id").alias("dup_of"))
    found = gone.join(one, ["doc_a"], how="inner").join(other, ["doc_b"], how="inner")
    return found.select("sample_id", "dup_of", "similarity")


def _text() -> Column:
    """The question as it is compared."""
    from pyspark.sql import functions as F

    return F.translate(F.trim(F.regexp_replace("question", r"(?U)\s+", " ")), " ", SPACE)


def _source(tables: JobContext, rows: DataFrame, spec: NearDuplicates, seed: int) -> Source:
    from pyspark.sql import functions as F

    minhash = spec.minhash(seed)
    fingerprinter = functools.partial(
        minhash_fingerprints, params=minhash, permuted=permutations(spec.permutations, seed)
    )
    texts = rows.select(
        F.col("key").alias("doc_id"),
        F.lit("").alias("batch_id"),
        _text().alias("text"),
        F.spark_partition_id().alias("task"),
    )
    kernel = functools.partial(sketch_blocks, fingerprinter=fingerprinter, number=0)
    blocks = tables.stage("question_blocks", texts.mapInArrow(kernel, BLOCK), BATCH_ROWS)
    [size] = blocks.agg(F.sum("n"), F.sum("n_bytes")).collect()

    def told(documents: DataFrame, *columns: Column | str) -> DataFrame:
        of = rows.select(F.col("key").alias("doc_id"), *columns)
        return broadcast_while_few(documents).join(of, ["doc_id"], how="inner")

    def ranked(documents: DataFrame) -> tuple[DataFrame, Order]:
        return told(documents, "sample_id", "value"), [F.desc("value"), "sample_id"]

    def asked(documents: DataFrame) -> DataFrame:
        return told(documents, _text().alias("text"))

    return Source(blocks, Size(size[0] or 0, size[1] or 0, 0), minhash.bands, spec.rule(seed), ranked, asked)
