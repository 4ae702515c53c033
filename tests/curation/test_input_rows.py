"""What the readers say of their units becomes one row a file, unless the file was being written."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from gristmill.jobs.core.errors import ConfigError, ContractError, RetryLater
from gristmill.jobs.curation.input_rows import files_read, refuse_misread, total
from gristmill.jobs.lake.listing import File, Listing
from tests.udfs.read.params import ReadParams

LISTING = Listing("/in", "in", (File("/in/a", "a", 30, 1_000_000, None), File("/in/b", "b", 0, 2_000_000, "tag")), ())
HASHES = ["0" * 32, "1" * 32]


def unit(name: str, part: int, n_rows: int, size: int | None, digest: str | None) -> dict[str, Any]:
    return {"unit_name": name, "unit_part": part, "unit_rows": n_rows, "unit_bytes": size, "unit_hash": digest}


def test_a_file_has_the_rows_of_its_parts_and_the_hash_of_their_hashes_in_order() -> None:
    units = [unit("a", 1, 4, 30, HASHES[1]), unit("b", 0, 0, 0, None), unit("a", 0, 3, 30, HASHES[0])]
    whole = hashlib.blake2b(b"".join(map(bytes.fromhex, HASHES)), digest_size=16).hexdigest()
    files = files_read(LISTING, units)
    assert [tuple(row.values()) for row in files.to_pylist()] == [("a", 30, 1_000_000, None, whole, 7), ("b", 0, 2_000_000, "tag", None, 0)]
    assert total(files) == 7


def test_files_of_a_table_are_counted_without_hashes_wherever_they_stand() -> None:
    files = files_read(LISTING, [unit("a", 0, 3, None, None), unit("a", 0, 2, None, None), unit("s3://elsewhere/c", 0, 1, None, None)])
    assert [(row["name"], row["content_hash"], row["n_rows"]) for row in files.to_pylist()] == [("a", None, 5), ("b", None, 0), ("s3://elsewhere/c", None, 1)]


def test_a_file_of_another_size_than_listed_was_being_written() -> None:
    with pytest.raises(RetryLater, match=r"/in: a changed while it was read, and nothing was written; run the same command when it is complete"):
        files_read(LISTING, [unit("a", 0, 3, 31, HASHES[0])])


def report(name: str, **said: Any) -> dict[str, Any]:
    survey = ReadParams({"text": "text", "source": "=s", "url": "link"}, label="*.jsonl").survey()
    survey.saw(said.get("names", ()), said.get("present", ()))
    survey.foreign = said.get("foreign")
    return {"unit_name": name, "unit_report": survey.report()}


def test_files_and_columns_of_another_kind_than_the_recipe_says_are_refused_by_name() -> None:
    fine, lacking = report("a", names=["text", "link"], present=["text", "url"]), report("b", names=["text", "uid"], present=["text"])
    refuse_misread("ingest_docs", "raw", [fine, lacking, {"unit_name": "c", "unit_report": None}])
    with pytest.raises(ContractError, match=r"raw: columns .* in no row; nothing was written:\n  \*\.jsonl: url: no row has link; there are: text, uid\n.*optional"):
        refuse_misread("ingest_docs", "raw", [lacking, lacking])
    with pytest.raises(ConfigError, match=r"raw: files that are not what .* \(1\); nothing was written:\n  d\.zip: a zip archive\n"):
        refuse_misread("ingest_docs", "raw", [lacking, report("d.zip", foreign="a zip archive")])
