"""Perplexity by KenLM: AUC of the loss on bad and good text, and throughput relative to calling KenLM directly.

    python -m benchmarks.perplexity --docs data/quality_dev.parquet

For each language two models are trained (by lmplz if `make lmplz` has installed it, by kaldingram otherwise), each on the good rows of half of the
sources, at most --most of them, and each scores the rows of the other half. The last line is JSON by language:

auc           of the loss, all bad rows against good ones (column `label`: 1 good); by_kind: of each kind of bad rows against all good ones, and of
              `scrambled`, the good rows with their words (Chinese: characters) shuffled inside each line
trainer, sentences, mb_s_core    the trainer, the number of sentences, and MB/s of text scored in one process (gristmill.udfs.language_models.kenlm.score_texts, Arrow in and out)
of_kenlm      the same rate relative to KenLM alone on the same texts and tokens: full_scores of every line, sums kept, nothing else (best of five each)
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gristmill.udfs.language_models.kenlm import LanguageModel, score_texts, sentences
from gristmill.udfs.language_models.kenlm_training import train

UNITS: dict[str, Any] = {"en": "words", "zh": "chars"}
MAX_CHARS, ORDER, ROUNDS = 2000, 5, 5


def halves(sources: list[str]) -> np.ndarray:
    """True for the rows whose source is in the half that teaches."""
    return np.array([zlib.crc32(source.encode()) % 2 == 0 for source in sources])


def auc(bad: np.ndarray, good: np.ndarray) -> float:
    """The share of (bad, good) pairs in which the bad one has the higher loss, ties half."""
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([bad, good]))
    return float((ranks[: len(bad)].sum() - len(bad) * (len(bad) + 1) / 2) / (len(bad) * len(good)))


def bare(model: LanguageModel, texts: list[str]) -> float:
    """Seconds of processor that KenLM alone takes for the texts, tokens made as ours are."""
    import kenlm

    with tempfile.NamedTemporaryFile() as file:
        file.write(model.blob)
        file.flush()
        loaded = kenlm.Model(file.name)
        began = time.process_time()
        for text in texts:
            n, total = 0, 0.0
            for sentence in sentences(text, model.unit, model.max_chars):
                for log10, _, _ in loaded.full_scores(sentence):
                    total += log10
                    n += 1
            math.exp(min(-total * math.log(10) / max(n, 1), 100))
        return time.process_time() - began


def ours(model: LanguageModel, texts: pa.Array) -> float:
    """Seconds of processor that score_texts takes."""
    began = time.process_time()
    score_texts(model, texts)
    return time.process_time() - began


def scrambled(text: str, unit: str, seed: int) -> str:
    """The text with the words or characters of each line in another order."""
    draw = random.Random(seed)
    made = []
    for line in text[:MAX_CHARS].splitlines():
        pieces = line.split() if unit == "words" else list(line)
        draw.shuffle(pieces)
        made.append((" " if unit == "words" else "").join(pieces))
    return "\n".join(made)


def measure(rows: pa.Table, lang: str, most: int) -> dict[str, Any]:
    """The figures of one language."""
    mine = rows.filter(pc.equal(rows["lang"], lang))
    first, label = halves(mine["source"].to_pylist()), np.asarray(mine["label"])
    texts, kinds = mine["text"].to_pylist(), np.array(mine["kind"].to_pylist(), object)
    loss, mixed, told = np.zeros(len(texts)), np.zeros(len(texts)), {}
    for teaches in (first, ~first):
        lessons = sorted((texts[i] for i in np.flatnonzero(teaches & (label == 1))), key=lambda text: zlib.crc32(text.encode()))[:most]
        model, trainer, n = train(f"lm_{lang}", lang, UNITS[lang], ORDER, MAX_CHARS, lessons, -6.0, 0)
        asked = np.flatnonzero(~teaches)
        column = pa.array([texts[i] for i in asked])
        loss[asked] = score_texts(model, column)["loss"]
        mixed[asked] = score_texts(model, pa.array([scrambled(texts[i], UNITS[lang], int(i)) for i in asked]))["loss"]
        told = {"trainer": trainer, "sentences": n, **rate(model, column)}
    good, bad = label == 1, label == 0
    by_kind = {name: round(auc(loss[(kinds == name) & bad], loss[good]), 4) for name in sorted(set(kinds[bad]))}
    by_kind["scrambled"] = round(auc(mixed[good], loss[good]), 4)
    return {"auc": round(auc(loss[bad], loss[good]), 4), "by_kind": by_kind, "good": int(good.sum()), "bad": int(bad.sum()), **told}


def rate(model: LanguageModel, column: pa.Array) -> dict[str, float]:
    """MB/s of text in one process, and the ratio to bare KenLM."""
    seconds = min(ours(model, column) for _ in range(ROUNDS))
    alone = min(bare(model, column.to_pylist()) for _ in range(ROUNDS))
    megabytes = sum(len(text[:MAX_CHARS].encode("utf-8", "replace")) for text in column.to_pylist()) / 1e6
    return {"mb_s_core": round(megabytes / seconds, 2), "of_kenlm": round(alone / seconds, 3)}


def main() -> None:
    """Measure each language; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", required=True, help="Parquet file: text, label (1 good, 0 bad), kind, lang, source")
    parser.add_argument("--most", type=int, default=2000, help="rows that teach one model (default 2000; kaldingram reads 50,000 characters a second)")
    given = parser.parse_args()
    rows = pq.read_table(Path(given.docs), columns=["text", "label", "kind", "lang", "source"])
    told = {}
    for lang in sorted(set(rows["lang"].to_pylist()) & set(UNITS)):
        told[lang] = measure(rows, lang, given.most)
        print(f"{lang}: {told[lang]}", file=sys.stderr, flush=True)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
