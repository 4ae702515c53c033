"""Sentences that MADLAD-400 calls questionable by its rules 2 and 5 (arXiv 2309.04662, section 2.3 and its
appendix), as OLMo 3 counts them (allenai/datamap-rs f771794, madlad400_sentence_annotator).

Rule 2, list case: more than half of the words begin with a capital, in a sentence of twelve words or more.
Rule 5, cursed strings: the sentence has one of a list that an audit found on pages that are no text.
"""

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import compiled
from gristmill.udfs.rules.phrases import find_phrases
from gristmill.udfs.text.chars import ALPHA, DIGIT, LOWER, SPACE, UNSPACED, UPPER, Chars

LIST_CASE_WORDS = 12  # words of a sentence that may be a list; MADLAD-400, and the code
# MADLAD-400's cursed strings that OLMo 3's code can find. Seven more of its list are regular expressions
# there (`\|\s*$`, ` nr\.$`, `Vol\.`, ` Ep\.`, ` г\.\s*$`, ` кг\.\s*$`, ` шт\.`), which that code looks for
# letter by letter, so that no text has them; they are left out here.
CURSED = (
    " №",
    "\ufffd\ufffd\ufffd",
    "aute irure dolor ",
    " sunt in culpa qui ",
    "orem ipsum ",
    " quis nostrud ",
    " adipisicing ",
    " dolore eu ",
    " cupidatat ",
    "autem vel eum",
    "wisi enim ad",
    " sex ",
    " porn ",
    "黄色电影",
    "mp3",
    "ownload",
    "Episode",
    "Develop",
    "Facebook",
    " crusher ",
    " xxx ",
)
# The last four of the list are regular expressions in that code, too: nine groups of a space and three
# characters, of a space and four, of a space and one that is no space; and four of two characters and a
# comma.
_GROUPS = 9


@compiled
def _split(points, flags, ends):  # type: ignore[no-untyped-def]
    """Starts, stops and ends by document of the sentences that are not blank."""
    rows = len(ends) - 1
    starts = np.empty(len(points) + rows, np.int64)
    stops = np.empty(len(points) + rows, np.int64)
    counts = np.zeros(rows + 1, np.int64)
    n = 0
    for row in range(rows):
        i, last = ends[row], ends[row + 1]
        first, has_text = i, False
        while i <= last:
            at, width = i, 0
            if i < last:
                # 46 full stop, 33 !, 63 ?; 0x3002, 0xFF01 and 0xFF1F are the Chinese ones
                while at < last and (points[at] == 46 or points[at] == 33 or points[at] == 63):
                    at += 1
                if at > i:
                    k = at
                    while k < last and flags[k] & np.uint32(SPACE):
                        k += 1
                    # behind a Latin mark a sentence ends only before white space: 3.5, example.org
                    width = k - i if k > at else 0
                else:
                    while at < last and (
                        points[at] == 0x3002 or points[at] == 0xFF01 or points[at] == 0xFF1F
                    ):
                        at += 1
                    width = at - i
            if i == last or width > 0:
                if has_text:
                    starts[n], stops[n] = first, i
                    n += 1
                if i == last:
                    break
                i += width
                first, has_text = i, False
                continue
            # a run of marks that ends no sentence is passed as a whole, or `....` would be read four times
            step = max(at - i, 1)
            has_text = has_text or not flags[i] & np.uint32(SPACE)
            i += step
        counts[row + 1] = n
    return starts[:n], stops[:n], counts


@compiled
def _is_list(points, flags, a, b, least):  # type: ignore[no-untyped-def]
    """Whether more than half of at least `least` words of `[a, b)` begin with a capital."""
    # most sentences have too few capitals anywhere, which is seen sooner than where words begin
    capitals = 0
    for i in range(a, b):
        capitals += (flags[i] & np.uint32(ALPHA | UPPER | LOWER)) == np.uint32(ALPHA | UPPER)
    if 2 * capitals <= least:
        return False
    words, capitals = 0, 0
    i = a
    while i < b:
        f = flags[i]
        if not f & np.uint32(ALPHA | DIGIT):
            i += 1
            continue
        words += 1
        capitals += (f & np.uint32(ALPHA | UPPER | LOWER)) == np.uint32(ALPHA | UPPER)
        i += 1
        # a letter of a script without spaces is a word
        if f & np.uint32(UNSPACED):
            continue
        while i < b:
            c, g = points[i], flags[i]
            inner = (g & np.uint32(ALPHA | DIGIT)) != 0 and not g & np.uint32(UNSPACED)
            # Unicode's words (UAX 29): _, soft hyphens and marks above a letter join (0x300 is the
            # first mark); between two letters or digits so do ' ’ . and, by kind, : or , ;
            inner = inner or c == 95 or c == 0xAD or (c >= 0x300 and g == 0)
            if not inner and i + 1 < b:
                before, after = flags[i - 1], flags[i + 1]
                letters = before & after & np.uint32(ALPHA) and not after & np.uint32(UNSPACED)
                digits = before & after & np.uint32(DIGIT)
                inner = (c == 39 or c == 0x2019 or c == 46) and (letters or digits)
                inner = inner or (letters and (c == 58 or c == 0xB7)) or (digits and (c == 44 or c == 59))
            if not inner:
                break
            i += 1
    return words >= least and 2 * capitals > words


@compiled
def _has_groups(points, a, b, groups):  # type: ignore[no-untyped-def]
    """Whether `[a, b)` has one of the four patterns of `_GROUPS`."""
    for i in range(a, b):
        if points[i] == 32:
            for width in (1, 3, 4):
                # the second group first: most spaces have no other one so near
                if i + groups * (width + 1) > b or points[i + width + 1] != 32:
                    continue
                same = True
                for k in range(groups):
                    at = i + k * (width + 1)
                    if points[at] != 32:
                        same = False
                        break
                    for j in range(at + 1, at + 1 + width):
                        # of one character: no space; of more: no newline
                        same = same and (points[j] != 32 if width == 1 else points[j] != 10)
                    if not same:
                        break
                if same:
                    return True
        elif points[i] == 44:
            at, n = i + 1, 0
            # a space, any two characters but a newline, one comma or two; four times
            while n < 4 and at + 3 < b and points[at] == 32 and points[at + 3] == 44:
                if points[at + 1] == 10 or points[at + 2] == 10:
                    break
                n += 1
                at += 4
                at += at < b and points[at] == 44
            if n == 4:
                return True
    return False


@compiled
def _question(points, flags, starts, stops, least, groups):  # type: ignore[no-untyped-def]
    """Whether each sentence is a list, and whether it has a pattern; bool of shape (sentences, 2)."""
    found = np.zeros((len(starts), 2), np.bool_)
    for i in range(len(starts)):
        found[i, 0] = _is_list(points, flags, starts[i], stops[i], least)
        found[i, 1] = _has_groups(points, starts[i], stops[i], groups)
    return found


def count_sentences(chars: Chars) -> npt.NDArray[np.int64]:
    """Sentences, those in list case, those with a cursed string, those with either; int64, (documents, 4).

        "Download it now. The mill is old and grey."  ->  2, 0, 1, 1

    A sentence ends at a run of `.`, `!` and `?` before white space, as in OLMo 3's code, and at the Chinese
    marks, which that code does not know.
    """
    starts, stops, ends = _split(chars.points, chars.flags, chars.ends)
    found = _question(chars.points, chars.flags, starts, stops, LIST_CASE_WORDS, _GROUPS)
    hits, hit_stops, _ = find_phrases(chars, CURSED, ignores_case=False)
    # the sentence that begins last before a string has it, if it ends behind it
    of = np.searchsorted(starts, hits, side="right") - 1
    is_inside = (of >= 0) & (hit_stops <= stops[of]) if len(starts) else np.zeros(len(hits), bool)
    is_cursed = found[:, 1]
    is_cursed[of[is_inside]] = True
    flagged = np.stack([np.ones(len(starts), bool), found[:, 0], is_cursed, found[:, 0] | is_cursed], axis=1)
    sums = np.concatenate([np.zeros((1, 4), np.int64), np.cumsum(flagged, axis=0, dtype=np.int64)])
    counts: npt.NDArray[np.int64] = np.diff(sums[ends], axis=0)
    return counts
