"""What a recipe says of benchmark questions that may not stand in the data, and the kernel that finds them in any text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from jobs.core.config import Strict
from jobs.core.errors import ConfigError
from jobs.core.questions import Questions, read_questions
from udfs.overlap import Index, OverlapParams, build_index, find_items

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column

FOUND = "benchmark string, item string, score double, run_words double, is_copy boolean, `limit` double, start int, `end` int"
"""What `find_batches` gives beside the keys."""


class Run(Strict):
    """A stretch word for word that is enough."""

    words: float = Field(gt=0)
    share: float = Field(gt=0, le=1)  # of the item


class Against(Strict):
    """See conf/decontaminate.yaml for every number and its source."""

    benchmarks: list[Questions]
    seed: int = Field(ge=2)  # tokens
    max_seed_items: PositiveInt
    band: NonNegativeInt  # tokens
    min_words: float = Field(ge=1)
    min_alike: float = Field(gt=0, le=1)
    short_words: float = Field(ge=0)
    min_alike_short: float = Field(gt=0, le=1)
    runs: list[Run]

    @model_validator(mode="after")
    def _read(self) -> Against:
        """A wrong column is a complaint of `gristmill check`, not of a run."""
        read_questions(self.benchmarks)
        return self

    def overlap(self) -> OverlapParams:
        """What the kernel takes."""
        return OverlapParams(
            self.seed, self.max_seed_items, self.band, self.min_words, self.min_alike, self.short_words, self.min_alike_short,
            tuple((run.words, run.share) for run in self.runs),
        )  # fmt: skip

    def index(self, place: str) -> tuple[Index, pa.Table]:
        """The index of all questions, and benchmark and item of each. Raises ConfigError when none is long enough to look for."""
        questions = read_questions(self.benchmarks)
        index = build_index(questions["text"], self.overlap())
        if not index.searchable.any():
            raise ConfigError(
                f"{place}: none of {questions.num_rows:,} questions holds {self.min_words:g} words, so nothing would be looked for; "
                "name benchmarks with longer questions, or lower min_words"
            )
        return index, questions.select(["benchmark", "item"])


def find_batches(batches: Iterator[pa.RecordBatch], keys: tuple[str, ...], index: Index, names: pa.Table) -> Iterator[pa.RecordBatch]:
    """mapInArrow: `keys` and text -> a row for each item found: the keys, then FOUND; `names` has benchmark and item of each item of the index."""
    import pyarrow as pa

    for batch in batches:
        found = find_items(batch["text"], index)
        items = names.take(found["item"]).combine_chunks()
        whose = [batch[name].take(found["row"]) for name in keys]
        whose += [items[name].combine_chunks() for name in ("benchmark", "item")]
        measured = ["score", "run_words", "is_copy", "limit", "start", "end"]
        yield pa.record_batch([*whose, *(found[name] for name in measured)], names=[*keys, "benchmark", "item", *measured])


def best_place() -> Column:
    """Aggregate: the place at which a text is most like a question of one benchmark."""
    from pyspark.sql import functions as F

    return F.max(F.struct("is_copy", "score", "run_words", "limit")).alias("best")


def as_verdict() -> list[Column]:
    """reason, value, limit, rule of `benchmark` and its `best` place."""
    from pyspark.sql import functions as F

    return [
        F.lit("contaminated").alias("reason"),
        F.when(F.col("best.is_copy"), F.col("best.score")).otherwise(F.col("best.run_words")).alias("value"),
        F.col("best.limit").alias("limit"),
        F.concat("benchmark", F.when(F.col("best.is_copy"), ".max_score").otherwise(".max_run_words")).alias("rule"),
    ]
