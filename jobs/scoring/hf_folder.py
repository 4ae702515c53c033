"""Folders of Hugging Face models that a recipe names: version, labels, packages on the executors."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.core.records import Json
from gristmill.udfs.language_models.causal_lm import look

if TYPE_CHECKING:
    from gristmill.jobs.runner.context import JobContext


def version_of(digest: str, *settings: Json) -> str:
    """12 hex digits of the model's bytes (`datafiles.digest_of_folder`) and of settings of its output."""
    return hashlib.blake2b(json.dumps([digest, *settings]).encode(), digest_size=6).hexdigest()


def labels_of(folder: Path) -> list[str]:
    """The labels of a classifier in the order of its outputs; a regression has one.

    Raises ConfigError when config.json names none that can be read.
    """
    try:
        # id2label may be missing. Transformers then names
        # the labels LABEL_0, LABEL_1, ...; two by default.
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        labels = config.get("id2label") or {str(i): f"LABEL_{i}" for i in range(config.get("num_labels", 2))}
        return [str(labels[key]) for key in sorted(labels, key=int)]
    except (OSError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"{folder}/config.json: {error}; wanted the configuration of a Hugging Face classifier, "
            "with id2label"
        ) from None


def check_executors(tables: JobContext) -> None:
    """Raises ConfigError where the executors' Python lacks a package of the extra `loss`.

    The driver's own packages do not matter: the model runs on executors.
    """
    # Asked of one task: executors of a cluster are assumed to have the same environment.
    missing = sorted(
        {row["name"] for row in tables.frame([(1,)], "one int").mapInArrow(look, "name string").collect()}
    )
    if missing:
        job = tables.job.name
        raise ConfigError(
            f"{job}: {' and '.join(missing)} not installed; pip install 'gristmill[loss]' in the "
            f"executors' Python, or leave {job} out"
        )
