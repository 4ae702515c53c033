"""What a publisher asks is read from metas and headers, for all crawlers and for one of them."""

from __future__ import annotations

import pytest

from gristmill.udfs.crawl.wishes import wishes


@pytest.mark.parametrize(
    ("headers", "metas", "expected"),
    [
        ({}, {}, ()),
        ({}, {"robots": ("index, follow",)}, ()),
        ({}, {"robots": ("noai, noimageai",)}, ("noai", "noimageai")),
        ({}, {"robots": ("NOAI",), "gptbot": ("noindex",)}, ("gptbot:noindex", "noai")),
        ({}, {"robots": ("none",)}, ("noindex",)),
        ({}, {"robots": ("index", "noai")}, ("noai",)),
        ({}, {"ccbot": ("noarchive nosnippet",)}, ("ccbot:noarchive", "ccbot:nosnippet")),
        ({}, {"google-extended": ("noai",)}, ("google-extended:noai",)),
        ({}, {"description": ("noai",), "keywords": ("noindex",)}, ()),
        ({"x-robots-tag": "noai"}, {"robots": ("noai",)}, ("noai",)),
        ({"x-robots-tag": "noindex, gptbot: noai, noimageai"}, {}, ("gptbot:noai", "gptbot:noimageai", "noindex")),
        ({"x-robots-tag": "max-snippet: 20, noindex"}, {}, ("noindex",)),
        ({"x-robots-tag": "unavailable_after: 25 Jun 2030 15:00:00 PST, noai"}, {}, ("noai",)),
        ({"tdm-reservation": "1"}, {}, ("tdm-reservation",)),
        ({"tdm-reservation": "0"}, {}, ()),
        ({"tdm-reservation": "0, 1"}, {}, ("tdm-reservation",)),
        ({}, {"tdm-reservation": ("1",)}, ("tdm-reservation",)),
        ({}, {"tdm-policy": ("https://example.org/1",)}, ()),
    ],
)
def test_wishes_are_read(headers: dict[str, str], metas: dict[str, tuple[str, ...]], expected: tuple[str, ...]) -> None:
    assert wishes(headers, metas) == expected
