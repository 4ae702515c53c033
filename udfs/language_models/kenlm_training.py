"""Training of n-gram models on the driver: KenLM's lmplz where it is at hand, the pure-Python kaldingram
otherwise."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from gristmill.udfs.language_models.kenlm import LanguageModel, Unit, sentences


def find_lmplz() -> Path | None:
    """lmplz named by GRISTMILL_LMPLZ, beside the interpreter (`make lmplz` puts it there) or on the
    PATH; None without one."""
    beside = Path(sys.executable).with_name("lmplz")
    named = os.environ.get("GRISTMILL_LMPLZ") or (str(beside) if beside.is_file() else shutil.which("lmplz"))
    return Path(named) if named and Path(named).is_file() else None


def train(
    name: str,
    lang: str,
    unit: Unit,
    order: int,
    max_chars: int,
    texts: Iterable[str],
    log10_unk: float,
    prune: int,
) -> tuple[LanguageModel, str, int]:
    """A Kneser-Ney model of the texts, the estimator that made it, and the sentences it saw.

    `prune`: n-grams of order 3 and more that were seen no more than so often are left out (lmplz only).
    `log10_unk`: of an unknown token, where the estimator gives none. Raises ValueError when the texts hold
    nothing to count.
    """
    with tempfile.TemporaryDirectory() as home:
        corpus, arpa = Path(home) / "corpus.txt", Path(home) / "model.arpa"
        n = 0
        with corpus.open("w", encoding="utf-8", errors="replace") as out:
            for text in texts:
                for sentence in sentences(text, unit, max_chars):
                    out.write(sentence + "\n")
                    n += 1
        if not n:
            raise ValueError(f"language model {name}: no text to learn from")
        if (lmplz := find_lmplz()) is not None:
            return (
                LanguageModel(
                    name, lang, unit, order, max_chars, _with_lmplz(lmplz, corpus, arpa, order, prune)
                ),
                "lmplz",
                n,
            )
        command = [
            sys.executable,
            "-m",
            "kaldingram.cli",
            "train",
            "--ngram-order",
            str(order),
            "--text",
            str(corpus),
            "--lm",
            str(arpa),
            "--num-workers",
            "1",
        ]
        _run(command)
        return (
            LanguageModel(name, lang, unit, order, max_chars, with_unknown(arpa.read_bytes(), log10_unk)),
            "kaldingram",
            n,
        )


def _with_lmplz(lmplz: Path, corpus: Path, arpa: Path, order: int, prune: int) -> bytes:
    """lmplz, then build_binary beside it (a quantised trie, which is mapped and not read); the ARPA file
    without build_binary."""
    pruned = ["--prune", "0", "0", str(prune)] if prune and order > 2 else []
    # discount_fallback: a corpus of a few thousand lines lacks n-grams seen three times.
    _run(
        [
            str(lmplz),
            "-o",
            str(order),
            "--text",
            str(corpus),
            "--arpa",
            str(arpa),
            "-S",
            "20%",
            "--discount_fallback",
            *pruned,
        ]
    )
    builder = lmplz.with_name("build_binary")
    if not builder.is_file():
        return arpa.read_bytes()
    _run([str(builder), "-a", "22", "-q", "8", "-b", "8", "trie", str(arpa), f"{arpa}.bin"])
    return Path(f"{arpa}.bin").read_bytes()


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"{Path(command[0]).name} failed ({done.returncode}): "
            f"{(done.stderr or done.stdout).strip()[-600:]}"
        )


def with_unknown(arpa: bytes, log10_unk: float) -> bytes:
    """The ARPA file with a 1-gram `<unk>`: without one KenLM gives an unknown token log10 -100, and one
    such token decides a document."""
    if b"\t<unk>" in arpa:
        return arpa
    found = re.search(rb"ngram 1=(\d+)", arpa)
    if found is None:
        raise ValueError("not an ARPA file: no line `ngram 1=`")
    counted = arpa.replace(found.group(0), b"ngram 1=%d" % (int(found.group(1)) + 1), 1)
    return counted.replace(b"\\1-grams:\n", b"\\1-grams:\n%.6f\t<unk>\n" % log10_unk, 1)
