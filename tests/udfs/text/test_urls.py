"""What has a host is an address, in whatever way it is written; what has none names no page."""

from __future__ import annotations

import re
import time

import pytest

from gristmill.udfs.text.urls import ADDRESS, PLAIN, address_of
from tests.timing import grows_linearly

ADDRESSES = """http://a.example.com/1|https://a.test|http://wiki/Page_1|HTTP://WWW.A.COM:8080/x?y#z|//cdn.example.com/x|ftp://user:pw@host.org/x|www.example.com
www.example.com/a|example.com/a|例子.中国/文|https://例子.中国/文|http://[2001:db8::1]/x|http://10.0.0.1/x|http://a_b.example.com/|s3://bucket/key|http://example.com?x=1
http://user@host.com|http://xn--fiq228c.cn/|https://zh.wikipedia.org/wiki/%E6%96%87|http://localhost.example.com/a|http://nan.com/1|https://undefined.org
https://web.archive.org/web/2020/http://a.com/|http://example.com/a b|hdfs://node:8020/x""".replace("\n", "|").split("|")
NO_ADDRESSES = [
    *"""n/a|N/A|-|None|null|NaN|nan|TODO|unknown|localhost|localhost:8000/x|/index.html|./a|../b|index.html|a.pdf|mailto:a@b.com|javascript:void(0)|javascript://a.com/x
file:///a/b|file:///C:/x|C:\\x\\y|about:blank|data:text/html,abc|#|?|?id=3|http://|https://|http:|//|///x|http:///x|http://-|http://...|http://localhost/x|http://127.0.0.1:80/x
http://[::1]/|http://undefined/x|https://null|http://None/|tel:+1|urn:isbn:123|doi:10.1/2|a@b.com|1.2/3|.|..|http://:80/|http://?x|http://#x|<>|< >|www|www.|see text
blob:https://a.com/x|example|无|暂无""".replace("\n", "|").split("|"), "", " ", "\t",
]  # fmt: skip

# Spellings of one page, for whoever compares addresses.
SPELLINGS = [
    ["http://www.a.com/x", "https://A.com/x/", "www.a.com/x", "//a.com/x#top"],
    ["https://zh.example.org/%E6%96%87?q=%C3%A9a", "http://zh.example.org/%e6%96%87?q=%c3%a9a"], ["http://a.com/%zz%4", "http://a.com/%zz%4/"],
]  # fmt: skip


@pytest.mark.parametrize("url", ADDRESSES)
def test_a_url_with_a_host_is_an_address_without_what_stands_around_it(url: str):
    assert [address_of(form) for form in (url, f" {url}\n", f"<{url}>", f" < {url} > ")] == [url] * 4


@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_what_has_no_host_is_no_address(url: str):
    assert (address_of(url), address_of(f"<{url}>")) == (None, None)


def test_what_columns_take_for_an_address_beyond_doubt_is_one():
    plain = [url for url in [*ADDRESSES, *NO_ADDRESSES] if re.match(PLAIN, url)]
    assert len(plain) > 3
    assert all(address_of(url) == url and re.match(ADDRESS, url) for url in plain)


@pytest.mark.parametrize("piece", ["a.", "http://a.", "@", "www.a.b", "//", "<", "a-", "[:", "%e4", "xn--", " "])
def test_the_time_of_a_long_url_grows_with_its_length_alone(piece: str):
    def seconds(n: int) -> float:
        url, start = piece * (n // len(piece)), time.process_time()
        for form in (url, f"http://{url}", f"http://{url} "):
            address_of(form)
        return time.process_time() - start

    seconds(1000)
    assert grows_linearly(seconds, 100_000)
