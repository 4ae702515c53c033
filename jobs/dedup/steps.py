"""The steps of near-duplicate removal for every fingerprint. All work on rows runs on executors.

Blocks and packed messages (gristmill.udfs.dedup.messages) cross between the JVM and Python, since the cost of
an exchange is its rows and not its bytes. The phases, in the order in which data travels:

1. sketch: each kept document that is in no block yet gets a sketch and band keys; its text is read once.
2. candidate_pairs: equal band keys are brought together; documents that share one are a candidate pair.
3. group: connected candidates are a family; each family is assigned to one part.
4. compare: each sketch is sent once to the part of its family; sketches decide the pairs that they can.
5. choose: the texts of undecided pairs are sent to the same part. Buckets over the cap are resolved there,
   and survivors are chosen: the lexicographically first maximal independent set under the ranking, so no two
   survivors are verified duplicates, and a chain of similar documents is not reduced to one.

The driver holds a few numbers, whatever the size of the index.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from gristmill.jobs.core.errors import DataError
from gristmill.jobs.core.records import Record
from gristmill.jobs.dedup.params import NearDupParams
from gristmill.jobs.dedup.ranking import repetition_position, with_rank_columns
from gristmill.jobs.dedup.sketch_blocks import Size, blocks, drop_changed, drop_stale, size_of, sketch
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counts import Counts
from gristmill.jobs.runner.documents import BROADCAST, broadcast_while_few, edit_spans, with_edits
from gristmill.jobs.runner.job import Outputs, Step, Writes
from gristmill.udfs.dedup import candidates, choosing, comparing, grouping
from gristmill.udfs.dedup.choosing import MESSAGE_OR_OUTCOME, OUTCOMES
from gristmill.udfs.dedup.messages import (
    BUCKET,
    EDGE,
    LABEL,
    LINK,
    MESSAGE,
    PAIR,
    RANK,
    RANK_REQUEST,
    STATE,
    TEXT,
    TEXT_REQUEST,
)
from gristmill.udfs.edit.edits import edited_batches

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame

# columns to sort by, the most significant first
Order: TypeAlias = "list[Column | str]"
# rows of an Arrow batch of blocks or messages, some
# megabytes each: an executor holds one batch at a time
BLOCK_ROWS = 16
# the same where many messages are of a single document, and so small
MIXED_ROWS = 64
# Band keys of a part. A key takes some 100 bytes while it is sorted, so a task stays near 200 MB.
KEYS = 2_000_000
# Bounds of a part in which families are compared: a
# document takes 330 bytes, plus the texts of open pairs.
DOCUMENTS, TEXT_BYTES = 50_000, 256 << 20
# Documents up to which one task finds all families, at some 60 bytes for each document in
# a candidate pair. Above it connected components are found by rounds of alternating stars.
GROUPED = 20_000_000
# Rounds after which a loop is given up as a defect. Finding
# families usually takes five to ten, choosing survivors one or two.
ROUNDS = 64


@dataclass(frozen=True)
class Source:
    """What is deduplicated: sketches in blocks, the rule that decides pairs, and two look-ups.

    Both look-ups are given a row a document: part, node, n_times, doc_id, batch_id.
    """

    blocks: DataFrame  # the columns of gristmill.udfs.dedup.blocks.BLOCK
    size: Size
    n_keys: int  # band keys of a document
    rule: choosing.Rule
    # the given documents without those that other filters have rejected, and the order, best first
    rank: Callable[[DataFrame], tuple[DataFrame, Order]]
    read_texts: Callable[[DataFrame], DataFrame]  # part, node and text of each


def deduplicate(tables: JobContext, params: NearDupParams) -> Outputs:
    """`pairs`, `hot_buckets`, `duplicates` and `verdicts` of the whole index."""
    return output_rows(tables, params, outcomes_of(tables, lake_source(tables, params)))


def lake_source(tables: JobContext, params: NearDupParams) -> Source:
    """The documents of the lake that have sketches."""
    rank, read = (functools.partial(call, tables, params) for call in (rank_documents, texts_of))
    rule = rule_of(params)
    return Source(blocks(tables, params), size_of(tables, params), params.n_keys(), rule, rank, read)


def outcomes_of(tables: JobContext, source: Source) -> DataFrame:
    """OUTCOMES: pairs, duplicates and buckets over the cap of a whole source."""
    # A part is bounded by both, since a few long texts take as much memory as many short ones.
    parts = max(source.size.documents // DOCUMENTS, source.size.n_bytes // TEXT_BYTES) + 1
    grouped = group(tables, candidate_pairs(tables, source), source.size, parts)
    return choose(tables, source, compare(tables, source, grouped, parts), parts)


def candidate_pairs(tables: JobContext, source: Source) -> DataFrame:
    """MESSAGE, staged: PAIR, LINK, BUCKET of the whole index.

    All documents are paired again in each run: kept pairs of an earlier run would name nodes of old blocks.
    """
    parts = source.size.documents * source.n_keys // KEYS + 1
    rows = source.blocks.select("block", "n_shingles", "set_hash", "bands")
    keys = rows.mapInArrow(functools.partial(candidates.scatter, parts=parts, bands=source.n_keys), MESSAGE)
    kernel = functools.partial(candidates.candidate_pairs, max_bucket=source.rule.max_bucket)
    return tables.stage("candidates", keys.repartition(parts, "part").mapInArrow(kernel, MESSAGE), BLOCK_ROWS)


def group(tables: JobContext, pairs: DataFrame, size: Size, parts: int) -> DataFrame:
    """MESSAGE, staged: LABEL by block, and PAIR, LINK, BUCKET by part."""
    if size.documents <= GROUPED:
        grouped = pairs.coalesce(1).mapInArrow(functools.partial(grouping.group, parts=parts), MESSAGE)
        return tables.stage("grouped", grouped, BLOCK_ROWS)
    tasks = size.documents // GROUPED + 2

    def step(rows: DataFrame, kernel: Callable[..., Iterator[pa.RecordBatch]], **how: int) -> DataFrame:
        bound = functools.partial(kernel, **(how or {"parts": tasks}))
        return rows.repartition(tasks, "part").mapInArrow(bound, MESSAGE)

    # Each task first reduces its pairs to a spanning forest, which has fewer edges than documents.
    forest = pairs.mapInArrow(functools.partial(grouping.forest, parts=tasks), MESSAGE)
    whole = tables.stage("forest", forest, BLOCK_ROWS)
    edges, last_state = whole.where(f"kind = {EDGE}"), None
    # Alternating large-star and small-star rounds. Equal
    # checksums of two rounds mean that nothing changed.
    for number in range(ROUNDS):
        edges = tables.stage(
            f"stars_{number}", step(step(edges, grouping.large_star), grouping.small_star), BLOCK_ROWS
        )
        state = sorted(row[0] for row in edges.where(f"kind = {STATE}").select("name").collect())
        edges = edges.where(f"kind = {EDGE}")
        if state == last_state:
            break
        last_state = state
    else:
        raise _no_convergence(tables, f"the families of {size.documents:,} documents were not separated")
    rest = whole.where(f"kind in ({PAIR}, {LINK}, {BUCKET})")
    grouped = step(step(edges.unionByName(rest), grouping.route_by_root), grouping.group_by_root, parts=parts)
    return tables.stage("grouped", grouped, BLOCK_ROWS)


def compare(tables: JobContext, source: Source, grouped: DataFrame, parts: int) -> DataFrame:
    """MESSAGE, staged: members and pairs of each part's families, decided where sketches suffice."""
    from pyspark.sql import functions as F

    labels = grouped.where(f"kind = {LABEL}").selectExpr("cast(name as bigint) block", "data")
    # A block may have labels from each task that found families.
    labels = labels.groupBy("block").agg(F.collect_list("data").alias("labels"))
    rows = source.blocks.select("block", "batch_id", "ids", "n_shingles", "n_times", "sketch")
    sent = rows.join(labels, "block", how="inner").mapInArrow(comparing.send, MESSAGE)
    every = sent.unionByName(grouped.where(f"kind in ({PAIR}, {LINK}, {BUCKET})"))
    kernel = functools.partial(comparing.compare, decide=source.rule.decide, width=source.rule.width)
    return tables.stage("compared", every.repartition(parts, "part").mapInArrow(kernel, MESSAGE), BLOCK_ROWS)


def choose(tables: JobContext, source: Source, compared: DataFrame, parts: int) -> DataFrame:
    """OUTCOMES: the rows of all tables.

    Resolving the buckets over the cap may find pairs that only their texts decide. The parts of such pairs
    are computed again, with these texts.
    """
    kernel = functools.partial(choosing.choose, rule=source.rule)
    ready = compared.where(f"kind not in ({RANK_REQUEST}, {TEXT_REQUEST})").unionByName(
        rank_messages(source, compared)
    )
    wanted, outcomes = compared.where(f"kind = {TEXT_REQUEST}"), None
    for number in range(ROUNDS):
        # A part without an open pair returns its outcomes in the first round and sends nothing on.
        every = ready.unionByName(text_messages(source, wanted)).repartition(parts, "part")
        chosen = tables.stage(f"chosen_{number}", every.mapInArrow(kernel, MESSAGE_OR_OUTCOME), MIXED_ROWS)
        rows = chosen.where("result IS NOT NULL")
        outcomes = rows if outcomes is None else outcomes.unionByName(rows)
        rest = chosen.where("result IS NULL").select(*_column_names(MESSAGE))
        ready, wanted = rest.where(f"kind <> {TEXT_REQUEST}"), rest.where(f"kind = {TEXT_REQUEST}")
        if wanted.isEmpty():
            return outcomes.select(*_column_names(OUTCOMES))
    raise _no_convergence(tables, "pairs of buckets over max_bucket were not resolved")


def _no_convergence(tables: JobContext, what: str) -> DataError:
    return DataError(
        f"{tables.job.name}: {what} in {ROUNDS} rounds; this is a fault of Gristmill: please report "
        "it with this line"
    )


def _column_names(schema: str) -> list[str]:
    return [column.split()[0] for column in schema.split(", ")]


def _documents(messages: DataFrame) -> DataFrame:
    """part, node, n_times (null: TEXT_REQUEST), doc_id, batch_id of RANK_REQUEST or TEXT_REQUEST messages."""
    times = "cast(conv(hex(substring(data, 9, 1)), 16, 10) as int) n_times"
    # As binary: a substring of a string counts characters, which means decoding each of them.
    doc_id, batch_id = (f"cast(substring(cast(name as binary), {at}) as string)" for at in ("1, 32", "33"))
    return messages.selectExpr(
        "part", "substring(data, 1, 8) node", times, f"{doc_id} doc_id", f"{batch_id} batch_id"
    )


def rank_messages(source: Source, compared: DataFrame) -> DataFrame:
    """RANK messages of the members of families that other filters kept.

    The rank is the position in the order of the document's part, from 1.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    rows, by = source.rank(_documents(compared.where(f"kind = {RANK_REQUEST}")))
    # By part and not over the whole index, which would be sorted by one task.
    position = F.row_number().over(Window.partitionBy("part").orderBy(*by))
    data = F.concat("node", F.unhex(F.lpad(F.hex(position), 8, "0")))
    return rows.select("part", F.lit(RANK).alias("kind"), F.lit("").alias("name"), data.alias("data"))


def text_messages(source: Source, wanted: DataFrame) -> DataFrame:
    """TEXT messages of the documents that WANTED messages name."""
    texts = source.read_texts(_documents(wanted))
    return texts.selectExpr("part", f"{TEXT} kind", "'' name", "concat(node, cast(text as binary)) data")


def rank_documents(
    tables: JobContext, params: NearDupParams, documents: DataFrame
) -> tuple[DataFrame, Order]:
    """See Source.rank."""
    members = tables.documents.without_left_out(documents, params.skip_rejected_by)
    rows, order = with_rank_columns(tables, members, params.ranking, is_staged=True)
    times = repetition_position(params.ranking)
    # batch_id last: the same doc_id in two batches would otherwise tie.
    return rows, [*order[:times], "n_times", *order[times:], "batch_id"]


def texts_of(tables: JobContext, params: NearDupParams, documents: DataFrame) -> DataFrame:
    """See Source.read_texts."""
    # About a tenth of the documents are asked for, so their keys are broadcast while they are
    # few. In a lake of at most BROADCAST documents `tables.documents.texts` does so itself.
    if tables.history.n_documents() > BROADCAST:
        documents = broadcast_while_few(documents)
    texts = tables.documents.texts(documents, "text", carry=("part", "node"))
    if not params.edits:
        return texts
    spans = tables.stage("edit_spans", edit_spans(tables, params.edits))
    edited = with_edits(texts, spans).select(*texts.columns, "edits")
    return edited.mapInArrow(edited_batches, texts.schema)


def rule_of(params: NearDupParams) -> choosing.Rule:
    """The rule of the recipe as the kernels take it."""
    measure, limit = params.by_text()
    return choosing.Rule(
        params.decision(),
        params.sketch_bytes(),
        params.by_sketch()[0],
        params.shingles(),
        measure,
        limit,
        params.clustering,
        params.max_bucket,
        params.keep_rejected,
    )


def output_rows(tables: JobContext, params: NearDupParams, chosen: DataFrame) -> Record:
    """Rows of `pairs`, `duplicates`, `verdicts` and `hot_buckets`, by table, from OUTCOMES."""
    from pyspark.sql import functions as F

    own, config = F.lit(tables.job.name).alias("job"), F.lit(params.pairing()).alias("config_hash")
    pairs = chosen.where("result = 'pair'").select(
        own, config, "doc_a", "doc_b", "similarity", "method", "is_accepted"
    )
    removed = chosen.where("result = 'duplicate'").withColumnsRenamed({"doc_a": "doc_id", "doc_b": "dup_of"})
    duplicates = removed.select(own, "doc_id", "batch_id", "dup_of", "method", "similarity", "family_id")
    verdicts = tables.verdicts(
        removed,
        reason=F.lit("near_duplicate"),
        value="similarity",
        threshold=limit_of(params),
        rule=F.concat(F.lit(f"{tables.job.name}."), "method"),
    )
    # Noted here, which saves the query that would otherwise count the verdicts.
    n, n_out = tables.documents.kept(params.skip_rejected_by).count(), removed.count()
    tables.note_verdicts(Counts(n, n - n_out, n_out, {"near_duplicate": n_out} if n_out else {}))
    return {
        "pairs": pairs,
        "duplicates": duplicates,
        "verdicts": verdicts,
        **hot_buckets(tables, params, chosen),
    }


def limit_of(params: NearDupParams) -> Column:
    """The threshold that a removed document's similarity reached, by its `method`."""
    from pyspark.sql import functions as F

    method, limit = params.by_sketch()
    return F.when(F.col("method") == method, F.lit(limit)).otherwise(F.lit(params.by_text()[1]))


def hot_buckets(tables: JobContext, params: NearDupParams, chosen: DataFrame) -> Record:
    """`hot_buckets` with their pairs that were not compared; {} where there are and were no such buckets."""
    from pyspark.sql import functions as F

    hot = chosen.where("result = 'bucket'")
    if not tables.output_exists("hot_buckets") and hot.isEmpty():
        return {}
    # Of n classes n (n - 1) / 2 pairs are possible. Compared were n - 1 with the first class and
    # n - 1 of neighbours, of which the first and second class are one pair in both: 2 n - 3.
    n = F.col("n_survivors")
    uncompared = F.coalesce((n * (n - 1) / 2).cast("bigint") - (2 * n - 3), F.lit(0)).cast("bigint")
    own, config = F.lit(tables.job.name).alias("job"), F.lit(params.pairing()).alias("config_hash")
    return {
        "hot_buckets": hot.select(
            own, config, "band_key", "n_classes", "n_survivors", uncompared.alias("n_uncompared")
        )
    }


STEPS: tuple[Step, ...] = (drop_stale, drop_changed, sketch, deduplicate)
WRITES = (
    Writes("sketches", "append"),
    Writes("pairs", "job"),
    Writes("hot_buckets", "job"),
    Writes("duplicates", "job"),
    Writes("verdicts", "job"),
)
