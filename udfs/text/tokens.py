"""Tokens of texts as spaCy's English tokenizer cuts them: one kernel for all documents of a slice.

    "(Don't go!)"  ->  ( Do n't go ! )

A stretch between white space loses prefixes and suffixes, one at a time, until the rest is a special word or
loses nothing more. Then it is a web address, or infixes cut it. This is the order of spaCy's tokenizer. The
thresholds of Gopher and FineWeb hold for its words, as datatrove counts them. Its rules are written here
anew, over flags of code points.
"""

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import Offsets, compiled, frozen
from gristmill.udfs.text.chars import (
    AFFIX,
    ALPHA,
    CURRENCY,
    HAN,
    ICON,
    LOWER,
    QUOTE,
    SCATTER,
    SPACE,
    UNSPACED,
    UPPER,
    Chars,
)
from gristmill.udfs.text.chinese_words import mark_words
from gristmill.udfs.text.english_specials import LONGEST, UNIT, special_table

# Signs @ in a stretch behind which a host is looked for: an address
# has one, and a stretch of thousands would take quadratic time.
MAX_ATS = 8
DOT, COMMA, COLON, QUESTION, SLASH, BAR, HYPHEN, LOW_LINE, PLUS, STAR, CARET, TILDE = map(ord, ".,:?/|-_+*^~")
LESS, GREATER, EQUALS, NUMBER, AT, PERCENT, DOLLAR, SECTION, SQUARED = map(ord, "<>=#@%$§²")
APOSTROPHE, RIGHT_QUOTE, EN_DASH, EM_DASH, ELLIPSIS = map(ord, "'’–—…")
A, C, S, U, SMALL_S = map(ord, "ACSUs")


# of ASCII alone: the subtraction of unsigned integers wraps, so one comparison checks both bounds
@compiled
def _is_digit(point):  # type: ignore[no-untyped-def]
    return point - np.uint32(48) < np.uint32(10)


@compiled
def _special(prefix, powers, keys, cuts, a, b):  # type: ignore[no-untyped-def]
    """Index of `[a, b)` in the table of specials; -1 when it is none."""
    if b - a > LONGEST:
        return -1
    key = prefix[b] - prefix[a] * powers[b - a]
    mask = np.uint64(len(keys) - 1)
    at = ((key * np.uint64(SCATTER)) >> np.uint64(40)) & mask
    while keys[at]:
        if keys[at] == key:
            return np.int64(at) if cuts[at, 0] != UNIT else -1
        at = (at + np.uint64(1)) & mask
    return -1


@compiled
def _unit(points, prefix, powers, keys, cuts, a, b):  # type: ignore[no-untyped-def]
    """Length of the unit behind a digit with which `[a, b)` ends; 0 for none."""
    # units have one to four characters; the digit before decides where one begins
    mask = np.uint64(len(keys) - 1)
    for length in range(4, 0, -1):
        i = b - length
        if i - 1 < a or not _is_digit(points[i - 1]):
            continue
        # the key of the unit with a NUL character before it, under which the table has units
        key = prefix[b] - prefix[i] * powers[length] + powers[length]
        at = ((key * np.uint64(SCATTER)) >> np.uint64(40)) & mask
        while keys[at]:
            if keys[at] == key:
                return length if cuts[at, 0] == UNIT else 0
            at = (at + np.uint64(1)) & mask
    return 0


@compiled
def _prefix_length(points, flags, a, b):  # type: ignore[no-untyped-def]
    """Code points of the prefix that is split off the start of `[a, b)`; 0 for none."""
    first = points[a]
    # an ellipsis comes off, a single full stop does not: .5
    if first == DOT:
        i = a
        while i < b and points[i] == DOT:
            i += 1
        return i - a if i - a > 1 else 0
    if flags[a] & np.uint32(AFFIX | ICON | CURRENCY):
        return 1
    if first == PERCENT or first == EQUALS or first == SECTION:
        return 1
    # the sign of a number is part of it
    if first == PLUS:
        return 0 if a + 1 < b and _is_digit(points[a + 1]) else 1
    # currencies: C$, A$, US$
    if first == C or first == A:
        return 2 if a + 1 < b and points[a + 1] == DOLLAR else 0
    if first == U:
        return 3 if a + 2 < b and points[a + 1] == S and points[a + 2] == DOLLAR else 0
    return 0


@compiled
def _suffix_length(points, flags, prefix, powers, keys, cuts, a, b):  # type: ignore[no-untyped-def]
    """Code points of the suffix that is split off the end of `[a, b)`; 0 for none."""
    last = points[b - 1]
    before = points[b - 2] if b - a > 1 else np.uint32(0)
    flags_before = flags[b - 2] if b - a > 1 else np.uint32(0)
    if last == DOT:
        i = b
        while i > a and points[i - 1] == DOT:
            i -= 1
        if b - i > 1:
            return b - i
        # A full stop comes off behind what cannot be an abbreviation: a mark, a digit,
        # a small letter, two capitals. Behind one capital it is that of an initial.
        if flags_before & np.uint32(AFFIX) and before != EM_DASH and before != EN_DASH:
            return 1
        if _is_digit(before) or flags_before & np.uint32(LOWER):
            return 1
        if before == PERCENT or before == SQUARED or before == HYPHEN or before == PLUS or before == BAR:
            return 1
        if flags_before & np.uint32(UPPER) and b - a > 2 and flags[b - 3] & np.uint32(UPPER):
            return 1
        return 0
    # the possessive 's
    if (last == SMALL_S or last == S) and (before == APOSTROPHE or before == RIGHT_QUOTE):
        return 2
    if flags[b - 1] & np.uint32(AFFIX | ICON):
        return 1
    if b - a > 1:
        digit = _is_digit(before)
        if digit and (last == PLUS or flags[b - 1] & np.uint32(CURRENCY)):
            return 1
        return _unit(points, prefix, powers, keys, cuts, a, b)
    return 0


@compiled
def _is_host(points, flags, a, b):  # type: ignore[no-untyped-def]
    """Whether `[a, b)` is a host with an optional port and path: example.org:8000/path."""
    # the end of the host's name, then a port of two to five digits, then a path, query or fragment
    e = a
    while (
        e < b and points[e] != COLON and points[e] != SLASH and points[e] != QUESTION and points[e] != NUMBER
    ):
        e += 1
    i = e
    if i < b and points[i] == COLON:
        i += 1
        digits = 0
        while i < b and _is_digit(points[i]):
            i += 1
            digits += 1
        if digits < 2 or digits > 5:
            return False
    if i < b and not (points[i] == SLASH or points[i] == QUESTION or points[i] == NUMBER):
        return False
    # labels: up to 64 letters and digits, with hyphens and
    # underscores inside; an empty one makes it no host
    labels, start, numbers = 0, a, 0
    for k in range(a, e + 1):
        if k < e and points[k] != DOT:
            continue
        if k == start or k - start > 64:
            return False
        if k == e:
            break
        all_digits = True
        for j in range(start, k):
            c = points[j]
            word = _is_digit(c) or (c | np.uint32(32)) - np.uint32(97) < np.uint32(26) or 0xA1 <= c <= 0xFFFF
            all_digits = all_digits and _is_digit(c)
            if not (word or (j > start and j < k - 1 and (c == HYPHEN or c == LOW_LINE))):
                return False
        numbers += all_digits
        labels += 1
        start = k + 1
    if labels == 0:
        return False
    # three dots between numbers: an IPv4 address, of which only public ones are addresses here
    if labels == 3 and numbers == 3:
        return _is_public(points, a, e)
    if e - start < 2:
        return False
    # A top-level domain in small letters. `end.The` is two sentences without a space between them.
    lower = True
    for j in range(start, e):
        lower = lower and flags[j] & np.uint32(LOWER) != 0
    return lower


@compiled
def _is_public(points, a, b):  # type: ignore[no-untyped-def]
    """Whether `[a, b)` is an IPv4 address that is neither private nor local."""
    octets = np.zeros(4, np.int64)
    n = 0
    for i in range(a, b):
        if points[i] == DOT:
            n += 1
        elif _is_digit(points[i]) and octets[n] < 256:
            octets[n] = octets[n] * 10 + points[i] - 48
        else:
            return False
    first, second = octets[0], octets[1]
    if (
        first == 10
        or first == 127
        or (first == 169 and second == 254)
        or (first == 192 and second == 168)
        or (first == 172 and 16 <= second < 32)
    ):
        return False
    return 0 < first < 224 and second < 256 and octets[2] < 256 and 0 < octets[3] < 255


@compiled
def _join(prefix, powers, keys, cuts, starts, stops, first, n):  # type: ignore[no-untyped-def]
    """Join neighbouring pieces `[first, n)` of one stretch where they spell a special: ) and : to ):

    Returns the number of words after that.
    """
    # Prefixes and suffixes come off one character at a time and so
    # cut emoticons, none of which has more than five characters.
    out, w = first, first
    while w < n:
        starts[out], stops[out] = starts[w], stops[w]
        taken = 1
        if stops[w] - starts[w] <= 3:
            for k in range(min(n - w, 5), 1, -1):
                if stops[w + k - 1] - starts[w] > 5:
                    continue
                special = _special(prefix, powers, keys, cuts, starts[w], stops[w + k - 1])
                if special >= 0 and not cuts[special, 1]:
                    stops[out] = stops[w + k - 1]
                    taken = k
                    break
        w += taken
        out += 1
    return out


@compiled
def _is_address(points, flags, a, b):  # type: ignore[no-untyped-def]
    """Whether `[a, b)` is a web or mail address."""
    # the scheme's end is found in the same pass as the counts that rule out most stretches
    dots, ats, scheme = 0, 0, -1
    for i in range(a, b):
        c = points[i]
        if c == DOT:
            dots += 1
        elif c == AT:
            ats += 1
        elif (
            c == COLON
            and scheme < 0
            and i + 2 < b
            and points[i + 1] == SLASH
            and points[i + 2] == SLASH
            and i - a > 1
        ):
            scheme = i + 3
    if dots == 0:
        return False
    if scheme > 0:
        for i in range(a, scheme - 3):
            c = points[i]
            if not (
                flags[i] & np.uint32(ALPHA)
                or _is_digit(c)
                or c == LOW_LINE
                or c == PLUS
                or c == HYPHEN
                or c == DOT
            ):
                scheme = -1
                break
    first = scheme if scheme > 0 else a
    if _is_host(points, flags, first, b):
        return True
    if 0 < ats <= MAX_ATS:
        for i in range(first + 1, b):
            if points[i] == AT and _is_host(points, flags, i + 1, b):
                return True
    return False


@compiled
def _infix_length(points, flags, i, a, b):  # type: ignore[no-untyped-def]
    """Code points of the infix at `i` that cuts the word `[a, b)` in two; 0 for none."""
    c = points[i]
    f = flags[i]
    if f & np.uint32(ALPHA) or _is_digit(c):
        return 0
    if f & np.uint32(ICON) or c == ELLIPSIS:
        return 1
    if c == DOT:
        k = i
        while k < b and points[k] == DOT:
            k += 1
        if k - i > 1:
            return k - i
    # all other infixes need a character on both sides
    if i == a or i + 1 >= b:
        return 0
    before, after = flags[i - 1], flags[i + 1]
    if c == DOT:
        return 1 if before & np.uint32(LOWER | QUOTE) and after & np.uint32(UPPER | QUOTE) else 0
    digit_before = _is_digit(points[i - 1])
    # between numbers: 3-4, 2*3, 2^-1
    sign = c == PLUS or c == HYPHEN or c == STAR or c == CARET
    if sign and digit_before and (_is_digit(points[i + 1]) or points[i + 1] == HYPHEN):
        return 1
    if c == COLON or c == LESS or c == GREATER or c == EQUALS or c == SLASH:
        return 1 if after & np.uint32(ALPHA) and (before & np.uint32(ALPHA) or digit_before) else 0
    if c == COMMA:
        return 1 if before & after & np.uint32(ALPHA) else 0
    # hyphens and dashes between words; -- and —— are one infix
    if not (before & np.uint32(ALPHA) or digit_before):
        return 0
    if c == HYPHEN or c == EN_DASH or c == EM_DASH or c == TILDE:
        k = i + 1
        while k < b and points[k] == c and k - i < 3:
            k += 1
        length = k - i
        if (
            k < b
            and flags[k] & np.uint32(ALPHA)
            and (length == 1 or c == HYPHEN or (c == EM_DASH and length == 2))
        ):
            return length
    return 0


@compiled
def _cut(points, flags, prefix, powers, ends, keys, cuts, is_chinese, marks):  # type: ignore[no-untyped-def]
    """Starts and stops of all words, and the number of words up to the end of each document."""
    # no document has more words than code points, so the arrays never grow
    rows = len(ends) - 1
    starts = np.empty(len(points), np.int64)
    stops = np.empty(len(points), np.int64)
    counts = np.zeros(rows + 1, np.int64)
    # starts of the suffixes of the present stretch, the outermost first
    tails = np.empty(len(points) + 1, np.int64)
    n = 0
    for row in range(rows):
        i, stop = ends[row], ends[row + 1]
        while i < stop:
            if flags[i] & np.uint32(SPACE):
                i += 1
                continue
            # Chinese documents: a word lasts to the next mark of jieba. In other
            # documents each character of an unspaced script but Han is a word of its own.
            a = i
            if is_chinese[row] or flags[i] & np.uint32(UNSPACED | HAN) == np.uint32(UNSPACED):
                i += 1
                while is_chinese[row] and i < stop and not marks[i] and not flags[i] & np.uint32(SPACE):
                    i += 1
                starts[n], stops[n] = a, i
                n += 1
                continue
            # a stretch to the next white space or unspaced character;
            # `plain`: letters alone, so nothing to split off
            plain = True
            while (
                i < stop
                and not flags[i] & np.uint32(SPACE)
                and flags[i] & np.uint32(UNSPACED | HAN) != np.uint32(UNSPACED)
            ):
                plain = plain and flags[i] & np.uint32(ALPHA)
                i += 1
            b = i
            # Phase 1: prefixes and suffixes come off until the rest is a special word
            edge, before = b, n
            n_tails = 0
            special = _special(prefix, powers, keys, cuts, a, b)
            while special < 0 and not plain and a < b:
                head = _prefix_length(points, flags, a, b)
                if head:
                    if a + head < b:
                        special = _special(prefix, powers, keys, cuts, a + head, b)
                    if special >= 0 or a + head == b:
                        starts[n], stops[n] = a, a + head
                        n += 1
                        a += head
                        break
                tail = (
                    _suffix_length(points, flags, prefix, powers, keys, cuts, a + head, b)
                    if a + head < b
                    else 0
                )
                if tail and b - tail > a:
                    special = _special(prefix, powers, keys, cuts, a, b - tail)
                    if special >= 0:
                        b -= tail
                        tails[n_tails] = b
                        n_tails += 1
                        break
                if head == 0 and tail == 0:
                    break
                if head:
                    starts[n], stops[n] = a, a + head
                    n += 1
                    a += head
                if tail:
                    b -= tail
                    tails[n_tails] = b
                    n_tails += 1
                if a < b:
                    special = _special(prefix, powers, keys, cuts, a, b)
            # Phase 2: the rest is a special with its own pieces, an address, or is cut by infixes
            if special >= 0:
                for k in range(3):
                    length = np.int64(cuts[special, k])
                    if length:
                        starts[n], stops[n] = a, a + length
                        n += 1
                        a += length
            elif a < b:
                if not plain and not _is_address(points, flags, a, b):
                    k = a
                    first = a
                    while k < b:
                        length = _infix_length(points, flags, k, first, b)
                        if length and k > first:
                            if k > a:
                                starts[n], stops[n] = a, k
                                n += 1
                            starts[n], stops[n] = k, k + length
                            n += 1
                            a = k + length
                        k += max(length, 1)
                if a < b:
                    starts[n], stops[n] = a, b
                    n += 1
            # Phase 3: the suffixes, from the innermost to the
            # outermost, are words in the order of the text
            for k in range(n_tails - 1, -1, -1):
                starts[n] = tails[k]
                stops[n] = tails[k - 1] if k else edge
                n += 1
            if n - before > 1:
                n = _join(prefix, powers, keys, cuts, starts, stops, before, n)
        counts[row + 1] = n
    return starts[:n], stops[:n], counts


def cut_words(
    chars: Chars, chinese: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Offsets]:
    """(starts, stops, ends) of the words of a slice, all int64: document i has words ends[i] to ends[i + 1].

    `chinese`: bool, one a document. Those documents are cut as jieba does, all others as spaCy's English
    tokenizer does, for which Han are letters. There each character of Kana, Thai and the like is a word.
    Raises ModuleNotFoundError when a document is Chinese and jieba is not installed.
    """
    keys, cuts = special_table()
    # without a Chinese document the marks are not read, and jieba's dictionary is not loaded
    marks = mark_words(chars, chinese) if chinese.any() else np.zeros(1, np.bool_)
    return _cut(
        chars.points, chars.flags, chars.prefix, chars.powers, chars.ends, keys, cuts, frozen(chinese), marks
    )  # type: ignore[no-any-return]
