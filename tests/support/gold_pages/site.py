"""A page under way: its content, its draws, and the pieces that every site has around the content."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape, unescape
from random import Random
from typing import Any

from tests.support.gold_pages.contents import Content, Post
from tests.support.gold_pages.markup import Style, Writer, pick
from tests.support.gold_pages.noise import linked_data, noise
from tests.support.gold_pages.phrases import CHINESE, ENGLISH, Phrases

# Names that sites give to what holds their text, and attributes that say nothing.
NAMES = "content text entry detail inner main-text con article-body rich-text module block column editor-output page-body zw nr wenzhang".split()
ATTRIBUTES = ["", "", ' style="overflow: hidden"', ' data-v-7ba5bd90=""', ' onselectstart="return true"', ' dir="auto"', ' data-spm="a1z10"']


@dataclass
class Site:
    """One page while it is written. `scale` makes what surrounds the content longer or shorter."""

    content: Content
    style: Style
    scale: float
    old: bool  # of the time before HTML5
    draw: Random = field(init=False)
    said: list[str] = field(default_factory=list)  # phrases around the content, as they are read
    writer: Writer = field(init=False)

    def __post_init__(self) -> None:
        self.draw = Random(self.content.name)
        self.writer = Writer(self.style.drawn(self.draw), self.draw, self.zh)

    @property
    def zh(self) -> bool:
        return self.content.lang == "zh"

    @property
    def words(self) -> Phrases:
        return CHINESE if self.zh else ENGLISH

    # draws

    def pick(self, values: Any) -> Any:
        return pick(self.draw, values)

    def several(self, values: list[str], n: int) -> list[str]:
        """Of each at most one, in an order of their own."""
        left = list(values)
        return [left.pop(int(self.draw.random() * len(left))) for _ in range(min(n, len(left)))]

    def number(self, low: int, high: int) -> int:
        return low + int(self.draw.random() * (high - low + 1))

    def n(self, base: float) -> int:
        """How many of something this page has around its content."""
        return max(1, round(base * self.scale * (0.7 + 0.6 * self.draw.random())))

    def flip(self, *parts: str) -> str:
        """Columns in either order."""
        return "\n".join(parts if self.draw.random() < 0.6 else parts[::-1])

    def date(self) -> str:
        low, high = (2005, 2012) if self.old else (2016, 2025)
        return f"{self.number(low, high)}-{self.number(1, 12):02d}-{self.number(1, 28):02d}"

    # the content

    @property
    def title(self) -> str:
        return self.writer.escaped(self.content.title)

    @property
    def bare(self) -> str:
        """All blocks that belong to no post."""
        return self.writer.blocks(self.content.blocks)

    def interrupted(self, piece: str) -> str:
        """The same with something in the midst of it that does not belong there."""
        at = (len(self.content.blocks) + 1) // 2
        first, second = self.content.blocks[:at], self.content.blocks[at:]
        return self.nested(f"{self.writer.blocks(first)}\n{piece}\n{self.writer.blocks(second)}")

    @property
    def body(self) -> str:
        """All blocks that belong to no post, nested."""
        return self.nested(self.bare)

    def nested(self, html: str) -> str:
        """Within up to three elements of names of their own, as editors and plug-ins leave them."""
        for _ in range(self.number(0, 3)):
            name = self.pick(NAMES) + self.pick(["", "", "-inner", "_box", f"-{self.number(1, 99)}"])
            html = f'<div {self.pick(["class", "class", "id"])}="{name}"{self.pick(ATTRIBUTES)}>{html}</div>'
        return html

    def posts(self) -> list[tuple[Post, str]]:
        return [(post, self.writer.blocks(post.blocks)) for post in self.content.posts]

    # what is around it

    def say(self, text: str) -> str:
        """A phrase that is not content, as HTML."""
        self.said.append(text)
        return escape(text, quote=False)

    @property
    def name(self) -> str:
        kind = {"forum": ("论坛", "Forums"), "product": ("商城", "Store"), "notice": ("市政务网", "County Council")}
        zh, en = kind.get(self.content.kind, ("在线", "Online"))
        place = self.words.places[sum(map(ord, self.content.name)) % len(self.words.places)]
        return place + zh if self.zh else f"{place} {en}"

    def headline(self) -> str:
        fill = {"place": self.pick(self.words.places), "thing": self.pick(self.words.things), "n": self.number(3, 19)}
        text = self.pick(self.words.headlines).format(**fill)
        return self.say(text[:1].upper() + text[1:])

    def headlines(self, base: float) -> list[str]:
        return [self.headline() for _ in range(self.n(base))]

    def links(self, base: float, form: str = '<li><a href="/a/{n}.html">{t}</a></li>') -> str:
        """Links to other pages; {t} their text, {n} a number, {d} a date, {v} how often they were read."""
        return "\n".join(self.filled(form, each) for each in self.headlines(base))

    def filled(self, form: str, text: str) -> str:
        values = {"{t}": text, "{n}": str(self.number(10000, 99999)), "{d}": self.date(), "{v}": str(self.number(3, 9000)), "{u}": self.user()}
        return re.sub(r"\{[tndvu]\}", lambda match: values[match[0]], form)

    def nav(self, n: int, form: str = '<li><a href="/{n}/">{t}</a></li>') -> str:
        return "\n".join(self.filled(form, each) for each in self.several(self.words.nav, n))

    def user(self) -> str:
        return self.pick(self.words.users)

    def comments(self, base: float, form: str) -> str:
        """Comments by readers: {u} name, {d} date, {t} text."""
        return "\n".join(self.filled(form, self.comment()) for _ in range(self.n(base)))

    def comment(self) -> str:
        first, second = self.several(self.words.comments, 2)
        gap = "" if self.zh else " "
        return self.say(f"{first}{gap}{second}" if self.draw.random() < 0.5 else first)

    def label(self) -> str:
        return self.pick(self.words.labels)

    def ad(self) -> str:
        return self.say(self.pick(self.words.ads))

    def login(self) -> str:
        return self.say(self.pick(self.words.logins))

    def cookie(self) -> str:
        return self.say(self.pick(self.words.cookies))

    def signature(self) -> str:
        return self.say(self.pick(self.words.signatures))

    def share(self, n: int, form: str = '<a href="javascript:;" class="share-{n}">{t}</a>') -> str:
        return "\n".join(self.filled(form, each) for each in self.several(self.words.share, n))

    def tags(self, n: int, form: str = '<a rel="tag" href="/tag/{n}">{t}</a>') -> str:
        return "\n".join(self.filled(form, each) for each in self.several(self.words.tags, n))

    def footer(self, n: int, form: str = "<p>{t}</p>") -> str:
        """Notes at the foot of a site; a Chinese one has the (invented) number of its registration."""
        notes = [*self.several(self.words.footers, n), self.pick(self.words.legal).replace("{n}", str(self.number(10, 99)))]
        if self.zh:
            notes.append(f"临ICP备{self.number(10000000, 19999999)}号-{self.number(1, 5)}　临公网安备0000000200{self.number(1000, 9999)}号")
        else:
            notes.append(f"© {self.number(2009, 2025)} {self.name}")
        return "\n".join(self.filled(form, self.say(each)) for each in notes)

    def crumbs(self, gap: str) -> str:
        inside = gap.join(f'<a href="/{i}/">{each}</a>' for i, each in enumerate(self.several(self.words.nav, 3)))
        return f"{'当前位置：' if self.zh else ''}{inside}{gap}{'正文' if self.zh else 'This page'}"

    # head and foot of the file

    def head(self, extra: str = "") -> str:
        style, self.scripts = noise(self.draw.random, 2 + 40 * self.draw.random() ** 4, self.old)
        declared = self.content.options.get("declared", "utf-8")
        meta = f'<meta charset="{declared}">'
        if self.old:
            meta = f'<meta http-equiv="Content-Type" content="text/html; charset={declared}">'
        keywords = ",".join(self.several(self.words.tags, 3))
        ld = "" if self.old or self.draw.random() < 0.4 else linked_data(self.content.kind, self.content.title, self.name, self.date())
        gap = self.pick(["_", " - ", " | ", "-"])
        return f"""<head>
{"" if declared == "none" else meta}
<title>{escape(self.content.title)}{gap}{self.name}</title>
<meta name="keywords" content="{keywords}">
<meta name="description" content="{escape(self.content.title)}，{self.name}">
<link rel="stylesheet" href="/static/css/main.{self.number(1000, 9999)}.css">
{style}
{extra}{ld}
</head>"""

    def tail(self) -> str:
        return self.scripts


@dataclass(frozen=True)
class Layout:
    """A function that writes a page, and the manner in which it writes the content."""

    page: Callable[[Site], str]
    style: Style
    old: bool


LAYOUTS: dict[str, Layout] = {}


def layout(old: bool = False, **style: Any) -> Callable[[Callable[[Site], str]], Callable[[Site], str]]:
    """Enters a function in LAYOUTS by its name."""

    def entered(page: Callable[[Site], str]) -> Callable[[Site], str]:
        LAYOUTS[page.__name__] = Layout(page, Style(**style), old)
        return page

    return entered


def visible(html: str) -> str:
    """The text of a page without scripts, styles and comments; a blank for each tag."""
    html = re.sub(r"(?is)<(script|style|title)\b.*?</\1\s*>|<!--.*?-->", " ", html)
    return unescape(re.sub(r"(?s)<[a-zA-Z/!][^>]*>", " ", html))
