"""Documents full of listed terms are left out by a limit that moves without a word being counted again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gristmill.jobs import filter_scores, score_words
from gristmill.jobs.core.errors import ConfigError, ContractError
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.documents import DOCS, VERDICTS
from gristmill.jobs.schema.scores import SCORES
from tests.lakes import bring, copied, read

pytestmark = pytest.mark.spark
ROOT = Path(__file__).resolve().parents[2]
PAGES = yaml.safe_load((ROOT / "benchmarks/safety_set.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def scored(spark: Any, tmp_path_factory: pytest.TempPathFactory, params_of: Callable[..., Any]) -> Lake:
    """The pages, with their terms counted."""
    lake = Lake(spark, str(tmp_path_factory.mktemp("words") / "lake"))
    rows = [{"id": f"{kind}-{lang}-{i}", "text": text} for kind in PAGES for lang in PAGES[kind] for i, text in enumerate(PAGES[kind][lang])]
    bring(lake, tmp_path_factory.mktemp("words-raw"), rows, params_of("ingest_docs"))
    run_job(score_words.JOB, params_of("score_words", skip_rejected_by=[]), lake)
    return lake


@pytest.fixture
def lake(scored: Lake, tmp_path: Path) -> Lake:
    return copied(scored, tmp_path / "lake")


def out(lake: Lake) -> set[str]:
    names = {row.doc_id: row.native_key for row in read(lake, DOCS)}
    return {names[row.doc_id] for row in read(lake, VERDICTS, job="filter_scores")}


def test_harmful_pages_are_left_out_and_a_moved_limit_counts_nothing_again(lake: Lake, params_of: Callable[..., Any]) -> None:
    scores = read(lake, SCORES)
    assert len(scores) == 2 * len(read(lake, DOCS)), "a row for each document and list, also where nothing was found"
    judged = params_of("filter_scores", skip_rejected_by=[], min_kept=0)
    run_job(filter_scores.JOB, judged, lake)
    assert out(lake) == {f"harmful-{lang}-{i}" for lang in ("en", "zh") for i in range(12)}
    [one] = {(row.reason, row.threshold, row.rule) for row in read(lake, VERDICTS) if row.rule.startswith("filter_scores.limits.1")}
    assert one == ("sensitive_words", 0.02, "filter_scores.limits.1.max_score")
    again = run_job(score_words.JOB, params_of("score_words", skip_rejected_by=[]), lake)
    assert again.counts is None, "covered"
    strict = [{**limit.model_dump(), "max_score": 0.001, "min_raw": None} for limit in judged.limits]
    run_job(filter_scores.JOB, params_of("filter_scores", skip_rejected_by=[], min_kept=0, limits=strict), lake)
    assert out(lake) > {f"harmful-zh-{i}" for i in range(12)}
    assert len(out(lake)) > 24, "without a least number of hits a single word in a short text is enough"
    assert len(read(lake, SCORES)) == len(scores)


def test_another_list_is_another_version_and_the_judge_asks_which_one_is_meant(lake: Lake, params_of: Callable[..., Any]) -> None:
    before = {row.version for row in read(lake, SCORES, scorer="sensitive_en")}
    longer = params_of("score_words", skip_rejected_by=[], lists=["conf/lists/sensitive_en.yaml"]).lists[0].model_dump()
    longer["terms"]["fraud"].append("miracle cure")
    run_job(score_words.JOB, params_of("score_words", skip_rejected_by=[], lists=[longer]), lake)
    versions = {row.version for row in read(lake, SCORES, scorer="sensitive_en")}
    assert len(versions) == 2
    with pytest.raises(ContractError, match=r"sensitive_en has scored as .*; name one as limits\[0\].version"):
        run_job(filter_scores.JOB, params_of("filter_scores", skip_rejected_by=[], min_kept=0), lake)
    limits = [{**limit.model_dump(), "version": before.copy().pop() if i == 0 else None} for i, limit in enumerate(params_of("filter_scores").limits)]
    run_job(filter_scores.JOB, params_of("filter_scores", skip_rejected_by=[], min_kept=0, limits=limits), lake)
    assert len(out(lake)) == 24
    misnamed = [{**limits[1], "scorer": "sensitive_words_zh", "version": None}]
    with pytest.raises(ContractError, match=r"limits\[0\] can leave nothing out: no document .* has a score of sensitive_words_zh \(there are: sensitive_en "):
        run_job(filter_scores.JOB, params_of("filter_scores", skip_rejected_by=[], min_kept=0, limits=misnamed), lake)


def test_a_recipe_with_an_unsound_list_or_limit_is_refused(params_of: Callable[..., Any]) -> None:
    sound = params_of("score_words").lists[0].model_dump()
    with pytest.raises(ConfigError, match="categories fraud: wanted each with terms and with a weight"):
        params_of("score_words", lists=[{**sound, "weights": {name: weight for name, weight in sound["weights"].items() if name != "fraud"}}])
    with pytest.raises(ConfigError, match="no such file"):
        params_of("score_words", lists=["conf/lists/none.yaml"])
    limit = params_of("filter_scores").limits[0].model_dump()
    with pytest.raises(ConfigError, match="wanted one of max_score and min_score"):
        params_of("filter_scores", limits=[{**limit, "min_score": 0.5}])
