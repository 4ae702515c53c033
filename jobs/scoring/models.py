"""Trained models of a lake: a file below its root and a row in the table `models` for each."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, TypeVar

from gristmill.jobs.core.errors import ContractError
from gristmill.jobs.core.records import Record, Records
from gristmill.jobs.lake import hadoop_files
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.schema.scores import MODELS
from gristmill.jobs.scoring.model_card import card_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyspark.sql import DataFrame

FOLDER = "_models"
T = TypeVar("T")


def model_row(
    tables: JobContext,
    name: str,
    version: str,
    kind: str,
    data: bytes,
    *,
    trained_on: Record,
    params: Record,
    figures: Mapping[str, float] | None = None,
    lang: str | None = None,
) -> tuple[object, ...]:
    """Write a model's file and its card; returns its row of `models`, in the order of MODELS.

    The path is relative to the lake's root, so that a lake can be moved.
    """
    # The version is part of the name: readers of an
    # earlier version of `models` still find their file.
    path = f"{FOLDER}/{name}-{version}.model"
    hadoop_files.write_bytes(tables.lake.spark, f"{tables.lake.root}/{path}", data)
    row = (
        tables.job.name,
        name,
        version,
        kind,
        lang,
        path,
        sha256(data),
        json.dumps(trained_on, sort_keys=True),
        {key: float(value) for key, value in (figures or {}).items()},
        json.dumps(params, sort_keys=True),
        tables.started_at,
    )
    card = card_of(dict(zip(MODELS.names, row, strict=True)))
    hadoop_files.write_text(tables.lake.spark, f"{tables.lake.root}/{path.removesuffix('.model')}.md", card)
    return row


def is_trained(tables: JobContext) -> bool:
    """Whether the lake has models of this job that were trained by this recipe."""
    runs = [
        row
        for row in tables.history.runs.finished(tables.job.name)
        if "models" in (row["versions_written"] or {})
    ]
    # The run log outlives a table that was dropped or created
    # again, so the table must have that run's commit.
    return (
        bool(runs)
        and runs[-1]["recipe_hash"] == tables.recipe_hash
        and runs[-1]["run_id"] in tables.history.runs.pin("models").runs
    )


def find_reusable(tables: JobContext, name: str, params: Record, **trained_on: object) -> Record | None:
    """The row of this job's model `name`, by column, where it has these params; else None.

    `trained_on`: entries that its trained_on must equal too, as values of JSON.
    """
    models = tables.get("models")
    # Compared as JSON, in which they are stored: a tuple there is a list.
    for row in [] if models is None else models.collect():
        if (row["job"], row["name"]) != (tables.job.name, name) or json.loads(row["params"]) != params:
            continue
        about = json.loads(row["trained_on"])
        if all(about.get(key) == value for key, value in trained_on.items()):
            reusable: Record = row.asDict()
            return reusable
    return None


def as_models(tables: JobContext, rows: list[tuple[object, ...]]) -> DataFrame:
    """Rows of `model_row` as a frame of `models`, in one file."""
    return tables.frame(rows, MODELS.schema).coalesce(1)


def find_models(tables: JobContext, names: list[str], trainer: str) -> Records:
    """Rows of `models`, by column, of the models of `trainer` in the order of `names`.

    Raises ContractError naming those that are missing.
    """
    by_name = {row["name"]: row.asDict() for row in tables["models"].collect() if row["job"] == trainer}
    missing = [name for name in names if name not in by_name]
    if missing:
        raise ContractError(
            f"models: {trainer} has trained no {', '.join(missing)} (there are: "
            f"{', '.join(sorted(by_name)) or 'none'}); "
            "name them in its recipe and run it"
        )
    return [by_name[name] for name in names]


def load_model(lake: Lake, row: Record, parse: Callable[[bytes], T]) -> T:
    """The model of a row of `models`: what `parse` makes of its file.

    Raises ContractError where the file is missing or lies outside the lake, where its bytes are not those
    that the row names, and where `parse` raises ValueError.
    """
    path = lake.inside(row["path"])
    data = hadoop_files.read_bytes(lake.spark, path)
    # Compiled libraries read some models without checking them, so only bytes that the table names get there.
    if row["sha256"] is None:
        raise ContractError(
            f"models: {row['name']} {row['version']} was trained by a version that kept no hash of its file; "
            "run `gristmill upgrade --lake LAKE`, which takes the file as it is now, or train it again"
        )
    found = sha256(data)
    if found != row["sha256"]:
        raise ContractError(
            f"{path}: has the SHA-256 {found}, models says {row['sha256']} for {row['name']} "
            f"{row['version']}: another has changed the file; restore it, or train the model again "
            "(reuse_model: false, once)"
        )
    try:
        return parse(data)
    except ValueError as error:
        raise ContractError(f"{path}: {error}") from error


def sha256(data: bytes) -> str:
    """What `models.sha256` holds."""
    return hashlib.sha256(data).hexdigest()
