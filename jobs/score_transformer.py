"""Score the documents that earlier filters kept with text classifiers of Hugging Face folders; each document
at most once by each version.

reads   docs, verdicts
writes  scores
run     spark-submit jobs/score_transformer.py --recipe conf/jobs/score_transformer.yaml --lake lakes/demo

Any folder that AutoModelForSequenceClassification opens: a regression (FineWeb-Edu), classes (quality,
domains) or labels of which a text may have several (toxicity). Within an Arrow batch, texts of similar length
are scored together, which saves padding.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, PositiveInt, model_validator

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.datafiles import digest_of_folder
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.core.params import Filtered
from gristmill.jobs.curation.invalidation import drop_replaced
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_kept
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.jobs.scoring.hf_folder import check_executors, labels_of, version_of
from gristmill.udfs.columns import transformer_score
from gristmill.udfs.language_models.text_heads import Head

if TYPE_CHECKING:
    pass


class Regression(Strict):
    """One number. The score maps `lowest` to `highest` linearly to 0 to 1."""

    kind: Literal["regression"]
    lowest: float  # scores 0, as does anything below
    highest: float  # scores 1

    @model_validator(mode="after")
    def _ends_differ(self) -> Regression:
        if self.lowest >= self.highest:
            raise ValueError(f"lowest {self.lowest} is not below highest {self.highest}")
        return self

    def head(self) -> Head:
        """The same for gristmill.udfs.language_models.text_heads."""
        return Head("regression", None, self.lowest, self.highest)


class Labels(Strict):
    """Classes of which a text is one (softmax), or labels of which it may have several (sigmoid)."""

    kind: Literal["softmax", "sigmoid"]
    # The score is the share of these; null: that of the likeliest label, which `detail` names.
    labels: list[str] | None

    def head(self) -> Head:
        """The same for gristmill.udfs.language_models.text_heads."""
        return Head(self.kind, None if self.labels is None else tuple(self.labels))


class Scorer(Strict):
    """One classifier."""

    # folder, at the same path on every executor
    model: str
    # Filled in: hash of the model's files, so that other
    # weights are another recipe and another version.
    digest: str = ""
    head: Regression | Labels = Field(discriminator="kind")
    max_tokens: PositiveInt  # of a document, from its beginning

    @model_validator(mode="before")
    @classmethod
    def _load_referenced_files(cls, given: object) -> object:
        if not isinstance(given, dict) or not isinstance(given.get("model"), str):
            return given
        return {**given, "digest": digest_of_folder(Path(given["model"]))}


class Params(Filtered):
    """See conf/jobs/score_transformer.yaml."""

    device: Literal["cpu", "cuda"]
    padded_tokens: PositiveInt  # in one pass of a model, padding included
    scorers: dict[str, Scorer] = Field(min_length=1)  # by their name in `scores`

    def modules(self) -> set[str]:
        """See gristmill.jobs.core.packages."""
        return {"torch", "transformers"}


def version(name: str, scorer: Scorer) -> str:
    """12 hex digits of the model's bytes, the head and max_tokens.

    Raises ConfigError where the folder is no classifier, or not one with these labels.
    """
    where, head = f"score_transformer: scorers.{name}", scorer.head
    if not scorer.digest:
        raise ConfigError(
            f"{where}.model: {scorer.model} holds no config.json; name the folder of a Hugging Face "
            "classifier (benchmarks/small_transformer.py makes one)"
        )
    known = labels_of(Path(scorer.model))
    # Checked against the folder, since a softmax over one output would score every document 1.
    if isinstance(head, Regression) != (len(known) == 1):
        raise ConfigError(
            f"{where}.head: {head.kind}, but {scorer.model} has {len(known)} labels ({', '.join(known)}); "
            "a regression has one, softmax and sigmoid several"
        )
    requested = head.labels or [] if isinstance(head, Labels) else []
    if unknown := [label for label in requested if label not in known]:
        raise ConfigError(
            f"{where}.head.labels: {', '.join(unknown)} not among the labels of {scorer.model}: "
            f"{', '.join(known)}"
        )
    # The share of no label is always 0, and that of all labels of a softmax always 1.
    if isinstance(head, Labels) and (
        head.labels == [] or (head.kind == "softmax" and set(requested) == set(known))
    ):
        raise ConfigError(
            f"{where}.head.labels: {len(requested)} of {len(known)} labels, whose share says nothing; "
            f"name some of: {', '.join(known)}"
        )
    return version_of(scorer.digest, head.model_dump(), scorer.max_tokens)


def score(tables: JobContext, params: Params) -> Outputs:
    """New rows of `scores` for the batches of this run.

    Raises ConfigError where there are documents to score and a model or package is missing.
    """
    from pyspark.sql import functions as F

    keys, frames, own = ["doc_id", "batch_id"], [], F.lit(tables.job.name).alias("job")
    kept, versions = (
        tables.documents.kept(params.skip_rejected_by),
        {name: version(name, scorer) for name, scorer in params.scorers.items()},
    )
    for i, (name, scorer) in enumerate(params.scorers.items()):
        left = tables.documents.not_done_yet(kept, "scores", scorer=name, version=versions[name])
        todo = tables.stage(f"todo-{i}", left)
        if not todo.take(1):
            continue
        folder, head = str(Path(scorer.model).resolve()), scorer.head.head()
        # nondeterministic(): the condition below would
        # make Spark run a deterministic function twice.
        output = transformer_score(
            folder, head, scorer.max_tokens, params.padded_tokens, params.device
        ).nondeterministic()
        rows = tables.documents.texts(todo, "text").select(*keys, output("text").alias("output"))
        rows = rows.where("output.raw IS NOT NULL")
        named = F.lit(name).alias("scorer"), F.lit(versions[name]).alias("version")
        frames.append(rows.select(own, *keys, *named, "output.raw", "output.score", "output.detail"))
    # Without rows still an append: the run must name the version of the table that readers open.
    if not frames:
        return {"scores": tables.empty("scores")}
    # Only where there are documents to score: a lake without new ones needs no torch.
    check_executors(tables)
    return {"scores": functools.reduce(lambda one, other: one.unionByName(other), frames)}


JOB = Job(
    "score_transformer",
    Params,
    reads=("docs", "verdicts"),
    writes=(Writes("scores", "append"),),
    steps=(drop_replaced, score),
    count=count_kept,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
