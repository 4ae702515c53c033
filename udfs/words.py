"""Words, found by script: spaced scripts are cut at white space and punctuation, Chinese by a dictionary, other unspaced
scripts (Kana, Thai) at every character.

The cuts follow what spaCy's English tokenizer does (punctuation comes off both ends, few marks cut inside a word, a web
address stays whole, contractions fall apart), because the thresholds of Gopher and FineWeb were measured with it. The
rules are stated here anew, over flags of code points; benchmarks/rule_parity.md says how often a decision differs.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from udfs.chars import AFFIX, ALPHA, CURRENCY, ICON, LOWER, MULTIPLIER, PUNCT, QUOTE, SCATTER, SPACE, SYMBOL, TERMINAL, UNSPACED, UPPER, Chars
from udfs.kernels import Hashes, Offsets, frozen, kernel
from udfs.segment import mark_words

LONGEST_SPECIAL = 16  # code points
UNIT = 0xFF  # in the table of specials: comes off a number

# What a word is (bits).
IS_WORD = 1  # some character is no symbol
IS_ALPHABETIC = 2
IS_PUNCT = 4  # nothing but punctuation
IS_END = 8  # one mark that ends a sentence

STOP_WORDS_EN = "the be to of and that have with".split()  # Gopher, table A1 (arXiv 2112.11446)
STOP_WORDS_ZH = tuple("的年在月是和日了於·為有被人中为他與後也而由")  # FineWeb-2, cmn_Hani


def specials() -> dict[str, tuple[int, ...]]:
    """Words with pieces of their own (the lengths of the pieces), and units, which come off a number."""
    found: dict[str, tuple[int, ...]] = {}
    subjects = "i you he she it we they who what that there this these those where when why how".split()
    verbs = "could should would might must need ought".split()
    for word in subjects:
        for tail in "ll d".split():
            found[word + "'" + tail] = (len(word), 1 + len(tail))
            found[word + "'" + tail + "'ve"] = (len(word), 1 + len(tail), 3)
        if word not in ("he", "she", "it", "that", "this"):
            found[word + "'ve"] = (len(word), 3)
        if word in ("you", "we", "they", "what", "who", "there", "where", "when", "why", "how", "these", "those"):
            found[word + "'re"] = (len(word), 3)
        if word in ("he", "she", "it", "who", "what", "that", "there", "where", "when", "why", "how", "this"):
            found[word + "'s"] = (len(word), 2)
    for word in verbs:
        found[word + "'ve"] = (len(word), 3)
    for word in [*verbs, *"is are was were do does did have has had ai ca wo sha dare may".split()]:
        found[word + "n't"] = (len(word), 3)
        found[word + "n't've"] = (len(word), 3, 3)
    found |= {"i'm": (1, 2), "i'ma": (1, 2, 1), "let's": (3, 2), "not've": (3, 3), "y'all": (2, 3), "c'mon": (2, 3)}
    bare = {word.replace("'", ""): tuple(_bare(word, cut)) for word, cut in found.items()}
    for word in "ill hell shell well were its whore lets yall cmon youre".split():  # words of their own
        if word not in ("youre", "yall"):
            bare.pop(word, None)
    found |= {word: cut for word, cut in bare.items() if word not in found}
    found |= {"cannot": (3, 3), "gonna": (3, 2), "gotta": (3, 2)}
    found |= {word.replace("'", "’"): cut for word, cut in found.items()}
    found |= {word.capitalize(): cut for word, cut in found.items()}
    for word in "'ll 're 've 'd 'em 'nuff 'bout 'cause 'cos 'coz 'cuz o'clock ma'am goin' doin' havin' lovin' nothin' nuthin' ol' somethin'".split():
        for form in (word, word.replace("'", "’")):
            found[form] = (len(form),)
            found[form.capitalize()] = (len(form),)
    titles = "Adm. Ala. Apr. Ariz. Ark. Aug. Bros. Calif. Co. Colo. Conn. Corp. D.C. Dec. Del. Dr. E.G. E.g. Feb. Fla. Ga. Gen. Gov. I.E. I.e. Ia. Id. "
    titles += "Ill. Inc. Ind. Jan. Jr. Jul. Jun. Kan. Kans. Ky. La. Ltd. Mar. Mass. Md. Messrs. Mich. Minn. Miss. Mo. Mont. Mr. Mrs. Ms. Mt. N.C. N.D. "
    titles += "N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. Ph.D. Prof. Rep. Rev. S.C. Sen. Sep. Sept. St. Tenn. Va. Wash. Wis. "
    titles += "a.m. co. e.g. i.e. p.m. v.s. vs. and/or w/o C++ "
    titles += ":) :)) :))) :( :(( :((( :() :* :/ :0 :1 :3 :> :] :| :} :D :O :P :X :o :p :x :-) :-( :-* :-/ :-] :-| :-D :-P ;) ;-) ;D 8) 8-) 8D ): (: (; "
    titles += "(= [: [= ]= =) =( =/ =3 =D =[ =] =| >:( <3 </3 ^_^ -_- '' ’’"
    for word in [*titles.split(), *(letter + "." for letter in "abcdefghijklmnopqrstuvwxyzäöü")]:
        found[word] = (len(word),)
    for hour in range(1, 13):
        for half in ("am", "pm", "a.m.", "p.m."):
            found[f"{hour}{half}"] = (len(str(hour)), len(half))
    units = "km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz m/s km/h kmh mph hPa Pa mbar mb MB kb KB gb GB tb "
    units += "TB T G M K %"
    return found | {"\0" + unit: (UNIT,) for unit in units.split()}


def _bare(word: str, cut: tuple[int, ...]) -> list[int]:
    """The lengths of the pieces once the apostrophes are gone."""
    lengths, at = [], 0
    for length in cut:
        lengths.append(length - word[at : at + length].count("'"))
        at += length
    return lengths


def span_hash(text: str) -> int:
    """The hash of a string, as `Chars.prefix` has it."""
    value = 0
    for char in text:
        value = (value * MULTIPLIER + ord(char) + 1) % 2**64
    return value


@lru_cache(maxsize=1)
def special_table() -> tuple[Hashes, npt.NDArray[np.uint8], Hashes]:
    """Open addressing by hash: the keys (0: free), up to three lengths each; and the hashes of English, then Chinese stop words."""
    entries = {span_hash(word): cut for word, cut in specials().items()}
    size = 1 << (4 * len(entries)).bit_length()
    keys, cuts = np.zeros(size, np.uint64), np.zeros((size, 3), np.uint8)
    for key, cut in entries.items():
        at = (key * SCATTER % 2**64 >> 40) & (size - 1)
        while keys[at]:
            at = (at + 1) & (size - 1)
        keys[at] = key
        cuts[at, : len(cut)] = cut
    stops = np.array([span_hash(word) for word in (*STOP_WORDS_EN, *STOP_WORDS_ZH)], np.uint64)
    return frozen(keys), frozen(cuts), frozen(stops)


@dataclass(frozen=True)
class Words:
    """Words of a slice: `[starts, stops)` in code points of the slice, hash, kind (see IS_*), and each document's run of them."""

    starts: npt.NDArray[np.int64]
    stops: npt.NDArray[np.int64]
    hashes: Hashes
    kinds: npt.NDArray[np.uint8]
    ends: Offsets


@kernel
def _special(prefix, powers, keys, cuts, a, b):  # type: ignore[no-untyped-def]
    """Where `[a, b)` stands in the table of specials; -1 when it does not."""
    if b - a > LONGEST_SPECIAL:
        return -1
    key = prefix[b] - prefix[a] * powers[b - a]
    mask = np.uint64(len(keys) - 1)
    at = ((key * np.uint64(SCATTER)) >> np.uint64(40)) & mask
    while keys[at]:
        if keys[at] == key:
            return np.int64(at) if cuts[at, 0] != UNIT else -1
        at = (at + np.uint64(1)) & mask
    return -1


@kernel
def _unit(points, flags, prefix, powers, keys, cuts, a, b):  # type: ignore[no-untyped-def]
    """How long a unit right after a digit `[a, b)` ends with; 0 for none."""
    mask = np.uint64(len(keys) - 1)
    for length in range(4, 0, -1):
        i = b - length
        if i - 1 < a or not (points[i - 1] - np.uint32(48) < np.uint32(10)):
            continue
        key = prefix[b] - prefix[i] * powers[length] + powers[length]  # as if the unit had a zero character before it
        at = ((key * np.uint64(SCATTER)) >> np.uint64(40)) & mask
        while keys[at]:
            if keys[at] == key:
                return length if cuts[at, 0] == UNIT else 0
            at = (at + np.uint64(1)) & mask
    return 0


@kernel
def _prefix_length(points, flags, a, b):  # type: ignore[no-untyped-def]
    """How many code points come off the start of `[a, b)`."""
    first = points[a]
    if first == 46:  # one full stop stays
        i = a
        while i < b and points[i] == 46:
            i += 1
        return i - a if i - a > 1 else 0
    if flags[a] & np.uint32(AFFIX | ICON | CURRENCY):
        return 1
    if first == 0x25 or first == 0x3D or first == 0xA7:  # % = §
        return 1
    if first == 0x2B:  # +, but not of a signed number
        return 0 if a + 1 < b and points[a + 1] - np.uint32(48) < np.uint32(10) else 1
    if first == 67 or first == 65:
        return 2 if a + 1 < b and points[a + 1] == 36 else 0  # C$ A$
    if first == 85:
        return 3 if a + 2 < b and points[a + 1] == 83 and points[a + 2] == 36 else 0  # US$
    return 0


@kernel
def _suffix_length(points, flags, prefix, powers, keys, cuts, a, b):  # type: ignore[no-untyped-def]
    """How many code points come off the end of `[a, b)`."""
    last = points[b - 1]
    before = points[b - 2] if b - a > 1 else np.uint32(0)
    flags_before = flags[b - 2] if b - a > 1 else np.uint32(0)
    if last == 46:
        i = b
        while i > a and points[i - 1] == 46:
            i -= 1
        if b - i > 1:
            return b - i
        if flags_before & np.uint32(AFFIX) and before != 0x2014 and before != 0x2013 and before != 0x2026 or before == 0x2026:
            return 1
        if before - np.uint32(48) < np.uint32(10) or flags_before & np.uint32(LOWER):
            return 1
        if before == 37 or before == 0xB2 or before == 45 or before == 43 or before == 124:  # % ² - + |
            return 1
        if flags_before & np.uint32(UPPER) and b - a > 2 and flags[b - 3] & np.uint32(UPPER):
            return 1
        return 0
    if (last == 115 or last == 83) and (before == 39 or before == 0x2019):  # 's
        return 2
    if flags[b - 1] & np.uint32(AFFIX | ICON):
        return 1
    if b - a > 1:
        digit = before - np.uint32(48) < np.uint32(10)
        if digit and (last == 43 or flags[b - 1] & np.uint32(CURRENCY)):
            return 1
        if points[a] < 128 or flags[a] & np.uint32(ALPHA) == 0:
            return _unit(points, flags, prefix, powers, keys, cuts, a, b)
    return 0


@kernel
def _is_host(points, flags, a, b):  # type: ignore[no-untyped-def]
    """Whether `[a, b)` reads as a host with an optional port and path: example.org:8000/path."""
    e = a
    while e < b and points[e] != 58 and points[e] != 47 and points[e] != 63 and points[e] != 35:
        e += 1
    i = e
    if i < b and points[i] == 58:
        i += 1
        digits = 0
        while i < b and points[i] - np.uint32(48) < np.uint32(10):
            i += 1
            digits += 1
        if digits < 2 or digits > 5:
            return False
    if i < b and not (points[i] == 47 or points[i] == 63 or points[i] == 35):
        return False
    labels, start, numbers = 0, a, 0
    for k in range(a, e + 1):
        if k < e and points[k] != 46:
            continue
        if k == start or k - start > 64:
            return False
        if k == e:
            break
        all_digits = True
        for j in range(start, k):
            c = points[j]
            word = c - np.uint32(48) < np.uint32(10) or (c | np.uint32(32)) - np.uint32(97) < np.uint32(26) or 0xA1 <= c <= 0xFFFF
            all_digits = all_digits and c - np.uint32(48) < np.uint32(10)
            if not (word or (j > start and j < k - 1 and (c == 45 or c == 95))):
                return False
        numbers += all_digits
        labels += 1
        start = k + 1
    if labels == 0:
        return False
    if labels == 3 and numbers == 3:
        return _is_public(points, a, e)
    if e - start < 2:
        return False
    for j in range(start, e):
        if not flags[j] & np.uint32(LOWER):
            return False
    return True


@kernel
def _is_public(points, a, b):  # type: ignore[no-untyped-def]
    """Whether `[a, b)` is an IPv4 address that is neither private nor local."""
    octets = np.zeros(4, np.int64)
    n = 0
    for i in range(a, b):
        if points[i] == 46:
            n += 1
        elif points[i] - np.uint32(48) < np.uint32(10) and octets[n] < 256:
            octets[n] = octets[n] * 10 + points[i] - 48
        else:
            return False
    first, second = octets[0], octets[1]
    if first == 10 or first == 127 or (first == 169 and second == 254) or (first == 192 and second == 168) or (first == 172 and 16 <= second < 32):
        return False
    return 0 < first < 224 and second < 256 and octets[2] < 256 and 0 < octets[3] < 255


@kernel
def _join(prefix, powers, keys, cuts, starts, stops, first, n):  # type: ignore[no-untyped-def]
    """Put the pieces `[first, n)` of one stretch of text together again where they spell a special: ) and : to ):

    Returns how many words there are then.
    """
    kept, w = first, first
    while w < n:
        starts[kept], stops[kept] = starts[w], stops[w]
        taken = 1
        if stops[w] - starts[w] <= 3:
            for k in range(min(n - w, 5), 1, -1):
                if stops[w + k - 1] - starts[w] > 5:
                    continue
                special = _special(prefix, powers, keys, cuts, starts[w], stops[w + k - 1])
                if special >= 0 and not cuts[special, 1]:
                    stops[kept] = stops[w + k - 1]
                    taken = k
                    break
        w += taken
        kept += 1
    return kept


@kernel
def _is_address(points, flags, a, b):  # type: ignore[no-untyped-def]
    """Whether `[a, b)` reads as a web or mail address."""
    dots, ats, scheme = 0, 0, np.int64(-1)
    for i in range(a, b):
        c = points[i]
        if c == 46:
            dots += 1
        elif c == 64:
            ats += 1
        elif c == 58 and scheme < 0 and i + 2 < b and points[i + 1] == 47 and points[i + 2] == 47 and i - a > 1:
            scheme = i + 3
    if dots == 0:
        return False
    if scheme > 0:
        for i in range(a, scheme - 3):
            c = points[i]
            if not (flags[i] & np.uint32(ALPHA) or c - np.uint32(48) < np.uint32(10) or c == 95 or c == 43 or c == 45 or c == 46):
                scheme = -1
                break
    first = scheme if scheme > 0 else a
    if _is_host(points, flags, first, b):
        return True
    if ats:
        for i in range(first + 1, b):
            if points[i] == 64 and _is_host(points, flags, i + 1, b):
                return True
    return False


@kernel
def _infix_length(points, flags, i, a, b):  # type: ignore[no-untyped-def]
    """How many code points at `i` cut the word `[a, b)` in two."""
    c = points[i]
    f = flags[i]
    if f & np.uint32(ALPHA) or (c - np.uint32(48)) < np.uint32(10):
        return 0
    if f & np.uint32(ICON) or c == 0x2026:
        return 1
    if c == 46:
        k = i
        while k < b and points[k] == 46:
            k += 1
        if k - i > 1:
            return k - i
    if i == a or i + 1 >= b:
        return 0
    before, after = flags[i - 1], flags[i + 1]
    if c == 46:
        return 1 if before & np.uint32(LOWER | QUOTE) and after & np.uint32(UPPER | QUOTE) else 0
    digit_before = points[i - 1] - np.uint32(48) < np.uint32(10)
    if digit_before and (c == 43 or c == 45 or c == 42 or c == 94):
        if points[i + 1] - np.uint32(48) < np.uint32(10) or points[i + 1] == 45:
            return 1
    if c == 58 or c == 60 or c == 62 or c == 61 or c == 47:  # : < > = /
        return 1 if after & np.uint32(ALPHA) and (before & np.uint32(ALPHA) or digit_before) else 0
    if c == 44:
        return 1 if before & after & np.uint32(ALPHA) else 0
    if not (before & np.uint32(ALPHA) or digit_before):
        return 0
    if c == 45 or c == 0x2013 or c == 0x2014 or c == 126:
        k = i + 1
        while k < b and points[k] == c and k - i < 3:
            k += 1
        length = k - i
        if k < b and flags[k] & np.uint32(ALPHA) and (length == 1 or c == 45 or (c == 0x2014 and length == 2)):
            return length
    return 0


@kernel
def _cut(points, flags, prefix, powers, ends, keys, cuts, whole, marks):  # type: ignore[no-untyped-def]
    """Starts and stops of all words, and how many words there are up to the end of each document."""
    rows = len(ends) - 1
    starts = np.empty(len(points), np.int64)
    stops = np.empty(len(points), np.int64)
    counts = np.zeros(rows + 1, np.int64)
    tails = np.empty(len(points) + 1, np.int64)  # starts of what came off the end of the word at hand
    n = 0
    for row in range(rows):
        i, stop = ends[row], ends[row + 1]
        while i < stop:
            if flags[i] & np.uint32(SPACE):
                i += 1
                continue
            a = i
            if whole[row] or flags[i] & np.uint32(UNSPACED):
                i += 1
                while i < stop and not marks[i] and not flags[i] & np.uint32(SPACE) and (whole[row] or flags[i] & np.uint32(UNSPACED)):
                    i += 1
                starts[n], stops[n] = a, i
                n += 1
                continue
            plain = True
            while i < stop and not flags[i] & np.uint32(SPACE | UNSPACED):
                plain = plain and flags[i] & np.uint32(ALPHA)
                i += 1
            b = i
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
                tail = _suffix_length(points, flags, prefix, powers, keys, cuts, a + head, b) if a + head < b else 0
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
            for k in range(n_tails - 1, -1, -1):
                starts[n] = tails[k]
                stops[n] = tails[k - 1] if k else edge
                n += 1
            if n - before > 1:
                n = _join(prefix, powers, keys, cuts, starts, stops, before, n)
        counts[row + 1] = n
    return starts[:n], stops[:n], counts


@kernel
def _kinds(flags, prefix, powers, starts, stops):  # type: ignore[no-untyped-def]
    """Hash and kind of each span."""
    n = len(starts)
    hashes = np.empty(n, np.uint64)
    kinds = np.zeros(n, np.uint8)
    for w in range(n):
        a, b = starts[w], stops[w]
        hashes[w] = prefix[b] - prefix[a] * powers[b - a]
        any_of, all_of, symbols = np.uint32(0), np.uint32(0xFFFFFFFF), True
        for i in range(a, b):
            any_of |= flags[i]
            all_of &= flags[i]
        kind = 0
        if not all_of & np.uint32(SYMBOL):
            kind |= IS_WORD
        if any_of & np.uint32(ALPHA):
            kind |= IS_ALPHABETIC
        if all_of & np.uint32(PUNCT):
            kind |= IS_PUNCT
        if b - a == 1 and all_of & np.uint32(TERMINAL):
            kind |= IS_END
        kinds[w] = kind
    return hashes, kinds


def as_words(chars: Chars, starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64], ends: Offsets) -> Words:
    """Words whose places are already known."""
    hashes, kinds = _kinds(chars.flags, chars.prefix, chars.powers, starts, stops)
    return Words(starts, stops, hashes, kinds, ends)


def find_words(chars: Chars, chinese: npt.NDArray[np.bool_]) -> Words:
    """All words of a slice: of documents that are `chinese` as jieba cuts them, of others as spaCy's English tokenizer does,
    but for runs of Han characters, which are always jieba's."""
    keys, cuts, _ = special_table()
    if chinese.any() or np.any(chars.flags & UNSPACED):
        marks = mark_words(chars, chinese)
    else:  # never looked at, and the dictionary need not be there
        marks = np.zeros(1, np.bool_)
    starts, stops, ends = _cut(chars.points, chars.flags, chars.prefix, chars.powers, chars.ends, keys, cuts, frozen(chinese), marks)
    return as_words(chars, starts, stops, ends)


@kernel
def _count(starts, stops, hashes, kinds, ends, stop_words, n_english):  # type: ignore[no-untyped-def]
    rows = len(ends) - 1
    counts = np.zeros((rows, 6), np.int64)
    for row in range(rows):
        seen = np.uint64(0)
        for w in range(ends[row], ends[row + 1]):
            kind = kinds[w]
            length = stops[w] - starts[w]
            if kind & IS_WORD:
                counts[row, 1] += 1
                counts[row, 2] += length
            if kind & IS_ALPHABETIC:
                counts[row, 3] += 1
            if length == 1 or (2 <= length <= 4 and kind & IS_ALPHABETIC):
                for k in range(len(stop_words)):
                    if hashes[w] == stop_words[k]:
                        seen |= np.uint64(1) << np.uint64(k)
        counts[row, 0] = ends[row + 1] - ends[row]
        for k in range(len(stop_words)):
            if seen >> np.uint64(k) & np.uint64(1):
                counts[row, 4 if k < n_english else 5] += 1
    return counts


def count_words(words: Words) -> npt.NDArray[np.int64]:
    """A row a document: tokens, words, characters of words, tokens with a letter, different stop words of English, of Chinese."""
    _, _, stop_words = special_table()
    counts = _count(words.starts, words.stops, words.hashes, words.kinds, words.ends, stop_words, len(STOP_WORDS_EN))
    return np.asarray(counts)
