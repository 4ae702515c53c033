"""A corpus of any size with known duplicates, generated from the sentences of a smaller one.

    python -m benchmarks.scaled_corpus --docs data/corpus_dev.parquet --n 1000000 --out /tmp/s1m [--seed 7]

DOCS is Parquet: text, lang_hint (en or zh; others are ignored), domain (code is ignored). OUT gets Parquet files of id, text,
url, source, domain, lang_hint; OUT_truth of id, kind (unique, exact_dup, near_dup), parent_id, edit_rate, n_edits.

A unique document joins runs of two to four consecutive sentences of DOCS from random positions, so that two documents share
at most a run or two by chance. An exact duplicate is another's text byte for byte; a near-duplicate is a unique one of which each
word (character of Chinese) is dropped, replaced or followed by another with a probability from --rates. A tenth of the duplicates are
of a thousandth of the documents, so that sizes of families are skewed as on the web. Each document is a function of seed and number.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from multiprocessing import Pool
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

ENDS = {"en": re.compile(r"(?<=[.!?])\s+|\n+"), "zh": re.compile(r"(?<=[。！？；])|\n+")}
HAN = re.compile(r"[\u4e00-\u9fff]")
SPACE = re.compile(r"(\s+)")
VOCABULARY = 200_000  # words or characters that edits put in
PART = 50_000  # documents of a file
UNIQUE, EXACT, NEAR = "unique", "exact_dup", "near_dup"


class Sizes(NamedTuple):
    """What is made."""

    n: int
    seed: int
    exact: float  # share of the documents
    near: float
    rates: tuple[float, ...]
    zh: float
    runs: float  # median of a document


class Pools(NamedTuple):
    """By language: sentences in the order of the documents; words or characters."""

    sentences: dict[str, list[str]]
    vocabulary: dict[str, list[str]]


class Made(NamedTuple):
    """One document."""

    number: int
    lang: str
    text: str
    kind: str
    parent: int | None
    rate: float
    n_edits: int


@functools.cache
def pools(docs: str) -> Pools:
    """Each sentence of a fair length once."""
    rows = pq.read_table(docs, columns=["text", "lang_hint", "domain"]).to_pylist()
    found: dict[str, list[str]] = {lang: [] for lang in ENDS}
    seen: set[bytes] = set()
    for row in rows:
        if row["lang_hint"] not in ENDS or row["domain"] == "code":
            continue
        for part in ENDS[row["lang_hint"]].split(row["text"]):
            sentence = (part or "").strip()
            key = hashlib.blake2b(sentence.lower().encode(), digest_size=8).digest()
            if is_fair(row["lang_hint"], sentence) and key not in seen:
                seen.add(key)
                found[row["lang_hint"]].append(sentence)
    words = {"en": [word for text in found["en"][::7] for word in text.split()], "zh": list("".join(found["zh"][::7]))}
    return Pools(found, {lang: some[:VOCABULARY] for lang, some in words.items()})


def is_fair(lang: str, sentence: str) -> bool:
    """Whether a sentence is neither a heading nor a page."""
    if lang == "en":
        return 40 <= len(sentence) <= 400 and len(sentence.split()) >= 7
    return 12 <= len(sentence) <= 160 and len(HAN.findall(sentence)) >= 8


def draw(sizes: Sizes, about: str, number: int) -> random.Random:
    """Random numbers that hang on the seed, what they are about and the document alone."""
    digest = hashlib.blake2b(f"{sizes.seed}/{about}/{number}".encode(), digest_size=8).digest()
    return random.Random(int.from_bytes(digest, "big"))


def kind_of(sizes: Sizes, number: int) -> str:
    """Of a document."""
    place = draw(sizes, "k", number).random()
    return EXACT if place < sizes.exact else NEAR if place < sizes.exact + sizes.near else UNIQUE


def parent_of(sizes: Sizes, number: int) -> int:
    """The unique document that a duplicate is one of."""
    some = draw(sizes, "p", number)
    among = max(1, sizes.n // 1000) if some.random() < 0.10 else sizes.n
    for _ in range(200):
        parent = some.randrange(among)
        if parent != number and kind_of(sizes, parent) == UNIQUE:
            return parent
    raise SystemExit(f"--n {sizes.n}: no unique document was found in 200 draws; make more, or fewer duplicates")


def unique(sizes: Sizes, pool: Pools, number: int) -> tuple[str, str]:
    """Language and text."""
    some = draw(sizes, "u", number)
    lang = "zh" if some.random() < sizes.zh and pool.sentences["zh"] else "en"
    sentences, between, least = pool.sentences[lang], " " if lang == "en" else "", 400 if lang == "en" else 160
    n, size = max(4, int(some.lognormvariate(0, 0.6) * sizes.runs)), 0
    runs: list[list[str]] = []
    while len(runs) < n or size < least:
        at = some.randrange(len(sentences))
        runs.append(sentences[at : at + some.randint(2, 4)])
        size += sum(map(len, runs[-1]))
    return lang, "\n\n".join(between.join(run) for run in runs)


def edited(pool: Pools, lang: str, text: str, rate: float, some: random.Random) -> tuple[str, int]:
    """The text after its edits, and how many there were."""
    words, out, n = pool.vocabulary[lang], [], 0
    for token in SPACE.split(text) if lang == "en" else text:
        if not token.strip() or some.random() >= rate:
            out.append(token)
            continue
        n += 1
        what = some.randrange(3)
        if what == 0:
            continue
        word = words[some.randrange(len(words))]
        out += [word] if what == 1 else [token, " " if lang == "en" else "", word]
    return "".join(out), n


def made(sizes: Sizes, pool: Pools, number: int) -> Made:
    """One document; a near-duplicate always differs from its parent."""
    kind = kind_of(sizes, number)
    if kind == UNIQUE:
        return Made(number, *unique(sizes, pool, number), kind, None, 0.0, 0)
    parent = parent_of(sizes, number)
    lang, text = unique(sizes, pool, parent)
    if kind == EXACT:
        return Made(number, lang, text, kind, parent, 0.0, 0)
    some = draw(sizes, "e", number)
    rate = some.choice(sizes.rates)
    other, n = edited(pool, lang, text, rate, some)
    while other == text:
        other, n = edited(pool, lang, text, max(rate, 0.01), some)
    return Made(number, lang, other, kind, parent, rate, n)


def write_part(sizes: Sizes, docs: str, out: str, part: int) -> Counter[str]:
    """One file of documents and one of truth; documents by kind."""
    pool = pools(docs)
    rows = [made(sizes, pool, i) for i in range(part * PART, min(sizes.n, (part + 1) * PART))]
    ids = [id_of(sizes, row.number) for row in rows]
    urls = [f"synthetic://scale/{sizes.seed}/{row.number}" for row in rows]
    same = {"source": ["scale"] * len(rows), "domain": ["web"] * len(rows)}
    texts = {"id": ids, "text": [row.text for row in rows], "url": urls, **same, "lang_hint": [row.lang for row in rows]}
    name, how = f"part-{part:05d}.parquet", {"compression": "zstd", "compression_level": 1}
    pq.write_table(pa.table(texts), f"{out}/{name}", row_group_size=10_000, **how)
    parents = pa.array([None if row.parent is None else id_of(sizes, row.parent) for row in rows], pa.string())
    truth = {"id": ids, "kind": [row.kind for row in rows], "parent_id": parents}
    truth |= {"edit_rate": [row.rate for row in rows], "n_edits": [row.n_edits for row in rows]}
    pq.write_table(pa.table(truth), f"{out}_truth/{name}", **how)
    return Counter(row.kind for row in rows)


def id_of(sizes: Sizes, number: int) -> str:
    """20 hex digits."""
    return hashlib.blake2b(f"{sizes.seed}:{number}".encode(), digest_size=10).hexdigest()


def parts(sizes: Sizes) -> Iterator[int]:
    """Numbers of the files."""
    yield from range(-(-sizes.n // PART))


def main() -> None:
    """Make a corpus; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", required=True, help="Parquet: text, lang_hint, domain")
    parser.add_argument("--out", required=True, help="folder; the truth goes to OUT_truth")
    parser.add_argument("--n", type=int, default=100_000, help="documents")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--exact", type=float, default=0.10, help="share of exact duplicates")
    parser.add_argument("--near", type=float, default=0.20, help="share of near-duplicates")
    parser.add_argument("--rates", default="0.01,0.03,0.05,0.10,0.20", help="shares of words that are edited")
    parser.add_argument("--zh", type=float, default=0.4, help="share of Chinese")
    parser.add_argument("--runs", type=float, default=5.0, help="median number of runs of a document")
    given = parser.parse_args()
    rates = tuple(float(rate) for rate in given.rates.split(","))
    sizes = Sizes(given.n, given.seed, given.exact, given.near, rates, given.zh, given.runs)
    for folder in (given.out, f"{given.out}_truth"):
        Path(folder).mkdir(parents=True, exist_ok=True)
    pools(given.docs)  # once, before the processes part
    with Pool(os.cpu_count()) as workers:
        write = functools.partial(write_part, sizes, given.docs, given.out)
        found = sum(workers.imap_unordered(write, parts(sizes)), Counter[str]())
    print(f"{given.n:,} documents: {', '.join(f'{kind} {n:,}' for kind, n in sorted(found.items()))}")


if __name__ == "__main__":
    main()
