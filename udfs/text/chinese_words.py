"""Chinese words as jieba finds them, compiled: the likeliest path through its dictionary, and its hidden
Markov model for the rest.

FineWeb-2 measured its thresholds for Chinese on jieba's words (github.com/fxsjy/jieba, MIT), so a word here
is a word there; only its data is read, from the installed package, which is not imported.
"""

import importlib.util
import math
import pickle
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import Hashes, compiled, frozen
from gristmill.udfs.text.chars import MULTIPLIER, SCATTER, SPACE, Chars

FIRST_HAN, LAST_HAN = 0x4E00, 0x9FD5  # the characters that jieba takes for Han
_NEVER = -3.14e100  # its logarithm of 0
# in alphabetical order, because of two equal paths jieba takes the later letter
_BEGIN, _END, _MIDDLE, _SINGLE = range(4)
# seats; twice as many as the dictionary has words and beginnings of words
_SIZE = 1 << 20
# a sieve that fits the cache: most pairs of characters begin no word, and need no look at the table
_PAIR_BITS = 1 << 22


@compiled
def _read_dictionary(data, keys, freqs, lengths):  # type: ignore[no-untyped-def]
    """Seat every word and every beginning of one (`word count tag` a line); returns the sum of the
    counts and the seats taken."""
    mask = np.uint64(len(keys) - 1)
    total, taken, at, n = 0, 0, 0, len(data)
    while at < n:
        start, key, seat, length = at, np.uint64(0), np.uint64(0), 0
        while at < n and data[at] != 32 and data[at] != 10:
            lead = np.uint32(data[at])
            width = 1 if lead < 0x80 else (2 if lead < 0xE0 else (3 if lead < 0xF0 else 4))
            point = lead if width == 1 else lead & np.uint32(0x7F >> width)
            for k in range(1, width):
                point = point << np.uint32(6) | (np.uint32(data[at + k]) & np.uint32(0x3F))
            at += width
            length += 1
            key = key * np.uint64(MULTIPLIER) + np.uint64(point) + np.uint64(1)
            seat = ((key * np.uint64(SCATTER)) >> np.uint64(40)) & mask
            while keys[seat] and keys[seat] != key:
                seat = (seat + np.uint64(1)) & mask
            if not keys[seat]:
                keys[seat] = key
                lengths[seat] = min(length, 3)
                taken += 1
        count = 0
        if at > start and at < n and data[at] == 32:
            at += 1
            while at < n and 48 <= data[at] < 58:
                count = count * 10 + data[at] - 48
                at += 1
            freqs[seat] = count
            total += count
        while at < n and data[at] != 10:
            at += 1
        at += 1
    return total, taken


@compiled
def _weigh(keys, freqs, total, lengths):  # type: ignore[no-untyped-def]
    """The logarithm of each word's share (0 for what only begins a word), and the sieve of first pairs."""
    weights = np.zeros(len(keys), np.float64)
    pairs = np.zeros(_PAIR_BITS >> 3, np.uint8)
    for seat in range(len(keys)):
        if freqs[seat]:
            weights[seat] = math.log(freqs[seat]) - math.log(total)
        if lengths[seat] == 2:
            bit = (keys[seat] * np.uint64(SCATTER)) >> np.uint64(42)
            pairs[bit >> np.uint64(3)] |= np.uint8(1) << np.uint8(bit & np.uint64(7))
    return weights, pairs


@lru_cache(maxsize=1)
def dictionary() -> tuple[Hashes, npt.NDArray[np.float64], npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """jieba's words by hash, the logarithm of their share, the sieve of pairs, and the logarithm of each
    character on its own.

    Raises ModuleNotFoundError when jieba is not installed.
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
    # jieba gives a character that is no word the count 1; when it begins words it stands alone only for want
    # of a longer one, which the opposite sign says here
    alone = np.full(LAST_HAN + 1, -math.log(total))
    for point in range(len(alone)):
        seat = _seat(keys, np.uint64(point + 1))
        if seat >= 0:
            alone[point] = weights[seat] if weights[seat] < 0 else math.log(total)
    return frozen(keys), frozen(weights), frozen(pairs), frozen(alone)


@lru_cache(maxsize=1)
def markov_model() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Log probabilities: of the first state, from state to state, and of each Han character in each state."""
    folder = _package() / "finalseg"
    start, step, emit = (
        pickle.loads((folder / f"prob_{name}.p").read_bytes()) for name in ("start", "trans", "emit")
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
    """Whether jieba looks for words around this character: Han, ASCII letters and digits, and + # & .

    _ % -
    """
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
def _seat(keys, key):  # type: ignore[no-untyped-def]
    """Where a word or beginning sits; -1 when it is neither."""
    mask = np.uint64(len(keys) - 1)
    seat = ((key * np.uint64(SCATTER)) >> np.uint64(40)) & mask
    while keys[seat]:
        if keys[seat] == key:
            return np.int64(seat)
        seat = (seat + np.uint64(1)) & mask
    return np.int64(-1)


@compiled
def _mark_unknown_han(points, a, b, marks, first, step, emit, back):  # type: ignore[no-untyped-def]
    """Cut Han characters `[a, b)` by the likeliest states (Viterbi); `back` is scratch, a row a character."""
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
    state = _END if score[_END] > score[_SINGLE] else _SINGLE
    for t in range(b - 1, a - 1, -1):
        marks[t] = state == _BEGIN or state == _SINGLE
        if t > a:
            state = np.int64(back[t - a, state])  # type: ignore[assignment]
    marks[a] = True


@compiled
def _mark_unknown(points, a, b, marks, first, step, emit, back):  # type: ignore[no-untyped-def]
    """Cut what the dictionary left in single characters: Han by the model, then letters and digits
    (1.5%) and the rest."""
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
                    seat = _seat(keys, key)
                    if seat < 0:
                        break
                    # of two equal paths jieba takes the longer word
                    if weights[seat] < 0 and (bound or weights[seat] + best[m + 1] >= best[k]):
                        bound = False
                        best[k] = weights[seat] + best[m + 1]
                        nexts[k] = m + 1
            if len(back) < i - a:
                back = np.empty((2 * (i - a), 4), np.int8)
            k = a
            while k < i:
                if nexts[k] - k > 1:
                    marks[k] = True
                    k = nexts[k]
                    continue
                begin, key, seat = k, np.uint64(0), np.int64(0)
                while k < i and nexts[k] - k == 1:
                    if seat >= 0:
                        key = key * np.uint64(MULTIPLIER) + np.uint64(points[k]) + np.uint64(1)
                        seat = _seat(keys, key)
                    k += 1
                if k - begin == 1:
                    marks[begin] = True
                elif seat >= 0 and weights[seat] < 0:  # a word whose characters are likelier alone
                    marks[begin:k] = True
                else:
                    _mark_unknown(points, begin, k, marks, first, step, emit, back)
    return marks


def mark_words(chars: Chars, chinese: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Where words begin in the documents that are `chinese`.

    One entry a code point and one more; white space has none.
    """
    keys, weights, pairs, alone = dictionary()
    first, step, emit = markov_model()
    return np.asarray(
        _mark(chars.points, chars.flags, chars.ends, chinese, keys, weights, pairs, alone, first, step, emit)
    )
