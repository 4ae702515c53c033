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

from jobs.core.errors import ConfigError, ContractError
from jobs.core.lake import Lake
from jobs.core.run import Outcome, run_job
from jobs.core.runs import Runs
from jobs.core.tables import BATCH_FILES, DOCS, REJECTS
from jobs.ingest_docs import JOB
from jobs.runner import batches

pytestmark = pytest.mark.spark


def write(path: Path, *rows: tuple[str, str]) -> Path:
    """JSON Lines of (id, text)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"id": key, "text": text, "source": "s"}) + "\n" for key, text in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def reading(params_of: Callable[..., Any]) -> Callable[..., Outcome]:
    """`reading(lake, folder, batch="b", same_id="oldest")`: one ingest."""

    def run(lake: Lake, where: Path | str, batch: str | None = None, **changes: Any) -> Outcome:
        params = params_of("ingest_docs", **{"data_docs": False, "max_reject_share": 1.0, "min_kept": 0, **changes})
        return run_job(JOB, params, lake, inputs=str(where), batch=batch)

    return run


@pytest.fixture(scope="module")
def new_lake(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Lake]:
    """A lake of its own each time."""
    return lambda: Lake(spark, str(tmp_path_factory.mktemp("identity") / "lake"))


def texts(lake: Lake) -> dict[str, str]:
    """Text of each document by its key."""
    return {row.native_key: row.text for row in lake.read(DOCS).collect()}


def left_out(lake: Lake) -> list[tuple[str, str, str]]:
    """Batch, place and reason of every reject."""
    return sorted((row.batch_id, row.place, row.reason) for row in lake.read(REJECTS).collect())


def add_up(lake: Lake, raw: dict[str, int]) -> None:
    """Raises AssertionError unless each batch has as many documents and rejects as it has raw rows (counted by the caller)."""
    docs = Counter(row.batch_id for row in lake.read(DOCS).select("batch_id").collect())
    rejects = Counter(batch for batch, _, reason in left_out(lake) if reason != "no_longer_in_batch")
    read = Counter()
    for row in lake.read(BATCH_FILES).collect():
        read[row.batch_id] += row.n_rows
    assert docs + rejects == read == Counter(raw)


def test_each_file_is_read_once_whatever_leads_to_it(
    reading: Callable[..., Outcome], new_lake: Callable[[], Lake], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, lake = tmp_path / "in", new_lake()
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
    places = {row.native_key: row.place.split(":")[0] for row in lake.read(DOCS).collect()}
    assert places == {**dict.fromkeys("123", "a.jsonl"), "4": "c.jsonl", "5": "sub/d.jsonl", **dict.fromkeys("678", "linked_folder/z.jsonl"), "9": "z.jsonl"}
    told = capsys.readouterr().err
    assert "not read:" in told
    assert "1 linked to nothing ('gone.jsonl')" in told
    assert "1 linked to what is read as 'a.jsonl' ('b.jsonl')" in told
    assert "('sub/round')" in told
    files = {row.name: row for row in lake.read(BATCH_FILES).collect()}
    assert {name: row.n_rows for name, row in files.items()} == {"a.jsonl": 3, "c.jsonl": 1, "sub/d.jsonl": 1, "linked_folder/z.jsonl": 3, "z.jsonl": 1}
    assert {row.root for row in files.values()} == {str(home)}
    assert all(len(row.content_hash) == 32 for row in files.values())


def test_another_root_under_the_name_of_a_batch_is_refused_unless_somebody_says_that_it_replaces(
    reading: Callable[..., Outcome], new_lake: Callable[[], Lake], tmp_path: Path
) -> None:
    lake = new_lake()
    first, second = write(tmp_path / "A" / "zh" / "x.jsonl", ("a", "one"), ("c", "same")).parent, write(tmp_path / "B" / "zh" / "x.jsonl", ("b", "two"), ("c", "same")).parent
    assert (first / "x.jsonl").stat().st_size == (second / "x.jsonl").stat().st_size
    for folder in (first, second):
        os.utime(folder / "x.jsonl", (1_700_000_000, 1_700_000_000))
    assert reading(lake, first).batches == ("zh",)
    with pytest.raises(ConfigError, match=rf"{second}: batch zh was read from another root, {first}.*--batch zh, or replace_other_root: true"):
        reading(lake, second)
    assert texts(lake) == {"a": "one", "c": "same"}
    assert reading(lake, second, batch="zh").counts.rows_in == 2
    assert texts(lake) == {"b": "two", "c": "same"}
    assert left_out(lake) == [("zh", "x.jsonl:0", "no_longer_in_batch")]
    assert reading(lake, first, replace_other_root=True).counts.rows_in == 2
    assert texts(lake) == {"a": "one", "c": "same"}
    assert [row.doc_id for row in lake.read(REJECTS).collect()] != [None]
    add_up(lake, {"zh": 2})


def test_files_with_new_times_and_the_same_bytes_are_not_read_again(reading: Callable[..., Outcome], new_lake: Callable[[], Lake], tmp_path: Path) -> None:
    lake, folder = new_lake(), tmp_path / "raw"
    write(folder / "1.jsonl", *((str(i), f"text {i}") for i in range(200)))
    write(folder / "2.jsonl", ("x", "other"))
    reading(lake, folder, split_bytes=1000)
    assert reading(lake, folder, split_bytes=1000).counts is None
    ingested = {row.ingested_at for row in lake.read(DOCS).collect()}
    os.utime(folder / "1.jsonl", (1_700_000_000, 1_700_000_000))
    assert reading(lake, folder, split_bytes=1000).counts.rows_in == 201
    assert {row.ingested_at for row in lake.read(DOCS).collect()} == ingested
    assert {row.modified.timestamp() for row in lake.read(BATCH_FILES).collect()} >= {1_700_000_000}
    assert "docs" not in Runs(lake).finished("ingest_docs")[-1]["versions_written"]
    assert reading(lake, folder, split_bytes=1000).counts is None
    before = (folder / "2.jsonl").stat()
    write(folder / "2.jsonl", ("x", "OTHER"))
    assert (folder / "2.jsonl").stat().st_size == before.st_size
    assert reading(lake, folder, split_bytes=1000).counts.rows_in == 201
    assert texts(lake)["x"] == "OTHER"
    add_up(lake, {"raw": 201})


def test_a_document_that_its_batch_no_longer_holds_has_a_row_and_keeps_it(reading: Callable[..., Outcome], new_lake: Callable[[], Lake], tmp_path: Path) -> None:
    lake, folder = new_lake(), tmp_path / "in"
    write(folder / "1.jsonl", ("1", "one"))
    write(folder / "2.jsonl", ("2", "two"))
    reading(lake, folder)
    gone = next(row.doc_id for row in lake.read(DOCS).collect() if row.native_key == "1")
    (folder / "1.jsonl").unlink()
    for text in ("two", "TWO"):
        write(folder / "2.jsonl", ("2", text))
        counts = reading(lake, folder).counts
        assert (counts.rows_in, counts.rows_kept, counts.rows_left_out) == (1, 1, 0)
        assert [(row.place, row.reason, row.doc_id) for row in lake.read(REJECTS).collect()] == [("1.jsonl:0", "no_longer_in_batch", gone)]
    (folder / "2.jsonl").unlink()
    assert reading(lake, folder).counts.rows_in == 0
    assert {row.reason for row in lake.read(REJECTS).collect()} == {"no_longer_in_batch"}
    write(folder / "1.jsonl", ("1", "one"))
    reading(lake, folder)
    assert (list(texts(lake)), [row.place for row in lake.read(REJECTS).collect()]) == (["1"], ["2.jsonl:0"])
    add_up(lake, {"in": 1})


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
    reading(lake, second, same_id="oldest")
    assert (texts(lake), left_out(lake)) == ({"d": "OLD"}, [("B", "x.jsonl:0", "superseded_version")])
    add_up(lake, {"A": 1, "B": 1})


def test_a_copy_comes_back_when_the_document_that_stood_for_it_is_gone(reading: Callable[..., Outcome], new_lake: Callable[[], Lake], tmp_path: Path) -> None:
    lake = new_lake()
    first = write(tmp_path / "A" / "x.jsonl", ("d", "first"), ("e", "one text"), ("k", "stays")).parent
    second = write(tmp_path / "B" / "x.jsonl", ("d", "second"), ("f", "also here")).parent
    third = write(tmp_path / "C" / "x.jsonl", ("e", "one text"), ("f", "also here")).parent
    for folder in (first, second, third):
        reading(lake, folder)
    assert left_out(lake) == [("A", "x.jsonl:0", "superseded_version"), ("C", "x.jsonl:0", "already_ingested"), ("C", "x.jsonl:45", "already_ingested")]
    write(second / "x.jsonl", ("g", "new"))
    reading(lake, second)
    assert batches.waiting(Runs(lake)) == ["A", "C"]
    waits = [(batch, reason) for batch, _, reason in left_out(lake)]
    assert waits == [("A", "copy_is_gone"), ("B", "no_longer_in_batch"), ("B", "no_longer_in_batch"), ("C", "already_ingested"), ("C", "copy_is_gone")]
    add_up(lake, {"A": 3, "B": 1, "C": 2})
    reading(lake, first)
    reading(lake, third)
    assert texts(lake) == {"d": "first", "e": "one text", "k": "stays", "g": "new", "f": "also here"}
    assert batches.waiting(Runs(lake)) == []
    add_up(lake, {"A": 3, "B": 1, "C": 2})


def test_one_id_for_several_texts_of_a_batch_breaks_the_contract_and_names_its_column(
    reading: Callable[..., Outcome], new_lake: Callable[[], Lake], tmp_path: Path
) -> None:
    lake = new_lake()
    for part in range(3):
        write(tmp_path / "in" / f"{part}.jsonl", *((str(i), f"text {i} of {part}") for i in range(5)))
    with pytest.raises(ContractError, match=r"10 of 15 rows .*older_version 10.*10 rows have the id of another text of this batch by native_key \(column id"):
        reading(lake, tmp_path / "in", max_reject_share=0.05)
    assert not lake.exists(DOCS)
    assert reading(lake, tmp_path / "in").counts.reasons == {"older_version": 10}
    add_up(lake, {"in": 15})


def test_two_sources_with_folders_of_the_same_names_are_both_kept(
    spark: Any, params_of: Callable[..., Any], new_lake: Callable[[], Lake], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from jobs import curate

    lake = new_lake()
    for source in "AB":
        for lang in ("en", "zh"):
            path = write(tmp_path / source / lang / "x.jsonl", (f"{source}{lang}", "equal size"))
            os.utime(path, (1_700_000_000, 1_700_000_000))
    (tmp_path / "A" / "empty").mkdir()
    (tmp_path / "A" / "_SUCCESS").touch()
    (tmp_path / "A" / "latest").symlink_to("zh")
    params = params_of("ingest_docs", data_docs=False, batch_per_folder=True, min_kept=0, max_reject_share=1.0)

    def names(source: str) -> list[tuple[str, bool]]:
        return [(outcome.batches[0] if outcome.batches else "", outcome.counts is not None) for outcome in curate._ingested(JOB, params, lake, str(tmp_path / source))]

    assert names("A") == [("en", True), ("zh", True)]
    told = capsys.readouterr().err
    assert "empty: a batch of no rows" in told
    assert "1 hidden ('_SUCCESS'); 1 linked to what is read as 'zh' ('latest')" in told
    assert names("B") == [("B-en", True), ("B-zh", True)]
    assert names("A") == names("B") == [("", False), ("", False)]
    assert set(texts(lake)) == {"Aen", "Azh", "Ben", "Bzh"}
    add_up(lake, dict.fromkeys(("en", "zh", "B-en", "B-zh"), 1))
    # A batch whose copy is gone is read again by the same command; one whose root is gone is named.
    write(tmp_path / "B" / "zh" / "x.jsonl", ("Bzh", "equal size"), ("Azh", "equal size"))
    assert names("B") == [("", False), ("B-zh", True)]
    write(tmp_path / "A" / "zh" / "x.jsonl", ("other", "no more"))
    assert names("A") == [("", False), ("zh", True), ("B-zh", True)]
    assert set(texts(lake)) == {"Aen", "Azh", "other", "Ben", "Bzh"}
    write(tmp_path / "A" / "zh" / "x.jsonl", ("Azh", "equal size"))
    assert names("A") == [("", False), ("zh", True)]
    shutil.rmtree(tmp_path / "A" / "zh")
    write(tmp_path / "B" / "zh" / "x.jsonl", ("Bzh", "equal size"))
    assert names("B") == [("", False), ("B-zh", True)]
    assert f"batch zh: copies for which rows of it were left out are gone (rejects: copy_is_gone), but it cannot be read again: {tmp_path}/A/zh: no such" in capsys.readouterr().err
    add_up(lake, {"en": 1, "zh": 1, "B-en": 1, "B-zh": 1})
    write(tmp_path / "A" / "loose.jsonl", ("l", "loose"))
    with pytest.raises(ConfigError, match=r"1 files beside the folders belong to no batch \('loose.jsonl'\)"):
        names("A")
