"""What is understood of an answer, and why not."""

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
# of a line that are taken for the words a segment begins with
MARKER_CHARS = 80
# sentences; a shorter chunk is one segment if the model finds no more
MIN_WORTH_CUTTING = 4
# characters of a sentence that are offered as its marker
OPENING = 40
LAST_END = re.compile(r"^.*[。！？.!?][”\"’』」)]*", re.DOTALL)
LABEL = re.compile(r"^\W*(?:the )?(?:core )?(?:question|核心问题|问题)(?: is)?\W*[:：]\W*", re.IGNORECASE)
ASKS = re.compile(r"[?？][”\"’』」)*]*$")
Parse = Callable[[Answer, bool], Any]


def text_of(spec: Step, lang: str) -> Parse:
    """Plain text in the document's language; cut answers are trimmed to their last whole sentence."""

    def parse(answer: Answer, is_last: bool) -> str:
        said = (answer.text if spec.answer_schema is None else words_of(loads(answer))).strip()
        if answer.finish_reason == "length":
            whole = LAST_END.match(said)
            if whole is None:
                raise Malformed("the answer was cut before its first sentence ended; be shorter")
            said = whole.group()
        if not said:
            raise Malformed("the answer is empty")
        if len(said) > spec.max_chars:
            raise Malformed(f"the answer has {len(said)} characters, at most {spec.max_chars} are wanted")
        if spec.same_language and is_chinese(said) != (lang == "zh"):
            raise Malformed("the answer is not in the language of the document")
        return said

    return parse


def words_of(value: Any) -> str:
    """The first string of a JSON object: what a step with an answer_schema says. Raises Malformed."""
    found = (
        next((each for each in value.values() if isinstance(each, str)), None)
        if isinstance(value, dict)
        else None
    )
    if found is None:
        raise Malformed("wanted a JSON object with a string")
    return found


def question_of(spec: Step, lang: str) -> Parse:
    """As text_of, and a question: the lines up to the last that ends with a question mark, without what
    introduces it."""
    plain = text_of(spec, lang)

    def parse(answer: Answer, is_last: bool) -> str:
        lines = [LABEL.sub("", line.strip()) for line in plain(answer, is_last).splitlines()]
        last = max((n for n, line in enumerate(lines) if ASKS.search(line)), default=None)
        if last is None:
            raise Malformed("that is no question; write one question, which ends with a question mark")
        return "\n".join(line for line in lines[: last + 1] if line and not line.endswith((":", "："))).strip(
            '*" '
        )

    return parse


def json_of(check: Callable[[Any], Any]) -> Parse:
    """JSON, alone or in the answer's first block that parses; `check` returns what is kept or raises
    Malformed."""

    def parse(answer: Answer, is_last: bool) -> Any:
        return check(loads(answer))

    return parse


def loads(answer: Answer) -> Any:
    """The JSON of an answer; control characters inside strings are let pass. Raises Malformed."""
    said = answer.text.strip()
    fenced = re.search(r"```(?:json)?\s*(.*?)```", said, re.DOTALL)
    starts = [i for i in (said.find("{"), said.find("[")) if i >= 0]
    for body in (said, *([fenced.group(1)] if fenced else []), *([said[min(starts) :]] if starts else [])):
        try:
            return json.JSONDecoder(strict=False).raw_decode(body.strip())[0]
        except ValueError:
            continue
    raise Malformed("the answer was cut" if answer.finish_reason == "length" else "the answer is not JSON")


def segments_of(chunk: str, max_segments: int) -> Parse:
    """Markers, as JSON strings or one a line, aligned to `chunk`: [{start, end, status, marker}].

    Markers of which none is found are an error, so that the model is asked once more; the last time
    paragraphs take their place.
    """

    def parse(answer: Answer, is_last: bool) -> list[dict[str, Any]]:
        try:
            markers = markers_of(answer)[:max_segments]
        except Malformed:
            if not is_last:
                raise
            markers = []
        found = align(chunk, markers)
        fell = all(segment.status == "fallback" for segment in found)
        alone = len(found) == 1 and len(Source(chunk).starts) >= MIN_WORTH_CUTTING
        if not is_last and (fell or alone):
            raise Malformed(
                "none of the lines is the beginning of a sentence of the document; copy the first "
                "words of each part exactly"
            )
        return [
            {"start": s.start, "end": s.end, "status": s.status, "marker": s.marker}
            for s in merged(found, max_segments)
        ]

    return parse


def merged(found: list[Any], most: int) -> list[Any]:
    """At most `most` segments: neighbours are joined, the shortest pair first."""
    found = list(found)
    while len(found) > most:
        i = min(range(len(found) - 1), key=lambda k: found[k + 1].end - found[k].start)
        found[i : i + 2] = [
            type(found[i])(found[i].start, found[i + 1].end, found[i].status, found[i].marker)
        ]
    return found


def markers_of(answer: Answer) -> list[str]:
    """The markers of an answer; of one that was cut the last, unfinished one is left out.

    Raises Malformed when there are none.
    """
    said = answer.text.strip()
    if said.startswith(("[", "```", "{")):
        try:
            value = loads(answer)
        except Malformed:
            value = re.findall(r'"((?:[^"\\]|\\.)*)"', said)  # what was whole before the cut
        if isinstance(value, dict):
            value = next((each for each in value.values() if isinstance(each, list)), list(value.values()))
        lines = [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
    else:
        lines = said.splitlines()
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


def marker_schema(chunk: str, max_segments: int, most: int) -> dict[str, Any] | None:
    """JSON schema by which a small model can only choose: of each stretch of sentences the beginning of one;
    None when there is little to cut.

    The stretches follow each other, so that what is chosen is in order and nothing comes twice. `most`:
    beginnings offered in all.
    """
    source = Source(chunk)
    step = max(1, -(-len(source.starts) // most))
    heads = [
        " ".join(chunk[start : start + OPENING].split()).replace('"', "").replace("\\", "")
        for start in source.starts[::step]
    ]
    heads = [head for head in dict.fromkeys(heads) if len(fold(head)[0]) >= MIN_MARKER]
    n = min(max_segments, len(heads) // 2)
    if n < 2:
        return None
    cuts = [len(heads) * i // n for i in range(n + 1)]
    parts = {f"part_{i + 1}": {"type": "string", "enum": heads[cuts[i] : cuts[i + 1]]} for i in range(n)}
    return {"type": "object", "properties": parts, "required": list(parts), "additionalProperties": False}
