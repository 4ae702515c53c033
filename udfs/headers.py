"""Where the licence and copyright headers of a source file stand: spans of its leading comments, never of its code.

Looked at are the comments before the first line of code (a shebang, an encoding line, an XML or PHP opening may stand before them). A paragraph that
states a copyright or a licence is a header, and so is what stands between two such paragraphs or goes on in legal words; the rest of the comment
stays. Of a module's docstring such paragraphs go and the quotes stay: it is code. That code models are better off without these is StarCoder's
and Dolma's practice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

REASON = "licence_header"
# A paragraph with one of these is a header by itself.
STATES = re.compile(
    r"copyright\s*(\(c\)|©|&copy;|[12]\d{3}|by\b|:|notice)|(©|\(c\))\s*([12]\d{3}|copyright)|copyrights? .{0,60}[12]\d{3}|all rights reserved"
    r"|spdx-license-identifier|spdx-filecopyrighttext|@licen[sc]e\b|licen[sc]e: |governed by .{0,40}licen[sc]e"
    r"|licen[sc]ed (under|to\b|by\b)|permission is hereby granted|redistribution and use in source|under the terms (of|and)"
    r"|(apache|mit|bsd|mozilla public|gnu (?:[a-z]+ ){0,3}general public|isc|eclipse public|boost software) licen[sc]e"
    r"|this (program|file|library|software|code|module|work|package) is (free software|licen[sc]ed|made available under|released under|subject to)"
    r"|released (under|into) the (public domain|[a-z0-9. -]{2,20} licen[sc]e)|(see|refer to) (the )?(accompanying |enclosed )?(file )?[\"'`]?(licen[sc]e|copying)\b"
    r"|版权所有|版權所有|著作权(归|所有)|保留所有权利|(根据|遵循|基于|采用).{0,30}(许可证|许可协议|开源协议)",
    re.IGNORECASE,
)
# Beside a header these go on with it.
GOES_ON = re.compile(
    r"copyright|warrant(y|ies)|[\"'“]as is[\"'”]|in no event|liab(le|ility)|obtain a copy|received a copy|unless required by applicable law"
    r"|redistributions? |neither the names?|endorse or promote|free software foundation|permissions? notice|licen[sc]es?\b|\bauthors?:|merchantability"
    r"|distributed (in the hope|on an)|许可|免责",
    re.IGNORECASE,
)
BEFORE = re.compile(r"\ufeff?(#!|# *-\*-|# *(en)?coding[:=]|# vim?:|<\?xml|<\?php|<!DOCTYPE|<html|['\"]use strict['\"])", re.IGNORECASE)
GUARD = re.compile(r"from __future__ import|#\s*(ifndef|define)\s+\w+$|#\s*pragma once|package [\w.]+;$")  # may stand before a header anywhere
CODE = re.compile(r"#\s*(include|define|ifndef|ifdef|if|endif|pragma|import|undef|else|region|line|error|\[|!\[)\b|#\[|#!\[|--\[")  # what only looks like a comment
LINE = ("//", "#", "--", ";", "%", "dnl ")
BLOCK = {"/*": "*/", "<!--": "-->", "(*": "*)", "{-": "-}", "--[[": "]]", "<#": "#>", '"""': '"""', "'''": "'''"}
LEAD = re.compile(r"[\s/#*;%!=_+\-]*(dnl )?")
LINE_END = re.compile("\r\n?|\n")
MOST_LINES = 400  # lines of a file that are looked at


@dataclass(frozen=True)
class Comment:
    """One comment: its lines as (start, end) with their line ends, and the ends of its opener and the start of its closer for a block."""

    lines: list[tuple[int, int]]
    opener: int  # code points; 0 for a run of line comments
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
        block = next((opener for opener in sorted(BLOCK, key=len, reverse=True) if line.startswith(opener)), None)
        if not line or GUARD.match(line) or (i < 3 and BEFORE.match(line)):
            i += 1
        elif block:
            last = next((j for j in range(i, len(lines)) if BLOCK[block] in text[slice(*lines[j])][_after(text, lines[j], block) if j == i else 0 :]), None)
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


def header_lines(words: list[str]) -> tuple[int, int] | None:
    """First and last + 1 of the lines that are a header; `words`: the lines of one comment without their marks."""
    parts, start = [], 0
    for i, line in enumerate([*words, ""]):
        if not line:
            parts += [(start, i)] if i > start else []
            start = i + 1
    said = [" ".join(words[first:last]) for first, last in parts]
    states = [i for i, part in enumerate(said) if STATES.search(part)]
    if not states:
        return None
    first, last = states[0], states[-1]
    while last + 1 < len(said) and GOES_ON.search(said[last + 1]):
        last += 1
    return parts[first][0], parts[last][1]


def header_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) in code points of every licence or copyright header of a source file, in order, not overlapping.

    A whole comment goes with the blank lines behind it; of a comment that says more, the header's lines go and its marks stay.
    """
    spans = []
    for comment in leading_comments(text):
        bare = [_words(text[slice(*line)], comment, i) for i, line in enumerate(comment.lines)]
        found = header_lines(bare)
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
        end = text.rindex(text[slice(*comment.lines[-1])].rstrip()[-comment.closer :], start, comment.lines[-1][1])
    return start, end


def strip_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id, text -> doc_id, batch_id, start, end (int, code points)."""
    for batch in batches:
        rows = [
            (doc_id, batch_id, start, end)
            for doc_id, batch_id, text in zip(*(batch[name].to_pylist() for name in ("doc_id", "batch_id", "text")), strict=True)
            for start, end in header_spans(text or "")
        ]
        columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
        kinds = (pa.string(), pa.string(), pa.int32(), pa.int32())
        yield pa.record_batch([pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)], names=["doc_id", "batch_id", "start", "end"])
