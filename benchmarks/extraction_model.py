"""Fits udfs/html/model.npz, by which the cascade chooses the blocks of a page, on pages with gold text.

    python -m benchmarks.extraction_model --pages DIR --gold FILE --out udfs/html/model.npz [--parts 2] [--layouts DIR FILE --weight 6]

The same files as benchmarks.extraction reads; only pages on which nothing will be reported. A block is main content if at least half of its words are aligned
with the gold text (an alignment of both word sequences that prefers runs), or, from 8 words on, if at least half of its 4-grams occur there. Each
block weighs its words, divided by the root of the page's. The second row of trees is fitted on what trees of the first say of pages that they were not
fitted on (`--parts` parts, whole hosts). `--layouts`: pages of the same form that were made from layouts (tests/data/gold_pages); those of every second layout of each language are
learnt from, each as if it were `--weight` pages, and the others stay for tests. F1 on these pages is printed. The result depends on the files, on scikit-learn's version and on nothing else.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numba
import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.extraction import HAN_OR_WORD, RECIPE, WORD, read_gold
from gristmill.udfs.arrow.boosted_trees import Trees
from gristmill.udfs.crawl import charset
from gristmill.udfs.html import model
from gristmill.udfs.html.blocks import count_blocks
from gristmill.udfs.html.features import features
from gristmill.udfs.html.nodes import Limits, read_nodes
from gristmill.udfs.html.writing import texts_of
from gristmill.udfs.read.values import Reject

Floats = npt.NDArray[np.float64]
# Of trees; the learning rate is high for their number, so that 220 do and a page costs little.
FIRST = {"max_iter": 130, "max_leaf_nodes": 31}
SECOND = {"max_iter": 90, "max_leaf_nodes": 15}
BOTH = {"learning_rate": 0.1, "l2_regularization": 5.0, "min_samples_leaf": 40, "max_features": 0.25, "max_bins": 64, "early_stopping": False, "random_state": 7}
# Cells of an alignment (words of the page times words of the gold); what is beyond is not aligned.
MAX_CELLS = 6e8
# Of one page that the trees are fitted on: neighbours are alike, and the largest pages would be most of the blocks.
MAX_BLOCKS = 120


@dataclass
class Example:
    """A page: a row of `rows` for each block, its words as `words`, `sizes` as the model weighs them, the truth and the gold."""

    rows: npt.NDArray[np.float32]
    words: list[Counter[str]]
    sizes: Floats
    is_main: npt.NDArray[np.bool_]
    gold: Counter[str]
    part: int
    kind: str
    first: Floats = field(default_factory=lambda: np.zeros(0))  # what the first trees say, fitted without its part

    weight: float = 1.0

    @property
    def weights(self) -> Floats:
        counts = np.array([max(each.total(), 1) for each in self.words], np.float64)
        return self.weight * counts / np.sqrt(counts.sum())


@numba.njit
def align(page: npt.NDArray[np.int32], gold: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:  # pragma: no cover
    """Which words of the page stand in the best alignment; a word scores 1 after an aligned one, otherwise .4."""
    n, m = len(page), len(gold)
    back = np.zeros((n + 1, m + 1), np.uint8)
    above, score = np.zeros(m + 1, np.float32), np.zeros(m + 1, np.float32)
    above_runs, runs = np.zeros(m + 1, np.uint8), np.zeros(m + 1, np.uint8)
    for i in range(1, n + 1):
        runs[0] = 0
        for j in range(1, m + 1):
            best, step = above[j], 1
            if score[j - 1] > best:
                best, step = score[j - 1], 2
            runs[j] = 0
            if page[i - 1] == gold[j - 1]:
                both = above[j - 1] + (1.0 if above_runs[j - 1] else 0.4)
                if both >= best:
                    best, step = both, 3
                    runs[j] = 1
            score[j] = best
            back[i, j] = step
        above, score = score, above
        above_runs, runs = runs, above_runs
    hit = np.zeros(n, np.uint8)
    i, j = n, m
    while i > 0 and j > 0:
        step = back[i, j]
        if step == 3:
            hit[i - 1] = 1
            i -= 1
            j -= 1
        elif step == 1:
            i -= 1
        else:
            j -= 1
    return hit


def shares(blocks: Sequence[Sequence[str]], gold: Sequence[str]) -> Floats:
    """Of each block, the share of its words that is main content."""
    numbers: dict[str, int] = {}
    page = np.array([numbers.setdefault(word, len(numbers)) for block in blocks for word in block], np.int32)
    wanted = np.array([numbers.setdefault(word, len(numbers)) for word in gold], np.int32)
    known = page[: int(MAX_CELLS / max(len(wanted), 1))]
    hit = align(known, wanted) if len(known) and len(wanted) else np.zeros(len(known), np.uint8)
    sums = np.concatenate([[0], np.cumsum(hit), np.full(len(page) - len(known), hit.sum())])
    ends = np.cumsum([len(block) for block in blocks])
    counts = np.array([len(block) for block in blocks])
    found: Floats = (sums[ends] - sums[ends - counts]) / np.maximum(counts, 1)
    grams = set(zip(gold, gold[1:], gold[2:], gold[3:]))
    for at, block in enumerate(blocks):
        if len(block) >= 8:
            own = list(zip(block, block[1:], block[2:], block[3:]))
            found[at] = max(found[at], sum(each in grams for each in own) / len(own))
    return found


def learnt(golds: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of every second layout of each language."""
    layouts = {lang: sorted({gold["layout"] for gold in golds if gold["lang"] == lang}) for lang in {gold["lang"] for gold in golds}}
    return [gold for gold in golds if layouts[gold["lang"]].index(gold["layout"]) % 2 == 0]


def example(body: bytes, gold: dict[str, Any], parts: int, weight: float = 1.0) -> Example | None:
    """A page with the truth about its blocks; None for one that is refused or has no text."""
    limits = Limits(RECIPE["max_nodes"], RECIPE["max_depth"], RECIPE["max_attributes"])
    try:
        data = charset.decode(body, RECIPE["max_bad_share"]).text.encode()
    except Reject:
        return None
    nodes = read_nodes(data, limits)
    blocks = count_blocks(nodes)
    if nodes.stopped_by or not len(blocks.ids):
        return None
    pattern = HAN_OR_WORD if gold["lang"] == "zh" else WORD
    words = [pattern.findall(text.lower()) for text in texts_of(nodes, blocks.ids)]
    wanted = pattern.findall(gold["text"].lower())
    host = urlparse(gold.get("url") or "").netloc or gold["name"]
    return Example(
        rows=features(nodes, blocks),
        words=[Counter(each) for each in words],
        sizes=model.sizes(blocks),
        is_main=shares(words, wanted) >= 0.5,
        gold=Counter(wanted),
        part=int(hashlib.md5(host.encode()).hexdigest(), 16) % parts,
        kind=gold["kind"],
        weight=weight,
    )


def fit(examples: Sequence[Example], rows: Sequence[npt.NDArray[Any]], numbers: dict[str, Any]) -> HistGradientBoostingClassifier:
    """Trees on blocks of all examples: of a page with more than MAX_BLOCKS some are drawn, and weigh more."""
    trees, rng = HistGradientBoostingClassifier(**numbers, **BOTH), np.random.default_rng(7)
    drawn = [np.sort(rng.permutation(len(each))[:MAX_BLOCKS]) for each in rows]
    weights = np.concatenate([page.weights[at] * len(each) / len(at) for page, each, at in zip(examples, rows, drawn)])
    is_main = np.concatenate([page.is_main[at] for page, at in zip(examples, drawn)])
    return trees.fit(np.concatenate([each[at] for each, at in zip(rows, drawn)]), is_main, sample_weight=weights / weights.mean())


def f1_of(page: Example, probability: Floats) -> float:
    """Of the blocks that the model keeps by these probabilities."""
    kept, _ = model.choose(probability, page.sizes)
    text: Counter[str] = Counter()
    for at in np.flatnonzero(kept):
        text.update(page.words[at])
    common = (text & page.gold).total()
    return 2 * common / (text.total() + page.gold.total()) if common else float(not text and not page.gold)


def report(name: str, examples: Sequence[Example], values: Sequence[float]) -> None:
    by_kind: dict[str, list[float]] = {}
    for page, value in zip(examples, values):
        by_kind.setdefault(page.kind, []).append(value)
    print(f"{name}: F1 {np.mean(values):.4f}  " + "  ".join(f"{kind} {np.mean(each):.3f}" for kind, each in sorted(by_kind.items())), flush=True)


def save(path: Path, first: Trees, second: Trees) -> None:
    """The arrays of both rows of trees; equal trees give equal bytes."""
    arrays = {f"{name}_{i}": np.asarray(getattr(trees, name)) for i, trees in ((1, first), (2, second)) for name in Trees.__dataclass_fields__}
    with path.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def train(examples: Sequence[Example], parts: int) -> tuple[Trees, Trees]:
    """Both rows of trees."""
    for part in range(parts):
        others = [page for page in examples if page.part != part]
        trees = Trees.of(fit(others, [page.rows for page in others], FIRST))
        for page in examples:
            if page.part == part:
                page.first = model.evaluate(trees, page.rows)
        print(f"part {part} of {parts}", flush=True)
    report("first trees on pages they were not fitted on", examples, [f1_of(page, page.first) for page in examples])
    first = Trees.of(fit(examples, [page.rows for page in examples], FIRST))
    both = [np.hstack([page.rows, model.context(page.first, page.sizes).astype(np.float32)]) for page in examples]
    return first, Trees.of(fit(examples, both, SECOND))


def main(argv: list[str] | None = None) -> int:
    """Fit and write the model; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.extraction_model")
    parser.add_argument("--pages", type=Path, required=True, metavar="DIR")
    parser.add_argument("--gold", type=Path, required=True, metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--parts", type=int, default=2)
    parser.add_argument("--layouts", nargs=2, metavar=("DIR", "FILE"))
    parser.add_argument("--weight", type=float, default=6)
    args = parser.parse_args(argv)
    made = (example((args.pages / f"{gold['name']}.html").read_bytes(), gold, args.parts) for gold in read_gold(args.gold))
    examples = [each for each in made if each is not None]
    if args.layouts:
        pages, file = Path(args.layouts[0]), Path(args.layouts[1])
        made = (example((pages / f"{gold['name']}.html").read_bytes(), gold, args.parts, args.weight) for gold in learnt(read_gold(file)))
        examples += [each for each in made if each is not None]
    ideal = [f1_of(page, page.is_main.astype(np.float64)) for page in examples]
    report("the truth about blocks itself", examples, ideal)
    first, second = train(examples, args.parts)
    save(args.out, first, second)
    print(json.dumps({"pages": len(examples), "blocks": sum(len(page.sizes) for page in examples), "bytes": args.out.stat().st_size}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
