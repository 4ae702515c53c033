"""Folded form of a text, in which compatibility forms, case, Chinese script and white space do not differ.

`fold_text` defines it in Python. The kernels do the same with a table of code points. They cannot fold a
document with combining marks that normalisation may reorder or join; such a document is folded by
`fold_text`, so both always agree. Folded text is used for comparison only and is never stored.
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

# A folded code is a code point in the low 21 bits, the class of a sign (udfs/text/signs.py; 0:
# none) in the next three, and at most one of four kinds (none: punctuation and symbols) above them.
POINT = 0x1FFFFF
SIGN_CLASS = 21  # the lowest bit of the class
WORD = 1 << 24
# letters of a script that puts no spaces between words
UNSPACED = 1 << 25
SPACE = 1 << 26
# soft hyphens, zero-width joiners: characters without a glyph
IGNORED = 1 << 27
# the low bits are an index into the pool of replacements that are longer than one code point
EXPANDS = 1 << 28
# the normal form of this character depends on its neighbours
CAREFUL = 1 << 29
# a sign that may count by itself (all classes but JOINED)
SIGN = 1 << 30

# Scripts written without spaces: Thai, Lao, Myanmar, Khmer,
# Han with its radicals and numerals, Kana, Bopomofo.
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
# all other code points are unassigned or for private use
_ASSIGNED = (range(0x32400), range(0xE0000, 0xE0200))

# Characters that OpenCC converts in some words only. Converted one by one, the
# two sides of a copy would keep different ones. These are all pairs found in 18
# M characters of Chinese web text (s2t, s2tw, s2hk and t2s against the character
# table). To equate them does no harm, since the hash is of whole documents.
_BY_CONTEXT = dict(
    zip(
        "瞭覆藉像座暱馀锺揹甦俱甯伕链薰乾钜澂苧迳谘彷雠𬭭著哩沉",
        "了复借象坐昵余钟背苏具宁夫炼熏干巨澄苎径咨仿仇戚着里沈",
        strict=True,
    )
)


@dataclass(frozen=True)
class FoldParams:
    """The differences that folding removes."""

    # full width, ligatures, composed and decomposed letters
    nfkc: bool = True
    casefold: bool = True
    # Traditional characters become Simplified ones (OpenCC)
    traditional_to_simplified: bool = True
    # each run of white space becomes one space, and none is left at the ends
    collapse_whitespace: bool = True
    # powers, fractions, circled and styled letters are left as they are: for exact copies
    keep_signs: bool = False
    # with NFKC, 2⁵ becomes 2^5 and not 25: for near-duplicates
    powers: bool = False


@lru_cache(maxsize=1)
def simplified() -> dict[int, str]:
    """Code point -> its Simplified character, from OpenCC (t2s, then what tw2s and hk2s add).

    One character for one, so that folding is a table and needs no dictionary of phrases.
    """
    # imported here: a worker that folds no text does not need it
    import opencc

    han = [chr(point) for low, high in _HAN_RANGES for point in range(low, high + 1)]
    table: dict[str, str] = {}
    for config in ("t2s", "tw2s", "hk2s"):
        # 么 is a Simplified character itself; only Taiwan's tables take it for 幺
        folded = opencc.OpenCC(config).convert("\n".join(han)).split("\n")
        table = {
            a: b for a, b in zip(han, folded, strict=True) if a != b and len(b) == 1 and a != "么"
        } | table
    resolved = {a: _BY_CONTEXT.get(b, b) for a, b in table.items()} | _BY_CONTEXT
    return {ord(a): b for a, b in resolved.items() if a != b}


def _normalised(text: str, params: FoldParams) -> str:
    """The text in NFKC, or in the part of it that `keep_signs` allows."""
    if not params.nfkc:
        return text
    if params.keep_signs:
        return fold_forms(text)
    return unicodedata.normalize("NFKC", text.translate(POWERS) if params.powers else text)


def fold_text(text: str, params: FoldParams) -> str:
    """The folded form of one text: NFKC, case, Simplified characters, white space.

    "Ｆｏｏ\\t漢字 "  ->  "foo 汉字"
    """
    # NFKC once more after case folding, which may undo it
    text = _normalised(text, params)
    if params.casefold:
        text = _normalised(text.casefold(), params)
    if params.traditional_to_simplified:
        text = text.translate(simplified())
    return " ".join(text.split()) if params.collapse_whitespace else text


@lru_cache(maxsize=8)
def fold_table(params: FoldParams) -> tuple[Codes, Codes]:
    """(table, pool), both uint32 and read-only; takes about 0.5 s.

    `table`, of shape (0x110000,): the folded code of each code point. `pool`: replacements that are longer
    than one code point, each its length and then its codes.
    """
    # without white space: a kernel that folds code point by code point cannot collapse runs
    single = replace(params, collapse_whitespace=False)
    points = np.concatenate([np.arange(block.start, block.stop) for block in _ASSIGNED])
    chars = [chr(point) for point in points.tolist()]
    table = np.arange(0x110000, dtype=np.uint32)
    table[points] |= _kinds(points, chars)
    careful = _careful_points(chars) if params.nfkc else set()
    pool: list[int] = []
    # codes before folding, which give the kinds of the replacements
    plain = table.copy()
    # surrogates are no text; ASCII but capitals folds
    # to itself, and `\n` separates the others below
    foldable = [
        char
        for char in chars
        if not ("\ud800" <= char <= "\udfff" or (char.isascii() and not char.isupper()))
    ]
    # One call for all characters, since a call for each is slow. Line breaks
    # keep them apart: no character combines with one or folds to one.
    for char, folded in zip(foldable, fold_text("\n".join(foldable), single).split("\n"), strict=True):
        point = ord(char)
        if folded == char and point not in careful and not (params.nfkc and char != char.casefold()):
            continue
        # also where only an intermediate form of the character depends on its neighbours
        if params.nfkc and (point in careful or not careful.isdisjoint(map(ord, _stages(char, single)))):
            table[point] |= CAREFUL
        if len(folded) == 1:
            table[point] = plain[ord(folded)] | (table[point] & CAREFUL)
        else:
            table[point] = len(pool) | EXPANDS | (table[point] & CAREFUL)
            pool += [len(folded), *(int(plain[ord(c)]) for c in folded)]
    return frozen(table), frozen(np.array(pool or [0], np.uint32))


def _stages(char: str, params: FoldParams) -> str:
    """All characters that occur while `char` is folded."""
    once = _normalised(char, params)
    return once + once.casefold()


def _careful_points(chars: list[str]) -> set[int]:
    """Code points that normalisation may reorder, or compose with the character before them."""
    # vowels and final consonants of Hangul compose by
    # arithmetic and not by the decompositions below
    points = set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))
    points.update(ord(char) for char in chars if unicodedata.combining(char))
    # the second half of a canonical pair composes with the first
    for parts in (decomposed.split() for decomposed in map(unicodedata.decomposition, chars) if decomposed):
        if len(parts) == 2 and not parts[0].startswith("<"):
            points.add(int(parts[1], 16))
    return points


def _kinds(points: np.ndarray, chars: list[str]) -> Codes:
    """Kind, class of sign and SIGN flag of each character, as bits of a folded code."""
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
    """The code point that starts at `at` and has more than one byte, and its bytes; U+FFFD if malformed."""
    # unrolled by width: this is the innermost loop of folding Chinese
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

    Returns the end of each document and whether it has CAREFUL characters. The last end is -1 when `codes` is
    too short.
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
            # ASCII never expands and is never careful
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
                # room for this replacement, and for one code for each byte that is left
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
    """Folded codes of `n` documents that are passed as UTF-8 bytes and offsets (see `text_buffers`).

    Returns the codes (uint32: code point, class and flags, see the constants above), `n + 1` offsets into
    them (int64), and a bool for each document: true where NFKC may differ from folding character by
    character. White space is not collapsed.
    """
    table, pool = fold_table(params)
    room = int(offsets[-1] - offsets[0])
    while True:
        codes = np.empty(room + 1, np.uint32)
        ends, careful = _decode(data, offsets, table, pool, codes)
        if ends[-1] >= 0:
            return codes[: ends[-1]], ends, careful
        # rare: only some characters expand to more code points than they have bytes
        room = 2 * room + 64


@compiled
def _encode(codes, ends, squeeze):  # type: ignore[no-untyped-def]
    """UTF-8 of each document's codes and the start of each document in it; `squeeze` collapses white
    space."""
    # a code point has four bytes at most
    out = np.empty(4 * len(codes) + 1, np.uint8)
    starts = np.zeros(len(ends), np.int64)
    n = 0
    for row in range(len(ends) - 1):
        first, blank = n, False
        for i in range(ends[row], ends[row + 1]):
            point = codes[i] & np.uint32(POINT)
            # a space is written before the next character, so that none is left at the end
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
    """128 bits of BLAKE2b of each folded text, as 32 lower-case hexadecimal digits.

        "Foo bar", "foo  BAR", null  ->  h, h, null

    Equal folded texts have equal hashes on every machine; a pair of different ones collides with probability
    2**-128. Texts of white space alone have the hash of the empty text. `nfkc` folds typographic forms only:
    2⁵ is not 25 (udfs/text/compatibility.py).
    """
    # hexadecimal digits and no binary column, so that SQL shows them
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
        # the table's result for these documents may be wrong, and is replaced
        for k in np.flatnonzero(careful):
            text = data[offsets[first + k] : offsets[first + k + 1]].tobytes().decode("utf-8", "replace")
            hashes[first + k] = hashlib.blake2b(fold_text(text, params).encode(), digest_size=16).hexdigest()
    mask = texts.is_null().to_numpy(zero_copy_only=False) if texts.null_count else None
    return pa.array(hashes, pa.string(), mask=mask)
