"""Train an n-gram language model per language on a reference slice of the lake.

reads   docs, signals, verdicts
writes  models
run     spark-submit jobs/train_lm.py --recipe conf/jobs/train_lm.yaml --lake lakes/demo

Estimated by KenLM's lmplz where it is installed (GRISTMILL_LMPLZ or on the PATH), otherwise by the
pure-Python kaldingram, which copes with a few million characters. The choice of documents depends only on
their ids and the seed.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.errors import DataError
from gristmill.jobs.core.params import Filtered
from gristmill.jobs.core.routes import Label
from gristmill.jobs.curation.domains import with_domain
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.jobs.scoring.models import as_models, is_trained, model_row
from gristmill.udfs.language_models.kenlm_training import find_lmplz

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Model(Strict):
    """One language's model."""

    # tokens: words in lower case (each digit one), or characters
    unit: Literal["words", "chars"]
    order: int = Field(ge=2, le=6)  # tokens in the longest n-gram


class Params(Filtered):
    """See conf/jobs/train_lm.yaml."""

    domains: list[Label] | None  # the reference slice; null: any domain
    max_documents: PositiveInt  # of each language
    # characters of a document that are read, in training and in scoring
    max_chars: PositiveInt
    # n-grams of order 3 and more with at most this count are left out (lmplz only)
    prune: NonNegativeInt
    # log10 probability of an unknown token, for an estimator that gives none
    log10_unk: float = Field(lt=0)
    seed: int  # of the choice of documents
    # true: models are kept while these parameters are
    # the same; false: trained again with each batch
    reuse_model: bool
    models: dict[Label, Model]  # by language

    def modules(self) -> set[str]:
        """See gristmill.jobs.core.packages."""
        return set() if find_lmplz() else {"kaldingram"}


def reference(tables: JobContext, params: Params) -> DataFrame:
    """doc_id, batch_id, lang, position of the training documents; staged.

    At most `max_documents` of each language, the first by a seeded hash of doc_id; position is their rank,
    from 1.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    keys = ["doc_id", "batch_id"]
    docs = with_domain(tables, tables.slice("docs").select(*keys, "domain_hint"))
    docs = docs if params.domains is None else docs.where(F.col("domain").isin(params.domains))
    rows = docs.join(tables.slice("signals").select(*keys, "lang"), keys, how="inner").where(
        F.col("lang").isin(list(params.models))
    )
    rows = rows.join(tables.documents.kept(params.skip_rejected_by), keys, how="left_semi")
    # A hash of the id and not rand(), whose result depends
    # on the partitions; doc_id breaks ties of the hash.
    order = Window.partitionBy("lang").orderBy(F.xxhash64(F.lit(params.seed), F.col("doc_id")), "doc_id")
    return tables.stage(
        "reference",
        rows.withColumn("position", F.row_number().over(order))
        .where(F.col("position") <= params.max_documents)
        .select(*keys, "lang", "position"),
    )


def train(tables: JobContext, params: Params) -> Outputs:
    """`models`: one row a language.

    Raises DataError where the estimator cannot use the texts of a language, such as none at all.
    """
    from gristmill.udfs.language_models import kenlm_training
    from gristmill.udfs.language_models.kenlm import to_bytes

    if params.reuse_model and is_trained(tables):
        return {}
    # The estimators run on the driver; max_documents bounds what is sent
    # there. Sorted, so that the model does not depend on the partitions.
    texts = (
        tables.documents.texts(reference(tables, params), "text", carry=("lang", "position"))
        .toPandas()
        .sort_values(["lang", "position"])
    )
    rows = []
    for lang, model_params in params.models.items():
        of_language = texts[texts.lang == lang].text.tolist()
        try:
            model, estimator, n = kenlm_training.train(
                f"lm_{lang}",
                lang,
                model_params.unit,
                model_params.order,
                params.max_chars,
                of_language,
                params.log10_unk,
                params.prune,
            )
        except ValueError as error:
            raise DataError(
                f"train_lm: {error} (language {lang}, domains {params.domains or 'any'}); nothing "
                "written. Widen domains or leave the language out"
            ) from error
        # The versions of all tables that were read: with
        # the recipe, all it takes to train the model again.
        about = {
            "documents": len(of_language),
            "estimator": estimator,
            "domains": params.domains,
            "versions": dict(sorted(tables.versions.items())),
        }
        figures = {"documents": len(of_language), "sentences": n, "bytes": len(model.blob)}
        rows.append(
            model_row(
                tables,
                model.name,
                model.version,
                "kenlm",
                to_bytes(model),
                lang=lang,
                trained_on=about,
                figures=figures,
                params=model_params.model_dump(),
            )
        )
    return {"models": as_models(tables, rows)}


JOB = Job(
    "train_lm",
    Params,
    reads=("docs", "signals", "verdicts"),
    writes=(Writes("models", "job"),),
    steps=(train,),
    scope="lake",
    about=__doc__,
    looks_at=("domains",),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
