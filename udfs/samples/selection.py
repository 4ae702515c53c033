"""Choosing among samples that are good enough: openings, a seeded order, clusters and their share, self-BLEU.

Vectors are of length 1, `(samples, 512)`, 64-bit floats where they are compared; on their way they are bytes
of 32-bit floats.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.samples.measures import HAN, units
from gristmill.udfs.scoring.embedding import DIMENSIONS, vectors

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
STOP = frozenset(
    "a an the of in on at to for from by with and or is are was were be been do does did can could "
    "would should will it its this that these those "
    "there their his her your you we they he she i as into about between if when which what how why "
    "who where many much".split()
)
ROUNDS = 8  # of k-means
# of likenesses: their last bits change with how many are computed at once
ALIKE_DIGITS = 9
VECTORS = "sample_id string, value double, seeded binary, vector binary"
CROWDS = "sample_id string, value double, vector binary, crowd int"


def opening(question: str) -> tuple[str, str]:
    """What a question opens with: its first word and its first content word after it (of Chinese: first
    verb and first noun, by jieba)."""
    if HAN.search(question):
        import jieba.posseg

        tagged = [(str(pair.word), str(pair.flag)) for pair in jieba.posseg.cut(question)]
        verb = next((word for word, flag in tagged if flag.startswith("v")), "")
        return verb, next((word for word, flag in tagged if flag.startswith("n")), "")
    words = units(question)
    return (words[0] if words else ""), next(
        (word for word in words[1:] if word not in STOP and not word.isdigit()), ""
    )


def openings(questions: pa.Array) -> pa.Array:
    """The two words of `opening` with a space between, of each question (null: of an empty one)."""
    return pa.array([" ".join(opening(question or "")) for question in questions.to_pylist()], pa.string())


def seeded_hashes(texts: pa.Array, seed: int) -> pa.Array:
    """8 bytes for each text, which depend on it and the seed only: who is drawn first is lowest."""
    return pa.array([_seeded(text or "", seed) for text in texts.to_pylist()], pa.binary())


def _seeded(text: str, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed}|{text}".encode(), digest_size=8).digest()


def hash_order(ids: Sequence[str], seed: int) -> list[int]:
    """Positions in the order of `seeded_hashes`."""
    return sorted(range(len(ids)), key=lambda i: _seeded(ids[i], seed))


def with_vectors(batches: Iterator[pa.RecordBatch], seed: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow: sample_id, value, question -> VECTORS: of the question the vector, of the id the hash."""
    for batch in batches:
        found = vectors([question or "" for question in batch.column("question").to_pylist()])
        rows = pa.array([row.tobytes() for row in found], pa.binary())
        ids = batch.column("sample_id")
        columns = [ids, batch.column("value"), seeded_hashes(ids, seed), rows]
        yield pa.record_batch(columns, names=["sample_id", "value", "seeded", "vector"])


def unpacked(rows: Sequence[bytes]) -> Floats:
    """The vectors in the column `vector`."""
    return np.frombuffer(b"".join(rows), np.float32).reshape(-1, DIMENSIONS).astype(np.float64)


def centres(vectors: Floats, k: int) -> Floats:
    """At most `k` centres: k-means on the sphere from centres chosen farthest first, so that it needs no
    seed."""
    k = min(k, len(vectors))
    found = vectors[farthest_first(vectors, k, 0)]
    for _ in range(ROUNDS - 1):
        sums = np.zeros_like(found)
        np.add.at(sums, nearest(vectors, found), vectors)
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        found = np.where(norms > 0, sums / np.maximum(norms, 1e-12), found)
    return found


def nearest(vectors: Floats, centres: Floats) -> npt.NDArray[np.int64]:
    """The centre of each vector; of equally near ones the first."""
    return np.round(vectors @ centres.T, ALIKE_DIGITS).argmax(axis=1)


def in_crowds(
    batches: Iterator[pa.RecordBatch], centres: Floats, parts: npt.NDArray[np.int64]
) -> Iterator[pa.RecordBatch]:
    """mapInArrow: VECTORS -> CROWDS: each sample with a crowd of its cluster, of which `parts` says how
    many."""
    first = np.cumsum(parts) - parts
    for batch in batches:
        if not batch.num_rows:
            continue
        rows, drawn = (batch.column(name).to_pylist() for name in ("vector", "seeded"))
        cluster = nearest(unpacked(rows), centres)
        share = np.frombuffer(b"".join(drawn), ">u8").astype(np.uint64) % parts[cluster].astype(np.uint64)
        crowd = pa.array(first[cluster] + share.astype(np.int64), pa.int64()).cast(pa.int32())
        columns = [*(batch.column(name) for name in ("sample_id", "value", "vector")), crowd]
        yield pa.record_batch(columns, names=["sample_id", "value", "vector", "crowd"])


def farthest_first(vectors: Floats, n: int, first: int) -> list[int]:
    """Greedy k-center (Gonzalez 1985): `n` positions, each the farthest from those before it; ties go to
    the earlier."""
    chosen = [first]
    nearest = 1 - vectors @ vectors[first]
    for _ in range(n - 1):
        nearest[chosen[-1]] = -1.0
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, 1 - vectors @ vectors[chosen[-1]])
    return chosen


def marginal_relevance(vectors: Floats, values: Floats, n: int, weight: float) -> list[int]:
    """MMR (Carbonell and Goldstein 1998): `n` positions, each the best of weight * value - (1 - weight)
    * similarity to those before it."""
    chosen = [int(values.argmax())]
    closest = vectors @ vectors[chosen[0]]
    for _ in range(n - 1):
        gain = weight * values - (1 - weight) * closest
        gain[chosen] = -np.inf
        chosen.append(int(gain.argmax()))
        closest = np.maximum(closest, vectors @ vectors[chosen[-1]])
    return chosen


def thin(vectors: Floats, values: Floats, share: float, weight: float | None) -> npt.NDArray[np.bool_]:
    """Whether each of a crowd stays when it keeps `share`: by k-center from the best, or by MMR of this
    `weight`."""
    n = max(1, math.ceil(share * len(vectors)))
    if weight is None:
        found = farthest_first(vectors, n, int(values.argmax()))
    else:
        found = marginal_relevance(vectors, values, n, weight)
    stays = np.zeros(len(vectors), bool)
    stays[found] = True
    return stays


def crowded(members: pd.DataFrame, share: float, weight: float | None) -> pd.DataFrame:
    """applyInPandas: CROWDS of one crowd -> sample_id of those that go; ties: the better, then the lower
    id."""
    members = members.sort_values(["value", "sample_id"], ascending=[False, True])
    stays = thin(unpacked(list(members["vector"])), members["value"].to_numpy(), share, weight)
    return members.loc[~stays, ["sample_id"]]


def self_bleu(texts: Sequence[str], n_texts: int, seed: int) -> float:
    """Mean BLEU-4 (Papineni 2002, add-one smoothed from 2-grams on) of each of `n_texts` texts against
    the others; 0 to 1, lower is more diverse."""
    chosen = [units(texts[i]) for i in hash_order(list(texts), seed)[:n_texts]]
    counted = [
        [Counter(zip(*(words[i:] for i in range(n)), strict=False)) for n in range(1, 5)] for words in chosen
    ]
    # gram -> its two highest counts, so that a text's own can be left out
    best: list[dict[tuple[str, ...], list[int]]] = [{} for _ in range(4)]
    for of_text in counted:
        for n, grams in enumerate(of_text):
            for gram, found in grams.items():
                best[n][gram] = sorted([*best[n].get(gram, [0, 0]), found], reverse=True)[:2]
    sizes = [len(words) for words in chosen]
    scores = [
        _bleu(words, counted[i], best, sizes[:i] + sizes[i + 1 :]) for i, words in enumerate(chosen) if words
    ]
    return float(np.mean(scores)) if len(scores) > 1 else 0.0


def _bleu(
    words: list[str],
    counted: list[Counter[tuple[str, ...]]],
    best: list[dict[tuple[str, ...], list[int]]],
    lengths: list[int],
) -> float:
    logs = 0.0
    for n, grams in enumerate(counted):
        total = sum(grams.values())
        hits = 0
        for gram, found in grams.items():
            top = best[n][gram]
            hits += min(found, top[1] if top[0] == found else top[0])  # the highest count in any other text
        smooth = 0 if n == 0 else 1
        logs += math.log(max((hits + smooth) / (total + smooth), 1e-9)) if total + smooth else math.log(1e-9)
    nearest = min(lengths, key=lambda length: (abs(length - len(words)), length), default=len(words))
    return min(1.0, math.exp(1 - nearest / len(words))) * math.exp(logs / 4)
