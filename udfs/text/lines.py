"""Lines and paragraphs: their ends, their lengths, and the lines that C4's rules drop.

datatrove cuts lines in four ways, and each rule here has that of its filter: all of Python's line breaks
(Gopher quality, C4), runs of "\\n" (Gopher repetition), single "\\n" without blank lines (FineWeb), and blank
lines between paragraphs.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import Offsets, compiled, frozen
from gristmill.udfs.text.chars import BREAK, SPACE, TERMINAL, Chars
from gristmill.udfs.text.words import IS_END, IS_PUNCT, Words

# where a text is cut, see `split`
ANY_BREAK, NEWLINES, NOT_BLANK, PARAGRAPHS = range(4)
# codes of C4's rules; DROP_REASONS has the name of each at its index
KEPT, LONG_WORD, NO_TERMINAL, FEW_WORDS, JAVASCRIPT, POLICY = range(6)
DROP_REASONS = ("", "too_long_word", "no_terminal_punctuation", "too_few_words", "javascript", "policy")
# C4 (jmlr.org/papers/v21/20-074); words are separated by white space
MIN_LINE_WORDS = 3
MAX_WORD_CHARS = 1000  # C4's code, code points
SHORT_LINE_CHARS = 30  # FineWeb (arXiv 2406.17557), code points
LONG_PARAGRAPH_CHARS = 200  # mC4's code, code points
# C4's code: a line with one of the first seven is about the site and not its
# subject; the last makes a page a draft. Each begins with two letters of a to z,
# by which `_begins` filters. `_c4` knows the first and the last by their index.
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
# Wikipedia's marks behind a sentence, without their opening bracket
_CITATIONS = ("edit]", "citation needed]")


def _flat(phrases: tuple[str, ...]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    # code points of all phrases and their ends: kernels take arrays and no strings
    ends = np.cumsum([0, *map(len, phrases)])
    return frozen(np.array([ord(char) for phrase in phrases for char in phrase], np.uint32)), frozen(ends)


@lru_cache(maxsize=1)
def _begins(phrases: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Whether two letters (row and column; a is 0) begin a phrase; bool of shape (26, 26)."""
    table = np.zeros((26, 26), bool)
    for phrase in phrases:
        table[ord(phrase[0]) - 97, ord(phrase[1]) - 97] = True
    return frozen(table)


@dataclass(frozen=True)
class Spans:
    """Pieces `[starts, stops)` in code points of the slice; document i has those from ends[i] to ends[i + 1].

    All int64; with n pieces in d documents of shape (n,), (n,) and (d + 1,).
    """

    starts: npt.NDArray[np.int64]
    stops: npt.NDArray[np.int64]
    ends: Offsets


@compiled
def _split(points, flags, ends, how):  # type: ignore[no-untyped-def]
    # a document has at most one piece more than it has code points
    rows = len(ends) - 1
    starts = np.empty(len(points) + rows, np.int64)
    stops = np.empty(len(points) + rows, np.int64)
    counts = np.zeros(rows + 1, np.int64)
    n = 0
    for row in range(rows):
        i, stop = ends[row], ends[row + 1]
        # datatrove strips a text before it cuts paragraphs
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
            # code points of the break: CR LF is one, and of newlines a run is one
            width = 1
            if how == ANY_BREAK:
                width += i + 1 < stop and points[i] == 13 and points[i + 1] == 10
            elif how != NOT_BLANK:
                while i + width < stop and points[i + width] == 10:
                    width += 1
            # a single newline is within a paragraph
            if how == PARAGRAPHS and width == 1 and i < stop:
                i += 1
                continue
            # str.splitlines gives no empty line behind the last break, re.split and str.split do
            is_piece = how != ANY_BREAK or i < stop or first < stop
            if how == NOT_BLANK:
                k = first
                while k < i and flags[k] & np.uint32(SPACE):
                    k += 1
                is_piece = k < i
            if is_piece:
                starts[n], stops[n] = first, i
                n += 1
            if i >= stop:
                break
            i += width
            first = i
        counts[row + 1] = n
    return starts[:n], stops[:n], counts


def split(chars: Chars, how: int) -> Spans:
    """Cut documents into lines or paragraphs.

    `how`: ANY_BREAK is str.splitlines, NEWLINES re.split("\\n+"), NOT_BLANK str.split("\\n") without blank
    lines, PARAGRAPHS re.split("\\n{2,}") of the stripped text.

        "a\\n\\nb"  ->  ANY_BREAK "a", "", "b"   NEWLINES, NOT_BLANK, PARAGRAPHS "a", "b"
    """
    return Spans(*_split(chars.points, chars.flags, chars.ends, how))


@compiled
def _shapes(points, flags, starts, stops, ends):  # type: ignore[no-untyped-def]
    """Number, longest, beginning with a bullet, ending with an ellipsis: of Python's lines."""
    rows = len(ends) - 1
    counts = np.zeros((rows, 4), np.int64)
    for row in range(rows):
        counts[row, 0] = ends[row + 1] - ends[row]
        for line in range(ends[row], ends[row + 1]):
            a, b = starts[line], stops[line]
            counts[row, 1] = max(counts[row, 1], b - a)
            # white space around a line hides neither its bullet nor its ellipsis
            while a < b and flags[a] & np.uint32(SPACE):
                a += 1
            while b > a and flags[b - 1] & np.uint32(SPACE):
                b -= 1
            if a == b:
                continue
            counts[row, 2] += points[a] == 0x2022 or points[a] == 45
            counts[row, 3] += points[b - 1] == 0x2026 or (
                b - a > 2 and points[b - 1] == 46 and points[b - 2] == 46 and points[b - 3] == 46
            )
    return counts


@compiled
def _endings(flags, starts, stops, ends, short):  # type: ignore[no-untyped-def]
    """Number, ending a sentence, short: of FineWeb's lines, none of which is empty."""
    rows = len(ends) - 1
    counts = np.zeros((rows, 3), np.int64)
    for row in range(rows):
        counts[row, 0] = ends[row + 1] - ends[row]
        for line in range(ends[row], ends[row + 1]):
            counts[row, 1] += (flags[stops[line] - 1] & np.uint32(TERMINAL)) != 0
            counts[row, 2] += stops[line] - starts[line] <= short
    return counts


def line_shapes(chars: Chars, lines: Spans) -> npt.NDArray[np.int64]:
    """Counts of shape (documents, 4), int64: lines, code points of the longest, lines that begin with a
    bullet or hyphen, lines that end with an ellipsis."""
    return np.asarray(_shapes(chars.points, chars.flags, lines.starts, lines.stops, lines.ends))


def line_endings(chars: Chars, lines: Spans) -> npt.NDArray[np.int64]:
    """Counts of shape (documents, 3), int64: lines that are not blank, those that end a sentence, those of at
    most SHORT_LINE_CHARS code points."""
    return np.asarray(_endings(chars.flags, lines.starts, lines.stops, lines.ends, SHORT_LINE_CHARS))


@compiled
def _citation_before(points, phrases, cuts, a, b):  # type: ignore[no-untyped-def]
    """Start of a citation that ends at `b` ([1], [], [edit], [citation needed]); `b` when there is none."""
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
    # C4 removes citations anywhere in a line; here only
    # those around the last three characters matter
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
def _find_phrases(points, phrases, cuts, begins, a, b):  # type: ignore[no-untyped-def]
    """A bit for each phrase that occurs in `[a, b)` in any case, and a higher bit for a curly bracket."""
    hits = np.uint32(0)
    for i in range(a, b):
        c = points[i]
        if c == 123:
            hits |= np.uint32(1) << np.uint32(len(cuts) - 1)
        # one look-up by two letters instead of a comparison with every phrase at every letter
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
                # str.lower makes a k of the Kelvin sign
                elif d == 0x212A:
                    d = np.uint32(107)
                if d != phrases[cuts[p] + k]:
                    same = False
                    break
            if same:
                hits |= np.uint32(1) << np.uint32(p)
    return hits


@compiled
def _sentences(starts, stops, kinds, first, stop_at):  # type: ignore[no-untyped-def]
    """Sentences of the words from `first` that begin before code point `stop_at`, and the next word."""
    # a new sentence begins with the first word behind an end mark;
    # punctuation between (a closing quote) belongs to the sentence before
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
    citations,
    citation_cuts,
    w_starts,
    w_stops,
    w_kinds,
    w_ends,
    least,
    longest,
):  # type: ignore[no-untyped-def]
    rows = len(ends) - 1
    reasons = np.zeros(len(starts), np.uint8)
    # per document: columns 0 to 2 under all rules, 3 to 5 with any end of a line
    counts = np.zeros((rows, 6), np.int64)
    n_phrases = len(cuts) - 1
    for row in range(rows):
        word = w_ends[row]
        for line in range(ends[row], ends[row + 1]):
            a, b = starts[line], stops[line]
            n_sentences, word = _sentences(w_starts, w_stops, w_kinds, word, b)
            # words of this rule are separated by white space alone
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
            # The order of the rules is that of C4's code: the first that
            # applies is the line's reason. A line without an end mark is
            # searched all the same, for the counts that allow any end.
            if widest > longest:
                reasons[line] = LONG_WORD
                continue
            terminal = _ends_a_sentence(points, citations, citation_cuts, a, b)
            if not terminal:
                reasons[line] = NO_TERMINAL
            if n_words < least:
                reasons[line] = FEW_WORDS if terminal else NO_TERMINAL
                continue
            hits = _find_phrases(points, phrases, cuts, begins, a, b)
            lorem = hits >> np.uint32(n_phrases - 1) & np.uint32(1)
            javascript = hits & np.uint32(1)
            curly = hits >> np.uint32(n_phrases) & np.uint32(1) and not javascript
            policy = hits & np.uint32((1 << (n_phrases - 1)) - 2)
            if terminal and (javascript or policy):
                reasons[line] = JAVASCRIPT if javascript else POLICY
            is_kept = not (javascript or policy)
            counts[row, 3] += n_sentences if is_kept else 0
            counts[row, 4] |= np.int64(lorem)
            counts[row, 5] |= np.int64(curly)
            if terminal:
                counts[row, 0] += n_sentences if is_kept else 0
                counts[row, 1] |= np.int64(lorem)
                counts[row, 2] |= np.int64(curly)
    return reasons, counts


def apply_c4_rules(
    chars: Chars, lines: Spans, words: Words
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """C4's rules on lines: (reasons, counts).

    `lines`: of `split` with ANY_BREAK; `words`: of the same slice. `reasons`: uint8 of shape (lines,), an
    index into DROP_REASONS for each line, 0 for one that is kept. `counts`: int64 of shape (documents, 6):
    sentences on the kept lines; 1 if a line that no earlier rule drops has `lorem ipsum`; 1 if one has a
    curly bracket; then the same three without the rule that a line must end a sentence, as FineWeb uses C4.
    """
    phrases, cuts = _flat(_PHRASES)
    citations, citation_cuts = _flat(_CITATIONS)
    reasons, counts = _c4(
        chars.points,
        chars.flags,
        lines.starts,
        lines.stops,
        lines.ends,
        phrases,
        cuts,
        _begins(_PHRASES),
        citations,
        citation_cuts,
        words.starts,
        words.stops,
        words.kinds,
        words.ends,
        MIN_LINE_WORDS,
        MAX_WORD_CHARS,
    )
    return np.asarray(reasons), np.asarray(counts)
