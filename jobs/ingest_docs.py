"""Bring one batch of raw text into the lake; every input row ends in docs or, with its reason, in rejects.

reads   files, docs, rejects, batch_files
writes  rejects, docs, batch_files
run     spark-submit jobs/ingest_docs.py --recipe conf/jobs/ingest_docs.yaml --lake lakes/demo --input
        raw/2026-11

The batch is named by --batch, else by the last part of the input path. The same batch again changes nothing;
files that only have new times are compared by hash. Of each batch, rows read = rows of docs + rows of
rejects, but for the documents that it held before.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from gristmill.jobs.core.concurrency import in_background
from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.errors import ConfigError, ContractError
from gristmill.jobs.core.params import LeavesOut, ReadsInput
from gristmill.jobs.core.records import Record
from gristmill.jobs.curation.expectations import Contracted, broken_reason, gate, load_contract
from gristmill.jobs.curation.input_rows import Source, read, total, unchanged
from gristmill.jobs.lake.listing import File, Listing
from gristmill.jobs.runner import batches
from gristmill.jobs.runner.context import JobContext, bucket_of
from gristmill.jobs.runner.counts import Counts, by_one_reason
from gristmill.jobs.runner.job import Delete, Insert, Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.udfs.read import readers

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row


Name = Literal["text", "native_key", "source", "url", "domain_hint", "lang_hint", "license"]


class Format(Strict):
    """How the files that match a pattern are read, and which of their columns is what."""

    # against the path below the input, such as `*.jsonl*` or `wet/*`
    glob: str
    format: Literal["jsonl", "text", "text_lines", "parquet", "wet", "delta"]
    encoding: Literal["utf-8", "gb18030", "big5", "auto"]
    columns: dict[Name, str | None]  # `=x`: the constant x
    # whose column may be in no row of any file; any other that is nowhere stops the job
    optional: list[Name] = Field(default=[])


class Params(LeavesOut, ReadsInput, Contracted):
    """See conf/jobs/ingest_docs.yaml."""

    # the first whose glob matches a file says how it is read
    formats: list[Format]
    # a longer row is a reject; it is skipped, never held
    max_row_bytes: PositiveInt
    max_raw_bytes: PositiveInt  # of a rejected row that are kept
    max_unpacked_bytes: PositiveInt  # a compressed file is read no further
    # nor one that unpacks to more than so many times the packed bytes read so far
    max_unpack_ratio: PositiveFloat
    # plain files are read in parts of this size
    split_bytes: PositiveInt
    # the same id with other text: which stays, in the order in which batches were first ingested
    same_id: Literal["newest", "oldest"]
    # of the input rows; more and the job stops with nothing written
    max_reject_ratio: float = Field(ge=0, le=1)
    # whether Great Expectations writes its pages beside the lake (local lakes only)
    data_docs: bool

    @model_validator(mode="after")
    def _text_is_mapped(self) -> Params:
        bare = [
            each.glob
            for each in self.formats
            if each.format in ("jsonl", "parquet", "delta") and not each.columns.get("text")
        ]
        if bare:
            raise ValueError(
                f"formats {', '.join(bare)}: columns.text is not mapped; name the column that holds the text"
            )
        for each in self.formats:
            # raises ValueError where the reader would not take it
            self.reader(each, "")
        return self

    def reader(self, how: Format, root: str) -> readers.ReadParams:
        """The executor's parameters for one format; `root` of a Delta table."""
        columns: dict[str, str | None] = {
            str(name): value for name, value in how.columns.items() if value is not None
        }
        bounds: Record = {
            "max_row_bytes": self.max_row_bytes,
            "max_raw_bytes": self.max_raw_bytes,
            "max_unpacked_bytes": self.max_unpacked_bytes,
            "max_unpack_ratio": self.max_unpack_ratio,
        }
        return readers.ReadParams(
            columns, optional=tuple(how.optional), label=how.glob, encoding=how.encoding, root=root, **bounds
        )


# Rows of another document or version: no fault of theirs, but for AMBIGUOUS, an id that stands for several
# texts and so names none.
AMBIGUOUS = "older_version"
REPEATS = ("repeated_document", "already_ingested", "superseded_version")
# rows left out for a document of another batch
GIVEN_UP = ("already_ingested", "superseded_version")


def by_format(params: Params, listing: Listing) -> list[Source]:
    """The files of each format. Raises ConfigError naming the files that no glob matches."""
    found: list[tuple[Format, list[File]]] = [(how, []) for how in params.formats]
    strays = []
    for file in listing.files:
        taken = next((held for how, held in found if fnmatch(file.name, how.glob)), None)
        strays.append(file.name) if taken is None else taken.append(file)
    # its other files are no input
    is_table = bool(listing.commit) and any(held for how, held in found if how.format == "delta")
    if strays and not is_table:
        raise ConfigError(
            f"{listing.root}: no glob of formats matches {', '.join(strays[:5])} ({len(strays)} files); "
            "add a format for them"
        )
    return [
        Source(how.format, params.reader(how, listing.root), held, params.split_bytes)
        for how, held in found
        if held
    ]


def with_reasons(tables: JobContext, params: Params, rows: DataFrame) -> tuple[DataFrame, DataFrame]:
    """place, doc_id, reason of the rows that do not become documents: unreadable, against the contract, or
    repeated.

    And doc_id, batch_id, place of the documents of other batches that lose to one of these rows.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    judged = rows.select(
        "source_location",
        "doc_id",
        "content_hash",
        F.coalesce("reason", broken_reason(load_contract(params.contract))).alias("reason"),
    )
    judged = tables.stage("judged", judged)
    name = F.regexp_extract("source_location", r"(?s)^(.*):[^:]*$", 1)
    position = F.regexp_extract("source_location", r"(\d+)\D*$", 1).cast("bigint")
    good = judged.where("reason IS NULL").withColumn(
        "at", F.struct(name.alias("name"), position.alias("position"), "source_location")
    )
    same_text, same_id = Window.partitionBy("doc_id", "content_hash"), Window.partitionBy("doc_id")
    good = good.withColumn("is_copy", F.row_number().over(same_text.orderBy("at")) > 1)
    # The newest text is the one that stands last, though an equal one may stand first, and be the copy that
    # is kept.
    is_newest = params.same_id == "newest"
    good = good.withColumn("ranked", F.max("at").over(same_text) if is_newest else F.col("at"))
    order = F.col("ranked").desc() if is_newest else F.col("ranked").asc()
    good = good.withColumn(
        "is_older", (F.row_number().over(same_id.orderBy("is_copy", order)) > 1) & ~F.col("is_copy")
    )
    known = earlier(tables).selectExpr(
        "doc_id", "content_hash AS known_hash", "batch_id AS known_in", "source_location AS known_location"
    )
    good = good.join(known, "doc_id", how="left")
    reason = (
        F.when(F.col("is_copy"), "repeated_document")
        .when(F.col("known_hash") == F.col("content_hash"), "already_ingested")
        .when(F.col("is_older"), AMBIGUOUS)
        .when(F.col("known_in").isin(stronger(tables, params)), "superseded_version")
    )
    wanted = ("source_location", "doc_id", reason.alias("reason"), "known_in", "known_location")
    bad = judged.where("reason IS NOT NULL").selectExpr(
        "source_location",
        "doc_id",
        "reason",
        "CAST(NULL AS string) AS known_in",
        "CAST(NULL AS string) AS known_location",
    )
    staged = tables.stage(
        "reasons", bad.unionByName(good.select(*wanted).where("reason IS NOT NULL OR known_in IS NOT NULL"))
    )
    beaten = staged.where("reason IS NULL").selectExpr(
        "doc_id", "known_in AS batch_id", "known_location AS source_location"
    )
    return staged.where("reason IS NOT NULL").select("source_location", "doc_id", "reason"), beaten


def stronger(tables: JobContext, params: Params) -> list[str]:
    """The batches whose version of a document wins over this batch's: by the order of first ingest,
    whoever runs last."""
    known, batch = tables.history.runs.batches(), tables.batches[0]
    at = known.index(batch) if batch in known else len(known)
    return known[at + 1 :] if params.same_id == "newest" else known[:at]


def earlier(tables: JobContext) -> DataFrame:
    """docs of the other batches."""
    from pyspark.sql import functions as F

    if "docs" not in tables.versions:
        return tables.empty("docs")
    return tables["docs"].where(~F.col("batch_id").isin(list(tables.batches)))


@dataclass
class State:
    """What `ingest` leaves for `reject_superseded` and for the count."""

    n_rows: int = 0  # that the reader gave out
    # documents of other batches that lose to them; None: only times of files changed
    beaten: DataFrame | None = None


def ingest(tables: JobContext[State], params: Params) -> Outputs:
    """`rejects`, `docs` and `batch_files` of the batch; these alone when only times changed.

    Raises ContractError when too many rows break the contract, RetryLater when a file was being written:
    nothing is written then.
    """
    from pyspark.sql import functions as F

    batch, root = tables.batches[0], tables.inputs.root
    sources = by_format(params, tables.inputs)
    same = unchanged(tables, sources)
    if same is not None:
        tables.state.n_rows = total(same)
        return {"batch_files": tables.rows("batch_files", same, batch_id=batch, root=root)}
    rows, files = read(tables, sources)
    gated = in_background(lambda: pass_gate(tables, params, rows))
    left_out, beaten = with_reasons(tables, params, rows)
    tables.state.n_rows, tables.state.beaten = total(files), beaten
    guard(tables, params, rows, left_out)
    gated.result()
    named = F.lit(batch).alias("batch_id")
    good = rows.join(F.broadcast(left_out.select("source_location")), "source_location", how="left_anti")
    docs = good.select(
        "doc_id",
        named,
        bucket_of("doc_id", tables.lake.buckets).alias("bucket"),
        "source",
        "native_key",
        "url",
        "domain_hint",
        "lang_hint",
        "license",
        "text",
        "n_bytes",
        "content_hash",
        "source_location",
        F.lit(tables.started_at).cast("timestamp").alias("ingested_at"),
    )
    raw = rows.where("raw IS NOT NULL").select("source_location", "raw")
    rejects = left_out.join(raw, "source_location", how="left").select(
        named, "source_location", "reason", "doc_id", "raw"
    )
    rejects = rejects.unionByName(batches.as_rejects(no_longer_there(tables, rows), named, batches.NO_LONGER))
    return {
        "rejects": rejects,
        "docs": docs,
        "batch_files": tables.rows("batch_files", files, batch_id=batch, root=root),
    }


def no_longer_there(tables: JobContext, rows: DataFrame) -> DataFrame:
    """doc_id, place of what the last finished run found in this batch, as a document or not, and `rows`
    no longer hold."""
    from pyspark.sql import functions as F

    found = [
        tables.slice(name).select("doc_id", "source_location")
        for name in ("docs", "rejects")
        if name in tables.versions
    ]
    if tables.batches[0] not in tables.history.runs.batches() or not found:
        return tables.empty("rejects").select("doc_id", "source_location")
    before = found[0] if len(found) == 1 else found[0].unionByName(found[1])
    gone = before.where("doc_id IS NOT NULL").join(
        rows.where("doc_id IS NOT NULL").select("doc_id"), "doc_id", how="left_anti"
    )
    return gone.groupBy("doc_id").agg(F.min("source_location").alias("source_location"))


def reject_superseded(tables: JobContext[State], params: Params) -> Outputs:
    """What this batch changes in others: versions that it supersedes leave `docs`, and rows left out for a
    copy that is gone are named.

    Each row stays in the slice of the batch that it was read in, so that the rows of every batch add up at
    any time.
    """
    from pyspark.sql import functions as F

    lost = tables.state.beaten
    if lost is None or "docs" not in tables.versions:
        return {}
    is_lost = not lost.isEmpty()
    back = (
        missed(tables, params, lost)
        if tables.history.runs.last(tables.job.name, tables.batches[0])
        or (is_lost and stronger(tables, params))
        else None
    )
    made: list[Insert | Delete] = []
    if is_lost:
        made.append(Insert(batches.as_rejects(lost, F.col("batch_id"), "superseded_version"), batches.REJECT))
    if back is not None and not back.isEmpty():
        # First the new row, then the old one away: whatever dies between them, the row is there.
        again = back.select(
            "batch_id", "source_location", F.lit(batches.READ_AGAIN).alias("reason"), "doc_id", "raw"
        )
        made += [Insert(again, batches.REJECT), Delete(back, batches.REJECT)]
    return ({"rejects": made} if made else {}) | (
        {"docs": Delete(lost, ("doc_id", "batch_id"))} if is_lost else {}
    )


def missed(tables: JobContext, params: Params, lost: DataFrame) -> DataFrame:
    """Rows of `rejects` in other batches that were left out for a version which this run takes away.

    Rows that would lose to this batch's version just the same are not among them.
    """
    from pyspark.sql import functions as F

    last = tables.history.runs.last(tables.job.name, tables.batches[0])
    here = F.col("batch_id").isin(list(tables.batches))
    fresh = tables.own("docs").where(here).select("doc_id", "content_hash")
    gone = (
        tables["docs"]
        .where(here)
        .join(fresh, ["doc_id", "content_hash"], how="left_anti")
        .select("doc_id")
        .unionByName(lost.select("doc_id"))
    )
    # that run may have taken versions away for documents that are no longer here
    if last is not None and last["status"] == "started":
        gone = gone.unionByName(
            earlier(tables).join(tables.own("docs"), ["doc_id", "batch_id"], how="left_anti").select("doc_id")
        )
    theirs = tables.own("rejects").where(~here & F.col("reason").isin(list(GIVEN_UP)))
    stands = fresh.select("doc_id", F.lit(True).alias("is_here"))
    rows = theirs.join(gone.distinct(), "doc_id", how="left_semi").join(stands, "doc_id", how="left")
    rows = rows.where(F.col("is_here").isNull() | F.col("batch_id").isin(stronger(tables, params)))
    return tables.stage("missed", rows.select("batch_id", "source_location", "reason", "doc_id", "raw"))


def guard(tables: JobContext, params: Params, rows: DataFrame, left_out: DataFrame) -> None:
    """Raises ContractError when more than max_reject_ratio of the rows are broken, or fewer than
    min_kept would stay."""
    found = {row["reason"]: row["n"] for row in _by_reason(rows, left_out)}
    total = found.pop(None, 0)
    broken = {reason: n for reason, n in found.items() if reason not in REPEATS}
    listed = ", ".join(
        f"{reason} {count:,}" for reason, count in sorted(broken.items(), key=lambda item: -item[1])
    )
    if total and sum(broken.values()) > params.max_reject_ratio * total:
        listed = ", ".join(filter(None, (listed, *told(rows))))
        raise ContractError(
            f"ingest_docs: {sum(broken.values()):,} of {total:,} rows of {tables.inputs.root} break "
            f"the contract ({listed}), more than "
            f"max_reject_ratio {params.max_reject_ratio}; nothing was written. Mend the input, the "
            "columns in the recipe, or the limit"
            + (f". {AMBIGUOUS}: {who_names(params, rows, left_out)}" if AMBIGUOUS in broken else "")
        )
    kept = total - sum(found.values())
    if kept < params.min_kept:
        raise ContractError(
            f"ingest_docs: {kept:,} of {total:,} rows of {tables.inputs.root} would stay, wanted "
            f"{params.min_kept:,}; nothing was written ({listed})"
        )


def told(rows: DataFrame) -> list[str]:
    """What the reader says of broken rows beside their reason, the commonest first: `url: link is a list
    (3)`."""
    from pyspark.sql import functions as F

    counted = rows.where("detail IS NOT NULL").groupBy("reason", "detail").agg(F.count("*").alias("n"))
    return [
        f"{row['detail']} ({row['n']:,} {row['reason']})"
        for row in counted.orderBy(F.desc("n"), "reason", "detail").limit(5).collect()
    ]


def who_names(params: Params, rows: DataFrame, left_out: DataFrame) -> str:
    """Which columns gave one id to several texts."""
    from pyspark.sql import functions as F

    again = left_out.where(F.col("reason") == AMBIGUOUS).select("source_location")
    named = (
        rows.join(again, "source_location", how="left_semi")
        .agg(
            F.count("native_key").alias("key"), F.count(F.when(F.col("native_key").isNull(), 1)).alias("url")
        )
        .first()
    )
    told, fields = [], (("native_key", named["key"]), ("url", named["url"]))  # type: ignore[index]
    for name, n in fields:
        mapped: list[dict[str, str | None]] = [
            {**(readers.WET if how.format == "wet" else {}), **how.columns}  # type: ignore[dict-item]
            for how in params.formats
        ]
        columns = {columns.get(name) for columns in mapped}
        if n:
            told.append(
                f"{n:,} rows have the id of another text of this batch by {name} (column "
                f"{', '.join(sorted(filter(None, columns)))})"
            )
    return (
        "; ".join(told)
        + ". An id must be unique in its source: map a column that is, or give each file a source of its own"
    )


def pass_gate(tables: JobContext, params: Params, rows: DataFrame) -> None:
    """Great Expectations' word on the rows that could be read. Raises ContractError."""
    site = (
        f"{tables.lake.local_root}/_data_docs/{tables.batches[0]}"
        if params.data_docs and tables.lake.local_root
        else None
    )
    gate(rows.where("reason IS NULL"), load_contract(params.contract), params.max_reject_ratio, site)


def count(tables: JobContext[State], params: Params) -> Counts:
    """In: rows that the reader gave out; kept: documents; left out: rejects by reason."""
    from pyspark.sql import functions as F

    here = F.col("batch_id").isin(list(tables.batches))
    rows = _by_reason(
        tables.own("docs").where(here),
        tables.own("rejects").where(here & (F.col("reason") != batches.NO_LONGER)),
    )
    return by_one_reason({row["reason"]: row["n"] for row in rows}, rows_in=tables.state.n_rows)


def _by_reason(whole: DataFrame, reasons: DataFrame) -> list[Row]:
    """Rows of (reason, n) of `reasons`, and (null, n) for the rows of `whole`: one query."""
    from pyspark.sql import functions as F

    counted = reasons.groupBy("reason").agg(F.count("*").alias("n"))
    return (
        whole.agg(F.lit(None).cast("string").alias("reason"), F.count("*").alias("n"))
        .unionByName(counted)
        .collect()
    )


JOB = Job(
    "ingest_docs",
    Params,
    reads=("docs", "rejects", "batch_files"),
    writes=(Writes("rejects", "batch"), Writes("docs", "batch"), Writes("batch_files", "batch")),
    steps=(ingest, reject_superseded),
    scope="input",
    count=count,
    state=State,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
