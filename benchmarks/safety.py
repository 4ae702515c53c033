"""Sensitive words: recall, precision and speed of the lists.

    python -m benchmarks.safety --docs data/corpus_dev.parquet [--n 4000]

The set is benchmarks/safety_set.yaml, written by hand, scored by conf/jobs/score_words.yaml and filtered by the thresholds of conf/jobs/filter_scores.yaml. `--docs` (columns text,
lang_hint) is read for speed and for false positives among documents that are assumed to be clean. The last line is JSON:

precision, recall     of harmful pages, each language, and `n`
wrong                 pages of the set with a wrong decision
clean                 documents of --docs, those with any term, those above the thresholds
mb_s                  megabytes of UTF-8 a second, one core, median of three: `ours` (folding, borders, overlaps, shares), `automaton` (pyahocorasick alone
                      over text folded before), `folding` alone, `re` (the same terms as one alternation over folded text, 200 documents)
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from gristmill.jobs import filter_scores, score_words
from gristmill.jobs.core import config
from gristmill.udfs.scoring.sensitive import FOLD, WordList, automaton, measure
from gristmill.udfs.text.folding import fold_text


def lists_and_limits() -> tuple[dict[str, WordList], dict[str, Any]]:
    """By language: the list, and the limit of its scorer."""
    words = config.validate(score_words.Params, config.load_recipe("conf/jobs/score_words.yaml").jobs["score_words"], "conf/jobs/score_words.yaml")
    limits = config.validate(filter_scores.Params, config.load_recipe("conf/jobs/filter_scores.yaml").jobs["filter_scores"], "conf/jobs/filter_scores.yaml")
    return {each.name[-2:]: each.words() for each in words.lists}, {each.scorer[-2:]: each for each in limits.limits}


def is_beyond(text: str, words: WordList, limit: Any) -> bool:
    """Whether a text is beyond the limits of the recipe."""
    raw, share, _ = measure(text, words)
    return share > limit.max_score and raw >= limit.min_raw


def rate(work: Callable[[str], Any], texts: list[str]) -> float:
    """Megabytes a second, the median of three."""
    n, taken = sum(len(text.encode()) for text in texts), []
    for _ in range(3):
        began = time.perf_counter()
        for text in texts:
            work(text)
        taken.append(time.perf_counter() - began)
    return round(n / 1e6 / statistics.median(taken), 2)


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", required=True, help="Parquet (text, lang_hint)")
    parser.add_argument("--n", type=int, default=4000, help="documents of each language (default 4000)")
    given = parser.parse_args()
    words, limits = lists_and_limits()
    pages = yaml.safe_load(Path("benchmarks/safety_set.yaml").read_text(encoding="utf-8"))
    table = pq.read_table(given.docs, columns=["text", "lang_hint"]).to_pandas()
    told: dict[str, Any] = {}
    for lang, each in words.items():
        caught = {kind: [is_beyond(text, each, limits[lang]) for text in pages[kind][lang]] for kind in ("harmful", "harmless")}
        right, wrong = sum(caught["harmful"]), sum(caught["harmless"])
        missed = [text[:60] for kind, wanted in (("harmful", True), ("harmless", False)) for text, is_out in zip(pages[kind][lang], caught[kind], strict=True) if is_out != wanted]
        texts = table[table.lang_hint == lang].text.sample(given.n, random_state=1).tolist()
        found = [measure(text, each) for text in texts]
        clean = {"n": len(texts), "any": sum(raw > 0 for raw, _, _ in found), "beyond": sum(share > limits[lang].max_score and raw >= limits[lang].min_raw for raw, share, _ in found)}
        folded, searcher = [fold_text(text, FOLD) for text in texts], automaton(each)
        pattern = re.compile("|".join(sorted((re.escape(fold_text(term, FOLD)) for term, _ in each.terms), key=len, reverse=True)))
        speeds = {"ours": rate(lambda text, each=each: measure(text, each), texts), "automaton": rate(lambda text, searcher=searcher: list(searcher.iter(text)), folded),
                  "folding": rate(lambda text: fold_text(text, FOLD), texts), "re": rate(pattern.findall, folded[:200])}  # fmt: skip
        told[lang] = {"n": len(caught["harmful"]) + len(caught["harmless"]), "precision": round(right / max(right + wrong, 1), 4), "recall": round(right / len(caught["harmful"]), 4),
                      "wrong": missed, "clean": clean, "mb_s": speeds}  # fmt: skip
    print(json.dumps(told, ensure_ascii=False))


if __name__ == "__main__":
    main()
