"""One sliding window of calls in flight, over all documents and steps: no barrier, each answer journaled
before it is used."""

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

LONGEST_WAIT = 30.0  # seconds between two tries of one call
# factor on max_tokens for the repair of an answer that was cut
REPEATED = 1.5


class Malformed(Exception):
    """An answer that cannot be used; the message says why, and goes into the repair prompt."""


class Quarantine(Exception):
    """A request is given up; the message (`reason: detail`) becomes its error."""


class Window:
    """Calls of the engine, `in_flight` at a time; what was counted meanwhile."""

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
        """One answer, however often the call has to be made.

        Raises Quarantine when it is this call that fails, RetryLater when all do.
        """
        tries, blamed, began = 0, 0, time.monotonic()
        while True:
            self.waiting += 1
            async with self.gate:
                self.waiting -= 1
                self.running += 1
                self.peak = max(self.peak, self.running)
                asked = time.monotonic()
                try:
                    answer = await self.engine.ask(f"{key}:{tries}", messages, sampling, schema)
                    self.last_success = time.monotonic()
                    return answer
                except EngineFault as fault:
                    # of a server that goes away no call is to blame
                    blamed += not fault.is_cut or self.last_success > asked
                    self._weigh(fault, blamed, began)
                finally:
                    self.running -= 1
            tries += 1
            self.events["retries"] += 1
            await asyncio.sleep(min(self.limits.backoff_seconds * 2 ** min(tries - 1, 10), LONGEST_WAIT))

    def _weigh(self, fault: EngineFault, blamed: int, began: float) -> None:
        """Return when the call is to be repeated. A server that answers others but never this call refuses
        it; one that answers nobody is down.

        blamed: faults of this call so far that were not those of a server that nobody reached.
        """
        if fault.is_lasting:
            raise Quarantine(f"engine_refused: {fault}") from None
        silent = time.monotonic() - max(self.last_success, began)
        if silent > self.limits.engine_down_seconds:
            raise RetryLater(
                f"the engine has answered nothing for {silent:.0f} s (last: {fault}); run the same "
                "command again when it is up, nothing is lost"
            )
        if blamed > self.limits.max_retries and self.last_success > began:
            raise Quarantine(f"engine_error: {fault}") from None


class Asker:
    """The calls of one request: journaled, repaired, within the request's budget of tokens."""

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
        """What `parse(answer, is_last)` makes of the answer to `step` (journaled under `name`).

        Raises Quarantine after the last repair.
        """
        spec = self.prompts.steps[step]
        messages = prompts.messages(
            spec, self.lang, self.request["request_id"], texts, words, self.window.tokens
        )
        cut = False
        for attempt in range(self.window.limits.repairs + 1):
            sampling = self._sampling(spec, name or step, ordinal, attempt, cut)
            row = await self._answer(
                name or step, ordinal, attempt, messages, sampling, schema or spec.answer_schema, parse
            )
            if row["error"] is None:
                return json.loads(row["parsed"])
            cut = row["finish_reason"] == "length"
            messages = [
                *messages[:2],
                *prompts.repair(self.prompts, self.lang, row["raw"] or "", row["error"], self.window.tokens),
            ]
        raise Quarantine(f"malformed: {name or step}: {row['error']}")

    def _sampling(self, spec: Step, step: str, ordinal: int, attempt: int, cut: bool) -> dict[str, Any]:
        seed = hashlib.blake2b(
            f"{self.request['request_id']}|{step}|{ordinal}|{attempt}".encode(), digest_size=4
        ).digest()
        # the same words again would fail the same way
        temperature = spec.temperature if attempt == 0 else max(spec.temperature, 0.3)
        most = int(spec.max_tokens * (REPEATED if cut else 1))
        return {
            "temperature": temperature,
            "top_p": spec.top_p,
            "max_tokens": most,
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
        """The journal's row of this call, or a new one."""
        key, hashed = (self.request["request_id"], step, ordinal, attempt), prompts.digest(messages, sampling)
        row = self.journal.get(key, hashed)
        if row is None:
            if self.spent >= self.window.limits.request_tokens:
                raise Quarantine(
                    f"over_budget: {self.spent} tokens of answers, limits.request_tokens is "
                    f"{self.window.limits.request_tokens}"
                )
            answer = await self.window.call(
                f"{key[0]}:{step}:{ordinal}:{attempt}", messages, sampling, schema
            )
            row = self._row(key, hashed, answer, sampling, parse)
            self.journal.add(row)
            self.window.n_answers += 1
        else:
            self.window.n_replayed += 1
        self._count(row)
        return row

    def _row(
        self,
        key: Any,
        hashed: str,
        answer: Answer,
        sampling: dict[str, Any],
        parse: Callable[[Answer, bool], Any],
    ) -> dict[str, Any]:
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
            "raw": answer.text.encode("utf-8", "replace").decode(),
            "error": error,
            "finish_reason": answer.finish_reason,
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
            "seconds": round(answer.seconds, 4),
            "sampling": json.dumps(sampling, sort_keys=True),
            "prompt_hash": hashed,
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
    """A row of synth_answers that says nothing yet."""
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
