"""The rule on sentence pairs that people judged: what the words alone accept, whatever the vectors say."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.semantic import accepted, agreements, by_language, dedup_params, read_pairs


def test_what_the_words_accept_is_right_and_enough(shared_data: Path) -> None:
    pairs = read_pairs(str(shared_data / "semantic_pairs_dev.parquet"))
    limits = dict(dedup_params().rule().limits)
    # a cosine that is near enough for all: the cosine of a pair needs a model
    yes = accepted(agreements(pairs), np.full(len(pairs.labels), 0.98), pairs.langs, limits)
    found = by_language(yes, pairs, np.ones(len(pairs.labels), bool))
    for lang, recall in (("en", 0.06), ("zh", 0.05)):
        assert found[lang]["precision"] >= 0.97
        assert found[lang]["recall"] >= recall
        assert found[lang]["sets"][f"pawsx_{lang}"]["false_drops"] <= 0.005
