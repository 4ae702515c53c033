"""Letters of a text by script, which bound the languages that it can be in."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import Bytes, Offsets, compiled, frozen

LATIN, HAN, KANA, HANGUL, OTHER = range(5)
N_SCRIPTS = 5
# no letter
_NONE = 255
# ASCII is in the ranges below; all other code points are surrogates, unassigned or for private use
_ASSIGNED = (range(0x80, 0xD800), range(0xE000, 0x323B0))
_RANGES = (
    (
        LATIN,
        (
            (0x41, 0x5A),
            (0x61, 0x7A),
            (0xC0, 0xD6),
            (0xD8, 0xF6),
            (0xF8, 0x24F),
            (0x1E00, 0x1EFF),
            (0xFF21, 0xFF3A),
            (0xFF41, 0xFF5A),
        ),
    ),
    (
        HAN,
        (
            (0x2E80, 0x2FDF),
            (0x3005, 0x3007),
            (0x3105, 0x312F),
            (0x3400, 0x4DBF),
            (0x4E00, 0x9FFF),
            (0xF900, 0xFAFF),
            (0x20000, 0x323AF),
        ),
    ),
    # Without the middle dot and the mark of a long vowel, which Chinese texts use as ornaments.
    (KANA, ((0x3041, 0x3096), (0x30A1, 0x30FA), (0x31F0, 0x31FF), (0xFF66, 0xFF6F), (0xFF71, 0xFF9D))),
    (
        HANGUL,
        (
            (0x1100, 0x11FF),
            (0x3131, 0x318E),
            (0xA960, 0xA97C),
            (0xAC00, 0xD7A3),
            (0xD7B0, 0xD7FB),
            (0xFFA0, 0xFFDC),
        ),
    ),
)
# signs that Unicode counts as letters and texts of any language have
_NO_LANGUAGE = "ªºµーｰ"


@lru_cache(maxsize=1)
def script_table() -> npt.NDArray[np.uint8]:
    """Script of each code point, uint8 of shape (0x110000,); 255 for no letter. Takes .1 s, once a
    process."""
    table = np.full(0x110000, _NONE, np.uint8)
    for points in _ASSIGNED:
        table[points.start : points.stop] = [OTHER if chr(point).isalpha() else _NONE for point in points]
    # mathematical alphanumerics: letters of formulas, in no language
    table[0x1D400:0x1D800] = _NONE
    for script, ranges in _RANGES:
        for low, high in ranges:
            table[low : high + 1] = script
    for char in _NO_LANGUAGE:
        table[ord(char)] = _NONE
    return frozen(table)


@compiled
def _count(data, offsets, table, most):  # type: ignore[no-untyped-def]
    # decoded here and not by chars.read_chars: only the
    # first `most` code points of a document are needed
    rows = len(offsets) - 1
    counts = np.zeros((rows, 5), np.int64)
    for row in range(rows):
        at, stop, n = offsets[row], offsets[row + 1], 0
        while at < stop and n < most:
            lead = np.uint32(data[at])
            width = 1
            point = lead
            if lead >= 0xC0:
                width = 2 if lead < 0xE0 else (3 if lead < 0xF0 else 4)
                if at + width > stop:
                    break
                point = lead & np.uint32(0x7F >> width)
                for k in range(1, width):
                    point = point << np.uint32(6) | (np.uint32(data[at + k]) & np.uint32(0x3F))
            if point < np.uint32(0x110000) and table[point] < 5:
                counts[row, table[point]] += 1
            at += width
            n += 1
    return counts


def count_scripts(data: Bytes, offsets: Offsets, max_chars: int) -> npt.NDArray[np.int64]:
    """Letters of LATIN, HAN, KANA, HANGUL, OTHER in each document; int64 of shape (documents, 5).

        "ab 水車"  ->  2, 2, 0, 0, 0

    Documents are passed as UTF-8 bytes and offsets (see `gristmill.udfs.arrow.compiled.text_buffers`); only
    their first `max_chars` code points count.
    """
    return np.asarray(_count(data, offsets, script_table(), max_chars))
