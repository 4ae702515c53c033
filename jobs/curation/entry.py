"""The steps of a job that brings documents in (`ingest_docs`, `extract_text`).

Its files are read once; each row becomes one of `docs` or, with its reason, of `rejects`; of several rows
with one id a single one is kept. What a job adds is how its files become rows: the sources that it gives
`bring_in`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Literal

from pydantic import Field, PositiveFloat, PositiveInt

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
from gristmill.jobs.runner.job import Delete, Insert, Outputs
from gristmill.udfs.read import counted
from gristmill.udfs.read.counted import RowKind

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row


class FileFormat(Strict):
    """How the files that match a pattern are read."""

    # against the path below the input, such as `*.jsonl*` or `wet/*`
    glob: str


class EntryParams(LeavesOut, ReadsInput, Contracted):
    """What the steps below read of a job's parameters, and the bounds of files, which all readers have."""

    # the first whose glob matches a file is used to read it
    formats: Sequence[FileFormat]
    # a longer row is a reject; it is skipped without being read into memory
    max_row_bytes: PositiveInt
    max_raw_bytes: PositiveInt  # of a rejected row that are kept
    max_unpacked_bytes: PositiveInt  # a compressed file is read no further
    # nor one that unpacks to more than so many times the packed bytes read so far
    max_unpack_ratio: PositiveFloat
    # plain files are read in parts of this size
    split_bytes: PositiveInt
    # the same id with another text: which is kept, in
    # the order in which batches were first ingested
    same_id: Literal["newest", "oldest"]
    # of the input rows; more and the job stops with nothing written
    max_reject_ratio: float = Field(ge=0, le=1)
    # whether Great Expectations writes its pages under LAKE/_data_docs (local lakes only)
    data_docs: bool

    def bounds(self) -> Record:
        """The bounds as gristmill.udfs.read.params.FileParams takes them."""
        return {
            "max_row_bytes": self.max_row_bytes,
            "max_raw_bytes": self.max_raw_bytes,
            "max_unpacked_bytes": self.max_unpacked_bytes,
            "max_unpack_ratio": self.max_unpack_ratio,
        }

    def globs(self) -> list[str]:
        """Patterns of the files that the job reads."""
        return [how.glob for how in self.formats]

    def mapped_columns(self) -> list[Mapping[str, str | None]]:
        """For each format, our field -> the column of the files that it is read from."""
        raise NotImplementedError


def files_by_glob(listing: Listing, globs: Sequence[str]) -> tuple[list[list[File]], list[str]]:
    """For each glob the files of which it is the first that matches; the names of those that none matches."""
    matched: list[list[File]] = [[] for _ in globs]
    unmatched = []
    for file in listing.files:
        at = next((i for i, glob in enumerate(globs) if fnmatch(file.name, glob)), None)
        unmatched.append(file.name) if at is None else matched[at].append(file)
    return matched, unmatched


def refuse_unmatched(listing: Listing, unmatched: list[str]) -> None:
    """Raises ConfigError naming the files that no glob matches."""
    if unmatched:
        raise ConfigError(
            f"{listing.root}: no glob of formats matches {', '.join(unmatched[:5])} "
            f"({len(unmatched)} files); add a format for them"
        )


# REPEATS are no fault of a row and do not count against max_reject_ratio.
# AMBIGUOUS does: an id with several texts in one batch identifies none of them.
AMBIGUOUS = "older_version"
REPEATS = ("repeated_document", "already_ingested", "superseded_version")
# Rows rejected in favour of another batch: to be read
# again once the document of that batch is removed.
LOST_TO_OTHER_BATCH = ("already_ingested", "superseded_version")


def nothing_beside(tables: JobContext, good: DataFrame) -> Outputs:
    """No side table."""
    return {}


@dataclass(frozen=True)
class Entry:
    """What the rows of one job have of their own.

    kind        what its files become: formats and columns
    order       columns by which the rows of a batch are ordered before their places, for "the newest"
    no_faults   reasons that do not count against max_reject_ratio
    beside      rows of further tables, from the rows that become documents
    """

    kind: RowKind
    order: tuple[str, ...] = ()
    no_faults: frozenset[str] = frozenset()
    beside: Callable[[JobContext, DataFrame], Outputs] = nothing_beside


DOCUMENTS = Entry(counted.DOCUMENTS)


@dataclass
class State:
    """What `bring_in` hands to `reject_superseded` and `count`."""

    n_rows: int = 0  # that the reader gave out
    # documents of other batches that this batch replaces; None: only times of files changed
    superseded: DataFrame | None = None


def bring_in(
    tables: JobContext[State], params: EntryParams, sources: list[Source], entry: Entry = DOCUMENTS
) -> Outputs:
    """`rejects`, `docs` and `batch_files` of the batch, and the job's side tables; `batch_files` alone when
    only times of files changed.

    Raises ContractError when too many rows break the contract, RetryLater when a file was being written:
    nothing is written then.
    """
    from pyspark.sql import functions as F

    batch, root = tables.batches[0], tables.inputs.root
    refuse_batch_of_others(tables)
    same = unchanged(tables, sources)
    if same is not None:
        tables.state.n_rows = total(same)
        return {"batch_files": tables.rows("batch_files", same, batch_id=batch, root=root)}
    rows, files = read(tables, sources, entry.kind)
    # At the same time as the ranking of copies: planning a query keeps one core busy only.
    expectations = in_background(lambda: check_expectations(tables, params, rows))
    left_out, superseded = with_reasons(tables, params, rows, entry.order)
    tables.state.n_rows, tables.state.superseded = total(files), superseded
    check_rejects(tables, params, rows, left_out, entry.no_faults)
    # Its error is raised here, before anything is returned to be committed.
    expectations.result()
    batch_id = F.lit(batch).alias("batch_id")
    # Keys of rejects go to the rows: text is not shuffled.
    good = rows.join(F.broadcast(left_out.select("source_location")), "source_location", how="left_anti")
    docs = good.select(
        "doc_id",
        batch_id,
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
        batch_id, "source_location", "reason", "doc_id", "raw"
    )
    rejects = rejects.unionByName(
        batches.as_rejects(removed_documents(tables, rows), batch_id, batches.NO_LONGER)
    )
    return {
        "rejects": rejects,
        "docs": docs,
        **entry.beside(tables, good),
        "batch_files": tables.rows("batch_files", files, batch_id=batch, root=root),
    }


def with_reasons(
    tables: JobContext, params: EntryParams, rows: DataFrame, leading: tuple[str, ...] = ()
) -> tuple[DataFrame, DataFrame]:
    """source_location, doc_id, reason of the `rows` that do not become documents: unreadable, against the
    contract, or repeated.

    And doc_id, batch_id, source_location of the documents of other batches that one of these rows replaces.
    `leading`: columns by which the rows of a batch are ordered before their places.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    # Without the text: what follows sorts and joins by document, and must not shuffle text.
    checked = rows.select(
        "source_location",
        "doc_id",
        "content_hash",
        *leading,
        F.coalesce("reason", broken_reason(load_contract(params.contract))).alias("reason"),
    )
    checked = tables.stage("judged", checked)
    name = F.regexp_extract("source_location", r"(?s)^(.*):[^:]*$", 1)
    # Rows are ordered by file and then by number: as a string, row 10 would come before row 9.
    position = F.regexp_extract("source_location", r"(\d+)\D*$", 1).cast("bigint")
    good = checked.where("reason IS NULL").withColumn(
        "at", F.struct(*leading, name.alias("name"), position.alias("position"), "source_location")
    )
    same_text, same_id = Window.partitionBy("doc_id", "content_hash"), Window.partitionBy("doc_id")
    good = good.withColumn("is_copy", F.row_number().over(same_text.orderBy("at")) > 1)
    # The newest text is the one whose last copy comes last in the
    # batch, although the first of its copies is the row that is kept.
    is_newest = params.same_id == "newest"
    good = good.withColumn("ranked", F.max("at").over(same_text) if is_newest else F.col("at"))
    order = F.col("ranked").desc() if is_newest else F.col("ranked").asc()
    good = good.withColumn(
        "is_older", (F.row_number().over(same_id.orderBy("is_copy", order)) > 1) & ~F.col("is_copy")
    )
    elsewhere = other_batches(tables).selectExpr(
        "doc_id", "content_hash AS known_hash", "batch_id AS known_in", "source_location AS known_location"
    )
    good = good.join(elsewhere, "doc_id", how="left")
    # In this order: an exact copy is named as such even where another batch has the document, too.
    reason = (
        F.when(F.col("is_copy"), "repeated_document")
        .when(F.col("known_hash") == F.col("content_hash"), "already_ingested")
        .when(F.col("is_older"), AMBIGUOUS)
        .when(F.col("known_in").isin(preferred_batches(tables, params)), "superseded_version")
    )
    columns = ("source_location", "doc_id", reason.alias("reason"), "known_in", "known_location")
    bad = checked.where("reason IS NOT NULL").selectExpr(
        "source_location",
        "doc_id",
        "reason",
        "CAST(NULL AS string) AS known_in",
        "CAST(NULL AS string) AS known_location",
    )
    staged = tables.stage(
        "reasons", bad.unionByName(good.select(*columns).where("reason IS NOT NULL OR known_in IS NOT NULL"))
    )
    # Without a reason, but with a row in another batch: this batch's version replaces that row.
    superseded = staged.where("reason IS NULL").selectExpr(
        "doc_id", "known_in AS batch_id", "known_location AS source_location"
    )
    return staged.where("reason IS NOT NULL").select("source_location", "doc_id", "reason"), superseded


def preferred_batches(tables: JobContext, params: EntryParams) -> list[str]:
    """The batches whose version of a document is kept rather than this batch's.

    By the order of first ingest, not of runs, so that a repeated ingest decides in the same way.
    """
    known, batch = tables.history.runs.batches(), tables.batches[0]
    at = known.index(batch) if batch in known else len(known)
    return known[at + 1 :] if params.same_id == "newest" else known[:at]


def other_batches(tables: JobContext) -> DataFrame:
    """docs of all batches but this one; empty before the first ingest."""
    from pyspark.sql import functions as F

    if "docs" not in tables.versions:
        return tables.empty("docs")
    return tables["docs"].where(~F.col("batch_id").isin(list(tables.batches)))


def refuse_batch_of_others(tables: JobContext) -> None:
    """Raises ConfigError where another job has read the batch: what it wrote beside `docs` would stay."""
    batch = tables.batches[0]
    others = [
        row["job"]
        for row in tables.history.runs.rows
        if batch in row["batches"] and row["inputs"] is not None and row["job"] != tables.job.name
    ]
    if others:
        raise ConfigError(
            f"{tables.inputs.root}: batch {batch} was read by {others[-1]}; a batch is read by one job: "
            "give this one another name (--batch NAME)"
        )


def removed_documents(tables: JobContext, rows: DataFrame) -> DataFrame:
    """doc_id, source_location of the ids that the last finished run read from this batch, kept or rejected,
    and that `rows` no longer contain."""
    from pyspark.sql import functions as F

    earlier = [
        tables.slice(name).select("doc_id", "source_location")
        for name in ("docs", "rejects")
        if name in tables.versions
    ]
    if tables.batches[0] not in tables.history.runs.batches() or not earlier:
        return tables.empty("rejects").select("doc_id", "source_location")
    before = earlier[0] if len(earlier) == 1 else earlier[0].unionByName(earlier[1])
    removed = before.where("doc_id IS NOT NULL").join(
        rows.where("doc_id IS NOT NULL").select("doc_id"), "doc_id", how="left_anti"
    )
    # One row an id: copies of one document were several input rows.
    return removed.groupBy("doc_id").agg(F.min("source_location").alias("source_location"))


def reject_superseded(tables: JobContext[State], params: EntryParams) -> Outputs:
    """Changes in other batches: documents that this batch supersedes move from `docs` to `rejects`, and rows
    that were rejected for a copy which is gone get the reason copy_is_gone: their batch is read again.

    Each row remains under the batch that it was read in, so that the rows of every batch add up at any time.
    """
    from pyspark.sql import functions as F

    lost = tables.state.superseded
    if lost is None or "docs" not in tables.versions:
        return {}
    is_lost = not lost.isEmpty()
    # Needed only if this batch replaces its own earlier version, or supersedes documents while
    # other batches are preferred to it: rows of those may have been rejected for what it removes.
    to_read_again = (
        rows_to_read_again(tables, params, lost)
        if tables.history.runs.last(tables.job.name, tables.batches[0])
        or (is_lost and preferred_batches(tables, params))
        else None
    )
    changes: list[Insert | Delete] = []
    if is_lost:
        changes.append(
            Insert(batches.as_rejects(lost, F.col("batch_id"), "superseded_version"), batches.REJECT)
        )
    if to_read_again is not None and not to_read_again.isEmpty():
        # Insert before delete: if the run dies between the
        # two, the row exists twice rather than not at all.
        again = to_read_again.select(
            "batch_id", "source_location", F.lit(batches.READ_AGAIN).alias("reason"), "doc_id", "raw"
        )
        changes += [Insert(again, batches.REJECT), Delete(to_read_again, batches.REJECT)]
    return ({"rejects": changes} if changes else {}) | (
        {"docs": Delete(lost, ("doc_id", "batch_id"))} if is_lost else {}
    )


def rows_to_read_again(tables: JobContext, params: EntryParams, lost: DataFrame) -> DataFrame:
    """Rows of `rejects` in other batches that were rejected for a version which this run removes, staged.

    Without those that would be rejected for this batch's new version as well. `lost`: doc_id of the documents
    that this batch supersedes.
    """
    from pyspark.sql import functions as F

    last = tables.history.runs.last(tables.job.name, tables.batches[0])
    in_this_batch = F.col("batch_id").isin(list(tables.batches))
    fresh = tables.own("docs").where(in_this_batch).select("doc_id", "content_hash")
    # tables["docs"] is the version before this run, own("docs") the one that it has just committed.
    removed = (
        tables["docs"]
        .where(in_this_batch)
        .join(fresh, ["doc_id", "content_hash"], how="left_anti")
        .select("doc_id")
        .unionByName(lost.select("doc_id"))
    )
    # A run that died may have removed documents of other
    # batches for texts that this batch has no longer.
    if last is not None and last["status"] == "started":
        removed = removed.unionByName(
            other_batches(tables)
            .join(tables.own("docs"), ["doc_id", "batch_id"], how="left_anti")
            .select("doc_id")
        )
    theirs = tables.own("rejects").where(~in_this_batch & F.col("reason").isin(list(LOST_TO_OTHER_BATCH)))
    present = fresh.select("doc_id", F.lit(True).alias("is_present"))
    rows = theirs.join(removed.distinct(), "doc_id", how="left_semi").join(present, "doc_id", how="left")
    rows = rows.where(
        F.col("is_present").isNull() | F.col("batch_id").isin(preferred_batches(tables, params))
    )
    return tables.stage("missed", rows.select("batch_id", "source_location", "reason", "doc_id", "raw"))


def check_rejects(
    tables: JobContext,
    params: EntryParams,
    rows: DataFrame,
    left_out: DataFrame,
    no_faults: frozenset[str] = frozenset(),
) -> None:
    """Raises ContractError when more than max_reject_ratio of the rows are broken, or fewer than min_kept
    would become documents.

    `left_out`: source_location, doc_id, reason of the `rows` that do not; `no_faults`: reasons that do not
    count as broken, beside REPEATS.
    """
    n_by_reason = {row["reason"]: row["n"] for row in _by_reason(rows, left_out)}
    total = n_by_reason.pop(None, 0)
    # Repeated documents are expected of a crawl: they
    # are no sign of a wrong recipe or a damaged input.
    broken = {reason: n for reason, n in n_by_reason.items() if reason not in no_faults.union(REPEATS)}
    listed = ", ".join(
        f"{reason} {count:,}" for reason, count in sorted(broken.items(), key=lambda item: -item[1])
    )
    if total and sum(broken.values()) > params.max_reject_ratio * total:
        listed = ", ".join(filter(None, (listed, *common_details(rows, no_faults))))
        raise ContractError(
            f"{tables.job.name}: {sum(broken.values()):,} of {total:,} rows of {tables.inputs.root} break "
            f"the contract ({listed}), more than "
            f"max_reject_ratio {params.max_reject_ratio}; nothing was written. Mend the input, the "
            "columns in the recipe, or the limit"
            + (f". {AMBIGUOUS}: {ambiguous_columns(params, rows, left_out)}" if AMBIGUOUS in broken else "")
        )
    n_kept = total - sum(n_by_reason.values())
    if n_kept < params.min_kept:
        raise ContractError(
            f"{tables.job.name}: {n_kept:,} of {total:,} rows of {tables.inputs.root} would be kept, "
            f"min_kept is {params.min_kept:,}; nothing was written ({listed})"
        )


def common_details(rows: DataFrame, no_faults: frozenset[str] = frozenset()) -> list[str]:
    """The five most frequent details of broken rows by the reader: `url: link is a list (3 wrong_type)`."""
    from pyspark.sql import functions as F

    broken = rows.where("detail IS NOT NULL").where(~F.col("reason").isin(sorted(no_faults)))
    counted = broken.groupBy("reason", "detail").agg(F.count("*").alias("n"))
    return [
        f"{row['detail']} ({row['n']:,} {row['reason']})"
        for row in counted.orderBy(F.desc("n"), "reason", "detail").limit(5).collect()
    ]


def ambiguous_columns(params: EntryParams, rows: DataFrame, left_out: DataFrame) -> str:
    """A sentence for the error: how many rows have the id of another text, and by which columns."""
    from pyspark.sql import functions as F

    again = left_out.where(F.col("reason") == AMBIGUOUS).select("source_location")
    # The id of a row comes from its native key, and only without one from its URL.
    n_by_field = (
        rows.join(again, "source_location", how="left_semi")
        .agg(
            F.count("native_key").alias("key"), F.count(F.when(F.col("native_key").isNull(), 1)).alias("url")
        )
        .first()
    )
    # an aggregate over all rows gives one row, always
    assert n_by_field is not None
    sentences, fields = [], (("native_key", n_by_field["key"]), ("url", n_by_field["url"]))
    for name, n in fields:
        columns = {columns.get(name) for columns in params.mapped_columns()}
        if n:
            sentences.append(
                f"{n:,} rows have the id of another text of this batch by {name} (column "
                f"{', '.join(sorted(filter(None, columns)))})"
            )
    return (
        "; ".join(sentences)
        + ". An id must be unique in its source: map a column that is, or give each file a source of its own"
    )


def check_expectations(tables: JobContext, params: EntryParams, rows: DataFrame) -> None:
    """Validates the readable `rows` by the contract with Great Expectations. Raises ContractError."""
    site = (
        f"{tables.lake.local_root}/_data_docs/{tables.batches[0]}"
        if params.data_docs and tables.lake.local_root
        else None
    )
    gate(rows.where("reason IS NULL"), load_contract(params.contract), params.max_reject_ratio, site)


def count(tables: JobContext[State], params: EntryParams) -> Counts:
    """In: rows that the reader gave out; kept: documents; left out: rejects by reason.

    The two sides are counted apart, from the reader and from the tables, so that a lost row is an error.
    """
    from pyspark.sql import functions as F

    in_this_batch = F.col("batch_id").isin(list(tables.batches))
    # NO_LONGER names documents of an earlier version of
    # the batch, which are no input rows of this one.
    rows = _by_reason(
        tables.own("docs").where(in_this_batch),
        tables.own("rejects").where(in_this_batch & (F.col("reason") != batches.NO_LONGER)),
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
