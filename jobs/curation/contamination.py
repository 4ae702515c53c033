"""Parameters of benchmark decontamination, and the kernel that finds benchmark questions in any text."""

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

NAMES = ("benchmark", "item", "part")  # that identify an entry of the index
MATCH_COLUMNS = (
    "benchmark string, item string, part string, score double, longest_match_words double, is_copy boolean, "
    "`threshold` double, "
    "start int, `end` int"
)
"""The columns that `find_batches` returns after the keys."""
PARTS = {  # singular, plural
    QUESTION: ("question", "questions"),
    QUESTION_ANSWER: ("question with its answer", "questions with their answers"),
    PASSAGE: ("passage", "passages"),
}


class Verbatim(Strict):
    """A verbatim match long enough to count by itself: at least `words` words, and `share` of the item."""

    words: float = Field(gt=0)
    share: float = Field(gt=0, le=1)  # of the item


class WithAnswer(Strict):
    """How a question that is too short to search for alone is searched for together with its answer."""

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
        """Reads the files at validation, so that `gristmill check` reports a wrong column, not a run."""
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
        # Also fails on a malformed row now, while nothing has started yet.
        _ = self.items
        return self

    @functools.cached_property
    def items(self) -> list[Item]:
        """All items of the files that exist; optional files may be missing."""
        return read_questions(self.benchmarks)

    @functools.cached_property
    def plan(self) -> Plan:
        """The parts of the items that are searched for, and those that are not, with the reason."""
        return plan_items(self.items, self.overlap())

    def overlap(self) -> OverlapParams:
        """The parameters in the form that the kernel takes."""
        # The kernel takes plain numbers: without answers these three are never used.
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
        """The search index, and a table with the NAMES of each entry, by entry number.

        Raises ConfigError when nothing would be searched for.
        """
        import pyarrow as pa

        # An empty search would find nothing and report the corpus as clean.
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
        """Lines for `gristmill check`: what is searched for, and the gaps."""
        searched = Counter(
            part.part
            for part, is_searched in zip(self.plan.parts, self.plan.index.searchable, strict=True)
            if is_searched
        )
        listed = ", ".join(
            f"{searched[part]:,} {names[searched[part] != 1]}"
            for part, names in PARTS.items()
            if searched[part]
        )
        n_benchmarks = len({item.benchmark for item in self.items})
        return [
            f"looked for: {listed or 'nothing'}; benchmarks: {n_benchmarks:,}",
            *self.gaps(),
        ]

    def gaps(self) -> list[str]:
        """Lines about missing files, and about the parts of each benchmark that are never searched for, with
        reasons."""
        # An optional file that is missing is legal, but the
        # user must see that its benchmark is not covered.
        absent = [
            f"{each.file}: not here, so nothing of {each.columns.benchmark.lstrip('=')} is looked for"
            for each in self.benchmarks
            if not each.paths()
        ]
        # A question with its answer is one way to search
        # for the question, so both count as question here.
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
            f"{len(items)} (such as {items[0]}): {BENCHMARK_ITEMS[reason].finding}"
            for reason, items in sorted(never.items())
        )
        parts, verb = part if n == 1 else f"{part}s", "is" if total == 1 else "are"
        return f"{benchmark}: {total:,} of {n:,} {parts} {verb} never looked for: {why}"

    def _passages(self) -> set[int]:
        """Numbers of the items whose passage is searched for, or would be without a reason against it."""
        searched = {part.item for part in self.plan.parts if part.part == PASSAGE}
        return searched | {each.item for each in self.plan.unsearched if each.part == PASSAGE}

    def announce(self, job: str) -> None:
        """Print on standard error what is never searched for."""
        for note in self.gaps():
            print(f"{job:<16} {note}", file=sys.stderr, flush=True)

    def benchmark_items(self, job: str) -> pa.Table:
        """Rows of the table benchmark_items: each part of each item, with the reason if it is never searched
        for."""
        import pyarrow as pa

        never = {(each.item, each.part): each.reason for each in self.plan.unsearched}
        # Sorted, so that equal inputs write equal tables.
        rows = sorted({(part.item, part.part) for part in self.plan.parts} | never.keys())
        columns: dict[str, list[str | None]] = {
            "job": [job] * len(rows),
            "benchmark": [self.items[i].benchmark for i, _ in rows],
            "item": [self.items[i].item for i, _ in rows],
            "part": [part for _, part in rows],
            "reason": [never.get(key) for key in rows],
        }
        return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def find_batches(
    batches: Iterator[pa.RecordBatch], keys: tuple[str, ...], index: Index, names: pa.Table
) -> Iterator[pa.RecordBatch]:
    """For mapInArrow: (`keys`, text) -> a row for each match: the keys, then MATCH_COLUMNS.

    `names`: NAMES of each entry of the index. A text without a match gives no row.

        doc_id  text                       doc_id  benchmark  item  part      score  ...  start  end
        a       ... question 7 ...     ->  a       gsm8k      7     question  0.96   ...     40  210
        b       no question
    """
    import pyarrow as pa

    for batch in batches:
        matches = find_items(batch["text"], index)
        # Names are joined here from numbers: the kernel passes no strings for each match.
        items = names.take(matches["item"]).combine_chunks()
        whose = [batch[name].take(matches["row"]) for name in keys]
        whose += [items[name].combine_chunks() for name in NAMES]
        measured = ["score", "longest_match_words", "is_copy", "threshold", "start", "end"]
        yield pa.record_batch(
            [*whose, *(matches[name] for name in measured)], names=[*keys, *NAMES, *measured]
        )


def best_match() -> Column:
    """Aggregate: the strongest match of a text with one benchmark, as a struct."""
    from pyspark.sql import functions as F

    # Structs compare field by field: a whole copy first,
    # then the score, then the longest verbatim match.
    return F.max(F.struct("is_copy", "score", "longest_match_words", "threshold")).alias("best")


def as_verdict() -> list[Column]:
    """The columns reason, value, threshold and rule of a verdict, from `benchmark` and its `best` match."""
    from pyspark.sql import functions as F

    return [
        F.lit("contaminated").alias("reason"),
        # The measure by which the match counts: the alignment's
        # score for a copy, else the verbatim length.
        F.when(F.col("best.is_copy"), F.col("best.score"))
        .otherwise(F.col("best.longest_match_words"))
        .alias("value"),
        F.col("best.threshold").alias("threshold"),
        F.concat(
            "benchmark", F.when(F.col("best.is_copy"), ".max_score").otherwise(".max_longest_match_words")
        ).alias("rule"),
    ]
