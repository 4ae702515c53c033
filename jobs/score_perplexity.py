"""Measure how likely each kept document is to the language model of its language (KenLM).

reads   docs, signals, verdicts, models
writes  perplexity
run     spark-submit jobs/score_perplexity.py --recipe conf/jobs/score_perplexity.yaml --lake lakes/demo

A model is sent to each executor once and memory-mapped from a file there. A document is measured at most once
by each version of a model.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gristmill.jobs.core.params import Filtered
from gristmill.jobs.core.routes import Label
from gristmill.jobs.curation.invalidation import drop_replaced
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_kept
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.jobs.scoring.models import find_models, load_model
from gristmill.udfs.columns import perplexity
from gristmill.udfs.language_models.kenlm import from_bytes

if TYPE_CHECKING:
    pass


class Params(Filtered):
    """See conf/jobs/score_perplexity.yaml."""

    # each has a model of train_lm; documents in other languages get no perplexity
    languages: list[Label]

    def modules(self) -> set[str]:
        """See gristmill.jobs.core.packages."""
        return {"kenlm"}


def score(tables: JobContext, params: Params) -> Outputs:
    """New rows of `perplexity` for the batches of this run.

    Raises ContractError where a language has no model.
    """
    from pyspark.sql import functions as F

    rows = find_models(tables, [f"lm_{lang}" for lang in params.languages], "train_lm")
    models = {
        lang: load_model(tables.lake, row, from_bytes)
        for lang, row in zip(params.languages, rows, strict=True)
    }
    keys, names = ["doc_id", "batch_id"], [f"{model.name}-{model.version}" for model in models.values()]
    # Inner: documents in languages without a model are skipped here.
    todo = tables.documents.kept(params.skip_rejected_by).join(
        tables.slice("signals").select(*keys, "lang").where(F.col("lang").isin(params.languages)),
        keys,
        how="inner",
    )
    todo = tables.documents.not_done_yet(todo, "perplexity", model=names)
    # Staged: Spark prunes the batches of the texts by these
    # keys, which it cannot where the keys are a join.
    texts = tables.documents.texts(tables.stage("todo", todo), "text", carry=("lang",))
    measured = texts.select(*keys, "lang", perplexity(models)("text", "lang").alias("measures"))
    model_of = [F.lit(each) for lang, name in zip(models, names, strict=True) for each in (lang, name)]
    model = F.element_at(F.create_map(*model_of), F.col("lang")).alias("model")
    own = F.lit(tables.job.name).alias("job")
    scores = [f"measures.{name}" for name in ("n_tokens", "log_prob", "oov_ratio", "perplexity", "loss")]
    return {"perplexity": measured.select(own, *keys, model, *scores)}


JOB = Job(
    "score_perplexity",
    Params,
    reads=("docs", "signals", "verdicts", "models"),
    writes=(Writes("perplexity", "append"),),
    steps=(
        drop_replaced,
        score,
    ),
    count=count_kept,
    about=__doc__,
    models_of=("train_lm",),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
