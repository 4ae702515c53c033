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

from gristmill.synth_worker.calls.starting import settle_log, tell
from gristmill.synth_worker.errors import EngineFault, RecipeError, RetryLater
from gristmill.synth_worker.recipe import Http, Vllm

# free memory that vLLM with the small model takes on a CPU
NEEDED_GB = 3.0


@dataclass(frozen=True)
class Answer:
    """What the model said, how it ended (stop, length, ...), tokens in and out, seconds from sending to
    the whole answer."""

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float


class Engine(Protocol):
    """What the worker needs of a model.

    `special_tokens`: control tokens of its template, as far as the engine knows them.
    """

    name: str
    special_tokens: list[str]

    async def start(self) -> None:
        """Get ready. Raises RecipeError when this machine cannot."""

    async def ask(
        self,
        key: str,
        messages: list[dict[str, str]],
        sampling: dict[str, Any],
        schema: dict[str, Any] | None,
    ) -> Answer:
        """One answer. Raises EngineFault."""

    async def close(self) -> None:
        """Let go of everything."""


class HttpEngine:
    """OpenAI's chat completions over HTTP; each call goes to the server with the fewest calls in flight
    that is not resting after a fault."""

    def __init__(self, spec: Http, in_flight: int) -> None:
        self.spec, self.in_flight = spec, in_flight
        self.name = f"{spec.model}@{spec.revision}" if spec.revision else spec.model
        self.special_tokens: list[str] = []
        self.running = dict.fromkeys(spec.urls, 0)
        self.rests_until = dict.fromkeys(spec.urls, 0.0)
        self.session: Any = None

    async def start(self) -> None:
        """Open the connections. Raises RecipeError when the key's variable is not set."""
        import aiohttp

        headers = {}
        if self.spec.key_variable:
            if not os.environ.get(self.spec.key_variable):
                raise RecipeError(
                    f"the environment variable {self.spec.key_variable} is not set; the recipe takes "
                    "the API key from it"
                )
            headers["Authorization"] = f"Bearer {os.environ[self.spec.key_variable]}"
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
        at = time.monotonic()
        url = min(self.spec.urls, key=lambda each: (self.rests_until[each] > at, self.running[each]))
        self.running[url] += 1
        try:
            return await self._post(url, body, key)
        except EngineFault as fault:
            if not fault.is_lasting:
                self.rests_until[url] = time.monotonic() + 1.0
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
                    # What a server says may repeat the key or the prompt: only its number is told.
                    raise EngineFault(
                        f"HTTP {answer.status}", is_lasting=answer.status in (400, 404, 413, 422)
                    )
                return _read(await answer.json(content_type=None), time.monotonic() - began)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise EngineFault(
                type(error).__name__,
                is_cut=isinstance(error, aiohttp.ClientConnectionError)
                and not isinstance(error, TimeoutError),
            ) from None

    async def close(self) -> None:
        """Close the connections."""
        if self.session is not None:
            await self.session.close()


def _read(said: Any, seconds: float) -> Answer:
    try:
        choice, usage = said["choices"][0], said.get("usage") or {}
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
    """vLLM's AsyncLLM in this process: no HTTP between, continuous batching over everything in flight."""

    def __init__(self, spec: Vllm) -> None:
        self.spec = spec
        self.name = f"{spec.model}@{spec.revision}" if spec.revision else spec.model
        self.special_tokens: list[str] = []
        self.llm: Any = None
        self.tokenizer: Any = None

    async def start(self) -> None:
        """Load the model.

        Raises RecipeError, in one line, when vLLM is not installed or the machine cannot hold it.
        """
        with _interruptible():
            self._start()

    def _start(self) -> None:
        tell("importing vLLM")
        try:
            self.settle()
            from transformers import AutoTokenizer
            from vllm import AsyncEngineArgs
            from vllm.v1.engine.async_llm import AsyncLLM
        except ImportError as error:
            raise RecipeError(
                f"vLLM is not installed here ({error}); run `make worker`, or name a server in engine.urls"
            ) from None
        _check_memory()
        try:
            tell(f"starting {self.name} in a process of its own")
            self.tokenizer = AutoTokenizer.from_pretrained(self.spec.model, revision=self.spec.revision)
            self.llm = AsyncLLM.from_engine_args(AsyncEngineArgs(**self.arguments()))
        except (OSError, RuntimeError, ValueError) as error:
            raise RecipeError(
                f"vLLM cannot start {self.spec.model} on this machine: {str(error).splitlines()[0]}"
            ) from error
        self.special_tokens = [str(token) for token in self.tokenizer.get_added_vocab() if len(token) > 1]
        tell("the model is ready; the first tokens take longer than the next")

    def arguments(self) -> dict[str, Any]:
        """What vLLM is started with, in process or (by the benchmarks) bare."""
        shapes = (
            {"structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True}}
            if self.spec.structured
            else {}
        )
        return {
            "model": self.spec.model,
            "revision": self.spec.revision,
            "disable_log_stats": True,
            **shapes,
            **self.spec.args,
        }

    def settle(self) -> None:
        """Set the variables that vLLM reads when it is imported, where the environment does not."""
        for name, value in {"VLLM_NO_USAGE_STATS": "1", **self.spec.environment}.items():
            os.environ.setdefault(name, value)
        settle_log()
        # without it vLLM keeps one core free for the rest of the process: half of a machine of two
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
        """See Engine. Raises RetryLater when the engine's own process is gone."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams
        from vllm.v1.engine.exceptions import EngineDeadError

        prompt = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        shape = StructuredOutputsParams(json=schema) if schema is not None and self.spec.structured else None
        began = time.monotonic()
        last: Any = None
        try:
            # else every token wakes this process
            wanted = SamplingParams(
                **sampling, structured_outputs=shape, output_kind=RequestOutputKind.FINAL_ONLY
            )
            async for part in self.llm.generate(prompt, wanted, request_id=f"{key}-{began}"):
                last = part
        except ValueError as error:  # longer than the context, mostly
            raise EngineFault(f"refused: {str(error).splitlines()[0][:120]}", is_lasting=True) from None
        except EngineDeadError:
            raise RetryLater(
                "vLLM's process has died (memory, mostly); run the same command again, nothing is lost"
            ) from None
        if last is None:
            raise EngineFault("no output")
        said = last.outputs[0]
        return Answer(
            said.text,
            str(said.finish_reason),
            len(last.prompt_token_ids or ()),
            len(said.token_ids),
            time.monotonic() - began,
        )

    async def close(self) -> None:
        """Stop the engine."""
        if self.llm is not None:
            self.llm.shutdown()
            # here, not while Python is being taken down
            self.llm = None


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Within it Ctrl-C stops what blocks the event loop, which else answers when that has ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _check_memory() -> None:
    """Raises RecipeError when there is less free memory than the smallest model needs."""
    import psutil

    # what the page cache holds is given back when it is asked for
    free = psutil.virtual_memory().available / 1e9
    if free < NEEDED_GB:
        raise RecipeError(
            f"this machine cannot hold the engine: {free:.1f} GB of memory free, about {NEEDED_GB:g} "
            "GB needed; name a server in engine.urls"
        )


def make_engine(spec: Http | Vllm, in_flight: int) -> Engine:
    """The engine that the recipe names."""
    return HttpEngine(spec, in_flight) if isinstance(spec, Http) else VllmEngine(spec)
