"""A small crawl for the demo: pages with all that is odd about the web, and what becomes of each.

RAW/crawl/part-0.warc.gz is what `extract_text` reads; crawl_plan.json beside RAW has a row for each record: its address, its `kind` and
what is expected of it: kept (by extract_text), or rejects:REASON.
"""

from __future__ import annotations

import gzip
import html
from dataclasses import dataclass
from pathlib import Path
from random import Random

import opencc

from gristmill.demo import prose
from gristmill.demo.files import Fetched, write_warc

HTML = "text/html"
LATER = "2026-11-02T08:30:00Z"  # of pages that were fetched a second time
N_GOOD = {"en": 14, "zh": 14}
WORDS = {
    "en": {
        "menu": ("Home", "Archive", "Members", "Contact", "Shop"), "skip": "Skip to content", "foot": "All rights reserved by the millers.", "more": "More stories",
        "cookies": "We use cookies. Accept all", "by": "By the editors", "share": "Share this page",
    },
    "zh": {
        "menu": ("首页", "档案", "会员", "联系我们", "商店"), "skip": "跳到正文", "foot": "版权所有，未经许可不得转载。", "more": "更多文章",
        "cookies": "本站使用 Cookie。全部接受", "by": "编辑部", "share": "分享到",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Planned:
    """A record of the crawl, and what is expected of it."""

    kind: str
    expect: str
    page: Fetched


def page_of(text: str, lang: str, meta: str = "", extra: str = "") -> str:
    """An article of paragraphs between what sites put around it; `meta` goes into its head, `extra` behind its text."""
    words, (title, *paragraphs) = WORDS[lang], text.split("\n\n")
    links = "".join(f'<li><a href="/{i}">{word}</a></li>' for i, word in enumerate(words["menu"]))
    body = "\n".join(f"<p>{html.escape(each)}</p>" for each in paragraphs)
    return (
        f'<!DOCTYPE html>\n<html lang="{lang}"><head>{meta}<title>{html.escape(title[:80])}</title>'
        "<style>body { margin: 2em }</style><script>var shown = false;</script></head>\n"
        f'<body><a href="#main">{words["skip"]}</a><nav><ul>{links}</ul></nav><div class="cookie-banner">{words["cookies"]}</div>\n'
        f'<main id="main"><article><h1>{html.escape(title[:80])}</h1><p class="byline">{words["by"]}</p>\n<p>{html.escape(title)}</p>\n{body}\n{extra}</article></main>\n'
        f'<aside class="related"><h2>{words["more"]}</h2><ul>{links}</ul></aside><footer>{words["share"]}: {links}<p>{words["foot"]}</p></footer></body></html>\n'
    )


class Crawl:
    """The records of one seed."""

    def __init__(self, seed: int) -> None:
        self.seed, self.seen = seed, prose.DissimilarTexts()
        self.records: list[Planned] = []

    def text(self, *names: object, lang: str) -> str:
        """A text of its own for each name."""
        rng = Random(f"{self.seed}/crawl/{'/'.join(map(str, names))}")
        return prose.write_dissimilar(rng, lang, "web", rng.choice(prose.TOPICS), self.seen).text

    def add(self, kind: str, expect: str, url: str, body: bytes | str = b"", /, **more: object) -> Fetched:
        """A record of the crawl."""
        data = body.encode() if isinstance(body, str) else body
        page = Fetched(url, data, **more)  # type: ignore[arg-type]
        self.records.append(Planned(kind, expect, page))
        return page

    def good(self) -> None:
        """Articles in the encodings that pages come in, declared rightly, wrongly and not at all."""
        taiwan = opencc.OpenCC("s2tw")
        ways = [("utf-8", "utf-8"), ("utf-8", None), ("gb18030", "gb2312"), ("gb18030", "utf-8"), ("big5", "big5"), ("utf-8", "iso-8859-1"), ("big5", None)]
        for lang, n in N_GOOD.items():
            for i in range(n):
                text, (used, declared) = self.text("good", lang, i, lang=lang), ways[i % len(ways)] if lang == "zh" else ("utf-8", ways[i % 2][1])
                text = taiwan.convert(text) if used == "big5" else text
                meta = f'<meta charset="{declared}">' if declared and i % 3 else ""
                kind = HTML + (f"; charset={declared}" if declared and not i % 3 else "")
                body = page_of(text, lang, meta).encode(used, "xmlcharrefreplace")
                self.add("article", "kept", f"https://news-{lang}.example/2026/{i}", body, headers=(("Content-Type", kind),))

    def packed(self) -> None:
        """Bodies as servers send them: in chunks, and compressed."""
        for i, lang in enumerate(("en", "zh")):
            body = page_of(self.text("packed", lang, lang=lang), lang).encode()
            data = gzip.compress(body, mtime=0) if i else body
            chunks = b"".join(b"%x\r\n%s\r\n" % (len(data[at : at + 1000]), data[at : at + 1000]) for at in range(0, len(data), 1000)) + b"0\r\n\r\n"
            headers = (("Content-Type", HTML), ("Transfer-Encoding", "chunked"), *([("Content-Encoding", "gzip")] if i else []))
            self.add("packed", "kept", f"https://packed.example/{lang}", chunks, headers=headers)

    def structured(self) -> None:
        """A table, code and a formula, which stay text."""
        table = "<table><tr><th>Grain</th><th>Sacks</th></tr><tr><td>wheat</td><td>12</td></tr><tr><td>rye</td><td>7</td></tr></table>"
        code = "<pre><code>def sacks(n):\n    for i in range(n):\n        print(i)\n</code></pre>"
        tex = '<p>The stone turns with <script type="math/tex">v = \\omega r</script> at its rim.</p>'
        for name, extra in (("table", table), ("code", code), ("formula", tex)):
            self.add(name, "kept", f"https://manual.example/{name}", page_of(self.text(name, lang="en"), "en", extra=extra))

    def repeats(self) -> None:
        """The same address twice with another text, twice with the same text, and the same text under two addresses."""
        for i in range(3):
            lang = ("en", "zh", "en")[i]
            url, texts = f"https://again.example/{i}", [self.text("again", i, when, lang=lang) for when in (0, 1)]
            # the newer one comes first in the file
            self.add("newer_version", "kept", url, page_of(texts[1], lang), date=LATER)
            self.add("older_version", "rejects:older_version", url, page_of(texts[0], lang))
        same = page_of(self.text("same", lang="en"), "en")
        for expect in ("kept", "rejects:repeated_document"):
            self.add("fetched_twice", expect, "https://same.example/page", same)
        for host in ("mirror-1", "mirror-2"):
            self.add("mirrored", "kept", f"https://{host}.example/page", page_of(self.text("mirrored", lang="zh"), "zh"))

    def refused(self) -> None:
        """What is no page with a text, by its status, type, size, address or the wish of its publisher."""
        lost = page_of("Nothing here\n\nThe page that you look for is not here.", "en")
        for status, reason in (("404 Not Found", "status_404"), ("404 Not Found", "status_404"), ("301 Moved Permanently", "status_301"), ("503 Service Unavailable", "status_503")):
            self.add("no_success", f"rejects:{reason}", f"https://lost.example/{len(self.records)}", lost, status=status)
        self.add("pdf", "rejects:pdf", "https://files.example/report.pdf", b"%PDF-1.7\n" + b"x" * 2000, headers=(("Content-Type", "application/pdf"),))
        self.add("pdf", "rejects:pdf", "https://files.example/lying", b"%PDF-1.7\n" + b"x" * 2000, headers=(("Content-Type", "text/html"),))
        self.add("image", "rejects:not_html", "https://files.example/a.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 2000, headers=(("Content-Type", "image/png"),))
        self.add("tiny", "rejects:too_small", "https://tiny.example/", "<html><body>ok</body></html>")
        plain = page_of(self.text("address", lang="en"), "en")
        for url, reason in (
            ("https://porn.example/1", "adult_url"), ("https://pics.example/sexy-nude-photos", "adult_url"), ("https://poker-casino.example/", "gambling_url"),
            ("https://www.malware.example/setup", "malware_url"), ("https://blog.contentfarm.example/7", "blocked_domain"),
        ):  # fmt: skip
            self.add("address", f"rejects:{reason}", url, plain)
        self.add("opted_out", "rejects:publisher_opted_out", "https://artists.example/", page_of(self.text("noai", lang="en"), "en", '<meta name="robots" content="noai, noimageai">'))
        opted_out = (("Content-Type", HTML), ("X-Robots-Tag", "noai"))
        self.add("opted_out", "rejects:publisher_opted_out", "https://writers.example/", page_of(self.text("noai header", lang="zh"), "zh"), headers=opted_out)

    def broken(self) -> None:
        """Pages that no decoder and no parser should have to bear."""
        half = page_of(self.text("half", lang="zh"), "zh").encode()
        mixed = half[: len(half) // 2] + b"".join(bytes([129 + i % 120, 255]) for i in range(2000)) + half[len(half) // 2 :]
        self.add("mixed_bytes", "rejects:invalid_encoding", "https://broken.example/bytes", mixed)
        self.add("nested", "rejects:nested_too_deep", "https://broken.example/deep", "<html><body>" + "<div>" * 20_000 + self.text("deep", lang="en"))
        script = "<html><head><title>App</title></head><body><script>" + "window.app = {};" * 100 + "</script></body></html>"
        self.add("no_text", "rejects:empty_text", "https://broken.example/app", script)
        self.add("revisit", "rejects:revisit", "https://news-en.example/2026/0", kind="revisit", raw=b"HTTP/1.1 304 Not Modified\r\n\r\n")


def make(folder: Path, seed: int) -> list[dict[str, str]]:
    """Writes the crawl into `folder`; returns the rows of its plan, in the order of its records."""
    crawl = Crawl(seed)
    crawl.good()
    crawl.packed()
    crawl.structured()
    crawl.repeats()
    crawl.refused()
    crawl.broken()
    Random(f"{seed}/crawl/order").shuffle(crawl.records)
    folder.mkdir(parents=True)
    path = folder / "part-0.warc.gz"
    write_warc(path, [each.page for each in crawl.records])
    return [{"url": each.page.url, "kind": each.kind, "expect": each.expect} for each in crawl.records]
