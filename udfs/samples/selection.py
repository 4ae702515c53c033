"""Selection of diverse samples: openings of questions, seeded order, clusters and their thinning, self-BLEU.

Vectors of questions have length 1 and shape (samples, 512). They are compared as 64-bit floats and stored in
columns as the bytes of 32-bit floats.
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

from gristmill.udfs.language_models.embedding import DIMENSIONS, vectors
from gristmill.udfs.samples.measures import HAN, units

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
# words that a question may have between its question word and its first content word
STOP = frozenset(
    "a an the of in on at to for from by with and or is are was were be been do does did can could "
    "would should will it its this that these those "
    "there their his her your you we they he she i as into about between if when which what how why "
    "who where many much".split()
)
ROUNDS = 8  # of k-means
# Decimals of a similarity that count. Its last bits depend on how many are computed
# in one matrix product, and must not decide which of two centres is nearer.
ALIKE_DIGITS = 9
VECTORS = "sample_id string, value double, seeded binary, vector binary"
# `crowd`: number of the group in which a sample is thinned, a cluster or a part of one
GROUP_ROWS = "sample_id string, value double, vector binary, crowd int"


def opening(question: str) -> tuple[str, str]:
    """The opening of a question: its first word and the first content word behind it, "" for none.

        "Why did the old bell crack?"  ->  ("why", "old")

    In Chinese: the first verb and the first noun, as jieba tags them.
    """
    # a Chinese question has its question word anywhere, so its first word says little
    if HAN.search(question):
        # imported here: jieba loads its dictionary, which English questions do not need
        import jieba.posseg

        tagged = [(str(pair.word), str(pair.flag)) for pair in jieba.posseg.cut(question)]
        verb = next((word for word, flag in tagged if flag.startswith("v")), "")
        return verb, next((word for word, flag in tagged if flag.startswith("n")), "")
    words = units(question)
    return (words[0] if words else ""), next(
        (word for word in words[1:] if word not in STOP and not word.isdigit()), ""
    )


def openings(questions: pa.Array) -> pa.Array:
    """The two words of `opening` with a space between them, for each question; null is an empty question."""
    return pa.array([" ".join(opening(question or "")) for question in questions.to_pylist()], pa.string())


def seeded_hashes(texts: pa.Array, seed: int) -> pa.Array:
    """8 bytes for each text that depend on the text and the seed only; the lowest are drawn first."""
    return pa.array([_seeded(text or "", seed) for text in texts.to_pylist()], pa.binary())


def _seeded(text: str, seed: int) -> bytes:
    # a hash and no random generator: the draw is the same for any order and partition of the rows
    return hashlib.blake2b(f"{seed}|{text}".encode(), digest_size=8).digest()


def hash_order(ids: Sequence[str], seed: int) -> list[int]:
    """Indexes of `ids`, sorted by `seeded_hashes`."""
    return sorted(range(len(ids)), key=lambda i: _seeded(ids[i], seed))


def add_vectors(batches: Iterator[pa.RecordBatch], seed: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow: sample_id, value, question -> VECTORS.

    `vector`: of the question, 512 32-bit floats in 2,048 bytes. `seeded`: hash of id and seed, 8 bytes.
    """
    for batch in batches:
        embeddings = vectors([question or "" for question in batch.column("question").to_pylist()])
        rows = pa.array([row.tobytes() for row in embeddings], pa.binary())
        ids = batch.column("sample_id")
        columns = [ids, batch.column("value"), seeded_hashes(ids, seed), rows]
        yield pa.record_batch(columns, names=["sample_id", "value", "seeded", "vector"])


def decode_vectors(rows: Sequence[bytes]) -> Floats:
    """The vectors of a column `vector`, float64 of shape (rows, 512)."""
    return np.frombuffer(b"".join(rows), np.float32).reshape(-1, DIMENSIONS).astype(np.float64)


def centres(vectors: Floats, k: int) -> Floats:
    """At most `k` centres of unit vectors, float64 of shape (k, 512), by spherical k-means.

    The first centres are chosen farthest first, so the result needs no seed. It depends on the order of
    `vectors`, whose first is the first centre.
    """
    k = min(k, len(vectors))
    means = vectors[farthest_first(vectors, k, 0)]
    for _ in range(ROUNDS - 1):
        sums = np.zeros_like(means)
        np.add.at(sums, nearest(vectors, means), vectors)
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        # the mean direction of a cluster; an empty cluster keeps its centre
        means = np.where(norms > 0, sums / np.maximum(norms, 1e-12), means)
    return means


def nearest(vectors: Floats, centres: Floats) -> npt.NDArray[np.int64]:
    """Index of the nearest centre of each vector, int64 of shape (vectors,); ties go to the first."""
    return np.round(vectors @ centres.T, ALIKE_DIGITS).argmax(axis=1)


def assign_groups(
    batches: Iterator[pa.RecordBatch], centres: Floats, parts: npt.NDArray[np.int64]
) -> Iterator[pa.RecordBatch]:
    """mapInArrow: VECTORS -> GROUP_ROWS, each sample with the number of its group.

    `parts`: groups into which each cluster is divided, int64 of shape (centres,). Groups are numbered through
    all clusters: with parts 2, 1 the first cluster has groups 0 and 1, the second has group 2.
    """
    first = np.cumsum(parts) - parts
    for batch in batches:
        if not batch.num_rows:
            continue
        # by the seeded hash, so that a group is a random
        # part of its cluster in any partition of the rows
        rows, hashes = (batch.column(name).to_pylist() for name in ("vector", "seeded"))
        cluster = nearest(decode_vectors(rows), centres)
        part = np.frombuffer(b"".join(hashes), ">u8").astype(np.uint64) % parts[cluster].astype(np.uint64)
        group = pa.array(first[cluster] + part.astype(np.int64), pa.int64()).cast(pa.int32())
        columns = [*(batch.column(name) for name in ("sample_id", "value", "vector")), group]
        yield pa.record_batch(columns, names=["sample_id", "value", "vector", "crowd"])


def farthest_first(vectors: Floats, n: int, first: int) -> list[int]:
    """Greedy k-center (Gonzalez 1985): indexes of `n` vectors, each the farthest from those before it.

    `first`: the index to begin with. Ties go to the lower index. Takes n passes over the vectors.
    """
    indexes = [first]
    nearest = 1 - vectors @ vectors[first]
    for _ in range(n - 1):
        # a chosen vector is never chosen again, not even among copies of it
        nearest[indexes[-1]] = -1.0
        indexes.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, 1 - vectors @ vectors[indexes[-1]])
    return indexes


def marginal_relevance(vectors: Floats, values: Floats, n: int, weight: float) -> list[int]:
    """Maximal marginal relevance (Carbonell and Goldstein 1998): indexes of `n` vectors, best first.

    Each has the highest weight * value - (1 - weight) * similarity, where similarity is the highest cosine to
    those before it. `weight`: 0 to 1.
    """
    indexes = [int(values.argmax())]
    closest = vectors @ vectors[indexes[0]]
    for _ in range(n - 1):
        gain = weight * values - (1 - weight) * closest
        gain[indexes] = -np.inf
        indexes.append(int(gain.argmax()))
        closest = np.maximum(closest, vectors @ vectors[indexes[-1]])
    return indexes


def keep_diverse(
    vectors: Floats, values: Floats, share: float, weight: float | None
) -> npt.NDArray[np.bool_]:
    """Whether each sample of a group is kept, bool of shape (samples,); `share` of them are, at least one.

    By k-center from the sample with the highest value, or by MMR where `weight` is given.
    """
    n = max(1, math.ceil(share * len(vectors)))
    if weight is None:
        indexes = farthest_first(vectors, n, int(values.argmax()))
    else:
        indexes = marginal_relevance(vectors, values, n, weight)
    is_kept = np.zeros(len(vectors), bool)
    is_kept[indexes] = True
    return is_kept


def redundant_samples(members: pd.DataFrame, share: float, weight: float | None) -> pd.DataFrame:
    """applyInPandas: GROUP_ROWS of one group -> sample_id of the samples that are not kept."""
    # Spark gives rows in any order: sorted, ties go to the higher value, then to the lower id
    members = members.sort_values(["value", "sample_id"], ascending=[False, True])
    is_kept = keep_diverse(
        decode_vectors(list(members["vector"])), members["value"].to_numpy(), share, weight
    )
    return members.loc[~is_kept, ["sample_id"]]


def self_bleu(texts: Sequence[str], n_texts: int, seed: int) -> float:
    """Mean BLEU-4 of each of `n_texts` texts against all others of them, 0 to 1; lower is more diverse.

    BLEU as in Papineni et al. (2002), with add-one smoothing from 2-grams on. The texts are drawn by a hash
    of text and `seed`. 0 for fewer than two texts.
    """
    sampled = [units(texts[i]) for i in hash_order(list(texts), seed)[:n_texts]]
    gram_counts = [
        [Counter(zip(*(words[i:] for i in range(n)), strict=False)) for n in range(1, 5)] for words in sampled
    ]
    # n-gram -> its two highest counts in any text. With them the highest count
    # in the other texts is known without a pass over all pairs of texts.
    best: list[dict[tuple[str, ...], list[int]]] = [{} for _ in range(4)]
    for of_text in gram_counts:
        for n, grams in enumerate(of_text):
            for gram, times in grams.items():
                best[n][gram] = sorted([*best[n].get(gram, [0, 0]), times], reverse=True)[:2]
    sizes = [len(words) for words in sampled]
    scores = [
        _bleu(words, gram_counts[i], best, sizes[:i] + sizes[i + 1 :])
        for i, words in enumerate(sampled)
        if words
    ]
    return float(np.mean(scores)) if len(scores) > 1 else 0.0


def _bleu(
    words: list[str],
    gram_counts: list[Counter[tuple[str, ...]]],
    best: list[dict[tuple[str, ...], list[int]]],
    lengths: list[int],
) -> float:
    """BLEU-4 of one text: `gram_counts` of its own, `best` of all texts, `lengths` of the others."""
    logs = 0.0
    for n, grams in enumerate(gram_counts):
        total = sum(grams.values())
        hits = 0
        for gram, times in grams.items():
            top = best[n][gram]
            # clipped by the highest count in any other text:
            # the second, where this text has the first
            hits += min(times, top[1] if top[0] == times else top[0])
        smooth = 0 if n == 0 else 1
        logs += math.log(max((hits + smooth) / (total + smooth), 1e-9)) if total + smooth else math.log(1e-9)
    # brevity penalty against the reference of the nearest length
    nearest = min(lengths, key=lambda length: (abs(length - len(words)), length), default=len(words))
    return min(1.0, math.exp(1 - nearest / len(words))) * math.exp(logs / 4)
