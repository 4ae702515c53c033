"""The contents of the gold pages, as they stand in tests/data/gold_pages/contents/*.txt.

A content begins with a line `=== NAME | LAYOUT | key=value ...`; the name begins with language and kind. Then, by the first
characters of a line: `# ` the title, `## ` a heading, `- ` and `1. ` lists, `> ` a quotation, `@ NAME` the next post or
answer, `* TITLE ~ TEXT` an item of a listing, `= KEY ~ VALUE` a specification, `^ ` a table's caption, `|` a row of a table
(`|!` a row of headings, `|2 ` a cell over two columns), `$$ ` a displayed formula, `![CAPTION]` a picture, three backticks
around code. Any other line is a paragraph. Within a line: `code`, **bold**, [[link]] and $formula$.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "data" / "gold_pages"
KINDS = ("article", "forum", "qa", "listing", "product", "notice", "code", "maths", "table")
MARK = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*|\[\[([^\]]+)\]\]|\$([^$]+)\$")
CELL = re.compile(r"\|(\d?) ?([^|]*)")


@dataclass
class Block:
    """One piece of the main content. `data` by kind: a text; of lists, items, specifications and tables a list."""

    kind: str  # p, h, ul, ol, quote, items, specs, table, formula, picture, code
    data: Any
    caption: str = ""  # of a table; of code its language


@dataclass
class Post:
    """A post of a forum, a question or an answer."""

    author: str
    blocks: list[Block] = field(default_factory=list)


@dataclass
class Content:
    """What one page says, without its layout."""

    name: str
    layout: str
    options: dict[str, str]
    title: str = ""
    blocks: list[Block] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)

    @property
    def lang(self) -> str:
        return self.name.split("_")[0]

    @property
    def kind(self) -> str:
        return self.name.split("_")[1]

    @property
    def encoding(self) -> str:
        """Of the file's bytes."""
        return self.options.get("encoding", "utf-8")

    def every_block(self) -> list[Block]:
        return self.blocks + [block for post in self.posts for block in post.blocks]

    def gold(self, tex: str = "{}") -> str:
        """The text that should be found. `tex`: how the page writes the TeX of a formula."""
        lines = [self.title, *(line for block in self.every_block() for line in _lines(block, tex))]
        return "\n".join(lines)


def _lines(block: Block, tex: str) -> list[str]:
    match block.kind:
        case "ul" | "ol":
            return [plain(each, tex) for each in block.data]
        case "items":
            return [plain(each, tex) for item in block.data for each in item if each]
        case "specs":
            return [f"{plain(key, tex)}\t{plain(value, tex)}" for key, value in block.data]
        case "table":
            rows = ["\t".join(plain(text, tex) for _, text in row) for _, row in block.data]
            return [*([block.caption] if block.caption else []), *rows]
        case "formula":
            return [f"${tex.replace('{}', block.data)}$"]
        case "code":
            return [block.data]
        case _:
            return [plain(block.data, tex)]


def plain(text: str, tex: str = "{}") -> str:
    """A line without its marks."""

    def unmarked(match: re.Match[str]) -> str:
        if match[4]:
            return f"${tex.replace('{}', match[4])}$"
        return match[1] or match[2] or match[3]

    return MARK.sub(unmarked, text)


def contents() -> list[Content]:
    """All of them, by name."""
    found = [each for path in sorted((FOLDER / "contents").glob("*.txt")) for each in _read(path.read_text(encoding="utf-8"))]
    return sorted(found, key=lambda each: each.name)


def _read(source: str) -> list[Content]:
    parts = re.split(r"^=== ", source, flags=re.M)[1:]
    return [_content(*part.split("\n", 1)) for part in parts]


def _content(head: str, body: str) -> Content:
    name, layout, *rest = (each.strip() for each in head.split("|"))
    content = Content(name, layout, dict(each.split("=") for each in " ".join(rest).split()))
    in_code = False
    for line in body.rstrip("\n").split("\n"):
        blocks = content.posts[-1].blocks if content.posts else content.blocks
        if line.startswith("```"):
            in_code = not in_code
            if in_code:
                blocks.append(Block("code", [], line[3:]))
            else:
                blocks[-1].data = "\n".join(blocks[-1].data)
        elif in_code:
            blocks[-1].data.append(line)
        elif line.startswith("# "):
            content.title = line[2:]
        elif line.startswith("@ "):
            content.posts.append(Post(line[2:]))
        elif line:
            _add(blocks, line)
    return content


def _add(blocks: list[Block], line: str) -> None:
    """A line of text as a block, or as part of the block before."""
    kind, data = _block(line)
    if kind == "caption":
        blocks.append(Block("table", [], data))
    elif kind in ("ul", "ol", "items", "specs", "table"):
        if not blocks or blocks[-1].kind != kind:
            blocks.append(Block(kind, []))
        blocks[-1].data.append(data)
    else:
        blocks.append(Block(kind, data))


def _block(line: str) -> tuple[str, Any]:
    for mark, kind in (("## ", "h"), ("> ", "quote"), ("$$ ", "formula"), ("- ", "ul"), ("^ ", "caption")):
        if line.startswith(mark):
            return kind, line[len(mark) :]
    if match := re.match(r"\d+\. (.*)", line):
        return "ol", match[1]
    if match := re.match(r"([*=]) ([^~]*?)(?: ~ (.*))?$", line):
        return {"*": "items", "=": "specs"}[match[1]], (match[2], match[3] or "")
    if match := re.match(r"!\[(.*)\]$", line):
        return "picture", match[1]
    if line.startswith("|"):
        is_head = line.startswith("|!")
        cells = CELL.findall("|" + line[2:] if is_head else line)
        return "table", (is_head, [(int(n or 1), text.strip()) for n, text in cells])
    return "p", line
