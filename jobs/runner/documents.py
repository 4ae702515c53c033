"""Which documents a run looks at, and their texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gristmill.jobs.runner.run_log import History
from gristmill.jobs.runner.table_reader import TableReader

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

KEYS = ("doc_id", "batch_id")
# ids of documents, some 100 bytes each on driver and executors
BROADCAST = 1_000_000


@dataclass(frozen=True)
class Work:
    """What a run looks at. `whole`: batches of which it looks at every kept document.

    The others at hand it has looked at before, and of what it reads only verdicts of judges that it
    skip_rejected_by have changed since: `entered` (doc_id, batch_id) are their documents that were left out
    then and are kept now, `left` those that were kept then and are left out now; None where there are none.
    """

    whole: tuple[str, ...]
    entered: DataFrame | None = None
    left: DataFrame | None = None

    def is_nothing(self) -> bool:
        """Whether neither a document has to be looked at nor a row of one to go."""
        return not self.whole and self.entered is None and self.left is None

    def is_part_of(self, batches: tuple[str, ...]) -> bool:
        """Whether rows of some of the `batches` at hand stay as they are."""
        return self.whole != batches


class Documents:
    """The documents of the batches at hand: those that no earlier job left out, and their texts."""

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

        Of `batches` (None: of those at hand).
        """
        return self.without_left_out(
            self.tables.slice("docs", batches).select("doc_id", "batch_id", *columns), skip_rejected_by
        )

    def to_look_at(self, skip_rejected_by: tuple[str, ...] | list[str], *columns: str) -> DataFrame:
        """As `kept`, of the documents that a job `by_document` has to look at in this run (see Work)."""
        rows, entered = self.kept(skip_rejected_by, *columns, batches=self.work.whole), self.work.entered
        if entered is None:
            return rows
        return rows.unionByName(self.texts(entered, *columns) if columns else entered)

    def without_left_out(self, rows: DataFrame, skip_rejected_by: tuple[str, ...] | list[str]) -> DataFrame:
        """Those of `rows` (doc_id, batch_id, ...) whose documents no job in `skip_rejected_by` left out.

        Where these left out at most BROADCAST, as their runs counted them, the ids go to where the rows are;
        else Spark plans the join.
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

        Of the documents in `keys` (doc_id, batch_id and what they carry), or, without keys, of all at hand.
        Where there are at most BROADCAST, keys go to where the texts are, and Spark reads no batch of which
        they name no document (its dynamic pruning of partitions); else it plans the join.
        """
        from pyspark.sql import functions as F

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
        """Those of `rows` (doc_id, batch_id, ...) about which this job has nothing in its own `table` yet:
        `rows` itself where that was never made.

        `made_by`: what the rows there must have been made by to count, such as `version="v1"` (a list: by one
        of them). `done`: from them to the keys of what is done, where that is not their documents; `on`: the
        columns of a key.
        """
        from pyspark.sql import functions as F

        if not self.tables.output_exists(table):
            return rows
        mine = self.tables.own_slice(table)
        if "job" in mine.columns:
            mine = mine.where(F.col("job") == self.tables.job.name)
        for column, value in made_by.items():
            mine = mine.where(
                F.col(column).isin(value) if isinstance(value, list) else F.col(column) == value
            )
        there = mine if done is None else done(mine)
        return rows.join(there.select(*on), list(on), how="left_anti")

    def standing(self, name: str) -> DataFrame:
        """The job's own rows of a table, of the batches at hand, that this run leaves as they are."""
        from pyspark.sql import functions as F

        mine = (F.col("job") == self.tables.job.name) & ~F.col("batch_id").isin(list(self.work.whole))
        rows, left = self.tables.own_slice(name).where(mine), self.work.left
        return rows if left is None else rows.join(left, ["doc_id", "batch_id"], how="left_anti")


def broadcast_while_few(rows: DataFrame) -> DataFrame:
    """Staged `rows`, to where others are while they are at most BROADCAST; else Spark plans the join."""
    from pyspark.sql import functions as F

    return F.broadcast(rows) if rows.count() <= BROADCAST else rows
