"""On pairs with known similarity the kernels find nearly all and nearly nothing else: on planted ones everywhere, and on
real ones where a folder of labelled data is named."""

import random
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.minhash_kernel import quality
from gristmill.demo import prose
from gristmill.udfs.dedup.minhash import MinHashParams
from tests.support.plain_shingles import plain_jaccard

EDITS = (1, 2, 3, 4, 6, 8, 11, 15, 20, 26)  # words, or characters of Chinese, that one page has otherwise than the one before


def edited(text: str, lang: str, n: int, draw: random.Random) -> str:
    """The text with `n` of its words (or Chinese characters) replaced, wherever they stand."""
    glue = "" if lang == "zh" else " "
    units = list(text) if lang == "zh" else text.split(" ")
    for place in draw.sample(range(len(units)), n):
        units[place] = chr(0x4E00 + draw.randrange(5_000)) if lang == "zh" else f"other{draw.randrange(5_000)}"
    return glue.join(units)


def planted(lang: str) -> tuple[list[dict[str, str]], list[dict[str, object]]]:
    """Pages and copies of them with more and more edits; the Jaccard of each pair of one page by plain sets."""
    draw, docs, truth = random.Random(lang), [], []
    for n, (domain, topic) in enumerate((domain, topic) for domain in ("wiki", "web", "docs") for topic in prose.TOPICS[:8]):
        page = prose.write(draw, lang, domain, topic).text
        texts = [page, *(edited(page, lang, edits, draw) for edits in EDITS)]
        ids = [f"{lang}-{n:02d}-{i:02d}" for i in range(len(texts))]
        docs += [{"id": name, "text": text, "lang": lang} for name, text in zip(ids, texts, strict=True)]
        pairs = [(i, j) for i in range(len(texts)) for j in range(i)]
        truth += [{"id_a": ids[j], "id_b": ids[i], "jaccard": plain_jaccard(texts[i], texts[j])} for i, j in pairs]
    return docs, truth


def test_planted_near_duplicates_are_left_out_and_nothing_else() -> None:
    for lang in ("en", "zh"):
        docs, truth = planted(lang)
        alike = [row["jaccard"] for row in truth]
        in_steps = [sum(low <= each < high for each in alike) for low, high in pairwise((0.5, 0.6, 0.7, 0.8, 0.9, 1.0))]
        assert min(in_steps) > 20, f"{lang}: pairs of every likeness around the limit, not {in_steps}"
        found = quality(pa.Table.from_pylist(docs), pa.Table.from_pylist(truth), MinHashParams())[lang]
        assert found["pair_recall_70"] >= 0.99, found
        assert (found["recall_70"], found["recall_80"]) == (1.0, 1.0), found
        assert (found["precision"], found["border"]) == (1.0, 0), found
        assert found["left_out"] > 100, found


def test_known_near_duplicates_are_left_out_and_hardly_anything_else(shared_data: Path) -> None:
    found = quality(pq.read_table(shared_data / "neardup_docs_dev.parquet"), pq.read_table(shared_data / "neardup_truth_dev.parquet"), MinHashParams())
    for lang in ("en", "zh"):
        assert found[lang]["recall_70"] >= 0.998
        assert found[lang]["recall_80"] == 1.0
        assert found[lang]["precision"] >= 0.998
        assert found[lang]["left_out"] > 700


def test_our_jaccard_is_that_of_the_labels(shared_data: Path) -> None:
    import numpy as np
    import pyarrow as pa

    from gristmill.udfs.dedup.shingles import jaccard_pairs, shingle_sets

    docs = pq.read_table(shared_data / "neardup_docs_dev.parquet", columns=["id", "text", "lang"])
    pairs = pq.read_table(shared_data / "neardup_truth_dev.parquet").slice(0, 3000)
    place = {doc: i for i, doc in enumerate(docs["id"].to_pylist())}
    left, right = (np.array([place[doc] for doc in pairs[side].to_pylist()]) for side in ("id_a", "id_b"))
    shared, union = jaccard_pairs(shingle_sets(docs["text"].combine_chunks()), left, right)
    off = np.abs(shared / union - pairs["jaccard"].to_numpy())
    english = np.array(pa.array(pairs["lang"].to_pylist()).to_pylist()) == "en"
    assert off.max() < 0.03  # the labels know no NFKC; Chinese is cut into characters with its Latin words, as they do it
    assert off[english].mean() < 1e-3
