"""Lines of a page are edits of kept documents; a document of too many of them is left out; other domains are not looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gristmill.jobs import build_corpus, clean_lines, filter_rules
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.documents import CORPUS, DOCS, EDITS, VERDICTS
from tests.lakes import measure, read

pytestmark = pytest.mark.spark
PROSE = "The miller opened the gate, and the water ran on to the old wheel as it had on every morning of his life.\n" * 6
ZH = "水手出海前要查潮汐表，磨坊旁边的河水每天都在流，谁也不知道为什么。冬天西风很大，船员们就留在家里修补渔网。\n" * 6
MENU = "Home\nNews\nShop\nContact\nAbout\nBlog\nHelp\nJobs\nPress\nTerms\n"
ROWS = {  # domain, text -> what stands in the corpus; None: left out
    "page": ("web", f"SIGN UP\r\n{PROSE}3 likes\n", PROSE),
    "menu": ("web", f"{MENU}{PROSE}", None),
    "plain": ("news", PROSE, PROSE),
    "unlabelled": ("", f"{PROSE}2024\n", f"{PROSE}2024\n"),
    "code": ("code", f"{MENU}{PROSE}", f"{MENU}{PROSE}"),
    "seite": ("web", f"登录\n{ZH}阅读 1.2万  评论 3\n", ZH),
}  # fmt: skip


@pytest.fixture
def brought(lake: Lake, documents: Callable[..., Any], params_of: Callable[..., Any]) -> dict[str, str]:
    """ROWS in the lake, measured; the name of each doc_id."""
    documents([{"id": key, "domain": domain, "text": text} for key, (domain, text, _) in ROWS.items()])
    measure(lake, params_of("measure_text"))
    return {row.doc_id: row.native_key for row in read(lake, DOCS)}


def test_lines_of_a_page_are_left_out_at_the_exit(lake: Lake, brought: dict[str, str], params_of: Callable[..., Any]) -> None:
    outcome = run_job(clean_lines.JOB, params_of("clean_lines", skip_rejected_by=[]), lake)
    assert (outcome.counts.rows_in, outcome.counts.rows_kept, outcome.counts.reasons) == (6, 5, {"too_many_words_removed": 1})
    run_job(build_corpus.JOB, params_of("build_corpus", skip_rejected_by=["clean_lines"], edits=["clean_lines"], data_docs=False, min_kept=0), lake)
    assert {brought[row.doc_id]: row.text for row in read(lake, CORPUS)} == {key: left for key, (_, _, left) in ROWS.items() if left is not None}
    found = {(brought[row.doc_id], row.reason, row.start, row.end) for row in read(lake, EDITS, job="clean_lines")}
    n = len(PROSE)
    assert found == {
        ("page", "capitals_line", 0, 9), ("page", "counter_line", 9 + n, 17 + n), ("seite", "page_phrase", 0, 3), ("seite", "counter_line", 3 + len(ZH), 3 + len(ZH) + 14),
    }  # fmt: skip
    [verdict] = read(lake, VERDICTS, job="clean_lines")
    assert (brought[verdict.doc_id], verdict.reason, verdict.rule) == ("menu", "too_many_words_removed", "lines_refinedweb.max_removed_ratio")
    assert verdict.value == pytest.approx(10 / (10 + len(PROSE.split())))


def test_documents_that_earlier_filters_left_out_are_not_looked_at(lake: Lake, brought: dict[str, str], params_of: Callable[..., Any]) -> None:
    preset = {"own": {"preset": "own", "about": "", "line_drops": False, "limits": {"min_words": 1, "max_words": len(PROSE.split()) + 1}}}
    run_job(filter_rules.JOB, params_of("filter_rules", presets=preset, routes=[{"lang": ["any"], "domain": ["any"], "presets": ["own"]}], languages=None, min_kept=0), lake)
    left_out = {brought[row.doc_id] for row in read(lake, VERDICTS, job="filter_rules")}
    outcome = run_job(clean_lines.JOB, params_of("clean_lines", min_kept=0), lake)
    assert outcome.counts.rows_in == len(ROWS) - len(left_out)
    touched = {brought[row.doc_id] for row in (*read(lake, EDITS, job="clean_lines"), *read(lake, VERDICTS, job="clean_lines"))}
    assert left_out
    assert touched.isdisjoint(left_out)


def test_the_first_route_decides_and_a_domain_that_none_names_is_told(lake: Lake, brought: dict[str, str], params_of: Callable[..., Any], capfd: pytest.CaptureFixture[str]) -> None:
    routes = [{"lang": ["zh"], "domain": ["Web"], "preset": None}, {"lang": ["any"], "domain": ["code", "web"], "preset": "lines_dclm"}, {"lang": ["any"], "domain": ["any"], "preset": None}]
    run_job(clean_lines.JOB, params_of("clean_lines", skip_rejected_by=[], presets=["conf/presets/lines_dclm.yaml"], routes=routes), lake)
    assert {brought[row.doc_id] for row in read(lake, EDITS, job="clean_lines")} == {"page"}
    assert {(brought[row.doc_id], row.rule) for row in read(lake, VERDICTS, job="clean_lines")} == {(name, "lines_dclm.max_removed_ratio") for name in ("menu", "code")}
    assert "clean_lines: domains that no route names go by the routes for any: news (1 documents)" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"routes": [{"lang": ["any"], "domain": ["any"], "preset": "other"}]}, "routes name presets that are not loaded: other"),
        ({"routes": [{"lang": ["en"], "domain": ["any"], "preset": None}]}, "the last route must be"),
        ({"presets": ["conf/presets/gopher.yaml"]}, "rules"),
    ],
)
def test_a_recipe_that_says_nothing_sure_is_refused(params_of: Callable[..., Any], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        params_of("clean_lines", **changes)
