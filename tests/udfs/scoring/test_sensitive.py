"""Terms are found whatever their case, width or script variant, where they are words of their own, and not inside harmless ones."""

import random

import pyarrow as pa
import pytest

from gristmill.udfs.scoring.sensitive import WordList, hits, measure, score_texts

WORDS = WordList("test", (("cunt", "abuse"), ("sex cam", "sexual"), ("cam", "device"), ("赌博", "gambling"), ("网上赌博", "gambling"), ("妈的", "abuse")), (("abuse", 0.5), ("sexual", 1.0), ("device", 0.1), ("gambling", 1.0)), ("爸妈的", "cam shaft"))


def terms(text: str) -> list[str]:
    from gristmill.udfs.scoring.sensitive import FOLD
    from gristmill.udfs.text.folding import fold_text

    return [hit.term for hit in hits(fold_text(text, FOLD), WORDS)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Scunthorpe", []),
        ("a CUNT.", ["cunt"]),
        ("ＣＵＮＴ", ["cunt"]),
        ("cunt2", []),
        ("那个cunt吗", ["cunt"]),
        ("sex  cam", ["sex cam"]),
        ("sex cams", []),
        ("a cam and a cam shaft", ["cam"]),
        ("網上賭博", ["网上赌博"]),
        ("他在赌博，妈的", ["赌博", "妈的"]),
        ("爸妈的房子", []),
        ("", []),
        ("   ", []),
    ],
)
def test_a_term_counts_where_it_is_a_word_of_its_own(text: str, found: list[str]) -> None:
    assert terms(text) == found


def test_the_share_is_of_characters_and_weighted_by_category() -> None:
    assert measure("cunt good", WORDS) == (0.5, 0.5 * 4 / 8, {"abuse": 1})
    assert measure("赌博赌博 cam 好好", WORDS) == (2.1, round((4 + 0.3) / 9, 6), {"device": 1, "gambling": 2})
    assert measure("nothing of the kind", WORDS) == (0.0, 0.0, {})


def plainly(folded: str) -> list[str]:
    """Every term at every place, the longest first at each; by hand."""
    found, at = [], 0
    known = sorted([term for term, _ in WORDS.terms] + list(WORDS.allow), key=len, reverse=True)
    while at < len(folded):
        here = [t for t in known if folded.startswith(t, at) and not (t[0].isascii() and at and folded[at - 1].isascii() and folded[at - 1].isalnum())]
        here = [t for t in here if not (t[-1].isascii() and folded[at + len(t) : at + len(t) + 1].isascii() and folded[at + len(t) : at + len(t) + 1].isalnum())]
        if here:
            found += [here[0]] if here[0] not in WORDS.allow else []
            at += len(here[0])
        else:
            at += 1
    return found


def test_the_automaton_finds_what_a_search_at_every_place_finds() -> None:
    draw = random.Random(3)
    pieces = ["cunt", "sex cam", "sex", " ", "cam", " shaft", "x", "赌博", "网上", "妈的", "爸", "。", "s"]
    texts = ["".join(draw.choice(pieces) for _ in range(draw.randrange(12))) for _ in range(3000)]
    texts = [" ".join(text.split()) for text in texts]
    assert [terms(text) for text in texts] == [plainly(text) for text in texts]
    assert sum(bool(terms(text)) for text in texts) > 1000


def test_a_list_without_terms_or_with_an_empty_one_is_refused() -> None:
    with pytest.raises(ValueError, match="has no term"):
        measure("x", WordList("none", (), (), ()))
    with pytest.raises(ValueError, match="is empty once it is folded"):
        measure("x", WordList("blank", ((" ", "a"),), (("a", 1.0),), ()))


def test_each_text_has_a_score_and_another_list_another_version() -> None:
    assert score_texts(pa.array(["cunt good", None]), WORDS).to_pylist() == [
        {"raw": 0.5, "score": 0.25, "detail": '{"abuse": 1}'}, {"raw": 0.0, "score": 0.0, "detail": None},
    ]  # fmt: skip
    assert WordList("test", WORDS.terms[1:], WORDS.weights, WORDS.allow).version != WORDS.version
