"""Title, date, language and metas of a page, in the forms that publishing systems write."""

from __future__ import annotations

import pytest

from gristmill.udfs.crawl.metadata import Metadata, day_of, read_metadata
from gristmill.udfs.html.nodes import Limits, read_nodes


def read(html: str) -> Metadata:
    return read_metadata(read_nodes(html.encode(), Limits(10_000, 500, 100)))


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ('<meta property="article:published_time" content="2024-05-06T07:08:09+00:00">', "2024-05-06"),
        ("<meta name=publishdate content='2019年3月4日'>", "2019-03-04"),
        ('<meta name="PubDate" content="2021/12/1 10:00">', "2021-12-01"),
        ('<script type="application/ld+json">{"@graph": [{"@type": "WebPage"}, {"datePublished": "2020-02-29T01:00"}]}</script>', "2020-02-29"),
        ('<script type="application/ld+json">{"datePublished": "2020-02-30"}</script>', None),
        ('<script type="application/ld+json">{"broken": </script><time datetime="2018-01-02">', "2018-01-02"),
        ('<script type="application/ld+json">' + "[" * 30_000 + "</script>", None),
        ('<time datetime="12:30"></time><time datetime="20170304">', "2017-03-04"),
        ('<meta name="date" content="soon">', None),
        ('<meta name="modified" content="2024-05-06">', None),
        # the date of publication comes before that of the element
        ('<time datetime="2001-01-01"></time><meta itemprop="datePublished" content="2002-02-02">', "2002-02-02"),
    ],
)
def test_the_day_of_publication(head: str, expected: str | None) -> None:
    assert read(f"<html><head>{head}</head></html>").date == expected


@pytest.mark.parametrize(("text", "expected"), [("2024-13-01", None), ("1024-10-01", None), ("id 120240506", None), ("20240506123000", "2024-05-06"), ("", None), ("2024.5.6", "2024-05-06")])
def test_a_day_is_one_of_the_calendar(text: str, expected: str | None) -> None:
    assert day_of(text) == expected


def test_the_title_is_that_for_readers() -> None:
    assert read("<title>A &amp; B\n | Site</title>").title == "A & B | Site"
    assert read('<title>A | Site</title><meta property="og:title" content="A &lt;b&gt;">').title == "A <b>"
    assert read('<title>A | Site</title><meta property="og:title" content=" ">').title == "A | Site"
    assert read("<p>no title</p>").title is None
    assert read("<title>\n</title>").title is None


@pytest.mark.parametrize(("tag", "expected"), [('<html lang="zh-CN">', "zh-CN"), ("<html xml:lang=en>", "en"), ("<html>", None), ('<html lang="{{lang}}">', None), ("<html lang=''>", None)])
def test_the_language_is_the_one_that_html_names(tag: str, expected: str | None) -> None:
    assert read(f"{tag}<p lang='fr'>x</p>").lang == expected


def test_metas_keep_every_content_in_order() -> None:
    found = read("<meta name=Robots content=noai><meta name=robots content='noindex, x'><meta name=empty><meta content=y>")
    assert found.metas == {"robots": ("noai", "noindex, x")}
