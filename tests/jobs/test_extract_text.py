"""Pages of a crawl at the door: each record is a document or a reject with its reason, whatever batches hold, repeat and lose."""

from __future__ import annotations

import dataclasses
import gzip
import json
import random
import re
import shutil
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import extraction
from gristmill.demo import crawl, prose
from gristmill.demo.files import Fetched, write_warc
from gristmill.jobs import curate
from gristmill.jobs.core.errors import ConfigError, ContractError
from gristmill.jobs.extract_text import JOB, NO_FAULTS
from gristmill.jobs.ingest_docs import JOB as INGEST
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.report.ask import Ask
from gristmill.jobs.runner.run import Outcome, run_job
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema.documents import DOCS, PAGES, REJECTS, VERDICTS
from gristmill.udfs.crawl.extract import ExtractParams
from tests.lakes import copied, read
from tests.support.warc import warc_members

# for rows that keep every rule: tests/jobs/test_ingest_docs.py has others
pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("without_expectations")]
ROOT = Path(__file__).resolve().parents[2]
DAMAGED_RATIO = {"max_reject_ratio": 1.0, "min_kept": 0}


@pytest.fixture(scope="module")
def extracting(params_of: Callable[..., Any]) -> Callable[..., Outcome]:
    """`extracting(lake, folder, batch="b", honour=[])`: one run."""

    def run(lake: Lake, where: Path, batch: str | None = None, **changes: Any) -> Outcome:
        return run_job(JOB, params_of("extract_text", **{**DAMAGED_RATIO, **changes}), lake, inputs=str(where), batch=batch)

    return run


def html(text: str) -> bytes:
    """A page of so many words that it is no page of nothing."""
    return crawl.page_of(f"{text}\n\n{prose.write(random.Random(text), 'en', 'web', prose.TOPICS[0]).text}", "en").encode()


def warc(path: Path, *pages: Fetched) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_warc(path, pages)
    return path.parent


def page(url: str, text: str, **more: Any) -> Fetched:
    return Fetched(url, html(text), **more)


def held(lake: Lake) -> dict[str, str]:
    """URL -> the words of its page by which it is told from others (`Alpha one`)."""
    found = {row.url: re.search(r"\b(Alpha|Beta|Gamma|Later|Early|Good)\b( \w+)?", row.text) for row in read(lake, DOCS)}
    return {url: "" if words is None else words.group(0) for url, words in found.items()}


def reasons(lake: Lake) -> Counter:
    return Counter((row.batch_id, row.reason) for row in read(lake, REJECTS))


# --- the crawl of the demo, which has something of everything


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, str]]]:
    home = tmp_path_factory.mktemp("crawl") / "demo"
    return home, crawl.make(home, 7)


@pytest.fixture(scope="module")
def demo(spark: Any, plan: tuple[Path, list[dict[str, str]]], extracting: Callable[..., Outcome], tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, Outcome]:
    lake = Lake(spark, str(tmp_path_factory.mktemp("demo") / "lake"))
    return lake, extracting(lake, plan[0], max_reject_ratio=0.0)


def test_every_record_is_a_document_or_a_reject_with_the_reason_that_was_planned(demo: tuple[Lake, Outcome], plan: tuple[Path, list[dict[str, str]]]) -> None:
    lake, outcome = demo
    wanted = Counter(row["expect"] for row in plan[1])
    found = Counter(f"rejects:{row.reason}" for row in read(lake, REJECTS))
    assert found + Counter(kept=len(read(lake, DOCS))) == wanted
    assert outcome.counts is not None
    assert (outcome.counts.rows_in, outcome.counts.rows_kept) == (len(plan[1]), wanted["kept"])
    kept = {row["url"] for row in plan[1] if row["expect"] == "kept"}
    assert {row.url for row in read(lake, DOCS)} == kept


def test_no_document_has_what_stands_around_it_or_characters_of_a_wrong_encoding(demo: tuple[Lake, Outcome]) -> None:
    texts = [row.text for row in read(demo[0], DOCS)]
    assert texts
    for text in texts:
        assert "\ufffd" not in text
        assert not [char for char in text if 0x80 <= ord(char) < 0xA0], "C1 controls: bytes read as Latin-1"
        for lang in ("en", "zh"):
            assert crawl.WORDS[lang]["cookies"] not in text
            assert crawl.WORDS[lang]["foot"] not in text
    chinese = [text for text in texts if sum("\u4e00" <= char <= "\u9fff" for char in text) > 100]
    assert len(chinese) > crawl.N_GOOD["zh"]


def test_each_document_of_the_crawl_has_a_row_that_says_where_its_page_is(demo: tuple[Lake, Outcome], plan: tuple[Path, list[dict[str, str]]]) -> None:
    lake, _ = demo
    pages, docs = {row.doc_id: row for row in read(lake, PAGES)}, {row.doc_id: row for row in read(lake, DOCS)}
    assert pages.keys() == docs.keys()
    data = (plan[0] / "part-0.warc.gz").read_bytes()
    for doc_id, found in pages.items():
        record = zlib.decompressobj(31).decompress(data[found.stored_at :])  # what a request for a range gets
        assert f"WARC-Target-URI: {found.url}\r\n".encode() in record
        assert f"WARC-Record-ID: {found.record_id}\r\n".encode() in record
        assert (found.file, found.status, found.source_location) == ("part-0.warc.gz", 200, docs[doc_id].source_location)
        assert found.n_bytes_html > 512
        assert 0 < found.text_ratio < 1
    newer = next(row for row in pages.values() if row.url == "https://again.example/0")
    assert newer.fetched_at.isoformat() == "2026-11-02T08:30:00"
    charsets = {row.charset_used.lower() for row in pages.values()}
    assert {"utf-8", "big5"} <= charsets
    assert charsets & {"gb18030", "gbk", "gb2312"}


def test_a_reject_has_its_address_and_the_beginning_of_what_it_was(demo: tuple[Lake, Outcome]) -> None:
    rows = {row.reason: row for row in read(demo[0], REJECTS)}
    assert rows["pdf"].raw.startswith("https://files.example/")
    assert "%PDF-1.7" in rows["pdf"].raw
    assert rows["malware_url"].raw.startswith("https://www.malware.example/setup\n<!DOCTYPE html>")
    assert len(rows["nested_too_deep"].raw.encode()) <= 2048


def test_why_finds_pages_and_refused_pages_by_their_address(demo: tuple[Lake, Outcome]) -> None:
    ask = Ask(demo[0].where)
    story = "\n".join(ask.why("https://manual.example/table")["lines"])
    assert "page in part-0.warc.gz at byte " in story
    assert "fetched 2026-11-01 00:00:00, record <urn:uuid:" in story
    refused = ask.why("https://poker-casino.example/")
    assert refused["outcome"] == "rejected"
    assert "gambling_url" in refused["lines"][0]


def test_wishes_count_where_the_recipe_says_so(demo: tuple[Lake, Outcome], plan: tuple[Path, list[dict[str, str]]], extracting: Callable[..., Outcome], spark: Any, tmp_path: Path) -> None:
    lake = Lake(spark, str(tmp_path / "lake"))
    extracting(lake, plan[0], honour=[])
    asked = {row.url: set(row.wishes) for row in read(lake, PAGES) if row.wishes}
    assert asked.keys() == {"https://artists.example/", "https://writers.example/"}
    assert asked["https://artists.example/"] == {"noai", "noimageai"}
    assert "publisher_opted_out" not in {reason for _, reason in reasons(lake)}
    assert len(read(lake, DOCS)) == len(read(demo[0], DOCS)) + 2


def test_the_report_sets_the_steps_beside_those_of_olmo_3(demo: tuple[Lake, Outcome], params_of: Callable[..., Any], tmp_path: Path) -> None:
    lake = copied(demo[0], tmp_path / "copy")
    for name, changes in (("measure_text", {}), ("filter_rules", {"min_kept": 0}), ("report_run", {})):
        run_job(curate.find_job(name), params_of(name, **changes), lake)
    page = (tmp_path / "copy" / "_report" / "index.html").read_text(encoding="utf-8")
    section = page.split('<section id="crawl">')[1].split("</section>")[0]
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in section.split("<tr>")[2:]]
    shown = {row[0].split(" <span")[0]: (row[1], row[3]) for row in cells}
    assert shown["addresses"] == ("5", "2\u202f%")
    assert shown["wishes of publishers"] == ("2", "")
    assert shown["basic heuristics"][1] == "64\u202f%"
    verdicts = {row.doc_id for row in read(lake, VERDICTS)}
    of_rules = ("basic heuristics", "repetition", "language", "questionable sentences (MADLAD-400)")
    assert sum(int(shown[name][0]) for name in of_rules) == len(verdicts)
    assert "every row is accounted for" in page.lower()


# --- partitions, order, kills


def everything(lake: Lake, *without: str) -> list[str]:
    """The rows of docs, pages and rejects, but for where and when they were read."""
    left = {"source_location", "ingested_at", "stored_at", "file", *without}
    return sorted(str({name: value for name, value in row.asDict().items() if name not in left}) for table in (DOCS, PAGES, REJECTS) for row in read(lake, table))


def test_order_files_and_partitions_do_not_move_a_row(demo: tuple[Lake, Outcome], plan: tuple[Path, list[dict[str, str]]], extracting: Callable[..., Outcome], spark: Any, tmp_path: Path) -> None:
    made = crawl.Crawl(7)
    for step in (made.good, made.packed, made.structured, made.repeats, made.refused, made.broken):
        step()
    pages = [each.page for each in made.records]
    random.Random(3).shuffle(pages)
    for i, some in enumerate((pages[:20], pages[20:21], pages[21:])):
        warc(tmp_path / "crawl" / f"{i}.warc.gz", *some)
    session = spark.newSession()
    session.conf.set("spark.sql.shuffle.partitions", "5")
    lake = Lake(session, str(tmp_path / "lake"))
    extracting(lake, tmp_path / "crawl", batch="demo", split_bytes=10_000)
    assert everything(lake, "record_id") == everything(demo[0], "record_id")


def test_a_killed_run_is_invisible_and_continued_to_the_same_rows(demo: tuple[Lake, Outcome], plan: tuple[Path, list[dict[str, str]]], extracting: Callable[..., Outcome], spark: Any, tmp_path: Path) -> None:
    for n in (1, 3):
        where, seen = str(tmp_path / f"lake-{n}"), []

        class Killed(BaseException):
            pass

        def committed(table: Any, version: int, seen: list[str] = seen, n: int = n, killed: type = Killed) -> None:
            seen.append(table.name)
            if len([name for name in seen if name != "runs"]) == n:
                raise killed

        lake = Lake(spark, where)
        lake.committed = committed  # type: ignore[method-assign]
        with pytest.raises(Killed):
            extracting(lake, plan[0])
        assert Runs(Lake(spark, where)).versions() == {}
        extracting(Lake(spark, where), plan[0])
        assert everything(Lake(spark, where)) == everything(demo[0])


# --- batches


def test_a_later_crawl_brings_newer_versions_and_repeats(spark: Any, extracting: Callable[..., Outcome], tmp_path: Path) -> None:
    lake = Lake(spark, str(tmp_path / "lake"))
    first = warc(tmp_path / "one" / "a.warc.gz", page("http://a.example/", "Alpha one"), page("http://b.example/", "Beta one"), page("http://c.example/", "Gamma one"))
    second = warc(tmp_path / "two" / "a.warc.gz", page("http://a.example/", "Alpha two"), page("http://b.example/", "Beta one"))
    assert extracting(lake, first).counts.rows_kept == 3
    assert extracting(lake, second).counts.reasons == {"already_ingested": 1}
    assert held(lake) == {"http://a.example/": "Alpha two", "http://b.example/": "Beta one", "http://c.example/": "Gamma one"}
    assert reasons(lake) == {("one", "superseded_version"): 1, ("two", "already_ingested"): 1}
    # the same files again change nothing, and neither do files of which only the times are new
    assert extracting(lake, second).batches == ()
    (second / "a.warc.gz").touch()
    assert extracting(lake, second).counts.rows_in == 2
    assert set(Runs(lake).finished("extract_text")[-1]["versions_written"]) == {"batch_files"}
    # a page that goes from its batch is told, and one that becomes a 404 keeps its id
    ids = {row.url: row.doc_id for row in read(lake, DOCS)}
    warc(tmp_path / "one" / "a.warc.gz", page("http://a.example/", "Alpha one"), page("http://c.example/", "Gamma one", status="404 Not Found"))
    extracting(lake, first)
    found = {(row.reason, row.doc_id) for row in read(lake, REJECTS) if row.batch_id == "one"}
    assert found == {("superseded_version", ids["http://a.example/"]), ("no_longer_in_batch", ids["http://b.example/"]), ("status_404", ids["http://c.example/"])}
    assert ("two", "copy_is_gone") in reasons(lake)
    pages = {(row.url, row.batch_id) for row in read(lake, PAGES)}
    assert ("http://a.example/", "two") in pages
    assert ("http://c.example/", "one") not in pages


def test_of_two_fetches_in_one_crawl_the_recipe_says_which_is_kept(spark: Any, extracting: Callable[..., Outcome], tmp_path: Path) -> None:
    pages = [page("http://a.example/", "Later one", date="2026-11-02T00:00:00Z"), page("http://a.example/", "Early one", date="2026-11-01T23:59:59.5Z")]
    for i, order in enumerate((pages, pages[::-1])):
        for same_id, text in (("newest", "Later one"), ("oldest", "Early one")):
            lake = Lake(spark, str(tmp_path / f"{same_id}-{i}"))
            outcome = extracting(lake, warc(tmp_path / f"{i}" / "x.warc.gz", *order), same_id=same_id, max_reject_ratio=0.0)
            assert held(lake) == {"http://a.example/": text}
            assert outcome.counts.reasons == {"older_version": 1}


# --- the recipe


def test_a_list_with_another_hash_or_no_file_is_an_error_of_the_recipe(params_of: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "hosts.txt"
    path.write_text("bad.example\n", encoding="utf-8")
    given = {"category": "malware", "kind": "domains", "path": str(path), "sha256": "0" * 64, "license": "CC0-1.0"}
    with pytest.raises(ConfigError, match=r"hosts.txt: its sha256 is [0-9a-f]{64}, the recipe says 0{64}"):
        params_of("extract_text", url_lists=[given])
    with pytest.raises(ConfigError, match="no such file"):
        params_of("extract_text", url_lists=[{**given, "path": str(tmp_path / "none.txt")}])
    with pytest.raises(ConfigError, match="license: missing"):
        params_of("extract_text", url_lists=[{name: value for name, value in given.items() if name != "license"}])


def test_lists_of_the_recipe_are_as_they_ship(params_of: Callable[..., Any]) -> None:
    rules = params_of("extract_text").url_rules
    assert rules.why_not("https://www.phishing.example/login") == ("malware_url", "phishing.example in malware_domains")
    assert rules.why_not("https://casino.example/history-of-the-town") is None


def test_the_numbers_of_the_recipe_are_those_that_were_measured(params_of: Callable[..., Any]) -> None:
    shipped = params_of("extract_text").extract.made()
    assert shipped == ExtractParams(engine="cascade", **extraction.RECIPE)


def test_numbers_that_make_no_sense_are_told_at_once(params_of: Callable[..., Any]) -> None:
    accept = {"statuses": [], "html_types": ["HTML"], "min_bytes": 10, "max_bytes": 5, "truncated": False}
    with pytest.raises(ConfigError, match=r"statuses: none is named.*html_types: 'HTML'|html_types: 'HTML'.*statuses: none is named"):
        params_of("extract_text", accept=accept)


def test_damage_counts_and_what_every_crawl_has_does_not(spark: Any, extracting: Callable[..., Outcome], tmp_path: Path) -> None:
    where = warc(tmp_path / "in" / "a.warc.gz", page("http://a.example/", "Alpha one"), *[Fetched(f"http://n.example/{i}", html("x"), "404 Not Found") for i in range(9)])
    assert extracting(Lake(spark, str(tmp_path / "lake")), where, max_reject_ratio=0.0).counts.reasons == {"status_404": 9}
    data = (where / "a.warc.gz").read_bytes()
    (where / "a.warc.gz").write_bytes(data[:-40])
    lake = Lake(spark, str(tmp_path / "other"))
    with pytest.raises(ContractError, match=r"extract_text: 1 of 1\d rows .* break the contract \((truncated_file|malformed_record|malformed_http) 1"):
        extracting(lake, where, max_reject_ratio=0.0)
    assert not lake.exists(DOCS)
    assert "status_404" in NO_FAULTS
    assert not {"truncated_file", "malformed_record", "malformed_http"} & NO_FAULTS


def test_files_that_no_format_reads_and_batches_of_another_job_are_refused(spark: Any, extracting: Callable[..., Outcome], params_of: Callable[..., Any], tmp_path: Path) -> None:
    lake = Lake(spark, str(tmp_path / "lake"))
    where = warc(tmp_path / "in" / "a.warc.gz", page("http://a.example/", "Alpha one"))
    (where / "notes.txt").write_text("notes", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"no glob of formats matches notes.txt \(1 files\)"):
        extracting(lake, where)
    (where / "notes.txt").unlink()
    extracting(lake, where)
    (where / "a.warc.gz").unlink()
    (where / "a.jsonl").write_text(json.dumps({"id": "a", "text": "one", "source": "s"}) + "\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"batch in was read by extract_text; a batch is read by one job"):
        run_job(INGEST, params_of("ingest_docs", data_docs=False), lake, inputs=str(where))
    assert held(lake) == {"http://a.example/": "Alpha one"}


# --- other formats


def test_ranges_of_a_list_and_rows_of_a_table_give_the_documents_of_the_warc(spark: Any, extracting: Callable[..., Outcome], tmp_path: Path) -> None:
    pages = [page(f"http://{name.split()[0].lower()}.example/", name) for name in ("Alpha one", "Beta one", "Gamma one")]
    where = warc(tmp_path / "warc" / "deep" / "a.warc.gz", *pages)
    whole = Lake(spark, str(tmp_path / "whole"))
    extracting(whole, where.parent, batch="b")
    at = {row.url: (row.stored_at, row.source_location) for row in read(whole, PAGES)}
    sizes = dict(zip(sorted(start for start, _ in at.values()), [len(member) for member in warc_members((where / "a.warc.gz").read_bytes())][2::2], strict=True))
    ranges = [{"url": url, "filename": "deep/a.warc.gz", "offset": str(start), "length": str(sizes[start])} for url, (start, _) in sorted(at.items())]
    ranges.append({**ranges[0], "offset": "1", "url": "http://none.example/"})
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "part.cdxj").write_text("".join(f"x 20261101 {json.dumps(each)}\n" for each in ranges), encoding="utf-8")
    columns = {"source": "=commoncrawl", "domain_hint": "=web"}
    named = Lake(spark, str(tmp_path / "named"))
    how = {"glob": "*.cdxj", "format": "cdx", "base": str(tmp_path / "warc"), "columns": columns}
    extracting(named, tmp_path / "list", batch="b", formats=[how])
    of_page = lambda lake: sorted((row.doc_id, row.url, row.stored_at, row.record_id) for row in read(lake, PAGES))  # noqa: E731
    assert of_page(named) == of_page(whole)
    assert {row.file for row in read(named, PAGES)} == {str(where / "a.warc.gz")}
    assert {row.file for row in read(whole, PAGES)} == {"deep/a.warc.gz"}
    assert reasons(named) == {("b", "no_record_at_range"): 1}
    (tmp_path / "rows").mkdir()
    rows = [{"link": each.url, "body": each.body.decode(), "site": "commoncrawl"} for each in pages] + [{"link": "http://x.example/", "body": None, "site": "commoncrawl"}]
    (tmp_path / "rows" / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    table = Lake(spark, str(tmp_path / "table"))
    how = {"glob": "*.jsonl", "format": "html_jsonl", "columns": {"html": "body", "url": "link", "source": "site"}}
    assert extracting(table, tmp_path / "rows", batch="b", formats=[how]).counts.rows_left_out == 1
    assert {row.doc_id: row.text for row in read(table, DOCS)} == {row.doc_id: row.text for row in read(whole, DOCS)}
    how["columns"] = {**how["columns"], "license": "rights"}
    with pytest.raises(ContractError, match=r"(?s)extract_text: .*license: no row has rights"):
        extracting(Lake(spark, str(tmp_path / "none")), tmp_path / "rows", batch="b", formats=[how])
    with pytest.raises(ConfigError, match=r"formats \*.cdxj: cdx needs base"):
        extracting(named, tmp_path / "list", formats=[{"glob": "*.cdxj", "format": "cdx", "columns": columns}])


# --- both jobs that bring documents in


def test_each_folder_goes_to_the_job_whose_formats_match_and_copies_come_back(
    spark: Any, params_of: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake, raw = Lake(spark, str(tmp_path / "lake")), tmp_path / "raw"
    same = {"data_docs": False, "batch_per_folder": True, **DAMAGED_RATIO}
    entries = [(INGEST, params_of("ingest_docs", **same)), (JOB, params_of("extract_text", **same))]

    def names() -> list[tuple[str, str]]:
        outcomes = curate._brought_in(entries, lake, str(raw))
        return [(each.job, each.batches[0]) for each in outcomes if each.batches]

    warc(raw / "pages" / "a.warc.gz", page("http://a.example/", "Alpha one"))
    text = next(row.text for row in _docs_of(spark, raw / "pages", params_of, tmp_path))
    (raw / "rows").mkdir()
    row = {"id": None, "source": "commoncrawl", "url": "http://a.example/", "text": text}
    (raw / "rows" / "x.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert names() == [("ingest_docs", "rows"), ("extract_text", "pages")]
    assert reasons(lake) == {("pages", "already_ingested"): 1}
    # The row for which the page was left out goes: the page's batch is read again, by its own job.
    (raw / "rows" / "x.jsonl").write_text(json.dumps({**row, "url": "http://z.example/"}) + "\n", encoding="utf-8")
    assert names() == [("ingest_docs", "rows"), ("extract_text", "pages")]
    assert "waits to be read again" not in capsys.readouterr().err
    assert {row.url: row.batch_id for row in read(lake, DOCS)} == {"http://z.example/": "rows", "http://a.example/": "pages"}
    assert names() == []
    # An emptied folder is still the batch of the job that has read it.
    (raw / "pages" / "a.warc.gz").rename(tmp_path / "a.warc.gz")
    assert names() == [("extract_text", "pages")]
    assert {row.url for row in read(lake, DOCS)} == {"http://z.example/"}
    (tmp_path / "a.warc.gz").rename(raw / "pages" / "a.warc.gz")
    shutil.copy(raw / "rows" / "x.jsonl", raw / "pages")
    with pytest.raises(ConfigError, match=r"pages: files of ingest_docs \(x.jsonl\) and of extract_text \(a.warc.gz\); a batch is read by one job"):
        names()


def _docs_of(spark: Any, where: Path, params_of: Callable[..., Any], home: Path) -> list[Any]:
    lake = Lake(spark, str(home / "aside"))
    run_job(JOB, params_of("extract_text", **DAMAGED_RATIO), lake, inputs=str(where))
    return read(lake, DOCS)


def test_one_hostile_page_costs_its_own_row(spark: Any, extracting: Callable[..., Outcome], tmp_path: Path) -> None:
    bomb = gzip.compress(b"<p>" + b" " * 60_000_000, mtime=0)
    hostile = [
        Fetched("http://h.example/deep", b"<html><body>" + b"<b><i><table><tr><td>" * 30_000 + b"x"),
        Fetched("http://h.example/attributes", b"<html><body><p " + b" ".join(b"a%d=1" % i for i in range(200_000)) + b">text</p>"),
        Fetched("http://h.example/comment", b"<html><body><script>//<!--</script>" * 20_000 + b"<!--" * 20_000),
        Fetched("http://h.example/bomb", bomb, headers=(("Content-Type", "text/html"), ("Content-Encoding", "gzip"))),
        Fetched("http://h.example/nul", b"<html><body><p>" + b"a\0b " * 1000 + b"</p>"),
    ]
    pages = [page(f"http://g.example/{i}", f"Good {i}") for i in range(len(hostile) + 1)]
    mixed = [each for pair in zip(pages, hostile, strict=False) for each in pair] + pages[-1:]
    lake = Lake(spark, str(tmp_path / "lake"))
    counts = extracting(lake, warc(tmp_path / "in" / "h.warc.gz", *mixed)).counts
    assert counts.rows_in == len(mixed)
    assert {url for url in held(lake) if "g.example" in url} == {each.url for each in pages}
    assert ("in", "unpacks_too_large") in reasons(lake)
    assert dataclasses.asdict(counts)["rows_kept"] + counts.rows_left_out == len(mixed)
    assert [row.url for row in read(lake, DOCS) if "\0" in row.text] == []
