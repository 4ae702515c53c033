"""The characters of a page are right, or the page is refused; what it declares decides nothing."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.udfs import reasons
from gristmill.udfs.crawl import charset
from gristmill.udfs.read.values import Reject

BAD_SHARE = 0.001
# Sentences of our own; in Traditional characters for Big5.
CHINESE = ["清晨的磨坊里，水轮慢慢地转动，把河水的力量传给石磨。", "村民们把麦子背来，等上半天，再把面粉背回家去。", "老人说，这条河从来没有干过，他的祖父也这样说。", "孩子们在岸边钓鱼，谁钓得多，晚上就可以多吃一块饼。"]
TRADITIONAL = ["清晨的磨坊裡，水輪慢慢地轉動，把河水的力量傳給石磨。", "村民們把麥子背來，等上半天，再把麵粉背回家去。", "老人說，這條河從來沒有乾過，他的祖父也這樣說。", "孩子們在岸邊釣魚，誰釣得多，晚上就可以多吃一塊餅。"]
ENGLISH = ["The mill stands where the river bends, and its wheel turns slowly.", "Farmers bring their grain at dawn and wait for the flour.", "Nobody remembers a summer in which the water failed."]
WESTERN = {
    "cp1252": "Le café était fermé à Noël; l’élève français goûtait l’été près du château, où “tout” finit. ",
    "cp1250": "Zażółć gęślą jaźń, łódź płynie przez rzekę, środa była ciepła i wszyscy wyszli. ",
    "cp1251": "Привет, это простая страница о погоде и городе, где живут люди. ",
    "koi8-r": "Привет, это простая страница о погоде и городе, где живут люди. ",
    "shift_jis": "今日は天気がとても良いので、公園に行きました。とても楽しかったです。",
    "euc_jp": "今日は天気がとても良いので、公園に行きました。とても楽しかったです。",
    "iso2022_jp": "今日は天気がとても良いので、公園に行きました。とても楽しかったです。",
}
LIES = {"utf-8": "gb2312", "gb18030": "big5", "big5": "utf-8"}


def page(sentences: list[str], declared: str | None, seed: int = 7, n: int = 40) -> str:
    """A page of `n` sentences in random order, with English names of classes, links and scripts around them."""
    rng = random.Random(seed)
    meta = f'<meta charset="{declared}">' if declared else ""
    items = "".join(f'<li><a href="/item/{i}">{rng.choice(sentences)[:6]}</a></li>' for i in range(8))
    body = "".join(f"<p>{rng.choice(sentences)}</p>\n" for _ in range(n))
    return f"<!doctype html><html><head>{meta}<title>{sentences[0][:10]}</title><script>var a = 1;</script></head><body><ul class='menu'>{items}</ul><main>{body}</main></body></html>"


@pytest.mark.parametrize("language", ["chinese", "english"])
@pytest.mark.parametrize("declaration", ["right", "absent", "lying"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "big5"])
def test_the_nine_combinations_are_read_right(encoding: str, declaration: str, language: str) -> None:
    sentences = ENGLISH if language == "english" else TRADITIONAL if encoding == "big5" else CHINESE
    declared = {"right": encoding, "absent": None, "lying": LIES[encoding]}[declaration]
    text = page(sentences, declared)
    found = charset.decode(text.encode(encoding), BAD_SHARE)
    assert found.text == text
    assert found.n_bad == 0
    # plain ASCII is the same in all of them
    assert found.encoding == (encoding if language == "chinese" else "utf-8")


@pytest.mark.parametrize("encoding", WESTERN)
def test_other_encodings_are_read_right(encoding: str) -> None:
    # many different sentences, as in a real page: the detector counts how often letters come
    words = WESTERN[encoding].split() if " " in WESTERN[encoding] else re.findall("..", WESTERN[encoding])
    rng = random.Random(5)
    text = page([" ".join(rng.sample(words, len(words))) for _ in range(30)], None)
    try:
        assert charset.decode(text.encode(encoding), BAD_SHARE).text == text
    except Reject:
        assert encoding == "cp1250"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_byte_order_mark_decides_and_is_no_text(encoding: str) -> None:
    text = page(CHINESE, "big5")
    found = charset.decode(("\ufeff" + text).encode(encoding), BAD_SHARE)
    assert (found.text, found.encoding) == (text, encoding)


def mixtures() -> dict[str, bytes]:
    chinese, english = page(CHINESE, "utf-8"), page(ENGLISH, None)
    accents = page([WESTERN["cp1252"]], None)
    cut = chinese.encode()
    return {
        "half UTF-8, half GB18030": chinese.encode() + chinese.encode("gb18030"),
        "a tenth UTF-8 in GB18030": chinese.encode("gb18030") * 9 + chinese.encode(),
        "a sentence of UTF-8 in GB18030": chinese.encode("gb18030") + CHINESE[0].encode(),
        "a sentence of UTF-8 in Big5": page(TRADITIONAL, None).encode("big5") + TRADITIONAL[0].encode(),
        "a sentence of GB18030 in UTF-8": chinese.encode() + CHINESE[0].encode("gb18030"),
        "half UTF-8, half windows-1252": accents.encode() + accents.encode("cp1252"),
        "UTF-16 without a mark": english.encode("utf-16-le"),
        "Chinese UTF-16 without a mark": chinese.encode("utf-16-be"),
        "NULs": english.encode().replace(b"river", b"ri\0ver"),
        "every tenth byte gone": b"".join(cut[i : i + 9] for i in range(0, len(cut), 10)),
        "Korean": page(["안녕하세요 여러분 오늘은 날씨가 아주 좋습니다 그래서 공원에 갔습니다. "], "euc-kr").encode("euc_kr"),
        "ISO-2022-KR": b"<p>\x1b$)C\x0e" + "안녕하세요".encode("iso2022_kr")[4:] * 40,
        "every byte there is": bytes(range(256)) * 20,
        "an image": bytes(random.Random(3).randbytes(4000)),
    }


@pytest.mark.parametrize("name", mixtures())
def test_mixed_and_broken_bytes_are_refused(name: str) -> None:
    with pytest.raises(Reject) as error:
        charset.decode(mixtures()[name], BAD_SHARE)
    assert error.value.reason == reasons.INVALID_ENCODING


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "big5"])
def test_a_page_cut_in_the_middle_of_a_character_loses_only_that(encoding: str) -> None:
    text = page(TRADITIONAL if encoding == "big5" else CHINESE, None, n=200) + "磨"
    found = charset.decode(text.encode(encoding)[:-1], BAD_SHARE)
    assert found.text == text[:-1]
    assert found.n_bad == 1


def test_the_share_of_the_recipe_decides() -> None:
    body = page(CHINESE, None).encode() + b"\xff\xff"
    assert charset.decode(body, 2 / len(body)).n_bad == 2
    with pytest.raises(Reject):
        charset.decode(body, 1.9 / len(body))


def test_what_was_mojibake_at_its_source_is_counted() -> None:
    text = page(CHINESE, None)
    with pytest.raises(Reject):
        charset.decode(text.replace("水", "\ufffd").encode(), BAD_SHARE)
    found = charset.decode((text + "\ufffd").encode(), BAD_SHARE)
    assert (found.text, found.n_bad) == (text, 1)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["utf-8", "gb18030", "big5"]), st.integers(0, 10_000))
def test_no_bytes_give_characters_that_are_none(noise: bytes, encoding: str, at: int) -> None:
    body = page(TRADITIONAL if encoding == "big5" else CHINESE, None).encode(encoding)
    at %= len(body)
    try:
        text = charset.decode(body[:at] + noise + body[at:], BAD_SHARE).text
    except Reject:
        return
    assert not re.search("[\x00-\x08\ufffd\ud800-\udfff]", text)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([*CHINESE, *ENGLISH]), min_size=3, max_size=30), st.sampled_from(["utf-8", "gb18030"]))
def test_any_order_of_sentences_is_read_back(sentences: list[str], encoding: str) -> None:
    text = "".join(f"<p>{sentence}</p>" for sentence in sentences)
    try:
        assert charset.decode(text.encode(encoding), BAD_SHARE).text == text
    except Reject:
        # too few characters for the detector; never the wrong ones
        assert encoding != "utf-8"


@pytest.mark.parametrize(
    ("header", "meta", "expected"),
    [
        ("text/html; charset=GBK", b'<meta charset="utf-8">', "gbk"),
        ("text/html", b'<meta charset="utf-8">', "utf-8"),
        ("", b'<META http-equiv="Content-Type" content="text/html; charset=Big5">', "big5"),
        ("", b"<p>charset=utf-8</p>", None),
        ("", b" " * 1024 + b'<meta charset="utf-8">', None),
    ],
)
def test_what_is_declared(header: str, meta: bytes, expected: str | None) -> None:
    assert charset.declared({"content-type": header}, meta) == expected
