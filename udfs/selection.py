"""Choosing among samples that are good enough: near-duplicate questions out, openings capped, buckets filled, clusters thinned.

Plain functions on the driver over narrow rows. Each keeps the order it is given, best first, so that of two that cannot both stay the better one does.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from udfs.sample_measures import HAN, fold, units

Floats = npt.NDArray[np.float64]
STOP = frozenset(
    "a an the of in on at to for from by with and or is are was were be been do does did can could would should will it its this that these those "
    "there their his her your you we they he she i as into about between if when which what how why who where many much".split()
)
ROUNDS = 8  # of k-means


def shingles(question: str, n: int) -> frozenset[str]:
    """Runs of `n` characters of the folded question (all of a shorter one)."""
    text = fold(question)
    return frozenset(text[i : i + n] for i in range(max(1, len(text) - n + 1)))


def near_duplicates(ids: Sequence[str], questions: Sequence[str], min_similarity: float, n: int, permutations: int) -> dict[str, tuple[str, float]]:
    """Left-out id -> (the id that stays, Jaccard of their shingles). Candidates by datasketch's MinHashLSH, each verified; earlier ids stay.

    The index looks for a little less than the limit, so that what it may miss near the limit is found.
    """
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=max(0.1, min_similarity - 0.15), num_perm=permutations)
    blank = MinHash(num_perm=permutations, seed=1)  # drawing the permutations costs more than using them
    kept: dict[str, frozenset[str]] = {}
    out: dict[str, tuple[str, float]] = {}
    for identity, question in zip(ids, questions, strict=True):
        mine = shingles(question, n)
        sketch = blank.copy()
        sketch.update_batch([part.encode() for part in mine])
        alike = [(len(mine & kept[other]) / len(mine | kept[other]), other) for other in index.query(sketch)]
        best = max(alike, default=(0.0, ""), key=lambda pair: (pair[0], pair[1]))
        if best[0] >= min_similarity:
            out[identity] = (best[1], best[0])
        else:
            kept[identity] = mine
            index.insert(identity, sketch)
    return out


def opening(question: str) -> tuple[str, str]:
    """What a question opens with: its first word and its first content word after it (of Chinese: first verb and first noun, by jieba)."""
    if HAN.search(question):
        import jieba.posseg

        tagged = [(str(pair.word), str(pair.flag)) for pair in jieba.posseg.cut(question)]
        verb = next((word for word, flag in tagged if flag.startswith("v")), "")
        return verb, next((word for word, flag in tagged if flag.startswith("n")), "")
    words = units(question)
    return (words[0] if words else ""), next((word for word in words[1:] if word not in STOP and not word.isdigit()), "")


def over_cap(groups: Sequence[Hashable], cap: int) -> list[bool]:
    """Whether `cap` others of the same group stand before each."""
    seen: Counter[Hashable] = Counter()
    out = []
    for group in groups:
        seen[group] += 1
        out.append(seen[group] > cap)
    return out


def quantile_bins(groups: Sequence[Hashable], values: Sequence[float], n_bins: int) -> list[int]:
    """Bin 0 to n_bins - 1 of each value within its group, by rank; equal values share the bin of the first of them."""
    members: dict[Hashable, list[float]] = defaultdict(list)
    for group, value in zip(groups, values, strict=True):
        members[group].append(value)
    for found in members.values():
        found.sort()
    return [min(n_bins - 1, int(np.searchsorted(members[g], v, side="left")) * n_bins // len(members[g])) for g, v in zip(groups, values, strict=True)]


def hash_order(ids: Sequence[str], seed: int) -> list[int]:
    """Positions in an order that depends on the seed and the ids only."""
    return sorted(range(len(ids)), key=lambda i: hashlib.blake2b(f"{seed}|{ids[i]}".encode(), digest_size=8).digest())


def clusters(vectors: Floats, k: int) -> npt.NDArray[np.int64]:
    """Cluster of each unit vector: k-means on the sphere from centres chosen farthest first, so that no seed is needed."""
    k = min(k, len(vectors))
    centres = vectors[farthest_first(vectors, k, 0)]
    labels = np.zeros(len(vectors), np.int64)
    for _ in range(ROUNDS):
        labels = (vectors @ centres.T).argmax(axis=1)
        sums = np.zeros_like(centres)
        np.add.at(sums, labels, vectors)
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(norms > 0, sums / np.maximum(norms, 1e-12), centres)
    return labels


def farthest_first(vectors: Floats, n: int, first: int) -> list[int]:
    """Greedy k-center (Gonzalez 1985): `n` positions, each the farthest from those before it; ties go to the earlier."""
    chosen = [first]
    nearest = 1 - vectors @ vectors[first]
    for _ in range(n - 1):
        nearest[chosen[-1]] = -1.0
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, 1 - vectors @ vectors[chosen[-1]])
    return chosen


def marginal_relevance(vectors: Floats, values: Floats, n: int, weight: float) -> list[int]:
    """MMR (Carbonell and Goldstein 1998): `n` positions, each the best of weight * value - (1 - weight) * similarity to those before it."""
    chosen = [int(values.argmax())]
    closest = vectors @ vectors[chosen[0]]
    for _ in range(n - 1):
        gain = weight * values - (1 - weight) * closest
        gain[chosen] = -np.inf
        chosen.append(int(gain.argmax()))
        closest = np.maximum(closest, vectors @ vectors[chosen[-1]])
    return chosen


def thin(vectors: Floats, values: Floats, n_clusters: int, share: float, weight: float | None) -> npt.NDArray[np.bool_]:
    """Whether each sample stays when every cluster keeps `share` of its members: by k-center from the best, or by MMR where `weight` is given."""
    stays = np.zeros(len(vectors), bool)
    labels = clusters(vectors, n_clusters)
    for label in range(labels.max() + 1 if len(labels) else 0):
        members = np.flatnonzero(labels == label)
        if not len(members):
            continue
        n = max(1, math.ceil(share * len(members)))
        inside, worth = vectors[members], values[members]
        found = farthest_first(inside, n, int(worth.argmax())) if weight is None else marginal_relevance(inside, worth, n, weight)
        stays[members[found]] = True
    return stays


def self_bleu(texts: Sequence[str], n_texts: int, seed: int) -> float:
    """Mean BLEU-4 (Papineni 2002, add-one smoothed from 2-grams on) of each of `n_texts` texts against the others; 0 to 1, lower is more diverse."""
    chosen = [units(texts[i]) for i in hash_order(list(texts), seed)[:n_texts]]
    counted = [[Counter(zip(*(words[i:] for i in range(n)), strict=False)) for n in range(1, 5)] for words in chosen]
    best: list[dict[tuple[str, ...], list[int]]] = [{} for _ in range(4)]  # gram -> its two highest counts, so that a text's own can be left out
    for of_text in counted:
        for n, grams in enumerate(of_text):
            for gram, found in grams.items():
                best[n][gram] = sorted([*best[n].get(gram, [0, 0]), found], reverse=True)[:2]
    sizes = [len(words) for words in chosen]
    scores = [_bleu(words, counted[i], best, sizes[:i] + sizes[i + 1 :]) for i, words in enumerate(chosen) if words]
    return float(np.mean(scores)) if len(scores) > 1 else 0.0


def _bleu(words: list[str], counted: list[Counter[tuple[str, ...]]], best: list[dict[tuple[str, ...], list[int]]], lengths: list[int]) -> float:
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
