"""English words that the rules of `tokens` would cut wrongly (contractions, abbreviations, emoticons), and
units.

They are the exceptions of spaCy's English tokenizer, built from their parts and not listed form by form.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import Hashes, frozen
from gristmill.udfs.text.chars import SCATTER, span_hash

LONGEST = 16  # code points of a special word
# marks a unit in the table, in the place of a length: no word has a piece of 255 characters
UNIT = 0xFF


def specials() -> dict[str, tuple[int, ...]]:
    """Word -> lengths of its pieces in code points.

    doesn't  ->  4, 3 (does, n't)      e.g.  ->  4      5pm  ->  1, 2
    """
    return _contractions() | _clippings() | _whole() | _hours()


def _contractions() -> dict[str, tuple[int, ...]]:
    """I'll, doesn't, they'd've; the same without apostrophes, with the typographic one, and capitalised."""
    # pronouns and question words with a verb, then verbs with `have` or `not`
    pieces: dict[str, tuple[int, ...]] = {}
    verbs = "could should would might must need ought".split()
    for word in "i you he she it we they who what that there this these those where when why how".split():
        for tail in ("'ll", "'d"):
            pieces[word + tail] = (len(word), len(tail))
            pieces[word + tail + "'ve"] = (len(word), len(tail), 3)
        if word not in ("he", "she", "it", "that", "this"):
            pieces[word + "'ve"] = (len(word), 3)
    for word in "you we they what who there where when why how these those".split():
        pieces[word + "'re"] = (len(word), 3)
    for word in "he she it who what that there where when why how this".split():
        pieces[word + "'s"] = (len(word), 2)
    for word in verbs:
        pieces[word + "'ve"] = (len(word), 3)
    for word in [*verbs, *"is are was were do does did have has had ai ca wo sha dare may".split()]:
        pieces[word + "n't"] = (len(word), 3)
        pieces[word + "n't've"] = (len(word), 3, 3)
    pieces |= {
        "i'm": (1, 2),
        "i'ma": (1, 2, 1),
        "let's": (3, 2),
        "not've": (3, 3),
        "y'all": (2, 3),
        "c'mon": (2, 3),
    }
    bare = {word.replace("'", ""): _bare(word, cut) for word, cut in pieces.items()}
    # without an apostrophe these are other words
    for word in "ill hell shell shed well were its lets cmon whore".split():
        bare.pop(word, None)
    pieces |= bare | {"cannot": (3, 3), "gonna": (3, 2), "gotta": (3, 2)}
    pieces |= {word.replace("'", "’"): cut for word, cut in pieces.items()}
    return pieces | {word.capitalize(): cut for word, cut in pieces.items()}


def _bare(word: str, cut: tuple[int, ...]) -> tuple[int, ...]:
    """Lengths of the pieces of a word without its apostrophes."""
    lengths, at = [], 0
    for length in cut:
        lengths.append(length - word[at : at + length].count("'"))
        at += length
    return tuple(lengths)


def _clippings() -> dict[str, tuple[int, ...]]:
    """'em, goin', o'clock: one piece, with the apostrophe."""
    words = (
        "'s 'll 're 've 'd 'em 'nuff 'bout 'cause 'cos 'coz 'cuz o'clock ma'am goin' doin' havin' "
        "lovin' nothin' nuthin' ol' somethin'"
    )
    forms = [form for word in words.split() for form in (word, word.replace("'", "’"))]
    return {form: (len(form),) for word in forms for form in (word, word.capitalize())}


_ABBREVIATIONS = """
Adm. Ala. Apr. Ariz. Ark. Aug. Bros. Calif. Co. Colo. Conn. Corp. D.C. Dec. Del. Dr. E.G. E.g. Feb. Fla. Ga.
Gen. Gov. I.E. I.e. Ia. Id. Ill. Inc.
Ind. Jan. Jr. Jul. Jun. Kan. Kans. Ky. La. Ltd. Mar. Mass. Md. Messrs. Mich. Minn. Miss. Mo. Mont. Mr. Mrs.
Ms. Mt. N.C. N.D. N.H. N.J. N.M. N.Y.
Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. Ph.D. Prof. Rep. Rev. S.C. Sen. Sep. Sept. St. Tenn. Va. Wash. Wis.
a.m. co. e.g. i.e. p.m. v.s. vs.
and/or w/o C++
"""
_EMOTICONS = """
:) :)) :))) :( :(( :((( :() :* :/ :0 :1 :3 :> :] :| :} :D :O :P :X :o :p :x :-) :-( :-* :-/ :-] :-| :-D :-P
;) ;-) ;D 8) 8-) 8-D 8D (-8 (-: (-;
): (: (; (= [: [= ]= =) =( =/ =3 =D =[ =] =| >:( <3 </3 ^_^ -_- '' ’’
"""
_UNITS = """
km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz m/s km/h kmh mph
hPa Pa mbar mb MB kb KB gb GB tb TB T G M K %
"""


def _whole() -> dict[str, tuple[int, ...]]:
    """Abbreviations with their full stop, and emoticons: one piece each."""
    # single letters, too: initials of names
    letters = [letter + "." for letter in "abcdefghijklmnopqrstuvwxyzäöü"]
    return {word: (len(word),) for word in [*_ABBREVIATIONS.split(), *_EMOTICONS.split(), *letters]}


def _hours() -> dict[str, tuple[int, ...]]:
    """5pm, 10a.m.: the hour and the half of the day."""
    return {
        f"{hour}{half}": (len(str(hour)), len(half))
        for hour in range(1, 13)
        for half in ("am", "pm", "a.m.", "p.m.")
    }


@lru_cache(maxsize=1)
def special_table() -> tuple[Hashes, npt.NDArray[np.uint8]]:
    """Hash table with linear probing: keys (0: free) and, for each, up to three lengths of pieces.

    uint64 of shape (slots,) and uint8 of shape (slots, 3); the number of slots is a power of two.
    """
    # a unit is entered behind a NUL character, so that
    # `m` as a unit and `m` as a word have different keys
    entries = {span_hash(word): cut for word, cut in specials().items()}
    entries |= {span_hash("\0" + unit): (UNIT,) for unit in _UNITS.split()}
    # a quarter full at most: nearly every lookup is of a word that is not in the table
    size = 1 << (4 * len(entries)).bit_length()
    keys, cuts = np.zeros(size, np.uint64), np.zeros((size, 3), np.uint8)
    for key, cut in entries.items():
        at = (key * SCATTER % 2**64 >> 40) & (size - 1)
        while keys[at]:
            at = (at + 1) & (size - 1)
        keys[at] = key
        cuts[at, : len(cut)] = cut
    return frozen(keys), frozen(cuts)
