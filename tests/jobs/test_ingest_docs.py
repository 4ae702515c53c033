"""Hostile input at the door: each broken row ends in `rejects` with its reason, and nothing else of the batch is lost."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from gristmill.jobs.core.errors import ConfigError, ContractError
from gristmill.jobs.ingest_docs import JOB, Format
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.main import main
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema.documents import DOCS, REJECTS
from gristmill.jobs.schema.runs import RUNS
from gristmill.udfs.read.readers import FORMATS
from tests.lakes import bring, read

pytestmark = pytest.mark.spark
ROOT = Path(__file__).resolve().parents[2]
MAX_ROW, MAX_UNPACKED, SPLIT = 20_000, 200_000, 30_000  # bytes; a part of a file is shorter than the long line in it


def line(key: str, text: Any = "a good row", **more: Any) -> bytes:
    """A row as JSON Lines has it; lone surrogates become escapes."""
    return json.dumps({"id": key, "text": text, "source": "test", **more}).encode()


# What stands in the middle of a file, and the reasons of the rejects that it becomes; [] where it is no fault at all.
HOSTILE: dict[str, tuple[bytes, list[str]]] = {
    "null_text": (line("x", None), ["missing_text"]),
    "empty_text": (line("x", ""), ["empty_text"]),
    "blank_text": (line("x", " \t\u3000\u2028"), ["empty_text"]),
    "no_text_at_all": (b'{"id": "x", "source": "test"}', ["missing_field"]),
    "no_source": (b'{"id": "x", "text": "who said this"}', ["missing_field"]),
    "very_long_line": (line("x", "y" * 100_000), ["row_too_long"]),
    "invalid_utf8": (b'{"id": "x", "source": "test", "text": "caf\xe9 \xff"}', ["invalid_encoding"]),
    "utf8_cut_in_a_character": (b'{"id": "x", "source": "test", "text": "\xe6\xb0"}', ["invalid_encoding"]),
    "nul_character": (line("x", "a\0b"), ["nul_character"]),
    "raw_nul_byte": (b'{"id": "x", "source": "test", "text": "a\0b"}', ["nul_character"]),
    "lone_surrogate_escape": (line("x", "half \ud83d of a face"), ["lone_surrogate"]),
    "lone_surrogate_bytes": (b'{"id": "x", "source": "test", "text": "\xed\xa0\xbd"}', ["lone_surrogate"]),
    "lone_surrogate_in_the_key": (line("\udc00"), ["lone_surrogate"]),
    "number_for_text": (line("x", 12), ["wrong_type"]),
    "list_for_text": (line("x", ["a", "b"]), ["wrong_type"]),
    "object_for_url": (line("x", url={"a": 1}), ["wrong_type"]),
    "duplicate_key": (b'{"id": "x", "source": "test", "text": "one", "text": "two"}', ["duplicate_key"]),
    "duplicate_key_deep_down": (b'{"id": "x", "source": "test", "text": "one", "meta": {"a": 1, "a": 1}}', ["duplicate_key"]),
    "broken_off_json": (b'{"id": "x", "source": "test", "text": "wh', ["malformed_json"]),
    "nan": (b'{"id": "x", "source": "test", "text": "one", "score": NaN}', []),
    "list_for_a_row": (b'["x", "test", "one"]', ["not_an_object"]),
    "nested_beyond_all_measure": (b'{"id": "x", "source": "test", "text": "one", "meta": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", ["nested_too_deep"]),
    "source_of_300_characters": (b'{"id": "x", "source": "' + b"s" * 300 + b'", "text": "one"}', ["malformed_source"]),
    "blank_line": (b"  ", []),
    "carriage_returns": (b"\r", []),
}
# Strange, and text all the same: it arrives as it was.
STRANGE = {
    "control_characters": "bell \x07 escape \x1b[31m delete \x7f c1 \x85 end",
    "line_separators": "one\u2028two\u2029three\rfour\x0bfive",
    "byte_order_mark_inside": "a\ufeffb",
    "noncharacters": "a \uffff \U0010ffff b",
    "a_pair_of_surrogates": "\U0001f600 and a family \U0001f468\u200d\U0001f469",
    "right_to_left": "\u202eabc \u05d0",
}


def cut_gzip(good: list[bytes], lost: bytes) -> bytes:
    """A gzip that keeps `good` lines whole and breaks off inside the next one."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    data = b"".join(packer.compress(row + b"\n") + packer.flush(zlib.Z_FULL_FLUSH) for row in good)
    rest = packer.compress(lost) + packer.flush()
    return data + rest[: len(rest) // 3]


def write_hostile(folder: Path) -> tuple[set[str], dict[str, list[str]], dict[str, str]]:
    """Write the folder; returns the keys of the good rows, the reasons that each place in a file must have, and the place of each of HOSTILE."""
    good: set[str] = set()
    reasons: dict[str, list[str]] = {}
    places: dict[str, str] = {}

    def fine(key: str) -> bytes:
        good.add(key)
        return line(key, f"good row {key}")

    folder.mkdir(parents=True)
    at, rows = 0, []
    for name, (raw, wanted) in HOSTILE.items():
        for row in (fine(f"before {name}"), raw, fine(f"after {name}")):
            if row is raw:
                places[name] = f"lines.jsonl:{at}"
                reasons |= {places[name]: wanted} if wanted else {}
            rows.append(row)
            at += len(row) + 1
    (folder / "lines.jsonl").write_bytes(b"\n".join(rows))  # the last line has no line end
    good |= {"x", *STRANGE}  # x: NaN stands in a column that is not mapped
    (folder / "strange.jsonl").write_bytes(b"".join(line(key, text) + b"\r\n" for key, text in STRANGE.items()))
    kept = [fine(f"before the cut {i}") for i in range(3)]
    (folder / "cut.jsonl.gz").write_bytes(cut_gzip(kept, line("lost", os.urandom(2_000).hex())))
    reasons[f"cut.jsonl.gz:{sum(len(row) + 1 for row in kept)}"] = ["truncated_file"]
    kept = [fine(f"before the bomb {i}") for i in range(3)]
    (folder / "bomb.jsonl.gz").write_bytes(gzip.compress(b"\n".join(kept) + b"\n" + b" " * 50_000_000))
    reasons[f"bomb.jsonl.gz:{sum(len(row) + 1 for row in kept)}"] = ["unpacks_too_large"]
    (folder / "no.jsonl.gz").write_bytes(b"this is no gzip")
    reasons["no.jsonl.gz:0"] = ["unreadable_file"]
    (folder / "no.parquet").write_bytes(b"PAR1 nor is this Parquet PAR1")
    reasons["no.parquet:0"] = ["unreadable_file"]
    good |= {"parquet 0", "parquet 4"}
    texts = ["good row", None, "a\0b", "", "good row"]
    pq.write_table(pa.table({"id": [f"parquet {i}" for i in range(5)], "text": texts, "source": ["test"] * 5}), folder / "rows.parquet")
    reasons |= {"rows.parquet:1": ["missing_text"], "rows.parquet:2": ["nul_character"], "rows.parquet:3": ["empty_text"]}
    pq.write_table(pa.table({"id": [1, 2], "text": [0.5, 1.5], "source": ["test"] * 2}), folder / "typed.parquet")
    reasons |= {"typed.parquet:0": ["wrong_type"], "typed.parquet:1": ["wrong_type"]}
    (folder / "empty.jsonl").write_bytes(b"")
    (folder / "_hidden.jsonl").write_bytes(b"not read\n")
    return good, reasons, places


@pytest.fixture(scope="module")
def hostile(spark: Any, tmp_path_factory: pytest.TempPathFactory, params_of: Callable[..., Any]) -> dict[str, Any]:
    """What one ingest made of the hostile folder."""
    home = tmp_path_factory.mktemp("hostile")
    good, reasons, places = write_hostile(home / "raw")
    lake = Lake(spark, str(home / "lake"))
    limits = {"max_row_bytes": MAX_ROW, "max_unpacked_bytes": MAX_UNPACKED, "split_bytes": SPLIT, "max_raw_bytes": 64}
    params = params_of("ingest_docs", data_docs=False, max_reject_ratio=0.5, **limits)
    outcome = run_job(JOB, params, lake, inputs=str(home / "raw"), batch="one")
    docs = {row.native_key: row for row in read(lake, DOCS)}
    rejects = read(lake, REJECTS)
    return {"good": good, "reasons": reasons, "places": places, "docs": docs, "rejects": rejects, "counts": outcome.counts}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_row_is_one_reject_with_its_reason_and_its_neighbours_are_documents(hostile: dict[str, Any], name: str) -> None:
    assert [row.reason for row in hostile["rejects"] if row.source_location == hostile["places"][name]] == HOSTILE[name][1]
    assert {f"before {name}", f"after {name}"} <= set(hostile["docs"])


@pytest.mark.parametrize("name", STRANGE)
def test_strange_characters_are_text_and_arrive_untouched(hostile: dict[str, Any], name: str) -> None:
    assert hostile["docs"][name].text == STRANGE[name]


@pytest.mark.parametrize("file", ["cut.jsonl.gz", "bomb.jsonl.gz", "no.jsonl.gz", "no.parquet", "rows.parquet", "typed.parquet"])
def test_a_broken_file_keeps_its_good_rows_and_says_once_where_it_broke(hostile: dict[str, Any], file: str) -> None:
    wanted = {place: reasons for place, reasons in hostile["reasons"].items() if place.startswith(file)}
    assert {row.source_location: [row.reason] for row in hostile["rejects"] if row.source_location.startswith(file)} == wanted
    assert wanted


def test_nothing_else_is_lost_and_nothing_is_invented(hostile: dict[str, Any]) -> None:
    assert set(hostile["docs"]) == hostile["good"]
    assert Counter((row.source_location, row.reason) for row in hostile["rejects"]) == Counter(
        (place, reason) for place, reasons in hostile["reasons"].items() for reason in reasons
    )
    counts = hostile["counts"]
    assert counts.rows_in == len(hostile["good"]) + len(hostile["rejects"])
    assert (counts.rows_kept, counts.rows_left_out) == (len(hostile["good"]), len(hostile["rejects"]))
    assert counts.reasons == Counter(row.reason for row in hostile["rejects"])


def test_a_reject_shows_its_row_within_the_bound(hostile: dict[str, Any]) -> None:
    raws = {row.reason: row.raw for row in hostile["rejects"] if row.source_location.startswith("lines.jsonl")}
    assert max(len(raw.encode()) for raw in raws.values() if raw) <= 64
    assert raws["row_too_long"] == line("x", "y" * 100).decode()[:64]
    assert raws["not_an_object"] == '["x", "test", "one"]'


# The batch as a whole


def versions(lake: Lake) -> dict[str, int | None]:
    return {table.name: lake.latest(table) if lake.exists(table) else None for table in (DOCS, REJECTS, RUNS)}


@pytest.fixture
def command(lake: Lake, tmp_path: Path) -> Callable[..., int]:
    """`command(folder, batch="b", max_reject_ratio=0.1)`: the job's own command line; returns its exit code."""

    def run(folder: Path, *arguments: str, **changes: Any) -> int:
        recipe = yaml.safe_load((ROOT / "conf/jobs/ingest_docs.yaml").read_text(encoding="utf-8"))
        recipe["jobs"]["ingest_docs"] |= {"data_docs": False, **changes}
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
        return main(JOB, ["--recipe", str(tmp_path / "recipe.yaml"), "--lake", lake.where, "--input", str(folder), *arguments])

    return run


def folder_of(home: Path, *rows: bytes) -> Path:
    home.mkdir(parents=True)
    (home / "rows.jsonl").write_bytes(b"".join(row + b"\n" for row in rows))
    return home


def test_an_empty_folder_is_an_error_that_says_so(lake: Lake, command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "_SUCCESS").touch()
    assert command(tmp_path / "raw") == ConfigError.exit_code == 2
    assert f"{tmp_path / 'raw'}: no files to ingest (not read: 1 hidden ('_SUCCESS')); name a file or a folder that holds some" in capsys.readouterr().err
    assert command(tmp_path / "nowhere") == 2
    assert "nowhere: no such file or folder" in capsys.readouterr().err
    assert versions(lake) == {"docs": None, "rejects": None, "runs": None}


def test_a_file_that_no_format_takes_is_named(command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = folder_of(tmp_path / "raw", line("a"))
    (home / "table.csv").write_text("a,b\n")
    assert command(home) == 2
    assert "no glob of formats matches table.csv (1 files); add a format for them" in capsys.readouterr().err


def test_a_batch_too_broken_stops_with_exit_3_and_nothing_is_written(lake: Lake, command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = folder_of(tmp_path / "raw" / "broken", line("a"), line("b", None), line("c", ""))
    lacking = folder_of(tmp_path / "raw" / "lacking", *(json.dumps({"id": str(i), "body": "text", "source": "t"}).encode() for i in range(4)))
    fine = folder_of(tmp_path / "raw" / "fine", line("d"), line("e"), line("f", None))
    assert command(broken, max_reject_ratio=0.5) == ContractError.exit_code == 3
    told = capsys.readouterr().err
    assert f"2 of 3 rows of {broken} break the contract" in told
    assert "empty_text 1" in told
    assert "missing_text 1" in told
    assert "more than max_reject_ratio 0.5; nothing was written. Mend the input, the columns in the recipe, or the limit" in told
    assert command(lacking, max_reject_ratio=0.5) == 3, "a column that the recipe names and the input lacks"
    told = capsys.readouterr().err
    assert f"{lacking}: columns that the recipe maps are in no row; nothing was written:\n  *.json*: text: no row has text; there are: body, id, source\n" in told
    assert versions(lake) == {"docs": None, "rejects": None, "runs": None}
    assert command(fine, max_reject_ratio=0.5) == 0
    before = versions(lake)
    assert command(broken, max_reject_ratio=0.5) == 3
    assert versions(lake) == before, "a lake that has batches is left as it was"
    assert {row.native_key for row in read(lake, DOCS)} == {"d", "e"}
    assert command(fine, max_reject_ratio=0.5) == 0
    assert "nothing to do" in capsys.readouterr().err
    assert versions(lake) == before, "the same batch again changes nothing"


def rows_of(lake: Lake) -> tuple[list[Any], list[Any]]:
    """docs and rejects without the clock."""
    return tuple(sorted(str(row.asDict() | {"ingested_at": None}) for row in read(lake, table)) for table in (DOCS, REJECTS))  # type: ignore[return-value]


def test_a_batch_with_files_or_columns_of_another_kind_stops_and_names_them(
    lake: Lake, command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = folder_of(tmp_path / "raw", line("a", url="http://a.test/1"), line("b", url=["http://a.test/2"]))
    assert command(home, max_reject_ratio=0.4) == ContractError.exit_code
    assert "(wrong_type 1, url: url is a list (1 wrong_type))" in capsys.readouterr().err
    (home / "more.jsonl.zip").write_bytes(b"PK\x03\x04 and so on")
    assert command(home, max_reject_ratio=1.0) == ConfigError.exit_code
    assert "  more.jsonl.zip: a zip archive\n" in capsys.readouterr().err
    assert versions(lake) == {"docs": None, "rejects": None, "runs": None}


def test_a_killed_ingest_is_invisible_and_resumes_and_a_touched_file_gives_the_same_rows(
    lake: Lake, tmp_path: Path, params_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = folder_of(tmp_path / "raw", line("a"), line("b", None), line("c"), line("c"))
    params = params_of("ingest_docs", data_docs=False, max_reject_ratio=0.5)

    def die_after_docs(self: Lake, written: Any, version: int) -> None:
        if written.name == "docs":
            raise KeyboardInterrupt

    with monkeypatch.context() as hook:
        hook.setattr(Lake, "committed", die_after_docs)
        with pytest.raises(KeyboardInterrupt):
            run_job(JOB, params, lake, inputs=str(home), batch="one")
    first = rows_of(lake)
    assert [len(rows) for rows in first] == [2, 2], "both tables were committed, the last row of runs was not"
    assert Runs(lake).batches() == [], "no reader sees the batch"
    os.utime(home / "rows.jsonl", (1, 1))
    assert run_job(JOB, params, lake, inputs=str(home), batch="one").counts.rows_in == 4
    assert Runs(lake).batches() == ["one"]
    assert rows_of(lake) == first


# Formats and encodings

ZH = "今天我们在河边的小镇上学习如何测量水位，并且记录每天的变化，这样就能知道什么时候会有洪水。"
HANT = "今天我們在河邊的小鎮上學習如何測量水位，並且記錄每天的變化，這樣就能知道什麼時候會有洪水。"


def wet(*pages: tuple[str, str]) -> bytes:
    members = [b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n"]
    for i, (url, text) in enumerate(pages):
        head = f"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: {url}\r\nWARC-Record-ID: <urn:uuid:{i}>\r\nContent-Type: text/plain\r\n"
        members.append(f"{head}Content-Length: {len(text.encode())}\r\n\r\n{text}\r\n\r\n".encode())
    return b"".join(map(gzip.compress, members))


def files_of_all_formats() -> dict[str, bytes]:
    """Bytes by the end of the file's name; each holds two documents (a text file one)."""
    parquet = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": ["p0", "p1"], "text": [f"{ZH} parquet", "row of parquet"], "source": ["test"] * 2}), parquet)
    legacy = {name: "".join(json.dumps({"id": f"{name}-{i}", "source": "test", "text": text + str(i)}, ensure_ascii=False) + "\n" for i in range(2))
              for name, text in (("gb18030", ZH + "𠮷€"), ("big5", HANT))}  # fmt: skip
    return {
        "gb18030.jsonl": legacy["gb18030"].encode("gb18030"),
        "big5.jsonl": legacy["big5"].encode("big5"),
        "plain.jsonl.gz": gzip.compress(line("j0", f"{ZH} lines") + b"\n" + line("j1", "row of lines") + b"\n"),
        "rows.parquet": parquet.getvalue().to_pybytes(),
        "pages.wet.gz": wet(("https://a.test/0", f"{ZH} page"), ("https://a.test/1", "second page")),
        "utf8.txt": f"\ufeff{ZH} text".encode(),
        "gbk.txt": f"{ZH} 文".encode("gb18030"),
        "big5.txt": f"{HANT} 文".encode("big5"),
    }


COLUMNS = {"text": "text", "native_key": "id", "source": "source"}
LEGACY = [{"glob": f"*{name}.jsonl", "format": "jsonl", "encoding": name, "columns": COLUMNS} for name in ("gb18030", "big5")]


@pytest.fixture(scope="module")
def both_orders(spark: Any, tmp_path_factory: pytest.TempPathFactory, params_of: Callable[..., Any]) -> list[list[Any]]:
    """The documents of every format with their files named in this order and in the other."""
    home = tmp_path_factory.mktemp("formats")
    content, made = files_of_all_formats(), []
    for order in (list(content), list(content)[::-1]):
        lake, folder = Lake(spark, str(home / order[0] / "lake")), home / order[0] / "raw"
        folder.mkdir(parents=True)
        for i, name in enumerate(order):
            (folder / f"{i}-{name}").write_bytes(content[name])
        shipped = [each.model_dump() for each in params_of("ingest_docs").formats]
        params = params_of("ingest_docs", data_docs=False, max_reject_ratio=0.0, formats=LEGACY + shipped)
        run_job(JOB, params, lake, inputs=str(folder), batch="one")
        made.append(sorted(lake.read(DOCS).drop("source_location", "ingested_at").collect(), key=lambda row: row.doc_id))
    return made


def test_every_format_and_encoding_arrives_whole(both_orders: list[list[Any]]) -> None:
    found = Counter((row.source, row.native_key or row.url, row.text) for row in both_orders[0])
    assert found == Counter([
        *(("test", f"gb18030-{i}", f"{ZH}𠮷€{i}") for i in range(2)),
        *(("test", f"big5-{i}", f"{HANT}{i}") for i in range(2)),
        ("test", "j0", f"{ZH} lines"), ("test", "j1", "row of lines"), ("test", "p0", f"{ZH} parquet"), ("test", "p1", "row of parquet"),
        ("commoncrawl", "<urn:uuid:0>", f"{ZH} page"), ("commoncrawl", "<urn:uuid:1>", "second page"),
        ("text", None, f"{ZH} text"), ("text", None, f"{ZH} 文"), ("text", None, f"{HANT} 文"),
    ])  # fmt: skip


def test_a_text_file_may_hold_a_document_a_line(
    lake: Lake, ingest: Callable[..., Any], tmp_path: Path, params_of: Callable[..., Any]
) -> None:
    (tmp_path / "lines.txt").write_text("one mill\n\ntwo mills\r\n磨坊\n", encoding="utf-8")
    columns = {"source": "=lines"}
    formats = [{"glob": "*.txt", "format": "text_lines", "encoding": "auto", "columns": columns}]
    run_job(JOB, params_of("ingest_docs", formats=formats, data_docs=False), lake, inputs=str(tmp_path), batch="b")
    assert sorted(row.text for row in read(lake, DOCS)) == ["one mill", "two mills", "磨坊"]


def test_every_format_that_is_read_can_be_named_in_a_recipe() -> None:
    assert set(get_args(Format.model_fields["format"].annotation)) == {*FORMATS, "delta"}


def test_the_order_of_the_files_changes_nothing_but_places(both_orders: list[list[Any]]) -> None:
    assert both_orders[0] == both_orders[1]


def test_a_delta_table_is_an_input_and_its_deleted_rows_are_not(spark: Any, lake: Lake, tmp_path: Path, params_of: Callable[..., Any]) -> None:
    raw = str(tmp_path / "table")
    rows = [("a", f"{ZH} a", "test"), ("b", "gone", "test"), ("c", None, "test"), ("d", "x\0y", "test"), ("e", "stays", "test")]
    spark.createDataFrame(rows, "id string, text string, source string").coalesce(1).write.format("delta").save(raw)
    spark.sql(f"DELETE FROM delta.`{raw}` WHERE id = 'b'")
    formats = [{"glob": "*.parquet", "format": "delta", "encoding": "utf-8", "columns": COLUMNS}]
    outcome = run_job(JOB, params_of("ingest_docs", data_docs=False, max_reject_ratio=0.5, formats=formats), lake, inputs=raw, batch="one")
    assert dataclasses.asdict(outcome.counts) == {"rows_in": 4, "rows_kept": 2, "rows_left_out": 2, "reasons": {"missing_text": 1, "nul_character": 1}}
    assert {(row.native_key, row.text) for row in read(lake, DOCS)} == {("a", f"{ZH} a"), ("e", "stays")}


def test_what_tests_bring_without_a_query_is_what_an_ingest_leaves(spark: Any, lake: Lake, ingest: Callable[..., Any], tmp_path: Path, params_of: Callable[..., Any]) -> None:
    rows = [{"id": "a", "text": ZH, "url": "https://a.test/1", "domain": "wiki", "lang_hint": "zh", "license": "mit"}, {"text": "no id\n", "source": "s"}, {"text": "u", "url": "https://a.test/2"}]
    changes = {"data_docs": False, "max_reject_ratio": 1.0, "min_kept": 0}
    ingest(rows)
    brought = Lake(spark, str(tmp_path / "brought"))
    bring(brought, tmp_path / "brought-raw", rows, params_of("ingest_docs", **changes))
    assert rows_of(brought) == rows_of(lake)
    clock = {"at", "seconds", "run_id", "inputs", "versions_written", "table_ids"}  # (Spark commits a table of no rejects, delta-rs does not)
    logs = [[{key: value for key, value in row.asDict().items() if key not in clock} for row in Runs(each).rows] for each in (brought, lake)]
    assert logs[0] == logs[1]
    written = [Runs(each).rows[-1]["versions_written"].keys() for each in (brought, lake)]
    assert written[0] | {"batch_files"} == written[1]  # what files a batch was read from is of no use to the jobs behind
    for table in (DOCS, RUNS):
        by_both = [sorted(rows, key=lambda row: [row[name] or "" for name in table.key]) for rows in (read(lake, table), lake.read(table).collect())]
        assert by_both[0] == by_both[1]
