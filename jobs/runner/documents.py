"""The documents that a run processes, their texts, and the edits of earlier jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gristmill.jobs.runner.run_log import History
from gristmill.jobs.runner.table_reader import TableReader

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

KEYS = ("doc_id", "batch_id")
# The most documents whose ids are broadcast, at about
# 100 bytes each on the driver and every executor.
BROADCAST = 1_000_000


@dataclass(frozen=True)
class Work:
    """The documents that a run processes.

    `whole`: batches of which it processes every kept document. The other batches of the run were processed
    before, and only verdicts of its skip_rejected_by have changed since. Of these, `entered` (doc_id,
    batch_id) are the documents that were left out then and are kept now, `left` those that were kept then and
    are left out now; None where there are none.
    """

    whole: tuple[str, ...]
    entered: DataFrame | None = None
    left: DataFrame | None = None

    def is_nothing(self) -> bool:
        """Whether there is no document to process and no row to delete."""
        return not self.whole and self.entered is None and self.left is None

    def is_part_of(self, batches: tuple[str, ...]) -> bool:
        """Whether the run leaves rows of some of its `batches` unchanged."""
        return self.whole != batches


class Documents:
    """The documents of a run's batches that no earlier filter left out, and their texts."""

    def __init__(self, tables: TableReader, history: History) -> None:
        self.tables, self.history = tables, history
        self.work = Work(tables.batches)

    def kept(
        self,
        skip_rejected_by: tuple[str, ...] | list[str],
        *columns: str,
        batches: tuple[str, ...] | None = None,
    ) -> DataFrame:
        """doc_id, batch_id, the named columns of docs, of the documents that no job in `skip_rejected_by`
        left out: one pass over docs.

        `batches`: of these (None: the batches of the run).
        """
        return self.without_left_out(
            self.tables.slice("docs", batches).select("doc_id", "batch_id", *columns), skip_rejected_by
        )

    def to_look_at(self, skip_rejected_by: tuple[str, ...] | list[str], *columns: str) -> DataFrame:
        """As `kept`, but only the documents that a job `by_document` has to process in this run (see
        Work)."""
        rows, entered = self.kept(skip_rejected_by, *columns, batches=self.work.whole), self.work.entered
        if entered is None:
            return rows
        return rows.unionByName(self.texts(entered, *columns) if columns else entered)

    def without_left_out(self, rows: DataFrame, skip_rejected_by: tuple[str, ...] | list[str]) -> DataFrame:
        """Those of `rows` (doc_id, batch_id, ...) whose documents no job in `skip_rejected_by` left out.

        The ids of rejected documents are broadcast where their runs counted at most BROADCAST; otherwise
        Spark plans the join.

            rows        verdicts (job, doc_id)              result
            a, b, c     (filter_rules, b), (other, c)   ->  a, c    for skip_rejected_by = [filter_rules]
        """
        from pyspark.sql import functions as F

        if not skip_rejected_by:
            return rows
        left_out = (
            self.tables.slice("verdicts")
            .where(F.col("job").isin(list(skip_rejected_by)))
            .select("doc_id", "batch_id")
            .distinct()
        )
        left_out = (
            F.broadcast(left_out) if self.history.n_left_out(skip_rejected_by) <= BROADCAST else left_out
        )
        return rows.join(left_out, ["doc_id", "batch_id"], how="left_anti")

    def texts(
        self, keys: DataFrame | None, *columns: str, carry: tuple[str, ...] = (), table: str = "docs"
    ) -> DataFrame:
        """doc_id, batch_id, the named columns of docs (or corpus) and the columns `carry` of `keys`.

        Of the documents in `keys` (doc_id, batch_id and what they carry), or, without keys, of all documents
        of the run. With at most BROADCAST documents the keys are broadcast, and dynamic partition pruning
        skips the batches without a key; otherwise Spark plans the join.
        """
        from pyspark.sql import functions as F

        # Texts are not shuffled (DECISIONS.md): the narrow side moves to them.
        docs = self.tables.slice(table).select("doc_id", "batch_id", *columns)
        if keys is None:
            return docs
        narrow = keys.select("doc_id", "batch_id", *carry)
        narrow = F.broadcast(narrow) if self.history.n_documents() <= BROADCAST else narrow
        return docs.join(narrow, ["doc_id", "batch_id"], how="inner" if carry else "left_semi")

    def not_done_yet(
        self,
        rows: DataFrame,
        table: str,
        done: Callable[[DataFrame], DataFrame] | None = None,
        on: tuple[str, ...] = KEYS,
        **made_by: str | list[str],
    ) -> DataFrame:
        """Those of `rows` (doc_id, batch_id, ...) for which this job has no row in its own `table` yet.

        `made_by`: column values that a row of the table must have to count, such as `version="v1"` (a list:
        one of them). `done`: a function from the table's rows to the keys that are done, where these are not
        its documents; `on`: the columns of a key.

            rows a, b, c;  table (a, v1), (b, v2)  ->  b, c    for version="v1"
        """
        from pyspark.sql import functions as F

        # A first run skips the join: reading a table that does not exist would still cost a query.
        if not self.tables.output_exists(table):
            return rows
        own_rows = self.tables.own_slice(table)
        if "job" in own_rows.columns:
            own_rows = own_rows.where(F.col("job") == self.tables.job.name)
        for column, value in made_by.items():
            own_rows = own_rows.where(
                F.col(column).isin(value) if isinstance(value, list) else F.col(column) == value
            )
        done_rows = own_rows if done is None else done(own_rows)
        return rows.join(done_rows.select(*on), list(on), how="left_anti")

    def own_rows(self, name: str, keys: DataFrame) -> DataFrame:
        """The job's own rows of a table about the documents `keys` (doc_id, batch_id), in the run's
        batches."""
        rows = self.tables.own_slice(name)
        return (
            rows.where(rows.job == self.tables.job.name)
            .join(keys, list(KEYS), how="left_semi")
            .select(*rows.columns)
        )

    def standing(self, name: str) -> DataFrame:
        """The job's own rows of a table, in the batches of the run, that this run does not rewrite."""
        from pyspark.sql import functions as F

        is_own = (F.col("job") == self.tables.job.name) & ~F.col("batch_id").isin(list(self.work.whole))
        rows, left = self.tables.own_slice(name).where(is_own), self.work.left
        return rows if left is None else rows.join(left, ["doc_id", "batch_id"], how="left_anti")


def broadcast_while_few(rows: DataFrame) -> DataFrame:
    """Staged `rows`, with a broadcast hint where they are at most BROADCAST; otherwise Spark plans the
    join."""
    from pyspark.sql import functions as F

    return F.broadcast(rows) if rows.count() <= BROADCAST else rows


def edit_spans(tables: TableReader, jobs: Sequence[str]) -> DataFrame:
    """doc_id, batch_id, edits (JSON), edits_hash of the run's documents that `jobs` edit; no text is read.

    a  one  [{"start":0,"end":4,"replacement":""}]  -31..
    """
    from pyspark.sql import functions as F

    span = F.struct("start", "end", "replacement")
    spans = tables.slice("edits").where(F.col("job").isin(list(jobs))).groupBy(*KEYS)
    # Sorted, so the hash changes with the edits and not with the order in which jobs wrote them.
    edits = spans.agg(F.to_json(F.array_sort(F.collect_list(span))).alias("edits"))
    return edits.select(*KEYS, "edits", F.xxhash64("edits").alias("edits_hash"))


def with_edits(texts: DataFrame, spans: DataFrame) -> DataFrame:
    """`texts` (doc_id, batch_id, text, ...) with edits and edits_hash; null without edits.

    `spans`: of `edit_spans`, staged. They move to the texts, which stay where they are.
    """
    return texts.join(broadcast_while_few(spans), list(KEYS), how="left")
