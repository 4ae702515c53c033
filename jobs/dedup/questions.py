"""Near-duplicate questions of samples. The engine in jobs/dedup/steps.py treats them as documents.

A question is short, so sketches decide nothing: every candidate pair is compared by its texts. Shingles are
of characters in every language, and white space counts as a character, so that a changed word weighs by its
own length.
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

# Replaces white space, which the engine drops from shingles of characters.
SPACE = "␣"
# Bits of each minimum in a sketch: the fewest possible, since no pair is decided by its sketches.
BITS = 1
# questions in an Arrow batch to Python; as many documents as one block holds (messages.ROWS)
BATCH_ROWS = 8_192


class NearDuplicates(Strict):
    """Questions count as duplicates from `min_similarity` on: Jaccard of shingles of `characters`."""

    min_similarity: float = Field(gt=0, le=1)
    characters: PositiveInt
    permutations: PositiveInt  # of MinHash
    bands: PositiveInt
    # permutations in one band; pairs become candidates from about Jaccard (1/bands) ** (1/rows) on
    rows: PositiveInt
    # Sets under one band key. In a larger bucket each
    # is paired with the best one and with the next.
    max_bucket: PositiveInt

    @model_validator(mode="after")
    def _bands_fit(self) -> NearDuplicates:
        self.minhash(0)
        return self

    def minhash(self, seed: int) -> MinHashParams:
        """Parameters of the MinHash kernel. Raises ValueError where bands x rows is not possible."""
        shingles = ShingleParams(characters=self.characters, unit="characters", fold=FOLD)
        return MinHashParams(shingles, self.permutations, self.bands, self.rows, seed, BITS)

    def rule(self, seed: int) -> Rule:
        """Every pair is decided by its texts; the survivors are an independent set."""
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


def near_duplicate_questions(
    tables: JobContext, rows: DataFrame, spec: NearDuplicates, seed: int
) -> DataFrame:
    """sample_id, dup_of, similarity of the questions that are near-duplicates of a better one.

    `rows`: sample_id, key (32 hexadecimal digits, unique), question, value; staged, as they are read several
    times. Better is the higher value, then the lower sample_id. The questions that are kept are the
    lexicographically first maximal independent set in that order.

        rows:   sample_id  question           value      result: sample_id  dup_of  similarity
                s1         What is 2 plus 2?  0.9                s2         s1      0.93
                s2         What is 2 plus 2   0.4
    """
    from pyspark.sql import functions as F

    outcomes = outcomes_of(tables, _source(tables, rows, spec, seed))
    duplicates = outcomes.where("result = 'duplicate'").select("doc_a", "doc_b", "similarity")
    one = rows.select(F.col("key").alias("doc_a"), "sample_id")
    other = rows.select(F.col("key").alias("doc_b"), F.col("sample_id").alias("dup_of"))
    named = duplicates.join(one, ["doc_a"], how="inner").join(other, ["doc_b"], how="inner")
    return named.select("sample_id", "dup_of", "similarity")


def _text() -> Column:
    """The question as it is compared: white space collapsed, then made visible to shingles."""
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
        # The engine expects a batch of each document; questions of all batches are compared.
        F.lit("").alias("batch_id"),
        _text().alias("text"),
        F.spark_partition_id().alias("task"),
    )
    kernel = functools.partial(sketch_blocks, fingerprinter=fingerprinter, number=0)
    blocks = tables.stage("question_blocks", texts.mapInArrow(kernel, BLOCK), BATCH_ROWS)
    # The engine derives its number of tasks from the size of the index.
    [size] = blocks.agg(F.sum("n"), F.sum("n_bytes")).collect()

    def with_columns(documents: DataFrame, *columns: Column | str) -> DataFrame:
        by_key = rows.select(F.col("key").alias("doc_id"), *columns)
        return broadcast_while_few(documents).join(by_key, ["doc_id"], how="inner")

    def rank(documents: DataFrame) -> tuple[DataFrame, Order]:
        return with_columns(documents, "sample_id", "value"), [F.desc("value"), "sample_id"]

    def read_texts(documents: DataFrame) -> DataFrame:
        return with_columns(documents, _text().alias("text"))

    return Source(
        blocks, Size(size[0] or 0, size[1] or 0, 0), minhash.bands, spec.rule(seed), rank, read_texts
    )
