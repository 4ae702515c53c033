"""Remove passages that stand at a better place in the corpus: every byte that lies in a window of at least
`min_bytes` that is also found there. One copy stays, that of the best-ranked document.

reads   docs, signals, verdicts; domains where label_domain has run; scores, quality, models where the ranking
        names them
writes  passage_runs, passages, edits, verdicts
run     spark-submit jobs/dedup_passages.py --recipe conf/jobs/dedup_passages.yaml --lake lakes/demo

rows in   docs      a  "A text of its own. A licence of 600 bytes ..."
                    b  "Another text. A licence of 600 bytes ..."        (a has the better rank)
rows out  edits     b  start 14  end 614  replacement ""  reason repeated_passage
          passages  b  start 14  end 614  kept_doc_id a  kept_start 19  n_copies 2

The result equals that of a suffix array over all texts. The steps are in jobs/dedup/passages.py.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

from pydantic import Field, NonNegativeInt, model_validator

from gristmill.jobs.core.params import Filtered, LeavesOut
from gristmill.jobs.core.routes import Label
from gristmill.jobs.curation.domains import with_domain
from gristmill.jobs.dedup import passages as steps
from gristmill.jobs.dedup.passages import Passages
from gristmill.jobs.dedup.ranking import RANKING_TABLES, Rank, unused_tables
from gristmill.jobs.dedup.sketch_blocks import drop_blocks
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_verdicts
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.udfs.passages.anchors import WindowParams
from gristmill.udfs.passages.copies import Rule
from gristmill.udfs.passages.spans import Border, CutParams

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Params(Filtered, LeavesOut):
    """See conf/jobs/dedup_passages.yaml for every number and its source."""

    min_bytes: int  # length of a window, in bytes of UTF-8
    # domain -> another length for its documents; null: nothing is removed from them
    min_bytes_by_domain: dict[Label, int | None]
    min_copies: int = Field(ge=2)  # places at which a window must stand
    across_sources_only: bool  # whether only a copy in another source counts
    # whether a passage is removed that the same document has before
    within_document: Literal["keep", "cut"]
    border: Border  # what the ends of a span do not cut in two
    # a document of which fewer words would be left is left out whole
    min_words_left: NonNegativeInt
    # The first criterion that differs decides which copy is kept; doc_id breaks ties.
    ranking: list[Rank]
    # Whether a better copy that comes with a later batch takes the place of an earlier one; otherwise
    # documents of earlier batches stay as they are, and the later copy is removed.
    reconsider: bool
    seed: NonNegativeInt  # of the hashes

    @model_validator(mode="after")
    def _windows_fit(self) -> Params:
        # Built here, so that a wrong length fails before Spark starts.
        if self.across_sources_only and self.within_document == "cut":
            raise ValueError(
                "within_document: keep is needed with across_sources_only: a document is of one source"
            )
        self.passages()
        return self

    def lengths(self) -> tuple[int, ...]:
        """All window lengths, that of most documents first."""
        others = {value for value in self.min_bytes_by_domain.values() if value is not None} - {
            self.min_bytes
        }
        return (self.min_bytes, *sorted(others))

    def passages(self) -> Passages:
        """What the steps take. Raises ValueError for a window that is too short or too long."""
        lengths = self.lengths()
        rule = Rule(lengths, self.min_copies, self.across_sources_only, self.within_document == "cut")
        windows = tuple(WindowParams(length, self.seed) for length in lengths)
        return Passages(
            rule, windows, CutParams(self.border, self.min_words_left), self.ranking, self.reconsider
        )

    def unused_tables(self) -> frozenset[str]:
        """Tables of RANKING_TABLES that no criterion of this ranking reads."""
        return unused_tables(self.ranking)


def drop_stale(tables: JobContext, params: Params) -> Outputs:
    """See gristmill.jobs.dedup.sketch_blocks.drop_blocks."""
    return drop_blocks(tables, "passage_runs")


def drop_left_out(tables: JobContext, params: Params) -> Outputs:
    """See gristmill.jobs.dedup.passages.drop_left_out."""
    return steps.drop_left_out(tables, params.passages(), params.skip_rejected_by)


def index(tables: JobContext, params: Params) -> Outputs:
    """See gristmill.jobs.dedup.passages.index."""
    return steps.index(tables, params.passages(), params.skip_rejected_by)


def cut(tables: JobContext, params: Params) -> Outputs:
    """`passages`, `edits` and `verdicts` of all documents."""
    passages = params.passages()

    def is_subject(rows: DataFrame) -> DataFrame:
        from pyspark.sql import functions as F

        rows = with_domain(tables, rows)
        length = steps.column_of(dict(params.min_bytes_by_domain), params.min_bytes, F.col("domain"))
        of_length = F.element_at(F.array(*map(F.lit, params.lengths())), F.col("number") + 1)
        return rows.withColumn("is_subject", F.coalesce(length == of_length, F.lit(False)))

    rows = steps.documents(tables, passages, is_subject)
    ranks = steps.rank(tables, passages, rows)
    pieces = steps.repeated_pieces(tables, passages, ranks)
    spans = steps.spans_of(tables, passages, pieces, ranks)
    return steps.output_rows(tables, passages, rows, spans, ranks)


JOB = Job(
    "dedup_passages",
    Params,
    reads=("docs", "signals", "verdicts"),
    writes=(
        Writes("passage_runs", "append"),
        Writes("passages", "job"),
        Writes("edits", "job"),
        Writes("verdicts", "job"),
    ),
    steps=(drop_stale, drop_left_out, index, cut),
    scope="lake",
    count=count_verdicts,
    about=__doc__,
    looks_at=(*RANKING_TABLES, "domains"),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
