"""The page: hostile text stays text, every reason appears, Chinese is whole, a re-run changes the clock line only."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs.core.reasons import in_words
from gristmill.jobs.curate import find_job
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema import catalog
from gristmill.jobs.schema.documents import CORPUS, REJECTS, VERDICTS
from gristmill.jobs.schema.duplicates import DUPLICATES
from tests.lakes import copied, read, write

pytestmark = pytest.mark.spark

HOSTILE = "<script>alert(1)</script></style></body><img src=x onerror=alert(2)> and \u202e turned \x07 text. "
ZH = "水車磨坊在山谷里慢慢转动，老人把新收的麦子倒进石槽，听着木轮吱呀作响，心里想着明年的收成。"
EN = "The old mill stood by the river, and the people of the valley brought their grain to it every autumn with great hope. "


def rows() -> list[dict[str, Any]]:
    """A document kept in each language, an exact and two near copies (one of them hostile), and two that are too short."""
    zh = "".join(f"第{i}天，{ZH}" for i in range(12))
    en = "".join(f"On day {i} it rained. {EN}" for i in range(12))
    texts = {"zh": zh, "en": en, "hostile": HOSTILE * 4 + en.replace("mill", "ship"), "copy": en.replace(" ", "  "), "near": zh.replace("第3天", "第三天"), "short": "Too short."}
    made = [{"id": name, "text": text, "source": "test", "domain": "web"} for name, text in texts.items()]
    return [*made, {"id": "script", "text": "<script>document.title = 'owned'</script>", "source": "<b>bold</b>", "domain": "<i>web</i>"}]


def broken() -> list[str]:
    return ['{"id": "x", "text": "cut off</script><script>alert(3)</script>', '{"id": "nul", "text": "a\\u0000b", "source": "test"}']


@pytest.fixture(scope="module")
def curated(spark: Any, tmp_path_factory: pytest.TempPathFactory, params_of: Callable[..., Any]) -> Lake:
    """A lake on which the whole curation has run but for the report."""
    home = tmp_path_factory.mktemp("report")
    folder = home / "raw"
    folder.mkdir()
    lines = [*(json.dumps(row, ensure_ascii=False) for row in rows()), *broken()]
    (folder / "rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    lake = Lake(spark, str(home / "lake"))
    easy = {"routes": [{"lang": ["any"], "domain": ["any"], "presets": ["gopher", "cci4_zh"]}], "languages": ["en", "zh"], "min_kept": 0}
    presets = {
        "gopher": {"preset": "gopher", "about": "", "line_drops": False, "limits": {"min_words": 20}},
        "cci4_zh": {"preset": "cci4_zh", "about": "", "line_drops": False, "limits": {"min_chars": 60}},
    }
    changes: dict[str, dict[str, Any]] = {
        "ingest_docs": {"data_docs": False, "max_reject_ratio": 1.0, "min_kept": 0}, "measure_text": {}, "filter_rules": {**easy, "presets": presets},
        "dedup_exact": {"min_kept": 0}, "dedup_minhash": {"min_kept": 0}, "build_corpus": {"data_docs": False, "min_kept": 0},
    }  # fmt: skip
    for name, changed in changes.items():
        run_job(find_job(name), params_of(name, **changed), lake, inputs=str(folder) if name == "ingest_docs" else None)
    return lake


def draw(lake: Lake, params: Any) -> str:
    """Run the report anew and read its page."""
    page = Path(lake.root) / "_report" / "index.html"
    page.unlink(missing_ok=True)
    outcome = run_job(find_job("report_run"), params, lake)
    assert outcome.batches, "the page was missing, so there was something to do"
    return page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(curated: Lake, params_of: Callable[..., Any]) -> str:
    """The page of the curated lake."""
    return draw(curated, params_of("report_run"))


class Seen(HTMLParser):
    """What a browser would see: the tags with their attributes, and the text outside of <style>."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.names: set[str] = set()
        self.text = ""
        self.is_style = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names |= {name for name, _ in attrs}
        self.is_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self.is_style = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self.is_style else data


def test_a_script_in_a_document_stays_text(page: str) -> None:
    seen = Seen(page)
    assert not {"script", "img", "b>", "iframe"} & set(seen.tags)
    assert not [name for name in seen.names if name.startswith("on")]
    assert seen.tags.count("style") == seen.tags.count("body") == 1
    assert HOSTILE.split("\u202e")[0] in seen.text
    assert "<script>document.title = 'owned'</script>" in seen.text
    assert "cut off</script><script>alert(3)</script>" in seen.text, "a reject too"
    assert "<b>bold</b>" in seen.text, "a source too"
    assert "<i>web</i>" in seen.text, "a domain too"
    assert "\u202e" not in page
    assert "\x07" not in page


def test_the_page_needs_no_network(page: str) -> None:
    assert not re.findall(r'(?:src|href)="(?!#)[^"]*"', page)
    assert "url(" not in page
    assert "default-src 'none'" in page


def test_every_reason_of_the_lake_appears_with_its_documents(curated: Lake, page: str) -> None:
    verdicts = {row.reason for row in read(curated, VERDICTS)}
    assert verdicts >= {"too_short", "too_few_words", "same_text", "near_duplicate"}
    text = Seen(page).text
    for reason in verdicts | {row.reason for row in read(curated, REJECTS)}:
        assert reason in text
    for reason in verdicts:
        assert in_words("verdicts.reason", reason) in text
    assert "Too short." in text


def test_chinese_is_whole_and_two_members_of_a_family_stand_side_by_side(curated: Lake, page: str) -> None:
    text = Seen(page).text
    assert ZH in text
    assert "\ufffd" not in page
    families = len(read(curated, DUPLICATES, job="dedup_minhash"))
    assert families == 2
    assert "<mark>三</mark>" in page or "<mark>3</mark>" in page


def test_the_numbers_add_up(curated: Lake, page: str) -> None:
    text = re.sub(r"\s+", " ", Seen(page).text)
    assert "Every row is accounted for." in text
    assert "2 of 7 documents became corpus" in text
    assert "9 rows in 1 batch" in text


def test_a_second_drawing_differs_in_the_clock_only(curated: Lake, page: str, params_of: Callable[..., Any]) -> None:
    def timeless(text: str) -> str:
        return re.sub(r'<p id="clock">.*?</p>', "", text)

    again = draw(curated, params_of("report_run"))
    assert timeless(again) == timeless(page)
    assert re.search(r'<p id="clock">Written \d{4}-', page)


def test_a_page_that_is_there_and_fresh_is_not_drawn_again(curated: Lake, page: str, params_of: Callable[..., Any]) -> None:
    assert run_job(find_job("report_run"), params_of("report_run"), curated).batches == ()
    assert Runs(curated).finished("report_run")[-1]["versions_written"] == {}


def test_a_lake_with_documents_only_says_what_is_missing(lake: Lake, documents: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    documents([{"id": "a", "text": ZH}])
    text = Seen(draw(lake, params_of("report_run"))).text
    for told in ("no corpus yet", "nothing is measured yet", "No filter has left a document out", "No finished run has written pairs", "Every row that was read became a document"):
        assert told in text


def test_the_page_goes_on_to_bins_and_samples(curated: Lake, tmp_path: Path, params_of: Callable[..., Any]) -> None:
    lake = copied(curated, tmp_path / "lake")
    kept = sorted((row.lang, row.doc_id, row.batch_id) for row in read(lake, CORPUS))
    write(lake, "quality", [(doc, batch, lang, 0.9, 19 if lang == "en" else 7, "head" if lang == "en" else "tail", "chars", "h") for lang, doc, batch in kept])
    lang, doc, batch = kept[0]
    sample = {"request_id": "r", "ordinal": 0, "recipe": "cot", "recipe_version": "1", "doc_id": doc, "batch_id": batch, "chunk": 0, "start": 0, "end": 9, "lang": lang,
              "domain": "web", "cot": "First it rained.", "source_text": "The old mill stood by the river.", "n_segments": 2, "aligned_ratio": 1.0, "model": "small@1"}  # fmt: skip
    asked = {"s1": "Why did it <b>rain</b>?", "s2": "Left out?"}
    write(lake, "samples", [tuple({**sample, "sample_id": name, "question": text}.get(c.name) for c in catalog.table("samples").columns) for name, text in asked.items()], "merge_samples")
    write(lake, "segments", [("r", "p", 1, 4, 9, "fuzzy", "it", None), ("r", "p", 0, 0, 4, "start", "On", None)])
    write(lake, "sample_verdicts", [("filter_samples", "s2", "too_short", 9.0, 20.0, "min", None, "h")])
    items = [("decontaminate", "sums", str(i), "question", "too_few_words" if i else None) for i in range(3)]
    write(lake, "benchmark_items", [*items, ("decontaminate", "<b>tales</b>", "1", "passage", None)])
    page = draw(lake, params_of("report_run"))
    text = re.sub(r"\s+", " ", Seen(page).text)
    assert '<td>sums</td><td class="n">1</td><td class="n">2</td><td>2 too_few_words: ' in page
    assert '<td>&lt;b&gt;tales&lt;/b&gt;</td><td class="n">1</td><td class="n">0</td><td></td>' in page
    assert page.count('class="bins"') == 4, "two languages, each with one domain"
    assert "bin 19: 1" in page
    assert text.count("good , bin 19") + text.count("good, bin 19") == 1
    assert "Why did it <b>rain</b>?" in text
    assert "segments start, fuzzy" in text
    assert "Left out?" not in text
