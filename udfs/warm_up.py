"""Compiles the kernels of all passes over text: runs each once over a few sentences.

`python -m gristmill.udfs.warm_up` reports on stderr if there is anything to compile. A job that needed a
kernel nobody has compiled would otherwise wait for it in silence.
"""

import functools
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from gristmill.udfs.arrow.code_cache import BEFORE_COMPILING, Record
from gristmill.udfs.contamination.search import build_index, find_items
from gristmill.udfs.dedup import boilerplate
from gristmill.udfs.dedup.blocks import sketch_blocks
from gristmill.udfs.dedup.candidates import candidate_pairs, scatter
from gristmill.udfs.dedup.doc_ids import doc_ids
from gristmill.udfs.dedup.grouping import group
from gristmill.udfs.dedup.minhash import MinHashParams, minhash_fingerprints
from gristmill.udfs.dedup.outcomes import outcomes
from gristmill.udfs.dedup.verdicts import PairRule, decide_by_sketches, similarities
from gristmill.udfs.edit.line_rules import LineRules, find_edits
from gristmill.udfs.html.blocks import count_blocks
from gristmill.udfs.html.model import probabilities
from gristmill.udfs.html.nodes import Limits, read_nodes
from gristmill.udfs.html.writing import write
from gristmill.udfs.passages.anchors import WindowParams, runs_of
from gristmill.udfs.passages.blocks import run_blocks
from gristmill.udfs.passages.borders import compare_borders, cut_snippets
from gristmill.udfs.passages.copies import Rule, copies_of
from gristmill.udfs.passages.rows import IS_SUBJECT, RUN_ROW
from gristmill.udfs.passages.spans import CutParams, cut_spans
from gristmill.udfs.rules import measures
from gristmill.udfs.scoring import trees
from gristmill.udfs.scoring.grams import GramParams, count_grams
from gristmill.udfs.text import langid
from gristmill.udfs.text.folding import content_hashes
from gristmill.udfs.text.line_hashes import BlockLimits, LineFold

# One text of each language: Chinese and other texts are cut into words
# by kernels of their own. `\r\n` and `\n` both occur, as line ends are
# unified by a branch that a text without `\r` does not enter.
ENGLISH = "The old mill by the river grinds the grain of the whole village, nobody knows why.\n\n- one...\n"
CHINESE = "水手出海前要查潮汐表，磨坊旁边的河水每天都在流，谁也不知道为什么。\r\n"
# seconds on one core of an AMD Zen 5: 47, measured before those of pages came, which take some 14
SECONDS = 55
LINES = LineRules(0.5, 0.5, (), (), False, 2, True, (), 0, False, "spaces", None, True, True)
TEXTS = pa.array([None, "", ENGLISH, CHINESE, ENGLISH * 2])


def warm_up() -> None:
    """Run every kernel that measures, hashes, sketches or scores documents or finds benchmark items."""
    measured = measures.measure(TEXTS, lid_model=langid.PACKAGE, lid_chars=1000)
    zero, leaf = np.zeros(1), np.full(1, -1, np.int32)
    is_missing_left, feature = np.zeros(1, np.bool_), np.zeros(1, np.int16)
    root = np.zeros(1, np.int32)
    trees.score(trees.Trees(zero, root, feature, zero, is_missing_left, leaf, leaf, zero), measured, {})
    content_hashes(TEXTS)
    count_grams(TEXTS, GramParams())
    count_grams(TEXTS, GramParams(unit="words"))
    find_edits(TEXTS, LINES)
    warm_up_duplicates()
    warm_up_boilerplate()
    warm_up_passages()
    find_items(TEXTS, build_index([ENGLISH, CHINESE], answers=[[], ["river"]]))
    find_items(TEXTS, build_index([ENGLISH, CHINESE]))
    warm_up_pages()


def warm_up_pages() -> None:
    """Run the kernels of pages."""
    nodes = read_nodes(f"<p>{ENGLISH}<a href=x>{CHINESE}</a></p>".encode(), Limits(100, 10, 10))
    blocks = count_blocks(nodes)
    probabilities(nodes, blocks)
    write(nodes, blocks.ids)


def warm_up_duplicates() -> None:
    """Run the kernels of near-duplicate removal on two similar documents."""
    # similar ones, as the later kernels run only on pairs that the earlier ones have found
    params = MinHashParams()
    texts = pa.array([ENGLISH * 3, ENGLISH * 3 + CHINESE])
    rows = pa.record_batch(
        {"doc_id": ["0" * 32, "f" * 32], "batch_id": ["", ""], "text": texts, "task": [0, 0]}
    )
    fingerprinter = functools.partial(minhash_fingerprints, params=params)
    [block] = sketch_blocks(iter([rows]), fingerprinter, 0)
    keys = block.select(["block", "n_shingles", "set_hash", "bands"])
    list(group(candidate_pairs(scatter(iter([keys]), 1, params.bands), 2), 1))
    sketches, first = fingerprinter(texts), np.array([0])
    sizes = sketches.n_shingles.astype(np.int64)
    rule = PairRule("jaccard", 0.7, 4.0, False)
    decide_by_sketches(sizes[:1], sizes[1:], sketches.sketch[:1], sketches.sketch[1:], params, rule)
    similarity = similarities(texts, first, np.array([1]), params.shingles, "jaccard")
    outcomes(np.arange(2), np.arange(2), first, np.array([1]), similarity, first, "independent_set")
    doc_ids(np.zeros(1, np.uint64), np.zeros(1, np.uint64))


def warm_up_boilerplate() -> None:
    """Run the kernels of the three rules of boilerplate."""
    fold = LineFold(casefold=True, digits_from_chars=None, accents=False, punctuation=False)
    cut = boilerplate.Cut(fold, BlockLimits(2, 100, 40, 0), 0.5, None)
    names, none = ["0" * 32, "f" * 32], pa.array([[], None], pa.list_(pa.int64()))
    rows = pa.record_batch(
        {"doc_id": names, "batch_id": ["", ""], "site": ["", ""], "text": TEXTS.slice(2, 2), "lines": none}
    )
    list(boilerplate.count_lines(iter([rows]), fold))
    list(boilerplate.cut_lines(iter([rows]), cut))
    for rule in (boilerplate.UnitRule("sentences", 3, 0), boilerplate.UnitRule("n_grams", 13, 0.8)):
        list(boilerplate.list_units(iter([rows]), fold, rule))


def warm_up_passages() -> None:
    """Run the kernels of repeated passages: on whole runs, on borders, and on the spans that are cut."""
    params, rule = WindowParams(window=20, seed=1), Rule((20,), 2, False, True)
    texts = pa.array([f"{own} {ENGLISH}" for own in ("one", "two", "three")])
    rows = pa.record_batch(
        {
            "doc_id": [f"{i:032x}" for i in range(len(texts))],
            "batch_id": [""] * len(texts),
            "text": texts,
            "task": pa.array([0] * len(texts), pa.int32()),
        }
    )
    list(run_blocks(iter([rows]), params, 0))
    runs = runs_of(texts, params)
    places = np.zeros(len(runs.anchor), RUN_ROW)
    for name in ("anchor", "run", "begin", "chars", "windows", "offset"):
        places[name] = getattr(runs, name)
    places["rank"], places["flags"] = runs.document, IS_SUBJECT
    (ranks, pieces), members = copies_of(places, rule)
    data = [members[members["rank"] == i].tobytes() for i in range(len(texts))]
    asked = pa.record_batch({"text": texts, "data": pa.array(data, pa.binary())})
    snippets = list(cut_snippets(iter([asked]), rule, 1))
    list(compare_borders(iter(snippets), rule))
    data = [pieces[ranks == i].tobytes() for i in range(len(texts))]
    cut = rows.drop_columns(["task"]).append_column("rank", pa.array(range(len(texts))))
    cut = cut.append_column("data", pa.array(data, pa.binary()))
    list(cut_spans(iter([cut]), rule, (params,), CutParams("word", 0)))


def main() -> int:
    """Compile the missing kernels; report before the first one, and at the end the seconds; returns 0."""
    began, folders = time.monotonic(), list[str]()

    def report_first(folder: str) -> None:
        # each module has a `__pycache__` of its own: the
        # folder of all of them is what a reader can use
        if not folders:
            target = Path(folder).parent.parent if Path(folder).name == "__pycache__" else folder
            _print(f"compiling kernels, once: about {SECONDS} s of one core (kept in {target})")
        folders.append(folder)

    BEFORE_COMPILING.append(report_first)
    warm_up()
    # only now: a process that is killed halfway must leave no record
    Record().write()
    if folders:
        _print(f"kernels compiled: {len(folders)} in {time.monotonic() - began:.0f} s")
    return 0


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
