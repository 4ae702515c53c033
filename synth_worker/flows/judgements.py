"""What a judge said, taken strictly: one JSON object with the numbers that the prompt's schema asks for, of
its kinds and within its bounds.

Whatever is in doubt is no judgement: two unlike objects, a name said twice or not asked for, words behind the
object (a second thought), a number before it, an object that does not end. The judge is asked again, and at
last the document stays unscored; no number is guessed, cut to the scale or rounded.
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
HIGHEST = 5.0  # where a schema sets no bounds
ONLY = {"type": "object", "properties": {"score": {"type": "number"}}, "required": ["score"]}


def judgement_of(schema: dict[str, Any] | None) -> Parse:
    """Parses an answer to {name: number, ..., reason: text} as `schema` (a prompt's answer_schema) asks."""
    wanted = schema or ONLY

    def parse(answer: Answer, is_last: bool) -> dict[str, Any]:
        return checked(the_object(answer), wanted)

    return parse


def the_object(answer: Answer) -> dict[str, Any]:
    """The one JSON object of an answer. Raises Malformed."""
    said = answer.text
    if THOUGHT_END in said:
        said = said.rpartition(THOUGHT_END)[2]
    elif "<think>" in said:
        raise Malformed("the thoughts do not end; think less and answer")
    said = FENCE.sub("", said).strip()
    reader = json.JSONDecoder(strict=False, object_pairs_hook=_once, parse_constant=_no_number)
    found, at, before = [], 0, ""
    while (begin := said.find("{", at)) >= 0:
        before += said[at:begin]
        try:
            value, at = reader.raw_decode(said, begin)
        except ValueError:
            raise Malformed(
                "the answer was cut" if answer.finish_reason == "length" else "the answer is not JSON"
            ) from None
        found.append(value)
    if not found:
        raise Malformed(
            "the answer was cut" if answer.finish_reason == "length" else "the answer is not a JSON object"
        )
    if any(value != found[0] for value in found):
        raise Malformed(f"the answer holds {len(found)} unlike objects; give one")
    if said[at:].strip():
        raise Malformed("words stand behind the object; give the object only")
    if re.search(r"\d", before) or before.strip().endswith(("[", ",")):
        raise Malformed("a number or a list stands before the object; give the object only")
    return dict(found[0])


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise Malformed("a name stands twice in the object")
    return dict(pairs)


def _no_number(word: str) -> None:
    raise Malformed(f"{word} is no number")


def checked(value: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The numbers (as floats) and the reason of an object that keeps to `schema`.

    Raises Malformed that names the first thing that does not.
    """
    known = schema["properties"]
    others = sorted(value.keys() - known.keys())
    if others and schema.get("additionalProperties") is False:
        raise Malformed(f"{', '.join(others)} was not asked for; wanted {', '.join(known)}")
    numbers = {name: kind for name, kind in known.items() if kind.get("type") in ("integer", "number")}
    for name, kind in numbers.items():
        said: Any = value.get(name)
        low, high = kind.get("minimum", 0), kind.get("maximum", HIGHEST)
        is_number = isinstance(said, (int, float)) and not isinstance(said, bool)
        if (
            not is_number
            or not low <= said <= high
            or (kind["type"] == "integer" and not float(said).is_integer())
        ):
            raise Malformed(
                f"wanted {name} as {'a whole' if kind['type'] == 'integer' else 'a'} number from "
                f"{low:g} to {high:g}, without quotes"
            )
    reason = value.get("reason")
    if reason is not None and not isinstance(reason, str):
        raise Malformed("wanted the reason as one string")
    return {**{name: float(value[name]) for name in numbers}, "reason": (reason or "").strip()}
