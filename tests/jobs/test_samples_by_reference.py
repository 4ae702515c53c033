"""The filters that compare samples leave out what a plain loop over all of them does, however they lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from benchmarks.made_samples import rows_of
from gristmill.jobs import filter_samples
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.synthesis import SAMPLE_VERDICTS
from tests.lakes import read, write
from tests.support import plain_selection

pytestmark = pytest.mark.spark
N = 700
# Shorter bands than the recipe's, so that every pair of questions from .7 on meets (but for one in 10^7).
NEAR = {
    "min_similarity": 0.7,
    "characters": 5,
    "permutations": 128,
    "bands": 42,
    "rows": 3,
    "max_bucket": 1000,
}
CHANGES: dict[str, Any] = {
    "limits": {}, "same_language": False, "decontaminate": None, "near_duplicates": NEAR,
    "max_same_opening": 14, "buckets": {"difficulty_bins": 3, "max_samples": 6},
    "diversity": {"clusters": 5, "share": 0.7, "method": "k_center", "mmr_weight": 0.5},
}  # fmt: skip


def samples_of(n: int) -> dict[str, pa.Table]:
    """Rows of the tables; chains have one of four lengths, so that values and difficulties tie."""
    made = {
        name: pa.Table.from_batches([rows_of(name, np.arange(n, dtype=np.uint64))])
        for name in ("samples", "sample_signals", "sample_scores")
    }
    signals = made["sample_signals"]
    few = pa.array(60 + signals["cot_units"].to_numpy() % 4, pa.int64())
    made["sample_signals"] = signals.set_column(
        signals.schema.get_field_index("cot_units"), signals.schema.field("cot_units"), few
    )
    return made


def lake_of(spark: Any, folder: Path, tables: dict[str, pa.Table], n_files: int, is_reversed: bool) -> Lake:
    """A lake whose tables have so many files."""
    lake = Lake(spark, str(folder))
    write(lake, "docs", [])
    for name, rows in tables.items():
        rows = rows.take(pa.array(np.arange(len(rows))[::-1])) if is_reversed else rows
        for start in range(0, len(rows), -(-len(rows) // n_files)):
            write(lake, name, rows.slice(start, -(-len(rows) // n_files)))
    return lake


def left_out(lake: Lake) -> list[tuple[Any, ...]]:
    rows = read(lake, SAMPLE_VERDICTS, job="filter_samples")
    return sorted((row.sample_id, row.reason, row.value, row.threshold, row.rule, row.dup_of) for row in rows)


def plainly(tables: dict[str, pa.Table], params: Any) -> list[tuple[Any, ...]]:
    scores = tables["sample_scores"].select(["sample_id", "score"]).rename_columns(["sample_id", "pass_rate"])
    narrow = tables["samples"].select(["sample_id", "lang", "domain", "question"]).to_pandas()
    whole = narrow.merge(tables["sample_signals"].to_pandas(), on="sample_id").merge(
        scores.to_pandas(), on="sample_id", how="left"
    )
    return sorted(plain_selection.chosen(whole, params))


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return samples_of(N)


@pytest.mark.parametrize("method", ["k_center", "mmr"])
def test_what_is_left_out_is_what_a_plain_loop_leaves_out_whatever_the_files_and_parts(
    spark: Any,
    tmp_path: Path,
    tables: dict[str, pa.Table],
    params_of: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    from gristmill.jobs.dedup import steps

    assert tables["samples"]["lang"].null_count > 5
    assert tables["samples"]["domain"].null_count > 50
    params = params_of(
        "filter_samples", **{**CHANGES, "diversity": {**CHANGES["diversity"], "method": method}}
    )
    lake = lake_of(spark, tmp_path / "one", tables, 1, False)
    assert run_job(filter_samples.JOB, params, lake).counts is not None
    wanted = plainly(tables, params)
    assert set(Counter(row[1] for row in wanted)) == {
        "near_duplicate",
        "same_opening",
        "over_quota",
        "crowded",
    }
    assert left_out(lake) == wanted
    if method == "mmr":
        return
    for bound, value in {"DOCUMENTS": 150, "KEYS": 9000, "GROUPED": 300}.items():
        monkeypatch.setattr(steps, bound, value)
    other = lake_of(spark, tmp_path / "other", tables, 3, True)
    run_job(filter_samples.JOB, params, other)
    assert left_out(other) == wanted


def test_a_question_that_is_left_out_is_alike_to_the_better_one_that_stays(
    spark: Any, tmp_path: Path, tables: dict[str, pa.Table], params_of: Callable[..., Any]
) -> None:
    only = {
        "max_same_opening": None,
        "buckets": None,
        "diversity": None,
        "near_duplicates": {**NEAR, "bands": 25, "rows": 5, "max_bucket": 3},
    }
    params = params_of("filter_samples", **{**CHANGES, **only})
    lake = lake_of(spark, tmp_path / "lake", tables, 3, False)
    run_job(filter_samples.JOB, params, lake)
    rows, questions = (
        left_out(lake),
        dict(zip(*tables["samples"].select(["sample_id", "question"]).to_pydict().values(), strict=True)),
    )
    out = {row[0] for row in rows}
    assert 150 < len(out) < 250
    for name, _, value, limit, _, dup_of in rows:
        mine, theirs = (plain_selection.shingles(questions[each], 5) for each in (name, dup_of))
        assert value == len(mine & theirs) / len(mine | theirs) >= limit
        assert dup_of not in out


def test_a_cluster_that_outgrows_a_task_is_thinned_in_crowds_and_centres_need_a_sample_only(
    spark: Any,
    tmp_path: Path,
    tables: dict[str, pa.Table],
    params_of: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from gristmill.jobs.synthesis import diversity

    monkeypatch.setattr(diversity, "MAX_MEMBERS", 25)
    few = {
        name: rows.filter(pc.is_in(rows["sample_id"], tables["samples"]["sample_id"].slice(0, 200)))
        for name, rows in tables.items()
    }
    only = {
        "max_same_opening": None,
        "buckets": None,
        "near_duplicates": None,
        "diversity": {**CHANGES["diversity"], "share": 0.5},
    }
    params, found = params_of("filter_samples", **{**CHANGES, **only}), []
    for n_files in (1, 4):
        lake = lake_of(spark, tmp_path / str(n_files), few, n_files, n_files > 1)
        run_job(filter_samples.JOB, params, lake)
        found.append(left_out(lake))
    assert found[0] == found[1]
    assert 85 <= len(found[0]) <= 100, "each crowd keeps its share, rounded up"
    assert {row[1] for row in found[0]} == {"crowded"}


@pytest.mark.parametrize(
    "style",
    [
        {"cot_units": 0.3, "n_verification": 0.2, "n_exploration": 0.25, "n_connectives": 0.25},
        {"n_verification": 1.0},
    ],
)
def test_values_are_those_of_pandas_to_the_last_bit(
    spark: Any, tables: dict[str, pa.Table], style: dict[str, float]
) -> None:
    from gristmill.jobs.synthesis.ranks import with_value

    class Staged:
        """Tables that stage nothing."""

        def stage(self, _: str, frame: Any) -> Any:
            return frame

    names = ["sample_id", "lang", "cot_units", "n_verification", "n_exploration", "n_connectives"]
    given = (
        tables["samples"]
        .select(names[:2])
        .to_pandas()
        .merge(tables["sample_signals"].select([names[0], *names[2:]]).to_pandas(), on="sample_id")
    )
    given["lang"] = given["lang"].fillna("")
    made = with_value(Staged(), spark.createDataFrame(given), style)  # type: ignore[arg-type]
    found = pd.DataFrame(made.select("sample_id", "value").collect(), columns=["sample_id", "value"])
    wanted = plain_selection.ranked(given, style)[["sample_id", "value"]]
    assert dict(found.itertuples(index=False)) == dict(wanted.itertuples(index=False))
