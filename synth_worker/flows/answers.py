"""Parsers of answers: the value of a usable answer, or Malformed with the reason, which goes back to the
model."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from gristmill.synth_worker.calls.engines import Answer
from gristmill.synth_worker.calls.prompts import is_chinese
from gristmill.synth_worker.calls.window import Malformed
from gristmill.synth_worker.flows.align import MIN_MARKER, Source, align
from gristmill.synth_worker.flows.fuzzy_match import fold
from gristmill.synth_worker.recipe import Step

BULLET = re.compile(r"^\s*(?:[-*•]|\(?\d{1,3}[.):、]|segment \d+\s*[:：])\s*", re.IGNORECASE)
# characters of a line that are used as a marker
MARKER_CHARS = 80
# sentences; in a shorter chunk a single segment is a valid answer
MIN_WORTH_CUTTING = 4
# characters of a sentence that are offered to the model as its marker
OPENING = 40
LAST_END = re.compile(r"^.*[。！？.!?][”\"’』」)]*", re.DOTALL)
LABEL = re.compile(r"^\W*(?:the )?(?:core )?(?:question|核心问题|问题)(?: is)?\W*[:：]\W*", re.IGNORECASE)
ASKS = re.compile(r"[?？][”\"’』」)*]*$")
Parse = Callable[[Answer, bool], Any]


def text_of(spec: Step, lang: str) -> Parse:
    """A parser of plain text in the document's language; a cut answer ends at its last whole sentence.

    Malformed: empty, longer than `max_chars` characters, or in another language (`same_language`).
    """

    def parse(answer: Answer, is_last: bool) -> str:
        text = (answer.text if spec.answer_schema is None else words_of(loads(answer))).strip()
        # A cut text of whole sentences is usable; half a sentence at its end is not.
        if answer.finish_reason == "length":
            whole = LAST_END.match(text)
            if whole is None:
                raise Malformed("the answer was cut before its first sentence ended; be shorter")
            text = whole.group()
        if not text:
            raise Malformed("the answer is empty")
        if len(text) > spec.max_chars:
            raise Malformed(f"the answer has {len(text)} characters, at most {spec.max_chars} are wanted")
        if spec.same_language and is_chinese(text) != (lang == "zh"):
            raise Malformed("the answer is not in the language of the document")
        return text

    return parse


def words_of(value: Any) -> str:
    """The first string of a JSON object, the text of a step with an answer_schema. Raises Malformed."""
    string = (
        next((each for each in value.values() if isinstance(each, str)), None)
        if isinstance(value, dict)
        else None
    )
    if string is None:
        raise Malformed("wanted a JSON object with a string")
    return string


def question_of(spec: Step, lang: str) -> Parse:
    """A parser as text_of, for a question: the lines up to the last one with a question mark at its end,
    without introductory lines and labels.

        "Question: Why do tides turn?\n\nAnswer: ..."   ->   "Why do tides turn?"
    """
    plain = text_of(spec, lang)

    def parse(answer: Answer, is_last: bool) -> str:
        lines = [LABEL.sub("", line.strip()) for line in plain(answer, is_last).splitlines()]
        # Small models add an answer or a comment after the question.
        last = max((n for n, line in enumerate(lines) if ASKS.search(line)), default=None)
        if last is None:
            raise Malformed("that is no question; write one question, which ends with a question mark")
        return "\n".join(line for line in lines[: last + 1] if line and not line.endswith((":", "："))).strip(
            '*" '
        )

    return parse


def json_of(check: Callable[[Any], Any]) -> Parse:
    """A parser of JSON; `check` returns the value of a usable object or raises Malformed."""

    def parse(answer: Answer, is_last: bool) -> Any:
        return check(loads(answer))

    return parse


def loads(answer: Answer) -> Any:
    """The JSON of an answer: the whole of it, a fenced block, or from the first bracket on. Raises
    Malformed."""
    # Not strict: small models write line breaks into strings. Text after the JSON is ignored.
    text = answer.text.strip()
    fenced = re.search(r"```(?:json)?\s*(.*?)```", text, re.DOTALL)
    starts = [i for i in (text.find("{"), text.find("[")) if i >= 0]
    for body in (text, *([fenced.group(1)] if fenced else []), *([text[min(starts) :]] if starts else [])):
        try:
            return json.JSONDecoder(strict=False).raw_decode(body.strip())[0]
        except ValueError:
            continue
    raise Malformed("the answer was cut" if answer.finish_reason == "length" else "the answer is not JSON")


def segments_of(chunk: str, max_segments: int) -> Parse:
    """A parser of markers, as JSON strings or one a line, aligned to `chunk`: [{start, end, status, marker}].

    Where no marker is found the answer is Malformed, so that the model gets another attempt; in the last
    attempt the paragraphs are the segments.
    """

    def parse(answer: Answer, is_last: bool) -> list[dict[str, Any]]:
        try:
            markers = markers_of(answer)[:max_segments]
        except Malformed:
            if not is_last:
                raise
            markers = []
        segments = align(chunk, markers)
        # A long chunk in one segment means that the model did not segment it.
        is_fallback = all(segment.status == "fallback" for segment in segments)
        is_single = len(segments) == 1 and len(Source(chunk).starts) >= MIN_WORTH_CUTTING
        if not is_last and (is_fallback or is_single):
            raise Malformed(
                "none of the lines is the beginning of a sentence of the document; copy the first "
                "words of each part exactly"
            )
        return [
            {"start": s.start, "end": s.end, "status": s.status, "marker": s.marker}
            for s in merge_segments(segments, max_segments)
        ]

    return parse


def merge_segments(segments: list[Any], max_segments: int) -> list[Any]:
    """At most `max_segments` segments: neighbours are joined, the shortest pair first."""
    # Generic over the segment type: the result has the
    # type, status and marker of the first of each pair.
    segments = list(segments)
    while len(segments) > max_segments:
        i = min(range(len(segments) - 1), key=lambda k: segments[k + 1].end - segments[k].start)
        segments[i : i + 2] = [
            type(segments[i])(segments[i].start, segments[i + 1].end, segments[i].status, segments[i].marker)
        ]
    return segments


def markers_of(answer: Answer) -> list[str]:
    """The markers of an answer, without bullets, quotation marks and dots; without the last, unfinished one
    where the answer was cut.

    Raises Malformed when there are none.
    """
    text = answer.text.strip()
    if text.startswith(("[", "```", "{")):
        try:
            value = loads(answer)
        except Malformed:
            # The strings that were complete before the answer was cut.
            value = re.findall(r'"((?:[^"\\]|\\.)*)"', text)
        if isinstance(value, dict):
            value = next((each for each in value.values() if isinstance(each, list)), list(value.values()))
        lines = [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
    else:
        lines = text.splitlines()
        lines = lines[:-1] if answer.finish_reason == "length" else lines
    markers = [
        BULLET.sub("", line)
        .strip()
        .strip("\"“”'「」`")
        .removesuffix("...")
        .removesuffix("…")[:MARKER_CHARS]
        .strip()
        for line in lines
    ]
    markers = [marker for marker in markers if marker]
    if not markers:
        raise Malformed("the answer holds no line of first words")
    return markers


def marker_schema(chunk: str, max_segments: int, max_beginnings: int) -> dict[str, Any] | None:
    """A JSON schema that lets a small model only choose: in each of consecutive ranges of sentences the
    beginning of one. None where there are too few sentences to choose from.

    The ranges do not overlap, so the choices are in order and without repeats. `max_beginnings`: offered in
    all.
    """
    source = Source(chunk)
    step = max(1, -(-len(source.starts) // max_beginnings))
    heads = [
        " ".join(chunk[start : start + OPENING].split()).replace('"', "").replace("\\", "")
        for start in source.starts[::step]
    ]
    # Quotation marks and backslashes were dropped above, which constrained
    # decoding would have to escape. Equal beginnings could not be told apart.
    heads = [head for head in dict.fromkeys(heads) if len(fold(head)[0]) >= MIN_MARKER]
    # At least two beginnings to a range, or there is nothing to choose.
    n = min(max_segments, len(heads) // 2)
    if n < 2:
        return None
    cuts = [len(heads) * i // n for i in range(n + 1)]
    parts = {f"part_{i + 1}": {"type": "string", "enum": heads[cuts[i] : cuts[i + 1]]} for i in range(n)}
    return {"type": "object", "properties": parts, "required": list(parts), "additionalProperties": False}
