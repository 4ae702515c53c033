"""Settings of a session that may be refused: each is tried, and what was refused is remembered for `runs`.

Databricks serverless takes six names only and raises CONFIG_NOT_AVAILABLE for the others, also when they are
asked for (https://docs.databricks.com/en/spark/conf.html); a server of Spark Connect refuses static ones.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from gristmill.jobs.core.errors import ConfigError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Session -> refused setting -> the value that holds there instead ("" where it may not be asked for).
_REFUSED: WeakKeyDictionary[SparkSession, dict[str, str]] = WeakKeyDictionary()
_LOCK = threading.Lock()


def is_set(spark: SparkSession, name: str, value: str) -> bool:
    """Set `name`; returns whether the session took it. A refusal is remembered, unless the value holds
    anyway."""
    if name in _REFUSED.get(spark, {}):
        return False  # another round trip would bring the same answer
    from pyspark.errors import PySparkException

    try:
        spark.conf.set(name, value)
        return True
    except PySparkException:
        holds = value_of(spark, name)
        if holds == value:
            return True
        with _LOCK:
            _REFUSED.setdefault(spark, {})[name] = holds or ""
        return False


def is_unset(spark: SparkSession, name: str) -> bool:
    """Take a setting back; returns whether the session allows that. A refusal is remembered as in
    `is_set`."""
    from pyspark.errors import PySparkException

    if name in _REFUSED.get(spark, {}):
        return False
    try:
        spark.conf.unset(name)
        return True
    except PySparkException:
        with _LOCK:
            _REFUSED.setdefault(spark, {})[name] = value_of(spark, name) or ""
        return False


def value_of(spark: SparkSession, name: str, default: str | None = None) -> str | None:
    """The value of a setting, Spark's own default included; `default` where there is none, or where it may
    not be asked for."""
    try:
        # Without a second argument, which Spark would return in place of its own default.
        value: str | None = spark.conf.get(name)
    except Exception:  # of PySpark, or of py4j: an unknown name is an error of Java
        return default
    return default if value is None else value


def refused(spark: SparkSession) -> dict[str, str]:
    """The settings that the session has refused so far -> the values that hold there instead."""
    return dict(sorted(_REFUSED.get(spark, {}).items()))


@contextlib.contextmanager
def set_within(spark: SparkSession, name: str, value: str | None) -> Iterator[bool]:
    """A context with another value of a setting (None: the present one); yields whether it holds."""
    usual = None if value is None else value_of(spark, name)
    took = value is not None and is_set(spark, name, value)
    try:
        # Restored even when the block fails: a session outlives the job.
        yield took
    finally:
        if took and value is not None:
            is_unset(spark, name) if usual is None else is_set(spark, name, usual)


def set_all(spark: SparkSession, wanted: Mapping[str, str], needed: frozenset[str]) -> None:
    """Try every setting. Raises ConfigError for one of `needed` that is refused and has another value."""
    for name, value in wanted.items():
        if not is_set(spark, name, value) and name in needed:
            holds = refused(spark)[name]
            raise ConfigError(
                f"spark: {name}: this session refuses {value!r}, on which rows depend, and has "
                f"{holds or 'a value that it does not tell'}; set it where the compute is configured"
            )
