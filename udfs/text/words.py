"""Words of documents and their kinds.

Chinese documents are cut by a dictionary (udfs/text/chinese_words.py). Others are cut at white space and
punctuation (udfs/text/tokens.py) and at every character of an unspaced script (Kana, Thai).
benchmarks/rule_parity.md has how often a decision differs from that with spaCy's or jieba's own words.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import Hashes, Offsets, compiled, frozen
from gristmill.udfs.text.chars import ALPHA, HAN, PUNCT, SYMBOL, TERMINAL, UNSPACED, Chars, span_hash
from gristmill.udfs.text.tokens import cut_words

# Least share of Han among the letters of a Chinese document. Of 56,000 labelled
# documents 2 English ones have more and 41 Chinese ones less (36 of these none at all).
HAN_PERCENT = 8

# What a word is (bits).
IS_WORD = 1  # some character is no symbol
IS_ALPHABETIC = 2
IS_PUNCT = 4  # nothing but punctuation
IS_END = 8  # one mark that ends a sentence

STOP_WORDS_EN = "the be to of and that have with".split()  # Gopher, table A1 (arXiv 2112.11446)
STOP_WORDS_ZH = tuple("的年在月是和日了於·為有被人中为他與後也而由")  # FineWeb-2, cmn_Hani


@dataclass(frozen=True)
class Words:
    """Words of a slice: `[starts, stops)` in code points of the slice, hash, kind (bits IS_*).

    Document i has the words from `ends[i]` to `ends[i + 1]`.
    """

    starts: npt.NDArray[np.int64]
    stops: npt.NDArray[np.int64]
    hashes: Hashes
    kinds: npt.NDArray[np.uint8]
    ends: Offsets


@compiled
def _kinds(flags, prefix, powers, starts, stops):  # type: ignore[no-untyped-def]
    """Hash and kind of each span."""
    # the flags of a word's characters, joined by or and by and, answer all four questions
    n = len(starts)
    hashes = np.empty(n, np.uint64)
    kinds = np.zeros(n, np.uint8)
    for w in range(n):
        a, b = starts[w], stops[w]
        hashes[w] = prefix[b] - prefix[a] * powers[b - a]
        any_of, all_of = np.uint32(0), np.uint32(0xFFFFFFFF)
        for i in range(a, b):
            any_of |= flags[i]
            all_of &= flags[i]
        kind = 0
        if not all_of & np.uint32(SYMBOL):
            kind |= IS_WORD
        if any_of & np.uint32(ALPHA):
            kind |= IS_ALPHABETIC
        if all_of & np.uint32(PUNCT):
            kind |= IS_PUNCT
        if b - a == 1 and all_of & np.uint32(TERMINAL):
            kind |= IS_END
        kinds[w] = kind
    return hashes, kinds


def as_words(
    chars: Chars, starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64], ends: Offsets
) -> Words:
    """Words from spans that are known already, for example of another tokenizer."""
    hashes, kinds = _kinds(chars.flags, chars.prefix, chars.powers, starts, stops)
    return Words(starts, stops, hashes, kinds, ends)


@compiled
def _mostly_han(flags, ends, percent):  # type: ignore[no-untyped-def]
    is_han = np.zeros(len(ends) - 1, np.bool_)
    for row in range(len(ends) - 1):
        letters, han, unspaced = 0, 0, 0
        for i in range(ends[row], ends[row + 1]):
            f = flags[i]
            letters += (f & np.uint32(ALPHA | HAN)) != 0
            han += (f & np.uint32(HAN)) != 0
            unspaced += (f & np.uint32(UNSPACED)) != 0
        # in integers: a division could differ in its last bit at the threshold
        is_han[row] = han > 0 and 100 * han >= percent * letters and 2 * han > unspaced
    return is_han


def are_chinese(chars: Chars) -> npt.NDArray[np.bool_]:
    """Whether each document is cut as Chinese; bool of shape (documents,).

    It is, if at least HAN_PERCENT of its letters are Han and it has more Han than Kana, Thai and the like.
    The script decides and not the language model, which takes Chinese documents full of code for English:
    that alone moved 1 % of the decisions on Chinese documents (benchmarks/rule_parity.md). So no measure
    depends on the model.
    """
    return np.asarray(_mostly_han(chars.flags, chars.ends, HAN_PERCENT))


def find_words(chars: Chars, chinese: npt.NDArray[np.bool_] | None = None) -> Words:
    """All words of a slice. `chinese`: which documents are cut as Chinese, by default `are_chinese`.

    Raises ModuleNotFoundError when one is and jieba is not installed.
    """
    return as_words(chars, *cut_words(chars, are_chinese(chars) if chinese is None else chinese))


@compiled
def _count(starts, stops, hashes, kinds, ends, stop_words, n_english):  # type: ignore[no-untyped-def]
    rows = len(ends) - 1
    counts = np.zeros((rows, 6), np.int64)
    for row in range(rows):
        # a bit for each stop word, as different ones count: 8 English and 22 Chinese fit 64 bits
        seen = np.uint64(0)
        for w in range(ends[row], ends[row + 1]):
            kind = kinds[w]
            length = stops[w] - starts[w]
            if kind & IS_WORD:
                counts[row, 1] += 1
                counts[row, 2] += length
            if kind & IS_ALPHABETIC:
                counts[row, 3] += 1
            # no stop word has more than four letters: longer words need no comparison
            if length == 1 or (2 <= length <= 4 and kind & IS_ALPHABETIC):
                for k in range(len(stop_words)):
                    if hashes[w] == stop_words[k]:
                        seen |= np.uint64(1) << np.uint64(k)
        counts[row, 0] = ends[row + 1] - ends[row]
        for k in range(len(stop_words)):
            if seen >> np.uint64(k) & np.uint64(1):
                counts[row, 4 if k < n_english else 5] += 1
    return counts


def count_words(words: Words) -> npt.NDArray[np.int64]:
    """Counts of shape (documents, 6), int64: tokens, words, code points of words, tokens with a letter,
    distinct English stop words, distinct Chinese stop words."""
    stop_words = frozen(np.array([span_hash(word) for word in (*STOP_WORDS_EN, *STOP_WORDS_ZH)], np.uint64))
    counts = _count(
        words.starts, words.stops, words.hashes, words.kinds, words.ends, stop_words, len(STOP_WORDS_EN)
    )
    return np.asarray(counts)
