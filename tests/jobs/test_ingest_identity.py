"""What a file, a row and a batch are: nothing is lost to links, equal names, other roots, or batches that are read again."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs import curate
from gristmill.jobs.core.errors import ConfigError, ContractError, DataError
from gristmill.jobs.curation import entry, input_rows
from gristmill.jobs.ingest_docs import JOB
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner import batches
from gristmill.jobs.runner.run import Outcome, run_job
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema.documents import BATCH_FILES, DOCS, REJECTS
from tests.lakes import read

# for rows that keep every rule: tests/jobs/test_ingest_docs.py has others
pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("without_expectations")]
PUBLISHED = (1_700_000_000, 1_700_000_000)  # times of files as `tar -p` and `rsync -t` leave them


def write(path: Path, *rows: tuple[str, str]) -> Path:
    """JSON Lines of (id, text), all of one time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"id": key, "text": text, "source": "s"}) + "\n" for key, text in rows), encoding="utf-8")
    os.utime(path, PUBLISHED)
    return path


@pytest.fixture(scope="module")
def reading(params_of: Callable[..., Any]) -> Callable[..., Outcome]:
    """`reading(lake, folder, batch="b", same_id="oldest")`: one ingest."""

    def run(lake: Lake, where: Path | str, batch: str | None = None, **changes: Any) -> Outcome:
        params = params_of("ingest_docs", **{"data_docs": False, "max_reject_ratio": 1.0, "min_kept": 0, **changes})
        return run_job(JOB, params, lake, inputs=str(where), batch=batch)

    return run


@pytest.fixture(scope="module")
def new_lake(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Lake]:
    """A lake of its own each time."""
    return lambda: Lake(spark, str(tmp_path_factory.mktemp("identity") / "lake"))


def texts(lake: Lake) -> dict[str, str]:
    """Text of each document by its key."""
    return {row.native_key: row.text for row in read(lake, DOCS)}


def left_out(lake: Lake) -> list[tuple[str, str, str]]:
    """Batch, place and reason of every reject."""
    return sorted((row.batch_id, row.source_location, row.reason) for row in read(lake, REJECTS))


def add_up(lake: Lake, raw: dict[str, int]) -> None:
    """Raises AssertionError unless each batch has as many documents and rejects as it has raw rows (counted by the caller)."""
    docs = Counter(row.batch_id for row in read(lake, DOCS))
    rejects = Counter(batch for batch, _, reason in left_out(lake) if reason != "no_longer_in_batch")
    counted: Counter[str] = Counter()
    for row in read(lake, BATCH_FILES):
        counted[row.batch_id] += row.n_rows
    assert docs + rejects == +counted == Counter(raw)


def test_each_file_is_read_once_whatever_leads_to_it(
    reading: Callable[..., Outcome], new_lake: Callable[[], Lake], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, lake = tmp_path / "in [x]?", new_lake()
    write(home / "a.jsonl", ("1", "one"), ("2", "two"), ("3", "three"))
    write(home / "c.jsonl", ("4", "four"))
    write(home / "sub" / "d.jsonl", ("5", "five"))
    write(tmp_path / "other" / "z.jsonl", ("6", "six"), ("7", "seven"), ("8", "eight"))
    write(tmp_path / "else where#1" / "y.jsonl", ("9", "nine"))
    (home / "b.jsonl").symlink_to("a.jsonl")
    (home / "linked_folder").symlink_to("../other")
    (home / "z.jsonl").symlink_to("../else where#1/y.jsonl")
    (home / "sub" / "round").symlink_to("..")
    (home / "gone.jsonl").symlink_to("nowhere")
    counts = reading(lake, f"{home}//").counts
    assert (counts.rows_in, counts.rows_kept, counts.rows_left_out) == (9, 9, 0)
    places = {row.native_key: row.source_location.split(":")[0] for row in read(lake, DOCS)}
    assert places == {**dict.fromkeys("123", "a.jsonl"), "4": "c.jsonl", "5": "sub/d.jsonl", **dict.fromkeys("678", "linked_folder/z.jsonl"), "9": "z.jsonl"}
    told = capsys.readouterr().err
    assert "not read:" in told
    assert "1 linked to nothing ('gone.jsonl')" in told
    assert "1 linked to what is read as 'a.jsonl' ('b.jsonl')" in told
    assert "('sub/round')" in told
    files = {row.name: row for row in read(lake, BATCH_FILES)}
    assert {name: row.n_rows for name, row in files.items()} == {"a.jsonl": 3, "c.jsonl": 1, "sub/d.jsonl": 1, "linked_folder/z.jsonl": 3, "z.jsonl": 1}
    assert {row.root for row in files.values()} == {str(home)}
    assert all(len(row.content_hash) == 32 for row in files.values())


def test_a_batch_knows_its_root_its_files_and_what_it_held(reading: Callable[..., Outcome], new_lake: Callable[[], Lake], tmp_path: Path) -> None:
    lake = new_lake()
    first = write(tmp_path / "A" / "zh" / "x.jsonl", ("a", "one"), ("c", "same")).parent
    second = write(tmp_path / "B" / "zh" / "x.jsonl", ("b", "two"), ("c", "same")).parent
    write(first / "y.jsonl", *((str(i), f"text {i}") for i in range(100)))
    assert reading(lake, first, split_bytes=1000).batches == ("zh",)
    # The same files; then new times and the same bytes.
    assert reading(lake, first, split_bytes=1000).counts is None
    ingested = {row.ingested_at for row in read(lake, DOCS)}
    (first / "y.jsonl").touch()
    assert reading(lake, first, split_bytes=1000).counts.rows_in == 102
    assert {row.ingested_at for row in read(lake, DOCS)} == ingested
    assert set(Runs(lake).finished("ingest_docs")[-1]["versions_written"]) == {"batch_files"}
    assert reading(lake, first, split_bytes=1000).counts is None
    # Another root, with files of equal names, sizes and times.
    with pytest.raises(ConfigError, match=rf"{second}: batch zh was read from another root, {first}.*--batch zh, or replace_other_root: true"):
        reading(lake, second)
    assert len(texts(lake)) == 102
    # Other bytes under the old size and time, and a file less.
    (first / "y.jsonl").unlink()
    write(first / "x.jsonl", ("a", "ONE"), ("c", "same"))
    gone = {row.doc_id for row in read(lake, DOCS) if row.native_key.isdigit()}
    assert reading(lake, first, split_bytes=1000).counts.rows_in == 2
    assert texts(lake) == {"a": "ONE", "c": "same"}
    assert {row.doc_id for row in read(lake, REJECTS) if row.reason == "no_longer_in_batch" and row.source_location.startswith("y.jsonl:")} == gone
    # The user says that another root replaces it: what it held before keeps its rows.
    assert reading(lake, second, batch="zh").counts.rows_in == 2
    assert texts(lake) == {"b": "two", "c": "same"}
    assert len(left_out(lake)) == 101
    add_up(lake, {"zh": 2})


def test_the_newest_text_of_an_id_is_that_of_the_batch_that_came_last_first(reading: Callable[..., Outcome], new_lake: Callable[[], Lake], tmp_path: Path) -> None:
    first, second = write(tmp_path / "A" / "x.jsonl", ("d", "OLD")).parent, write(tmp_path / "B" / "x.jsonl", ("d", "NEW")).parent
    lake = new_lake()
    reading(lake, first)
    reading(lake, second)
    assert left_out(lake) == [("A", "x.jsonl:0", "superseded_version")]
    reading(lake, first, max_raw_bytes=4096)
    assert (texts(lake), left_out(lake)) == ({"d": "NEW"}, [("A", "x.jsonl:0", "superseded_version")])
    reading(lake, first, same_id="oldest")
    assert (texts(lake), left_out(lake)) == ({"d": "OLD"}, [("B", "x.jsonl:0", "superseded_version")])
    add_up(lake, {"A": 1, "B": 1})


def test_one_id_for_several_texts_of_a_batch_breaks_the_contract_and_names_its_column(
    reading: Callable[..., Outcome], new_lake: Callable[[], Lake], tmp_path: Path
) -> None:
    lake = new_lake()
    for part in range(3):
        write(tmp_path / "in" / f"{part}.jsonl", *((str(i), f"text {i} of {part}") for i in range(5)))
    with pytest.raises(ContractError, match=r"10 of 15 rows .*older_version 10.*10 rows have the id of another text of this batch by native_key \(column id"):
        reading(lake, tmp_path / "in", max_reject_ratio=0.05)
    assert not lake.exists(DOCS)
    assert reading(lake, tmp_path / "in").counts.reasons == {"older_version": 10}
    add_up(lake, {"in": 15})


def test_a_run_whose_rows_are_not_those_that_the_reader_gave_out_is_not_finished(
    reading: Callable[..., Outcome], new_lake: Callable[[], Lake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, path = new_lake(), write(tmp_path / "in" / "x.jsonl", ("a", "one"), ("b", "two"))

    def one_lost(*given: Any) -> Any:
        rows, files = input_rows.read(*given)
        return rows.limit(1), files

    monkeypatch.setattr(entry, "read", one_lost)
    with pytest.raises(DataError, match=r"ingest_docs: 2 rows came in, but 1 were kept and 0 left out .*the run is not finished"):
        reading(lake, path.parent)
    assert Runs(lake).finished() == []


def test_two_sources_with_folders_of_the_same_names_are_both_kept_and_copies_come_back(
    params_of: Callable[..., Any], new_lake: Callable[[], Lake], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = new_lake()
    params = params_of("ingest_docs", data_docs=False, batch_per_folder=True, min_kept=0, max_reject_ratio=1.0)

    def names(source: str) -> list[str]:
        """Batches that were read, `-` for each that was covered."""
        return ["-" if one.counts is None else one.batches[0] for one in curate._brought_in([(JOB, params)], lake, str(tmp_path / source))]

    for name, rows in {"A/en": [("k", "stays"), ("d", "first")], "A/zh": [("e", "copy")], "B/en": [("d", "later")], "B/zh": [("e", "copy"), ("f", "only")]}.items():
        write(tmp_path / name / "x.jsonl", *rows)
    (tmp_path / "A" / "empty").mkdir()
    (tmp_path / "A" / "_SUCCESS").touch()
    (tmp_path / "A" / "latest").symlink_to("zh")
    assert names("A") == ["en", "zh"]
    told = capsys.readouterr().err
    assert "empty: a batch of no rows" in told
    assert "1 hidden ('_SUCCESS'); 1 linked to what is read as 'zh' ('latest')" in told
    assert names("B") == ["B-en", "B-zh"]
    assert names("A") == names("B") == ["-", "-"]
    assert texts(lake) == {"k": "stays", "d": "later", "e": "copy", "f": "only"}
    assert left_out(lake) == [("B-zh", "x.jsonl:0", "already_ingested"), ("en", "x.jsonl:44", "superseded_version")]
    add_up(lake, {"en": 2, "zh": 1, "B-en": 1, "B-zh": 2})
    # What stood for others goes: a version that had superseded another, then the copy that had come first.
    write(tmp_path / "B" / "en" / "x.jsonl", ("new", "longer"))
    assert names("B") == ["B-en", "-", "en"]
    assert texts(lake) == {"k": "stays", "d": "first", "e": "copy", "f": "only", "new": "longer"}
    shutil.rmtree(tmp_path / "B" / "zh")
    write(tmp_path / "A" / "zh" / "x.jsonl", ("g", "no copy"))
    assert names("A") == ["-", "zh"]
    told = capsys.readouterr().err
    assert f"batch B-zh waits to be read again, for copies of documents of it are gone (rejects: copy_is_gone): {tmp_path}/B/zh: no such" in told
    assert ("B-zh", "x.jsonl:0", "copy_is_gone") in left_out(lake)
    assert batches.waiting(Runs(lake)) == ["B-zh"]
    add_up(lake, {"en": 2, "zh": 1, "B-en": 1, "B-zh": 2})
    write(tmp_path / "B" / "zh" / "x.jsonl", ("e", "copy"), ("f", "only"))
    assert names("B") == ["-", "B-zh"]
    assert texts(lake) == {"k": "stays", "d": "first", "g": "no copy", "e": "copy", "f": "only", "new": "longer"}
    assert [(batch, reason) for batch, _, reason in left_out(lake)] == [("B-en", "no_longer_in_batch"), ("zh", "no_longer_in_batch")]
    add_up(lake, {"en": 2, "zh": 1, "B-en": 1, "B-zh": 2})
    write(tmp_path / "A" / "loose.jsonl", ("l", "loose"))
    with pytest.raises(ConfigError, match=r"1 files beside the folders belong to no batch \('loose.jsonl'\)"):
        names("A")


def test_hadoop_lists_what_a_walk_over_the_disk_lists(spark: Any, tmp_path: Path) -> None:
    from gristmill.jobs.lake import hadoop_files
    from gristmill.jobs.lake.listing import hadoop_folders, hadoop_listing, local_folders, local_listing

    home = tmp_path / "a b#1%20"
    for name in ("zh/x.jsonl", "zh/deep/y z.jsonl", "en/50%.jsonl", "en/_tmp/no.jsonl", "_SUCCESS"):
        write(home / name, ("a", "one"))
    system, path = hadoop_files._hadoop(spark, f"file://{home}/")
    has_etags = spark._jvm.java.lang.Class.forName("org.apache.hadoop.fs.EtagSource").isInstance
    found, wanted = hadoop_listing(system, path, has_etags), local_listing(str(home))
    assert [(file.name, file.size, file.modified, file.etag) for file in found.files] == [(file.name, file.size, file.modified, file.etag) for file in wanted.files]
    assert (found.batch, found.root) == (wanted.batch, f"file:{home}")
    assert [folder.name for folder in hadoop_folders("x", system, path)[0]] == [folder.name for folder in local_folders(str(home))[0]] == ["en", "zh"]
