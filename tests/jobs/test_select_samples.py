"""Few and good: each filter takes what it should, each loss has its row, and the export holds what stays."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs import filter_samples, merge_scores, queue_samples, score_samples
from gristmill.jobs.core.config import load_recipe
from gristmill.jobs.core.errors import ConfigError, DataError
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema import catalog
from gristmill.jobs.schema.duplicates import BENCHMARK_ITEMS
from gristmill.jobs.schema.scores import SCORES
from gristmill.jobs.schema.synthesis import SAMPLE_SCORES, SAMPLE_SIGNALS, SAMPLE_VERDICTS, SYNTH_REQUESTS
from tests.lakes import copied, read, write

pytestmark = pytest.mark.spark
SOURCE = "In 1858 the railway reached Claybrook Bridge, and the price of freight fell by 40 percent within ten years of trade."
COT = "First, the railway reached Claybrook Bridge in 1858. Goods no longer went by cart, therefore freight cost less. So its price fell by 40 percent."
ZH_SOURCE = "水车磨坊建于1858年，由两兄弟修造，河水推动石磨，村民每年秋天把麦子送到这里磨成面粉。"
ZH_COT = "首先，磨坊靠河水推动石磨，因此必须建在河边。其次，村民秋天收麦，所以磨坊在秋天最忙，1858年建成后一直如此运转。"
TOPICS = ["bell", "mill", "bridge", "river", "harbour", "market", "tower", "school", "garden", "lantern", "quarry", "orchard"]
NAMES = [column.name for column in catalog.table("samples").columns]


def sample(name: str, question: str, cot: str = COT, source: str = SOURCE, lang: str = "en", domain: str = "wiki", **more: Any) -> tuple[Any, ...]:
    values = {"sample_id": name, "request_id": f"r-{name}", "ordinal": 0, "recipe": "cot", "recipe_version": "1", "doc_id": "d", "batch_id": "b", "chunk": 0, "start": 0,
              "end": len(source), "lang": lang, "domain": domain, "question": question, "cot": cot, "source_text": source, "n_segments": 2, "aligned_ratio": 1.0, "model": "m"}  # fmt: skip
    return tuple({**values, **more}.get(column) for column in NAMES)


def all_samples() -> list[tuple[Any, ...]]:
    good = [sample(f"g{i:02d}", f"Why was the {topic} of Claybrook number {i * 37} {'rebuilt after the fire' if i % 2 else 'moved beyond the wall'}?") for i, topic in enumerate(TOPICS)]
    zh = [sample(f"z{i}", f"为什么第{i}座{topic}要建在河边？", ZH_COT, ZH_SOURCE, "zh") for i, topic in enumerate(("水车磨坊", "石头城堡"))]
    bad = [
        sample("b-lang", "为什么运费下降了这么多呢？", lang="en"), sample("b-number", "Why did freight get so cheap?", COT.replace("40", "65").replace("1858", "1958")),
        sample("b-copy", "What does the railway change there?", SOURCE * 2), sample("b-leak", "What does the passage above say of freight?"),
        sample("b-short", "Why?"), sample("b-segments", "How did goods travel before the railway?", aligned_ratio=0.0),
        sample("b-bench", "Three ferries leave the same pier at 6:40. The first returns every 35 minutes, the second every 50 and the third every 70. At what time do all meet at the pier?"),
        sample("b-sum", "What is 17 times 24?", "First, 17 times 20 is 340 and 17 times 4 is 68. Therefore the answer is 408."),
        sample("b-other", "What is 17 times 24?", "First, 17 times 20 is 340 and 17 times 4 is 78. Therefore the answer is 418."),
        sample("n-copy", "why was the BELL of Claybrook number 0 moved beyond the  wall?", COT + " Let us check this. Perhaps it holds."),
    ]
    return [*good, *zh, *bad]


LIMITS = {"any": {"max_leaks": 0, "min_question_units": 3}, "cot": {"min_numbers_found_ratio": 0.9, "max_copied_ratio": 0.6, "min_aligned_ratio": 0.5}}
EASY: dict[str, Any] = {"limits": LIMITS, "max_same_opening": None, "buckets": None, "diversity": None}


@pytest.fixture(scope="module")
def scored(spark: Any, tmp_path_factory: pytest.TempPathFactory, params_of: Callable[..., Any]) -> Lake:
    lake = Lake(spark, str(tmp_path_factory.mktemp("samples") / "lake"))
    write(lake, "docs", [])
    write(lake, "samples", all_samples(), "merge_samples")
    outcome = run_job(score_samples.JOB, params_of("score_samples"), lake)
    assert outcome.counts is not None
    assert outcome.counts.rows_kept == len(all_samples()) == len(read(lake, SAMPLE_SIGNALS))
    return lake


@pytest.fixture
def sampled(scored: Lake, tmp_path: Path) -> Lake:
    """The samples, measured; a copy for each test."""
    return copied(scored, tmp_path / "sampled")


def verdicts(lake: Lake) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for row in read(lake, SAMPLE_VERDICTS, job="filter_samples"):
        found.setdefault(row.sample_id, []).append((row.reason, row.rule, row.dup_of))
    return found


def with_sums(folder: Path) -> dict[str, Any]:
    """The benchmarks of the recipe, and one of short questions with answers."""
    asked = [{"id": 1, "q": "What is 17 times 24?", "a": 408}, {"id": 2, "q": "What is 7?", "a": ""}]
    (folder / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked), encoding="utf-8")
    against = load_recipe("conf/jobs/filter_samples.yaml").jobs["filter_samples"]["decontaminate"]
    columns = {"benchmark": "=sums", "item": "id", "text": "q", "answer": "a"}
    return {**against, "benchmarks": [*against["benchmarks"], {"file": str(folder / "sums.jsonl"), "columns": columns}]}


def test_each_limit_and_the_likeness_of_questions_take_what_they_should(sampled: Lake, params_of: Callable[..., Any], tmp_path: Path) -> None:
    outcome = run_job(filter_samples.JOB, params_of("filter_samples", **EASY, decontaminate=with_sums(tmp_path)), sampled)
    found = verdicts(sampled)
    assert {name: sorted(reason for reason, _, _ in rows) for name, rows in found.items()} == {
        "b-lang": ["other_language"], "b-number": ["ungrounded_numbers"], "b-copy": ["copied"], "b-leak": ["speaks_of_the_source"], "b-short": ["question_too_short"],
        "b-segments": ["not_segmented_by_markers"], "b-bench": ["contaminated"], "g00": ["near_duplicate"],
        "b-sum": ["contaminated", "ungrounded_numbers"], "b-other": ["ungrounded_numbers"],
    }  # fmt: skip
    assert found["g00"][0][2] == "n-copy", "the one with more reasoning stays"
    assert found["b-number"][0][1] == "limits.cot.min_numbers_found_ratio"
    assert found["b-bench"][0][1] == "demo.max_score", "an edited copy of a question in conf/benchmarks/demo.jsonl"
    assert "sums.max_score" in [rule for _, rule, _ in found["b-sum"]], "a short question with its answer; b-other has another answer"
    items = {(row.item, row.part): row.reason for row in sampled.read(BENCHMARK_ITEMS).where("benchmark = 'sums'").collect()}
    assert items == {("1", "question_answer"): None, ("2", "question"): "too_few_words"}
    assert outcome.counts is not None
    assert (outcome.counts.rows_in, outcome.counts.rows_left_out) == (len(all_samples()), len(found))
    steps = json.loads(Path(sampled.root, "_selection/summary.json").read_text())
    assert [(step["filter"], step["in"], step["out"]) for step in steps[:3]] == [("limits", 24, 16), ("decontaminate", 16, 15), ("near_duplicates", 15, 14)]
    assert 0 < steps[-1]["self_bleu_after"] < steps[-1]["self_bleu_before"] <= 1


def test_openings_buckets_and_clusters_are_thinned_and_the_same_on_every_run(sampled: Lake, params_of: Callable[..., Any], tmp_path: Path) -> None:
    changes = {**EASY, "max_same_opening": 11, "buckets": {"difficulty_bins": 1, "max_samples": 9}, "diversity": {"clusters": 3, "share": 0.5, "method": "k_center", "mmr_weight": 0.5}}
    outcome = run_job(filter_samples.JOB, params_of("filter_samples", **changes), sampled)
    first = verdicts(sampled)
    reasons = Counter(reason for rows in first.values() for reason, _, _ in rows)
    assert reasons["over_quota"] >= 1
    assert reasons["crowded"] >= 3
    assert outcome.counts is not None
    assert outcome.counts.rows_in == outcome.counts.rows_kept + sum(outcome.counts.reasons.values())

    other = Lake(sampled.spark, str(tmp_path / "other"))
    write(other, "docs", [])
    write(other, "samples", list(reversed(all_samples())), "merge_samples")
    run_job(score_samples.JOB, params_of("score_samples"), other)
    run_job(filter_samples.JOB, params_of("filter_samples", **changes), other)
    assert verdicts(other) == first

    mmr = {**changes, "diversity": {**changes["diversity"], "method": "mmr"}}
    run_job(filter_samples.JOB, params_of("filter_samples", **mmr), sampled)
    again = verdicts(sampled)
    assert Counter(reason for rows in again.values() for reason, _, _ in rows)["crowded"] == reasons["crowded"]
    assert run_job(filter_samples.JOB, params_of("filter_samples", **mmr), sampled).counts is None, "nothing to do"


def test_what_the_worker_solved_is_difficulty(sampled: Lake, params_of: Callable[..., Any]) -> None:
    """Two evaluators judge, one solves; g04's judgement failed, so that it stays unscored; the run counts it."""
    now = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
    given: list[tuple[str, str, str, str | None]] = [
        *[(name, "solve", "m", json.dumps({"passes": 0, "tries": 4, "pass_rate": rate})) for name, rate in (("g01", 1.0), ("g02", 0.25), ("g03", 0.0))],
        *[("g05", "judge_sample", model, json.dumps({"response_quality": quality, "safety": 5.0, "reason": "so"})) for model, quality in (("one", 1.0), ("two", 2.0))],
        ("g06", "judge_sample", "one", json.dumps({"response_quality": 4.0, "safety": 5.0, "reason": "good"})), ("g04", "judge_sample", "one", None),
    ]  # fmt: skip
    write(sampled, "synth_requests", [(f"q{i}", "p", recipe, "1", "d", "b", name, 0, 0, 9, "en", "wiki", "{}") for i, (name, recipe, _, _) in enumerate(given)]
          + [("qd", "p", "judge", "1", "doc", "b", None, 0, 0, 9, "en", "wiki", "text")])  # fmt: skip
    write(sampled, "synth_answers", [(f"q{i}", "p", "result", 0, 0, True, parsed, None, None if parsed else "malformed: no", None, None, None, None, model, "{}", "h", now)
                                     for i, (_, _, model, parsed) in enumerate(given)]
          + [("qd", "p", "result", 0, 0, True, json.dumps({"score": 4.0, "reason": "clear"}), None, None, None, None, None, None, "one", "{}", "h", now)])  # fmt: skip
    merged = run_job(merge_scores.JOB, params_of("merge_scores"), sampled)
    assert merged.counts is not None
    assert (merged.counts.rows_in, merged.counts.rows_kept, merged.counts.reasons) == (8, 7, {"malformed": 1})
    found = {(row.sample_id, row.evaluator, row.dimension): row.score for row in read(sampled, SAMPLE_SCORES)}
    assert found[("g05", "one", "response_quality")] == 0.2
    assert found[("g02", "m", "pass_rate")] == 0.25
    assert len(found) == 3 + 3 * 2
    [document] = read(sampled, SCORES)
    assert (document.doc_id, document.scorer, document.version, document.raw, document.score) == ("doc", "judge", "one 1", 4.0, 0.8)
    assert run_job(merge_scores.JOB, params_of("merge_scores"), sampled).counts is None

    limits = {"any": {"min_pass_rate": 0.1, "max_pass_rate": 0.9, "min_quality": 0.4}}
    run_job(filter_samples.JOB, params_of("filter_samples", **{**EASY, "limits": limits, "decontaminate": None, "near_duplicates": None, "same_language": False}), sampled)
    assert {name: rows[0][0] for name, rows in verdicts(sampled).items()} == {"g01": "too_easy", "g03": "too_hard", "g05": "low_response_quality"}


def test_samples_go_out_to_be_judged_beside_their_source_and_to_be_solved_once(sampled: Lake, params_of: Callable[..., Any]) -> None:
    judged = run_job(queue_samples.JOB, params_of("queue_samples", max_samples=5, part_requests=2), sampled)
    assert judged.counts is not None
    assert (judged.counts.rows_kept, judged.counts.reasons) == (5, {"not_sampled": len(all_samples()) - 5})
    rows = read(sampled, SYNTH_REQUESTS)
    assert len(rows) == 5
    assert all(row.sample_id and row.recipe == "judge_sample" and row.text.startswith("[source]\n") and "[question]" in row.text for row in rows)
    assert all(row.end == len(row.text) for row in rows)
    solved = run_job(queue_samples.JOB, params_of("queue_samples", prompt="conf/prompts/solve.yaml"), sampled)
    assert solved.counts is not None
    assert solved.counts.reasons == {"no_answer_to_check": 2}, "the Chinese chains end in words"
    tasks = [json.loads(row.text) for row in read(sampled, SYNTH_REQUESTS) if row.recipe == "solve"]
    assert {task["answer"] for task in tasks if task["question"].startswith("Why was")} == {COT}
    run_job(queue_samples.JOB, params_of("queue_samples", max_samples=6, part_requests=2), sampled)
    again = read(sampled, SYNTH_REQUESTS, recipe="judge_sample")
    assert {row.request_id for row in rows} < {row.request_id for row in again}
    assert len({row.request_id for row in again}) == len(again) == 6
    with pytest.raises(ConfigError, match="samples go to judge_sample or solve"):
        params_of("queue_samples", prompt="conf/prompts/cot.yaml")


def test_a_choice_that_is_absurd_or_unknown_is_refused(sampled: Lake, params_of: Callable[..., Any]) -> None:
    with pytest.raises(DataError, match="would keep 0 of 24 samples; nothing written"):
        run_job(filter_samples.JOB, params_of("filter_samples", **{**EASY, "limits": {"any": {"min_question_units": 1000}}}), sampled)
    assert not sampled.exists(SAMPLE_VERDICTS)
    with pytest.raises(ConfigError, match="unknown min_beauty"):
        params_of("filter_samples", **{**EASY, "limits": {"any": {"min_beauty": 1}}})


def test_no_samples_at_all_go_through(lake: Lake, params_of: Callable[..., Any]) -> None:
    write(lake, "docs", [])
    write(lake, "samples", [], "merge_samples")
    run_job(score_samples.JOB, params_of("score_samples"), lake)
    outcome = run_job(filter_samples.JOB, params_of("filter_samples"), lake)
    assert outcome.counts is not None
    assert outcome.counts.rows_in == 0
