"""The steps of passage removal. All work on rows runs on executors; texts are never exchanged.

1. index: each kept document that is in no block yet gets the runs of its windows; its text is read once.
2. rank: the documents are sorted once by the ranking, best first; a rank is a position in this order.
3. find_copies: the runs of one anchor are brought together. Equal runs are decided there. Runs whose anchors
   are shared while their texts differ are the borders of passages.
4. compare_borders: the texts of these runs (some 1.25 windows each) are brought together and compared.
5. cut: spans of each document from its repeated pieces; its text is read again.

The driver holds a few numbers, whatever the size of the index.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gristmill.jobs.core.records import Record
from gristmill.jobs.dedup.params import digest
from gristmill.jobs.dedup.ranking import Rank, with_rank_columns
from gristmill.jobs.dedup.sketch_blocks import ingest_of
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.documents import BROADCAST, broadcast_while_few
from gristmill.jobs.runner.job import Change, Outputs
from gristmill.udfs.dedup.blocks import ROUNDS
from gristmill.udfs.dedup.messages import MESSAGE
from gristmill.udfs.passages import blocks as kernels
from gristmill.udfs.passages.anchors import WindowParams
from gristmill.udfs.passages.borders import compare_borders, cut_snippets
from gristmill.udfs.passages.copies import Rule, find_copies
from gristmill.udfs.passages.rows import IS_SUBJECT, MEMBER, PIECE, PLACES, RANK_BITS, RANKS
from gristmill.udfs.passages.spans import SPAN, CutParams, cut_spans
from gristmill.udfs.reasons import REPEATED_PASSAGE, REPEATED_WITHIN

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

KEYS = ("doc_id", "batch_id")
# Rows of an Arrow batch: of blocks and packed messages, some megabytes each; of documents without texts
BLOCK_ROWS, DOCUMENT_ROWS = 16, 8_192
# Runs of a part in which runs of equal anchors are brought together, at some 100 bytes each while they are
# sorted
RUNS = 2_000_000
# Documents that one task sorts; more are sorted in ranges
RANKED = 4_000_000


@dataclass(frozen=True)
class Passages:
    """What is compared and how spans are cut; made from the recipe."""

    rule: Rule
    windows: tuple[WindowParams, ...]
    cut: CutParams
    ranking: list[Rank]
    # whether a better copy that came later takes the place of an earlier one
    reconsider: bool

    def hashes(self) -> list[str]:
        """config_hash of the blocks of each window length."""
        return [digest(window) for window in self.windows]


def blocks(tables: JobContext, passages: Passages) -> DataFrame:
    """The rows of passage_runs of the recipe's window lengths, and `number`: the length's position in
    them."""
    from pyspark.sql import functions as F

    hashes = passages.hashes()
    numbers = F.create_map(
        *[F.lit(item) for pair in zip(hashes, range(len(hashes)), strict=True) for item in pair]
    )
    number = F.element_at(numbers, F.col("config_hash"))
    rows = tables.own("passage_runs").where(F.col("config_hash").isin(hashes))
    return rows.withColumn("number", number)


def drop_left_out(tables: JobContext, passages: Passages, skip_rejected_by: list[str]) -> Outputs:
    """Take documents that a filter has left out since from their blocks: the index holds the documents whose
    passages were compared, and no others."""
    from pyspark.sql import functions as F

    if not tables.output_exists("passage_runs"):
        return {}
    kept = tables.documents.kept(skip_rejected_by)
    gone = tables.stage(
        "gone",
        indexed_documents(blocks(tables, passages)).join(kept, list(KEYS), how="left_anti"),
        DOCUMENT_ROWS,
    )
    if gone.isEmpty():
        return {}
    shift, row = kernels.ROW_BITS, F.col("node").bitwiseAND(kernels.ROWS - 1).cast("int")
    by_block = gone.groupBy("number", F.shiftright("node", shift).alias("block")).agg(
        F.collect_list(row).alias("gone")
    )
    table = tables.own("passage_runs")
    schema = ", ".join(f"{field.name} {field.dataType.simpleString()}" for field in table.schema.fields)
    rows = (
        blocks(tables, passages)
        .join(by_block, ["number", "block"], how="inner")
        .select(*table.columns, "gone")
    )
    rows = tables.stage("smaller", rows.mapInArrow(kernels.without_documents, schema), BLOCK_ROWS)
    keys = ("config_hash", "block")
    return {"passage_runs": Change(rows.where("n > 0"), rows.where("n = 0").select(*keys), keys)}


def index(tables: JobContext, passages: Passages, skip_rejected_by: list[str]) -> Outputs:
    """Blocks of the kept documents that are in none yet; one pass over their texts for each window length."""
    made = [
        _new_blocks(tables, passages, number, skip_rejected_by) for number in range(len(passages.windows))
    ]
    frames = [frame for frame in made if frame is not None]
    return (
        {"passage_runs": functools.reduce(lambda one, other: one.unionByName(other), frames)}
        if frames
        else {}
    )


def _new_blocks(
    tables: JobContext, passages: Passages, number: int, skip_rejected_by: list[str]
) -> DataFrame | None:
    from pyspark.sql import functions as F

    rows = blocks(tables, passages).where(F.col("number") == number)
    [last] = (
        rows.agg(F.max("generation").alias("last")).collect()
        if tables.output_exists("passage_runs")
        else [None]
    )
    generation = 0 if last is None or last["last"] is None else (last["last"] + 1) % ROUNDS
    # The first run reads all texts; a list of keys would only be one more join.
    if last is None or last["last"] is None:
        texts = tables.documents.kept(skip_rejected_by, "text")
    else:
        kept = tables.documents.kept(skip_rejected_by)
        todo = tables.stage(
            f"todo_{number}", kept.join(indexed_documents(rows), list(KEYS), how="left_anti"), DOCUMENT_ROWS
        )
        if todo.isEmpty():
            return None
        texts = tables.documents.texts(todo, "text")
    kernel = functools.partial(kernels.run_blocks, params=passages.windows[number], number=generation)
    packed = texts.select(*KEYS, "text", F.spark_partition_id().alias("task")).mapInArrow(
        kernel, kernels.BLOCK
    )
    constants = {
        "config_hash": F.lit(passages.hashes()[number]),
        "generation": F.lit(generation),
        "ingest": ingest_of(tables),
        "indexed_at": F.lit(tables.started_at).cast("timestamp"),
    }
    return packed.select("*", *[value.alias(name) for name, value in constants.items()])


def indexed_documents(rows: DataFrame) -> DataFrame:
    """A row for each document of blocks: doc_id, batch_id, number, indexed_at, node."""
    return rows.select("block", "batch_id", "number", "indexed_at", "ids").mapInArrow(
        kernels.documents_of, kernels.DOCUMENT
    )


def documents(
    tables: JobContext, passages: Passages, is_subject: Callable[[DataFrame], DataFrame]
) -> DataFrame:
    """Staged: doc_id, batch_id, number, node, source (hash), is_new, is_subject of each document and length.

    `is_new`: it is decided in this run; what earlier runs have decided of the others stays. `is_subject`
    adds a column of this name, whether the recipe lets passages of the document be removed at that length,
    given doc_id, batch_id, number.
    """
    from pyspark.sql import functions as F

    rows = indexed_documents(blocks(tables, passages))
    keys = list(KEYS)
    source = F.xxhash64("source").bitwiseAND(0xFFFFFFFF).alias("source")
    rows = rows.join(tables.slice("docs").select(*KEYS, source, "domain_hint"), keys, how="inner")
    rows = is_subject(rows)
    since = {} if passages.reconsider or not tables.output_exists("passages") else decided(tables)
    if not since:
        rows = rows.withColumn("is_new", F.lit(True))
    else:
        until = F.create_map(*[F.lit(item) for pair in since.items() for item in pair])
        is_new = F.coalesce(F.col("indexed_at") > F.element_at(until, F.col("batch_id")), F.lit(True))
        # Removed for a place that is gone: another copy may stay now.
        own = tables.own("passages").where(F.col("job") == tables.job.name)
        places = rows.select(F.col("doc_id").alias("kept_doc_id"))
        orphans = own.join(places, ["kept_doc_id"], how="left_anti").select(*KEYS).distinct()
        rows = rows.join(orphans.withColumn("is_orphan", F.lit(True)), keys, how="left")
        rows = rows.withColumn("is_new", is_new | F.col("is_orphan").isNotNull())
    columns = ("number", "node", "source", "is_new", "is_subject")
    return tables.stage("documents", rows.select(*KEYS, *columns), DOCUMENT_ROWS)


def decided(tables: JobContext) -> dict[str, dt.datetime]:
    """Batch -> when the last finished run began that decided it with this recipe."""
    runs, job = tables.history.runs, tables.job.name
    replaced = set(tables.history.replaced())
    since = {}
    for batch in tables.batches:
        row = runs.last(job, batch)
        if row is not None and batch not in replaced and runs.covers(job, batch, tables.recipe_hash):
            opened = min(each["at"] for each in runs.rows if each["run_id"] == row["run_id"])
            since[batch] = opened.replace(tzinfo=dt.UTC)
    return since


def rank(tables: JobContext, passages: Passages, rows: DataFrame) -> DataFrame:
    """MESSAGE, staged: RANKS and PLACES of `documents`. Documents that earlier runs have decided come
    first."""
    from pyspark.sql import functions as F

    ranked, order = with_rank_columns(tables, rows, passages.ranking)
    by = ["is_new", *order, "batch_id", "number"]
    ranges = tables.history.n_documents() * len(passages.windows) // RANKED + 1
    if ranges > 1:
        ranked = tables.stage("unsorted", ranked, DOCUMENT_ROWS).repartitionByRange(ranges, *by)
    else:
        ranked = ranked.coalesce(1)
    flags = F.when(F.col("is_new") & F.col("is_subject"), IS_SUBJECT).otherwise(0).alias("flags")
    columns = (*KEYS, "number", "node", flags, "source", F.spark_partition_id().alias("range"))
    packed = ranked.sortWithinPartitions(*by).select(*columns).mapInArrow(kernels.pack_ranks, MESSAGE)
    return tables.stage("ranks", packed, DOCUMENT_ROWS)


def repeated_pieces(tables: JobContext, passages: Passages, ranks: DataFrame) -> DataFrame:
    """MESSAGE: PIECE by chunk, of all subjects."""
    from pyspark.sql import functions as F

    index_rows = blocks(tables, passages)
    [row] = index_rows.agg(F.sum("n_rows").alias("n")).collect()
    parts = int(row["n"] or 0) // RUNS + 1
    of_block = ranks.where(f"kind = {RANKS}").groupBy("name").agg(F.collect_list("data").alias("ranks"))
    sent = (
        index_rows.withColumn("name", F.concat_ws("/", "number", "block"))
        .join(of_block, "name", how="inner")
        .mapInArrow(functools.partial(kernels.scatter_runs, parts=parts), MESSAGE)
    )
    kernel = functools.partial(find_copies, rule=passages.rule)
    copies = tables.stage("copies", sent.repartition(parts, "part").mapInArrow(kernel, MESSAGE), BLOCK_ROWS)
    asked = by_document(copies, ranks, MEMBER)
    cut = functools.partial(cut_snippets, rule=passages.rule, parts=parts)
    snippets = texts_of(tables, asked).mapInArrow(cut, MESSAGE)
    compared = functools.partial(compare_borders, rule=passages.rule)
    borders = tables.stage(
        "borders", snippets.repartition(parts, "part").mapInArrow(compared, MESSAGE), BLOCK_ROWS
    )
    return copies.where(f"kind = {PIECE}").unionByName(borders)


def by_document(messages: DataFrame, ranks: DataFrame, kind: int) -> DataFrame:
    """doc_id, batch_id, rank, data: the rows of all messages of `kind`, by document."""
    from pyspark.sql import functions as F

    chunks = messages.where(f"kind = {kind}").groupBy("name").agg(F.collect_list("data").alias("rows"))
    kernel = functools.partial(kernels.rows_by_document, kind=kind)
    return chunks.join(places_of(ranks), "name", how="inner").mapInArrow(kernel, kernels.DOCUMENT_ROWS)


def places_of(ranks: DataFrame) -> DataFrame:
    """name (chunk), places of its PLACES message."""
    return ranks.where(f"kind = {PLACES}").selectExpr("name", "data places")


def texts_of(tables: JobContext, rows: DataFrame) -> DataFrame:
    """The texts of documents, with rank and data."""
    if tables.history.n_documents() > BROADCAST:
        rows = broadcast_while_few(rows)
    return tables.documents.texts(rows, "text", carry=("rank", "data"))


def spans_of(tables: JobContext, passages: Passages, pieces: DataFrame, ranks: DataFrame) -> DataFrame:
    """SPAN, staged."""
    kernel = functools.partial(cut_spans, rule=passages.rule, windows=passages.windows, cut=passages.cut)
    texts = texts_of(tables, by_document(pieces, ranks, PIECE))
    return tables.stage("spans", texts.mapInArrow(kernel, SPAN))


def output_rows(
    tables: JobContext, passages: Passages, rows: DataFrame, spans: DataFrame, ranks: DataFrame
) -> Record:
    """`passages`, `edits` and `verdicts`: of new documents from `spans`, of the others as they stand."""
    from pyspark.sql import functions as F

    own, nothing = F.lit(tables.job.name).alias("job"), F.lit("").alias("replacement")
    removed = spans.where("result = 'passage'")
    kept = removed.select("kept_rank").distinct()
    chunk = F.shiftright("kept_rank", RANK_BITS).cast("string").alias("name")
    kept = (
        kept.groupBy(chunk)
        .agg(F.collect_list("kept_rank").alias("ranks"))
        .join(places_of(ranks), "name", how="inner")
        .mapInArrow(kernels.documents_of_ranks, "kept_rank bigint, kept_doc_id string")
    )
    columns = ("start", "end", "n_bytes", "kept_doc_id", "kept_start", "n_copies")
    left = spans.where("result = 'left'").select(*KEYS, "words_left")
    reason = F.when(F.col("is_within"), REPEATED_WITHIN).otherwise(REPEATED_PASSAGE).alias("reason")
    # A document of which too little is left is left out whole, so nothing of it is cut.
    cut = spans.where("result = 'edit'").join(left, list(KEYS), how="left_anti")
    new = {
        "passages": removed.join(kept, "kept_rank", how="inner").select(own, *KEYS, *columns),
        "edits": cut.select(own, *KEYS, "start", "end", nothing, reason),
        "verdicts": tables.verdicts(
            left,
            reason=F.lit("mostly_repeated"),
            value=F.col("words_left").cast("double"),
            threshold=F.lit(float(passages.cut.min_words)),
            rule=F.lit(f"{tables.job.name}.min_words_left"),
        ),
    }
    if not tables.output_exists("passages"):
        return new
    decided_before = rows.where("NOT is_new").select(*KEYS).distinct()
    return {
        name: frame.unionByName(tables.documents.own_rows(name, decided_before))
        for name, frame in new.items()
    }


def column_of(values: dict[str, int | None], default: int, key: Column) -> Column:
    """The value of each key in `values`, or the default; null for a value of None."""
    from pyspark.sql import functions as F

    column = F.lit(default)
    for name, value in values.items():
        column = F.when(key == name, F.lit(value).cast("int")).otherwise(column)
    return column
