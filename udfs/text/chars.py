"""Decoded text: code points, a word of flags for each, and prefix hashes by which spans are compared.

`read_chars` decodes a slice of documents once; all other kernels work on its arrays. The hash of characters
`[a, b)` is `prefix[b] - prefix[a] * powers[b - a]` modulo 2**64, a polynomial hash. It costs one
multiplication for a span of any length, and equal spans have equal hashes wherever they are.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gristmill.udfs.arrow.compiled import Bytes, Codes, Hashes, Offsets, compiled, frozen

SPACE = 1 << 0  # str.isspace
BREAK = 1 << 1  # str.splitlines cuts here
ALPHA = 1 << 2  # str.isalpha
DIGIT = 1 << 3  # str.isalnum, but no letter
# a token of these alone is not counted as a word (Gopher, as datatrove counts)
SYMBOL = 1 << 4
TERMINAL = 1 << 5  # ends a sentence
HAN = 1 << 6
# letters of a script that puts no spaces between words
UNSPACED = 1 << 7
LOWER = 1 << 8  # lower case, or a letter without case
UPPER = 1 << 9  # upper case, or a letter without case
AFFIX = 1 << 10  # split off at either end of a word
QUOTE = 1 << 11
# category So: each is a token of its own, in any position
ICON = 1 << 12
PUNCT = 1 << 13  # Unicode category P
CURRENCY = 1 << 14

# of the prefix hashes: 2**64 divided by the golden ratio; odd, so multiplying by it loses no bit
MULTIPLIER = 0x9E3779B97F4A7C15
# of hash tables: the hash of a short span is a small number, so
# its slot is taken from the high bits of the product with this
SCATTER = 0xD6E8FEB86659FD93

_HAN_RANGES = (
    (0x2E80, 0x2FDF),
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3038, 0x303B),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x323AF),
)
# scripts without spaces between words: Han, Thai, Lao, Myanmar, Khmer, Kana, Bopomofo
_UNSPACED_RANGES = (
    *_HAN_RANGES,
    (0x0E00, 0x0E3E),
    (0x0E40, 0x0EFF),
    (0x1000, 0x1049),
    (0x1050, 0x109D),
    (0x1780, 0x17D3),
    (0x3031, 0x3035),
    (0x3041, 0x309F),
    (0x30A1, 0x30FA),
    (0x30FC, 0x30FF),
    (0x3105, 0x312F),
    (0x31A0, 0x31BF),
    (0x31F0, 0x31FF),
    (0xA9E0, 0xA9FE),
    (0xAA60, 0xAA7F),
    (0xFF66, 0xFF9D),
    (0x1B000, 0x1B16F),
)

# Ends of sentences as FineWeb's rules have them: Unicode's
# Sentence_Terminal, and the full stops of Urdu, Khmer and Tibetan.
_TERMINAL_RANGES = (
    (0x21, 0x21),
    (0x2E, 0x2E),
    (0x3F, 0x3F),
    (0x589, 0x589),
    (0x61D, 0x61F),
    (0x6D4, 0x6D4),
    (0x700, 0x702),
    (0x7F9, 0x7F9),
    (0x837, 0x837),
    (0x839, 0x839),
    (0x83D, 0x83E),
    (0x964, 0x965),
    (0x104A, 0x104B),
    (0x1362, 0x1362),
    (0x1367, 0x1368),
    (0x166E, 0x166E),
    (0x1735, 0x1736),
    (0x17D4, 0x17D6),
    (0x17D9, 0x17DA),
    (0x1803, 0x1803),
    (0x1809, 0x1809),
    (0x1944, 0x1945),
    (0x1AA8, 0x1AAB),
    (0x1B5A, 0x1B5B),
    (0x1B5E, 0x1B5F),
    (0x1B7D, 0x1B7E),
    (0x1C3B, 0x1C3C),
    (0x1C7E, 0x1C7F),
    (0x203C, 0x203D),
    (0x2047, 0x2049),
    (0x2E2E, 0x2E2E),
    (0x2E3C, 0x2E3C),
    (0x2E53, 0x2E54),
    (0x3002, 0x3002),
    (0xA4FF, 0xA4FF),
    (0xA60E, 0xA60F),
    (0xA6F3, 0xA6F3),
    (0xA6F7, 0xA6F7),
    (0xA876, 0xA877),
    (0xA8CE, 0xA8CF),
    (0xA92F, 0xA92F),
    (0xA9C8, 0xA9C9),
    (0xAA5D, 0xAA5F),
    (0xAAF0, 0xAAF1),
    (0xABEB, 0xABEB),
    (0xFE52, 0xFE52),
    (0xFE56, 0xFE57),
    (0xFF01, 0xFF01),
    (0xFF0E, 0xFF0E),
    (0xFF1F, 0xFF1F),
    (0xFF61, 0xFF61),
    (0x10A56, 0x10A57),
    (0x10F55, 0x10F59),
    (0x10F86, 0x10F89),
    (0x11047, 0x11048),
    (0x110BE, 0x110C1),
    (0x11141, 0x11143),
    (0x111C5, 0x111C6),
    (0x111CD, 0x111CD),
    (0x111DE, 0x111DF),
    (0x11238, 0x11239),
    (0x1123B, 0x1123C),
    (0x112A9, 0x112A9),
    (0x1144B, 0x1144C),
    (0x115C2, 0x115C3),
    (0x115C9, 0x115D7),
    (0x11641, 0x11642),
    (0x1173C, 0x1173E),
    (0x11944, 0x11944),
    (0x11946, 0x11946),
    (0x11A42, 0x11A43),
    (0x11A9B, 0x11A9C),
    (0x11C41, 0x11C42),
    (0x11EF7, 0x11EF8),
    (0x11F43, 0x11F44),
    (0x16A6E, 0x16A6F),
    (0x16AF5, 0x16AF5),
    (0x16B37, 0x16B38),
    (0x16B44, 0x16B44),
    (0x16E98, 0x16E98),
    (0x1BC9F, 0x1BC9F),
    (0x1DA88, 0x1DA88),
)
# Characters that make no word in datatrove's Gopher rules: those
# above, control characters, and marks of Latin and Chinese.
_SYMBOL_RANGES = (
    (0x0, 0x8),
    (0xB, 0x1F),
    (0x21, 0x2F),
    (0x3A, 0x40),
    (0x5B, 0x60),
    (0x7B, 0x9F),
    (0xAB, 0xAB),
    (0xB4, 0xB4),
    (0xBB, 0xBB),
    (0x2013, 0x2014),
    (0x2019, 0x2019),
    (0x201C, 0x201E),
    (0x2026, 0x2026),
    (0x2236, 0x2236),
    (0x2501, 0x2501),
    (0x25BA, 0x25BA),
    (0x3001, 0x3002),
    (0x3008, 0x300D),
    (0x3010, 0x3011),
    (0xFF01, 0xFF01),
    (0xFF05, 0xFF05),
    (0xFF08, 0xFF09),
    (0xFF0C, 0xFF0C),
    (0xFF0E, 0xFF0E),
    (0xFF11, 0xFF11),
    (0xFF1A, 0xFF1B),
    (0xFF1F, 0xFF1F),
    (0xFF5E, 0xFF5E),
)
# characters that spaCy's English tokenizer splits off at either end of a word
_QUOTES = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉⟦⟧"
_AFFIXES = _QUOTES + "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪—–"
_CURRENCY = "$£€¥฿₽﷼₴₠₡₢₣₤₥₦₧₨₩₪₫₭₮₯₰₱₲₳₵₶₷₸₹₺₻₼₾₿"
_TABLE_END = 0x110000


@lru_cache(maxsize=1)
def flag_table() -> Codes:
    """The flags of all code points, uint32 of shape (0x110000,), read-only. About .25 s, once a process."""
    table = np.zeros(_TABLE_END, np.uint32)
    for low, high, flag in (
        *((low, high, HAN) for low, high in _HAN_RANGES),
        *((low, high, UNSPACED) for low, high in _UNSPACED_RANGES),
        *((low, high, TERMINAL | SYMBOL) for low, high in _TERMINAL_RANGES),
        *((low, high, SYMBOL) for low, high in _SYMBOL_RANGES),
    ):
        table[low : high + 1] |= np.uint32(flag)
    # only blocks with assigned characters, as this loop is in
    # Python: without surrogates, unused planes and private use
    for point in (*range(0xD800), *range(0xE000, 0x323B0), *range(0xE0000, 0xE0200)):
        table[point] |= _properties(chr(point))
    for chars, flag in ((_QUOTES, QUOTE), (_AFFIXES, AFFIX), (_CURRENCY, CURRENCY)):
        for char in chars:
            table[ord(char)] |= np.uint32(flag)
    # str.splitlines documents these
    for char in "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029":
        table[ord(char)] |= np.uint32(BREAK)
    return frozen(table)


def _properties(char: str) -> int:
    # Python's own predicates: the peers are Python programs, and their rules are defined by them
    if char.isspace():
        return SPACE
    if char.isalpha():
        upper, lower = char.isupper() or char.istitle(), char.islower()
        return ALPHA | (0 if upper else LOWER) | (0 if lower else UPPER)
    if char.isalnum():
        return DIGIT
    category = unicodedata.category(char)
    return {"So": ICON, "Sc": CURRENCY}.get(category, PUNCT if category[0] == "P" else 0)


@lru_cache(maxsize=32)
def _powers_upto(size: int) -> Hashes:
    powers = np.ones(size, np.uint64)
    powers[1:] = np.uint64(MULTIPLIER)
    return frozen(np.cumprod(powers, dtype=np.uint64))


def powers(length: int) -> Hashes:
    """Powers of MULTIPLIER modulo 2**64, at least up to the exponent `length`."""
    # sizes are powers of two, so that a few arrays serve documents of all lengths
    return _powers_upto(1 << max(10, int(length).bit_length()))


def span_hash(text: str) -> int:
    """The hash of a string, as the kernels compute it for a span with the same characters."""
    # plus 1: leading NUL characters would else not change the hash
    value = 0
    for char in text:
        value = (value * MULTIPLIER + ord(char) + 1) % 2**64
    return value


@dataclass(frozen=True)
class Chars:
    """Decoded documents: document i has `points` and `flags` from `ends[i]` to `ends[i + 1]`.

    With n code points in d documents: `points` and `flags` uint32 of shape (n,), `prefix` uint64 of shape
    (n + 1,), `ends` int64 of shape (d + 1,). `powers`: see the function, up to the longest document.
    """

    points: Codes
    flags: Codes
    prefix: Hashes
    ends: Offsets
    powers: Hashes


@compiled
def _decode(data, offsets, table, points, flags, prefix):  # type: ignore[no-untyped-def]
    """Fill `points`, `flags` and `prefix`; malformed bytes become U+FFFD. Returns the ends of documents."""
    # indexes are unsigned throughout: numba checks signed indexes for negative
    # ones, and the sum of a signed and an unsigned 64-bit integer is a float
    rows = len(offsets) - 1
    ends = np.zeros(rows + 1, np.int64)
    n, running = np.uint64(0), np.uint64(0)
    one = np.uint64(1)
    at = np.uint64(offsets[0])
    for row in range(rows):
        stop = np.uint64(offsets[row + 1])
        while at < stop:
            lead = np.uint32(data[at])
            point = lead
            width = one
            # A lone continuation byte, or a sequence that the document's end cuts, is
            # one U+FFFD of one byte: Arrow does not check that strings are valid UTF-8.
            if lead >= 0x80:
                point = np.uint32(0xFFFD)
                if lead >= 0xC0:
                    width = np.uint64(2) if lead < 0xE0 else (np.uint64(3) if lead < 0xF0 else np.uint64(4))
                    if at + width > stop:
                        width = one
                    else:
                        point = lead & np.uint32(0x7F >> width)
                        for k in range(one, width):
                            point = point << np.uint32(6) | (np.uint32(data[at + k]) & np.uint32(0x3F))
                        if point >= np.uint32(0x110000):
                            point = np.uint32(0xFFFD)
            at += width
            points[n] = point
            flags[n] = table[point]
            n += one
            running = running * np.uint64(MULTIPLIER) + np.uint64(point) + one
            prefix[n] = running
        ends[row + 1] = n
    return ends


def read_chars(data: Bytes, offsets: Offsets) -> Chars:
    """Decode documents that are passed as UTF-8 bytes and offsets (see `text_buffers`)."""
    # a byte is one code point at most
    room = int(offsets[-1] - offsets[0])
    points, flags, prefix = (
        np.empty(room, np.uint32),
        np.empty(room, np.uint32),
        np.zeros(room + 1, np.uint64),
    )
    ends = _decode(data, offsets, flag_table(), points, flags, prefix)
    n = int(ends[-1])
    return Chars(points[:n], flags[:n], prefix[: n + 1], ends, powers(int(np.diff(ends).max(initial=0))))
