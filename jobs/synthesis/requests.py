"""Requests for the synthesis worker: identity of the prompt file, parts of the queue, the worker's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import PositiveInt, model_validator

from gristmill.jobs.core.config import Strict, find_file, load_yaml
from gristmill.jobs.core.datafiles import digest_of
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.job import Outputs
from gristmill.jobs.schema.synthesis import SYNTH_REQUESTS

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


class Prompted(Strict):
    """Parameters that name a prompt file; its content is part of a request's identity."""

    prompt: str  # one of conf/prompts
    recipe: str = ""  # filled in from the prompt file
    # filled in: version and hash of the prompt file
    recipe_version: str = ""
    # requests of a part; a worker leases one part at a time
    part_requests: PositiveInt

    @model_validator(mode="before")
    @classmethod
    def _load_referenced_files(cls, given: object) -> object:
        """The prompt file's recipe, version and bytes become part of the parameters and of their hash.

        Raises ConfigError where the file lacks recipe or version.
        """
        if not isinstance(given, dict) or not isinstance(given.get("prompt"), str):
            return given
        content = load_yaml(find_file(given["prompt"]))
        if not isinstance(content, dict) or not {"recipe", "version"} <= content.keys():
            raise ConfigError(
                f"{given['prompt']}: wanted a prompt file with `recipe` and `version`; see "
                "conf/prompts/cot.yaml"
            )
        # With the hash: a prompt that was edited under its old version is another prompt.
        version = f"{content['version']}-{digest_of(find_file(given['prompt']))[:12]}"
        return {**given, "recipe": content["recipe"], "recipe_version": version}


def first_reason(fails: list[tuple[Column, str]]) -> Column:
    """The name of the first condition that holds; null where none does."""
    from pyspark.sql import functions as F

    return F.coalesce(*(F.when(condition, F.lit(name)) for condition, name in fails))


def with_parts(requests: DataFrame, size: int) -> DataFrame:
    """`requests` with `part`, a name such as cot-0a1b2c3d4e5f6071, shared by `size` requests of one recipe.

    Requests are numbered by request_id. A part is named by its first request, so that parts of different runs
    never have the same name.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    order = (
        Window.partitionBy("recipe")
        .orderBy("request_id")
        .rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )
    numbered = requests.select(
        "request_id", "recipe", F.floor((F.row_number().over(order) - 1) / size).alias("n")
    )
    first = numbered.groupBy("recipe", "n").agg(F.min("request_id").alias("first"))
    # Broadcast: one row a part.
    with_first = numbered.join(F.broadcast(first), ["recipe", "n"], how="inner")
    parts = with_first.select(
        "request_id", F.concat_ws("-", "recipe", F.substring("first", 1, 16)).alias("part")
    )
    return requests.join(parts, ["request_id"], how="inner")


def beyond_limit(rows: DataFrame, limit: Column | int, by: list[str], order: list[str]) -> DataFrame:
    """`rows` with the reason not_sampled where `limit` rows of their group come first in `order`.

    A group has equal values of `by`. Only rows without a reason count and are limited.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    # The reason is a key of the window, so that rows that
    # are left out already do not count towards the limit.
    before = (
        Window.partitionBy(*by, "reason")
        .orderBy(*order)
        .rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )
    beyond = F.col("reason").isNull() & (F.row_number().over(before) > limit)
    return rows.withColumn("reason", F.when(beyond, F.lit("not_sampled")).otherwise(F.col("reason")))


def request_rows(tables: JobContext, params: Prompted, requests: DataFrame) -> Outputs:
    """Rows of `synth_requests` for requests that are not in the queue yet, and the worker's empty tables.

    `requests`: the columns of `synth_requests` without recipe, recipe_version and part.
    """
    from pyspark.sql import functions as F

    # request_id is a hash of the input and the recipe,
    # so a job that runs again queues nothing twice.
    queued = tables.own("synth_requests").select("request_id")
    fresh = requests.join(queued, ["request_id"], how="left_anti")
    fresh = tables.stage("requests", fresh.withColumn("recipe", F.lit(params.recipe)))
    rows = with_parts(fresh, params.part_requests).withColumn("recipe_version", F.lit(params.recipe_version))
    return {"synth_requests": rows.select(*SYNTH_REQUESTS.names), **fresh_tables(tables)}


def fresh_tables(tables: JobContext) -> dict[str, DataFrame]:
    """Those of the worker's tables that do not exist yet, empty.

    The worker has no Spark, so it cannot create them with their comments and constraints.
    """
    return {
        name: tables.empty(name) for name in ("synth_answers", "leases") if not tables.output_exists(name)
    }
