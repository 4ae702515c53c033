"""The main content as HTML, in the manner of one layout."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html import escape
from random import Random
from typing import Any

from tests.support.gold_pages.contents import MARK, Block
from tests.support.gold_pages.formulas import formula

ENTITIES = {"“": "&ldquo;", "”": "&rdquo;", "—": "&mdash;", "…": "&hellip;", "’": "&rsquo;", "·": "&middot;", "×": "&times;", "°": "&deg;"}
WORDS = re.compile(r"(\"[^\"\n]*\"|'[^'\n]*'|(?:#|//)[^\n]*|\b(?:def|return|for|in|if|else|elif|while|import|from|class|public|static|void|int|let|const|function|select|SELECT|FROM|WHERE|package|func|fn|mut|with|as|try|except|not|and|or)\b)")


@dataclass(frozen=True)
class Style:
    """How a layout writes the main content. A tuple of values is a choice that is drawn for each page."""

    p: Any = "p"  # p, div, br, indented (old Chinese pages), nested (editors of mobile articles), open (no end tags), font
    h: Any = "h2"
    code: Any = "pre"  # pre, spans, lines (a list), gutter (a table with line numbers), breaks
    table: Any = "plain"  # plain, thead, word (pasted from an office program), open (no end tags)
    maths: Any = "katex"
    entities: Any = False  # dashes and quotation marks as entities
    upper: Any = False  # upper-case tags
    items: Any = "li"  # li, div, tr, dl, article
    specs: Any = "table"  # table, ul, dl
    pictures: Any = "lazy"  # lazy, plain, noscript

    def drawn(self, draw: Random) -> Style:
        chosen = {key: pick(draw, value) for key, value in vars(self).items() if isinstance(value, tuple)}
        return replace(self, **chosen)

    @property
    def tex(self) -> str:
        return "{\\displaystyle {}}" if self.maths == "wiki" else "{}"


def pick(draw: Random, values: Any) -> Any:
    """One of them. Only `random()` is used, which draws the same in every version of Python."""
    return values[int(draw.random() * len(values))]


@dataclass
class Writer:
    """Blocks to HTML."""

    style: Style
    draw: Random
    zh: bool

    def text(self, text: str) -> str:
        """A line with its marks as elements."""
        out, at = [], 0
        for match in MARK.finditer(text):
            out += [self.escaped(text[at : match.start()]), self._marked(match)]
            at = match.end()
        return "".join([*out, self.escaped(text[at:])])

    def escaped(self, text: str) -> str:
        text = escape(text, quote=False)
        if self.style.entities:
            text = "".join(ENTITIES.get(each, each) for each in text)
        return text

    def _marked(self, match: re.Match[str]) -> str:
        code, bold, link, tex = match.groups()
        if code:
            return f"<code>{escape(code, quote=False)}</code>"
        if tex:
            return formula(tex, self.style.maths, is_display=False)
        if bold:
            return f"<b>{self.escaped(bold)}</b>" if self.style.upper else f"<strong>{self.escaped(bold)}</strong>"
        return f'<a href="/{int(self.draw.random() * 9000) + 1000}.html" target="_blank">{self.escaped(link)}</a>'

    def blocks(self, blocks: list[Block]) -> str:
        out = "\n".join(getattr(self, f"_{block.kind}")(block) for block in blocks)
        return upper(out) if self.style.upper else out

    def _p(self, block: Block) -> str:
        text = self.text(block.data)
        return {
            "p": f"<p>{text}</p>",
            "div": f"<div>{text}</div>\n<div><br></div>",
            "br": f"{text}<br />\n<br />",
            "indented": f"<p>&nbsp;&nbsp;&nbsp;&nbsp;{text}</p>" if not self.zh else f"<p>　　{text}</p>",
            "nested": f'<section style="margin: 0px 8px 16px;"><p style="line-height: 1.75em; text-align: justify;"><span style="font-size: 15px; color: rgb(63, 63, 63); letter-spacing: 0.5px;">{text}</span></p></section>',
            "open": f"<p>{text}",
            "font": f'<P align="left"><FONT face="{"宋体" if self.zh else "Verdana, Arial"}" size=2>{text}</FONT></P>',
        }[self.style.p]

    def _h(self, block: Block) -> str:
        tag, text = self.style.h, self.text(block.data)
        if tag == "strong":
            return f"<p><strong>{text}</strong></p>"
        return f"<{tag}>{text}</{tag}>"

    def _ul(self, block: Block, tag: str = "ul") -> str:
        end = "" if self.style.p == "open" else "</li>"
        return f"<{tag}>\n" + "\n".join(f"<li>{self.text(each)}{end}" for each in block.data) + f"\n</{tag}>"

    def _ol(self, block: Block) -> str:
        return self._ul(block, "ol")

    def _quote(self, block: Block) -> str:
        return f"<blockquote><p>{self.text(block.data)}</p></blockquote>"

    def _picture(self, block: Block) -> str:
        at = f"/uploads/{int(self.draw.random() * 90000) + 10000}.jpg"
        caption = self.text(block.data)
        if self.style.pictures == "plain":
            return f'<center><img src="{at}" width=480 border=0><br>{caption}</center>'
        if self.style.pictures == "noscript":
            return f'<figure><noscript><img src="{at}" width="690"></noscript><img src="data:image/svg+xml;utf8,&lt;svg xmlns=%27http://www.w3.org/2000/svg%27&gt;&lt;/svg&gt;" class="lazy" data-actualsrc="{at}"><figcaption>{caption}</figcaption></figure>'
        return f'<figure class="image"><img class="lazyload" data-src="{at}" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" alt="" loading="lazy" width="800" height="450"><figcaption>{caption}</figcaption></figure>'

    def _formula(self, block: Block) -> str:
        inside = formula(block.data, self.style.maths, is_display=True)
        return f"<dl><dd>{inside}</dd></dl>" if self.style.maths == "wiki" else f"<p>{inside}</p>"

    def _code(self, block: Block) -> str:
        code = escape(block.data, quote=False)
        coloured = "\n".join(WORDS.sub(r'<span class="hljs-keyword">\1</span>', line) for line in code.split("\n"))
        rows = coloured.split("\n")
        match self.style.code:
            case "spans":
                return f'<div class="highlight highlight-{block.caption}"><pre tabindex="0"><code class="language-{block.caption} hljs">{coloured}\n</code></pre></div>'
            case "lines":
                items = "".join(f"<li>{row or ' '}</li>\n" for row in rows)
                return f'<pre class="prettyprint linenums"><ol class="hljs-ln">{items}</ol></pre>'
            case "gutter":
                gutter = "\n".join(f'<span class="line">{i}</span><br>' for i in range(1, len(rows) + 1))
                return f'<figure class="highlight {block.caption}"><table><tr><td class="gutter"><pre>{gutter}</pre></td><td class="code"><pre>{coloured}</pre></td></tr></table></figure>'
            case "breaks":
                return '<div class="blog_code"><pre>' + "<br />".join(row.replace("  ", "&nbsp; ") for row in code.split("\n")) + "</pre></div>"
            case _:
                return f"<pre>{code}</pre>"

    def _table(self, block: Block) -> str:
        rows = ["".join(self._cell(cell, is_head) for cell in row) for is_head, row in block.data]
        caption = self.text(block.caption)
        match self.style.table:
            case "thead":
                heads = sum(is_head for is_head, _ in block.data)
                head, body = ("\n".join(f"<tr>{row}</tr>" for row in part) for part in (rows[:heads], rows[heads:]))
                title = f"<caption>{caption}</caption>" if caption else ""
                return f'<table class="table table-bordered">{title}\n<thead>{head}</thead>\n<tbody>{body}</tbody></table>'
            case "word":
                body = "\n".join(f'<tr style="mso-yfti-irow:{i};height:22.7pt">{row}</tr>' for i, row in enumerate(rows))
                head = f'<p class="MsoNormal" align="center" style="text-align:center"><b><span style="font-size:14.0pt">{caption}</span></b></p>' if caption else ""
                return f'{head}<table class="MsoNormalTable" border="1" cellspacing="0" cellpadding="0" style="border-collapse:collapse;mso-padding-alt:0cm 5.4pt 0cm 5.4pt">{body}</table>'
            case "open":
                head = f"<p align=center><b>{caption}</b>" if caption else ""
                return f'{head}<table border=1 cellpadding=3 width="95%">\n' + "\n".join(f"<tr>{row}" for row in rows) + "\n</table>"
            case _:
                head = f"<caption>{caption}</caption>" if caption else ""
                return f'<table border="1" cellspacing="0">{head}\n' + "\n".join(f"<tr>{row}</tr>" for row in rows) + "\n</table>"

    def _cell(self, cell: tuple[int, str], is_head: bool) -> str:
        wide, text = cell[0], self.text(cell[1])
        span = f' colspan="{wide}"' if wide > 1 else ""
        match self.style.table:
            case "open":
                span = f" colspan={wide}" if wide > 1 else ""
                return f"<t{'h' if is_head else 'd'}{span}>{text}"
            case "word":
                return f'<td width="96"{span} valign="top" style="width:72.0pt;border:solid windowtext 1.0pt"><p class="MsoNormal"><span lang="EN-US">{text}</span><o:p></o:p></p></td>'
            case _:
                tag = "th" if is_head else "td"
                return f"<{tag}{span}>{text}</{tag}>"

    def _items(self, block: Block) -> str:
        return "\n".join(self.item(*item) for item in block.data)

    def item(self, title: str, text: str) -> str:
        """An item of a listing, where the layout has no form of its own for it."""
        link = f'<a href="/item/{int(self.draw.random() * 90000) + 10000}">{self.text(title)}</a>'
        text = self.text(text)
        return {
            "li": f'<li class="item"><h3>{link}</h3><p class="desc">{text}</p></li>',
            "div": f'<div class="list-item"><div class="tit">{link}</div><div class="con">{text}</div></div>',
            "tr": f'<tr><td width=14><img src="/images/dot.gif"></td><td>{link}<br><font color="#666666">{text}</font></td></tr>',
            "dl": f"<dl><dt>{link}</dt><dd>{text}</dd></dl>",
            "article": f'<article class="card"><h2 class="card__title">{link}</h2><p class="card__text">{text}</p></article>',
        }[self.style.items]

    def _specs(self, block: Block) -> str:
        pairs = [(self.text(key), self.text(value)) for key, value in block.data]
        match self.style.specs:
            case "ul":
                return '<ul class="attributes-list">' + "\n".join(f'<li title="">{key}:&nbsp;{value}</li>' for key, value in pairs) + "</ul>"
            case "dl":
                return '<div class="Ptable-item"><dl class="clearfix">' + "\n".join(f"<dt>{key}</dt><dd>{value}</dd>" for key, value in pairs) + "</dl></div>"
            case _:
                return '<table class="spec">' + "\n".join(f"<tr><th>{key}</th><td>{value}</td></tr>" for key, value in pairs) + "</table>"


def upper(html: str) -> str:
    """Element names in upper case, as editors of 2000 wrote them."""
    return re.sub(r"</?[a-z][a-z0-9]*", lambda match: match[0].upper(), html)
