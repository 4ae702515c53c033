"""The corpus of the demo is the same on every machine and either line of Spark; also from the same rows in other files, another order
and other partitions, by a run that is killed and continued."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs import curate
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema.documents import CORPUS
from tests.lakes import demo_recipe, read
from tests.support.killed import curate_until
from tests.support.warc import warc_members

pytestmark = pytest.mark.spark
# What the corpus of the demo hashes to; both lines of Spark run this file, so they agree byte for byte. A change of the demo's text,
# of a measure, a limit or the ranking moves it: put the new value here, and say in the commit why it moved.
# The learnt columns are held to `moved == plain` only: BLAS sums in another order on another kind of processor.
LEARNT = ("quality", "quality_bin", "tier")
MADE_OF = ("edits_hash",)  # says nothing that text and n_edits do not
WANTED = "6951e8f2516b2490084648343a0d9fc2534ee7e037f600c0ae6e00425b87ae63"


def moved(raw: Path, home: Path) -> None:
    """The batches of `raw` in `home`: the rows of their JSON Lines in another order, in other files, the records of the crawl, too; all
    other files as they are."""
    shuffle = random.Random(7).shuffle
    shutil.copytree(raw, home)
    for batch in sorted(home.glob("batch-*")):
        rows: list[bytes] = []
        for part in sorted([*batch.glob("part-*.jsonl"), *batch.glob("part-*.jsonl.gz")]):
            rows += (gzip.decompress(part.read_bytes()) if part.suffix == ".gz" else part.read_bytes()).splitlines()
            part.unlink()
        assert len(rows) > 50
        shuffle(rows)
        for i, some in enumerate((rows[:20], rows[20:21], rows[21:])):
            (batch / f"rows-{i}.jsonl").write_bytes(b"".join(row + b"\n" for row in some))
    members = warc_members((home / "crawl" / "part-0.warc.gz").read_bytes())
    assert len(members) > 100
    (home / "crawl" / "part-0.warc.gz").unlink()
    shuffle(members)
    for i, some in enumerate((members[:40], members[40:])):
        (home / "crawl" / f"moved-{i}.warc.gz").write_bytes(b"".join(some))


def fingerprint(lake: Lake, without: tuple[str, ...] = ()) -> str:
    """Hash over the sorted rows of corpus, every column of them but those named."""
    rows = sorted(json.dumps({name: value for name, value in row.asDict().items() if name not in without}, sort_keys=True, ensure_ascii=False) for row in read(lake, CORPUS))
    return hashlib.sha256("\n".join(rows).encode()).hexdigest() if rows else "empty"


def test_the_corpus_of_the_demo_is_the_same_on_every_machine_and_line_of_spark(demo_lake: Lake) -> None:
    assert fingerprint(demo_lake, (*LEARNT, *MADE_OF)) == WANTED


@pytest.mark.slow  # job by job, on fewer documents: tests/whole/test_every_job.py
def test_order_files_partitions_and_a_killed_run_do_not_move_the_corpus(spark: Any, demo_raw: Path, demo_lake: Lake, tmp_path: Path) -> None:
    """Of a difference: `moved` without the kill, then the kill alone, tell which of them it is."""
    moved(demo_raw, tmp_path / "raw")
    partitions = "spark.sql.shuffle.partitions"
    assert curate_until(tmp_path / "lake", tmp_path / "raw", 20, settings={partitions: "5"}) == -9
    killed = Lake(spark, str(tmp_path / "lake"))
    done = {run.job for run in Runs(killed).finished()}
    assert {"ingest_docs"} < done < set(demo_recipe().jobs), "it was killed on its way"
    before = spark.conf.get(partitions)
    spark.conf.set(partitions, "7")
    try:
        curate.curate(demo_recipe(), killed.where, str(tmp_path / "raw"))
    finally:
        spark.conf.set(partitions, before)
    assert fingerprint(Lake(spark, killed.where)) == fingerprint(demo_lake)


@pytest.mark.lake_kinds("s3", "catalog")
def test_the_corpus_is_the_same_on_every_kind_of_lake(new_lake: Callable[[Path], Lake], demo_raw: Path, tmp_path: Path) -> None:
    lake = new_lake(tmp_path / "lake")
    curate.curate(demo_recipe(), lake.where, str(demo_raw))
    assert fingerprint(lake, (*LEARNT, *MADE_OF)) == WANTED
