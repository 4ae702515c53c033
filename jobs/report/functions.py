"""The functions over texts (gristmill.udfs.columns) under names for SQL, with the models that a lake has
trained.

    from gristmill.jobs.report.functions import register_functions
    register_functions(spark, lake="lakes/demo")
    spark.sql("SELECT doc_id, perplexity(text, 'zh').perplexity FROM docs")

docs/sql.md lists them. A model is read when its function is registered, and sent to an executor with the
first query that uses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.core.records import Records
from gristmill.jobs.curation.word_lists import load_list
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema import catalog
from gristmill.jobs.scoring.models import load_model

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from gristmill.udfs.columns import Function
    from gristmill.udfs.scoring.sensitive import WordList

# word lists of word_score
LISTS = ("conf/lists/sensitive_en.yaml", "conf/lists/sensitive_zh.yaml")
# functions that need no model of a lake
BARE = (
    "rule_signals",
    "language",
    "text_hash",
    "pii",
    "licence_headers",
    "simplified",
    "embedding",
    "word_score",
)
# function -> job that trains its model
TRAINED = {"perplexity": "train_lm", "quality": "train_classifier", "domain": "label_domain"}
NAMES = (*BARE, *TRAINED)


def register_functions(
    spark: SparkSession,
    lake: str | Lake | None = None,
    version: int | None = None,
    names: Iterable[str] | None = None,
) -> list[str]:
    """Register the functions NAMES, or those in `names`, in a session; returns which.

    `lake`: a lake or its name, whose models `perplexity`, `quality` and `domain` use, as the table `models`
    has them at `version` (None: as the last finished run left it); without one these three are not
    registered. A query for a model that the lake lacks fails and names those that exist. Raises
    ConfigError for a name that is none of NAMES, or one that needs a lake where none is given, and
    ContractError where the lake does not exist.
    """
    requested = list(NAMES if lake is not None else BARE) if names is None else list(names)
    unknown = [name for name in requested if name not in NAMES]
    if unknown:
        raise ConfigError(f"functions: no {', '.join(unknown)}; there are: {', '.join(NAMES)}")
    trained = [name for name in requested if name in TRAINED]
    if trained and lake is None:
        raise ConfigError(f"functions: {', '.join(trained)} use models of a lake; name it (lake=...)")
    opened = Lake(spark, lake, create=False) if isinstance(lake, str) else lake
    rows = models_of(opened, version) if trained and opened is not None else []
    for name in requested:
        function = _by_models(name, opened, rows) if name in TRAINED and opened is not None else _bare(name)
        spark.udf.register(name, function.udf)
    return requested


def models_of(lake: Lake, version: int | None) -> Records:
    """The rows of `models` at a version of the table (None: of the last finished run)."""
    # By default as the last finished run left it: the
    # newest version may be of a run that died on the way.
    at = Runs(lake).versions().get("models") if version is None else version
    return [] if at is None else [row.asDict() for row in lake.read(catalog.table("models"), at).collect()]


def _bare(name: str) -> Function:
    from gristmill.udfs import columns

    function: Function = columns.word_score_of(_lists()) if name == "word_score" else getattr(columns, name)()
    return function


def _by_models(name: str, lake: Lake, rows: Records) -> Function:
    from gristmill.udfs import columns
    from gristmill.udfs.language_models import kenlm
    from gristmill.udfs.scoring import classifiers

    own = [row for row in rows if row["job"] == TRAINED[name]]
    if name == "perplexity":
        return columns.perplexity(
            {m.lang: m for m in (load_model(lake, row, kenlm.from_bytes) for row in own)}
        )
    models = {row["name"]: load_model(lake, row, classifiers.from_bytes) for row in own}
    return (
        columns.quality_of(models) if name == "quality" else columns.domain(next(iter(models.values()), None))
    )


def _lists() -> list[WordList]:
    return [load_list(each).words() for each in LISTS]
