"""Segment alignment when a model misspells, rewords, repeats, reorders or invents the first words of segments.

    python -m benchmarks.alignment --data corpus.parquet --n 500

In each document some beginnings of sentences are drawn as true boundaries; a script corrupts their first words, which are then aligned. No model
is run. --data: any Parquet file with a column text. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import Callable

import pyarrow.parquet as pq

from gristmill.synth_worker.calls.prompts import is_chinese
from gristmill.synth_worker.flows.align import align, sentence_starts

WORDS, CHARACTERS = 10, 14  # of a marker: English words, Chinese characters
FOREIGN = "\0"  # stands for a marker of another document
SPOILT = 0.12  # of the characters (typos) or a quarter of the words (paraphrase) of every second marker


def head(text: str, start: int) -> str:
    """The first words of the sentence at `start`, as a model would copy them."""
    if is_chinese(text[start : start + 60]):
        return text[start : start + CHARACTERS]
    return " ".join(text[start : start + 200].split()[:WORDS])


def clean(markers: list[str], draw: random.Random) -> list[str]:
    """As they are."""
    return markers


def typos(markers: list[str], draw: random.Random) -> list[str]:
    """Letters dropped, doubled or changed."""
    return ["".join(draw.choice(["", c + c, chr(ord(c) + 1)]) if c.isalnum() and draw.random() < SPOILT else c for c in m) if i % 2 else m for i, m in enumerate(markers)]


def paraphrase(markers: list[str], draw: random.Random) -> list[str]:
    """Words (or characters of Chinese) left out, swapped or replaced."""

    def reworded(marker: str) -> str:
        parts = list(marker) if is_chinese(marker) else marker.split()
        for _ in range(max(1, len(parts) // 5)):
            k = draw.randrange(len(parts))
            what = draw.randrange(3)
            if what == 0 and len(parts) > 3:
                del parts[k]
            elif what == 1 and k + 1 < len(parts):
                parts[k : k + 2] = parts[k : k + 2][::-1]
            else:
                parts[k] = "其" if is_chinese(marker) else "something"
        return "".join(parts) if is_chinese(marker) else " ".join(parts)

    return [reworded(m) if i % 2 else m for i, m in enumerate(markers)]


def repeats(markers: list[str], draw: random.Random) -> list[str]:
    """Every third marker is said twice."""
    return [m for i, marker in enumerate(markers) for m in ([marker, marker] if i % 3 == 0 else [marker])]


def reordering(markers: list[str], draw: random.Random) -> list[str]:
    """Neighbours change places."""
    shuffled = list(markers)
    for i in range(0, len(shuffled) - 1, 2):
        shuffled[i], shuffled[i + 1] = shuffled[i + 1], shuffled[i]
    return shuffled


def folding(markers: list[str], draw: random.Random) -> list[str]:
    """Case, punctuation and white space are lost."""
    return ["".join(c for c in m.upper() if c.isalnum() or c == " ") for m in markers]


def invented(markers: list[str], draw: random.Random) -> list[str]:
    """After every third marker one that stands nowhere."""
    return [m for i, marker in enumerate(markers) for m in ([marker, "zwq xjv kpl hgf dtr"] if i % 3 == 0 else [marker])]


def everything(markers: list[str], draw: random.Random) -> list[str]:
    """All four ways to spoil them, one after the other."""
    for spoil in (typos, paraphrase, repeats, reordering):
        markers = spoil(markers, draw)
    return markers


def borrowed(markers: list[str], draw: random.Random) -> list[str]:
    """After every third marker one of a sentence of another document, which `measure` puts in the place of FOREIGN."""
    return [m for i, marker in enumerate(markers) for m in ([marker, FOREIGN] if i % 3 == 0 else [marker])]


KINDS: dict[str, Callable[[list[str], random.Random], list[str]]] = {
    each.__name__: each for each in (clean, folding, typos, paraphrase, repeats, reordering, invented, borrowed, everything)
}


def half(text: str) -> str:
    """develop or report: the side a document is on, whatever file it comes in."""
    return "develop" if hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=1).digest()[0] % 2 else "report"


def measure(texts: list[str], kind: str, seed: int) -> dict[str, object]:
    """Boundary precision, recall and F1 (documents that fell back to paragraphs aside), shares of statuses, coverage, time."""
    draw, hits, found_n, true_n, fell = random.Random(seed), 0, 0, 0, 0
    statuses, covered, seconds = Counter[str](), 0, 0.0
    for n, text in enumerate(texts):
        starts = sentence_starts(text)
        true = sorted(draw.sample(starts[1:], min(max(len(starts) // 4, 1), 12)))
        markers = KINDS[kind]([head(text, start) for start in [0, *true]], draw)
        foreign = [head(texts[n - 1], start) for start in sentence_starts(texts[n - 1])[1:]]
        markers = [draw.choice(foreign) if marker == FOREIGN else marker for marker in markers]
        began = time.perf_counter()
        found = align(text, markers)
        seconds += time.perf_counter() - began
        covered += "".join(text[s.start : s.end] for s in found) == text
        statuses.update(s.status for s in found)
        if found[0].status == "fallback":
            fell += 1
            continue
        cuts = {s.start for s in found} - {0}
        hits, found_n, true_n = hits + len(cuts & set(true)), found_n + len(cuts), true_n + len(true)
    precision, recall = hits / max(found_n, 1), hits / max(true_n, 1)
    share = {status: round(n / statuses.total(), 4) for status, n in sorted(statuses.items())}
    return {"precision": round(precision, 4), "recall": round(recall, 4), "f1": round(2 * precision * recall / max(precision + recall, 1e-9), 4),
            "fallback_documents": fell, "coverage": covered / len(texts), "statuses": share, "ms_per_document": round(1000 * seconds / len(texts), 2)}  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.alignment", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="Parquet file with a column text")
    parser.add_argument("--n", type=int, default=500, help="documents (default 500)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--half", choices=("develop", "report"), default="report", help="of the documents, by the hash of their text: those the aligner was tried on, or those kept for the figures (default)")
    parser.add_argument("--max-chars", type=int, default=12000, help="longer documents are passed over: a chunk is no longer")
    given = parser.parse_args()
    texts = [t for t in pq.read_table(given.data, columns=["text"])["text"].to_pylist() if t and len(t) <= given.max_chars and half(t) == given.half]
    texts = [t for t in random.Random(given.seed).sample(texts, min(len(texts), 4 * given.n)) if len(sentence_starts(t)) >= 4][: given.n]
    figures = {kind: measure(texts, kind, given.seed) for kind in KINDS}
    for kind, row in figures.items():
        print(f"{kind:<12} F1 {row['f1']:.4f}  precision {row['precision']:.4f}  recall {row['recall']:.4f}  coverage {row['coverage']:.3f}  {row['statuses']}")
    print(json.dumps({"documents": len(texts), "chinese": sum(map(is_chinese, texts)), "seed": given.seed, "kinds": figures}, ensure_ascii=False))


if __name__ == "__main__":
    main()
