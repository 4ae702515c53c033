"""A fake OpenAI-compatible server with faults to inject, for tests and for measuring the worker's overhead. It runs no model.

run     python -m benchmarks.fake_openai --port 8199 --faults '{"500": 0.1, "hang": 0.02}' --tokens-per-second 20000

Its answers depend on the prompt only. Faults depend on the call's id (header X-Request-Id) and the seed: the first attempts of
a call may fail, later ones never do, so that retries always succeed.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import threading
import time
import zlib
from collections import Counter

from aiohttp import web

FAULTS = ("500", "429", "hang", "cut", "truncated", "slow", "wrong_markers", "malformed", "length")
MAX_FAULTY_TRIES = 2  # of a call; and of the attempts of a step only the first says something wrong


class FakeServer:
    """Counts what it was asked; `faults`: share of first tries that go wrong, by kind; `rate`: tokens a second over all calls (None: at once);
    `min_tokens`: what an answer counts for at least; `lengths`: tokens that a real model's answers to each step had, of which one is drawn."""

    def __init__(self, faults: dict[str, float] | None = None, seed: int = 0, rate: float | None = None, min_tokens: int = 1,
                 lengths: dict[str, list[int]] | None = None) -> None:  # fmt: skip
        self.faults, self.seed, self.rate, self.min_tokens, self.lengths = faults or {}, seed, rate, min_tokens, lengths or {}
        self.calls, self.running, self.peak = Counter[str](), 0, 0
        self.free_at, self.seen_headers, self.prompts = 0.0, [], []
        self.keep_prompts = False
        self.port = 0

    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=1 << 28)
        app.router.add_post("/v1/chat/completions", self.answer)
        app.router.add_get("/calls", self.tell)
        return app

    async def tell(self, request: web.Request) -> web.Response:
        """GET /calls: what was counted."""
        return web.json_response({**self.calls, "peak": self.peak})

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/chat/completions."""
        self.running += 1
        self.peak = max(self.peak, self.running)
        try:
            body, key = await request.json(), request.headers.get("X-Request-Id", "")
            self.calls["all"] += 1
            if self.keep_prompts:
                self.prompts.append(body["messages"])
            fault = self._fault(key)
            if fault:
                self.calls[fault] += 1
                early = await self._fail(request, fault)
                if early is not None:
                    return early
            said, reason = speak(body["messages"], fault)
            said, tokens = self._drawn(key, said)
            await self._take_time(tokens)
            whole = {
                "id": key, "object": "chat.completion", "model": body["model"],
                "choices": [{"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": reason}],
                "usage": {"prompt_tokens": sum(len(m["content"]) for m in body["messages"]) // 4, "completion_tokens": tokens},
            }  # fmt: skip
            text = json.dumps(whole, ensure_ascii=False)
            return web.Response(text=text[: len(text) // 2] if fault == "truncated" else text, content_type="application/json")
        finally:
            self.running -= 1

    def _drawn(self, key: str, said: str) -> tuple[str, int]:
        """The answer and its tokens; where lengths were recorded, one of those of its step, and plain text as long as that."""
        known = self.lengths.get(key.split(":")[1] if ":" in key else "")
        if not known:
            return said, max(len(said) // 4 + 1, self.min_tokens)
        tokens = known[zlib.crc32(key.encode()) % len(known)]
        if said.endswith((".", "。")):
            said = f"{said} " * max(tokens * 4 // (len(said) + 1), 1)
        return said, tokens

    async def _take_time(self, tokens: int) -> None:
        if self.rate:
            self.free_at = max(self.free_at, time.monotonic()) + tokens / self.rate
            await asyncio.sleep(max(self.free_at - time.monotonic(), 0))

    def _fault(self, key: str) -> str:
        """The fault of this call, or ''. A key is request:step:ordinal:attempt:try."""
        parts = key.split(":")
        attempt, tries = (int(parts[-2]), int(parts[-1])) if len(parts) > 3 else (0, 0)
        drawn = int.from_bytes(hashlib.blake2b(f"{self.seed}|{key}".encode(), digest_size=8).digest(), "big") / 2**64
        for kind, share in self.faults.items():
            if drawn < share:
                is_said = kind in ("wrong_markers", "malformed", "length")
                return kind if (attempt == 0 if is_said else tries < MAX_FAULTY_TRIES) else ""
            drawn -= share
        return ""

    async def _fail(self, request: web.Request, fault: str) -> web.StreamResponse | None:
        if fault in ("500", "429"):
            return web.Response(status=int(fault), text="secret sauce")
        if fault == "hang":
            await asyncio.sleep(3600)
        if fault == "slow":
            await asyncio.sleep(0.3)
        if fault == "cut" and request.transport is not None:
            request.transport.close()
        return None

    def start(self, port: int = 0) -> str:
        """Serve from a thread of this process; returns the URL."""
        ready = threading.Event()

        async def serve() -> None:
            runner = web.AppRunner(self.app(), access_log=None)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
            await site.start()
            self.port = runner.addresses[0][1]
            ready.set()
            await asyncio.Event().wait()

        threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
        ready.wait(30)
        return f"http://127.0.0.1:{self.port}"


def fenced(text: str, name: str) -> str:
    """What stands between the fences of `name` in a prompt."""
    found = re.search(rf"\[\[{name} \w+ BEGIN\]\]\n(.*)\n\[\[{name} \w+ END\]\]", text, re.DOTALL)
    return found.group(1) if found else ""


def speak(messages: list[dict[str, str]], fault: str) -> tuple[str, str]:
    """(answer, finish_reason): what a model that does as it is told might say, in the language of the prompt."""
    asked = messages[1]["content"]
    chinese = bool(re.search(r"[\u3400-\u9fff]", asked.rsplit("END]]", 1)[-1]))
    if fault == "malformed":
        return "", "stop"
    if "[[SEGMENT" in asked:
        said = "本段说明：" + _letters(fenced(asked, "SEGMENT"), True)[:40] + "。" if chinese else f"It says: {_letters(fenced(asked, 'SEGMENT'), False)[:60]}."
    elif "[[SUMMARIES" in asked:
        said = "1. 由摘要可知，先有前提。\n2. 因此得出结论。" if chinese else "1. The summaries give the premise.\n2. Therefore the conclusion follows."
    elif "[[REASONING" in asked:
        said = "这段推理回答的问题是什么？" if chinese else "What question does it answer?"
    elif "{max" in asked or "consecutive parts" in asked or "前后相连" in asked:
        lines = [line.strip() for line in fenced(asked, "DOCUMENT").splitlines() if line.strip()]
        said = "\n".join("zq xj wv" if fault == "wrong_markers" else line[:30] for line in lines[:8]) or "nothing"
    elif "JSON" in asked and "score" in asked:
        said = '{"score": 3, "reason": "clear"}'
    elif "JSON" in asked:
        said = json.dumps([{"question": "第一问？" if chinese else "First?", "answer": "甲" if chinese else "A"}, {"question": "第二问？" if chinese else "Second?", "answer": "乙" if chinese else "B"}], ensure_ascii=False)
    else:
        said = "这是一段符合要求的文字。" if chinese else "A sentence that does what was asked. 42"
    return (said[: max(len(said) // 3, 1)].rstrip(".。"), "length") if fault == "length" else (said, "stop")


def _letters(text: str, chinese: bool) -> str:
    kept = re.findall(r"[\u3400-\u9fff]" if chinese else r"[A-Za-z ]", text)
    return "".join(kept).strip() or ("内容" if chinese else "words")


def read_lengths(path: str) -> dict[str, list[int]]:
    """step -> tokens of each recorded answer."""
    with open(path, encoding="utf-8") as stream:
        return {row["step"]: row["tokens"] for row in map(json.loads, stream)}


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fake_openai", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8199)
    parser.add_argument("--faults", type=json.loads, default={}, help=f"JSON: share of first tries by kind ({', '.join(FAULTS)})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tokens-per-second", type=float, default=None)
    parser.add_argument("--min-tokens", type=int, default=1, help="an answer counts, and takes as long, as this many tokens at least")
    parser.add_argument("--lengths", help="file of lines {step, tokens}, as benchmarks.worker engine --record writes it; goes before --min-tokens")
    given = parser.parse_args()
    server = FakeServer(given.faults, given.seed, given.tokens_per_second, given.min_tokens, read_lengths(given.lengths) if given.lengths else None)
    web.run_app(server.app(), host="127.0.0.1", port=given.port, print=None, access_log=None, backlog=1024)


if __name__ == "__main__":
    main()
