"""The steps of dedup_boilerplate. Texts are read where they are; only hashes of lines cross the network.

Blocks of common lines, in the order in which data travels:

1. count_lines: the lines of the documents of a site are counted, batch by batch, and the counts kept. A site
   of a batch is counted again only where its documents changed.
2. cut_boilerplate: the counts of all batches say which lines of a site are common. Texts are read again where
   a common line of theirs came or went; all other edits and verdicts stand. So the result is that of all
   batches at once.

With a rule that keeps one copy the second step lists the units of all documents instead (neighbouring
sentences, n-grams of words), gives each to the best-ranked document that has it, and cuts it from the others.
"""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gristmill.jobs.dedup.boilerplate_params import Blocks, Common, OneCopy, Params
from gristmill.jobs.dedup.ranking import with_rank_columns
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.documents import broadcast_while_few
from gristmill.jobs.runner.job import Delete, Outputs
from gristmill.udfs.dedup import boilerplate as kernels

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

KEYS = ["doc_id", "batch_id"]
GROUP = ["batch_id", "site"]
# the schemas of gristmill.udfs.dedup.boilerplate
COUNTS = "batch_id string, site string, line bigint, n bigint"
UNITS = "doc_id string, batch_id string, unit bigint"
FOUND = (
    "result string, doc_id string, batch_id string, site string, start int, end int, value double, "
    "line bigint, line_text string"
)
# the site of every document where lines are counted over all of them
LAKE = "lake"
EXAMPLE = ("doc_id", "batch_id", "start", "end", "line_text")


@dataclass
class State:
    """What each step hands to the next; staged."""

    pages: DataFrame = field(init=False)  # doc_id, batch_id, site
    groups: DataFrame = field(init=False)  # batch_id, site, n_pages (of the site) of sites with enough pages
    recounted: DataFrame | None = None  # batch_id, site of those that were counted in this run; None: all


def own_counts(tables: JobContext, params: Params) -> DataFrame:
    """The rows of `line_counts` with this recipe's lines and sites."""
    from pyspark.sql import functions as F

    return tables.own_slice("line_counts").where(F.col("config_hash") == params.config_hash())


def count_lines(tables: JobContext[State], params: Params) -> Outputs:
    """New rows of `line_counts`, for the sites of a batch whose documents changed; one pass over their texts.

    Sites with fewer than min_pages documents in the lake are not counted: no line of theirs can be common.
    """
    from pyspark.sql import functions as F

    state, rule = tables.state, params.rule
    pages = state.pages
    if not isinstance(rule, Blocks):
        return {}
    hashed = F.bit_xor(F.xxhash64("doc_id")).alias("documents_hash")
    by_group = pages.groupBy(*GROUP).agg(F.count("*").alias("n"), hashed)
    totals = by_group.groupBy("site").agg(F.sum("n").alias("n_pages"))
    totals = totals.where(F.col("n_pages") >= rule.min_pages)
    groups = state.groups = tables.stage("groups", by_group.join(totals, "site", how="inner"))
    todo, outputs = groups, []
    if tables.output_exists("line_counts"):
        # of all batches, also of those that are no longer in the lake
        counted = tables.own("line_counts").where(F.col("config_hash") == params.config_hash())
        known = counted.where("line IS NULL").select(
            *GROUP, F.col("n").alias("old_n"), F.col("documents_hash").alias("old_hash")
        )
        is_same = (F.col("n") == F.col("old_n")) & (F.col("documents_hash") == F.col("old_hash"))
        differing = groups.join(known, GROUP, how="full").where(~F.coalesce(is_same, F.lit(False)))
        differing = tables.stage("recounted", differing)
        state.recounted = differing.select(*GROUP)
        todo = differing.where("n IS NOT NULL")
        config = F.lit(params.config_hash()).alias("config_hash")
        stale = differing.where("old_n IS NOT NULL").select(config, *GROUP)
        # Deleted first: a run that dies in between counts these sites again.
        outputs = [] if stale.isEmpty() else [Delete(stale, ("config_hash", *GROUP))]
        if todo.isEmpty():
            return {"line_counts": outputs} if outputs else {}
    keys = pages.join(todo.select(*GROUP), GROUP, how="left_semi")
    texts = tables.documents.texts(keys, "text", carry=("site",)).select(*GROUP, "text")
    kernel = functools.partial(kernels.count_lines, fold=rule.fold.kernel())
    lines = texts.mapInArrow(kernel, COUNTS).groupBy(*GROUP, "line").agg(F.sum("n").alias("n"))
    rows = lines.withColumn("documents_hash", F.lit(None).cast("bigint")).unionByName(
        todo.select(*GROUP, F.lit(None).cast("bigint").alias("line"), "n", "documents_hash")
    )
    config = F.lit(params.config_hash()).alias("config_hash")
    return {"line_counts": [*outputs, rows.select(config, *GROUP, "line", "n", "documents_hash")]}


def common_lines(tables: JobContext[State], params: Params, rule: Blocks) -> DataFrame:
    """site, line, n, n_pages of the common lines of all batches; staged.

    line_counts: one, host:a, Home, 6    two, host:a, Home, 5    (12 documents of host:a)
    result:      host:a, Home, 11, 12
    """
    from pyspark.sql import functions as F

    rows = own_counts(tables, params).where("line IS NOT NULL").select(*GROUP, "line", "n")
    sums = rows.join(tables.state.groups.select(*GROUP, "n_pages"), GROUP, how="inner")
    sums = sums.groupBy("site", "line", "n_pages").agg(F.sum("n").alias("n"))

    def holds(limits: list[Common]) -> Column:
        share = F.col("n") / F.col("n_pages")
        return functools.reduce(
            operator.or_, [(F.col("n") >= each.min_documents) & (share >= each.min_share) for each in limits]
        )

    is_unspaced = F.col("line").bitwiseAND(1) == 1
    is_common = F.when(is_unspaced, holds(rule.common_unspaced)).otherwise(holds(rule.common))
    return tables.stage("common", sums.where(is_common).select("site", "line", "n", "n_pages"))


def cut_boilerplate(tables: JobContext[State], params: Params) -> Outputs:
    """`edits`, `verdicts` and `boilerplate` of all batches."""
    if isinstance(params.rule, OneCopy):
        return cut_copies(tables, params, params.rule)
    return cut_blocks(tables, params, params.rule)


def cut_blocks(tables: JobContext[State], params: Params, rule: Blocks) -> Outputs:
    """See cut_boilerplate."""
    from pyspark.sql import functions as F

    common = common_lines(tables, params, rule)
    again = changed_groups(tables, params, common)
    pages = tables.state.pages
    todo = pages if again is None else pages.join(again, GROUP, how="left_semi")
    found = tables.stage("found", found_blocks(tables, params, todo, common))
    edits, verdicts = edits_of(tables, params, found), verdicts_of(tables, params, found)
    example = F.struct(*EXAMPLE).alias("example")
    examples = found.where("result = 'example'").select("site", "line", example)
    if again is not None:
        # all rows of the last run but those of documents that were looked at again, or are compared no more
        standing = pages.join(tables.state.groups.select(*GROUP), GROUP, how="left_semi")
        standing = standing.join(again, GROUP, how="left_anti").select(*KEYS)
        edits = edits.unionByName(tables.documents.own_rows("edits", standing))
        verdicts = verdicts.unionByName(
            tables.documents.own_rows("verdicts", standing).select(*verdicts.columns)
        )
        old = last_examples(tables).join(
            standing.withColumnsRenamed({"doc_id": "example_doc_id", "batch_id": "example_batch_id"}),
            ["example_doc_id", "example_batch_id"],
            how="left_semi",
        )
        examples = examples.unionByName(old.select("site", "line", "example"))
    examples = examples.groupBy("site", "line").agg(F.min("example").alias("example"))
    share = (F.col("n") / F.col("n_pages")).alias("share")
    rows = common.join(examples, ["site", "line"], how="inner").select(
        "site", "line", "n", "n_pages", share, "example.*"
    )
    return {"edits": edits, "verdicts": verdicts, "boilerplate": as_boilerplate(rows)}


def found_blocks(tables: JobContext, params: Params, pages: DataFrame, common: DataFrame) -> DataFrame:
    """FOUND of the documents `pages` (doc_id, batch_id, site); those of a site without common lines are not
    read."""
    from pyspark.sql import functions as F

    every = F.array_sort(F.collect_list("line")).alias("lines")
    kernel = functools.partial(kernels.cut_lines, cut=params.cut())
    if isinstance(params.rule, Blocks) and params.rule.group == "lake":
        # The common lines of a lake are too many for each document to carry: it gets those that it has.
        fold = params.rule.fold.kernel()
        own = tables.documents.texts(pages, "text").select(*KEYS, "text")
        own = own.mapInArrow(functools.partial(kernels.list_lines, fold=fold), UNITS)
        own = own.withColumnRenamed("unit", "line").join(common.select("line"), "line", how="inner")
        keys = tables.stage("lines", own.groupBy(*KEYS).agg(every)).withColumn("site", F.lit(LAKE))
        texts = tables.documents.texts(keys, "text", carry=("site", "lines"))
    else:
        lines = broadcast_while_few(tables.stage("lines", common.groupBy("site").agg(every)))
        keys = pages.join(lines.select("site"), "site", how="left_semi")
        # The lines join the texts by site, a row a site: no document carries them through the join by id.
        texts = tables.documents.texts(keys, "text", carry=("site",)).join(lines, "site", how="inner")
    return texts.select(*KEYS, "site", "text", "lines").mapInArrow(kernel, FOUND)


def changed_groups(tables: JobContext[State], params: Params, common: DataFrame) -> DataFrame | None:
    """batch_id, site whose documents have to be read again; staged. None: all.

    Those that were counted in this run, and those that have a line which became common, is common no more, or
    whose example is in one of the former.
    """
    from pyspark.sql import functions as F

    runs, job, state = tables.history.runs, tables.job.name, tables.state
    covered = [batch for batch in tables.batches if runs.covers(job, batch, tables.recipe_hash)]
    # Rows of a run that died, of another recipe, or that somebody else has changed do not stand.
    if not covered or state.recounted is None:
        return None
    groups = state.groups.select(*GROUP)
    stable = groups.where(F.col("batch_id").isin(covered)).join(state.recounted, GROUP, how="left_anti")
    # is_common: 1 only then, 2 only now, 3 both
    before, now = last_examples(tables), common
    both = before.select("site", "line", F.lit(1).alias("bits")).unionByName(
        now.select("site", "line", F.lit(2).alias("bits"))
    )
    touched = both.groupBy("site", "line").agg(F.sum("bits").alias("bits")).where("bits <> 3")
    of_stable = before.join(
        stable.withColumnRenamed("batch_id", "example_batch_id"),
        ["example_batch_id", "site"],
        how="left_anti",
    )
    touched = touched.select("site", "line").unionByName(of_stable.select("site", "line")).distinct()
    counts = own_counts(tables, params).where("line IS NOT NULL").select(*GROUP, "line")
    holding = counts.join(
        broadcast_while_few(tables.stage("touched", touched)), ["site", "line"], how="left_semi"
    )
    again = groups.join(stable, GROUP, how="left_anti").unionByName(
        stable.join(holding.select(*GROUP).distinct(), GROUP, how="left_semi")
    )
    return tables.stage("again", again)


def last_examples(tables: JobContext) -> DataFrame:
    """site, line, example (EXAMPLE), example_doc_id, example_batch_id of the last run's `boilerplate`."""
    from pyspark.sql import functions as F

    names = [F.col(name if name == "line_text" else f"example_{name}").alias(name) for name in EXAMPLE]
    rows = tables.own("boilerplate")
    return rows.select(
        "site", "line", F.struct(*names).alias("example"), "example_doc_id", "example_batch_id"
    )


def cut_copies(tables: JobContext[State], params: Params, rule: OneCopy) -> Outputs:
    """See cut_boilerplate: every document is compared in each run, since a better-ranked one may come."""
    from pyspark.sql import functions as F

    pages, unit = tables.state.pages, rule.unit()
    kernel = functools.partial(kernels.list_units, fold=rule.fold.kernel(), rule=unit)
    texts = tables.documents.texts(pages, "text").select(*KEYS, "text")
    units = tables.stage("units", texts.mapInArrow(kernel, UNITS))
    # Counted first, in 8 bytes a unit: most are of one document, and need no owner.
    shared = units.groupBy("unit").agg(F.count("*").alias("n")).where("n > 1")
    shared = tables.stage("shared", units.join(shared, "unit", how="inner"))
    ranks, order = with_rank_columns(tables, pages, params.ranking, is_staged=True)
    # batch_id last: the same doc_id in two batches would otherwise tie.
    best = F.min(F.struct(*order, "batch_id")).alias("best")
    owners = shared.join(ranks.select(*KEYS, *order[:-1]), KEYS, how="inner").groupBy("unit", "n").agg(best)
    owners = owners.select(
        "unit",
        "n",
        F.col("best.doc_id").alias("owner_doc_id"),
        F.col("best.batch_id").alias("owner_batch_id"),
    )
    owners = tables.stage("owners", owners)
    is_other = (F.col("doc_id") != F.col("owner_doc_id")) | (F.col("batch_id") != F.col("owner_batch_id"))
    others = shared.select(*KEYS, "unit").join(owners, "unit", how="inner").where(is_other)
    others = others.groupBy(*KEYS).agg(F.array_sort(F.collect_list("unit")).alias("units"))
    # Left: a document may repeat itself, too.
    keys = tables.stage("others", pages.select(*KEYS).join(others, KEYS, how="left"))
    rows = tables.documents.texts(keys, "text", carry=("units",)).select(*KEYS, "text", "units")
    cut = functools.partial(kernels.cut_units, cut=params.cut(), rule=unit)
    found = tables.stage("found", rows.mapInArrow(cut, FOUND))
    # A passage that is of one document repeats that document.
    passages = (
        found.where("result = 'edit'")
        .groupBy("line")
        .agg(F.min("line_text").alias("line_text"), F.min(F.struct(*KEYS)).alias("itself"))
    )
    passages = passages.join(owners.withColumnRenamed("unit", "line"), "line", how="left")
    nothing = F.lit(None)
    rows = passages.select(
        F.lit(LAKE).alias("site"),
        "line",
        F.coalesce("n", F.lit(1)).alias("n"),
        nothing.cast("bigint").alias("n_pages"),
        nothing.cast("double").alias("share"),
        F.coalesce("owner_doc_id", "itself.doc_id").alias("doc_id"),
        F.coalesce("owner_batch_id", "itself.batch_id").alias("batch_id"),
        nothing.cast("int").alias("start"),
        nothing.cast("int").alias("end"),
        "line_text",
    )
    return {
        "edits": edits_of(tables, params, found),
        "verdicts": verdicts_of(tables, params, found),
        "boilerplate": as_boilerplate(rows),
    }


def edits_of(tables: JobContext, params: Params, found: DataFrame) -> DataFrame:
    """Rows of `edits` from FOUND: spans that are deleted."""
    from pyspark.sql import functions as F

    return found.where("result = 'edit'").select(
        F.lit(tables.job.name).alias("job"),
        *KEYS,
        "start",
        "end",
        F.lit("").alias("replacement"),
        F.lit(params.rule.reason()).alias("reason"),
    )


def verdicts_of(tables: JobContext, params: Params, found: DataFrame) -> DataFrame:
    """Rows of `verdicts` from FOUND: the documents of which too much would go; their text keeps all of it."""
    from pyspark.sql import functions as F

    return tables.verdicts(
        found.where("result = 'verdict'"),
        reason=F.lit("mostly_boilerplate"),
        threshold=F.lit(params.rule.max_share),
        rule=F.lit("dedup_boilerplate.max_share"),
    )


def as_boilerplate(rows: DataFrame) -> DataFrame:
    """Rows of `boilerplate`: the columns of EXAMPLE under their names there."""
    names = {name: f"example_{name}" for name in EXAMPLE if name != "line_text"}
    return rows.withColumnsRenamed(names).select(
        "site", "line", "line_text", "n", "n_pages", "share", *names.values()
    )
