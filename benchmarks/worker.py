"""Overhead of the synthesis worker.

    python -m benchmarks.worker fake --data corpus.parquet --n 1000 --tokens-per-second 20000
    .venv-worker/bin/python -m benchmarks.worker engine --data corpus.parquet --n 200

fake: 512 calls in flight against the fake server of benchmarks/fake_openai.py, commits included: the worker's own seconds per call, and its
throughput relative to the server's rate, compared with a minimal client. engine: the worker over documents with vLLM in this process, then the same prompts from its journal,
with their sampling, through LLM.generate with the same settings: the ratio of tokens/s. --data: any Parquet file with a
column text. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from deltalake import DeltaTable, write_deltalake

from gristmill.synth_worker.calls.prompts import is_chinese
from gristmill.synth_worker.queue import schemas
from gristmill.synth_worker.queue.store import Store
from gristmill.synth_worker.recipe import Prompts, load

ROOT = Path(__file__).resolve().parent.parent


def make_lake(root: Path, texts: list[str], part_size: int, version: str, flow: str = "cot") -> None:
    """A queue of `texts`, as export_candidates writes it with the prompts of this version."""
    rows = [{"request_id": f"{i:032x}", "part": f"{flow}-{i // part_size:04d}", "recipe": flow, "recipe_version": version, "doc_id": f"{i:032x}", "batch_id": "b",
             "sample_id": None, "chunk": 0, "start": 0, "end": len(t), "lang": None, "domain": "web", "text": t} for i, t in enumerate(texts)]  # fmt: skip
    for name, schema, partitions in (("synth_requests", schemas.REQUESTS, ["part"]), ("synth_answers", schemas.ANSWERS, ["part"]), ("leases", schemas.LEASES, None), ("runs", schemas.RUNS, None)):
        DeltaTable.create(str(root / name), schema=schema, partition_by=partitions)
    write_deltalake(str(root / "synth_requests"), pa.Table.from_pylist(rows, schema=schemas.REQUESTS), mode="append")


def read_texts(data: str, n: int, most: int, least: int = 400, is_english: bool = False) -> list[str]:
    """`n` random texts of a Parquet file, of `least` to `most` characters."""
    texts = [t for t in pq.read_table(data, columns=["text"])["text"].to_pylist() if t and least <= len(t) <= most and not (is_english and is_chinese(t))]
    return random.Random(7).sample(texts, min(n, len(texts)))


def answers_of(lake: Path) -> list[dict[str, Any]]:
    """What the model said, of all that is committed."""
    return [row for row in DeltaTable(str(lake / "synth_answers")).to_pyarrow_table().to_pylist() if row["raw"] is not None]


def write_recorded(path: str, rows: list[dict[str, Any]]) -> None:
    """One line a step: how many tokens the model's answers to it had, sorted; what the fake server draws its lengths from."""
    lengths: dict[str, list[int]] = {}
    for row in sorted(rows, key=lambda row: (row["step"].split(":")[0], row["completion_tokens"])):
        lengths.setdefault(row["step"].split(":")[0], []).append(row["completion_tokens"])
    Path(path).write_text("".join(f"{json.dumps({'step': step, 'tokens': tokens})}\n" for step, tokens in lengths.items()), encoding="utf-8")


def fake(given: argparse.Namespace, home: Path) -> dict[str, Any]:
    """The worker and the fake server, each a process of its own; then the same calls from a client that does nothing but ask."""
    texts = read_texts(given.data, given.n, 6000)
    make_lake(home / "lake", texts, 200, Prompts("conf/prompts/cot.yaml").id)
    recipe = yaml.safe_load((ROOT / "conf/synth_worker.yaml").read_text(encoding="utf-8"))
    url = f"http://127.0.0.1:{given.port}"
    recipe["worker"] |= {"work_folder": str(home / "work"), "progress_seconds": 10.0,
                         "engine": {"kind": "http", "urls": [url], "model": "fake", "revision": None, "key_variable": None, "timeout_seconds": 300.0, "structured": True}}  # fmt: skip
    recipe["worker"]["limits"] |= {"in_flight": 512, "open_requests": 512}
    recipe["worker"]["max_segments"] = given.max_segments
    (home / "r.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    rate = ["--tokens-per-second", str(given.tokens_per_second), "--min-tokens", str(given.min_tokens), *(["--lengths", given.lengths] if given.lengths else [])]
    with served(given.port, rate):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run([sys.executable, "-m", "gristmill.synth_worker", "--recipe", str(home / "r.yaml"), "--lake", str(home / "lake")], cwd=ROOT, check=True)
        seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        with urllib.request.urlopen(f"{url}/calls") as stream:
            told = json.load(stream)
    rows = answers_of(home / "lake")
    with served(given.port, rate):
        bare_seconds, bare_cpu = asyncio.run(bare(url, rows, texts))
    tokens = sum(row["completion_tokens"] for row in rows)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"documents": given.n, "calls": len(rows), "tokens": tokens, "seconds": round(seconds, 2), "tokens_per_second": round(tokens / seconds),
            "of_server": round(tokens / seconds / given.tokens_per_second, 3), "peak_in_flight": told["peak"], "cpu_ms_per_call": round(1000 * cpu / len(rows), 3),
            "bare_seconds": round(bare_seconds, 2), "bare_of_server": round(tokens / bare_seconds / given.tokens_per_second, 3),
            "bare_cpu_ms_per_call": round(1000 * bare_cpu / len(rows), 3), "of_bare": round(bare_seconds / seconds, 3)}  # fmt: skip


@contextlib.contextmanager
def served(port: int, more: list[str]) -> Iterator[None]:
    """A fake server of its own while this lasts; it answers when this begins."""
    server = subprocess.Popen([sys.executable, "-m", "benchmarks.fake_openai", "--port", str(port), *more], cwd=ROOT)
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield
    finally:
        server.terminate()
        server.wait()


async def bare(url: str, rows: list[dict[str, Any]], texts: list[str]) -> tuple[float, float]:
    """Seconds, and seconds of this process's processor, to ask what the worker asked (same ids, same sizes of prompts), 512 at a time and nothing else."""
    left = iter(rows)
    began, cpu = time.monotonic(), time.process_time()

    async def ask(session: aiohttp.ClientSession) -> None:
        for row in left:
            text = texts[int(row["request_id"], 16)][: max(row["prompt_tokens"] * 4, 1)]
            body = {"model": "fake", "messages": [{"role": "system", "content": ""}, {"role": "user", "content": text}], **json.loads(row["sampling"])}
            key = f"{row['request_id']}:{row['step']}:{row['ordinal']}:{row['attempt']}:0"
            async with session.post(f"{url}/v1/chat/completions", json=body, headers={"X-Request-Id": key}) as answer:
                await answer.json()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=520)) as session, asyncio.TaskGroup() as group:
        for _ in range(512):
            group.create_task(ask(session))
    return time.monotonic() - began, time.process_time() - cpu


def engine(given: argparse.Namespace, home: Path) -> dict[str, Any]:
    """The worker, then the same prompts bare; one engine after the other, since two do not fit a small machine."""
    from gristmill.synth_worker.calls.engines import VllmEngine
    from gristmill.synth_worker.worker import Worker

    spec, prompts, digest = load(given.recipe)
    make_lake(home / "lake", read_texts(given.data, given.n, given.max_chars, given.min_chars, is_english=True), 50, prompts[given.flow].id, given.flow)
    spec = spec.model_copy(update={"work_folder": str(home / "work"), "max_segments": given.max_segments})
    for name, step in prompts[given.flow].file.steps.items():
        prompts[given.flow].file.steps[name] = step.model_copy(update={"max_tokens": min(step.max_tokens, given.max_tokens)})
    asked: list[tuple[list[dict[str, str]], dict[str, Any], Any]] = []

    class Recorded(VllmEngine):
        began = ended = 0.0

        async def start(self) -> None:
            await super().start()
            self.began = time.monotonic()

        async def close(self) -> None:
            self.ended = time.monotonic()
            await super().close()

        async def ask(self, key: str, messages: list[dict[str, str]], sampling: dict[str, Any], schema: dict[str, Any] | None) -> Any:
            asked.append((messages, sampling, schema))
            return await super().ask(key, messages, sampling, schema)

    busy = [os.getloadavg()[0]]
    made = Recorded(spec.engine)  # type: ignore[arg-type]
    asyncio.run(Worker(spec, prompts, digest, Store(str(home / "lake"), "bench"), made).run())
    seconds, stop = made.ended - made.began, time.monotonic() - made.ended
    busy.append(os.getloadavg()[0])
    rows = answers_of(home / "lake")
    tokens = sum(row["completion_tokens"] for row in rows)
    from vllm import LLM, SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    llm = LLM(**made.arguments())
    params = [SamplingParams(**s, structured_outputs=StructuredOutputsParams(json=schema) if schema else None) for _, s, schema in asked]
    prompts_asked = [made.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) for messages, _, _ in asked]
    began = time.monotonic()
    bare = sum(len(out.outputs[0].token_ids) for out in llm.generate(prompts_asked, params))
    bare_seconds = time.monotonic() - began
    busy.append(os.getloadavg()[0])
    if given.record:
        write_recorded(given.record, rows)
    return {"documents": given.n, "flow": given.flow, "load": [round(each, 1) for each in busy], "calls": len(asked), "worker_tokens": tokens, "worker_seconds": round(seconds, 1), "stop_seconds": round(stop, 1), "bare_tokens": bare, "bare_seconds": round(bare_seconds, 1),
            "share_of_bare": round(tokens / seconds / (bare / bare_seconds), 3)}  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worker", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("fake", "engine"))
    parser.add_argument("--data", required=True, help="Parquet file with a column text")
    parser.add_argument("--n", type=int, default=200, help="documents (default 200)")
    parser.add_argument("--tokens-per-second", type=float, default=20000, help="of the fake server, over all calls (default 20000)")
    parser.add_argument("--min-tokens", type=int, default=120, help="of an answer of the fake server (default 120)")
    parser.add_argument("--lengths", help="recorded lengths of answers for the fake server, as --record writes them (benchmarks/worker_lengths.jsonl); go before --min-tokens")
    parser.add_argument("--port", type=int, default=8199)
    parser.add_argument("--recipe", default="conf/synth_worker_cpu.yaml", help="of the worker with the real engine")
    parser.add_argument("--max-chars", type=int, default=3000, help="of a document, for the real engine (default 3000)")
    parser.add_argument("--min-chars", type=int, default=400, help="the same, at least (default 400)")
    parser.add_argument("--max-tokens", type=int, default=10000, help="of an answer of the real engine, where the prompt file does not say less")
    parser.add_argument("--flow", default="cot", help="what is asked of a document, with the real engine: cot, instruction, textbook, ... (default cot)")
    parser.add_argument("--max-segments", type=int, default=3, help="of a document (default 3)")
    parser.add_argument("--record", help="file to write the lengths of the real engine's answers to")
    given = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="worker-bench-"))
    try:
        print(json.dumps({"what": given.what, **(fake if given.what == "fake" else engine)(given, home)}))
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
