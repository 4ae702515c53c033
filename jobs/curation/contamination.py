"""What a recipe says of benchmark questions that may not stand in the data, and the kernel that finds
them in any text."""

from __future__ import annotations

import functools
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.core.reasons import BENCHMARK_ITEMS
from gristmill.jobs.curation.benchmark_items import Questions, read_questions
from gristmill.udfs.contamination.items import PASSAGE, QUESTION, QUESTION_ANSWER, Item, Plan, plan_items
from gristmill.udfs.contamination.search import Index, OverlapParams, find_items

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column

NAMES = ("benchmark", "item", "part")  # of what is found
FOUND = (
    "benchmark string, item string, part string, score double, longest_match_words double, is_copy boolean, "
    "`threshold` double, "
    "start int, `end` int"
)
"""What `find_batches` gives beside the keys."""
PARTS = {  # of which one, several are looked for
    QUESTION: ("question", "questions"),
    QUESTION_ANSWER: ("question with its answer", "questions with their answers"),
    PASSAGE: ("passage", "passages"),
}


class Verbatim(Strict):
    """A stretch word for word that is enough."""

    words: float = Field(gt=0)
    share: float = Field(gt=0, le=1)  # of the item


class WithAnswer(Strict):
    """How a question that says too little by itself is found with its answer near it."""

    min_words: float = Field(ge=1)  # of both together
    window: PositiveInt  # tokens
    tokens: PositiveInt  # of an answer


class Against(Strict):
    """See conf/jobs/decontaminate.yaml for every number and its source."""

    benchmarks: list[Questions]
    seed_tokens: int = Field(ge=2)  # tokens
    max_seed_items: PositiveInt
    max_shift_tokens: NonNegativeInt  # tokens
    min_words: float = Field(ge=1)
    with_answer: WithAnswer | None = None  # null: no answer is looked for
    min_identity: float = Field(gt=0, le=1)
    short_words: float = Field(ge=0)
    min_identity_short: float = Field(gt=0, le=1)
    verbatim: list[Verbatim]

    @model_validator(mode="after")
    def _read(self) -> Against:
        """A wrong column is a complaint of `gristmill check`, not of a run."""
        if self.with_answer is None and any(
            each.columns.answer or each.columns.choices for each in self.benchmarks
        ):
            raise ValueError(
                "with_answer: missing, but a file of `benchmarks` has answers; write {min_words: 4, "
                "window: 32, tokens: 8}"
            )
        if self.with_answer and self.with_answer.min_words > self.min_words:
            raise ValueError(
                f"with_answer.min_words is {self.with_answer.min_words:g}, above min_words {self.min_words:g}"
            )
        _ = self.items
        return self

    @functools.cached_property
    def items(self) -> list[Item]:
        """All items of the files that are here."""
        return read_questions(self.benchmarks)

    @functools.cached_property
    def plan(self) -> Plan:
        """What is looked for, and what is not."""
        return plan_items(self.items, self.overlap())

    def overlap(self) -> OverlapParams:
        """What the kernel takes."""
        answer = self.with_answer or WithAnswer(
            min_words=self.min_words, window=1, tokens=1
        )  # no item has an answer then
        return OverlapParams(
            self.seed_tokens,
            self.max_seed_items,
            self.max_shift_tokens,
            self.min_words,
            self.min_identity,
            self.short_words,
            self.min_identity_short,
            tuple((run.words, run.share) for run in self.verbatim),
            answer.min_words,
            answer.window,
            answer.tokens,
        )

    def index(self, place: str) -> tuple[Index, pa.Table]:
        """The index, and the NAMES of each of its entries.

        Raises ConfigError when nothing would be looked for.
        """
        import pyarrow as pa

        if not self.plan.index.searchable.any():
            raise ConfigError(
                f"{place}: nothing would be looked for: {'; '.join(self.gaps()) or 'benchmarks is empty'}; "
                "bring the files, name benchmarks with longer questions or with answers, or lower min_words"
            )
        names = [
            (self.items[part.item].benchmark, self.items[part.item].item, part.part)
            for part in self.plan.parts
        ]
        return self.plan.index, pa.table(
            {name: pa.array([row[i] for row in names], pa.string()) for i, name in enumerate(NAMES)}
        )

    def notes(self) -> list[str]:
        """For `gristmill check`: what is looked for, and the gaps."""
        searched = Counter(
            part.part
            for part, is_searched in zip(self.plan.parts, self.plan.index.searchable, strict=True)
            if is_searched
        )
        told = ", ".join(
            f"{searched[part]:,} {names[searched[part] != 1]}"
            for part, names in PARTS.items()
            if searched[part]
        )
        return [
            f"looked for: {told or 'nothing'}; benchmarks: {len({item.benchmark for item in self.items}):,}",
            *self.gaps(),
        ]

    def gaps(self) -> list[str]:
        """Files that are not here, and what of each benchmark is never looked for, and why."""
        absent = [
            f"{each.file}: not here, so nothing of {each.columns.benchmark.lstrip('=')} is looked for"
            for each in self.benchmarks
            if not each.paths()
        ]
        of_what: dict[tuple[str, str], int] = Counter((item.benchmark, QUESTION) for item in self.items)
        of_what |= Counter((self.items[i].benchmark, PASSAGE) for i in self._passages())
        never: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for each in self.plan.unsearched:
            item = self.items[each.item]
            never[item.benchmark, PASSAGE if each.part == PASSAGE else QUESTION][each.reason].append(
                item.item
            )
        return absent + [
            self._note(*key, n, never[key]) for key, n in sorted(of_what.items()) if key in never
        ]

    def _note(self, benchmark: str, part: str, n: int, never: dict[str, list[str]]) -> str:
        total = sum(map(len, never.values()))
        why = " ".join(
            f"{len(items)} (such as {items[0]}): {BENCHMARK_ITEMS[reason].found}"
            for reason, items in sorted(never.items())
        )
        parts, verb = part if n == 1 else f"{part}s", "is" if total == 1 else "are"
        return f"{benchmark}: {total:,} of {n:,} {parts} {verb} never looked for: {why}"

    def _passages(self) -> set[int]:
        """The items under which a passage is or would be looked for."""
        looked = {part.item for part in self.plan.parts if part.part == PASSAGE}
        return looked | {each.item for each in self.plan.unsearched if each.part == PASSAGE}

    def announce(self, job: str) -> None:
        """Say on standard error what is never looked for."""
        for note in self.gaps():
            print(f"{job:<16} {note}", file=sys.stderr, flush=True)

    def benchmark_items(self, job: str) -> pa.Table:
        """Rows of the table benchmark_items: each part of each item, and why it is never looked for if so."""
        import pyarrow as pa

        never = {(each.item, each.part): each.reason for each in self.plan.unsearched}
        rows = sorted({(part.item, part.part) for part in self.plan.parts} | never.keys())
        held: dict[str, list[str | None]] = {
            "job": [job] * len(rows),
            "benchmark": [self.items[i].benchmark for i, _ in rows],
            "item": [self.items[i].item for i, _ in rows],
            "part": [part for _, part in rows],
            "reason": [never.get(key) for key in rows],
        }
        return pa.table({name: pa.array(values, pa.string()) for name, values in held.items()})


def find_batches(
    batches: Iterator[pa.RecordBatch], keys: tuple[str, ...], index: Index, names: pa.Table
) -> Iterator[pa.RecordBatch]:
    """mapInArrow: `keys` and text -> a row for each item found: the keys, then FOUND; `names`: of each
    entry."""
    import pyarrow as pa

    for batch in batches:
        found = find_items(batch["text"], index)
        items = names.take(found["item"]).combine_chunks()
        whose = [batch[name].take(found["row"]) for name in keys]
        whose += [items[name].combine_chunks() for name in NAMES]
        measured = ["score", "longest_match_words", "is_copy", "threshold", "start", "end"]
        yield pa.record_batch([*whose, *(found[name] for name in measured)], names=[*keys, *NAMES, *measured])


def best_place() -> Column:
    """Aggregate: the place at which a text is most like a question of one benchmark."""
    from pyspark.sql import functions as F

    return F.max(F.struct("is_copy", "score", "longest_match_words", "threshold")).alias("best")


def as_verdict() -> list[Column]:
    """reason, value, limit, rule of `benchmark` and its `best` place."""
    from pyspark.sql import functions as F

    return [
        F.lit("contaminated").alias("reason"),
        F.when(F.col("best.is_copy"), F.col("best.score"))
        .otherwise(F.col("best.longest_match_words"))
        .alias("value"),
        F.col("best.threshold").alias("threshold"),
        F.concat(
            "benchmark", F.when(F.col("best.is_copy"), ".max_score").otherwise(".max_longest_match_words")
        ).alias("rule"),
    ]
