"""Which addresses the lists of a recipe leave out, and which they must not."""

from __future__ import annotations

import pickle
import re
from urllib.parse import quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.udfs.crawl.url_rules import CATEGORIES, UrlList, UrlRules, host_of

LISTS = (
    UrlList("bad_hosts", "malware", "domains", ("Malware.example", "deep.host.example.co.uk", "co.uk", "xn--fsq.example", "192.0.2.7", "github.io")),
    UrlList("hard", "adult", "words", ("porn", "裸聊")),
    UrlList("soft_a", "gambling", "soft_words", ("casino", "poker", "老虎机")),
    UrlList("parts", "gambling", "parts", ("onlinecasino",)),
    UrlList("soft_b", "gambling", "soft_words", ("bonus",)),
    UrlList("others", "other", "domains", ("farm.example",)),
)
RULES = UrlRules.of(LISTS, 2)

FOUND = {
    "http://malware.example/": ("malware_url", "malware.example in bad_hosts"),
    "https://A.B.MALWARE.example.:8443/x?y#z": ("malware_url", "malware.example in bad_hosts"),
    "//user:pw@malware.example/x": ("malware_url", "malware.example in bad_hosts"),
    "malware.example/x": ("malware_url", "malware.example in bad_hosts"),
    "http://deep.host.example.co.uk/": ("malware_url", "deep.host.example.co.uk in bad_hosts"),
    "http://例.example/": ("malware_url", "xn--fsq.example in bad_hosts"),
    "http://192.0.2.7/": ("malware_url", "192.0.2.7 in bad_hosts"),
    "http://me.github.io/": ("malware_url", "github.io in bad_hosts"),
    "http://news.example/porn/1": ("adult_url", "porn in hard"),
    "http://news.example/?q=free%20PORN": ("adult_url", "porn in hard"),
    "http://news.example/" + quote("在线裸聊室"): ("adult_url", "裸聊 in hard"),
    "http://xn--yy0as1p.example/": ("adult_url", "裸聊 in hard"),
    "http://poker-casino.example/": ("gambling_url", "casino, poker in soft_a+soft_b"),
    "http://poker.example/bonus": ("gambling_url", "bonus, poker in soft_a+soft_b"),
    "http://poker.example/" + quote("真人老虎机"): ("gambling_url", "poker, 老虎机 in soft_a+soft_b"),
    "http://bestonlinecasinos.example/": ("gambling_url", "onlinecasino in parts"),
    "http://www.farm.example/": ("blocked_domain", "farm.example in others"),
}
KEPT = [
    "http://notmalware.example/", "http://malware.example.org/", "http://news.example/malware.example", "http://example.co.uk/", "http://host.example.co.uk/",
    "http://popcorn.example/", "http://pornography-studies.example/", "http://poker.example/poker/poker", "http://casino.example/", "http://1192.0.2.7.example/",
    "http://[::1/", "", "mailto:porn", "http://",
]  # fmt: skip


@pytest.mark.parametrize("url", FOUND)
def test_an_address_on_a_list_is_named_with_its_list(url: str) -> None:
    assert RULES.why_not(url) == FOUND[url]


@pytest.mark.parametrize("url", KEPT)
def test_an_address_that_only_resembles_an_entry_is_kept(url: str) -> None:
    assert RULES.why_not(url) is None


def test_without_a_list_every_address_is_kept() -> None:
    assert UrlRules.of((), 2).why_not("http://malware.example/") is None


def test_rules_arrive_on_an_executor_as_they_were() -> None:
    RULES.why_not("http://bestonlinecasinos.example/")  # its automaton is made, and does not travel
    there = pickle.loads(pickle.dumps(RULES))
    assert {url: there.why_not(url) for url in FOUND} == FOUND
    # as no module attribute is compared, a list of a million hosts costs 8 bytes an entry
    many = UrlRules.of([UrlList("many", "other", "domains", tuple(f"h{i}.example" for i in range(100_000)))], 2)
    assert len(pickle.dumps(many)) < 900_000
    assert many.why_not("https://www.h99999.example/")
    assert many.why_not("https://h100000.example/") is None


@pytest.mark.parametrize(
    ("given_list", "said"),
    [
        (UrlList("x", "politics", "words", ("a",)), "category 'politics' is none of adult, gambling, malware, other"),
        (UrlList("x", "adult", "words", ("", " ")), "x: has no entry"),
        (UrlList("x", "adult", "soft_words", ("hot girls",)), "'hot girls' is no single word"),
    ],
)
def test_a_list_that_can_match_nothing_is_an_error(given_list: UrlList, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        UrlRules.of([given_list], 2)
    with pytest.raises(ValueError, match="min_soft_words: 0 is not above 0"):
        UrlRules.of([], 0)


def plain(url: str, lists: tuple[UrlList, ...], min_soft: int) -> str | None:
    """The same in few lines, for addresses on `.example`: list by list, entry by entry."""
    host = host_of(url)
    text = f"{host} {unquote(url.partition('//')[2].partition('/')[2]).lower()}"
    words = set(re.findall(r"[^\W_]+", text))
    seen: set[str] = set()
    for each in lists:
        if each.kind == "domains":
            hit = any(host == entry.lower() or host.endswith("." + entry.lower()) for entry in each.entries)
        elif each.kind == "parts":
            hit = any(entry in text for entry in each.entries)
        else:
            same = [other for other in lists if (other.kind, other.category) == (each.kind, each.category)] if each.kind == "soft_words" else [each]
            hits = {entry for other in same for entry in other.entries if entry in words or (not entry.isascii() and entry in text)}
            hit = len(hits) >= (min_soft if each.kind == "soft_words" else 1) and not (each.kind == "soft_words" and each.category in seen)
            seen |= {each.category} if each.kind == "soft_words" else set()
        if hit:
            return CATEGORIES[each.category]
    return None


some = st.sampled_from(["casino", "poker", "bonus", "news", "porn", "malware", "farm", "a", "onlinecasino", "老虎机", "裸聊", "example", "x1"])
joined = st.lists(st.tuples(some, st.sampled_from("/-._+?=&%")), max_size=5).map(lambda parts: "".join(map("".join, parts)))
addresses = st.tuples(st.lists(st.sampled_from(["www", "a", "poker", "malware", "farm", "porn-x"]), max_size=3), joined).map(
    lambda parts: f"https://{'.'.join([*parts[0], 'example'])}/{quote(parts[1], safe='/-._+?=&')}"
)


@settings(max_examples=500, deadline=None)
@given(url=addresses)
def test_every_address_is_judged_as_by_the_plain_comparison(url: str) -> None:
    found = RULES.why_not(url)
    assert (found and found[0]) == plain(url, LISTS, 2)


@settings(max_examples=300, deadline=None)
@given(url=st.text(max_size=60))
def test_no_address_is_an_error(url: str) -> None:
    for tried in (url, f"http://{url}", f"http://a.example/{url}", f"http://{url}.example"):
        found = RULES.why_not(tried)
        assert found is None or found[0] in CATEGORIES.values()
