"""What is asked about one request, step by step; each recipe is one coroutine that returns the results (a
list, one a sample).

cot: segments by markers, a summary of each, a chain of thought from the summaries, the core question from the
chain (CCI4.0, arXiv 2506.07463, section 3.5). qa_extract: questions the text answers, then each refined
(WebInstruct, arXiv 2405.03548). textbook: audience and style (Cosmopedia). instruction: the instruction whose
answer the text is (back-translation). judge, judge_additive, judge_aspects: scores of a document;
judge_sample: of a sample. solve: k tries.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from gristmill.synth_worker.calls.prompts import chosen
from gristmill.synth_worker.calls.window import Asker, Malformed, Quarantine
from gristmill.synth_worker.flows import answers
from gristmill.synth_worker.flows.judgements import judgement_of
from gristmill.synth_worker.recipe import Spec

Result = dict[str, Any]
Flow = Callable[[Asker, Spec], Awaitable[list[Result]]]
# sentence beginnings from which `markers: choice` lets the model choose
MARKERS_OFFERED = 60


async def _text(
    asker: Asker, step: str, texts: dict[str, str], words: dict[str, str], ordinal: int = 0, name: str = ""
) -> str:
    answer: str = await asker.ask(
        step, texts, words, answers.text_of(asker.prompts.steps[step], asker.lang), ordinal=ordinal, name=name
    )
    return answer


async def cot(asker: Asker, spec: Spec) -> list[Result]:
    """One sample: question, chain of thought, and the segments with their summaries."""
    chunk = asker.request["text"]
    schema = (
        answers.marker_schema(chunk, spec.max_segments, MARKERS_OFFERED) if spec.markers == "choice" else None
    )
    limit = {"max_segments": str(spec.max_segments)}
    segments = await asker.ask(
        "segment", {"document": chunk}, limit, answers.segments_of(chunk, spec.max_segments), schema
    )
    bodies = [chunk[segment["start"] : segment["end"]] for segment in segments]
    said = await _all([_summary(asker, body, n) for n, body in enumerate(bodies)])
    for segment, summary in zip(segments, said, strict=True):
        segment["summary"] = summary
    listed = "\n".join(f"{n}. {summary}" for n, summary in enumerate((s for s in said if s), 1))
    thought = await _text(asker, "cot", {"summaries": listed}, {})
    question = await asker.ask(
        "question",
        {"reasoning": thought},
        {},
        answers.question_of(asker.prompts.steps["question"], asker.lang),
    )
    return [{"question": question, "cot": thought, "answer": None, "segments": segments}]


async def _summary(asker: Asker, body: str, n: int) -> str | None:
    return await _text(asker, "summary", {"segment": body}, {}, name=f"summary:{n}") if body.strip() else None


async def _all(calls: list[Coroutine[Any, Any, Any]]) -> list[Any]:
    """All results in order; the first error cancels the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks: list[asyncio.Task[Any]] = [group.create_task(call) for call in calls]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


async def qa_extract(asker: Asker, spec: Spec) -> list[Result]:
    """A sample for each question that the text asks or answers, its answer refined."""
    pairs = await asker.ask("extract", {"document": asker.request["text"]}, {}, answers.json_of(_pairs))
    if not pairs:
        raise Quarantine("nothing_found: the text answers no question")
    calls = [
        _text(asker, "refine", {"document": asker.request["text"], **pair}, {}, name=f"refine:{n}")
        for n, pair in enumerate(pairs)
    ]
    refined = await _all(list(calls))
    return [
        {"question": pair["question"], "cot": None, "answer": answer}
        for pair, answer in zip(pairs, refined, strict=True)
    ]


def _pairs(value: Any) -> list[dict[str, str]]:
    """[{question, answer}] of strings, doubles left out."""
    if not isinstance(value, list) or not all(
        isinstance(p, dict) and isinstance(p.get("question"), str) and isinstance(p.get("answer"), str)
        for p in value
    ):
        raise Malformed("wanted a JSON list of objects with the strings question and answer")
    kept = {
        p["question"].strip(): p["answer"].strip()
        for p in value
        if p["question"].strip() and p["answer"].strip()
    }
    return [{"question": question, "answer": answer} for question, answer in kept.items()]


async def textbook(asker: Asker, spec: Spec) -> list[Result]:
    """One sample: the assignment (audience and style by the request's hash) and the text written for it."""
    words = chosen(asker.prompts, asker.lang, asker.request["request_id"])
    title = await _text(asker, "title", {"document": asker.request["text"]}, words)
    text = await _text(asker, "write", {"document": asker.request["text"], "title": title}, words)
    return [{"question": title, "cot": None, "answer": text}]


async def instruction(asker: Asker, spec: Spec) -> list[Result]:
    """One sample: the instruction to which the text itself is the answer."""
    asked = await _text(asker, "instruction", {"document": asker.request["text"]}, {})
    return [{"question": asked, "cot": None, "answer": asker.request["text"]}]


async def judge(asker: Asker, spec: Spec) -> list[Result]:
    """One result: what the prompt's schema asks numbers for (of a document: score), within its bounds,
    and the reason; no sample."""
    return [
        await asker.ask(
            "judge",
            {"document": asker.request["text"]},
            {},
            judgement_of(asker.prompts.steps["judge"].answer_schema),
        )
    ]


async def solve(asker: Asker, spec: Spec) -> list[Result]:
    """One result: how many of k tries end in the known answer; the request's text is JSON with question
    and answer."""
    try:
        task = json.loads(asker.request["text"])
        question, known = str(task["question"]), str(task["answer"])
    except (ValueError, KeyError, TypeError):
        raise Quarantine(
            "wrong_request: the text of a solve request is JSON with question and answer"
        ) from None
    said = await _all(
        [_text(asker, "solve", {"question": question}, {}, ordinal=k) for k in range(spec.solve_tries)]
    )
    passes = sum(final(answer) == final(known) for answer in said)
    return [{"passes": passes, "tries": len(said), "pass_rate": passes / len(said)}]


def final(text: str) -> str:
    """What an answer ends in: its last number, else its last line folded; 1,000 is 1000 and 3.0 is 3."""
    numbers = re.findall(r"-?\d[\d,]*(?:\.\d+)?", text)
    if numbers:
        return f"{float(numbers[-1].replace(',', '')):g}"
    return " ".join(text.strip().casefold().splitlines()[-1:]).strip(" .。")


FLOWS: dict[str, Flow] = {
    "cot": cot,
    "qa_extract": qa_extract,
    "textbook": textbook,
    "instruction": instruction,
    "judge": judge,
    "judge_additive": judge,
    "judge_aspects": judge,
    "judge_sample": judge,
    "solve": solve,
}
