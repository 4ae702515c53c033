"""Leave out documents that hold benchmark questions: whole, with small changes, or a long part of one.

reads   docs, verdicts
writes  contamination, verdicts
run     spark-submit jobs/decontaminate.py --recipe conf/decontaminate.yaml --lake lakes/demo

The driver makes one index of all questions, which travels to the executors with the kernel (Spark broadcasts what is that
big); text is read once and nothing is shuffled. Every question found is a row of `contamination`; a document has one
verdict for each benchmark, by its best place.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from jobs.core.config import Strict
from jobs.core.counts import count_verdicts
from jobs.core.errors import ConfigError
from jobs.core.job import Counts, Job, Tables, Writes, main
from jobs.core.questions import Questions, read_questions
from udfs.overlap import Index, OverlapParams, build_index, find_items

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

FOUND = "doc_id string, batch_id string, benchmark string, item string, score double, run_words double, is_copy boolean, `limit` double, start int, `end` int"


class Run(Strict):
    """A stretch word for word that is enough."""

    words: float = Field(gt=0)
    share: float = Field(gt=0, le=1)  # of the item


class Params(Strict):
    """See conf/decontaminate.yaml for every number and its source."""

    heeds: list[str]  # judges whose left-out documents are not looked at
    benchmarks: list[Questions]
    seed: int = Field(ge=2)  # tokens
    max_seed_items: PositiveInt
    band: NonNegativeInt  # tokens
    min_words: float = Field(ge=1)
    min_alike: float = Field(gt=0, le=1)
    short_words: float = Field(ge=0)
    min_alike_short: float = Field(gt=0, le=1)
    runs: list[Run]
    min_kept: NonNegativeInt  # documents

    @model_validator(mode="after")
    def _read(self) -> Params:
        """A wrong column is a complaint of `gristmill check`, not of a run."""
        read_questions(self.benchmarks)
        return self

    def overlap(self) -> OverlapParams:
        """What the kernel takes."""
        return OverlapParams(
            self.seed, self.max_seed_items, self.band, self.min_words, self.min_alike, self.short_words, self.min_alike_short,
            tuple((run.words, run.share) for run in self.runs),
        )  # fmt: skip


def find_batches(batches: Iterator[pa.RecordBatch], index: Index, names: pa.Table) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id, text -> a row for each item found, as FOUND; `names` has benchmark and item of each item of the index."""
    import pyarrow as pa

    for batch in batches:
        found = find_items(batch["text"], index)
        items = names.take(found["item"]).combine_chunks()
        whose = [batch[name].take(found["row"]) for name in ("doc_id", "batch_id")]
        whose += [items[name].combine_chunks() for name in ("benchmark", "item")]
        measured = ["score", "run_words", "is_copy", "limit", "start", "end"]
        yield pa.record_batch([*whose, *(found[name] for name in measured)], names=["doc_id", "batch_id", "benchmark", "item", *measured])


def decontaminate(tables: Tables, params: Params) -> dict[str, DataFrame]:
    """`contamination` and `verdicts` of the batches at hand. Raises ConfigError when no question is long enough to look for."""
    from pyspark.sql import functions as F

    questions = read_questions(params.benchmarks)
    index = build_index(questions["text"], params.overlap())
    if not index.searchable.any():
        raise ConfigError(
            f"decontaminate: none of {questions.num_rows:,} questions holds {params.min_words:g} words, so nothing would be looked for; "
            "name benchmarks with longer questions, or lower min_words"
        )
    texts = tables.texts(tables.kept(params.heeds), "text").select("doc_id", "batch_id", "text")
    kernel = functools.partial(find_batches, index=index, names=questions.select(["benchmark", "item"]))
    found = tables.stage("found", texts.mapInArrow(kernel, FOUND))
    own = F.lit(tables.job.name).alias("job")
    contamination = found.select(
        own, "doc_id", "batch_id", "benchmark", "item", "score", "run_words", "is_copy", "limit", "start", "end"
    )  # fmt: skip
    best = found.groupBy("doc_id", "batch_id", "benchmark").agg(F.max(F.struct("is_copy", "score", "run_words", "limit")).alias("best"))
    verdicts = best.select(
        own, "doc_id", "batch_id", F.lit("contaminated").alias("reason"),
        F.when(F.col("best.is_copy"), F.col("best.score")).otherwise(F.col("best.run_words")).alias("value"),
        F.col("best.limit").alias("limit"),
        F.concat("benchmark", F.when(F.col("best.is_copy"), ".max_score").otherwise(".max_run_words")).alias("rule"),
        F.lit(tables.recipe_hash).alias("recipe_hash"),
    )  # fmt: skip
    return {"contamination": contamination, "verdicts": verdicts}


def count_by_benchmark(tables: Tables, params: Params) -> Counts:
    """As every judge, and for each benchmark the documents that hold something of it, as `contaminated.NAME`."""
    from pyspark.sql import functions as F

    counts = count_verdicts(tables, params)
    mine = tables.own("contamination").where((F.col("job") == tables.job.name) & F.col("batch_id").isin(list(tables.batches)))
    rows = mine.groupBy("benchmark").agg(F.countDistinct("doc_id", "batch_id").alias("n")).collect()
    held = {f"contaminated.{row['benchmark']}": row["n"] for row in sorted(rows, key=lambda row: (-row["n"], row["benchmark"]))}
    return Counts(counts.rows_in, counts.rows_kept, {**counts.reasons, **held})


JOB = Job(
    "decontaminate", Params, reads=("docs", "verdicts"), writes=(Writes("contamination", "batch"), Writes("verdicts", "batch")),
    steps=(decontaminate,), count=count_by_benchmark, about=__doc__,
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main(JOB))
