"""Scores are taken once, bins are cut from them without a model, and a bin that is too low leaves a document out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs import (
    build_quality,
    filter_quality,
    score_classifier,
    score_perplexity,
    train_classifier,
    train_lm,
)
from gristmill.jobs.core import config
from gristmill.jobs.core.errors import ConfigError, ContractError, DataError
from gristmill.jobs.lake import maintenance
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.documents import CORPUS, DOCS, SIGNALS, VERDICTS
from gristmill.jobs.schema.runs import RUNS
from gristmill.jobs.schema.scores import MODELS, PERPLEXITY, QUALITY, SCORES
from gristmill.udfs.scoring.scales import STEPS
from tests.lakes import frame_of, note_of, read

ROOT = Path(__file__).resolve().parents[2]
HEEDS = {"filter_rules", "dedup_exact", "dedup_minhash", "decontaminate"}


def demo(job: Any, **changes: Any) -> Any:
    section = config.load_recipe(ROOT / "conf/demo.yaml").jobs[job.JOB.name]
    return config.validate(job.Params, {**section, **changes}, "conf/demo.yaml")


@pytest.fixture
def copy(demo_copy: Lake) -> Lake:
    """A copy of the demo lake that may be written to."""
    return demo_copy


def rows_of(lake: Lake, table: Any) -> list[str]:
    return sorted(map(str, read(lake, table)))


def scorers_of(lake: Lake) -> list[str]:
    """The models of those that score, without the scale on which build_quality puts what they say."""
    return sorted(str(row) for row in read(lake, MODELS) if row.job != "build_quality")


@pytest.mark.spark
def test_every_kept_document_is_scored_once_by_each_model_and_stands_in_a_bin(demo_lake: Lake) -> None:
    out = {row.doc_id for row in read(demo_lake, VERDICTS) if row.job in HEEDS}
    kept = {row.doc_id for row in read(demo_lake, DOCS)} - out
    scores = read(demo_lake, SCORES, job="score_classifier")
    assert Counter((row.doc_id, row.scorer) for row in scores) == Counter((doc_id, name) for doc_id in kept for name in ("chars", "signals", "importance"))
    assert {row.version for row in scores} == {row.version for row in read(demo_lake, MODELS) if row.job == "train_classifier"}
    quality = read(demo_lake, QUALITY)
    assert {row.doc_id for row in quality} == kept
    for lang in ("en", "zh"):
        sizes = Counter(row.bin for row in quality if row.lang == lang)
        assert max(sizes.values()) <= 2 + sum(sizes.values()) // 20 + max(Counter(row.quality for row in quality if row.lang == lang).values())
        by_bin = sorted((row.bin, row.quality) for row in quality if row.lang == lang)
        assert [value for _, value in by_bin] == sorted(value for _, value in by_bin), "a better value is never in a lower bin"
    carried = {row.doc_id: (row.quality, row.quality_bin, row.tier) for row in read(demo_lake, CORPUS)}
    assert carried == {row.doc_id: (row.quality, row.bin, row.tier) for row in quality if row.doc_id in carried}


@pytest.mark.spark
def test_the_models_know_reference_prose_from_what_the_rules_left_out(demo_lake: Lake) -> None:
    figures = {row.name: row.figures for row in read(demo_lake, MODELS) if row.job == "train_classifier"}
    assert figures.keys() == {"chars", "signals", "importance"}
    assert all(figures[name]["auc"] > 0.9 for name in ("chars", "signals")), figures
    assert figures["importance"]["auc"] > 0.7, "its raw slice holds reference prose too"


@pytest.mark.spark
def test_a_card_beside_each_model_tells_precision_and_recall_of_what_was_held_out(demo_lake: Lake) -> None:
    models = read(demo_lake, MODELS)
    for row in models:
        card = Path(demo_lake.root, row.path).with_suffix(".md").read_text(encoding="utf-8")
        assert card.startswith(f"# {row.name} {row.version}\n")
        if row.job == "train_classifier":
            lines = {cells[0]: cells[1:] for cells in (line.strip("| ").split(" | ") for line in card.splitlines() if line.startswith("| "))}
            assert lines["language"] == ["AUC", "precision", "recall", "rows"]
            assert lines["zh"] == [f"{row.figures[f'{name}_zh']:.4f}" for name in ("auc", "precision", "recall")] + [f"{row.figures['n_zh']:,.0f}"]
            assert f"- good: {json.loads(row.trained_on)['good']}" in card
    assert {row.job for row in models} >= {"train_classifier", "train_lm"}


@pytest.mark.spark
def test_moving_a_bin_moves_rows_and_runs_no_scorer(copy: Lake) -> None:
    scores, models, version = rows_of(copy, SCORES), scorers_of(copy), copy.latest(SCORES)
    before = {row.doc_id: row.tier for row in read(copy, QUALITY)}
    run_job(build_quality.JOB, demo(build_quality, min_head=18), copy)
    after = {row.doc_id: row.tier for row in read(copy, QUALITY)}
    moved = {doc_id for doc_id in before if before[doc_id] != after[doc_id]}
    assert moved
    assert {(before[doc_id], after[doc_id]) for doc_id in moved} == {("head", "middle")}
    bins = {row.doc_id: row.bin for row in read(copy, QUALITY)}
    scorers = {name: {"job": "score_classifier", "version": None, "weight": weight} for name, weight in (("chars", 1.0), ("signals", 5.0))}
    run_job(build_quality.JOB, demo(build_quality, scorers=scorers), copy)
    assert {row.doc_id for row in read(copy, QUALITY) if row.bin != bins[row.doc_id]}, "another weight, other bins"
    assert (rows_of(copy, SCORES), scorers_of(copy), copy.latest(SCORES)) == (scores, models, version)
    assert run_job(score_classifier.JOB, demo(score_classifier), copy).batches == (), "nothing to do"


def percentile(value: float, others: list[tuple[float, int]]) -> float:
    """The share of the bytes in `others` (value, bytes) below a value, half of its equals included."""
    below, equal = (sum(n for other, n in others if test(other)) for test in (lambda other: other < value, lambda other: other == value))
    return (below + equal / 2) / sum(n for _, n in others)


@pytest.mark.spark
@pytest.mark.parametrize(("combine", "missing"), [("max", "ignore"), ("mean", "leave_out")])
def test_classifier_judge_and_perplexity_meet_as_percentiles(copy: Lake, combine: str, missing: str) -> None:
    kept = [row.doc_id for row in read(copy, QUALITY)]
    batch = {row.doc_id: (row.batch_id, row.n_bytes) for row in read(copy, DOCS)}
    judged = {doc_id: place % 6 for place, doc_id in enumerate(sorted(kept)) if place % 3}
    copy.write(SCORES, frame_of(copy, SCORES, [("merge_scores", d, batch[d][0], "judge", "v1", float(n), n / 5, None) for d, n in judged.items()]), None, note_of(copy, "score_words"))
    copy.spark.sql(f"UPDATE {copy.ref(RUNS)} SET versions_written = map('scores', {copy.latest(SCORES)}L) WHERE status = 'finished' AND job = 'score_words'")
    scorers = {name: {"job": of, "version": None, "weight": weight} for name, of, weight in (("chars", "score_classifier", 1.0), ("kenlm", "score_perplexity", 0.5), ("judge", "merge_scores", 2.0))}
    run_job(build_quality.JOB, demo(build_quality, scorers=scorers, scale="percentile", combine=combine, missing=missing, bin_by="bytes"), copy)
    lang = {row.doc_id: row.lang for row in read(copy, SIGNALS)}
    said: dict[str, dict[str, float]] = {
        "chars": {row.doc_id: int(row.score * STEPS) for row in read(copy, SCORES, scorer="chars")},
        "kenlm": {row.doc_id: int(STEPS / (1 + row.loss)) for row in read(copy, PERPLEXITY, job="score_perplexity")},
        "judge": {doc_id: min(int(n / 5 * STEPS), STEPS - 1) for doc_id, n in judged.items()},
    }
    for row in read(copy, QUALITY):
        shares = {}
        for name, values in said.items():
            if row.doc_id in values:
                others = [(value, batch[other][1]) for other, value in values.items() if other in kept and lang[other] == lang[row.doc_id]]
                shares[name] = percentile(values[row.doc_id], others)
        if combine == "max":
            wanted, decided = max(shares.values()), next(name for name in shares if shares[name] == max(shares.values()))
        else:
            far = {name: abs(share - 0.5) * scorers[name]["weight"] for name, share in shares.items()}
            wanted = sum(share * scorers[name]["weight"] for name, share in shares.items()) / 3.5
            decided = next(name for name in far if far[name] == max(far.values()))
        assert row.quality == pytest.approx(wanted, abs=2 / STEPS)
        assert row.decided_by == decided
    binned = {row.doc_id for row in read(copy, QUALITY)}
    assert binned == (set(kept) if missing == "ignore" else set(judged))


@pytest.mark.spark
def test_two_versions_of_a_judge_are_not_mixed(copy: Lake) -> None:
    row = read(copy, QUALITY)[0]
    rows = [("merge_scores", row.doc_id, row.batch_id, "judge", version, 3.0, 0.6, None) for version in ("v1", "v2")]
    copy.write(SCORES, frame_of(copy, SCORES, rows), None, note_of(copy, "score_words"))
    copy.spark.sql(f"UPDATE {copy.ref(RUNS)} SET versions_written = map('scores', {copy.latest(SCORES)}L) WHERE status = 'finished' AND job = 'score_words'")
    with pytest.raises(ContractError, match=r"judge \(merge_scores\) has rows of 2 versions: v1, v2"):
        run_job(build_quality.JOB, demo(build_quality, scorers={"judge": {"job": "merge_scores", "version": None, "weight": 1.0}}, scale="percentile"), copy)
    with pytest.raises(ConfigError, match="logit is for classifiers"):
        demo(build_quality, scorers={"judge": {"job": "merge_scores", "version": None, "weight": 1.0}}, scale="logit")


@pytest.mark.spark
def test_low_bins_are_left_out_where_the_route_says_so(copy: Lake, params_of: Callable[..., Any]) -> None:
    outcome = run_job(filter_quality.JOB, params_of("filter_quality", skip_rejected_by=sorted(HEEDS)), copy)
    domains = {row.doc_id: row.domain_hint for row in read(copy, DOCS)}
    low = {row.doc_id: row.bin for row in read(copy, QUALITY) if row.bin < 2 and domains[row.doc_id] == "web"}
    found = {row.doc_id: (row.reason, row.value, row.threshold, row.rule) for row in read(copy, VERDICTS) if row.job == "filter_quality"}
    assert found == {doc_id: ("low_quality", float(bin_), 2.0, "filter_quality.routes.0.min_bin") for doc_id, bin_ in low.items()}
    assert outcome.counts.rows_left_out == len(low) > 0
    assert outcome.counts.rows_in == len(read(copy, QUALITY))


@pytest.mark.spark
def test_a_killed_scoring_resumes_and_scores_nothing_twice(copy: Lake) -> None:
    wanted = rows_of(copy, SCORES)
    copy.spark.sql(f"DELETE FROM {copy.ref(SCORES)} WHERE job = 'score_classifier' AND (scorer = 'signals' OR doc_id < '8')")

    class Killed(BaseException):
        pass

    def die(table: Any, version: int) -> None:
        if table is SCORES:
            raise Killed

    copy.committed = die  # type: ignore[method-assign]
    params = demo(score_classifier, skip_rejected_by=["decontaminate", "filter_rules", "dedup_minhash", "dedup_exact"])  # another recipe, so that it runs
    with pytest.raises(Killed):
        run_job(score_classifier.JOB, params, copy)
    again = Lake(copy.spark, copy.root)
    run_job(score_classifier.JOB, params, again)
    assert rows_of(again, SCORES) == wanted


@pytest.mark.spark
def test_labelled_files_teach_too_and_what_is_wrong_with_them_is_told(copy: Lake, tmp_path: Path, params_of: Callable[..., Any]) -> None:
    rows = [{"t": f"A calm account of mill number {i}, its wheel and its owner.", "y": 1, "l": "en", "g": f"p{i}"} for i in range(20)]
    rows += [{"t": f"BUY now!!! {i} $$$ click here >>> www", "y": 0, "l": "en", "g": f"q{i}"} for i in range(20)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = {"file": str(tmp_path / "rows.jsonl"), "text": "t", "label": "y", "lang": "l", "group": "g"}
    only = {"chars": {"kind": "linear", "unit": "chars", "min_n": 1, "max_n": 2, "buckets": 4096, "max_chars": 500, "inverse_regularization": 20.0, "length_bins": None}}
    run_job(train_classifier.JOB, demo(train_classifier, good=None, bad=None, files=[given], classifiers=only), copy)
    row = read(copy, MODELS, job="train_classifier")[0]
    assert (row.name, row.figures["n"], json.loads(row.trained_on)["good"]) == ("chars", 40.0, 20)
    with pytest.raises(ContractError, match="train_classifier has trained no signals"):
        run_job(score_classifier.JOB, demo(score_classifier, skip_rejected_by=["filter_rules"]), copy)
    with pytest.raises(ConfigError, match=r"no column text; it has: t, y, l, g"):
        run_job(train_classifier.JOB, demo(train_classifier, good=None, bad=None, files=[{**given, "text": "text"}]), copy)
    nothing = {"domains": ["no such"], "languages": ["en"], "per_language": 5}
    with pytest.raises(DataError, match="no example of the slices"):
        run_job(train_classifier.JOB, demo(train_classifier, good=nothing, bad=nothing), copy)


@pytest.mark.spark
def test_likeness_learns_from_slices_of_its_own(copy: Lake) -> None:
    docs = {row.doc_id: (row.domain_hint, row.source) for row in read(copy, DOCS)}
    left_out = {row.doc_id for row in read(copy, VERDICTS, job="filter_rules")}
    source = min(source for doc_id, (domain, source) in docs.items() if domain == "wiki" and doc_id not in left_out)
    langs = {row.doc_id: row.lang for row in read(copy, SIGNALS)}
    wanted = [doc_id for doc_id in docs if docs[doc_id] == ("wiki", source) and doc_id not in left_out and langs[doc_id] in ("en", "zh")]
    target = {"domains": ["wiki"], "languages": ["en", "zh"], "per_language": 1000, "sources": [source]}
    raw = {"domains": None, "languages": ["en", "zh"], "per_language": 15, "sources": None}
    given = {"kind": "importance_weights", "max_n": 2, "buckets": 10000, "smoothing": 1.0, "max_chars": 500, "count_repeats": True}
    params = demo(train_classifier, good=None, bad=None, files=[], classifiers={"wiki": {**given, "target": target, "raw": raw}})
    run_job(train_classifier.JOB, params, copy)
    row = read(copy, MODELS, job="train_classifier")[0]
    told = json.loads(row.trained_on)
    assert (row.name, row.kind, told["good"], told["bad"]) == ("wiki", "importance_weights", len(wanted), 30)
    with pytest.raises(ConfigError, match="target and raw go together"):
        demo(train_classifier, classifiers={"wiki": {**given, "target": target, "raw": None}})
    with pytest.raises(ConfigError, match="nothing to learn from"):
        demo(train_classifier, good=None, bad=None, files=[], classifiers={"wiki": {**given, "target": None, "raw": None}})


@pytest.mark.spark
def test_every_kept_document_has_one_perplexity_and_garbage_has_a_high_one(demo_lake: Lake) -> None:
    langs = {row.doc_id: row.lang for row in read(demo_lake, SIGNALS)}
    kept = {row.doc_id for row in read(demo_lake, QUALITY)}
    rows = read(demo_lake, PERPLEXITY)
    assert Counter(row.doc_id for row in rows) == Counter(kept), "the demo keeps no other language"
    models = {f"{row.name}-{row.version}": row.lang for row in read(demo_lake, MODELS) if row.job == "train_lm"}
    assert all(models[row.model] == langs[row.doc_id] for row in rows)
    assert all(row.loss == pytest.approx(-row.log_prob / row.n_tokens, abs=1e-5) for row in rows)


@pytest.mark.spark
def test_perplexities_are_taken_once_and_filled_in_when_a_judge_keeps_more(copy: Lake) -> None:
    wanted = rows_of(copy, PERPLEXITY)
    copy.spark.sql(f"DELETE FROM {copy.ref(PERPLEXITY)} WHERE doc_id < '8'")
    left = {row.doc_id for row in read(copy, PERPLEXITY)}
    run_job(score_perplexity.JOB, demo(score_perplexity, skip_rejected_by=["decontaminate", "dedup_minhash", "dedup_exact", "filter_rules"]), copy)
    assert rows_of(copy, PERPLEXITY) == wanted
    assert run_job(train_lm.JOB, demo(train_lm), copy).batches == ()
    run_job(score_perplexity.JOB, demo(score_perplexity, skip_rejected_by=["dedup_exact"]), copy)
    assert {row.doc_id for row in read(copy, PERPLEXITY)} > left


@pytest.mark.spark
def test_the_models_in_the_lake_are_those_of_the_recipe_and_of_the_files_as_they_are(copy: Lake, tmp_path: Path) -> None:
    rows = [{"t": f"A calm account of mill number {i}." if i % 2 else f"BUY now {i} $$$ click >>>", "y": i % 2, "l": "en", "g": f"p{i}"} for i in range(40)]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def trained(buckets: int) -> str:
        files = [{"file": str(path), "text": "t", "label": "y", "lang": "l", "group": "g"}]
        only = {"chars": {"kind": "linear", "unit": "chars", "min_n": 1, "max_n": 2, "buckets": buckets, "max_chars": 500, "inverse_regularization": 20.0, "length_bins": None}}
        run_job(train_classifier.JOB, demo(train_classifier, good=None, bad=None, files=files, classifiers=only), copy)
        return str(read(copy, MODELS, job="train_classifier")[0].version)

    first, other = trained(4096), trained(8192)
    assert other != first
    assert trained(4096) == first, "an earlier run of this recipe is not enough: the lake holds the other one's model"
    path.write_text(path.read_text() + json.dumps({**rows[0], "t": "Free prize!!! http://spam"}) + "\n")
    assert trained(4096) != first


def test_models_whose_table_was_dropped_are_trained_again(copy: Lake) -> None:
    only = {"signals": demo(train_classifier).classifiers["signals"].model_dump()}
    params = demo(train_classifier, classifiers=only)
    assert params.reuse_model
    run_job(train_classifier.JOB, params, copy)
    maintenance.drop(copy, MODELS)
    run_job(train_classifier.JOB, params, copy)
    assert [row.name for row in read(copy, MODELS)] == ["signals"]
