"""A corpus of any size that does not repeat by itself, with passages planted in it at a known share of its bytes.

    python -m benchmarks.unrepeated_corpus --docs data/corpus_dev.parquet --megabytes 4000 --out /tmp/u4g [--share 0.1] [--seed 7]

DOCS is Parquet: text, lang_hint. Each document has the words (Chinese: the characters) of one of DOCS in an order of its own, so that
nothing of some length stands twice, while lengths, characters and words stay those of real text. Sentences of DOCS strung together
would each stand some 18 times in 4 GB. A passage of some 2 kB, one of --passages, is put into a document at a random place, as
often as gives the share of bytes. OUT gets Parquet files of id, text, lang_hint, source, planted (bytes of the planted passage).
"""

from __future__ import annotations

import argparse
import functools
import os
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PART = 20_000  # documents of a file
PASSAGE = {"en": 330, "zh": 670}  # words or characters: about 2 kB


@functools.cache
def words(docs: str) -> tuple[list[Any], list[str]]:
    """The words of each document, as arrays, and its language."""
    table = pq.read_table(docs, columns=["text", "lang_hint"])
    langs = ["zh" if lang == "zh" else "en" for lang in table["lang_hint"].to_pylist()]
    texts = table["text"].to_pylist()
    made = [np.array(list(text) if lang == "zh" else text.split(" "), object) for text, lang in zip(texts, langs, strict=True)]
    return made, langs


def reordered(docs: str, number: int, seed: int) -> tuple[str, str]:
    """The text of a document in an order of its own, and its language."""
    some, langs = words(docs)
    at = number % len(some)
    draw = np.random.default_rng([seed, number])
    return ("" if langs[at] == "zh" else " ").join(some[at][draw.permutation(len(some[at]))]), langs[at]


@functools.cache
def passages(docs: str, n: int, seed: int) -> dict[str, list[str]]:
    """By language, `n` passages of reordered words."""
    made: dict[str, list[str]] = {"en": [], "zh": []}
    some, langs = words(docs)
    for lang, size in PASSAGE.items():
        pool = np.concatenate([each for each, of in zip(some[:3000], langs, strict=False) if of == lang] or [np.array(["word"], object)])
        draw = np.random.default_rng([seed, size])
        made[lang] = [("" if lang == "zh" else " ").join(draw.choice(pool, size)) for _ in range(n)]
    return made


def write_part(docs: str, out: str, seed: int, share: float, n_passages: int, mean: float, part: int) -> tuple[int, int]:
    """One file; bytes, and bytes of passages."""
    pool, rows = passages(docs, n_passages, seed), []
    size = np.mean([len(text.encode()) for each in pool.values() for text in each])
    chance = share * mean / ((1 - share) * size)
    for number in range(part * PART, (part + 1) * PART):
        text, lang = reordered(docs, number, seed)
        draw, planted = np.random.default_rng([seed, number, 1]), 0
        for _ in range(int(draw.poisson(chance))):
            passage = pool[lang][int(draw.integers(n_passages))]
            at = int(draw.integers(len(text) + 1))
            text, planted = text[:at] + passage + text[at:], planted + len(passage.encode())
        rows.append((f"u{number}", text, lang, "unrepeated", planted))
    columns = dict(zip(("id", "text", "lang_hint", "source", "planted"), map(list, zip(*rows, strict=True)), strict=True))
    pq.write_table(pa.table(columns), f"{out}/part-{part:05d}.parquet", compression="zstd", compression_level=1)
    return sum(len(row[1].encode()) for row in rows), sum(row[4] for row in rows)


def main() -> None:
    """Make a corpus; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", required=True, help="Parquet: text, lang_hint")
    parser.add_argument("--out", required=True, help="folder")
    parser.add_argument("--megabytes", type=float, default=4000)
    parser.add_argument("--share", type=float, default=0.1, help="of the bytes that passages have")
    parser.add_argument("--passages", type=int, default=2000, help="different passages of each language")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    Path(given.out).mkdir(parents=True, exist_ok=True)
    some, _ = words(given.docs)
    mean = float(np.mean([sum(len(word.encode()) + 1 for word in each) for each in some[:2000]]))
    n_parts = max(1, round(given.megabytes * 1e6 * (1 - given.share) / mean / PART))
    passages(given.docs, given.passages, given.seed)
    write = functools.partial(write_part, given.docs, given.out, given.seed, given.share, given.passages, mean)
    with Pool(os.cpu_count()) as workers:
        sizes = list(workers.imap_unordered(write, range(n_parts)))
    total, planted = (sum(column) for column in zip(*sizes, strict=True))
    print(f"{n_parts * PART:,} documents, {total / 1e6:,.0f} MB, of which {planted / total:.3f} planted")


if __name__ == "__main__":
    main()
