"""Licence and copyright headers of source files: spans within the leading comments, never within code.

    // Copyright 2024 A. Author      a span over both lines
    // All rights reserved.
    int main() {                     code: the search ends

Only the comments before the first line of code are searched; a shebang, an encoding line, or an XML or PHP
opening may precede them. A paragraph that states a copyright or a licence is a header. So are paragraphs
between two such, and those behind one that continue in legal words. All other paragraphs of the comment are
left in the text, while StarCoder removes the whole comment with whatever else it says. A docstring loses the
paragraphs and keeps its quotes, since it is code. Removing headers at all follows StarCoder and Dolma.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

SPANS = pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32())]))
# names of licences of code
_LICENCE = (
    r"(?:apache|mit|[023]?-?bsd|bsd|[al]?gpl|gnu|mpl|mozilla|isc|cc0|cc[- ]by|creative commons|unlicense"
    r"|public domain|zlib|boost|eclipse|epl|eupl"
    r"|artistic|psf|python software|proprietary|wtfpl|mulan|cddl|ms-pl|expat|new bsd|modified bsd"
    r"|simplified bsd)"
)
# a full name with the word `license`: in a paragraph by itself it states one
_NAMED_LICENCE = (
    r"(?:apache|mit|bsd|mozilla public|gnu (?:[a-z]+ ){0,3}general public|isc|eclipse public|boost software"
    r"|[2-4]-clause bsd|bsd [2-4]-clause|zlib|mulan \w+)"
    r"(?:[ -]style)?\s+(?:software\s+)?licen[sc]e"
)
_WORK = (
    r"(?:program|file|library|software|code|module|work|package|project|script|product|material"
    r"|source(?: code)?(?: form)?)"
)
# words in lower case between the names of holders
_SMALL = (
    r"[Tt]he|[Aa]nd|[Oo]f|to|for|in|by|or|and/or|de|von|et|al|its|their|all|other|others|individual"
    r"|original|respective|affiliates|subsidiaries"
    r"|contributors?|authors?|committers|developers?|members|team|project|owners?|holders?|community"
    r"|company|foundation"
)
# Names that follow `Copyright` without a year: up to the end of the
# line every word begins with a capital or is one of _SMALL. Possessive
# repetitions: the nested groups would else take exponential time.
_HOLDER = (
    rf"(?-i:(?:(?:[A-Z\xc0-\xde][\w.&'’/-]*+|(?:{_SMALL})\b|[&+]|<[^>\s]{{3,80}}+>|\([A-Z][\w .]{{0,40}}+\)"
    rf"|https?://\S{{3,80}}+)[.,]{{0,2}}+(?: {{1,3}}|$))"
    r"{1,12}+$)"
)
# words after `copyright` that make a sentence about copyright of it, or an identifier in code
_NO_HOLDER = (
    r"(?:laws?|acts?|office|notices?|holders?|infringement|protection|terms?|statements?|detect|check"
    r"|years?|dates?|claims?|regist|directive"
    r"|owner)"
)
# A paragraph with one of these is a header by itself; `^` is the beginning of a line.
# Quoted text is removed before, so that a comment about licence texts is no header.
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
# Weaker statements: a header only in a file that has a
# certain one, as alone they may describe a program.
ALSO_STATES = re.compile(
    rf"under\s+the\s+terms\s+(?:of|and)|{_NAMED_LICENCE}|licen[sc]ed\s+(?:under|to\b|by\b)"
    rf"|governed\s+by\s+(?s:.){{0,40}}licen[sc]e"
    r"|(?:see|refer\s+to)\s+(?:the\s+)?(?:accompanying\s+|enclosed\s+)?(?:files?\s+)?[\"'`]?(?:licen[sc]e"
    r"|copying)|received\s+a\s+copy"
    r"|merchantability|(?:without|no)\s+(?:\w+\s+)?warranty|copyright\s+notice|permission\s+is\s+granted",
    re.IGNORECASE,
)
# words by which the paragraph after a header continues it
GOES_ON = re.compile(
    r"copyright|warrant(y|ies)|[\"'“]as is[\"'”]|in no event|liab(le|ility)|obtain a copy|received a copy"
    r"|unless required by applicable law"
    r"|redistributions? |neither the names?|endorse or promote|free software foundation|permissions? notice"
    r"|licen[sc]es?\b|\bauthors?:|merchantability"
    r"|distributed (in the hope|on an)|许可|免责",
    re.IGNORECASE,
)
# may precede the comments, in the first three lines
BEFORE = re.compile(
    r"\ufeff?(#!|# *-\*-|# *(en)?coding[:=]|# vim?:|<\?xml|<\?php|<!DOCTYPE|<html|['\"]use strict['\"])",
    re.IGNORECASE,
)
# lines of code that may precede a header at any line: include guards, package, __future__
GUARD = re.compile(r"from __future__ import|#\s*(ifndef|define)\s+\w+$|#\s*pragma once|package [\w.]+;$")
# starts like a comment and is code: directives of the C preprocessor, attributes of Rust
CODE = re.compile(
    r"#\s*(include|define|ifndef|ifdef|if|endif|pragma|import|undef|else|region|line|error|\[|!\[)\b"
    r"|#\[|#!\[|--\["
)
# markers of line comments, and of block comments with their ends, over all languages:
# the file's language is not known, and a parser for each would know no more of prose
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
# lines of a file that are searched: a bound on the time of a file that is one long comment
MAX_LINES = 400


@dataclass(frozen=True)
class Comment:
    """One block comment, or one run of line comments: (start, end) of its lines, line ends included."""

    lines: list[tuple[int, int]]
    # code points of the marks that open and close a block; 0 for line comments
    opener: int
    closer: int


def lines_of(text: str) -> list[tuple[int, int]]:
    """(start, end) of the first MAX_LINES lines in code points, line ends included."""
    # not str.splitlines, which also breaks at form feeds
    # and other characters that do not end a line of code
    lines: list[tuple[int, int]] = []
    at = 0
    while at < len(text) and len(lines) < MAX_LINES:
        match = LINE_END.search(text, at)
        end = match.end() if match else len(text)
        lines.append((at, end))
        at = end
    return lines


def leading_comments(text: str) -> Iterator[Comment]:
    """The comments before the first line of code, in order."""
    lines, i = lines_of(text), 0
    while i < len(lines):
        line = text[slice(*lines[i])].strip()
        # the longest opener first: `--[[` also begins with the `--` of a line comment
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
            # never closed, or with code behind its end
            if last is None or not text[slice(*lines[last])].rstrip().endswith(BLOCK[block]):
                return
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
    """(first, last + 1) of the lines of one comment that are a header; None when it has none.

    `words`: the lines of the comment without its marks, empty lines included. `has_header`: whether an
    earlier comment of the file is a header.
    """
    # paragraphs as (first, last + 1) lines; the empty line at the end closes the last one
    parts, start = [], 0
    for i, line in enumerate([*words, ""]):
        if not line:
            parts += [(start, i)] if i > start else []
            start = i + 1
    paragraphs = ["\n".join(words[first:last]) for first, last in parts]
    states = [i for i, part in enumerate(paragraphs) if STATES.search(_QUOTED.sub("", part))]
    if states or has_header:
        states = sorted({*states, *(i for i, part in enumerate(paragraphs) if ALSO_STATES.search(part))})
    if not states:
        return None
    # all between the first and the last statement is
    # part of the header: the conditions of the licence
    first, last = states[0], states[-1]
    while last + 1 < len(paragraphs) and GOES_ON.search(paragraphs[last + 1]):
        last += 1
    return parts[first][0], parts[last][1]


def header_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) in code points of the headers of a source file, in order, without overlaps.

    The span of a comment that is all header includes the blank lines behind it. In a comment that says more,
    it covers the lines of the header and leaves the comment's marks.
    """
    spans: list[tuple[int, int]] = []
    for comment in leading_comments(text):
        bare = [_words(text[slice(*line)], comment, i) for i, line in enumerate(comment.lines)]
        part = header_lines(bare, bool(spans))
        if part is None:
            continue
        first, last = part
        is_string = comment.opener == 3 and text[slice(*comment.lines[0])].lstrip()[0] in "\"'"
        if is_string or any(bare[:first]) or any(bare[last:]):
            # with the empty line behind the header, unless that line closes the comment
            last += last < len(bare) - (comment.closer > 0) and not bare[last]
            spans.append(_part(text, comment, first, last))
        else:
            end = comment.lines[-1][1]
            while (blank := LINE_END.search(text, end)) and not text[end : blank.end()].strip():
                end = blank.end()
            spans.append((comment.lines[0][0], end))
    return spans


def _words(line: str, comment: Comment, i: int) -> str:
    """A line without the marks of its comment; empty for a line of marks alone."""
    line = line.strip()
    if comment.opener and i == 0:
        line = line[comment.opener :]
    if comment.closer and i == len(comment.lines) - 1:
        line = line[: len(line) - comment.closer]
    return line[LEAD.match(line).end() :].rstrip(" */#-=;%_+").strip()  # type: ignore[union-attr]


def _part(text: str, comment: Comment, first: int, last: int) -> tuple[int, int]:
    """The span of lines `[first, last)` of a comment, without the opener and closer of a block."""
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
    """SPANS of each text: its `header_spans`; a null text has none."""
    return pa.array([header_spans(text or "") for text in texts.to_pylist()], SPANS)
