"""Measures of the form of a page: brackets, addresses, plain characters, paragraphs about cookies.

They are what NeMo Curator's heuristic filters count (NVIDIA-NeMo/Curator 1e2e427,
heuristic_filter_english_pipeline.yaml), which Nemotron-CC applies to documents of low quality (arXiv
2412.02595).
"""

import string
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import compiled, frozen
from gristmill.udfs.rules.phrases import find_phrases
from gristmill.udfs.text.chars import ALPHA, SPACE, Chars

# Of these, a paragraph that has one is about the site. The last three are the openings of whole notices.
POLICY = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "privacy overview",
    "use of cookies",
    "use cookies",
    "privacy & cookies policy",
    "privacy and cookies policy",
    "necessary cookies are absolutely essential for the website",
    "any cookies that may not be particularly necessary for the website",
    "if you continue to browse this site without changing your cookie settings",
)
LOREM = "lorem ipsum"
# bits of an ASCII character
_PLAIN, _BRACKET, _IN_URL, _HEX = 1, 2, 4, 8


@lru_cache(maxsize=1)
def _kinds() -> npt.NDArray[np.uint8]:
    """The bits of the ASCII characters; uint8 of shape (128,)."""
    table = np.zeros(128, np.uint8)
    letters_and_digits = string.ascii_letters + string.digits
    for chars, bit in (
        (letters_and_digits + "\n?!,.", _PLAIN),
        ("()[]{}", _BRACKET),
        # what may stand in an address besides %XX: RFC 3986 without a few marks
        (letters_and_digits + "$-_@.&+/:=?#~!*(),", _IN_URL),
        (string.hexdigits, _HEX),
    ):
        table[[ord(char) for char in chars]] |= np.uint8(bit)
    return frozen(table)


@compiled
def _url_end(points, kinds, i, stop):  # type: ignore[no-untyped-def]
    """Where an address that begins at `i` ends; `i` where none does."""
    # http:// or https://, in lower case, and at least one character
    at = i
    for c in (104, 116, 116, 112):
        if at >= stop or points[at] != c:
            return i
        at += 1
    at += at < stop and points[at] == 115
    for c in (58, 47, 47):
        if at >= stop or points[at] != c:
            return i
        at += 1
    first = at
    while at < stop:
        c = points[at]
        # 37 %: two hexadecimal digits follow
        if c == 37:
            if at + 2 >= stop or points[at + 1] >= 128 or points[at + 2] >= 128:
                break
            if not kinds[points[at + 1]] & kinds[points[at + 2]] & _HEX:
                break
            at += 3
        elif c < 128 and kinds[c] & _IN_URL:
            at += 1
        else:
            break
    return at if at > first else i


@compiled
def _count(points, flags, ends, kinds):  # type: ignore[no-untyped-def]
    rows = len(ends) - 1
    counts = np.zeros((rows, 6), np.int64)
    for row in range(rows):
        plain, brackets, in_urls, longest, width = 0, 0, 0, 0, 0
        pieces, alphabetic, has_letter = 0, 0, False
        url_end = ends[row]
        for i in range(ends[row], ends[row + 1]):
            c = points[i]
            if c < 128:
                kind = kinds[c]
                plain += kind & _PLAIN
                brackets += (kind & _BRACKET) >> 1
            else:
                # the angle brackets of mathematics
                brackets += c == 0x27E8 or c == 0x27E9
            if flags[i] & np.uint32(SPACE):
                longest = max(longest, width)
                alphabetic += has_letter
                width, has_letter = 0, False
            else:
                pieces += width == 0
                width += 1
                has_letter = has_letter or (flags[i] & np.uint32(ALPHA)) != 0
            if c == 104 and i >= url_end:
                end = _url_end(points, kinds, i, ends[row + 1])
                in_urls += end - i
                url_end = max(url_end, end)
        counts[row] = plain, brackets, in_urls, max(longest, width), pieces, alphabetic + has_letter
    return counts


@compiled
def _paragraphs(points, ends):  # type: ignore[no-untyped-def]
    """Starts of the pieces between two newlines (as str.split gives them, empty ones too), and the ends."""
    starts = np.empty(len(points) // 2 + len(ends), np.int64)
    counts = np.zeros(len(ends), np.int64)
    n = 0
    for row in range(len(ends) - 1):
        starts[n] = ends[row]
        n += 1
        i = ends[row]
        while i + 1 < ends[row + 1]:
            if points[i] == 10 and points[i + 1] == 10:
                starts[n] = i + 2
                n += 1
                i += 1
            i += 1
        counts[row + 1] = n
    return starts[:n], counts


def count_page(chars: Chars) -> npt.NDArray[np.int64]:
    """Counts of shape (documents, 8), int64.

    Plain characters (ASCII letters and digits, newlines, `?!,.`); brackets; characters of addresses;
    characters of the longest piece between white space; pieces; pieces with a letter; paragraphs; those of
    them that have one of POLICY, or all of them where the document says lorem ipsum.
    """
    counts = _count(chars.points, chars.flags, chars.ends, _kinds())
    starts, ends = _paragraphs(chars.points, chars.ends)
    hits, _, which = find_phrases(chars, (*POLICY, LOREM), ignores_case=True)
    drafts, hits = hits[which == len(POLICY)], hits[which < len(POLICY)]
    is_policy = np.zeros(len(starts), bool)
    is_policy[np.searchsorted(starts, hits, side="right") - 1] = True
    policy = np.diff(np.concatenate([[0], np.cumsum(is_policy)])[ends])
    is_draft = np.diff(np.searchsorted(drafts, chars.ends)) > 0
    n = np.diff(ends)
    both = [n, np.where(is_draft, n, policy)]
    return np.concatenate([counts, np.stack(both, axis=1)], axis=1)
