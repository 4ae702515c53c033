"""Lines and paragraphs: how they end, how long they are, and which of them C4's rules drop.

The peers cut lines in four ways, and each rule keeps its own: all of Python's line breaks (Gopher quality,
C4), runs of "\\n" (Gopher repetition), single "\\n" without blank lines (FineWeb), and blank lines between
paragraphs.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import Offsets, compiled, frozen
from gristmill.udfs.text.chars import BREAK, SPACE, TERMINAL, Chars
from gristmill.udfs.text.words import IS_END, IS_PUNCT, Words

ANY_BREAK, NEWLINES, NOT_BLANK, PARAGRAPHS = range(4)
KEPT, LONG_WORD, NO_TERMINAL, FEW_WORDS, JAVASCRIPT, POLICY = range(6)
DROP_REASONS = ("", "too_long_word", "no_terminal_punctuation", "too_few_words", "javascript", "policy")
# C4 (jmlr.org/papers/v21/20-074), words split at white space
MIN_LINE_WORDS = 3
MAX_WORD_CHARS = 1000  # C4's code, code points
SHORT_LINE_CHARS = 30  # FineWeb (arXiv 2406.17557), code points
LONG_PARAGRAPH_CHARS = 200  # mC4's code, code points
# C4's code: a line that says this is about the site. Then what makes a page a draft. Each begins with two
# letters of a to z.
_PHRASES = (
    "javascript",
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
    "lorem ipsum",
)
_CITATIONS = ("edit]", "citation needed]")


def _flat(phrases: tuple[str, ...]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    ends = np.cumsum([0, *map(len, phrases)])
    return frozen(np.array([ord(char) for phrase in phrases for char in phrase], np.uint32)), frozen(ends)


@lru_cache(maxsize=1)
def _begins(phrases: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Which two letters (row and column, a is 0) begin a phrase."""
    table = np.zeros((26, 26), bool)
    for phrase in phrases:
        table[ord(phrase[0]) - 97, ord(phrase[1]) - 97] = True
    return frozen(table)


@dataclass(frozen=True)
class Spans:
    """Pieces `[starts, stops)` in code points of the slice and each document's run of them."""

    starts: npt.NDArray[np.int64]
    stops: npt.NDArray[np.int64]
    ends: Offsets


@compiled
def _split(points, flags, ends, how):  # type: ignore[no-untyped-def]
    rows = len(ends) - 1
    starts = np.empty(len(points) + rows, np.int64)
    stops = np.empty(len(points) + rows, np.int64)
    counts = np.zeros(rows + 1, np.int64)
    n = 0
    for row in range(rows):
        i, stop = ends[row], ends[row + 1]
        if how == PARAGRAPHS:
            while i < stop and flags[i] & np.uint32(SPACE):
                i += 1
            while stop > i and flags[stop - 1] & np.uint32(SPACE):
                stop -= 1
        first = i
        while True:
            if how == ANY_BREAK:
                while i < stop and not flags[i] & np.uint32(BREAK):
                    i += 1
            else:
                while i < stop and points[i] != 10:
                    i += 1
            width = 1
            if how == ANY_BREAK:
                width += i + 1 < stop and points[i] == 13 and points[i + 1] == 10
            elif how != NOT_BLANK:
                while i + width < stop and points[i + width] == 10:
                    width += 1
            if how == PARAGRAPHS and width == 1 and i < stop:
                i += 1
                continue
            wanted = how != ANY_BREAK or i < stop or first < stop  # no line follows the last break
            if how == NOT_BLANK:
                k = first
                while k < i and flags[k] & np.uint32(SPACE):
                    k += 1
                wanted = k < i
            if wanted:
                starts[n], stops[n] = first, i
                n += 1
            if i >= stop:
                break
            i += width
            first = i
        counts[row + 1] = n
    return starts[:n], stops[:n], counts


def split(chars: Chars, how: int) -> Spans:
    """Cut documents as `how` says: ANY_BREAK is str.splitlines, NEWLINES re.split("\\n+"), NOT_BLANK
    str.split("\\n") without blank lines, PARAGRAPHS re.split("\\n{2,}") of the stripped text."""
    return Spans(*_split(chars.points, chars.flags, chars.ends, how))


@compiled
def _shapes(points, flags, starts, stops, ends):  # type: ignore[no-untyped-def]
    """Of Python's lines: how many, the longest, those that begin with a bullet, those that end with an
    ellipsis."""
    rows = len(ends) - 1
    found = np.zeros((rows, 4), np.int64)
    for row in range(rows):
        found[row, 0] = ends[row + 1] - ends[row]
        for line in range(ends[row], ends[row + 1]):
            a, b = starts[line], stops[line]
            found[row, 1] = max(found[row, 1], b - a)
            while a < b and flags[a] & np.uint32(SPACE):
                a += 1
            while b > a and flags[b - 1] & np.uint32(SPACE):
                b -= 1
            if a == b:
                continue
            found[row, 2] += points[a] == 0x2022 or points[a] == 45
            found[row, 3] += points[b - 1] == 0x2026 or (
                b - a > 2 and points[b - 1] == 46 and points[b - 2] == 46 and points[b - 3] == 46
            )
    return found


@compiled
def _endings(flags, starts, stops, ends, short):  # type: ignore[no-untyped-def]
    """Of FineWeb's lines: how many, those that end a sentence, short ones."""
    rows = len(ends) - 1
    found = np.zeros((rows, 3), np.int64)
    for row in range(rows):
        found[row, 0] = ends[row + 1] - ends[row]
        for line in range(ends[row], ends[row + 1]):
            found[row, 1] += (flags[stops[line] - 1] & np.uint32(TERMINAL)) != 0
            found[row, 2] += stops[line] - starts[line] <= short
    return found


def line_shapes(chars: Chars, lines: Spans) -> npt.NDArray[np.int64]:
    """A row a document: lines, code points of the longest, lines beginning with a bullet, lines ending
    with an ellipsis."""
    return np.asarray(_shapes(chars.points, chars.flags, lines.starts, lines.stops, lines.ends))


def line_endings(chars: Chars, lines: Spans) -> npt.NDArray[np.int64]:
    """A row a document: lines that are not blank, those that end a sentence, those of at most 30 code
    points."""
    return np.asarray(_endings(chars.flags, lines.starts, lines.stops, lines.ends, SHORT_LINE_CHARS))


@compiled
def _citation_before(points, phrases, cuts, a, b):  # type: ignore[no-untyped-def]
    """Where the citation that ends at `b` begins ([1], [], [edit], [citation needed]); b when there is
    none."""
    if b - a < 2 or points[b - 1] != 93:
        return b
    i = b - 2
    while i >= a and points[i] - np.uint32(48) < np.uint32(10):
        i -= 1
    if i >= a and points[i] == 91:
        return i
    for p in range(len(cuts) - 1):
        length = cuts[p + 1] - cuts[p]
        if b - length - 1 < a or points[b - length - 1] != 91:
            continue
        same = True
        for k in range(length):
            same = same and points[b - length + k] == phrases[cuts[p] + k]
        if same:
            return b - length - 1
    return b


@compiled
def _ends_a_sentence(points, phrases, cuts, a, b):  # type: ignore[no-untyped-def]
    """Whether `[a, b)` without citations ends with . ? ! " or ', but not with three full stops."""
    last = np.zeros(3, np.uint32)
    n = 0
    while n < 3 and b > a:
        cut = _citation_before(points, phrases, cuts, a, b)
        if cut < b:
            b = cut
            continue
        b -= 1
        last[n] = points[b]
        n += 1
    c = last[0]
    if not (c == 46 or c == 63 or c == 33 or c == 34 or c == 39):
        return False
    return not (c == 46 and last[1] == 46 and last[2] == 46)


@compiled
def _says(points, phrases, cuts, begins, a, b):  # type: ignore[no-untyped-def]
    """Which phrases stand in `[a, b)`, whatever their case (a bit each), and a higher bit for a curly
    bracket."""
    found = np.uint32(0)
    for i in range(a, b):
        c = points[i]
        if c == 123:
            found |= np.uint32(1) << np.uint32(len(cuts) - 1)
        first = (c | np.uint32(32)) - np.uint32(97)
        if first >= np.uint32(26) or i + 1 >= b:
            continue
        second = (points[i + 1] | np.uint32(32)) - np.uint32(97)
        if second >= np.uint32(26) or not begins[first, second]:
            continue
        c |= np.uint32(32)
        for p in range(len(cuts) - 1):
            length = cuts[p + 1] - cuts[p]
            if phrases[cuts[p]] != c or i + length > b:
                continue
            same = True
            for k in range(length):
                d = points[i + k]
                if d - np.uint32(65) < np.uint32(26):
                    d |= np.uint32(32)
                elif d == 0x212A:  # the sign of Kelvin is a k in lower case
                    d = np.uint32(107)
                if d != phrases[cuts[p] + k]:
                    same = False
                    break
            if same:
                found |= np.uint32(1) << np.uint32(p)
    return found


@compiled
def _sentences(starts, stops, kinds, first, stop_at):  # type: ignore[no-untyped-def]
    """Sentences of the words from `first` that begin before the code point `stop_at`, and the next word."""
    count, ended = 0, False
    w = first
    while w < len(starts) and starts[w] < stop_at:
        if count == 0:
            count = 1
        if kinds[w] & IS_END:
            ended = True
        elif ended and not kinds[w] & IS_PUNCT:
            count += 1
            ended = False
        w += 1
    return count, w


@compiled
def _c4(  # type: ignore[no-untyped-def]
    points,
    flags,
    starts,
    stops,
    ends,
    phrases,
    cuts,
    begins,
    cited,
    cited_cuts,
    w_starts,
    w_stops,
    w_kinds,
    w_ends,
    least,
    longest,
):  # type: ignore[no-untyped-def]
    rows = len(ends) - 1
    reasons = np.zeros(len(starts), np.uint8)
    found = np.zeros((rows, 6), np.int64)
    n_phrases = len(cuts) - 1
    for row in range(rows):
        word = w_ends[row]
        for line in range(ends[row], ends[row + 1]):
            a, b = starts[line], stops[line]
            n_sentences, word = _sentences(w_starts, w_stops, w_kinds, word, b)
            n_words, widest, width = 0, 0, 0
            for i in range(a, b):
                if flags[i] & np.uint32(SPACE):
                    width = 0
                else:
                    n_words += width == 0
                    width += 1
                    widest = max(widest, width)
            while b > a and flags[b - 1] & np.uint32(SPACE):
                b -= 1
            if widest > longest:
                reasons[line] = LONG_WORD
                continue
            terminal = _ends_a_sentence(points, cited, cited_cuts, a, b)
            if not terminal:
                reasons[line] = NO_TERMINAL
            if n_words < least:
                reasons[line] = FEW_WORDS if terminal else NO_TERMINAL
                continue
            says = _says(points, phrases, cuts, begins, a, b)
            lorem = says >> np.uint32(n_phrases - 1) & np.uint32(1)
            javascript = says & np.uint32(1)
            curly = says >> np.uint32(n_phrases) & np.uint32(1) and not javascript
            policy = says & np.uint32((1 << (n_phrases - 1)) - 2)
            if terminal and (javascript or policy):
                reasons[line] = JAVASCRIPT if javascript else POLICY
            kept = not (javascript or policy)
            found[row, 3] += n_sentences if kept else 0
            found[row, 4] |= np.int64(lorem)
            found[row, 5] |= np.int64(curly)
            if terminal:
                found[row, 0] += n_sentences if kept else 0
                found[row, 1] |= np.int64(lorem)
                found[row, 2] |= np.int64(curly)
    return reasons, found


def judge_lines(
    chars: Chars, lines: Spans, words: Words
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """C4's verdict on each of Python's lines (see DROP_REASONS), and a row a document: sentences on the lines
    that stay, whether one of the lines that reach that rule says lorem ipsum, or has a curly bracket; then
    the same three without the rule that a line must end a sentence, as FineWeb uses C4."""
    phrases, cuts = _flat(_PHRASES)
    cited, cited_cuts = _flat(_CITATIONS)
    reasons, found = _c4(
        chars.points,
        chars.flags,
        lines.starts,
        lines.stops,
        lines.ends,
        phrases,
        cuts,
        _begins(_PHRASES),
        cited,
        cited_cuts,
        words.starts,
        words.stops,
        words.kinds,
        words.ends,
        MIN_LINE_WORDS,
        MAX_WORD_CHARS,
    )
    return np.asarray(reasons), np.asarray(found)
