"""The steps of near-duplicate removal, whatever the fingerprint. All of it runs on executors.

What crosses between the JVM and Python are blocks and packed messages (gristmill.udfs.dedup.messages), since
rows cost it and not their bytes. In the order in which data travels:

1. sketch: each kept document that is in no block yet gets a sketch and band keys; its text is read once, and
not moved. 2. meet: band keys go to where equal keys are together; whoever shares one is a candidate pair. 3.
group: candidates that hang together are a family, and each family has a part that is its home. 4. compare:
each sketch goes once to where its family is compared; sketches decide what they can. 5. choose: the texts of
open pairs go to the same part. Buckets over the cap are settled there, and survivors chosen: the
   lexicographically first maximal independent set under the ranking, so no two survivors are verified
   duplicates and a chain of pairs never makes a family.

On the driver there are a few numbers of the size of the index.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from gristmill.jobs.core.errors import DataError
from gristmill.jobs.core.records import Record
from gristmill.jobs.dedup.params import NearDupParams
from gristmill.jobs.dedup.ranking import place_of_times, ranked
from gristmill.jobs.dedup.sketch_blocks import Size, blocks, drop_stale, size_of, sketch
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counts import Counts
from gristmill.jobs.runner.documents import BROADCAST, broadcast_while_few
from gristmill.jobs.runner.job import Outputs, Step, Writes
from gristmill.udfs.dedup import candidates, choosing, comparing, grouping
from gristmill.udfs.dedup.choosing import CHOSEN, OUTCOMES
from gristmill.udfs.dedup.messages import (
    BUCKET,
    EDGE,
    LABEL,
    LINK,
    MESSAGE,
    NAMED,
    PAIR,
    RANK,
    STATE,
    TEXT,
    WANTED,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame

# columns, the first of which decides
Order: TypeAlias = "list[Column | str]"
# of an Arrow batch of blocks or messages: some megabytes each
BLOCK_ROWS = 16
# where many of them are documents of their own
MIXED_ROWS = 64
# band keys of a part: some 100 bytes each while they are sorted
KEYS = 2_000_000
# of a part in which families are compared: 330 bytes each, and the open texts
DOCUMENTS, TEXT_BYTES = 50_000, 256 << 20
# documents whose families one task finds, some 60 bytes each of those that meet; beyond it rounds do
GROUPED = 20_000_000
# of finding families, and of settling; five to ten and one or two are usual
ROUNDS = 64


@dataclass(frozen=True)
class Source:
    """What is deduplicated: sketches in blocks, how pairs are decided, what is asked about single documents.

    What is asked gets a row a document: part, node, n_times, doc_id, batch_id.
    """

    blocks: DataFrame  # the columns of gristmill.udfs.dedup.blocks.BLOCK
    size: Size
    n_keys: int  # band keys of a document
    rule: choosing.Rule
    # those kept now, and what sorts the best first
    ranked: Callable[[DataFrame], tuple[DataFrame, Order]]
    texts: Callable[[DataFrame], DataFrame]  # part, node and text of each


def deduplicate(tables: JobContext, params: NearDupParams) -> Outputs:
    """`pairs`, `hot_buckets`, `duplicates` and `verdicts` of the whole index."""
    return told(tables, params, outcomes_of(tables, index(tables, params)))


def index(tables: JobContext, params: NearDupParams) -> Source:
    """The documents of the lake that have sketches."""
    ranked, texts = (functools.partial(ask, tables, params) for ask in (ranked_documents, texts_of))
    rule = rule_of(params)
    return Source(blocks(tables, params), size_of(tables, params), params.n_keys(), rule, ranked, texts)


def outcomes_of(tables: JobContext, source: Source) -> DataFrame:
    """OUTCOMES: pairs, duplicates and buckets over the cap of a whole source."""
    parts = max(source.size.documents // DOCUMENTS, source.size.n_bytes // TEXT_BYTES) + 1
    grouped = group(tables, candidate_pairs(tables, source), source.size, parts)
    return choose(tables, source, compare(tables, source, grouped, parts), parts)


def candidate_pairs(tables: JobContext, source: Source) -> DataFrame:
    """MESSAGE, staged: PAIR, LINK, BUCKET of the whole index."""
    parts = source.size.documents * source.n_keys // KEYS + 1
    rows = source.blocks.select("block", "n_shingles", "set_hash", "bands")
    keys = rows.mapInArrow(functools.partial(candidates.scatter, parts=parts, bands=source.n_keys), MESSAGE)
    kernel = functools.partial(candidates.candidate_pairs, max_bucket=source.rule.max_bucket)
    return tables.stage("candidates", keys.repartition(parts, "part").mapInArrow(kernel, MESSAGE), BLOCK_ROWS)


def group(tables: JobContext, pairs: DataFrame, size: Size, parts: int) -> DataFrame:
    """MESSAGE, staged: LABEL by block, and PAIR, LINK, BUCKET by part."""
    if size.documents <= GROUPED:
        found = pairs.coalesce(1).mapInArrow(functools.partial(grouping.group, parts=parts), MESSAGE)
        return tables.stage("grouped", found, BLOCK_ROWS)
    tasks = size.documents // GROUPED + 2

    def step(rows: DataFrame, kernel: Callable[..., Iterator[pa.RecordBatch]], **how: int) -> DataFrame:
        bound = functools.partial(kernel, **(how or {"parts": tasks}))
        return rows.repartition(tasks, "part").mapInArrow(bound, MESSAGE)

    forest = pairs.mapInArrow(functools.partial(grouping.forest, parts=tasks), MESSAGE)
    whole = tables.stage("forest", forest, BLOCK_ROWS)
    edges, seen = whole.where(f"kind = {EDGE}"), None
    for number in range(ROUNDS):
        edges = tables.stage(
            f"stars_{number}", step(step(edges, grouping.large_star), grouping.small_star), BLOCK_ROWS
        )
        state = sorted(row[0] for row in edges.where(f"kind = {STATE}").select("name").collect())
        edges = edges.where(f"kind = {EDGE}")
        if state == seen:
            break
        seen = state
    else:
        raise _endless(tables, f"the families of {size.documents:,} documents were not told apart")
    rest = whole.where(f"kind in ({PAIR}, {LINK}, {BUCKET})")
    found = step(step(edges.unionByName(rest), grouping.by_root), grouping.group_rooted, parts=parts)
    return tables.stage("grouped", found, BLOCK_ROWS)


def compare(tables: JobContext, source: Source, grouped: DataFrame, parts: int) -> DataFrame:
    """MESSAGE, staged: what each part knows of its families, with pairs as far as sketches decide them."""
    from pyspark.sql import functions as F

    labels = grouped.where(f"kind = {LABEL}").selectExpr("cast(name as bigint) block", "data")
    # from as many tasks as found families
    labels = labels.groupBy("block").agg(F.collect_list("data").alias("labels"))
    rows = source.blocks.select("block", "batch_id", "ids", "n_shingles", "n_times", "sketch")
    sent = rows.join(labels, "block", how="inner").mapInArrow(comparing.send, MESSAGE)
    every = sent.unionByName(grouped.where(f"kind in ({PAIR}, {LINK}, {BUCKET})"))
    kernel = functools.partial(comparing.compare, decide=source.rule.decide, width=source.rule.width)
    return tables.stage("compared", every.repartition(parts, "part").mapInArrow(kernel, MESSAGE), BLOCK_ROWS)


def choose(tables: JobContext, source: Source, compared: DataFrame, parts: int) -> DataFrame:
    """OUTCOMES: the rows that are told.

    Parts in which settling met open pairs are worked through again with their texts.
    """
    kernel = functools.partial(choosing.choose, rule=source.rule)
    ready = compared.where(f"kind not in ({NAMED}, {WANTED})").unionByName(ranks(source, compared))
    wanted, found = compared.where(f"kind = {WANTED}"), None
    for number in range(ROUNDS):
        every = ready.unionByName(texts(source, wanted)).repartition(parts, "part")
        made = tables.stage(f"chosen_{number}", every.mapInArrow(kernel, CHOSEN), MIXED_ROWS)
        rows = made.where("result IS NOT NULL")
        found = rows if found is None else found.unionByName(rows)
        rest = made.where("result IS NULL").select(*_names(MESSAGE))
        ready, wanted = rest.where(f"kind <> {WANTED}"), rest.where(f"kind = {WANTED}")
        if wanted.isEmpty():
            return found.select(*_names(OUTCOMES))
    raise _endless(tables, "pairs of crowded buckets were not settled")


def _endless(tables: JobContext, what: str) -> DataError:
    return DataError(
        f"{tables.job.name}: {what} in {ROUNDS} rounds; this is a fault of Gristmill: please report "
        "it with this line"
    )


def _names(schema: str) -> list[str]:
    return [column.split()[0] for column in schema.split(", ")]


def _documents(messages: DataFrame) -> DataFrame:
    """part, node, n_times (null: WANTED), doc_id, batch_id of NAMED or WANTED messages."""
    times = "cast(conv(hex(substring(data, 9, 1)), 16, 10) as int) n_times"
    # By bytes: a substring of characters first counts them.
    doc_id, batch_id = (f"cast(substring(cast(name as binary), {at}) as string)" for at in ("1, 32", "33"))
    return messages.selectExpr(
        "part", "substring(data, 1, 8) node", times, f"{doc_id} doc_id", f"{batch_id} batch_id"
    )


def ranks(source: Source, compared: DataFrame) -> DataFrame:
    """RANK messages of the documents in company that are kept: their place in the order of their part,
    from 1."""
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    rows, by = source.ranked(_documents(compared.where(f"kind = {NAMED}")))
    place = F.row_number().over(Window.partitionBy("part").orderBy(*by))
    data = F.concat("node", F.unhex(F.lpad(F.hex(place), 8, "0")))
    return rows.select("part", F.lit(RANK).alias("kind"), F.lit("").alias("name"), data.alias("data"))


def texts(source: Source, wanted: DataFrame) -> DataFrame:
    """TEXT messages of the documents that are wanted."""
    found = source.texts(_documents(wanted))
    return found.selectExpr("part", f"{TEXT} kind", "'' name", "concat(node, cast(text as binary)) data")


def ranked_documents(
    tables: JobContext, params: NearDupParams, documents: DataFrame
) -> tuple[DataFrame, Order]:
    """See Source.ranked."""
    members = tables.documents.without_left_out(documents, params.skip_rejected_by)
    rows, order = ranked(tables, members, params.ranking, is_staged=True)
    times = place_of_times(params.ranking)
    return rows, [*order[:times], "n_times", *order[times:], "batch_id"]


def texts_of(tables: JobContext, params: NearDupParams, documents: DataFrame) -> DataFrame:
    """See Source.texts: a tenth of all, to where the texts are, while that is bounded."""
    if tables.history.n_documents() > BROADCAST:  # else `tables.documents.texts` knows by itself
        documents = broadcast_while_few(documents)
    return tables.documents.texts(documents, "text", carry=("part", "node"))


def rule_of(params: NearDupParams) -> choosing.Rule:
    """How pairs are decided and who stays."""
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


def told(tables: JobContext, params: NearDupParams, chosen: DataFrame) -> Record:
    """The rows of the tables."""
    from pyspark.sql import functions as F

    own, kernel = F.lit(tables.job.name).alias("job"), F.lit(params.pairing()).alias("config_hash")
    pairs = chosen.where("result = 'pair'").select(
        own, kernel, "doc_a", "doc_b", "similarity", "method", "is_accepted"
    )
    gone = chosen.where("result = 'duplicate'").withColumnsRenamed({"doc_a": "doc_id", "doc_b": "dup_of"})
    duplicates = gone.select(own, "doc_id", "batch_id", "dup_of", "method", "similarity", "family_id")
    verdicts = gone.select(
        own,
        "doc_id",
        "batch_id",
        F.lit("near_duplicate").alias("reason"),
        F.col("similarity").alias("value"),
        limit_of(params).alias("threshold"),
        F.concat(F.lit(f"{tables.job.name}."), "method").alias("rule"),
        F.lit(tables.recipe_hash).alias("recipe_hash"),
    )
    n, n_out = tables.documents.kept(params.skip_rejected_by).count(), gone.count()
    tables.note_verdicts(Counts(n, n - n_out, n_out, {"near_duplicate": n_out} if n_out else {}))
    return {
        "pairs": pairs,
        "duplicates": duplicates,
        "verdicts": verdicts,
        **hot_buckets(tables, params, chosen),
    }


def limit_of(params: NearDupParams) -> Column:
    """What the similarity of a left-out document was compared with, by its `method`."""
    from pyspark.sql import functions as F

    method, limit = params.by_sketch()
    return F.when(F.col("method") == method, F.lit(limit)).otherwise(F.lit(params.by_text()[1]))


def hot_buckets(tables: JobContext, params: NearDupParams, chosen: DataFrame) -> Record:
    """`hot_buckets`, with what is left uncompared; nothing to write where there are and were none."""
    from pyspark.sql import functions as F

    hot = chosen.where("result = 'bucket'")
    if not tables.output_exists("hot_buckets") and hot.isEmpty():
        return {}
    n = F.col("n_survivors")
    uncompared = F.coalesce((n * (n - 1) / 2).cast("bigint") - (2 * n - 3), F.lit(0)).cast("bigint")
    own, kernel = F.lit(tables.job.name).alias("job"), F.lit(params.pairing()).alias("config_hash")
    return {
        "hot_buckets": hot.select(
            own, kernel, "band_key", "n_classes", "n_survivors", uncompared.alias("n_uncompared")
        )
    }


STEPS: tuple[Step, ...] = (drop_stale, sketch, deduplicate)
WRITES = (
    Writes("sketches", "append"),
    Writes("pairs", "job"),
    Writes("hot_buckets", "job"),
    Writes("duplicates", "job"),
    Writes("verdicts", "job"),
)
