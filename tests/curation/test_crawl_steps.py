"""The steps from a crawl to the corpus, beside those that OLMo 3 publishes."""

from __future__ import annotations

import pytest

from gristmill.jobs.core.reasons import VERDICTS
from gristmill.jobs.curation import crawl_steps as crawl


def test_each_step_has_its_pages_and_a_share_of_all_or_of_the_rest() -> None:
    rejected = {"adult_url": 3, "blocked_domain": 1, "publisher_opted_out": 2, "status_404": 50, "older_version": 7}
    mains = {
        "filter_rules": {"too_few_words": 30, "duplicate_lines": 5, "top_ngram_2": 1, "other_language": 4, "repeated_chars": 2},
        "dedup_exact": {"same_text": 20},
        "dedup_minhash": {"near_duplicate": 7},
        "decontaminate": {"contaminated": 1},
    }
    rows = {row["name"]: (row["n"], row["of"], row["theirs"]) for row in crawl.steps(rejected, 94, mains)}
    pages = 94 + 4 + 2
    left = pages - 4 - 2 - 30 - 8 - 4
    assert rows == {
        "addresses": (4, pages, 0.02),
        "wishes of publishers": (2, pages, None),
        "basic heuristics": (30, pages, 0.64),
        "repetition": (8, pages, 0.12),
        "language": (4, pages, 0.03),
        "questionable sentences (MADLAD-400)": (0, pages, 0.03),
        "exact duplicates": (20, left, 0.67),
        "near-duplicates": (7, left - 20, 0.23),
        "other filters": (1, pages, None),
    }


@pytest.mark.parametrize("reason", sorted(crawl.REPETITION | crawl.LANGUAGE))
def test_reasons_of_steps_are_reasons_of_the_rules(reason: str) -> None:
    assert "filter_rules" in VERDICTS[reason].by


def test_olmo_3_keeps_what_it_says_it_keeps() -> None:
    """255.7 billion pages, of which 38.7 are left before duplicates are looked for, and 12.8 after the exact ones."""
    first = sum(step.share or 0 for step in crawl.STEPS if not step.is_rest)
    assert 255.7 * (1 - first) == pytest.approx(38.7, rel=0.06)
    assert 38.7 * (1 - (crawl.EXACT.share or 0)) == pytest.approx(12.8, rel=0.01)
