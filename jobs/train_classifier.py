"""Train the learnt quality scorers on documents of the lake, on labelled files, or on both.

reads   docs, signals, verdicts
writes  models
run     spark-submit jobs/train_classifier.py --recipe conf/jobs/train_classifier.yaml --lake lakes/demo

Good examples are documents of the reference domains that the filters kept; bad ones are those that a judge
left out. Likeness may have slices of its own instead: a target that the filters kept, and a raw sample of all
documents. Which are take_examples depends on their ids and the seed only. A model is calibrated, and its
figures are told, on held-out folds.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from gristmill.jobs.core.config import Strict, find_file, load_yaml, validate
from gristmill.jobs.core.errors import DataError
from gristmill.jobs.core.records import Record
from gristmill.jobs.curation.domains import with_domain
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.jobs.scoring import examples
from gristmill.jobs.scoring.examples import ExampleFile, Sample, Slice, read_examples, take_examples
from gristmill.jobs.scoring.models import as_models, is_trained, model_row

if TYPE_CHECKING:
    import pyarrow as pa


class Linear(Strict):
    """Logistic regression over hashed n-grams (gristmill.udfs.scoring.grams)."""

    kind: Literal["linear"]
    unit: Literal["chars", "words"]
    min_n: PositiveInt  # items in a gram
    max_n: PositiveInt
    buckets: PositiveInt  # a power of two
    max_chars: PositiveInt  # characters of a text that are read
    # C of the regression: more, and it trusts the examples more
    inverse_regularization: PositiveFloat
    # good and bad weigh the same within each bin of lengths (code points, quantiles) and language; null: only
    # in all
    length_bins: PositiveInt | None

    def spec(self) -> Record:
        """What gristmill.udfs.scoring.training wants."""
        grams = {key: getattr(self, key) for key in ("unit", "min_n", "max_n", "buckets", "max_chars")}
        return {
            "grams": grams,
            "inverse_regularization": self.inverse_regularization,
            "length_bins": self.length_bins,
        }


class Trees(Strict):
    """Gradient boosting over the measures of `signals`."""

    kind: Literal["trees"]
    trees: PositiveInt
    leaves: PositiveInt
    learning_rate: PositiveFloat
    # of the measures, drawn anew for each split, that it may choose from
    feature_fraction: float = Field(gt=0, le=1)

    def spec(self) -> Record:
        """What gristmill.udfs.scoring.training wants."""
        return self.model_dump(exclude={"kind"})


class FastText(Strict):
    """fastText supervised over words."""

    kind: Literal["fasttext"]
    epoch: PositiveInt
    lr: PositiveFloat
    dim: PositiveInt
    word_ngrams: PositiveInt
    # characters in the shortest part of a word, its two borders counted, that is learnt beside the word
    min_n: NonNegativeInt
    max_n: NonNegativeInt  # in the longest; 0: words only
    bucket: PositiveInt
    min_count: PositiveInt
    max_chars: PositiveInt  # characters of a text that are read

    def spec(self) -> Record:
        """What gristmill.udfs.scoring.training wants."""
        given = self.model_dump(exclude={"kind", "word_ngrams", "min_count", "min_n", "max_n"})
        return {
            **given,
            "wordNgrams": self.word_ngrams,
            "minCount": self.min_count,
            "minn": self.min_n,
            "maxn": self.max_n,
        }


class Counted(Strict):
    """Likeness to a target by counted words, for each language; its own slices of the lake, or the good
    and bad examples."""

    max_chars: PositiveInt  # characters of a text that are read
    # a run of words counts each time it stands in a text; false: once
    count_repeats: bool
    # the reference, of what the filters kept; null: the good examples
    target: Sample | None
    # what it is told from, of all documents; null: the bad examples
    raw: Sample | None

    @model_validator(mode="after")
    def _has_both(self) -> Counted:
        if (self.target is None) != (self.raw is None):
            raise ValueError(
                "target and raw go together: give both slices, or null for both (the good and bad examples)"
            )
        return self

    def spec(self) -> Record:
        """What gristmill.udfs.scoring.training wants."""
        return self.model_dump(exclude={"kind", "target", "raw"})


class Likeness(Counted):
    """Importance weights of hashed runs of words (DSIR)."""

    kind: Literal["importance_weights"]
    max_n: int = Field(ge=1, le=8)  # words in a run
    buckets: PositiveInt
    smoothing: PositiveFloat  # counts added to each bucket


class WordStats(Counted):
    """Shares among the commonest words of the reference and of what it is told from, and mean log
    frequency there."""

    kind: Literal["word_stats"]
    vocabulary_sizes: list[PositiveInt] = Field(min_length=1)  # how many of the commonest words
    inverse_regularization: PositiveFloat  # C of the regression that weighs them


Classifier = Linear | Trees | FastText | Likeness | WordStats


class Preset(Strict):
    """A classifier of somebody's recipe (conf/presets/fasttext_*.yaml)."""

    preset: str
    about: str
    classifier: Classifier


class Params(Strict):
    """See conf/jobs/train_classifier.yaml."""

    # what they kept may be good, what they left out is bad
    filters: list[str]
    # reasons of theirs that make a bad example; null: all
    reasons: list[str] | None
    good: Slice | None
    bad: Slice | None
    files: list[ExampleFile]  # labelled rows beside those of the lake
    group_by: Literal["doc_id", "source"]  # what is held out whole
    folds: int = Field(ge=2)
    seed: int  # which documents are take_examples
    # a model stays while its parameters do; false: it is trained anew with each batch
    reuse_model: bool
    # or, in a recipe, the name of a preset's file
    classifiers: dict[str, Classifier]

    @model_validator(mode="before")
    @classmethod
    def _load_referenced_files(cls, given: object) -> object:
        """Presets become part of the recipe, and so of its hash."""
        if not isinstance(given, dict) or not isinstance(given.get("classifiers"), dict):
            return given
        loaded = {
            name: validate(Preset, load_yaml(find_file(each)), each).classifier
            if isinstance(each, str)
            else each
            for name, each in given["classifiers"].items()
        }
        return {**given, "classifiers": loaded}

    @model_validator(mode="after")
    def _has_examples(self) -> Params:
        needs = [
            name for name, each in self.classifiers.items() if not (isinstance(each, Counted) and each.target)
        ]
        if needs and not self.files and (self.good is None or self.bad is None):
            raise ValueError("nothing to learn from: give good and bad slices of the lake, or files")
        return self

    def modules(self) -> set[str]:
        """See gristmill.jobs.core.packages."""
        return {"sklearn"}  # every kind is calibrated by it


def gaps(found: set[tuple[int, str]], good: Slice, bad: Slice) -> list[str]:
    """What the slices ask for and the lake does not hold; `found`: (label, language) of the examples."""
    asked = [(1, "good", lang) for lang in good.languages] + [(0, "bad", lang) for lang in bad.languages]
    return [
        f"no {name} example in {lang}: the slice of the recipe matches no document"
        for label, name, lang in asked
        if (label, lang) not in found
    ]


def lake_examples(
    tables: JobContext,
    params: Params,
    name: str,
    good: Sample | Slice,
    bad: Sample | Slice,
    from_all: bool = False,
) -> pa.Table:
    """text, label, lang, group of the examples that the lake gives: good of what the filters kept, bad of
    what they left out (`from_all`: of all documents)."""
    import pyarrow as pa
    from pyspark.sql import functions as F

    docs = with_domain(tables, tables.slice("docs").select("doc_id", "batch_id", "domain_hint", "source"))
    docs = docs.join(
        tables.slice("signals").select("doc_id", "batch_id", "lang"), ["doc_id", "batch_id"], how="inner"
    )
    found = tables.slice("verdicts").where(F.col("job").isin(params.filters))
    hit = found if params.reasons is None else found.where(F.col("reason").isin(params.reasons))
    keys = ["doc_id", "batch_id"]
    kept = docs.join(found.select(*keys).distinct(), keys, how="left_anti")
    out = docs if from_all else docs.join(hit.select(*keys).distinct(), keys, how="left_semi")
    both = [
        take_examples(rows, F.col("lang"), wanted, params.seed).withColumn("label", F.lit(label))
        for rows, wanted, label in ((kept, good, 1), (out, bad, 0))
    ]
    chosen = tables.stage(f"chosen-{name}", both[0].unionByName(both[1]))
    rows = tables.documents.texts(
        chosen, params.group_by if params.group_by == "source" else "url", "text", carry=("lang", "label")
    ).toPandas()
    for gap in gaps(set(zip(rows["label"].tolist(), rows["lang"].tolist(), strict=True)), good, bad):
        print(f"{tables.job.name:<16} {gap}", file=sys.stderr, flush=True)
    return pa.table(
        {
            "text": rows["text"].tolist(),
            "label": rows["label"].tolist(),
            "lang": rows["lang"].tolist(),
            "group": rows[params.group_by].tolist(),
        },
        examples.SCHEMA,
    )


def shared_examples(tables: JobContext, params: Params) -> pa.Table:
    """text, label, lang, group, MEASURES of the lake's good and bad slices and of the files.

    Raises DataError when there are none.
    """
    import pyarrow as pa

    from gristmill.udfs.rules import measures
    from gristmill.udfs.scoring.classifiers import MEASURES

    of_lake = (
        None
        if params.good is None or params.bad is None
        else lake_examples(tables, params, "shared", params.good, params.bad)
    )
    parts = [
        table for table in (of_lake, read_examples(params.files)) if table is not None and table.num_rows
    ]
    if not parts:
        raise DataError(
            "train_classifier: the lake has no example of the slices in the recipe; nothing written. "
            "Widen good and bad, or give files"
        )
    rows = pa.concat_tables(
        [part.select(["text", "label", "lang", "group"]).cast(examples.SCHEMA) for part in parts]
    )
    measured = measures.measure_texts(rows["text"])
    for name in MEASURES:
        rows = rows.append_column(name, measured[name])
    return rows


def train(tables: JobContext, params: Params) -> Outputs:
    """`models`: one row a classifier. Raises DataError when the examples cannot teach."""
    from gristmill.udfs.scoring import training
    from gristmill.udfs.scoring.classifiers import to_bytes

    if params.reuse_model and is_trained(tables):
        return {}
    made, shared = [], None
    for i, (name, classifier) in enumerate(params.classifiers.items()):
        if isinstance(classifier, Counted) and classifier.target and classifier.raw:
            rows = lake_examples(tables, params, str(i), classifier.target, classifier.raw, from_all=True)
        else:
            rows = shared = shared_examples(tables, params) if shared is None else shared
        try:
            model, figures, _ = training.fit(
                name, classifier.kind, {**classifier.spec(), "folds": params.folds}, rows
            )
        except ValueError as error:
            raise DataError(f"train_classifier: {error}; nothing written") from error
        good = sum(rows["label"].to_pylist())
        about = {
            "good": good,
            "bad": rows.num_rows - good,
            "files": [each.file for each in params.files],
            "versions": dict(sorted(tables.versions.items())),
        }
        made.append(
            model_row(
                tables,
                name,
                model.version,
                classifier.kind,
                to_bytes(model),
                trained_on=about,
                figures=figures,
                params=model.spec,
            )
        )
    return {"models": as_models(tables, made)}


JOB = Job(
    "train_classifier",
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
