"""Bring one batch of raw text into the lake; every input row ends in docs or, with its reason, in rejects.

reads   files, docs
writes  rejects, docs
run     spark-submit jobs/ingest_docs.py --recipe conf/ingest_docs.yaml --lake lakes/demo --input raw/2026-11

The batch is named by --batch, else by the last part of the input path. The same batch again changes nothing.
"""

from __future__ import annotations

import functools
import sys
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from jobs.core.background import in_background
from jobs.core.config import Strict
from jobs.core.contract import broken_reason, gate, load_contract
from jobs.core.counts import by_one_reason
from jobs.core.errors import ConfigError, ContractError
from jobs.core.inputs import bucket_of
from jobs.core.job import Counts, Delete, Job, Tables, Writes, main
from udfs import readers

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Format(Strict):
    """How the files that match a pattern are read, and which of their columns is what."""

    glob: str  # against the path below the input, such as `*.jsonl*` or `wet/*`
    format: Literal["jsonl", "text", "parquet", "wet", "delta"]
    encoding: Literal["utf-8", "gb18030", "big5", "auto"]
    columns: dict[Literal["text", "native_key", "source", "url", "domain_hint", "lang_hint", "license"], str | None]  # `=x`: the constant x


class Params(Strict):
    """See conf/ingest_docs.yaml."""

    input: str | None  # file or folder; --input overrides it
    batch_per_folder: bool  # curate ingests each folder of the input as a batch of its own
    formats: list[Format]  # the first whose glob matches a file says how it is read
    max_row_bytes: PositiveInt  # a longer row is a reject; it is skipped, never held
    max_raw_bytes: PositiveInt  # of a rejected row that are kept
    max_unpacked_bytes: PositiveInt  # a compressed file is read no further
    split_bytes: PositiveInt  # plain files are read in parts of this size
    same_id: Literal["newest", "oldest"]  # the same id with other text: which version stays
    contract: str  # suite in conf/expectations
    max_reject_share: float = Field(ge=0, le=1)  # of the input rows; more and the job stops with nothing written
    data_docs: bool  # whether Great Expectations writes its pages beside the lake (local lakes only)
    min_kept: NonNegativeInt  # documents

    @model_validator(mode="after")
    def _text_is_mapped(self) -> Params:
        bare = [each.glob for each in self.formats if each.format in ("jsonl", "parquet", "delta") and not each.columns.get("text")]
        if bare:
            raise ValueError(f"formats {', '.join(bare)}: columns.text is not mapped; name the column that holds the text")
        for each in self.formats:
            self.reader(each, "")  # raises ValueError where the reader would not take it
        return self

    def reader(self, how: Format, root: str) -> readers.ReadParams:
        """The executor's parameters for one format."""
        columns: dict[str, str | None] = {str(name): value for name, value in how.columns.items() if value is not None}
        bounds = {"max_row_bytes": self.max_row_bytes, "max_raw_bytes": self.max_raw_bytes, "max_unpacked_bytes": self.max_unpacked_bytes}
        return readers.ReadParams(columns, encoding=how.encoding, root=root, **bounds)  # type: ignore[arg-type]


# What this job adds to the reader's reasons (udfs/rows.py) and the contract's (conf/expectations/docs.yaml).
REASONS = {
    "repeated_document": "the same document stands earlier in this batch",
    "already_ingested": "the same document came with another batch",
    "older_version": "the same id stands with other text in a place that wins by the recipe's same_id",
    "superseded_version": "a document of an earlier batch that this batch replaces (place tells where it stood)",
}
ROWS = ", ".join(f"{field.name} {'bigint' if field.name == 'n_bytes' else 'string'}" for field in readers.ROWS)


def by_format(params: Params, root: str, files: tuple[tuple[str, int], ...]) -> list[tuple[Format, list[tuple[str, int]]]]:
    """The files of each format. Raises ConfigError naming the files that no glob matches."""
    found: list[tuple[Format, list[tuple[str, int]]]] = [(how, []) for how in params.formats]
    strays = []
    for path, size in files:
        below = path[len(root) :].lstrip("/") or path.rsplit("/", 1)[-1]
        home = next((held for how, held in found if fnmatch(below, how.glob)), None)
        strays.append(below) if home is None else home.append((path, size))
    if strays:
        raise ConfigError(f"{root}: no glob of formats matches {', '.join(strays[:5])} ({len(strays)} files); add a format for them")
    return [(how, held) for how, held in found if held]


def read(tables: Tables, params: Params) -> DataFrame:
    """Every input row, good or not, staged once: the columns of udfs.readers.ROWS."""
    listing, spark = tables.inputs, tables.lake.spark
    frames = []
    for how, files in by_format(params, listing.root, listing.files):
        kernel = functools.partial(readers.read_units, params=params.reader(how, listing.root))
        if how.format == "delta":
            kernel = functools.partial(readers.as_rows, params=params.reader(how, listing.root))
            # A row of a table has no position; file and block make its place, so that equal rows stay apart.
            place = ("*", "_metadata.file_path AS _path", "_metadata.file_block_start AS _block")
            frames.append(spark.read.format("delta").load(listing.root).selectExpr(*place).mapInArrow(kernel, ROWS))
            continue
        units = readers.plan_units(files, how.format, params.split_bytes)
        frame = spark.createDataFrame([tuple(unit.values()) for unit in units.to_pylist()], "path string, format string, part int, n_parts int")
        # Small files share a task: starting one costs as much as reading some MB. Packed ones unfold to four times their size or so.
        n_tasks = max(1, min(units.num_rows, -(-4 * sum(size for _, size in files) // params.split_bytes)))
        frames.append(frame.repartition(n_tasks).mapInArrow(kernel, ROWS))
    whole = frames[0]
    for frame in frames[1:]:
        whole = whole.unionByName(frame)
    return tables.stage("rows", whole)


def with_reasons(tables: Tables, params: Params, rows: DataFrame) -> DataFrame:
    """path, place, doc_id, reason of the rows that do not become documents: unreadable, against the contract, or repeated."""
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    judged = rows.select("path", "place", "doc_id", "content_hash", F.coalesce("reason", broken_reason(load_contract(params.contract))).alias("reason"))
    judged = tables.stage("judged", judged)
    position = F.regexp_extract("place", r"(\d+)\D*$", 1).cast("bigint")
    order = [F.col("path"), position, F.col("place")]
    same_text = Window.partitionBy("doc_id", "content_hash").orderBy(*order)
    latest = [F.col("path").desc(), position.desc(), F.col("place").desc()]
    same_id = Window.partitionBy("doc_id").orderBy(F.col("is_copy"), *(latest if params.same_id == "newest" else order))
    good = judged.where("reason IS NULL").withColumn("is_copy", F.row_number().over(same_text) > 1)
    good = good.withColumn("is_older", (F.row_number().over(same_id) > 1) & ~F.col("is_copy"))
    known = earlier(tables).select("doc_id", F.col("content_hash").alias("known_hash"))
    good = good.join(known, "doc_id", how="left")
    loses = F.lit(params.same_id == "oldest") & F.col("known_hash").isNotNull()
    reason = (
        F.when(F.col("is_copy"), "repeated_document").when(F.col("known_hash") == F.col("content_hash"), "already_ingested")
        .when(F.col("is_older") | loses, "older_version")
    )  # fmt: skip
    repeated = good.select("path", "place", "doc_id", reason.alias("reason")).where("reason IS NOT NULL")
    return tables.stage("reasons", judged.where("reason IS NOT NULL").select("path", "place", "doc_id", "reason").unionByName(repeated))


def earlier(tables: Tables) -> DataFrame:
    """docs of the other batches."""
    from pyspark.sql import functions as F

    if "docs" not in tables.versions:
        return tables.empty("docs")
    return tables["docs"].where(~F.col("batch_id").isin(list(tables.batches)))


def superseded(tables: Tables, params: Params, fresh: DataFrame) -> DataFrame:
    """doc_id, batch_id, place of documents of other batches that `fresh` (doc_id) replaces."""
    return earlier(tables).select("doc_id", "batch_id", "place").join(fresh.select("doc_id"), "doc_id", how="left_semi")


def ingest(tables: Tables, params: Params) -> dict[str, Any]:
    """`rejects` and `docs` of the batch. Raises ContractError when too many rows break the contract: nothing is written then."""
    from pyspark.sql import functions as F

    rows = read(tables, params)
    gated = in_background(lambda: pass_gate(tables, params, rows))
    left_out = with_reasons(tables, params, rows)
    guard(tables, params, rows, left_out)
    gated.result()
    batch = F.lit(tables.batches[0]).alias("batch_id")
    good = rows.join(F.broadcast(left_out.select("path", "place")), ["path", "place"], how="left_anti")
    docs = good.select(
        "doc_id", batch, bucket_of("doc_id", tables.lake.buckets).alias("bucket"), "source", "native_key", "url", "domain_hint", "lang_hint",
        "license", "text", "n_bytes", "content_hash", "place", F.lit(tables.started_at).cast("timestamp").alias("ingested_at"),
    )  # fmt: skip
    raw = rows.where("raw IS NOT NULL").select("path", "place", "raw")
    rejects = left_out.join(raw, ["path", "place"], how="left").select(batch, "place", "reason", "doc_id", "raw")
    fresh = docs.select("doc_id")
    old = superseded(tables, params, fresh).select(batch, "place", F.lit("superseded_version").alias("reason"), "doc_id", F.lit(None).cast("string").alias("raw"))
    return {"rejects": rejects.unionByName(old), "docs": docs}


def replace_older(tables: Tables, params: Params) -> dict[str, Any]:
    """Take the superseded versions out of `docs`."""
    from pyspark.sql import functions as F

    if "docs" not in tables.versions:
        return {}
    fresh = tables.own("docs").where(F.col("batch_id").isin(list(tables.batches)))
    old = superseded(tables, params, fresh)
    return {} if old.isEmpty() else {"docs": Delete(old, ("doc_id", "batch_id"))}


def guard(tables: Tables, params: Params, rows: DataFrame, left_out: DataFrame) -> None:
    """Raises ContractError when more than max_reject_share of the rows are broken, or fewer than min_kept would stay."""
    found = {row["reason"]: row["n"] for row in _by_reason(rows, left_out)}
    total = found.pop(None, 0)
    broken = {reason: n for reason, n in found.items() if reason not in REASONS}
    listed = ", ".join(f"{reason} {count:,}" for reason, count in sorted(broken.items(), key=lambda item: -item[1]))
    if total and sum(broken.values()) > params.max_reject_share * total:
        raise ContractError(
            f"ingest_docs: {sum(broken.values()):,} of {total:,} rows of {tables.inputs.root} break the contract ({listed}), more than "
            f"max_reject_share {params.max_reject_share}; nothing was written. Mend the input, the columns in the recipe, or the limit"
        )
    kept = total - sum(found.values())
    if kept < params.min_kept:
        raise ContractError(f"ingest_docs: {kept:,} of {total:,} rows of {tables.inputs.root} would stay, wanted {params.min_kept:,}; nothing was written ({listed})")


def pass_gate(tables: Tables, params: Params, rows: DataFrame) -> None:
    """Great Expectations' word on the rows that could be read. Raises ContractError."""
    site = f"{tables.lake.local_root}/_data_docs/{tables.batches[0]}" if params.data_docs and tables.lake.local_root else None
    gate(rows.where("reason IS NULL"), load_contract(params.contract), params.max_reject_share, site)


def count(tables: Tables, params: Params) -> Counts:
    """In: rows of the input; kept: documents; left out: rejects by reason."""
    from pyspark.sql import functions as F

    here = F.col("batch_id").isin(list(tables.batches))
    rows = _by_reason(tables.own("docs").where(here), tables.own("rejects").where(here & (F.col("reason") != "superseded_version")))
    return by_one_reason({row["reason"]: row["n"] for row in rows})


def _by_reason(whole: DataFrame, reasons: DataFrame) -> list[Any]:
    """Rows of (reason, n) of `reasons`, and (null, n) for the rows of `whole`: one query."""
    from pyspark.sql import functions as F

    counted = reasons.groupBy("reason").agg(F.count("*").alias("n"))
    return whole.agg(F.lit(None).cast("string").alias("reason"), F.count("*").alias("n")).unionByName(counted).collect()


JOB = Job(
    "ingest_docs", Params, reads=("docs",), writes=(Writes("rejects", "batch"), Writes("docs", "batch")),
    steps=(ingest, replace_older), scope="input", count=count, about=__doc__,
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main(JOB))
