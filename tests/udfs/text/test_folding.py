"""Folded text: the kernels agree with plain Python on every character, and copies that differ in form hash alike."""

import hashlib
import unicodedata
from itertools import pairwise, product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.udfs.arrow.compiled import slices, text_buffers
from gristmill.udfs.text.compatibility import fold_forms
from gristmill.udfs.text.folding import FoldParams, content_hashes, fold_codes, fold_text

ALL = [FoldParams(*flags, keep_signs=True) for flags in product((True, False), repeat=4)]  # as exact copies are folded


def hashed(texts, params=ALL[0]):
    return content_hashes(
        pa.array(texts, pa.string()),
        nfkc=params.nfkc, casefold=params.casefold, collapse_whitespace=params.collapse_whitespace, traditional_to_simplified=params.traditional_to_simplified,
    ).to_pylist()  # fmt: skip


def plain(text, params=ALL[0]):
    return hashlib.blake2b(fold_text(text, params).encode(), digest_size=16).hexdigest()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("臺灣的軟體與網路發展", "台湾的软体与网路发展"),  # Traditional and Simplified
        ("一目瞭然，乾燥的空氣，請回覆", "一目了然，干燥的空气，请回复"),  # by the word: 瞭 stands alone elsewhere
        ("他穿著裏衣", "他穿着里衣"),  # by the place: Taiwan writes 著
        ("ＡＢＣ　１２３", "abc 123"),  # full width
        ("The  ﬁrst\n\tofﬁce ", "the first office"),  # ligatures, white space
        ("cafe\u0301", "CAFÉ"),  # a letter and its accent apart
        ("Straße", "STRASSE"),
        ("ガギグ", "ｶﾞｷﾞｸﾞ"),  # half-width kana carry their voice mark apart
        ("한국", "\u1112\u1161\u11ab\u1100\u116e\u11a8"),  # Hangul as syllables and as letters
        ("５ ㎏, ㎡ …", "5 kg, m² ..."), ("Ⅷ ⼀ µ", "viii 一 μ"), ("ﷺ ﻻ", "صلى الله عليه وسلم لا"),  # units, numerals, radicals, joined letters
        ("︵a︶\u00a0b", "(a) b"), ("①ａ²", "①A²"), ("Å", "Å"), ("豈", "豈"),  # upright forms; what is kept beside what is folded
    ],
)
def test_copies_that_differ_in_form_only_hash_alike(one, other):
    assert hashed([one]) == hashed([other])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("今天", "明天"), ("a b", "ab"), ("1.5", "15"), ("", "x"), ("él", "el"),
        ("2⁵", "25"), ("x₁₂", "x12"), ("1½ cups", "11⁄2 cups"), ("¼", "1/4"), ("①②", "12"), ("㉠", "ᄀ"), ("⒈5", "1.5"), ("⑵", "(2)"),
        ("ℝ", "R"), ("𝐱 + x", "x + 𝐱"), ("𝟚", "2"), ("10⁻³", "10−3"), ("E=mc²", "E=mc2"), ("㎡", "m2"), ("Ⓐ", "A"), ("xⁿ", "xn"),
    ],
)  # fmt: skip
def test_texts_that_differ_in_substance_hash_apart(one, other):
    assert hashed([one]) != hashed([other])


def test_what_the_recipe_does_not_fold_keeps_copies_apart():
    keep_all = FoldParams(nfkc=False, casefold=False, traditional_to_simplified=False, collapse_whitespace=False)
    assert len(set(hashed(["a b", "A b", "a  b", "ａ b"], keep_all))) == 4
    assert len(set(hashed(["汉", "漢"], keep_all))) == 2
    assert hashed(["a b"], keep_all) == [hashlib.blake2b(b"a b", digest_size=16).hexdigest()]


def test_a_missing_text_has_no_hash_and_blank_ones_share_that_of_nothing():
    assert hashed([None, "", " \n\u3000\t", "x"]) == [None, plain(""), plain(""), plain("x")]


@pytest.mark.parametrize("params", [ALL[0], ALL[-1]])
def test_every_character_folds_as_plain_python_folds_it(params):
    chars = [chr(p) for p in (*range(0xD800), *range(0xE000, 0x32400), *range(0xE0000, 0xE0200), 0x10FFFF)]
    texts = [f"a{char}b" for char in chars]
    wrong = [hex(ord(c)) for c, t, got in zip(chars, texts, hashed(texts, params)) if got != plain(t, params)]
    assert not wrong


def test_near_duplicates_fold_all_that_nfkc_folds():
    codes, _, _ = fold_codes(*text_buffers(pa.array(["2⁵ ½"])), FoldParams())
    assert "".join(chr(code & 0x1FFFFF) for code in codes) == "25 1⁄2"


def test_the_forms_that_are_folded_are_those_of_nfkc_without_the_signs():
    signs = "⁰¹²³ⁿₙ½⅓①Ⓐ㊀ℝℓ𝐀𝟘⑴⒈™ªº"
    assert fold_forms(signs) == signs
    kept = {"<super>", "<sub>", "<fraction>", "<circle>", "<font>"}
    tags = {char: unicodedata.decomposition(char).split(" ")[0] for char in map(chr, (*range(0x2000), *range(0xFF00, 0xFFF0))) if unicodedata.decomposition(char).startswith("<")}
    plain_forms = [char for char, tag in tags.items() if tag not in kept]
    assert all(fold_forms(char) == unicodedata.normalize("NFKC", char) for char in plain_forms)
    assert len(plain_forms) > 100


# The characters where the rules meet: marks, Hangul letters, sharp s, dotted I, sigma, ligatures, kana voices, spaces, hanzi
TRICKY = st.text(
    st.sampled_from("aAßİΣςﬁ…\u0301\u0327\u0345ͅᄒ\u1161\u11abｶﾞ\u3099 \u3000\n\x1c\u200b\u00ad臺乾瞭ﷺ½²%％，Å①㎡\U0001d400😀"), max_size=12
)


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(TRICKY | st.text(max_size=20), max_size=6), params=st.sampled_from(ALL))
def test_any_text_folds_as_plain_python_folds_it(texts, params):
    assert hashed(texts, params) == [plain(t, params) for t in texts]


def test_text_that_grows_beyond_its_bytes_is_not_cut():
    text = "\ufdfa" * 1000  # one character of 3 bytes that unfolds to 18
    assert hashed([text, "x"]) == [plain(text), plain("x")]


def test_malformed_bytes_become_replacement_characters_and_stay_in_their_row():
    rows = [b"\xe4\xbd", b"a\xffb\xc3", b"\xf7\xbf\xbf\xbf", b"\x80\x80", b"ok"]
    ends = np.cumsum([0, *map(len, rows)]).astype(np.int32)
    texts = pa.Array.from_buffers(pa.string(), len(rows), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(rows))])
    codes, cuts, _ = fold_codes(*text_buffers(texts), FoldParams())
    points = ["".join(chr(c & 0x1FFFFF) for c in codes[a:b]) for a, b in pairwise(cuts)]
    assert points == ["\ufffd\ufffd", "a\ufffdb\ufffd", "\ufffd", "\ufffd\ufffd", "ok"]
    assert len(content_hashes(texts)) == 5


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_slices_and_chunks_of_a_column_hash_as_the_whole_does(kind):
    texts = ["a", None, "臺", "", "long " * 50, "z"]
    whole = pa.array(texts, kind)
    expected = content_hashes(whole).to_pylist()
    assert content_hashes(whole.slice(2, 3)).to_pylist() == expected[2:5]
    assert content_hashes(pa.chunked_array([whole.slice(4), whole.slice(0, 4)])).to_pylist() == expected[4:] + expected[:4]
    assert content_hashes(whole.slice(0, 0)).to_pylist() == []
    assert content_hashes(pa.nulls(2)).to_pylist() == [None, None]


def test_a_column_of_numbers_is_refused():
    with pytest.raises(TypeError, match="string or large_string, not int64"):
        content_hashes(pa.array([1, 2]))


@given(sizes=st.lists(st.integers(0, 30), max_size=20), limit=st.integers(1, 40))
def test_slices_cover_every_row_once_and_only_a_long_document_exceeds_them(sizes, limit):
    offsets = np.cumsum([7, *sizes])
    cuts = list(slices(offsets, limit))
    assert [row for first, last in cuts for row in range(first, last)] == list(range(len(sizes)))
    assert all(last == first + 1 or offsets[last] - offsets[first] <= limit for first, last in cuts)
