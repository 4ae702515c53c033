"""A lake's life in one go: an old lake upgraded, two sources, ten daily batches, table care, a batch replaced, a limit moved.

Whatever was done, each raw row is a document or has its reason, and each document that ever came in is found by `why`.
"""

from __future__ import annotations

import dataclasses
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from gristmill.jobs import curate
from gristmill.jobs.core import config
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.report.ask import Ask
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema.catalog import ALL
from gristmill.jobs.schema.documents import CORPUS, DOCS, REJECTS, VERDICTS
from gristmill.jobs.upkeep.repair import findings
from gristmill.jobs.upkeep.upgrade import changes, upgrade
from gristmill.udfs.read.rows import doc_id_of, hash128
from tests.lakes import read
from tests.upkeep.test_upgrade import OLD, recipe, unpacked

pytestmark = [pytest.mark.spark, pytest.mark.slow]
DAYS, A_DAY = 10, 8
SUBJECTS = ("river", "mill", "harbour", "orchard", "bridge", "market", "tower", "forest")


def prose(draw: random.Random) -> str:
    """Six sentences that the rules keep."""
    return " ".join(
        f"The {draw.choice(SUBJECTS)} of the {draw.choice(SUBJECTS)} was built in {draw.randint(1700, 1999)} and it is known to "
        f"the people of the {draw.choice(SUBJECTS)} as number {draw.randint(1, 10 ** 6)}." for _ in range(6)
    )


def day_of(draw: random.Random, number: int) -> list[dict[str, Any]]:
    """A day's rows: new ones, one of the day before again, one without text, one too short."""
    rows = [{"id": f"{number}-{i}", "source": "daily", "text": prose(draw)} for i in range(A_DAY - 3)]
    again = {"id": f"{max(number - 1, 0)}-0", "source": "daily", "text": f"{prose(draw)} (day {number})"}
    return [*rows, again, {"id": f"{number}-none", "source": "daily", "text": None}, {"id": f"{number}-short", "source": "daily", "text": f"Short {number}."}]


def written(folder: Path, rows: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return folder


def per_folder(given: config.Recipe, is_folders: bool) -> config.Recipe:
    jobs = json.loads(json.dumps(given.jobs))
    jobs["ingest_docs"]["batch_per_folder"] = is_folders
    return dataclasses.replace(given, jobs=jobs)


def accounted(lake: Lake, raw: dict[str, int]) -> None:
    """Rows of each batch, counted from its files, are documents and rejects (those that it no longer holds apart)."""
    versions = Runs(lake).versions()
    docs = Counter(row.batch_id for row in read(lake, DOCS, versions["docs"]))
    rejects = Counter(row.batch_id for row in read(lake, REJECTS, versions["rejects"]) if row.reason != "no_longer_in_batch")
    assert {batch: docs[batch] + rejects[batch] for batch in raw} == raw
    kept = {row.doc_id for row in read(lake, CORPUS, versions["corpus"])}
    left_out = {row.doc_id for row in read(lake, VERDICTS, versions["verdicts"])}
    ids = {row.doc_id for row in read(lake, DOCS, versions["docs"])}
    assert kept | (left_out & ids) == ids
    assert not kept & left_out


def test_each_row_is_accounted_for_and_each_document_is_found_whatever_was_done_to_the_lake(spark: Any, tmp_path: Path) -> None:
    home, draw = unpacked(OLD, unpacked("raw", tmp_path)), random.Random(7)
    where, raw, seen = str(home / "lake"), {"batch-1": 21, "batch-2": 21}, {}
    for folder in sorted((home / "raw").iterdir()):
        for line in (folder / "rows.jsonl").read_bytes().splitlines():
            row = json.loads(line)
            seen[doc_id_of(row["source"], row["id"], None, hash128(row["text"].encode()))] = row["id"]
    upgrade(Lake(spark, where), changes(Lake(spark, where)))
    curate.curate(per_folder(recipe(), True), where, str(home / "raw"))
    accounted(Lake(spark, where), raw)

    days = per_folder(recipe(), False)
    for number in range(DAYS):
        rows = day_of(draw, number)
        written(tmp_path / "daily" / f"day-{number}", rows)
        raw[f"day-{number}"] = len(rows)
        seen |= {doc_id_of(row["source"], row["id"], None, hash128(row["text"].encode())): row["id"] for row in rows if row["text"]}
        curate.curate(days, where, str(tmp_path / "daily" / f"day-{number}"))
        if number == DAYS // 2:
            for table in ALL:
                if Lake(spark, where).exists(table):
                    DeltaTable(f"{where}/{table.name}").optimize.compact()
                    DeltaTable(f"{where}/{table.name}").vacuum(0, enforce_retention_duration=False, dry_run=False)
            assert findings(Lake(spark, where)) == []
    accounted(Lake(spark, where), raw)

    fewer = day_of(random.Random(8), 3)[:-3]  # the same ids with other texts, and three rows less
    written(tmp_path / "daily" / "day-3", fewer)
    raw["day-3"] = len(fewer)
    curate.curate(days, where, str(tmp_path / "daily" / "day-3"))
    curate.curate(days, where, str(tmp_path / "daily" / "day-3"))
    accounted(Lake(spark, where), raw)

    stricter = json.loads(json.dumps(days.jobs))
    stricter["build_corpus"]["min_chars"] = 400
    curate.curate(dataclasses.replace(days, jobs=stricter), where, str(tmp_path / "daily" / "day-3"))
    accounted(Lake(spark, where), raw)

    lake, ask = Lake(spark, where), Ask(where)
    known = {row.doc_id for table in (DOCS, REJECTS) for row in read(lake, table, Runs(lake).versions()[table.name])}
    assert set(seen) <= known
    assert [seen[doc_id] for doc_id in sorted(seen) if not ask.why(doc_id)["lines"]] == []
