"""The kernels of the passes over text, run once over a few sentences, so that they are compiled and kept."""

import pyarrow as pa

from udfs import langid, measures
from udfs.folding import content_hashes
from udfs.grams import GramParams, count_grams
from udfs.minhash import sketch_batch
from udfs.overlap import build_index, find_items

ENGLISH = "The old mill by the river grinds the grain of the whole village, nobody knows why.\n\n- one...\n"
CHINESE = "水手出海前要查潮汐表，磨坊旁边的河水每天都在流，谁也不知道为什么。\r\n"
TEXTS = pa.array([None, "", ENGLISH, CHINESE, ENGLISH * 2])


def warm_up() -> None:
    """Run each kernel by which documents are measured, hashed, sketched, scored, searched for benchmarks."""
    measures.measure(TEXTS, lid_model=langid.PACKAGE, lid_chars=1000)
    content_hashes(TEXTS)
    count_grams(TEXTS, GramParams())
    count_grams(TEXTS, GramParams(unit="words"))
    sketch_batch(TEXTS)
    find_items(TEXTS, build_index([ENGLISH, CHINESE], answers=[[], ["river"]]))
    find_items(TEXTS, build_index([ENGLISH, CHINESE]))
