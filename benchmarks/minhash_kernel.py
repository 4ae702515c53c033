"""The MinHash kernel compared with datasketch and rensa, in one run on one core, and its recall of known pairs.

    python -m benchmarks.minhash_kernel --docs FILE [--truth FILE] [--megabytes N] [--shingling]

`--docs`: Parquet with `id`, `text` and `lang` (or `lang_hint`); English and Chinese are measured separately. `--truth`: Parquet
with `id_a`, `id_b`, `lang`, `jaccard` for the same ids: how many of its pairs the kernel finds, all of it in memory, no
Spark. `--shingling` repeats that for other kinds of shingles. The last line is one JSON object.
"""

import argparse
import json
import os
import re
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gristmill.udfs.dedup import minhash, survivors
from gristmill.udfs.dedup.minhash import MinHashParams
from gristmill.udfs.dedup.shingles import ShingleParams, jaccard_pairs, shingle_sets

LIMIT = 0.7
N_SIGMA = 4.0
SHINGLINGS = {
    "auto": ShingleParams(),
    "auto, Han share 10 %": ShingleParams(min_unspaced_ratio=0.1),
    "words, a Han character is a word": ShingleParams(unit="words"),
    "characters": ShingleParams(unit="characters"),
}


def main(argv: list[str] | None = None) -> int:
    """Measure what the arguments ask for and print it; 0."""
    args = _arguments(argv)
    docs = pq.read_table(args.docs)
    docs = docs.rename_columns(["lang" if name == "lang_hint" and "lang" not in docs.column_names else name for name in docs.column_names])
    figures: dict[str, object] = {"cores": 1, "num_perm": args.num_perm}
    for lang in ("en", "zh"):
        texts = docs.filter(pc.equal(docs["lang"], lang))["text"].combine_chunks()
        if len(texts):
            figures[lang] = speed(texts, args.megabytes, args.num_perm)
            _print_speed(lang, figures[lang])
    if args.truth:
        for name, shingling in SHINGLINGS.items() if args.shingling else [("auto", SHINGLINGS["auto"])]:
            found = quality(docs, pq.read_table(args.truth), replace(MinHashParams(), shingles=shingling))
            print(f"{name:<34}", json.dumps(found))
            if name == "auto":
                for lang, of_lang in found.items():
                    figures.setdefault(lang, {}).update(of_lang)  # type: ignore[attr-defined]
    print(json.dumps(figures))
    return 0


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("benchmarks.minhash_kernel", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", required=True, help="Parquet: id, text, lang or lang_hint")
    parser.add_argument("--truth", help="Parquet: id_a, id_b, lang, jaccard")
    parser.add_argument(
        "--megabytes", type=float, default=4.0, help="text a language for the slow ones (default 4); ours takes ten times that"
    )
    parser.add_argument("--num-perm", type=int, default=256)
    parser.add_argument("--shingling", action="store_true", help="with --truth: compare ways to cut a text")
    return parser.parse_args(argv)


# --- speed ----------------------------------------------------------------------------------------------------------


def speed(texts: pa.Array, megabytes: float, num_perm: int) -> dict[str, float]:
    """MB/s of UTF-8 on one core by system: text in, signature out. They alternate; the best of three rounds each.

    `..._cut` are the libraries alone, given ready lists of shingles, while ours still starts from the text.
    """
    few, many = _head(texts, megabytes), _head(texts, 10 * megabytes)
    params = MinHashParams(num_perm=num_perm, bands=num_perm // 6)
    cut = _shingler(_is_chinese(few))
    ready = [cut(text) for text in few.to_pylist()]
    distinct = [[shingle.encode() for shingle in set(shingles)] for shingles in ready]
    with_datasketch, with_rensa = _with_datasketch(num_perm), _with_rensa(num_perm)
    systems: dict[str, tuple[pa.Array, Callable[[], object]]] = {
        "gristmill": (many, lambda: minhash.sketch_batch(many, params)),
        "datasketch": (few, lambda: with_datasketch([shingle.encode() for shingle in set(cut(text))] for text in few.to_pylist())),
        "rensa": (few, lambda: with_rensa(cut(text) for text in few.to_pylist())),
        "datasketch_cut": (few, lambda: with_datasketch(distinct)),
        "rensa_cut": (few, lambda: with_rensa(ready)),
    }
    minhash.sketch_batch(texts[:2], params)  # compiles
    best = dict.fromkeys(systems, float("inf"))
    for _ in range(3):
        for name, (batch, run) in systems.items():
            started = time.perf_counter()
            run()
            best[name] = min(best[name], (time.perf_counter() - started) / _size(batch))
    found = {f"{name}_mb_s": round(1 / seconds, 2) for name, seconds in best.items()}
    found |= {f"x_{name}": round(best[name] / best["gristmill"], 1) for name in systems if name != "gristmill"}
    found["documents"], found["megabytes"] = len(many), round(_size(many), 1)
    return found


def _head(texts: pa.Array, megabytes: float) -> pa.Array:
    """Every k-th text, so many that they make up about this much."""
    step = max(1, int(_size(texts) / megabytes))
    return texts.take(pa.array(range(0, len(texts), step)))


def _size(texts: pa.Array) -> float:
    return pc.sum(pc.binary_length(texts)).as_py() / 1e6


def _is_chinese(texts: pa.Array) -> bool:
    sample = "".join(texts[:50].to_pylist())
    return sum("\u4e00" <= char <= "\u9fff" for char in sample) > 0.1 * len(sample)


def _shingler(characters: bool) -> Callable[[str], list[str]]:
    """The same work in plain Python, the way users of these libraries write it: normalise, cut, join."""
    word = re.compile(r"\w+")

    def cut(text: str) -> list[str]:
        text = unicodedata.normalize("NFKC", text).lower()
        if characters:
            text = "".join(text.split())
            return [text[i : i + 5] for i in range(max(len(text) - 4, 1))]
        tokens = word.findall(text)
        return [" ".join(tokens[i : i + 5]) for i in range(max(len(tokens) - 4, 1))]

    return cut


def _with_datasketch(num_perm: int) -> Callable[[Iterable[list[bytes]]], None]:
    from datasketch import MinHash

    first = MinHash(num_perm=num_perm, scheme="affine32")

    def run(documents: Iterable[list[bytes]]) -> None:
        for shingles in documents:
            MinHash(num_perm=num_perm, permutations=first.permutations, scheme="affine32").update_batch(shingles)

    return run


def _with_rensa(num_perm: int) -> Callable[[Iterable[list[str]]], None]:
    try:
        from rensa import RMinHash
    except ImportError:
        sys.exit("rensa is not installed: pip install rensa")

    def run(documents: Iterable[list[str]]) -> None:
        for shingles in documents:
            signature = RMinHash(num_perm=num_perm, seed=1)
            signature.update(shingles)
            signature.digest()

    return run


def _print_speed(lang: str, found: dict[str, float]) -> None:
    rest = ", ".join(f"{name[2:]} {found[name[2:] + '_mb_s']} ({ratio} times)" for name, ratio in found.items() if name.startswith("x_"))
    print(f"{lang}: gristmill {found['gristmill_mb_s']} MB/s; {rest}")


# --- quality --------------------------------------------------------------------------------------------------------


def quality(docs: pa.Table, truth: pa.Table, params: MinHashParams, limit: float = LIMIT) -> dict[str, dict[str, float]]:
    """Recall and precision by language of sketching, meeting, verifying and choosing survivors (longer text first, then id).

    `recall_70`, `recall_80`: share of truth pairs with this Jaccard of which at least one side is left out. `pair_recall_70`:
    found and accepted. `precision`: share of left-out documents whose Jaccard in the truth with their survivor is at least
    the limit - .05. `border`: accepted pairs below the limit in the truth.
    """
    started = time.perf_counter()
    left, right, alike = accepted_pairs(docs["text"].combine_chunks(), params, limit)
    ids = docs["id"].to_pylist()
    order = sorted(range(len(ids)), key=lambda i: (-len(docs["text"][i].as_buffer()), ids[i]))
    rank = np.empty(len(ids), np.int64)
    rank[order] = np.arange(len(ids))
    chosen = survivors.independent(left, right, alike, rank)
    seconds = time.perf_counter() - started
    gone = {ids[i] for i in np.flatnonzero(chosen.left_out)}
    accepted = {frozenset((ids[a], ids[b])) for a, b in zip(left.tolist(), right.tolist(), strict=True)}
    known = {frozenset((row["id_a"], row["id_b"])): row["jaccard"] for row in truth.to_pylist()}
    langs = dict(zip(ids, docs["lang"].to_pylist(), strict=True))
    named = {ids[i]: known.get(frozenset((ids[i], ids[chosen.survivor[i]])), 0.0) for i in np.flatnonzero(chosen.left_out)}
    found = {}
    for lang in ("en", "zh"):
        pairs = [(pair, jaccard) for pair, jaccard in known.items() if langs[min(pair)] == lang]
        of_lang = [jaccard for doc, jaccard in named.items() if langs[doc] == lang]
        found[lang] = {
            "recall_70": _share([not pair.isdisjoint(gone) for pair, jaccard in pairs if jaccard >= 0.7]),
            "recall_80": _share([not pair.isdisjoint(gone) for pair, jaccard in pairs if jaccard >= 0.8]),
            "pair_recall_70": _share([pair in accepted for pair, jaccard in pairs if jaccard >= 0.7]),
            "precision": _share([jaccard >= limit - 0.05 for jaccard in of_lang]),
            "left_out": len(of_lang),
            "border": sum(pair in accepted for pair, jaccard in pairs if jaccard < limit),
            "seconds": round(seconds, 2),
        }
    return found


def _share(flags: list[bool]) -> float:
    return round(sum(flags) / max(len(flags), 1), 5)


def accepted_pairs(texts: pa.Array, params: MinHashParams, limit: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs that share a band and are alike: left, right, similarity. Sketches decide beyond 4 errors of the limit, text the rest."""
    sketched = minhash.sketch_batch(texts, params)
    left, right = meeting(sketched["bands"])
    filled = np.flatnonzero(sketched["n_shingles"].to_numpy() > 0)
    place = np.full(len(texts), -1)
    place[filled] = np.arange(len(filled))
    sketches = minhash.sketch_matrix(sketched["sketch"].drop_null())
    estimate, _ = minhash.estimate_jaccard(sketches[place[left]], sketches[place[right]], params.bits)
    verdict = minhash.decide(estimate, minhash.sigma_at(limit, params.num_perm, params.bits), limit, N_SIGMA)
    unsure = np.flatnonzero(verdict == minhash.NEEDS_TEXT)
    needed, positions = np.unique(np.concatenate([left[unsure], right[unsure]]), return_inverse=True)
    sets = shingle_sets(texts.take(pa.array(needed)), params.shingles)
    shared, union = jaccard_pairs(sets, positions[: len(unsure)], positions[len(unsure) :])
    estimate[unsure] = shared / union
    keep = (verdict == minhash.ACCEPT) | ((verdict == minhash.NEEDS_TEXT) & (estimate >= limit))
    return left[keep], right[keep], estimate[keep]


def meeting(bands: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of documents that share a band key, once each, the lower index on the left."""
    rows = minhash.band_matrix(bands.drop_null())
    keys, owners = rows.ravel(), np.repeat(np.flatnonzero(bands.is_valid().to_numpy(zero_copy_only=False)), rows.shape[1])
    order = np.lexsort((owners, keys))
    keys, owners = keys[order], owners[order]
    found = []
    for gap in range(1, len(keys)):  # pairs that stand `gap` apart in their bucket
        same = keys[gap:] == keys[:-gap]
        if not same.any():
            break
        found.append(owners[:-gap][same] * len(bands) + owners[gap:][same])
    pairs = np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)
    return pairs // max(len(bands), 1), pairs % max(len(bands), 1)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
