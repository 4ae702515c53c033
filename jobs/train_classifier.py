"""Train the learnt quality scorers on documents of the lake, on labelled files, or on both.

reads   docs, signals, verdicts
writes  models
run     spark-submit jobs/train_classifier.py --recipe conf/jobs/train_classifier.yaml --lake lakes/demo

Good examples are documents of the reference domains that the filters kept; bad ones are those that a filter
left out. Kinds that compare with a reference may have slices of their own instead: a target that the filters
kept, and a raw sample of all documents. The choice depends on the ids and the seed only. A model is
calibrated, and its figures are measured, on held-out folds.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Union, get_type_hints

from pydantic import Field, create_model, model_validator

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
from gristmill.udfs.scoring.classifiers import KINDS, to_bytes
from gristmill.udfs.scoring.kind import Kind
from gristmill.udfs.scoring.trees import MEASURES

if TYPE_CHECKING:
    import pyarrow as pa


class Learner(Strict):
    """The parameters of one classifier: its kind, and the numbers that the kind's `Params` names."""

    kind: str

    def params(self) -> Any:
        """The `Params` of the kind (gristmill.udfs.scoring.kind.Kind). Raises ValueError where they do not go
        together."""
        kind = KINDS[self.kind].Params
        return kind(**{each.name: getattr(self, each.name) for each in dataclasses.fields(kind)})

    def spec(self) -> Record:
        """What gristmill.udfs.scoring.training.fit takes and the model keeps."""
        return self.params().spec()

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        self.params()
        return self


class SliceLearner(Learner):
    """A kind that may learn from slices of its own instead of the good and bad examples."""

    # the reference, of what the filters kept; null: the good examples
    target: Sample | None
    # what the reference is compared with, of all documents; null: the bad examples
    raw: Sample | None

    @model_validator(mode="after")
    def _has_both(self) -> Self:
        if (self.target is None) != (self.raw is None):
            raise ValueError(
                "target and raw go together: give both slices, or null for both (the good and bad examples)"
            )
        return self


def recipe_class(name: str, kind: Kind) -> type[Learner]:
    """The class of a recipe's parameters for a kind, made from its `Params`: KINDS alone lists the kinds."""
    # The annotations of a module with postponed evaluation are strings.
    types = get_type_hints(kind.Params)
    fields: dict[str, Any] = {
        each.name: (types[each.name], Field(**each.metadata)) for each in dataclasses.fields(kind.Params)
    }
    base = SliceLearner if kind.HAS_SLICES else Learner
    # The constant tells the members of the union apart: an error names one kind, not all of them.
    fields["kind"] = (Literal[name], ...)
    return create_model(name, __base__=base, **fields)


if TYPE_CHECKING:
    Classifier = Learner
else:
    Classifier = Annotated[
        Union[tuple(recipe_class(name, kind) for name, kind in KINDS.items())],  # noqa: UP007
        Field(discriminator="kind"),
    ]


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
    files: list[ExampleFile]  # labelled rows in addition to those of the lake
    group_by: Literal["doc_id", "source"]  # what is held out whole
    folds: int = Field(ge=2)
    seed: int  # which documents are taken
    # a model is reused while its parameters are the same; false: it is trained anew with each batch
    reuse_model: bool
    # or, in a recipe, the name of a preset's file
    classifiers: dict[str, Classifier]

    @model_validator(mode="before")
    @classmethod
    def _load_referenced_files(cls, section: object) -> object:
        """Presets become part of the recipe, and so of its hash."""
        if not isinstance(section, dict) or not isinstance(section.get("classifiers"), dict):
            return section
        loaded = {
            name: validate(Preset, load_yaml(find_file(each)), each).classifier
            if isinstance(each, str)
            else each
            for name, each in section["classifiers"].items()
        }
        return {**section, "classifiers": loaded}

    @model_validator(mode="after")
    def _has_examples(self) -> Params:
        # A classifier with slices of its own needs no other examples.
        needs = [
            name
            for name, each in self.classifiers.items()
            if not (isinstance(each, SliceLearner) and each.target)
        ]
        if needs and not self.files and (self.good is None or self.bad is None):
            raise ValueError("nothing to learn from: give good and bad slices of the lake, or files")
        return self

    def modules(self) -> set[str]:
        """See gristmill.jobs.core.packages."""
        return {"sklearn"}  # every kind is calibrated by it


def gaps(present: set[tuple[int, str]], good: Slice, bad: Slice) -> list[str]:
    """What the slices request and the lake lacks; `present`: (label, language) of the examples."""
    requested = [(1, "good", lang) for lang in good.languages] + [(0, "bad", lang) for lang in bad.languages]
    return [
        f"no {name} example in {lang}: the slice of the recipe matches no document"
        for label, name, lang in requested
        if (label, lang) not in present
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

    # Ids and labels only: texts are joined for the rows that were chosen.
    docs = with_domain(tables, tables.slice("docs").select("doc_id", "batch_id", "domain_hint", "source"))
    docs = docs.join(
        tables.slice("signals").select("doc_id", "batch_id", "lang"), ["doc_id", "batch_id"], how="inner"
    )
    verdicts = tables.slice("verdicts").where(F.col("job").isin(params.filters))
    # A document that failed for other reasons is neither good nor bad.
    failed = verdicts if params.reasons is None else verdicts.where(F.col("reason").isin(params.reasons))
    keys = ["doc_id", "batch_id"]
    good_docs = docs.join(verdicts.select(*keys).distinct(), keys, how="left_anti")
    bad_docs = docs if from_all else docs.join(failed.select(*keys).distinct(), keys, how="left_semi")
    # By the hash of ids: neither partitions nor the order of rows decide on the examples.
    both = [
        take_examples(rows, F.col("lang"), wanted, params.seed).withColumn("label", F.lit(label))
        for rows, wanted, label in ((good_docs, good, 1), (bad_docs, bad, 0))
    ]
    chosen = tables.stage(f"chosen-{name}", both[0].unionByName(both[1]))
    rows = tables.documents.texts(
        chosen, params.group_by if params.group_by == "source" else "url", "text", carry=("lang", "label")
    ).toPandas()
    # A slice that matches nothing is reported and not an error: a lake may still lack a language.
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
    # Measured again here: rows of files have no row in `signals`.
    measured = measures.measure_texts(rows["text"])
    for name in MEASURES:
        rows = rows.append_column(name, measured[name])
    return rows


def train(tables: JobContext, params: Params) -> Outputs:
    """`models`: one row a classifier. Raises DataError when the examples cannot teach."""
    from gristmill.udfs.scoring import training

    if params.reuse_model and is_trained(tables):
        return {}
    rows_of_models, shared = [], None
    for i, (name, classifier) in enumerate(params.classifiers.items()):
        if isinstance(classifier, SliceLearner) and classifier.target and classifier.raw:
            rows = lake_examples(tables, params, str(i), classifier.target, classifier.raw, from_all=True)
        else:
            # Read and measured once, though several classifiers learn from them.
            rows = shared = shared_examples(tables, params) if shared is None else shared
        try:
            # The folds are part of the spec, and so of the version of the model.
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
        rows_of_models.append(
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
    return {"models": as_models(tables, rows_of_models)}


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
