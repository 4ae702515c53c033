"""Train the learnt quality scorers on documents of the lake, on labelled files, or on both.

reads   docs, signals, verdicts
writes  models
run     spark-submit jobs/train_classifier.py --recipe conf/train_classifier.yaml --lake lakes/demo

Good examples are documents of the reference domains that the judges kept; bad ones are those that a judge left out. Which of them are
taken depends on their ids and the seed only. A model is calibrated, and its figures are told, on held-out folds.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from jobs.core import examples
from jobs.core.config import Strict
from jobs.core.domains import with_domain
from jobs.core.errors import DataError
from jobs.core.examples import ExampleFile, read_examples
from jobs.core.job import Job, Tables, Writes, main
from jobs.core.models import as_models, is_trained, model_row

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame


class Linear(Strict):
    """Logistic regression over hashed n-grams (udfs.grams)."""

    kind: Literal["linear"]
    unit: Literal["chars", "words"]
    shortest: PositiveInt  # items in a gram
    longest: PositiveInt
    buckets: PositiveInt  # a power of two
    max_chars: PositiveInt  # characters of a text that are read
    strength: PositiveFloat  # C of the regression: more, and it trusts the examples more

    def spec(self) -> dict[str, Any]:
        """What udfs.training wants."""
        grams = {key: getattr(self, key) for key in ("unit", "shortest", "longest", "buckets", "max_chars")}
        return {"grams": grams, "strength": self.strength}


class Trees(Strict):
    """Gradient boosting over the measures of `signals`."""

    kind: Literal["trees"]
    trees: PositiveInt
    leaves: PositiveInt
    learning_rate: PositiveFloat

    def spec(self) -> dict[str, Any]:
        """What udfs.training wants."""
        return self.model_dump(exclude={"kind"})


class FastText(Strict):
    """fastText supervised over words."""

    kind: Literal["fasttext"]
    epoch: PositiveInt
    lr: PositiveFloat
    dim: PositiveInt
    word_ngrams: PositiveInt
    bucket: PositiveInt
    min_count: PositiveInt
    max_chars: PositiveInt  # characters of a text that are read

    def spec(self) -> dict[str, Any]:
        """What udfs.training wants."""
        given = self.model_dump(exclude={"kind", "word_ngrams", "min_count"})
        return {**given, "wordNgrams": self.word_ngrams, "minCount": self.min_count}


class Slice(Strict):
    """Documents of the lake that are examples of one class."""

    domains: list[str] | None  # null: any
    languages: list[str]
    per_language: PositiveInt  # documents at the most of each language


class Params(Strict):
    """See conf/train_classifier.yaml."""

    judges: list[str]  # what they kept may be good, what they left out is bad
    reasons: list[str] | None  # reasons of theirs that make a bad example; null: all
    good: Slice | None
    bad: Slice | None
    files: list[ExampleFile]  # labelled rows beside those of the lake
    group_by: Literal["doc_id", "source"]  # what is held out whole
    folds: int = Field(ge=2)
    seed: int  # which documents are taken
    keep: bool  # a model stays while its parameters do; false: it is trained anew with each batch
    classifiers: dict[str, Linear | Trees | FastText]

    @model_validator(mode="after")
    def _has_examples(self) -> Params:
        if not self.files and (self.good is None or self.bad is None):
            raise ValueError("nothing to learn from: give good and bad slices of the lake, or files")
        return self


def taken(rows: DataFrame, lang: Column, wanted: Slice, seed: int) -> DataFrame:
    """doc_id, batch_id, lang of `per_language` rows of each language, by the hash of their ids."""
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    rows = rows.where(lang.isin(wanted.languages))
    if wanted.domains is not None:
        rows = rows.where(F.col("domain").isin(wanted.domains))
    order = Window.partitionBy(lang).orderBy(F.xxhash64(F.lit(seed), F.col("doc_id")), "doc_id")
    return rows.withColumn("place", F.row_number().over(order)).where(F.col("place") <= wanted.per_language).select("doc_id", "batch_id", lang.alias("lang"))


def lake_examples(tables: Tables, params: Params) -> pa.Table | None:
    """text, label, lang, group of the examples that the lake gives."""
    import pyarrow as pa
    from pyspark.sql import functions as F

    if params.good is None or params.bad is None:
        return None
    docs = with_domain(tables, tables.slice("docs").select("doc_id", "batch_id", "domain_hint", "source"))
    docs = docs.join(tables.slice("signals").select("doc_id", "batch_id", "lang"), ["doc_id", "batch_id"], how="inner")
    found = tables.slice("verdicts").where(F.col("job").isin(params.judges))
    hit = found if params.reasons is None else found.where(F.col("reason").isin(params.reasons))
    keys = ["doc_id", "batch_id"]
    kept = docs.join(found.select(*keys).distinct(), keys, how="left_anti")
    out = docs.join(hit.select(*keys).distinct(), keys, how="left_semi")
    both = [taken(rows, F.col("lang"), wanted, params.seed).withColumn("label", F.lit(label)) for rows, wanted, label in ((kept, params.good, 1), (out, params.bad, 0))]
    chosen = tables.stage("chosen", both[0].unionByName(both[1]))
    rows = tables.texts(chosen, params.group_by if params.group_by == "source" else "url", "text", carry=("lang", "label")).toPandas()
    return pa.table({"text": rows["text"].tolist(), "label": rows["label"].tolist(), "lang": rows["lang"].tolist(), "group": rows[params.group_by].tolist()})


def train(tables: Tables, params: Params) -> dict[str, Any]:
    """`models`: one row a classifier. Raises DataError when the examples cannot teach."""
    import pyarrow as pa

    from udfs import measures, training
    from udfs.classifiers import MEASURES, to_bytes

    if params.keep and is_trained(tables):
        return {}
    parts = [table for table in (lake_examples(tables, params), read_examples(params.files)) if table is not None and table.num_rows]
    if not parts:
        raise DataError("train_classifier: the lake has no example of the slices in the recipe; nothing written. Widen good and bad, or give files")
    rows = pa.concat_tables([part.select(["text", "label", "lang", "group"]).cast(examples.SCHEMA) for part in parts])
    measured = measures.measure_texts(rows["text"])
    for name in MEASURES:
        rows = rows.append_column(name, measured[name])
    made = []
    for name, classifier in params.classifiers.items():
        try:
            model, figures, _ = training.fit(name, classifier.kind, {**classifier.spec(), "folds": params.folds}, rows)
        except ValueError as error:
            raise DataError(f"train_classifier: {error}; nothing written") from error
        good = sum(rows["label"].to_pylist())
        about = {"good": good, "bad": rows.num_rows - good, "files": [each.file for each in params.files], "versions": dict(sorted(tables.versions.items()))}
        made.append(model_row(tables, name, model.version, classifier.kind, to_bytes(model), trained_on=about, figures=figures, params=model.spec))
    return {"models": as_models(tables, made)}


JOB = Job(
    "train_classifier", Params, reads=("docs", "signals", "verdicts"), writes=(Writes("models", "job"),), steps=(train,), scope="lake", about=__doc__, looks_at=("domains",),
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main(JOB))
