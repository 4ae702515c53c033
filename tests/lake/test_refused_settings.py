"""A setting that the session refuses stops a run only where its rows depend on it; else `runs` tells of it."""

from __future__ import annotations

from typing import Any

import pytest

from gristmill.jobs.connect import settings
from gristmill.jobs.core.errors import ConfigError

pytestmark = pytest.mark.spark
STATIC = "spark.sql.globalTempDatabase"  # one that no running session changes: a real refusal


@pytest.fixture
def fresh(spark: Any) -> Any:
    """A session of its own, of which no refusal is known yet."""
    return spark.newSession()


def test_a_refusal_is_remembered_with_the_value_that_holds(fresh: Any) -> None:
    assert settings.refused(fresh) == {}
    assert not settings.is_set(fresh, STATIC, "other")
    assert settings.refused(fresh) == {STATIC: "global_temp"}
    assert settings.is_set(fresh, "spark.sql.shuffle.partitions", "7")
    assert settings.value_of(fresh, "spark.sql.shuffle.partitions") == "7"
    assert settings.refused(fresh) == {STATIC: "global_temp"}


def test_a_refused_setting_that_holds_anyway_is_none(fresh: Any) -> None:
    assert settings.is_set(fresh, STATIC, "global_temp")
    assert settings.refused(fresh) == {}


def test_only_a_refusal_on_which_rows_depend_stops(fresh: Any) -> None:
    settings.set_all(fresh, {STATIC: "other", "spark.sql.ansi.enabled": "true"}, frozenset({"spark.sql.ansi.enabled"}))
    assert settings.refused(fresh) == {STATIC: "global_temp"}
    with pytest.raises(ConfigError, match=rf"{STATIC}: this session refuses 'other'.* and has global_temp"):
        settings.set_all(fresh, {STATIC: "other"}, frozenset({STATIC}))


def test_a_setting_of_a_block_is_as_before_after_it(fresh: Any) -> None:
    name = "spark.sql.shuffle.partitions"
    fresh.conf.set(name, "5")
    with pytest.raises(ZeroDivisionError), settings.set_within(fresh, name, "9") as holds:  # noqa: PT012
        assert holds
        assert fresh.conf.get(name) == "9"
        raise ZeroDivisionError
    assert fresh.conf.get(name) == "5"
    with settings.set_within(fresh, STATIC, "other") as holds:
        assert not holds
    with settings.set_within(fresh, name, None) as holds:
        assert fresh.conf.get(name) == "5"
