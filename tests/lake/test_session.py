"""What a session is set to, and what counts as this machine, is found out from what started it; no cluster is
needed to ask.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from gristmill.jobs.lake.session import DELTA, INTERPRETED, LOCAL, MEANING, OURS, SWITCHED, place_of, settings

SUBMITTED = {"PYSPARK_GATEWAY_PORT": "1"}
EXTRA = {"spark.sql.codegen.factoryMode": "NO_CODEGEN", "spark.sql.shuffle.partitions": "3"}


@pytest.mark.parametrize(
    ("environ", "given", "is_active", "is_local", "is_ours"),
    [
        ({}, {}, False, True, True),
        ({"GRISTMILL_MASTER": "local[2]"}, {}, False, True, True),
        ({"GRISTMILL_MASTER": "spark://h:7077"}, {}, False, False, False),
        ({"GRISTMILL_MASTER": "local-cluster[2,1,1024]"}, {}, False, False, False),
        ({"SPARK_REMOTE": "sc://h"}, {}, False, False, False),
        ({}, {}, True, False, False),
        (SUBMITTED, {"spark.master": "local[*]"}, False, True, False),
        (SUBMITTED, {"spark.master": "local[*, 4]"}, True, False, False),
        (SUBMITTED, {"spark.master": "yarn"}, False, False, False),
        (SUBMITTED, {"spark.master": "k8s://h"}, False, False, False),
        (SUBMITTED, {"spark.remote": "sc://h"}, False, False, False),
        ({**SUBMITTED, "GRISTMILL_MASTER": "local[2]"}, {"spark.master": "spark://h"}, False, False, False),
    ],
    ids=str,
)
def test_a_session_is_this_machine_s_only_where_we_start_it_with_a_local_master(
    environ: dict[str, str], given: dict[str, str], is_active: bool, is_local: bool, is_ours: bool
) -> None:
    place = place_of(environ, given, is_active)
    assert (place.is_local, place.is_ours) == (is_local, is_ours)
    assert (settings(place, {}).get(OURS) == "true") == is_ours


def test_a_laptop_gets_its_settings_and_those_of_the_recipe() -> None:
    made = settings(place_of({}, {}, False), EXTRA)
    assert made == {**made, **DELTA, **LOCAL, **EXTRA, **MEANING}
    assert made["spark.sql.shuffle.partitions"] == "3"


@pytest.mark.parametrize("environ", [SUBMITTED, {"GRISTMILL_MASTER": "spark://h:7077"}], ids=str)
def test_a_cluster_gets_what_the_rows_depend_on_and_delta_and_nothing_of_a_laptop(
    environ: dict[str, str],
) -> None:
    made = settings(place_of(environ, {"spark.master": "spark://h:7077"}, False), EXTRA)
    assert made == {**DELTA, **INTERPRETED, SWITCHED: "true", **MEANING}


def test_plans_are_compiled_by_size_only_where_nobody_has_said_how() -> None:
    key = "spark.sql.codegen.wholeStage"
    given = settings(place_of(SUBMITTED, {"spark.master": "yarn", key: "true"}, False), {})
    assert not {SWITCHED, key} & set(given)
    by_recipe = settings(place_of({}, {}, False), {key: "true"})
    assert SWITCHED not in by_recipe
    assert by_recipe[key] == "true"
    assert settings(place_of({}, {}, False), {})[SWITCHED] == "true"


def test_what_the_user_told_spark_submit_wins_but_for_what_the_rows_depend_on() -> None:
    given = {
        "spark.master": "yarn",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension,other",
        "spark.sql.ansi.enabled": "false",
    }
    made = settings(place_of(SUBMITTED, given, False), {})
    assert "spark.sql.extensions" not in made
    catalog = {"spark.sql.catalog.spark_catalog": DELTA["spark.sql.catalog.spark_catalog"]}
    assert made == {**MEANING, **INTERPRETED, SWITCHED: "true", **catalog}
    local = settings(
        place_of(SUBMITTED, {"spark.master": "local[1]", "spark.sql.shuffle.partitions": "7"}, False), EXTRA
    )
    assert "spark.sql.shuffle.partitions" not in local, "the user's 7 stands"
    assert local["spark.sql.codegen.factoryMode"] == "NO_CODEGEN", "a laptop's master, a laptop's settings"
    assert not [key for key in local if key.startswith("spark.driver.")], "its driver runs already"


def test_a_session_that_is_there_is_left_alone() -> None:
    for environ, is_active in (({}, True), (SUBMITTED, True), ({"SPARK_REMOTE": "sc://h"}, False)):
        assert settings(place_of(environ, {}, is_active), EXTRA) == {}


@pytest.mark.spark
def test_whether_a_lake_is_this_machine_s_depends_on_who_started_the_session(
    spark: object, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    from gristmill.jobs.lake.lake import Lake
    from gristmill.jobs.lake.session import is_local

    assert is_local(spark)  # type: ignore[arg-type]
    assert Lake(spark, f"{tmp_path}/lake").is_direct  # type: ignore[arg-type]

    class Foreign:
        """A session that a platform made: on one machine, with a local master."""

        conf = {"spark.master": "local[*, 4]"}

    assert not is_local(Foreign())  # type: ignore[arg-type]
    assert not Lake(Foreign(), f"{tmp_path}/lake", create=False).is_direct  # type: ignore[arg-type]


def test_a_plain_path_is_refused_where_it_is_another_place_to_spark_than_to_this_process(
    tmp_path: Path,
) -> None:
    from gristmill.jobs.core.errors import ConfigError
    from gristmill.jobs.lake.lake import Lake

    class OnHdfs:
        """A session of a cluster whose file system is HDFS."""

        conf: ClassVar[dict[str, str]] = {}

        class _jsc:  # noqa: N801  (py4j's name)
            @staticmethod
            def hadoopConfiguration() -> dict[str, str]:  # noqa: N802
                return {"fs.defaultFS": "hdfs://nn1:8020"}

    with pytest.raises(ConfigError, match=r"one of hdfs://nn1:8020.*hdfs:///lake"):
        Lake(OnHdfs(), f"{tmp_path}/lake")  # type: ignore[arg-type]
    assert Lake(OnHdfs(), "hdfs:///lake").root == "hdfs:///lake"  # type: ignore[arg-type]
