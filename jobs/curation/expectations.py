"""Contracts of rows, declared once and used twice: as Spark predicates that route single rows, and as a Great
Expectations suite that accepts or refuses a batch.

Great Expectations cannot route rows (its complete results come to the driver), and predicates alone leave no
report for a person to read. So conf/expectations/*.yaml is the only declaration, and both are made from it.
"""

from __future__ import annotations

import importlib
import logging
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gristmill.jobs.core.config import Strict, find_file, load_yaml, validate
from gristmill.jobs.core.errors import ContractError
from gristmill.jobs.core.records import Record

if TYPE_CHECKING:
    from great_expectations import expectations as gx_rules
    from great_expectations.checkpoint.checkpoint import CheckpointResult
    from great_expectations.core import ExpectationValidationResult
    from pyspark.sql import Column, DataFrame


class Expectation(Strict):
    """One rule about one column; a null value satisfies every rule but not_null."""

    expect: Literal["not_null", "length_between", "between", "matches", "in_set", "unique"]
    column: str
    reason: str
    min: int | float | None = None
    max: int | float | None = None
    regex: str | None = None
    values: list[str] | None = None


class Contract(Strict):
    """A suite of expectations."""

    suite: str
    expectations: list[Expectation]


class Contracted(Strict):
    """Parameters of a job whose rows must satisfy a contract."""

    contract: str  # in conf/expectations

    def preload(self) -> None:
        """Import Great Expectations, which takes the driver five seconds, while the JVM starts."""
        importlib.import_module("great_expectations")


def load_contract(name: str) -> Contract:
    """conf/expectations/<name>.yaml, or a path. Raises ConfigError."""
    path = find_file(name if name.endswith(".yaml") else f"conf/expectations/{name}.yaml")
    return validate(Contract, load_yaml(path), str(path))


def broken_reason(contract: Contract) -> Column:
    """The reason of the first expectation that a row breaks; null when it satisfies all.

    `unique` is about several rows and is only checked by `gate`.
    """
    from pyspark.sql import functions as F

    broken = [
        F.when(~_holds(each), F.lit(each.reason)) for each in contract.expectations if each.expect != "unique"
    ]
    return F.coalesce(*broken)


def _holds(rule: Expectation) -> Column:
    from pyspark.sql import functions as F

    column = F.col(rule.column)
    if rule.expect == "not_null":
        return column.isNotNull()
    if rule.expect == "matches":
        holds = column.rlike(rule.regex)
    elif rule.expect == "in_set":
        holds = column.isin(rule.values)
    else:
        measured = F.length(column) if rule.expect == "length_between" else column
        holds = F.lit(True)
        holds = holds & (measured >= rule.min) if rule.min is not None else holds
        holds = holds & (measured <= rule.max) if rule.max is not None else holds
    # Of a null value the comparison is null: only not_null is about nulls.
    return F.coalesce(holds, F.lit(True))


def gate(frame: DataFrame, contract: Contract, max_broken_ratio: float, site: str | None) -> None:
    """Validate the batch with Great Expectations; Data Docs go to the local folder `site` (none written when
    None).

    Raises ContractError, naming each failed expectation, when more than `max_broken_ratio` of the rows break
    one.
    """
    # No data about a user's corpus leaves the machine unless the user asks for it.
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # BOOLEAN_ONLY costs one aggregation (3 s instead of 8 s,
        # DECISIONS.md); details are computed only for a batch that fails.
        result = _run_checkpoint(frame, contract, 1 - max_broken_ratio, site, "BOOLEAN_ONLY")
        if not result.success:
            result = _run_checkpoint(frame, contract, 1 - max_broken_ratio, site, "BASIC")
    failed = [
        _failure(each)
        for run in result.run_results.values()
        for each in run["results"]
        if not each["success"]
    ]
    if failed:
        docs = f"; Data Docs: {site}/index.html" if site else ""
        raise ContractError(
            f"{contract.suite}: the batch breaks its contract (conf/expectations/{contract.suite}.yaml) "
            f"beyond {max_broken_ratio:.2%}:\n  "
            + "\n  ".join(failed)
            + f"\nnothing was written; mend the input or the contract{docs}"
        )


def _run_checkpoint(
    frame: DataFrame, contract: Contract, mostly: float, site: str | None, detail: str
) -> CheckpointResult:
    import great_expectations as gx

    # Ephemeral: a project folder on disk would keep the state of earlier runs.
    context = gx.get_context(mode="ephemeral")
    # GX's own progress bars would mix with ours.
    # persist=True is its default and would cache all text.
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_or_update_spark(contract.suite, persist=False)
    batch = source.add_dataframe_asset(contract.suite).add_batch_definition_whole_dataframe("batch")
    # `mostly` is the ratio of rows that must satisfy a rule: the gate's tolerance.
    suite = context.suites.add(
        gx.ExpectationSuite(
            contract.suite, expectations=[_expectation(each, mostly) for each in contract.expectations]
        )
    )
    validation = context.validation_definitions.add(
        gx.ValidationDefinition(name=contract.suite, data=batch, suite=suite)
    )
    # Data Docs cost seconds and need a local folder, so they are written only on request.
    actions = []
    if site:
        Path(site).mkdir(parents=True, exist_ok=True)
        store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(Path(site).resolve())}
        context.add_data_docs_site(
            "site",
            {
                "class_name": "SiteBuilder",
                "store_backend": store,
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            },
        )
        actions = [gx.checkpoint.UpdateDataDocsAction(name="docs", site_names=["site"])]
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(
            name=contract.suite, validation_definitions=[validation], actions=actions, result_format=detail
        )
    )
    return checkpoint.run(batch_parameters={"dataframe": frame})


def _expectation(rule: Expectation, mostly: float) -> gx_rules.Expectation:
    from great_expectations import expectations as gxe

    kwargs: Record = {"column": rule.column, "mostly": mostly, "meta": {"reason": rule.reason}}
    if rule.expect == "not_null":
        return gxe.ExpectColumnValuesToNotBeNull(**kwargs)
    if rule.expect == "matches":
        return gxe.ExpectColumnValuesToMatchRegex(regex=rule.regex, **kwargs)
    if rule.expect == "in_set":
        return gxe.ExpectColumnValuesToBeInSet(value_set=rule.values, **kwargs)
    if rule.expect == "unique":
        return gxe.ExpectColumnValuesToBeUnique(**kwargs)
    kind = (
        gxe.ExpectColumnValueLengthsToBeBetween
        if rule.expect == "length_between"
        else gxe.ExpectColumnValuesToBeBetween
    )
    return kind(min_value=rule.min, max_value=rule.max, **kwargs)


def _failure(result: ExpectationValidationResult) -> str:
    rule, seen = result["expectation_config"], result["result"]
    settings = {
        key: value for key, value in rule["kwargs"].items() if key not in ("column", "mostly", "batch_id")
    }
    share = seen.get("unexpected_percent")
    some = ", ".join(str(value)[:40] for value in (seen.get("partial_unexpected_list") or [])[:3])
    count = (
        f"{seen.get('unexpected_count', '?')} of {seen.get('element_count', '?')} rows ({share:.2f} %)"
        if share is not None
        else str(result.get("exception_info", ""))[:300]
    )
    return f"{rule['kwargs'].get('column')}: {rule['type']} {settings}: broken by {count}, such as {some}"
