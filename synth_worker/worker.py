"""The worker's loop: lease parts, open their requests, close each with a result or an error, commit a part
when all its requests are closed.

    synth_requests                      synth_answers of the part
    request_id  recipe  text            request_id  step    parsed              error
    r1          judge   The mill ...    r1          judge   {"score": 4.0, ...}
    r2          judge   (blank)    ->   r1          result  {"score": 4.0, ...}
                                        r2          result                      empty: white space only
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import sys
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any, TextIO

from gristmill.synth_worker.calls.engines import Engine
from gristmill.synth_worker.calls.window import Asker, Quarantine, Window, empty_row
from gristmill.synth_worker.errors import RetryLater, TableError
from gristmill.synth_worker.flows.flows import FLOWS
from gristmill.synth_worker.progress import Progress
from gristmill.synth_worker.queue.journal import Journal
from gristmill.synth_worker.queue.store import Store, now
from gristmill.synth_worker.recipe import Prompts, Spec

# between two checks of the parts that other workers have leased
POLL_SECONDS = 2.0
VERSION = "0.1.0"


class Part:
    """A leased part: its requests, its journal, its results, and how many requests are still open."""

    def __init__(self, name: str, requests: list[dict[str, Any]], journal: Journal) -> None:
        self.name, self.requests, self.journal, self.open = name, requests, journal, len(requests)
        self.results: list[dict[str, Any]] = []

    def rows(self) -> list[dict[str, Any]]:
        """The rows of synth_answers of this part: all answers and results, sorted by key.

        Raises TableError unless every request is closed.
        """
        # Sorted, because results come in the order in which
        # the model answers: the table must not depend on it.
        closed = {row["request_id"] for row in self.results}
        expected = {request["request_id"] for request in self.requests}
        if closed != expected:
            raise TableError(
                f"part {self.name}: {len(expected - closed)} requests without a result; nothing committed "
                "(a fault of the worker)"
            )
        # The journal may have answers to requests that a new export removed from the part.
        used = [row for key, row in self.journal.answers.items() if key[0] in expected]
        rows = [*used, *self.results]
        return sorted(rows, key=lambda row: (row["request_id"], row["step"], row["ordinal"], row["attempt"]))


class Worker:
    """One run over the queue of one lake."""

    def __init__(
        self, spec: Spec, prompts: dict[str, Prompts], digest: str, store: Store, engine: Engine
    ) -> None:
        self.spec, self.prompts, self.digest, self.store, self.engine = spec, prompts, digest, store, engine
        self.folder = Path(spec.work_folder) / store.worker
        self.window = Window(engine, spec.limits, spec.special_tokens)
        self.gate = asyncio.Semaphore(spec.limits.open_requests)
        self.parts: dict[str, Part] = {}
        self.reasons: Counter[str] = Counter()
        self.n_in = self.n_made = self.n_late = 0
        self.batches: set[str] = set()
        self.began = time.monotonic()

    async def run(self) -> None:
        """Answer requests until no part is left.

        Raises WorkerError. Whatever stops the run, all answers so far are in the journal.
        """
        with self._exclusive():
            progress = Progress(self)
            self.store.check()
            if not self._sweep():  # an engine takes half a minute to start
                await self._end(progress, is_failed=False)
                return
            # Only the started engine knows the control tokens
            # of its template; no prompt was rendered before.
            await self.engine.start()
            self.window.tokens += self.engine.special_tokens
            try:
                async with asyncio.TaskGroup() as group:
                    background = [group.create_task(self._renew()), group.create_task(progress.run())]
                    await self._feed()
                    for task in background:
                        task.cancel()
            except ExceptionGroup as errors:
                # A task group raises groups; the command line reports one error.
                raise _first_error(errors) from None
            finally:
                await self._end(progress, is_failed=sys.exc_info()[0] is not None)

    def _sweep(self) -> set[str]:
        """Delete journals of committed parts and return the parts that are left.

        A worker that is killed between commit and clean-up leaves such a journal.
        """
        left = set(self.store.parts())
        for path in self.folder.glob("*.jsonl"):
            if path.stem not in left:
                path.unlink()
        return left

    async def _feed(self) -> None:
        """Open requests part after part; the next part is leased while the last answers of the one before are
        still outstanding, so that the engine never waits for a part to end."""
        async with asyncio.TaskGroup() as group:
            while True:
                lease = await asyncio.to_thread(
                    self.store.take, self.spec.limits.lease_seconds, set(self.parts)
                )
                if lease is None:
                    left = set(await asyncio.to_thread(self.store.parts)) - set(self.parts)
                    if not left:
                        return
                    # Other workers have leased the rest; the lease of one that dies expires.
                    await asyncio.sleep(POLL_SECONDS)
                    continue
                part = Part(
                    lease.part,
                    await asyncio.to_thread(self.store.requests, lease.part),
                    self._journal(lease.part),
                )
                self.parts[lease.part] = part
                if not part.requests:
                    raise TableError(f"synth_requests: part {lease.part} has no rows")
                # The gate bounds the open requests, and with them tasks and memory, over all parts.
                for request in part.requests:
                    await self.gate.acquire()
                    group.create_task(self._request(part, request))

    def _journal(self, part: str) -> Journal:
        return Journal(self.folder, part, self.spec.limits.sync_seconds)

    async def _request(self, part: Part, request: dict[str, Any]) -> None:
        try:
            results = await self._results(part, request)
        except OSError as error:
            raise RetryLater(
                f"{self.folder}: cannot write the journal ({error.strerror}); make room and run the "
                "same command again, nothing is lost"
            ) from error
        finally:
            self.gate.release()
        for ordinal, (samples, reason) in enumerate(results):
            row = empty_row(request, "result", ordinal, 0, True, self.engine.name)
            part.results.append(
                {
                    **row,
                    "parsed": None if samples is None else json.dumps(samples, ensure_ascii=False),
                    "error": reason,
                }
            )
        self._count(request, results)
        # Tasks of one event loop: nothing runs between
        # the decrement and the test, so one task commits.
        part.open -= 1
        if part.open == 0:
            await self._commit(part)

    async def _results(
        self, part: Part, request: dict[str, Any]
    ) -> list[tuple[dict[str, Any] | None, str | None]]:
        """(result, None) for each sample, or a single (None, error) for a request that fails.

        Errors begin with a reason, then a colon and details: `too_long: 210000 characters, ...`.
        """
        # Another version of the prompt would give samples under the wrong recipe_version.
        prompt_file = self.prompts.get(request["recipe"])
        if prompt_file is None or prompt_file.id != request["recipe_version"]:
            loaded = prompt_file.id if prompt_file else "none"
            return [
                (
                    None,
                    f"other_prompt: asked for {request['recipe']} {request['recipe_version']}, this "
                    f"worker has {loaded}",
                )
            ]
        # Requests that cannot succeed fail before a call
        # is made, each with a reason that names its limit.
        if len(request["text"]) > self.spec.limits.max_chars:
            return [
                (
                    None,
                    f"too_long: {len(request['text'])} characters, limits.max_chars is "
                    f"{self.spec.limits.max_chars}",
                )
            ]
        if not request["text"].strip():
            return [(None, "empty: white space only")]
        try:
            samples = await FLOWS[request["recipe"]](
                Asker(self.window, part.journal, request, prompt_file.file), self.spec
            )
        # Answers of other requests are not affected: only this one is closed with an error.
        except Quarantine as reason:
            return [(None, str(reason))]
        return [(each, None) for each in samples]

    def _count(self, request: dict[str, Any], results: list[tuple[Any, str | None]]) -> None:
        self.n_in += 1
        self.n_made += results[0][1] is None
        self.batches.add(request["batch_id"])
        if results[0][1] is not None:
            self.reasons[results[0][1].split(":")[0]] += 1

    async def _commit(self, part: Part) -> None:
        # In a thread: writing Delta takes long, and calls go on meanwhile.
        is_ours = await asyncio.to_thread(self._commit_now, part)
        self.n_late += not is_ours
        del self.parts[part.name]

    def _commit_now(self, part: Part) -> bool:
        is_ours = self.store.commit(
            part.name, [{**row, "at": _as_datetime(row["at"])} for row in part.rows()]
        )
        # After the commit: a worker killed before this
        # line finds the journal and commits nothing twice.
        part.journal.close(is_done=True)
        self.store.close([part.name], "done")
        return is_ours

    async def _renew(self) -> None:
        # At a third of the lease, two renewals may fail before another worker takes the part.
        while True:
            await asyncio.sleep(self.spec.limits.lease_seconds / 3)
            if self.parts:
                await asyncio.to_thread(self.store.renew, list(self.parts), self.spec.limits.lease_seconds)

    async def _end(self, progress: Progress, is_failed: bool) -> None:
        """Release the leases of unfinished parts, write the row of `runs`, close the engine.

        With `is_failed` an error while writing is suppressed: the error that stopped the run is the one to
        report.
        """
        for part in self.parts.values():
            part.journal.close(is_done=False)
        try:
            with contextlib.suppress(RetryLater):
                if self.parts:
                    self.store.close(list(self.parts), "held")
            with contextlib.suppress(RetryLater) if is_failed else contextlib.nullcontext():
                # Also when this run committed nothing: the run before may have died before its row.
                if not self.store.is_logged():
                    self.store.log_run(self._row())
            progress.line("done")
        finally:
            await self.engine.close()

    def _row(self) -> dict[str, Any]:
        return {
            "run_id": uuid.uuid4().hex,
            "job": "synth_worker",
            "status": "finished",
            "at": now(),
            "seconds": time.monotonic() - self.began,
            "batches": sorted(self.batches),
            "recipe_hash": self.digest,
            "recipe": self.spec.model_dump_json(),
            "inputs": None,
            "versions_read": [],
            "rows_in": self.n_in,
            "rows_kept": self.n_made,
            "rows_left_out": self.n_in - self.n_made,
            "reasons": sorted(self.reasons.items()),
            "code_version": VERSION,
            "spark_version": "none",
        }

    @contextlib.contextmanager
    def _exclusive(self) -> Any:
        """A lock for the worker's name, since two processes would write to the same journals. Raises
        RetryLater when another process has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        stream: TextIO
        with (self.folder / "lock").open("a") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RetryLater(
                    f"{self.folder}: a worker named {self.store.worker} is running; give this one "
                    "another --worker NAME"
                ) from None
            yield


def _as_datetime(text: str) -> Any:
    import datetime as dt

    return dt.datetime.fromisoformat(text)


def _first_error(errors: BaseExceptionGroup) -> BaseException:
    """The first exception inside nested groups."""
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first
