"""Text as it is compared: compatibility forms, case, Traditional characters and white space folded away.

`fold_text` says in Python what folding means. The kernels do the same from a table of code points, and hand
the few documents that the table cannot serve (combining marks that may reorder or join) back to `fold_text`,
so both always agree. Folded text is for comparing only: nobody stores it and nobody reads it.
"""

import hashlib
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pyarrow as pa

from gristmill.udfs.arrow.compiled import Bytes, Codes, Offsets, compiled, frozen, slices, text_buffers
from gristmill.udfs.text.compatibility import fold_forms
from gristmill.udfs.text.signs import JOINED, POWERS, sign_class

# A folded code is a code point in the low 21 bits, the class of a sign (udfs/text/signs.py; 0: none) in the
# next three, and at most one of four kinds (none: punctuation and symbols) above them.
POINT = 0x1FFFFF
SIGN_CLASS = 21  # the lowest bit of the class
WORD = 1 << 24
# letters of a script that puts no spaces between words
UNSPACED = 1 << 25
SPACE = 1 << 26
# soft hyphens, zero-width joiners: nobody sees them
IGNORED = 1 << 27
# the low bits are a position in the pool of longer replacements
EXPANDS = 1 << 28
# normalising this character depends on its neighbours
CAREFUL = 1 << 29
# a sign that may count by itself (all classes but JOINED)
SIGN = 1 << 30

# Scripts written without spaces: Thai, Lao, Myanmar, Khmer, Han with its radicals and numerals, Kana,
# Bopomofo.
_UNSPACED_RANGES = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x2E80, 0x2FDF),
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3031, 0x3035),
    (0x3038, 0x303C),
    (0x3040, 0x30FF),
    (0x3100, 0x312F),
    (0x31A0, 0x31BF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xA9E0, 0xA9FF),
    (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9D),
    (0x1B000, 0x1B16F),
    (0x20000, 0x323AF),
)
_HAN_RANGES = ((0x2E80, 0x2FDF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF))
_ASSIGNED = (range(0x32400), range(0xE0000, 0xE0200))  # beyond lie private use and nothing

# What OpenCC converts in some words only, so that character by character the two sides of a copy would stay
# apart: all pairs seen in Chinese web text (18 M characters, s2t, s2tw, s2hk and t2s against the
# character table). To take one for the other is harmless here, as the hash is of whole documents.
_BY_CONTEXT = dict(
    zip(
        "瞭覆藉像座暱馀锺揹甦俱甯伕链薰乾钜澂苧迳谘彷雠𬭭著哩沉",
        "了复借象坐昵余钟背苏具宁夫炼熏干巨澄苎径咨仿仇戚着里沈",
        strict=True,
    )
)


@dataclass(frozen=True)
class FoldParams:
    """What is folded away before texts are compared."""

    # full width, ligatures, composed and decomposed letters
    nfkc: bool = True
    casefold: bool = True  # case
    # Traditional characters become Simplified ones (OpenCC)
    traditional_to_simplified: bool = True
    # runs of white space become one space, none at the ends; shingles never see white space
    collapse_whitespace: bool = True
    # but powers, fractions, circled and styled letters, as exact copies want
    keep_signs: bool = False
    # where they are folded: 2⁵ becomes 2^5 and not 25
    powers: bool = False


@lru_cache(maxsize=1)
def simplified() -> dict[int, str]:
    """Code point to its Simplified character, one for one, from OpenCC (t2s, then what tw2s and hk2s add)."""
    # a worker that only counts pairs does not need it
    import opencc

    han = [chr(point) for low, high in _HAN_RANGES for point in range(low, high + 1)]
    table: dict[str, str] = {}
    for config in ("t2s", "tw2s", "hk2s"):
        # 么 is a Simplified character itself; only Taiwan's tables take it for 幺
        folded = opencc.OpenCC(config).convert("\n".join(han)).split("\n")
        table = {
            a: b for a, b in zip(han, folded, strict=True) if a != b and len(b) == 1 and a != "么"
        } | table
    settled = {a: _BY_CONTEXT.get(b, b) for a, b in table.items()} | _BY_CONTEXT
    return {ord(a): b for a, b in settled.items() if a != b}


def _normalised(text: str, params: FoldParams) -> str:
    """NFKC, or what `keep_signs` leaves of it."""
    if not params.nfkc:
        return text
    if params.keep_signs:
        return fold_forms(text)
    return unicodedata.normalize("NFKC", text.translate(POWERS) if params.powers else text)


def fold_text(text: str, params: FoldParams) -> str:
    """Fold one text: NFKC, case (then NFKC once more, as case folding may undo it), Simplified
    characters, white space."""
    text = _normalised(text, params)
    if params.casefold:
        text = _normalised(text.casefold(), params)
    if params.traditional_to_simplified:
        text = text.translate(simplified())
    return " ".join(text.split()) if params.collapse_whitespace else text


@lru_cache(maxsize=8)
def fold_table(params: FoldParams) -> tuple[Codes, Codes]:
    """The folded code of every code point, and the pool of replacements longer than one (length, then codes).

    About 0.5 s.
    """
    single = replace(params, collapse_whitespace=False)
    points = np.concatenate([np.arange(block.start, block.stop) for block in _ASSIGNED])
    chars = [chr(point) for point in points.tolist()]
    table = np.arange(0x110000, dtype=np.uint32)
    table[points] |= _kinds(points, chars)
    careful = _careful_points(chars) if params.nfkc else set()
    pool: list[int] = []
    plain = table.copy()
    turned = [
        char
        for char in chars
        if not ("\ud800" <= char <= "\udfff" or (char.isascii() and not char.isupper()))
    ]
    # All characters in one call, apart by line breaks: nothing joins with one and nothing folds to one.
    for char, folded in zip(turned, fold_text("\n".join(turned), single).split("\n"), strict=True):
        point = ord(char)
        if folded == char and point not in careful and not (params.nfkc and char != char.casefold()):
            continue
        if params.nfkc and (point in careful or not careful.isdisjoint(map(ord, _stages(char, single)))):
            table[point] |= CAREFUL
        if len(folded) == 1:
            table[point] = plain[ord(folded)] | (table[point] & CAREFUL)
        else:
            table[point] = len(pool) | EXPANDS | (table[point] & CAREFUL)
            pool += [len(folded), *(int(plain[ord(c)]) for c in folded)]
    return frozen(table), frozen(np.array(pool or [0], np.uint32))


def _stages(char: str, params: FoldParams) -> str:
    """Every character that appears while `char` is folded."""
    once = _normalised(char, params)
    return once + once.casefold()


def _careful_points(chars: list[str]) -> set[int]:
    """Code points that normalising may reorder or join to what stands before them."""
    found = set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))  # vowels and finals of Hangul
    found.update(ord(char) for char in chars if unicodedata.combining(char))
    for parts in (decomposed.split() for decomposed in map(unicodedata.decomposition, chars) if decomposed):
        if len(parts) == 2 and not parts[0].startswith("<"):
            found.add(int(parts[1], 16))
    return found


def _kinds(points: np.ndarray, chars: list[str]) -> Codes:
    """The kind of each character."""
    categories = list(map(unicodedata.category, chars))
    letters = [
        char.isalnum() or char == "_" or category[0] == "M"
        for char, category in zip(chars, categories, strict=True)
    ]
    unspaced = np.zeros(len(points), bool)
    for low, high in _UNSPACED_RANGES:
        unspaced |= (points >= low) & (points <= high)
    kinds = np.where(letters, np.where(unspaced, UNSPACED, WORD), 0)
    kinds[[category == "Cf" for category in categories]] = IGNORED
    kinds[[char.isspace() for char in chars]] = SPACE
    signs = np.array(list(map(sign_class, chars, categories)))
    kinds = kinds | signs << SIGN_CLASS | np.where((signs > 0) & (signs != JOINED), SIGN, 0)
    return kinds.astype(np.uint32)


@compiled
def _point(data, at, stop):  # type: ignore[no-untyped-def]
    """The code point of several bytes that starts at `at`, and how many bytes it takes; U+FFFD for a
    malformed one."""
    lead = np.uint32(data[at])
    one, two, three, four = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
    if lead < 0xC0:
        return np.uint32(0xFFFD), one
    width = two if lead < 0xE0 else (three if lead < 0xF0 else four)
    if at + width > stop:
        return np.uint32(0xFFFD), one
    second = np.uint32(data[at + one]) & np.uint32(0x3F)
    if width == two:
        return (lead & np.uint32(0x1F)) << np.uint32(6) | second, two
    third = np.uint32(data[at + two]) & np.uint32(0x3F)
    if width == three:
        return (lead & np.uint32(0x0F)) << np.uint32(12) | second << np.uint32(6) | third, three
    last = np.uint32(data[at + three]) & np.uint32(0x3F)
    point = (lead & np.uint32(0x07)) << np.uint32(18) | second << np.uint32(12) | third << np.uint32(6) | last
    return point if point < np.uint32(0x110000) else np.uint32(0xFFFD), four


@compiled
def _decode(data, offsets, table, pool, codes):  # type: ignore[no-untyped-def]
    """Fold the bytes of each document into `codes`; malformed bytes become U+FFFD.

    Returns the end of each document and whether it needs care. The last end is -1 when `codes` is too short.
    """
    rows = len(offsets) - 1
    ends = np.zeros(rows + 1, np.int64)
    careful = np.zeros(rows, np.bool_)
    n = np.uint64(0)
    at, whole = np.uint64(offsets[0]), np.uint64(offsets[rows])
    for row in range(rows):
        stop = np.uint64(offsets[row + 1])
        flags = np.uint32(0)
        while at < stop:
            lead = data[at]
            if lead < 0x80:
                codes[n] = table[lead]
                n += np.uint64(1)
                at += np.uint64(1)
                continue
            point, width = _point(data, at, stop)
            at += width
            code = table[point]
            flags |= code
            if code & np.uint32(EXPANDS):
                start = code & np.uint32(POINT)
                length = np.uint64(pool[start])
                if n + length + whole - at > np.uint64(len(codes)):
                    ends[rows] = -1
                    return ends, careful
                for k in range(length):
                    codes[n + k] = pool[np.uint64(start) + k + np.uint64(1)]
                n += length
            else:
                codes[n] = code
                n += np.uint64(1)
        careful[row] = (flags & np.uint32(CAREFUL)) != 0
        ends[row + 1] = n
    return ends, careful


def fold_codes(data: Bytes, offsets: Offsets, params: FoldParams) -> tuple[Codes, Offsets, np.ndarray]:
    """Folded codes of documents given as UTF-8 bytes and offsets (see `text_buffers`).

    Returns the codes (point, class and flags, see the constants above), `n + 1` offsets into them, and a
    boolean per document: true where NFKC may differ from folding character by character. White space is not
    squeezed.
    """
    table, pool = fold_table(params)
    room = int(offsets[-1] - offsets[0])
    while True:
        codes = np.empty(room + 1, np.uint32)
        ends, careful = _decode(data, offsets, table, pool, codes)
        if ends[-1] >= 0:
            return codes[: ends[-1]], ends, careful
        # hardly ever: a few characters unfold to more code points than they take bytes
        room = 2 * room + 64


@compiled
def _encode(codes, ends, squeeze):  # type: ignore[no-untyped-def]
    """UTF-8 of each document's codes, white space squeezed if wanted."""
    out = np.empty(4 * len(codes) + 1, np.uint8)
    starts = np.zeros(len(ends), np.int64)
    n = 0
    for row in range(len(ends) - 1):
        first, blank = n, False
        for i in range(ends[row], ends[row + 1]):
            point = codes[i] & np.uint32(POINT)
            if squeeze and codes[i] & np.uint32(SPACE):
                blank = n > first
                continue
            if blank:
                out[n] = 32
                n += 1
                blank = False
            if point < 0x80:
                out[n] = point
                n += 1
                continue
            if point < 0x800:
                out[n] = 0xC0 | (point >> 6)
                n += 1
            else:
                if point < 0x10000:
                    out[n] = 0xE0 | (point >> 12)
                    n += 1
                else:
                    out[n] = 0xF0 | (point >> 18)
                    out[n + 1] = 0x80 | ((point >> 12) & 0x3F)
                    n += 2
                out[n] = 0x80 | ((point >> 6) & 0x3F)
                n += 1
            out[n] = 0x80 | (point & 0x3F)
            n += 1
        starts[row + 1] = n
    return out[:n], starts


def content_hashes(
    texts: pa.Array | pa.ChunkedArray,
    *,
    nfkc: bool = True,
    casefold: bool = True,
    collapse_whitespace: bool = True,
    traditional_to_simplified: bool = True,
) -> pa.Array:
    """128 bits of BLAKE2b over each folded text, as 32 lower-case hexadecimal digits (a string, so that SQL
    can show it).

    A null text has a null hash; texts with nothing but white space all share the hash of the empty text.
    Equal folded texts give equal hashes on every machine; different ones collide with probability 2**-128 a
    pair. `nfkc` folds typographic forms only: 2⁵ is not 25 (udfs/text/compatibility.py).
    """
    params = FoldParams(nfkc, casefold, traditional_to_simplified, collapse_whitespace, keep_signs=True)
    data, offsets = text_buffers(texts)
    hashes: list[str] = []
    for first, last in slices(offsets):
        codes, ends, careful = fold_codes(data, offsets[first : last + 1], params)
        folded, starts = _encode(codes, ends, collapse_whitespace)
        view, cuts = memoryview(folded), starts.tolist()
        hashes += [
            hashlib.blake2b(view[cuts[k] : cuts[k + 1]], digest_size=16).hexdigest()
            for k in range(last - first)
        ]
        for k in np.flatnonzero(careful):
            text = data[offsets[first + k] : offsets[first + k + 1]].tobytes().decode("utf-8", "replace")
            hashes[first + k] = hashlib.blake2b(fold_text(text, params).encode(), digest_size=16).hexdigest()
    mask = texts.is_null().to_numpy(zero_copy_only=False) if texts.null_count else None
    return pa.array(hashes, pa.string(), mask=mask)
