"""The engines behind one small interface: an OpenAI-compatible server (or several), and vLLM in this
process."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from gristmill.synth_worker.calls.starting import configure_log, report_step
from gristmill.synth_worker.errors import EngineFault, RecipeError, RetryLater
from gristmill.synth_worker.recipe import Http, Vllm

# memory that vLLM takes with the small model on a CPU
NEEDED_GB = 3.0


@dataclass(frozen=True)
class Answer:
    """The text of an answer, the reason of its end (stop, length, ...), tokens of prompt and answer, and
    seconds from sending the call to the whole answer."""

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float


class Engine(Protocol):
    """The interface of a model for the worker.

    `name`: as samples store it, with the revision. `special_tokens`: control tokens of the model's template,
    as far as the engine knows them.
    """

    name: str
    special_tokens: list[str]

    async def start(self) -> None:
        """Open connections or load the model. Raises RecipeError when this machine cannot."""

    async def ask(
        self,
        key: str,
        messages: list[dict[str, str]],
        sampling: dict[str, Any],
        schema: dict[str, Any] | None,
    ) -> Answer:
        """One answer to chat `messages`; `key` names the call in logs, `schema` is the JSON schema of the
        answer.

        Raises EngineFault.
        """

    async def close(self) -> None:
        """Release connections, processes and memory."""


class HttpEngine:
    """OpenAI's chat completions over HTTP, from one or several servers.

    Each call goes to the server with the fewest calls in flight; a server that failed is avoided for a
    second.
    """

    def __init__(self, spec: Http, in_flight: int) -> None:
        self.spec, self.in_flight = spec, in_flight
        self.name = f"{spec.model}@{spec.revision}" if spec.revision else spec.model
        self.special_tokens: list[str] = []
        self.running = dict.fromkeys(spec.urls, 0)
        self.skipped_until = dict.fromkeys(spec.urls, 0.0)
        self.session: Any = None

    async def start(self) -> None:
        """Open the HTTP session. Raises RecipeError when the variable of the API key is not set."""
        import aiohttp

        headers = {}
        if self.spec.key_variable:
            if not os.environ.get(self.spec.key_variable):
                raise RecipeError(
                    f"the environment variable {self.spec.key_variable} is not set; the recipe takes "
                    "the API key from it"
                )
            headers["Authorization"] = f"Bearer {os.environ[self.spec.key_variable]}"
        # aiohttp's own limit of 100 connections would
        # queue calls where the window does not see them.
        limit = aiohttp.TCPConnector(limit=self.in_flight + 8)
        self.session = aiohttp.ClientSession(
            connector=limit, headers=headers, timeout=aiohttp.ClientTimeout(total=self.spec.timeout_seconds)
        )

    async def ask(
        self,
        key: str,
        messages: list[dict[str, str]],
        sampling: dict[str, Any],
        schema: dict[str, Any] | None,
    ) -> Answer:
        """See Engine."""
        body: dict[str, Any] = {"model": self.spec.model, "messages": messages, **sampling}
        if schema is not None and self.spec.structured:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": schema},
            }
        # A server that failed sorts last instead of being
        # excluded: with all of them down, calls go on trying.
        at = time.monotonic()
        url = min(self.spec.urls, key=lambda each: (self.skipped_until[each] > at, self.running[each]))
        # Counted before the first await, so that concurrent calls see each other.
        self.running[url] += 1
        try:
            return await self._post(url, body, key)
        except EngineFault as fault:
            if not fault.is_lasting:
                self.skipped_until[url] = time.monotonic() + 1.0
            raise
        finally:
            self.running[url] -= 1

    async def _post(self, url: str, body: dict[str, Any], key: str) -> Answer:
        import aiohttp

        began = time.monotonic()
        try:
            async with self.session.post(
                f"{url.rstrip('/')}/v1/chat/completions", json=body, headers={"X-Request-Id": key}
            ) as answer:
                if answer.status != 200:
                    # The body of an error may repeat the key or the prompt: only the status is
                    # reported. These four statuses mean that the request itself is refused.
                    raise EngineFault(
                        f"HTTP {answer.status}", is_lasting=answer.status in (400, 404, 413, 422)
                    )
                return _read(await answer.json(content_type=None), time.monotonic() - began)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            # A timeout is no lost connection: this call may be the one that is too slow.
            raise EngineFault(
                type(error).__name__,
                is_cut=isinstance(error, aiohttp.ClientConnectionError)
                and not isinstance(error, TimeoutError),
            ) from None

    async def close(self) -> None:
        """Close the HTTP session."""
        if self.session is not None:
            await self.session.close()


def _read(output: Any, seconds: float) -> Answer:
    """The answer in the body of a chat completion; EngineFault where it is not one."""
    # Servers that are nearly compatible leave out usage
    # or finish_reason; without a text there is no answer.
    try:
        choice, usage = output["choices"][0], output.get("usage") or {}
        return Answer(
            str(choice["message"]["content"] or ""),
            str(choice.get("finish_reason") or "unknown"),
            int(usage.get("prompt_tokens") or 0),
            int(usage.get("completion_tokens") or 0),
            seconds,
        )
    except (KeyError, IndexError, TypeError) as error:
        raise EngineFault(f"not a chat completion ({type(error).__name__})") from None


class VllmEngine:
    """vLLM's AsyncLLM in this process: no HTTP in between, continuous batching over all calls in flight."""

    def __init__(self, spec: Vllm) -> None:
        self.spec = spec
        self.name = f"{spec.model}@{spec.revision}" if spec.revision else spec.model
        self.special_tokens: list[str] = []
        self.llm: Any = None
        self.tokenizer: Any = None

    async def start(self) -> None:
        """Load the model.

        Raises RecipeError, in one line, when vLLM is not installed or the memory is too small.
        """
        with _interruptible():
            self._start()

    def _start(self) -> None:
        report_step("importing vLLM")
        try:
            self.set_environment()
            from transformers import AutoTokenizer
            from vllm import AsyncEngineArgs
            from vllm.v1.engine.async_llm import AsyncLLM
        except ImportError as error:
            raise RecipeError(
                f"vLLM is not installed here ({error}); run `make worker`, or name a server in engine.urls"
            ) from None
        # vLLM itself would fail only after minutes, in a
        # process of its own, with a traceback of many lines.
        _check_memory()
        try:
            report_step(f"starting {self.name} in a process of its own")
            self.tokenizer = AutoTokenizer.from_pretrained(self.spec.model, revision=self.spec.revision)
            self.llm = AsyncLLM.from_engine_args(AsyncEngineArgs(**self.arguments()))
        except (OSError, RuntimeError, ValueError) as error:
            raise RecipeError(
                f"vLLM cannot start {self.spec.model} on this machine: {str(error).splitlines()[0]}"
            ) from error
        self.special_tokens = [str(token) for token in self.tokenizer.get_added_vocab() if len(token) > 1]
        report_step("the model is ready; the first tokens take longer than the next")

    def arguments(self) -> dict[str, Any]:
        """The engine arguments of vLLM, also for the benchmarks that start it without the worker."""
        # disable_any_whitespace: otherwise a small model can
        # fill its token budget with blanks inside the JSON.
        structured_outputs = (
            {"structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True}}
            if self.spec.structured
            else {}
        )
        return {
            "model": self.spec.model,
            "revision": self.spec.revision,
            "disable_log_stats": True,
            **structured_outputs,
            **self.spec.args,
        }

    def set_environment(self) -> None:
        """Set the variables that vLLM reads when it is imported, unless the environment has them."""
        for name, value in {"VLLM_NO_USAGE_STATS": "1", **self.spec.environment}.items():
            os.environ.setdefault(name, value)
        configure_log()
        # By default vLLM leaves one core to the rest of
        # the process: half of a machine with two cores.
        if hasattr(os, "sched_getaffinity"):
            os.environ.setdefault(
                "VLLM_CPU_OMP_THREADS_BIND", ",".join(map(str, sorted(os.sched_getaffinity(0))))
            )

    async def ask(
        self,
        key: str,
        messages: list[dict[str, str]],
        sampling: dict[str, Any],
        schema: dict[str, Any] | None,
    ) -> Answer:
        """See Engine. Raises RetryLater when the engine's process has died."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams
        from vllm.v1.engine.exceptions import EngineDeadError

        prompt = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        structure = (
            StructuredOutputsParams(json=schema) if schema is not None and self.spec.structured else None
        )
        began = time.monotonic()
        last: Any = None
        try:
            # FINAL_ONLY: otherwise every token of every call would wake this process.
            parameters = SamplingParams(
                **sampling, structured_outputs=structure, output_kind=RequestOutputKind.FINAL_ONLY
            )
            async for part in self.llm.generate(prompt, parameters, request_id=f"{key}-{began}"):
                last = part
        # A ValueError is mostly a prompt longer than the context: the same prompt fails again.
        except ValueError as error:
            raise EngineFault(f"refused: {str(error).splitlines()[0][:120]}", is_lasting=True) from None
        except EngineDeadError:
            raise RetryLater(
                "vLLM's process has died (memory, mostly); run the same command again, nothing is lost"
            ) from None
        if last is None:
            raise EngineFault("no output")
        output = last.outputs[0]
        return Answer(
            output.text,
            str(output.finish_reason),
            len(last.prompt_token_ids or ()),
            len(output.token_ids),
            time.monotonic() - began,
        )

    async def close(self) -> None:
        """Stop the engine."""
        if self.llm is not None:
            self.llm.shutdown()
            # Released now: its finalizer must not run while the interpreter shuts down.
            self.llm = None


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Context in which Ctrl-C interrupts a blocking call.

    asyncio handles the signal in the event loop, which does not run while loading a model blocks it.
    """
    # Python sets signal handlers in the main thread only, and an engine may be started in another.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _check_memory() -> None:
    """Raise RecipeError when less than NEEDED_GB of memory is available."""
    import psutil

    # `available` counts the page cache, which the system
    # gives back; `free` would refuse most machines.
    free = psutil.virtual_memory().available / 1e9
    if free < NEEDED_GB:
        raise RecipeError(
            f"this machine cannot hold the engine: {free:.1f} GB of memory free, about {NEEDED_GB:g} "
            "GB needed; name a server in engine.urls"
        )


def make_engine(spec: Http | Vllm, in_flight: int) -> Engine:
    """The engine of the recipe; `in_flight`: calls at a time."""
    return HttpEngine(spec, in_flight) if isinstance(spec, Http) else VllmEngine(spec)
