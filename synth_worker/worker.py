"""The worker's loop: lease parts, keep requests open, close each with a result or an error, commit a
part when it is whole."""

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

# between two looks at parts that other workers hold
POLL_SECONDS = 2.0
VERSION = "0.1.0"


class Part:
    """A part at hand: its requests, its journal, and how many requests are still open."""

    def __init__(self, name: str, requests: list[dict[str, Any]], journal: Journal) -> None:
        self.name, self.requests, self.journal, self.open = name, requests, journal, len(requests)
        self.results: list[dict[str, Any]] = []

    def rows(self) -> list[dict[str, Any]]:
        """All answers and results, in the order of their key.

        Raises TableError unless every request is closed.
        """
        closed = {row["request_id"] for row in self.results}
        wanted = {request["request_id"] for request in self.requests}
        if closed != wanted:
            raise TableError(
                f"part {self.name}: {len(wanted - closed)} requests without a result; nothing committed "
                "(a fault of the worker)"
            )
        used = [row for key, row in self.journal.answers.items() if key[0] in wanted]
        rows = [*used, *self.results]
        return sorted(rows, key=lambda row: (row["request_id"], row["step"], row["ordinal"], row["attempt"]))


class Worker:
    """One run over one lake."""

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
        """Until no part is left.

        Raises WorkerError; whatever stops it, what was answered is in the journal.
        """
        with self._alone():
            progress = Progress(self)
            if not self._sweep():  # an engine takes half a minute to start
                await self._end(progress, is_failed=False)
                return
            await self.engine.start()
            self.window.tokens += self.engine.special_tokens
            try:
                async with asyncio.TaskGroup() as group:
                    helpers = [group.create_task(self._renew()), group.create_task(progress.run())]
                    await self._feed()
                    for task in helpers:
                        task.cancel()
            except ExceptionGroup as errors:
                raise _plain(errors) from None
            finally:
                await self._end(progress, is_failed=sys.exc_info()[0] is not None)

    def _sweep(self) -> set[str]:
        """Delete journals of parts that are committed (a worker killed between commit and clean-up
        leaves one); the parts that are left."""
        left = set(self.store.parts())
        for path in self.folder.glob("*.jsonl"):
            if path.stem not in left:
                path.unlink()
        return left

    async def _feed(self) -> None:
        """Open requests part after part; the next part is taken while the last answers of the one before
        still come."""
        async with asyncio.TaskGroup() as group:
            while True:
                lease = await asyncio.to_thread(
                    self.store.take, self.spec.limits.lease_seconds, set(self.parts)
                )
                if lease is None:
                    left = set(await asyncio.to_thread(self.store.parts)) - set(self.parts)
                    if not left:
                        return
                    # other workers hold them; one that dies gives them back by its lease
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
        for ordinal, (made, reason) in enumerate(results):
            row = empty_row(request, "result", ordinal, 0, True, self.engine.name)
            part.results.append(
                {
                    **row,
                    "parsed": None if made is None else json.dumps(made, ensure_ascii=False),
                    "error": reason,
                }
            )
        self._count(request, results)
        part.open -= 1
        if part.open == 0:
            await self._commit(part)

    async def _results(
        self, part: Part, request: dict[str, Any]
    ) -> list[tuple[dict[str, Any] | None, str | None]]:
        """(result, None) for each sample, or one (None, error)."""
        known = self.prompts.get(request["recipe"])
        if known is None or known.id != request["recipe_version"]:
            have = known.id if known else "none"
            return [
                (
                    None,
                    f"other_prompt: asked for {request['recipe']} {request['recipe_version']}, this "
                    f"worker has {have}",
                )
            ]
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
            made = await FLOWS[request["recipe"]](
                Asker(self.window, part.journal, request, known.file), self.spec
            )
        except Quarantine as reason:
            return [(None, str(reason))]
        return [(each, None) for each in made]

    def _count(self, request: dict[str, Any], results: list[tuple[Any, str | None]]) -> None:
        self.n_in += 1
        self.n_made += results[0][1] is None
        self.batches.add(request["batch_id"])
        if results[0][1] is not None:
            self.reasons[results[0][1].split(":")[0]] += 1

    async def _commit(self, part: Part) -> None:
        is_ours = await asyncio.to_thread(self._commit_now, part)
        self.n_late += not is_ours
        del self.parts[part.name]

    def _commit_now(self, part: Part) -> bool:
        is_ours = self.store.commit(part.name, [{**row, "at": _moment(row["at"])} for row in part.rows()])
        part.journal.close(is_done=True)
        self.store.close([part.name], "done")
        return is_ours

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self.spec.limits.lease_seconds / 3)
            if self.parts:
                await asyncio.to_thread(self.store.renew, list(self.parts), self.spec.limits.lease_seconds)

    async def _end(self, progress: Progress, is_failed: bool) -> None:
        """Give back what is not done, write the row of `runs`, close the engine.

        What stopped the run is told, not what could not be written after it.
        """
        for part in self.parts.values():
            part.journal.close(is_done=False)
        try:
            with contextlib.suppress(RetryLater):
                if self.parts:
                    self.store.close(list(self.parts), "held")
            with contextlib.suppress(RetryLater) if is_failed else contextlib.nullcontext():
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
    def _alone(self) -> Any:
        """One process a worker's name: its journals are its own. Raises RetryLater."""
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


def _moment(text: str) -> Any:
    import datetime as dt

    return dt.datetime.fromisoformat(text)


def _plain(errors: BaseExceptionGroup) -> BaseException:
    """The first error inside nested groups."""
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first
