"""Where the licence and copyright headers of a source file stand: spans of its leading comments, never of its
code.

Looked at are the comments before the first line of code (a shebang, an encoding line, an XML or PHP opening
may stand before them). A paragraph that states a copyright or a licence is a header, and so is what stands
between two such paragraphs or goes on in legal words; the rest of the comment stays. Of a module's docstring
such paragraphs go and the quotes stay: it is code. That code models are better off without these is
StarCoder's and Dolma's practice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

FOUND = pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32())]))
_LICENCE = (  # of code, by name
    r"(?:apache|mit|[023]?-?bsd|bsd|[al]?gpl|gnu|mpl|mozilla|isc|cc0|cc[- ]by|creative commons|unlicense"
    r"|public domain|zlib|boost|eclipse|epl|eupl"
    r"|artistic|psf|python software|proprietary|wtfpl|mulan|cddl|ms-pl|expat|new bsd|modified bsd"
    r"|simplified bsd)"
)
_NAMED_LICENCE = (
    r"(?:apache|mit|bsd|mozilla public|gnu (?:[a-z]+ ){0,3}general public|isc|eclipse public|boost software"
    r"|[2-4]-clause bsd|bsd [2-4]-clause|zlib|mulan \w+)"
    r"(?:[ -]style)?\s+(?:software\s+)?licen[sc]e"
)
_WORK = (
    r"(?:program|file|library|software|code|module|work|package|project|script|product|material"
    r"|source(?: code)?(?: form)?)"
)
_SMALL = (  # words that stand between names
    r"[Tt]he|[Aa]nd|[Oo]f|to|for|in|by|or|and/or|de|von|et|al|its|their|all|other|others|individual"
    r"|original|respective|affiliates|subsidiaries"
    r"|contributors?|authors?|committers|developers?|members|team|project|owners?|holders?|community"
    r"|company|foundation"
)
# names as they follow `Copyright` without a year: up to the line's end every word begins with a capital, or
# is small
_HOLDER = (
    rf"(?-i:(?:(?:[A-Z\xc0-\xde][\w.&'’/-]*+|(?:{_SMALL})\b|[&+]|<[^>\s]{{3,80}}+>|\([A-Z][\w .]{{0,40}}+\)"
    rf"|https?://\S{{3,80}}+)[.,]{{0,2}}+(?: {{1,3}}|$))"
    r"{1,12}+$)"
)
_NO_HOLDER = (
    r"(?:laws?|acts?|office|notices?|holders?|infringement|protection|terms?|statements?|detect|check"
    r"|years?|dates?|claims?|regist|directive"
    r"|owner)"
)
# A paragraph with one of these is a header by itself; `^` is the beginning of a line. What is quoted is not
# looked at.
STATES = re.compile(
    r"copyright\s*(?:\(c\)|©|&copy;)|copyright\s+(?:19|20)\d{2}\b|(?:©|\(c\))\s*(?:(?:19|20)\d{2}\b"
    r"|copyright)"
    rf"|^(?:portions\s+|parts\s+)?copyrights?\s+(?!{_NO_HOLDER})(?:.{{0,60}}\b(?:19|20)\d{{2}}\b|by\s"
    rf"|(?:the\s+)?(?:original\s+)?(?:authors?|contributors?)\b|{_HOLDER})"
    r"|^:?@?copyright\s*:\s*(?-i:[A-Z0-9(©\u4e00-\u9fff]|by\s|the\s)|^copyright\s+[\u4e00-\u9fff]|^(?:©"
    rf"|\(c\))\s*{_HOLDER}"
    r"|^all\s+rights\s+reserved|[.,;|)]\s+all\s+rights\s+reserved\s*(?:[.!|]|$)"
    r"|(?:^|[.;|]\s)\s*spdx-(?:license-identifier|filecopyrighttext)\s*:|@licen[sc]e\b"
    rf"|^:?licen[sc]e\s*:\s*(?:the\s+)?(?:{_LICENCE}|see\b|https?://)"
    rf"|licen[sc]ed\s+under\b(?s:.){{0,60}}?(?:licen[sc]e\b|\b{_LICENCE}\b|\bterms\b)|^licen[sc]ed\s+to\s+\w"
    rf"|licen[sc]ed\s+to\s+(?s:.){{1,80}}?\s+under\s+one\s+or\s+more"
    rf"|{_WORK}\b[^.\n]{{0,40}}\s+governed\s+by\s+(?s:.){{0,40}}licen[sc]e"
    r"|permission\s+is\s+hereby\s+granted|redistribution\s+and\s+use\s+in\s+source"
    rf"|under\s+the\s+terms\s+(?:of|and)\s(?s:.){{0,60}}?(?:licen[sc]e\b|\b{_LICENCE}\b)"
    rf"|(?:under|subject\s+to|terms\s+of|covered\s+by|conditions\s+of)\s+(?:the\s+|an?\s+)?{_NAMED_LICENCE}"
    rf"|(?:^|[|,;(]\s*)(?:the\s+)?{_NAMED_LICENCE}\s*(?:$|[|,.;()]|v\.?\s?\d|version|\d)"
    rf"|this\s+{_WORK}\s+is\s+(?:free\s+software|licen[sc]ed|made\s+available\s+under|released\s+under"
    r"|subject\s+to\s+the\s+(?:terms|licen[sc]e))"
    r"|(?:released|distributed|available|published|provided)\s+under\s+(?:the\s+"
    rf"|an?\s+)?(?s:.){{0,40}}?(?:licen[sc]e\b"
    rf"|\b{_LICENCE}\b)"
    rf"|^(?:this|the)\s+{_WORK}\s+is\s+in\s+the\s+public\s+domain(?!\s+name)"
    r"|(?:released|placed|dedicated|put)\s+(?:in|into|to)\s+the\s+public\s+domain(?!\s+name)"
    r"|(?:see|refer\s+to)\s+(?:the\s+)?(?:accompanying\s+|enclosed\s+"
    r"|included\s+)?(?:file\s+)?[\"'`]?(?-i:LICEN[SC]E"
    r"|License\.|COPYING)\b"
    r"|proprietary\s+and\s+confidential|confidential\s+and\s+proprietary|unauthori[sz]ed\s+(?:copying"
    r"|use|reproduction|distribution)\s+of\s+this"
    r"|(?:^|[,，。.;；)）\s]|(?:公司|集团|大学|研究院|团队|工作室|基金会|作者))(?:版权所有|版權所有|著作权所有|保留所有权利|保留所有權利|保留一切权利)(?!的?[字页頁])"
    r"|(?:版权|版權|著作权|著作權|知识产权)(?:归|歸|属|屬).{1,40}?(?:所有|拥有|擁有)|本\S{1,6}(?:版权|版權|著作权|著作權|知识产权)(?:归|歸|属|屬)"
    r"|(?:^|[,，。]\s*|[本此该]\S{1,8}\s*)(?:根据|遵循|基于|采用|使用|以|在).{0,30}?"
    r"(?:许可证|许可协议|开源协议|(?:mit|apache|bsd|gpl|mpl|木兰|cc)[\w .-]{0,16}(?:协议|许可))\s?下?"
    r"(?:授权|许可|开源|发布|分发"
    r"|第|$|[，。,.])",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTED = re.compile(
    r"\"[^\"\n]{0,80}[\s\u4e00-\u9fff][^\"\n]{0,80}\"|[“「『‘][^”」』’\n]{0,80}[”」』’]"
    r"|(?<!\w)'[^'\n]{1,60}\s[^'\n]{0,60}'(?!\w)|`[^`\n]{0,80}\s[^`\n]{0,80}`"
)
# Once a file has a header, a paragraph with one of these belongs to it too, though it alone would be none.
ALSO_STATES = re.compile(
    rf"under\s+the\s+terms\s+(?:of|and)|{_NAMED_LICENCE}|licen[sc]ed\s+(?:under|to\b|by\b)"
    rf"|governed\s+by\s+(?s:.){{0,40}}licen[sc]e"
    r"|(?:see|refer\s+to)\s+(?:the\s+)?(?:accompanying\s+|enclosed\s+)?(?:files?\s+)?[\"'`]?(?:licen[sc]e"
    r"|copying)|received\s+a\s+copy"
    r"|merchantability|(?:without|no)\s+(?:\w+\s+)?warranty|copyright\s+notice|permission\s+is\s+granted",
    re.IGNORECASE,
)
# Beside a header these go on with it.
GOES_ON = re.compile(
    r"copyright|warrant(y|ies)|[\"'“]as is[\"'”]|in no event|liab(le|ility)|obtain a copy|received a copy"
    r"|unless required by applicable law"
    r"|redistributions? |neither the names?|endorse or promote|free software foundation|permissions? notice"
    r"|licen[sc]es?\b|\bauthors?:|merchantability"
    r"|distributed (in the hope|on an)|许可|免责",
    re.IGNORECASE,
)
BEFORE = re.compile(
    r"\ufeff?(#!|# *-\*-|# *(en)?coding[:=]|# vim?:|<\?xml|<\?php|<!DOCTYPE|<html|['\"]use strict['\"])",
    re.IGNORECASE,
)
# may stand before a header anywhere
GUARD = re.compile(r"from __future__ import|#\s*(ifndef|define)\s+\w+$|#\s*pragma once|package [\w.]+;$")
# what only looks like a comment
CODE = re.compile(
    r"#\s*(include|define|ifndef|ifdef|if|endif|pragma|import|undef|else|region|line|error|\[|!\[)\b"
    r"|#\[|#!\[|--\["
)
LINE = ("//", "#", "--", ";", "%", "dnl ")
BLOCK = {
    "/*": "*/",
    "<!--": "-->",
    "(*": "*)",
    "{-": "-}",
    "--[[": "]]",
    "<#": "#>",
    '"""': '"""',
    "'''": "'''",
}
LEAD = re.compile(r"[\s/#*;%!=_+\-]*(dnl )?")
LINE_END = re.compile("\r\n?|\n")
MOST_LINES = 400  # lines of a file that are looked at


@dataclass(frozen=True)
class Comment:
    """One comment: its lines as (start, end) with their line ends, and the ends of its opener and the
    start of its closer for a block."""

    lines: list[tuple[int, int]]
    # code points; 0 for a run of line comments
    opener: int
    closer: int


def lines_of(text: str) -> list[tuple[int, int]]:
    """(start, end) of the first MOST_LINES lines, line ends included."""
    made: list[tuple[int, int]] = []
    at = 0
    while at < len(text) and len(made) < MOST_LINES:
        found = LINE_END.search(text, at)
        end = found.end() if found else len(text)
        made.append((at, end))
        at = end
    return made


def leading_comments(text: str) -> Iterator[Comment]:
    """The comments before the first line of code, in their order."""
    lines, i = lines_of(text), 0
    while i < len(lines):
        line = text[slice(*lines[i])].strip()
        block = next(
            (opener for opener in sorted(BLOCK, key=len, reverse=True) if line.startswith(opener)), None
        )
        if not line or GUARD.match(line) or (i < 3 and BEFORE.match(line)):
            i += 1
        elif block:
            last = next(
                (
                    j
                    for j in range(i, len(lines))
                    if BLOCK[block]
                    in text[slice(*lines[j])][_after(text, lines[j], block) if j == i else 0 :]
                ),
                None,
            )
            if last is None or not text[slice(*lines[last])].rstrip().endswith(BLOCK[block]):
                return  # never closed, or code behind it
            yield Comment(lines[i : last + 1], len(block), len(BLOCK[block]))
            i = last + 1
        elif mark := _mark(line):
            first = i
            while i < len(lines) and _mark(text[slice(*lines[i])].strip()) == mark:
                i += 1
            yield Comment(lines[first:i], 0, 0)
        else:
            return


def _after(text: str, line: tuple[int, int], opener: str) -> int:
    return text[slice(*line)].index(opener) + len(opener)


def _mark(line: str) -> str | None:
    return None if CODE.match(line) else next((mark for mark in LINE if line.startswith(mark)), None)


def header_lines(words: list[str], has_header: bool = False) -> tuple[int, int] | None:
    """First and last + 1 of the lines that are a header; `words`: the lines of one comment without their
    marks.

    `has_header`: whether an earlier comment of the file is one.
    """
    parts, start = [], 0
    for i, line in enumerate([*words, ""]):
        if not line:
            parts += [(start, i)] if i > start else []
            start = i + 1
    said = ["\n".join(words[first:last]) for first, last in parts]
    states = [i for i, part in enumerate(said) if STATES.search(_QUOTED.sub("", part))]
    if states or has_header:
        states = sorted({*states, *(i for i, part in enumerate(said) if ALSO_STATES.search(part))})
    if not states:
        return None
    first, last = states[0], states[-1]
    while last + 1 < len(said) and GOES_ON.search(said[last + 1]):
        last += 1
    return parts[first][0], parts[last][1]


def header_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) in code points of every licence or copyright header of a source file, in order, not
    overlapping.

    A whole comment goes with the blank lines behind it; of a comment that says more, the header's lines go
    and its marks stay.
    """
    spans: list[tuple[int, int]] = []
    for comment in leading_comments(text):
        bare = [_words(text[slice(*line)], comment, i) for i, line in enumerate(comment.lines)]
        found = header_lines(bare, bool(spans))
        if found is None:
            continue
        first, last = found
        is_string = comment.opener == 3 and text[slice(*comment.lines[0])].lstrip()[0] in "\"'"
        if is_string or any(bare[:first]) or any(bare[last:]):
            last += last < len(bare) - (comment.closer > 0) and not bare[last]  # the empty line behind it
            spans.append(_part(text, comment, first, last))
        else:
            end = comment.lines[-1][1]
            while (blank := LINE_END.search(text, end)) and not text[end : blank.end()].strip():
                end = blank.end()
            spans.append((comment.lines[0][0], end))
    return spans


def _words(line: str, comment: Comment, i: int) -> str:
    """A line without the marks of its comment; empty when nothing is said."""
    line = line.strip()
    if comment.opener and i == 0:
        line = line[comment.opener :]
    if comment.closer and i == len(comment.lines) - 1:
        line = line[: len(line) - comment.closer]
    return line[LEAD.match(line).end() :].rstrip(" */#-=;%_+").strip()  # type: ignore[union-attr]


def _part(text: str, comment: Comment, first: int, last: int) -> tuple[int, int]:
    """The span of some lines of a comment; the opener and closer of a block stay."""
    start, end = comment.lines[first][0], comment.lines[last - 1][1]
    if comment.opener and first == 0:
        start = text.index(text[slice(*comment.lines[0])].strip()[: comment.opener], start) + comment.opener
        end = len(text[:end].removesuffix("\n").removesuffix("\r"))
    if comment.closer and last == len(comment.lines):
        end = text.rindex(
            text[slice(*comment.lines[-1])].rstrip()[-comment.closer :], start, comment.lines[-1][1]
        )
    return start, end


def find_headers(texts: pa.Array) -> pa.Array:
    """FOUND of each text: its `header_spans`; a null text has none."""
    return pa.array([header_spans(text or "") for text in texts.to_pylist()], FOUND)
