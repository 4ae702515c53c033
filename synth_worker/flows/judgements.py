"""Strict parsing of a judge's answer: one JSON object with the numbers that the prompt's schema requires, of
its types and within its bounds.

Any doubt makes the answer Malformed: two different objects, a name that is repeated or not in the schema,
text behind the object (a second thought), a number before it, an object that does not end. The judge is asked
again, and in the end the document has no score; no number is guessed, clipped to the scale or rounded.

    Fine. {"score": 4, "reason": "clear"}   ->   {"score": 4.0, "reason": "clear"}
    {"score": 7}  (of 0 to 5)               ->   Malformed
"""

from __future__ import annotations

import json
import re
from typing import Any

from gristmill.synth_worker.calls.engines import Answer
from gristmill.synth_worker.calls.window import Malformed
from gristmill.synth_worker.flows.answers import Parse

THOUGHT_END = "</think>"
FENCE = re.compile(r"```(?:json)?", re.IGNORECASE)
HIGHEST = 5.0  # upper bound where a schema has none
ONLY = {"type": "object", "properties": {"score": {"type": "number"}}, "required": ["score"]}


def judgement_of(schema: dict[str, Any] | None) -> Parse:
    """A parser to {name: number, ..., reason: text} by `schema`, a prompt's answer_schema (None: one
    score)."""
    answer_schema = schema or ONLY

    def parse(answer: Answer, is_last: bool) -> dict[str, Any]:
        return check_numbers(single_object(answer), answer_schema)

    return parse


def single_object(answer: Answer) -> dict[str, Any]:
    """The only JSON object of an answer. Raises Malformed where there is none, or any doubt about it."""
    # The thoughts of a reasoning model may contain objects that it rejected.
    text = answer.text
    if THOUGHT_END in text:
        text = text.rpartition(THOUGHT_END)[2]
    elif "<think>" in text:
        raise Malformed("the thoughts do not end; think less and answer")
    text = FENCE.sub("", text).strip()
    reader = json.JSONDecoder(strict=False, object_pairs_hook=_unique_names, parse_constant=_no_number)
    # All objects are read, not only the first: a model that corrects itself gives a second one.
    objects, at, before = [], 0, ""
    while (begin := text.find("{", at)) >= 0:
        before += text[at:begin]
        try:
            value, at = reader.raw_decode(text, begin)
        except ValueError:
            raise Malformed(
                "the answer was cut" if answer.finish_reason == "length" else "the answer is not JSON"
            ) from None
        objects.append(value)
    if not objects:
        raise Malformed(
            "the answer was cut" if answer.finish_reason == "length" else "the answer is not a JSON object"
        )
    # The same object twice, plain and in a fence, leaves no doubt.
    if any(value != objects[0] for value in objects):
        raise Malformed(f"the answer holds {len(objects)} unlike objects; give one")
    # Text behind the object may revoke it ("No, rather 2").
    if text[at:].strip():
        raise Malformed("words stand behind the object; give the object only")
    # A number before the object may be another score;
    # a bracket or comma makes it an element of a list.
    if re.search(r"\d", before) or before.strip().endswith(("[", ",")):
        raise Malformed("a number or a list stands before the object; give the object only")
    return dict(objects[0])


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise Malformed("a name stands twice in the object")
    return dict(pairs)


def _no_number(word: str) -> None:
    raise Malformed(f"{word} is no number")


def check_numbers(value: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The numbers of `value` (as floats) and its reason, checked against `schema`.

    Raises Malformed with the first violation.
    """
    known = schema["properties"]
    others = sorted(value.keys() - known.keys())
    # A name beyond the schema may be the score under another name.
    if others and schema.get("additionalProperties") is False:
        raise Malformed(f"{', '.join(others)} was not asked for; wanted {', '.join(known)}")
    numbers = {name: kind for name, kind in known.items() if kind.get("type") in ("integer", "number")}
    for name, kind in numbers.items():
        number: Any = value.get(name)
        low, high = kind.get("minimum", 0), kind.get("maximum", HIGHEST)
        # bool is a subclass of int in Python; true is no score.
        is_number = isinstance(number, (int, float)) and not isinstance(number, bool)
        if (
            not is_number
            or not low <= number <= high
            or (kind["type"] == "integer" and not float(number).is_integer())
        ):
            raise Malformed(
                f"wanted {name} as {'a whole' if kind['type'] == 'integer' else 'a'} number from "
                f"{low:g} to {high:g}, without quotes"
            )
    reason = value.get("reason")
    if reason is not None and not isinstance(reason, str):
        raise Malformed("wanted the reason as one string")
    return {**{name: float(value[name]) for name in numbers}, "reason": (reason or "").strip()}
