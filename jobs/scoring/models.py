"""Trained models of a lake: files below its root, a row each in the table `models`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gristmill.jobs.core.errors import ContractError
from gristmill.jobs.core.records import Record, Records
from gristmill.jobs.lake import hadoop_files
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.schema.scores import MODELS
from gristmill.jobs.scoring.model_card import card_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import DataFrame

FOLDER = "_models"


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
    """Write a model's file and its card, and give its row of `models`."""
    path = f"{FOLDER}/{name}-{version}.model"
    hadoop_files.write_bytes(tables.lake.spark, f"{tables.lake.root}/{path}", data)
    row = (
        tables.job.name,
        name,
        version,
        kind,
        lang,
        path,
        json.dumps(trained_on, sort_keys=True),
        {key: float(value) for key, value in (figures or {}).items()},
        json.dumps(params, sort_keys=True),
        tables.started_at,
    )
    card = card_of(dict(zip(MODELS.names, row, strict=True)))
    hadoop_files.write_text(tables.lake.spark, f"{tables.lake.root}/{path.removesuffix('.model')}.md", card)
    return row


def is_trained(tables: JobContext) -> bool:
    """Whether the models of this job that stand in the lake were trained by the recipe at hand."""
    runs = [
        row
        for row in tables.history.runs.finished(tables.job.name)
        if "models" in (row["versions_written"] or {})
    ]
    # A table that was dropped, or made anew, holds nothing of them.
    return (
        bool(runs)
        and runs[-1]["recipe_hash"] == tables.recipe_hash
        and runs[-1]["run_id"] in tables.history.runs.pin("models").runs
    )


def kept_model(tables: JobContext, name: str, params: Record, **made_of: object) -> Record | None:
    """The row of this job's model `name` as the last finished run left it, where it was made by these params.

    `made_of`: entries that its trained_on must have too; values are as JSON has them. None where one differs.
    """
    found = tables.get("models")
    for row in [] if found is None else found.collect():
        if (row["job"], row["name"]) != (tables.job.name, name) or json.loads(row["params"]) != params:
            continue
        about = json.loads(row["trained_on"])
        if all(about.get(key) == value for key, value in made_of.items()):
            kept: Record = row.asDict()
            return kept
    return None


def as_models(tables: JobContext, rows: list[tuple[object, ...]]) -> DataFrame:
    """Rows of `model_row` as a frame of `models`."""
    return tables.frame(rows, MODELS.schema).coalesce(1)


def find_models(tables: JobContext, names: list[str], trainer: str) -> Records:
    """The rows of the named models as the last finished run left them, in the order of `names`.

    Raises ContractError naming those that are missing.
    """
    found = {row["name"]: row.asDict() for row in tables["models"].collect() if row["job"] == trainer}
    missing = [name for name in names if name not in found]
    if missing:
        raise ContractError(
            f"models: {trainer} has trained no {', '.join(missing)} (there are: "
            f"{', '.join(sorted(found)) or 'none'}); "
            "name them in its recipe and run it"
        )
    return [found[name] for name in names]


def load_model(tables: JobContext, row: Record) -> bytes:
    """The bytes of a model's file. Raises ContractError when it is gone."""
    return read_model(tables.lake, row)


def read_model(lake: Lake, row: Record) -> bytes:
    """As `load_model`, of a row of `models` of a lake."""
    path = str(row["path"])
    is_absolute = "://" in path or path.startswith("/")
    return hadoop_files.read_bytes(lake.spark, path if is_absolute else f"{lake.root}/{path}")
