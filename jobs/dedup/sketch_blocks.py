"""The index of near-duplicate removal in Delta: blocks of sketches.

New documents get blocks; blocks of batches that were ingested again or deleted are dropped, and documents
that a later batch superseded or whose edits changed leave theirs.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gristmill.jobs.dedup.params import NearDupParams
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.documents import broadcast_while_few, edit_spans, with_edits
from gristmill.jobs.runner.job import Change, Delete, Outputs
from gristmill.udfs.dedup.blocks import (
    BLOCK,
    ROUNDS,
    documents_in,
    edits_in,
    sketch_blocks,
    without_documents,
)
from gristmill.udfs.edit.edits import edited_batches

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


@dataclass(frozen=True)
class Size:
    """Size of the blocks of one config_hash."""

    documents: int
    n_bytes: int  # of their texts
    last_generation: int  # -1: there are no blocks


def blocks(tables: JobContext, params: NearDupParams) -> DataFrame:
    """The blocks of the recipe's config_hash."""
    from pyspark.sql import functions as F

    return tables.own("sketches").where(F.col("config_hash") == params.config_hash())


def size_of(tables: JobContext, params: NearDupParams) -> Size:
    """Documents, bytes of text and last sketch_generation of the index."""
    from pyspark.sql import functions as F

    if not tables.output_exists("sketches"):
        return Size(0, 0, -1)
    [row] = blocks(tables, params).agg(F.sum("n"), F.sum("n_bytes"), F.max("sketch_generation")).collect()
    return Size(row[0] or 0, row[1] or 0, -1 if row[2] is None else row[2])


def drop_stale(tables: JobContext, params: NearDupParams) -> Outputs:
    """See drop_blocks."""
    return drop_blocks(tables, "sketches")


def drop_blocks(tables: JobContext, name: str) -> Outputs:
    """Drop the blocks of batches that were ingested again since, or are no longer in the lake.

    `name`: a table of blocks (batch_id, ingest). Blocks of every config_hash are dropped: their documents are
    gone for other recipes too.
    """
    if not tables.output_exists(name):
        return {}
    ingests = tables.history.ingests()
    # A block names the ingest of its texts, so that a
    # batch that was read again under its old name is seen.
    known = tables.own(name).select("batch_id", "ingest").distinct().collect()
    stale = [
        (row["batch_id"], row["ingest"]) for row in known if ingests.get(row["batch_id"]) != row["ingest"]
    ]
    if not stale:
        return {}
    return {name: Delete(tables.frame(stale, "batch_id string, ingest string"), ("batch_id", "ingest"))}


def ingest_of(tables: JobContext) -> Column:
    """The run_id of the ingest that wrote the batch of a row (batch_id)."""
    from pyspark.sql import functions as F

    pairs = [F.lit(item) for pair in tables.history.ingests().items() for item in pair]
    return F.element_at(F.create_map(*pairs), F.col("batch_id"))


def drop_changed(tables: JobContext, params: NearDupParams) -> Outputs:
    """Take the documents out of their blocks that are no longer in docs, since a later batch has superseded
    them, and those whose edits have changed since; `sketch` makes the latter anew."""
    from pyspark.sql import functions as F

    if not tables.output_exists("sketches"):
        return {}
    sketched = blocks(tables, params).select("block", "batch_id", "ids", "edits")
    columns = "block bigint, position int, doc_id string, batch_id string, old_hash bigint"
    documents = sketched.mapInArrow(edits_in, columns)
    there = tables.slice("docs").select("doc_id", "batch_id", F.lit(True).alias("is_there"))
    rows, is_other = documents.join(there, ["doc_id", "batch_id"], how="left"), F.col("is_there").isNull()
    if params.edits:
        now = edit_spans(tables, params.edits).select("doc_id", "batch_id", "edits_hash")
        rows = rows.join(now, ["doc_id", "batch_id"], how="left")
        is_other = is_other | (F.col("old_hash") != F.coalesce("edits_hash", F.lit(0)))
    other = rows.where(is_other)
    positions = other.groupBy("block").agg(F.array_sort(F.collect_list("position")).alias("positions"))
    positions = tables.stage("changed_since", positions)
    if positions.isEmpty():
        return {}
    rows = blocks(tables, params).join(broadcast_while_few(positions), "block", how="inner")
    names = tables.own("sketches").schema
    kept = rows.select(*names.names, "positions").mapInArrow(without_documents, names)
    # A block that is left without documents has no row in `kept`.
    empty = rows.where(F.size("positions") == F.col("n")).select("config_hash", "block")
    on = ("config_hash", "block")
    return {"sketches": Change(tables.stage("reduced", kept), tables.stage("emptied", empty), on)}


def sketch(tables: JobContext, params: NearDupParams) -> Outputs:
    """Blocks of the kept documents that are in none yet; one pass over their texts."""
    from pyspark.sql import functions as F

    last = size_of(tables, params).last_generation
    # The first run reads all texts; a list of keys would only be one more join.
    if last < 0:
        texts = tables.documents.kept(params.skip_rejected_by, "text")
    else:
        # A block packs the ids of its documents, so they are unpacked before the comparison.
        def sketched(index: DataFrame) -> DataFrame:
            return index.select("batch_id", "ids").mapInArrow(documents_in, "doc_id string, batch_id string")

        kept = tables.documents.kept(params.skip_rejected_by)
        todo = tables.documents.not_done_yet(kept, "sketches", sketched, config_hash=params.config_hash())
        todo = tables.stage("todo", todo)
        if todo.isEmpty():
            return {}
        texts = tables.documents.texts(todo, "text")
    # Generation, task and ordinal make the block's number unique;
    # the generation has the bits that are left, so it wraps round.
    number = (last + 1) % ROUNDS
    kernel = functools.partial(sketch_blocks, fingerprinter=params.fingerprinter(), number=number)
    columns = ["doc_id", "batch_id", "text"]
    if params.edits:
        spans = tables.stage("edit_spans", edit_spans(tables, params.edits))
        texts, columns = with_edits(texts, spans), [*columns, "edits", "edits_hash"]
        kernel = functools.partial(kernel, prepare=edited_batches)
    rows = texts.select(*columns, F.spark_partition_id().alias("task"))
    packed = rows.mapInArrow(kernel, BLOCK)
    return {
        "sketches": packed.select(
            F.lit(params.config_hash()).alias("config_hash"),
            F.lit(number).alias("sketch_generation"),
            "block",
            "batch_id",
            ingest_of(tables).alias("ingest"),
            "n",
            "n_bytes",
            "ids",
            "n_shingles",
            "n_times",
            "set_hash",
            "sketch",
            "bands",
            "edits",
        )
    }
