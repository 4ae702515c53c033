"""The whole curation on a small demo corpus: nothing vanishes, each planted kind ends where the plan says, runs can die
(one that is killed once: test_determinism.py)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from gristmill.jobs import curate
from gristmill.jobs.core import config
from gristmill.jobs.core.errors import ContractError
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.report.ask import Ask
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema.documents import CORPUS, DOCS, REJECTS, VERDICTS
from gristmill.jobs.schema.duplicates import DUPLICATES
from gristmill.jobs.schema.runs import RUNS
from tests.lakes import copied, demo_recipe, read
from tests.support.killed import curate_until
from tests.support.true_duplicates import untrue

pytestmark = pytest.mark.spark
ROOT = Path(__file__).resolve().parents[2]


def test_every_input_row_is_a_document_or_a_reject(demo_lake: Lake) -> None:
    entries = [run for job in ("ingest_docs", "extract_text") for run in Runs(demo_lake).finished(job)]
    assert [run.batches for run in entries] == [["batch-1"], ["batch-2"], ["crawl"]]
    docs, rejects = len(read(demo_lake, DOCS)), len(read(demo_lake, REJECTS))
    assert sum(run.rows_in for run in entries) == docs + rejects
    assert min(docs, rejects) > 0


def test_every_document_is_in_the_corpus_or_has_a_verdict_and_never_both(demo_lake: Lake) -> None:
    docs, corpus, verdicts = ({(row.doc_id, row.batch_id) for row in read(demo_lake, table)} for table in (DOCS, CORPUS, VERDICTS))
    assert docs == corpus | verdicts
    assert corpus & verdicts == set()
    assert min(len(corpus), len(verdicts)) > 50, "many are kept, and many left out"


def test_the_counts_of_every_run_add_up(demo_lake: Lake) -> None:
    counted = [run for run in Runs(demo_lake).finished() if run.rows_in is not None]
    assert {run.job for run in counted} >= {"ingest_docs", "filter_rules", "dedup_minhash", "build_corpus"}
    assert all(run.rows_in for run in counted), "each looked at something"
    assert [run.job for run in counted if run.rows_in != run.rows_kept + run.rows_left_out] == []


def test_each_planted_kind_ends_where_the_plan_says(demo_lake: Lake, demo_raw: Path) -> None:
    plan = pq.read_table(demo_raw.parent / "plan.parquet", columns=["id", "batch", "kind", "expect", "family"]).to_pylist()
    rejected = Counter(row.reason for row in read(demo_lake, REJECTS))
    pages = json.loads((demo_raw.parent / "crawl_plan.json").read_text(encoding="utf-8"))
    wanted = Counter(row["expect"].split(":")[1] for row in [*plan, *pages] if row["expect"].startswith("rejects:"))
    assert rejected == wanted
    outcome = {(row.native_key, row.batch_id): "kept" for row in read(demo_lake, DOCS)}
    ids = {(row.doc_id, row.batch_id): (row.native_key, row.batch_id) for row in read(demo_lake, DOCS)}
    for row in read(demo_lake, VERDICTS):
        outcome[ids[(row.doc_id, row.batch_id)]] = row.job
    families: dict[str, tuple[Counter, Counter]] = {}
    for row in plan:  # of equal copies any may stay, so a family is compared as a whole
        if row["expect"] in ("kept", "filter_rules", "dedup_exact", "dedup_minhash", "decontaminate") and (row["id"], row["batch"]) in outcome:
            expected, seen = families.setdefault(row["family"] or row["id"], (Counter(), Counter()))
            expected[row["expect"]] += 1
            seen[outcome[(row["id"], row["batch"])]] += 1
    wrong = {family: (dict(expected), dict(seen)) for family, (expected, seen) in families.items() if expected != seen}
    assert len(wrong) <= 0.05 * len(families), wrong
    out = {row["kind"] for row in plan if outcome.get((row["id"], row["batch"]), "kept") != "kept"}
    assert {"spam_seo", "boilerplate", "link_list", "log_dump", "mojibake_latin", "contaminated"} <= out


@pytest.mark.parametrize(("job", "limit"), [("dedup_exact", 1.0), ("dedup_minhash", 0.7)])
def test_every_left_out_duplicate_is_itself_alike_to_the_document_that_stayed_for_it(
    demo_lake: Lake, job: str, limit: float
) -> None:
    assert config.load_recipe(ROOT / "conf/demo.yaml").jobs["dedup_minhash"]["min_similarity"] == 0.7
    assert untrue(demo_lake, job, limit) == []


def test_dropped_lines_are_gone_from_the_corpus_and_still_in_docs(demo_lake: Lake) -> None:
    was = {row.doc_id: row.text for row in read(demo_lake, DOCS)}
    changed = [row for row in read(demo_lake, CORPUS) if row.n_edits > 0]
    assert changed
    assert all(len(row.text) < len(was[row.doc_id]) for row in changed)


def test_why_tells_the_whole_story_of_a_duplicate(demo_lake: Lake) -> None:
    duplicate = read(demo_lake, DUPLICATES, job="dedup_minhash")[0]
    story = Ask(demo_lake.where).why(duplicate.doc_id)
    assert story["outcome"] == "left out"
    assert story["survivors"][0]["dup_of"] == duplicate.dup_of
    assert any("near_duplicate" in line and "threshold 0.7" in line for line in story["lines"])


def test_the_command_line_answers_in_text_and_in_json(demo_lake: Lake) -> None:
    columns, rows = Ask(demo_lake.where).sql("select count(*) as n from corpus", 5)
    assert (columns, rows) == (["n"], [(len(read(demo_lake, CORPUS)),)])


def test_the_corpus_refuses_while_a_judge_has_not_covered_a_batch(demo_lake: Lake, tmp_path: Path) -> None:
    copy = copied(demo_lake, tmp_path / "copy")
    copy.spark.sql(f"DELETE FROM {copy.ref(RUNS)} WHERE job = 'dedup_exact'")
    job, params = next(pair for pair in curate.plan(config.load_recipe(ROOT / "conf/demo.yaml")) if pair[0].name == "build_corpus")
    with pytest.raises(ContractError, match=r"never judged: no finished run of dedup_exact on batch batch-1"):
        run_job(job, params, copy)


IMPORTS = """
import contextlib, os, shutil, sys
from pathlib import Path
import psutil
from gristmill.jobs import curate
from gristmill.jobs.lake.lake import Lake
from tests.lakes import demo_recipe
"""
SWEEP = IMPORTS + """
home, raw, images = Path(sys.argv[1]), sys.argv[2], []
def committed(self, table, version):
    children = psutil.Process().children(recursive=True)
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):  # a Python worker that has ended by itself
            child.suspend()
    images.append(home / f"image-{len(images) + 1}")
    shutil.copytree(home / "lake", images[-1])
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.resume()
Lake.committed = committed
whole = demo_recipe(frozenset({"report_run"}))
curate.curate(whole, str(home / "lake"), raw)
Lake.committed = lambda self, table, version: None
for image in images:
    curate.curate(whole, str(image), raw)
"""


def fingerprint(lake: Lake) -> str:
    """Hash over the sorted rows of corpus."""
    import hashlib

    rows = sorted(json.dumps(row.asDict(), sort_keys=True, ensure_ascii=False) for row in read(lake, CORPUS))
    assert rows
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


@pytest.fixture(scope="session")
def few(demo_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two batches of some dozen rows each: a kill costs two runs, and what a run costs here is its commits."""
    home = tmp_path_factory.mktemp("few")
    for batch in sorted(demo_raw.glob("batch-*")):
        rows = next(path for path in sorted(batch.rglob("part-*.jsonl"))).read_bytes().splitlines(keepends=True)
        (home / batch.name).mkdir()
        (home / batch.name / "rows.jsonl").write_bytes(b"".join(rows[:60]))
    return home


def curate_here(where: Path, raw: Path) -> int:
    """Run curate in this process, whose JVM is warm; the Delta commits that it made."""
    commits: list[str] = []
    with pytest.MonkeyPatch.context() as hook:
        hook.setattr(Lake, "committed", lambda lake, table, version: commits.append(table.name))
        curate.curate(demo_recipe(), str(where), str(raw))
    return len(commits)


@pytest.fixture(scope="session")
def undisturbed(spark: Any, few: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, int]:
    """The corpus' fingerprint after a run that nobody kills, and the Delta commits that it made."""
    where = tmp_path_factory.mktemp("undisturbed") / "lake"
    commits = curate_here(where, few)
    return fingerprint(Lake(spark, str(where))), commits


def killed_and_continued(where: Path, raw: Path, commit: int, delay: float = 0.0) -> int:
    """The exit code of a process that runs curate, after which this one ended it well."""
    code = curate_until(where, raw, commit, delay)
    curate_here(where, raw)
    return code


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_run_killed_right_after_any_commit_is_continued_to_the_same_corpus(spark: Any, few: Path, undisturbed: tuple[str, int], tmp_path: Path) -> None:
    """What SIGKILL leaves on the disk is what lies there while every process is stopped: one run leaves such an image after each commit."""
    done = subprocess.run([sys.executable, "-c", SWEEP, str(tmp_path), str(few)], cwd=ROOT, capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 0, done.stderr[-3000:]
    images = sorted(tmp_path.glob("image-*"), key=lambda path: int(path.name.split("-")[1]))
    assert len(images) > undisturbed[1], "after the jobs aside too"
    for image in images:
        assert fingerprint(Lake(spark, str(image))) == undisturbed[0], image.name


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_run_killed_at_random_points_is_continued_to_the_same_corpus(spark: Any, few: Path, undisturbed: tuple[str, int], tmp_path: Path) -> None:
    import random

    chance = random.Random(7)
    for trial in range(10):
        killed_and_continued(tmp_path / str(trial), few, chance.randint(1, undisturbed[1] - 1), chance.uniform(0.05, 2.0))
        assert fingerprint(Lake(spark, str(tmp_path / str(trial)))) == undisturbed[0], trial
