"""The flows: the calls for one request, step by step. Each recipe is a coroutine that returns a list of
results, one for each sample.

    cot          segments by markers, a summary of each, a chain of thought from the summaries, the core
                 question from the chain (CCI4.0, arXiv 2506.07463, section 3.5)
    qa_extract   questions with answers in the text, then each answer refined (WebInstruct, arXiv 2405.03548)
    textbook     title and text for an audience and a style (Cosmopedia)
    instruction  the instruction whose answer is the text (back-translation)
    judge, judge_additive, judge_aspects, judge_sample   scores of a document, or of a sample
    solve        k attempts at a question with a known answer
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from gristmill.synth_worker.calls.prompts import choose_words
from gristmill.synth_worker.calls.window import Asker, Malformed, Quarantine
from gristmill.synth_worker.flows import answers
from gristmill.synth_worker.flows.judgements import judgement_of
from gristmill.synth_worker.recipe import Spec

Result = dict[str, Any]
Flow = Callable[[Asker, Spec], Awaitable[list[Result]]]
# beginnings of sentences that `markers: choice` offers to the model
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
    # A small model cannot copy first words exactly:
    # with `choice` a schema lets it choose among them.
    chunk = asker.request["text"]
    schema = (
        answers.marker_schema(chunk, spec.max_segments, MARKERS_OFFERED) if spec.markers == "choice" else None
    )
    limit = {"max_segments": str(spec.max_segments)}
    segments = await asker.ask(
        "segment", {"document": chunk}, limit, answers.segments_of(chunk, spec.max_segments), schema
    )
    bodies = [chunk[segment["start"] : segment["end"]] for segment in segments]
    # All summaries at once: they do not depend on each other, and the window bounds the calls.
    texts = await _all([_summary(asker, body, n) for n, body in enumerate(bodies)])
    for segment, summary in zip(segments, texts, strict=True):
        segment["summary"] = summary
    # The order of CCI4.0: the chain from the summaries alone, then the question from the chain.
    listed = "\n".join(f"{n}. {summary}" for n, summary in enumerate((s for s in texts if s), 1))
    chain = await _text(asker, "cot", {"summaries": listed}, {})
    question = await asker.ask(
        "question",
        {"reasoning": chain},
        {},
        answers.question_of(asker.prompts.steps["question"], asker.lang),
    )
    return [{"question": question, "cot": chain, "answer": None, "segments": segments}]


async def _summary(asker: Asker, body: str, n: int) -> str | None:
    """The summary of segment `n`; None for white space, which a model would make something up for."""
    return await _text(asker, "summary", {"segment": body}, {}, name=f"summary:{n}") if body.strip() else None


async def _all(calls: list[Coroutine[Any, Any, Any]]) -> list[Any]:
    """The results of all calls, in order; the first error cancels the others."""
    # One error instead of a group: Quarantine is what the worker handles.
    try:
        async with asyncio.TaskGroup() as group:
            tasks: list[asyncio.Task[Any]] = [group.create_task(call) for call in calls]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


async def qa_extract(asker: Asker, spec: Spec) -> list[Result]:
    """One sample for each question that the text asks or answers, with a refined answer."""
    # Two steps, as in WebInstruct: an extracted answer often lacks the
    # steps that lead to it, so each is refined with the whole document.
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
    """[{question, answer}] of non-empty strings, each question once. Raises Malformed for anything else."""
    if not isinstance(value, list) or not all(
        isinstance(p, dict) and isinstance(p.get("question"), str) and isinstance(p.get("answer"), str)
        for p in value
    ):
        raise Malformed("wanted a JSON list of objects with the strings question and answer")
    by_question = {
        p["question"].strip(): p["answer"].strip()
        for p in value
        if p["question"].strip() and p["answer"].strip()
    }
    return [{"question": question, "answer": answer} for question, answer in by_question.items()]


async def textbook(asker: Asker, spec: Spec) -> list[Result]:
    """One sample: a title and the text written for it; audience and style by the request's hash."""
    words = choose_words(asker.prompts, asker.lang, asker.request["request_id"])
    title = await _text(asker, "title", {"document": asker.request["text"]}, words)
    text = await _text(asker, "write", {"document": asker.request["text"], "title": title}, words)
    return [{"question": title, "cot": None, "answer": text}]


async def instruction(asker: Asker, spec: Spec) -> list[Result]:
    """One sample: an instruction to which the text itself is the answer."""
    question = await _text(asker, "instruction", {"document": asker.request["text"]}, {})
    return [{"question": question, "cot": None, "answer": asker.request["text"]}]


async def judge(asker: Asker, spec: Spec) -> list[Result]:
    """One result and no sample: the numbers of the prompt's schema (of a document: score), and the reason."""
    return [
        await asker.ask(
            "judge",
            {"document": asker.request["text"]},
            {},
            judgement_of(asker.prompts.steps["judge"].answer_schema),
        )
    ]


async def solve(asker: Asker, spec: Spec) -> list[Result]:
    """One result: the share of k attempts that end in the expected answer.

    The request's text is JSON with question and answer; raises Quarantine where it is not.
    """
    try:
        task = json.loads(asker.request["text"])
        question, expected = str(task["question"]), str(task["answer"])
    except (ValueError, KeyError, TypeError):
        raise Quarantine(
            "wrong_request: the text of a solve request is JSON with question and answer"
        ) from None
    # Numbered attempts: each has its own seed and its own row in the journal.
    texts = await _all(
        [_text(asker, "solve", {"question": question}, {}, ordinal=k) for k in range(spec.solve_tries)]
    )
    passes = sum(final(answer) == final(expected) for answer in texts)
    return [{"passes": passes, "tries": len(texts), "pass_rate": passes / len(texts)}]


def final(text: str) -> str:
    """The final result of an answer: its last number (1,000 is 1000, 3.0 is 3), else its last line,
    folded."""
    # Numbers are compared by value: models write the same one in several ways.
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
