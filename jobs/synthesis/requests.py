"""What every job needs that puts requests into the worker's queue: the prompt file's identity, the
parts, the worker's tables."""

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
    part_requests: PositiveInt  # that one worker holds at a time

    @model_validator(mode="before")
    @classmethod
    def _load_referenced_files(cls, given: object) -> object:
        """The prompt file's recipe, version and bytes become part of the parameters, and so of their hash."""
        if not isinstance(given, dict) or not isinstance(given.get("prompt"), str):
            return given
        content = load_yaml(find_file(given["prompt"]))
        if not isinstance(content, dict) or not {"recipe", "version"} <= content.keys():
            raise ConfigError(
                f"{given['prompt']}: wanted a prompt file with `recipe` and `version`; see "
                "conf/prompts/cot.yaml"
            )
        version = f"{content['version']}-{digest_of(find_file(given['prompt']))[:12]}"
        return {**given, "recipe": content["recipe"], "recipe_version": version}


def first_reason(fails: list[tuple[Column, str]]) -> Column:
    """The name of the first condition that holds; null when none does."""
    from pyspark.sql import functions as F

    return F.coalesce(*(F.when(condition, F.lit(name)) for condition, name in fails))


def with_parts(requests: DataFrame, size: int) -> DataFrame:
    """Adds `part`: runs of `size` requests in the order of request_id, each named by its first one, so
    that a name never comes twice."""
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
    named = numbered.join(F.broadcast(first), ["recipe", "n"], how="inner")
    parts = named.select("request_id", F.concat_ws("-", "recipe", F.substring("first", 1, 16)).alias("part"))
    return requests.join(parts, ["request_id"], how="inner")


def beyond_limit(rows: DataFrame, limit: Column | int, by: list[str], order: list[str]) -> DataFrame:
    """`rows` with the reason not_sampled where, of those of one group (`by`) without a reason, `limit` stand
    before in `order`."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    before = (
        Window.partitionBy(*by, "reason")
        .orderBy(*order)
        .rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )
    beyond = F.col("reason").isNull() & (F.row_number().over(before) > limit)
    return rows.withColumn("reason", F.when(beyond, F.lit("not_sampled")).otherwise(F.col("reason")))


def queued(tables: JobContext, params: Prompted, requests: DataFrame) -> Outputs:
    """What is written for `requests` (the columns of `synth_requests` without recipe, recipe_version and
    part): those whose request_id is not in the queue yet, and the worker's tables."""
    from pyspark.sql import functions as F

    there = tables.own("synth_requests").select("request_id")
    fresh = requests.join(there, ["request_id"], how="left_anti")
    fresh = tables.stage("requests", fresh.withColumn("recipe", F.lit(params.recipe)))
    rows = with_parts(fresh, params.part_requests).withColumn("recipe_version", F.lit(params.recipe_version))
    return {"synth_requests": rows.select(*SYNTH_REQUESTS.names), **fresh_tables(tables)}


def fresh_tables(tables: JobContext) -> dict[str, DataFrame]:
    """The tables that the worker writes, empty, as far as they are missing: it has no Spark to make them
    with their comments and promises."""
    return {
        name: tables.empty(name) for name in ("synth_answers", "leases") if not tables.output_exists(name)
    }
