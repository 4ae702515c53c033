"""Measure the loss of a causal language model on each kept document, and leave out the least likely of each
domain (CCI4.0).

reads   docs, verdicts
writes  perplexity, verdicts
run     spark-submit jobs/score_loss.py --recipe conf/jobs/score_loss.yaml --lake lakes/demo

A document is loss_rows at most once by each version of the model. The threshold of a domain is a percentile
of the losses of its own documents. Losses are counted in steps of a thousandth of a nat, so that the
threshold does not depend on the order or the partitions of the rows. A domain with few documents has no
threshold, and a document without a loss is kept.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, PositiveInt, model_validator

from gristmill.jobs.core.datafiles import digest_of_folder
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.core.params import Filtered, LeavesOut
from gristmill.jobs.curation.domains import with_domain
from gristmill.jobs.curation.invalidation import drop_replaced
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_verdicts
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.jobs.scoring.hf_folder import check_executors, version_of
from gristmill.udfs.columns import token_loss

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

STEPS = 1000  # of a nat
# name, in a rule, of the domain of all documents whose source states none
NO_DOMAIN = "none"


class Params(Filtered, LeavesOut):
    """See conf/jobs/score_loss.yaml."""

    # folder of a Hugging Face causal language model, at the same path on every executor
    model: str
    # Filled in: hash of the model's files, so that other
    # weights are another recipe and another version.
    digest: str = ""
    device: Literal["cpu", "cuda"]
    # token before each document; null: the tokenizer's bos_token, else its eos_token
    bos_token: str | None
    max_tokens: PositiveInt  # of a document, from its beginning
    # in one pass of the model, padding included
    padded_tokens: PositiveInt
    max_percentile: float = Field(gt=0, le=100)  # of the losses of a domain's documents
    min_documents: PositiveInt  # fewer in a domain: no threshold

    @model_validator(mode="before")
    @classmethod
    def _load_referenced_files(cls, given: object) -> object:
        if not isinstance(given, dict) or not isinstance(given.get("model"), str):
            return given
        return {**given, "digest": digest_of_folder(Path(given["model"]))}

    def modules(self) -> set[str]:
        """See gristmill.jobs.core.packages."""
        return {"torch", "transformers"}


def model_name(params: Params) -> str:
    """`folder-version`, the value of perplexity.model; the version hashes the model's bytes and its input.

    Raises ConfigError where the folder has no config.json.
    """
    if not params.digest:
        raise ConfigError(
            f"score_loss: model: {params.model} holds no config.json; name the folder of a Hugging "
            "Face causal language model (`make worker` makes models/smollm2-135m-instruct)"
        )
    return f"{Path(params.model).name}-{version_of(params.digest, params.bos_token, params.max_tokens)}"


def loss_rows(tables: JobContext, params: Params) -> DataFrame:
    """The rows of `perplexity` of this version of the model, of the batches of this run."""
    from pyspark.sql import functions as F

    rows = tables.own("perplexity").where(
        (F.col("job") == tables.job.name) & (F.col("model") == model_name(params))
    )
    return rows.where(F.col("batch_id").isin(list(tables.batches)))


def score(tables: JobContext, params: Params) -> Outputs:
    """New rows of `perplexity`.

    Raises ConfigError when there is something to measure and the executors have no package to do it.
    """
    from pyspark.sql import functions as F

    keys, model = ["doc_id", "batch_id"], model_name(params)
    todo = tables.documents.not_done_yet(
        tables.documents.kept(params.skip_rejected_by), "perplexity", model=model
    )
    todo = tables.stage("todo", todo)
    # Without rows still an append: the run must name the version of the table that readers open.
    if not todo.take(1):
        return {"perplexity": tables.empty("perplexity")}
    check_executors(tables)
    folder = str(Path(params.model).resolve())
    # nondeterministic(): the condition below would make Spark run a deterministic function twice.
    loss = token_loss(
        folder, params.bos_token, params.max_tokens, params.padded_tokens, params.device
    ).nondeterministic()
    rows = tables.documents.texts(todo, "text").select(*keys, loss("text").alias("losses"))
    rows = rows.where("losses.n_tokens IS NOT NULL")
    own, model_column = F.lit(tables.job.name).alias("job"), F.lit(model).alias("model")
    # KenLM's share of unknown tokens; not measured with a subword tokenizer.
    no_oov_ratio = F.lit(None).cast("double").alias("oov_ratio")
    measures = ("losses.n_tokens", "losses.log_prob", no_oov_ratio, "losses.perplexity", "losses.loss")
    return {"perplexity": rows.select(own, *keys, model_column, *measures)}


def limit_step(steps: list[tuple[int, int]], max_percentile: float) -> int:
    """The lowest step at or below which `max_percentile` % of the documents lie.

    `steps`: (step, documents), ascending. Documents of one step are never separated. Raises ValueError where
    `steps` is empty.

        steps [(2000, 6), (2500, 3), (4000, 1)], max_percentile 90 -> 2500
    """
    # Exact fractions: a rounding error here could move the threshold by a step.
    target = Fraction(str(max_percentile)) * sum(n for _, n in steps) / 100
    below = 0
    for step, n in steps:
        below += n
        if below >= target:
            return step
    raise ValueError("no documents")


def reject(tables: JobContext, params: Params) -> Outputs:
    """A row of `verdicts` for each document above the threshold of its domain; no model runs."""
    from pyspark.sql import functions as F

    keys = ["doc_id", "batch_id"]
    rows = (
        loss_rows(tables, params)
        .select(*keys, "loss", F.round(F.col("loss") * STEPS).cast("bigint").alias("step"))
        .join(tables.documents.kept(params.skip_rejected_by), keys, how="left_semi")
    )
    # Staged, since the histogram and the comparison both read them.
    rows = tables.stage(
        "losses",
        rows.join(with_domain(tables, tables.slice("docs").select(*keys, "domain_hint")), keys, how="inner"),
    )
    # The driver gets one number a domain and step, so it does not grow with the documents.
    histograms: dict[str | None, list[tuple[int, int]]] = {}
    for row in rows.groupBy("domain", "step").agg(F.count("*").alias("n")).collect():
        histograms.setdefault(row["domain"], []).append((row["step"], row["n"]))
    large = {
        domain: sorted(steps)
        for domain, steps in histograms.items()
        if sum(n for _, n in steps) >= params.min_documents
    }
    limits = tables.frame(
        [(domain, limit_step(steps, params.max_percentile)) for domain, steps in large.items()],
        "of string, max_step bigint",
    )
    # Steps are compared and not losses, so that a
    # document is never above a threshold that it defines.
    over = rows.join(F.broadcast(limits), F.col("domain").eqNullSafe(F.col("of")), how="inner").where(
        F.col("step") > F.col("max_step")
    )
    domain = F.coalesce("domain", F.lit(NO_DOMAIN))
    verdicts = tables.verdicts(
        over,
        reason=F.lit("unlikely_in_its_domain"),
        value="loss",
        threshold=F.col("max_step") / STEPS,
        rule=F.concat(F.lit("score_loss."), domain, F.lit(".max_percentile")),
    )
    return {"verdicts": verdicts}


JOB = Job(
    "score_loss",
    Params,
    reads=("docs", "verdicts"),
    writes=(Writes("perplexity", "append"), Writes("verdicts", "job")),
    steps=(drop_replaced, score, reject),
    scope="lake",
    count=count_verdicts,
    about=__doc__,
    looks_at=("domains",),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
