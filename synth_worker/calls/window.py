"""One sliding window of calls in flight over all documents and steps, without barriers; each answer is
journaled before it is used."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from gristmill.synth_worker.calls import prompts
from gristmill.synth_worker.calls.engines import Answer, Engine
from gristmill.synth_worker.errors import EngineFault, RetryLater
from gristmill.synth_worker.queue.journal import Journal
from gristmill.synth_worker.recipe import Limits, PromptFile, Step

MAX_BACKOFF_SECONDS = 30.0  # between two attempts of one call
# factor on max_tokens for the repair of an answer that was cut at its limit
REPAIR_FACTOR = 1.5


class Malformed(Exception):
    """An answer cannot be used; the message is the reason, and a part of the repair prompt."""


class Quarantine(Exception):
    """A request has failed for good; the message (`reason: details`) becomes its error."""


class Window:
    """Calls of the engine, at most `limits.in_flight` at a time, and their counters."""

    def __init__(self, engine: Engine, limits: Limits, tokens: list[str]) -> None:
        self.engine, self.limits = engine, limits
        self.tokens = [*tokens, *engine.special_tokens]
        self.gate = asyncio.Semaphore(limits.in_flight)
        self.running = self.waiting = self.peak = self.n_answers = self.n_replayed = 0
        self.last_success = time.monotonic()
        self.spent: Counter[str] = Counter()  # prompt_tokens, completion_tokens
        self.events: Counter[str] = Counter()  # finish_reason=length, repairs, retries

    async def call(
        self,
        key: str,
        messages: list[prompts.Message],
        sampling: dict[str, Any],
        schema: dict[str, Any] | None,
    ) -> Answer:
        """One answer; the call is repeated after faults, with exponential backoff.

        Raises Quarantine when only this call fails, RetryLater when all calls do.
        """
        tries, n_own_faults, began = 0, 0, time.monotonic()
        while True:
            self.waiting += 1
            async with self.gate:
                self.waiting -= 1
                self.running += 1
                self.peak = max(self.peak, self.running)
                sent_at = time.monotonic()
                try:
                    answer = await self.engine.ask(f"{key}:{tries}", messages, sampling, schema)
                    self.last_success = time.monotonic()
                    return answer
                except EngineFault as fault:
                    # A lost connection counts against this call only where another
                    # one succeeded meanwhile: a server that restarts fails them all.
                    n_own_faults += not fault.is_cut or self.last_success > sent_at
                    self._check_fault(fault, n_own_faults, began)
                finally:
                    self.running -= 1
            # Outside the gate: a call that waits does not take the place of one that could run.
            tries += 1
            self.events["retries"] += 1
            await asyncio.sleep(
                min(self.limits.backoff_seconds * 2 ** min(tries - 1, 10), MAX_BACKOFF_SECONDS)
            )

    def _check_fault(self, fault: EngineFault, n_own_faults: int, began: float) -> None:
        """Return where the call should be repeated; raise Quarantine or RetryLater otherwise.

        A server that answers other calls but never this one refuses it; a server that answers none is down.
        `n_own_faults`: faults of this call without those of a server that no call reached; `began`: when the
        call was made first (monotonic seconds).
        """
        # Refused requests first: they say nothing about the server.
        if fault.is_lasting:
            raise Quarantine(f"engine_refused: {fault}") from None
        # Measured from the call's own start too: after a pause
        # without calls, the last success may be long ago.
        silence = time.monotonic() - max(self.last_success, began)
        if silence > self.limits.engine_down_seconds:
            raise RetryLater(
                f"the engine has answered nothing for {silence:.0f} s (last: {fault}); run the same "
                "command again when it is up, nothing is lost"
            )
        if n_own_faults > self.limits.max_retries and self.last_success > began:
            raise Quarantine(f"engine_error: {fault}") from None


class Asker:
    """The calls of one request: journaled, repaired, within the token budget of the request."""

    def __init__(
        self, window: Window, journal: Journal, request: dict[str, Any], prompt_file: PromptFile
    ) -> None:
        self.window, self.journal, self.request, self.prompts = window, journal, request, prompt_file
        self.lang = prompts.language(request["lang"], request["text"])
        self.spent = 0

    async def ask(
        self,
        step: str,
        texts: dict[str, str],
        words: dict[str, str],
        parse: Callable[[Answer, bool], Any],
        schema: dict[str, Any] | None = None,
        ordinal: int = 0,
        name: str = "",
    ) -> Any:
        """The result of `parse(answer, is_last)` for the answer to `step`, journaled under `name`.

        An answer for which `parse` raises Malformed is repaired: the model gets it back with the error.
        `ordinal` numbers several answers to one prompt. Raises Quarantine after the last repair.
        """
        spec = self.prompts.steps[step]
        # Rendered once: the journal compares the hash of what is sent, also after a restart.
        messages = prompts.messages(
            spec, self.lang, self.request["request_id"], texts, words, self.window.tokens
        )
        was_cut = False
        for attempt in range(self.window.limits.repairs + 1):
            sampling = self._sampling(spec, name or step, ordinal, attempt, was_cut)
            row = await self._answer(
                name or step, ordinal, attempt, messages, sampling, schema or spec.answer_schema, parse
            )
            if row["error"] is None:
                return json.loads(row["parsed"])
            # Only the latest answer and error: the prompt does not grow with each repair.
            was_cut = row["finish_reason"] == "length"
            messages = [
                *messages[:2],
                *prompts.repair(self.prompts, self.lang, row["raw"] or "", row["error"], self.window.tokens),
            ]
        raise Quarantine(f"malformed: {name or step}: {row['error']}")

    def _sampling(self, spec: Step, step: str, ordinal: int, attempt: int, was_cut: bool) -> dict[str, Any]:
        # Derived from the call's key: a repeated run
        # samples the same, and each attempt something else.
        seed = hashlib.blake2b(
            f"{self.request['request_id']}|{step}|{ordinal}|{attempt}".encode(), digest_size=4
        ).digest()
        # At temperature 0 a repair could return the same unusable answer.
        temperature = spec.temperature if attempt == 0 else max(spec.temperature, 0.3)
        max_tokens = int(spec.max_tokens * (REPAIR_FACTOR if was_cut else 1))
        return {
            "temperature": temperature,
            "top_p": spec.top_p,
            "max_tokens": max_tokens,
            "seed": int.from_bytes(seed, "big") >> 1,
        }

    async def _answer(
        self,
        step: str,
        ordinal: int,
        attempt: int,
        messages: list[prompts.Message],
        sampling: dict[str, Any],
        schema: dict[str, Any] | None,
        parse: Callable[[Answer, bool], Any],
    ) -> dict[str, Any]:
        """The row of this call from the journal, or of a new call."""
        key, prompt_hash = (
            (self.request["request_id"], step, ordinal, attempt),
            prompts.digest(messages, sampling),
        )
        row = self.journal.get(key, prompt_hash)
        if row is None:
            # Replayed answers never fail by the budget: they are paid for already.
            if self.spent >= self.window.limits.request_tokens:
                raise Quarantine(
                    f"over_budget: {self.spent} tokens of answers, limits.request_tokens is "
                    f"{self.window.limits.request_tokens}"
                )
            answer = await self.window.call(
                f"{key[0]}:{step}:{ordinal}:{attempt}", messages, sampling, schema
            )
            row = self._row(key, prompt_hash, answer, sampling, parse)
            # Journaled before it is used or counted: a kill after this line loses nothing.
            self.journal.add(row)
            self.window.n_answers += 1
        else:
            self.window.n_replayed += 1
        self._count(row)
        return row

    def _row(
        self,
        key: Any,
        prompt_hash: str,
        answer: Answer,
        sampling: dict[str, Any],
        parse: Callable[[Answer, bool], Any],
    ) -> dict[str, Any]:
        # The last attempt may be parsed leniently (paragraphs instead of markers).
        is_final = key[3] >= self.window.limits.repairs
        parsed, error = None, None
        try:
            parsed = json.dumps(parse(answer, is_final), ensure_ascii=False)
        except Malformed as problem:
            error = str(problem)
        return {
            **empty_row(
                self.request, key[1], key[2], key[3], error is None or is_final, self.window.engine.name
            ),
            "parsed": parsed,
            # Lone surrogates in an answer would make the table unwritable.
            "raw": answer.text.encode("utf-8", "replace").decode(),
            "error": error,
            "finish_reason": answer.finish_reason,
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
            "seconds": round(answer.seconds, 4),
            "sampling": json.dumps(sampling, sort_keys=True),
            "prompt_hash": prompt_hash,
        }

    def _count(self, row: dict[str, Any]) -> None:
        self.spent += row["completion_tokens"] or 0
        for name in ("prompt_tokens", "completion_tokens"):
            self.window.spent[name] += row[name] or 0
        self.window.events["length"] += row["finish_reason"] == "length"
        self.window.events["repairs"] += row["attempt"] > 0


def empty_row(
    request: dict[str, Any], step: str, ordinal: int, attempt: int, is_last: bool, model: str
) -> dict[str, Any]:
    """A row of synth_answers with its key and model, all other columns null or empty."""
    return {
        "request_id": request["request_id"],
        "part": request["part"],
        "step": step,
        "ordinal": ordinal,
        "attempt": attempt,
        "is_last": is_last,
        "parsed": None,
        "raw": None,
        "error": None,
        "finish_reason": None,
        "prompt_tokens": None,
        "completion_tokens": None,
        "seconds": None,
        "model": model,
        "sampling": "{}",
        "prompt_hash": "",
        "at": dt.datetime.now(dt.UTC).isoformat(),
    }
