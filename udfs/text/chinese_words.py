"""Chinese words as jieba finds them (github.com/fxsjy/jieba, MIT), compiled.

They are the likeliest path through jieba's dictionary, and its hidden Markov model for the rest. FineWeb-2
measured its thresholds for Chinese on jieba's words, so these must be the same: all 210,053 words of 209
documents are (benchmarks/rule_parity.md). Only jieba's data is read, from the installed package, which is not
imported.
"""

import ast
import importlib.util
import math
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import Hashes, compiled, frozen
from gristmill.udfs.text.chars import MULTIPLIER, SCATTER, SPACE, Chars

FIRST_HAN, LAST_HAN = 0x4E00, 0x9FD5  # the characters that jieba takes for Han
_NEVER = -3.14e100  # jieba's logarithm of 0
# states of the model, in alphabetical order of their
# letters: of two equal paths jieba takes the later letter
_BEGIN, _END, _MIDDLE, _SINGLE = range(4)
# slots of the table; twice as many as the dictionary has words and prefixes of words
_SIZE = 1 << 20
# Bits of a filter (one hash function) over the first two characters of
# all words. It fits the processor's cache; most pairs of neighbouring
# characters begin no word and need no access to the table.
_PAIR_BITS = 1 << 22


@compiled
def _read_dictionary(data, keys, freqs, lengths):  # type: ignore[no-untyped-def]
    """Enter every word and every prefix of one into the table (`word count tag` a line).

    Returns the sum of the counts and the number of slots in use.
    """
    mask = np.uint64(len(keys) - 1)
    total, taken, at, n = 0, 0, 0, len(data)
    while at < n:
        start, key, slot, length = at, np.uint64(0), np.uint64(0), 0
        while at < n and data[at] != 32 and data[at] != 10:
            lead = np.uint32(data[at])
            width = 1 if lead < 0x80 else (2 if lead < 0xE0 else (3 if lead < 0xF0 else 4))
            point = lead if width == 1 else lead & np.uint32(0x7F >> width)
            for k in range(1, width):
                point = point << np.uint32(6) | (np.uint32(data[at + k]) & np.uint32(0x3F))
            at += width
            length += 1
            # every prefix gets a slot with the frequency 0,
            # so a search can stop where no word continues
            key = key * np.uint64(MULTIPLIER) + np.uint64(point) + np.uint64(1)
            slot = ((key * np.uint64(SCATTER)) >> np.uint64(40)) & mask
            while keys[slot] and keys[slot] != key:
                slot = (slot + np.uint64(1)) & mask
            if not keys[slot]:
                keys[slot] = key
                lengths[slot] = min(length, 3)
                taken += 1
        # the line's count belongs to the last slot, that of the whole word
        count = 0
        if at > start and at < n and data[at] == 32:
            at += 1
            while at < n and 48 <= data[at] < 58:
                count = count * 10 + data[at] - 48
                at += 1
            freqs[slot] = count
            total += count
        while at < n and data[at] != 10:
            at += 1
        at += 1
    return total, taken


@compiled
def _weigh(keys, freqs, total, lengths):  # type: ignore[no-untyped-def]
    """Log probability of each word (0: only a prefix), and the filter of the first two characters."""
    weights = np.zeros(len(keys), np.float64)
    pairs = np.zeros(_PAIR_BITS >> 3, np.uint8)
    for slot in range(len(keys)):
        if freqs[slot]:
            weights[slot] = math.log(freqs[slot]) - math.log(total)
        if lengths[slot] == 2:
            bit = (keys[slot] * np.uint64(SCATTER)) >> np.uint64(42)
            pairs[bit >> np.uint64(3)] |= np.uint8(1) << np.uint8(bit & np.uint64(7))
    return weights, pairs


@lru_cache(maxsize=1)
def dictionary() -> tuple[Hashes, npt.NDArray[np.float64], npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """Hashes of jieba's words and prefixes, their log probabilities, the filter of pairs, and the log
    probability of each character by itself.

    Raises ModuleNotFoundError when jieba is not installed, ValueError when its dictionary is damaged.
    """
    data = np.frombuffer((_package() / "dict.txt").read_bytes(), np.uint8)
    keys, freqs, lengths = np.zeros(_SIZE, np.uint64), np.zeros(_SIZE, np.int64), np.zeros(_SIZE, np.uint8)
    total, taken = _read_dictionary(data, keys, freqs, lengths)
    if not 0 < taken < _SIZE * 3 // 4:
        raise ValueError(
            f"{_package() / 'dict.txt'} has {taken} beginnings of words, expected up to {_SIZE * 3 // 4}: "
            "reinstall jieba 0.42.1"
        )
    weights, pairs = _weigh(keys, freqs, total, lengths)
    # jieba gives a character that is no word the count 1. If such a
    # character begins words, jieba takes it by itself only where no longer
    # word fits; the sign marks these, and `_mark` uses the absolute value.
    alone = np.full(LAST_HAN + 1, -math.log(total))
    for point in range(len(alone)):
        slot = _slot(keys, np.uint64(point + 1))
        if slot >= 0:
            alone[point] = weights[slot] if weights[slot] < 0 else math.log(total)
    return frozen(keys), frozen(weights), frozen(pairs), frozen(alone)


@lru_cache(maxsize=1)
def markov_model() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Log probabilities of jieba's hidden Markov model over the states B, E, M, S.

    Of the first state, shape (4,); from state to state, (4, 4); of each Han character in each state,
    (4, characters). Raises ModuleNotFoundError when jieba is not installed.
    """
    folder = _package() / "finalseg"
    # Modules with one dictionary, `P = {...}`; the same as a pickle lies beside each, and stays closed.
    start, step, emit = (
        ast.literal_eval((folder / f"prob_{name}.py").read_text("utf-8").partition("=")[2].strip())
        for name in ("start", "trans", "emit")
    )
    letters = "BEMS"
    starts = np.array([start[letter] for letter in letters])
    steps = np.array([[step[a].get(b, _NEVER) for b in letters] for a in letters])
    emits = np.full((4, LAST_HAN - FIRST_HAN + 1), _NEVER)
    for row, letter in enumerate(letters):
        for char, value in emit[letter].items():
            if FIRST_HAN <= ord(char) <= LAST_HAN:
                emits[row, ord(char) - FIRST_HAN] = value
    return frozen(starts), frozen(steps), frozen(emits)


@lru_cache(maxsize=1)
def _package() -> Path:
    spec = importlib.util.find_spec("jieba")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "Chinese words need the dictionary of jieba, which is not installed: pip install jieba==0.42.1",
            name="jieba",
        )
    return Path(next(iter(spec.submodule_search_locations)))


@compiled
def _in_block(point):  # type: ignore[no-untyped-def]
    """Whether jieba searches for words around this character: Han, ASCII letters and digits, + # & . _ % -"""
    # jieba's own regular expression re_han_default
    if FIRST_HAN <= point <= LAST_HAN:
        return True
    if point >= 128:
        return False
    letter = (point | np.uint32(32)) - np.uint32(97) < np.uint32(26) or point - np.uint32(48) < np.uint32(10)
    return (
        letter
        or point == 43
        or point == 35
        or point == 38
        or point == 46
        or point == 95
        or point == 37
        or point == 45
    )


@compiled
def _slot(keys, key):  # type: ignore[no-untyped-def]
    """Slot of a word or prefix of a word; -1 when it is neither."""
    mask = np.uint64(len(keys) - 1)
    slot = ((key * np.uint64(SCATTER)) >> np.uint64(40)) & mask
    while keys[slot]:
        if keys[slot] == key:
            return np.int64(slot)
        slot = (slot + np.uint64(1)) & mask
    return np.int64(-1)


@compiled
def _mark_unknown_han(points, a, b, marks, first, step, emit, back):  # type: ignore[no-untyped-def]
    """Cut Han characters `[a, b)` by the likeliest states (Viterbi); `back` is scratch, a row a character."""
    # forward: the best score of each state at each character, and the state before it
    score = np.empty(4, np.float64)
    following = np.empty(4, np.float64)
    for y in range(4):
        score[y] = first[y] + emit[y, points[a] - np.uint32(FIRST_HAN)]
    for t in range(a + 1, b):
        for y in range(4):
            # only ends precede a beginning or a single, only beginnings and middles the rest
            p, q = (_END, _SINGLE) if y == _BEGIN or y == _SINGLE else (_BEGIN, _MIDDLE)
            e = emit[y, points[t] - np.uint32(FIRST_HAN)]
            one, two = score[p] + step[p, y] + e, score[q] + step[q, y] + e
            following[y] = max(one, two)
            back[t - a, y] = p if one > two else q
        score[:] = following
    # backward: a word is over with its end or a single
    # character, so the last state is one of the two
    state = _END if score[_END] > score[_SINGLE] else _SINGLE
    for t in range(b - 1, a - 1, -1):
        marks[t] = state == _BEGIN or state == _SINGLE
        if t > a:
            state = np.int64(back[t - a, state])  # type: ignore[assignment]
    marks[a] = True


@compiled
def _mark_unknown(points, a, b, marks, first, step, emit, back):  # type: ignore[no-untyped-def]
    """Cut a stretch `[a, b)` of which the dictionary knows no word: Han by the model, then letters, digits
    and numbers (1.5%), and the rest as one piece."""
    i = a
    while i < b:
        start = i
        if FIRST_HAN <= points[i] <= LAST_HAN:
            while i < b and FIRST_HAN <= points[i] <= LAST_HAN:
                i += 1
            _mark_unknown_han(points, start, i, marks, first, step, emit, back)
            continue
        marks[i] = True
        if _is_alnum(points[i]):
            while i < b and _is_alnum(points[i]):
                i += 1
            if i + 1 < b and points[i] == 46 and points[i + 1] - np.uint32(48) < np.uint32(10):
                i += 1
                while i < b and points[i] - np.uint32(48) < np.uint32(10):
                    i += 1
            if i < b and points[i] == 37:
                i += 1
            continue
        while i < b and not _is_alnum(points[i]) and not FIRST_HAN <= points[i] <= LAST_HAN:
            i += 1


@compiled
def _is_alnum(point):  # type: ignore[no-untyped-def]
    return (point | np.uint32(32)) - np.uint32(97) < np.uint32(26) or point - np.uint32(48) < np.uint32(10)


@compiled
def _mark(  # type: ignore[no-untyped-def]
    points, flags, ends, chinese, keys, weights, pairs, alone, first, step, emit
):
    n = len(points)
    marks = np.zeros(n + 1, np.bool_)
    # scratch of all documents: best log probability from
    # each character to the block's end, next word's start
    best = np.empty(n + 1, np.float64)
    nexts = np.empty(n + 1, np.int64)
    back = np.empty((1, 4), np.int8)
    for row in range(len(ends) - 1):
        if not chinese[row]:
            continue
        i, stop = ends[row], ends[row + 1]
        while i < stop:
            a = i
            while i < stop and _in_block(points[i]):
                i += 1
            if i == a:
                marks[i] = not flags[i] & np.uint32(SPACE)
                i += 1
                continue
            # Phase 1, from the end of the block to its start: the likeliest path of dictionary
            # words. Words are tried by extending the key of a prefix, until no word continues.
            best[i] = 0.0
            for k in range(i - 1, a - 1, -1):
                best[k] = -abs(alone[points[k]]) + best[k + 1]
                nexts[k] = k + 1
                bound = alone[points[k]] > 0
                key = np.uint64(points[k]) + np.uint64(1)
                for m in range(k + 1, i):
                    key = key * np.uint64(MULTIPLIER) + np.uint64(points[m]) + np.uint64(1)
                    if m == k + 1:
                        bit = (key * np.uint64(SCATTER)) >> np.uint64(42)
                        if not pairs[bit >> np.uint64(3)] >> np.uint8(bit & np.uint64(7)) & np.uint8(1):
                            break
                    slot = _slot(keys, key)
                    if slot < 0:
                        break
                    # of two equal paths jieba takes the longer word
                    if weights[slot] < 0 and (bound or weights[slot] + best[m + 1] >= best[k]):
                        bound = False
                        best[k] = weights[slot] + best[m + 1]
                        nexts[k] = m + 1
            # Phase 2, forward along the path: runs of single characters may be words
            # that are not in the dictionary, and go to the model as one stretch.
            if len(back) < i - a:
                back = np.empty((2 * (i - a), 4), np.int8)
            k = a
            while k < i:
                if nexts[k] - k > 1:
                    marks[k] = True
                    k = nexts[k]
                    continue
                begin, key, slot = k, np.uint64(0), np.int64(0)
                while k < i and nexts[k] - k == 1:
                    if slot >= 0:
                        key = key * np.uint64(MULTIPLIER) + np.uint64(points[k]) + np.uint64(1)
                        slot = _slot(keys, key)
                    k += 1
                if k - begin == 1:
                    marks[begin] = True
                # a word of the dictionary whose characters are
                # likelier by themselves: jieba leaves it cut
                elif slot >= 0 and weights[slot] < 0:
                    marks[begin:k] = True
                else:
                    _mark_unknown(points, begin, k, marks, first, step, emit, back)
    return marks


def mark_words(chars: Chars, chinese: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether a word begins at each code point of the documents that are `chinese`; bool of shape (n + 1,).

        "水车很老"  ->  true, false, true, true, false

    `chinese`: bool, one a document. White space begins no word; other documents have no marks at all.
    Raises ModuleNotFoundError when jieba is not installed.
    """
    keys, weights, pairs, alone = dictionary()
    first, step, emit = markov_model()
    return np.asarray(
        _mark(chars.points, chars.flags, chars.ends, chinese, keys, weights, pairs, alone, first, step, emit)
    )
