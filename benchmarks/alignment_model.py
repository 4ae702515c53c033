"""How the segments that a real model names are placed: shares of statuses over its own markers, step 1 of the recipe cot only.

    .venv-worker/bin/python -m benchmarks.alignment_model --data corpus.parquet --n 500

Of each English document the first sentences up to --max-chars are one chunk. The model is asked once, without a repair, in both ways of the
worker: `free` (it writes the first words itself) and `choice` (it can only choose among the beginnings of sentences). --data: any Parquet
file with a column text. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections import Counter
from typing import Any

import pyarrow.parquet as pq

from gristmill.synth_worker.calls import prompts
from gristmill.synth_worker.calls.engines import Answer, VllmEngine
from gristmill.synth_worker.flows import answers
from gristmill.synth_worker.flows.align import sentence_starts
from gristmill.synth_worker.flows.flows import MARKERS_OFFERED
from gristmill.synth_worker.recipe import load


def read_chunks(data: str, n: int, most: int) -> list[str]:
    """The first sentences, at most `most` characters and at least four sentences, of `n` random documents that are not Chinese."""
    texts = [t for t in pq.read_table(data, columns=["text"])["text"].to_pylist() if t and not prompts.is_chinese(t[:4000])]
    chunks = []
    for text in random.Random(7).sample(texts, len(texts)):
        ends = [start for start in sentence_starts(text[: most * 2]) if start <= most]
        if len(ends) > 4 and len(chunks) < n:
            chunks.append(text[: ends[-1]])
    return chunks


def ask(llm: Any, chunks: list[str], spec: Any, step: Any, tokens: list[str], is_choice: bool) -> list[Answer]:
    """The model's one answer to each chunk."""
    from vllm import SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    asked, params = [], []
    for n, chunk in enumerate(chunks):
        schema = answers.marker_schema(chunk, spec.max_segments, MARKERS_OFFERED) if is_choice else None
        asked.append(prompts.messages(step, "en", str(n), {"document": chunk}, {"max_segments": str(spec.max_segments)}, tokens))
        shape = StructuredOutputsParams(json=schema) if schema else None
        params.append(SamplingParams(temperature=step.temperature, top_p=step.top_p, max_tokens=step.max_tokens, seed=n, structured_outputs=shape))
    said = llm.chat(asked, params)
    return [Answer(s.outputs[0].text, str(s.outputs[0].finish_reason), len(s.prompt_token_ids), len(s.outputs[0].token_ids), 0.0) for s in said]


def measure(chunks: list[str], replies: list[Answer], most: int, seconds: float) -> dict[str, Any]:
    """Shares of the statuses of segments, documents without a boundary found, coverage."""
    placed = [answers.segments_of(chunk, most)(answer, True) for chunk, answer in zip(chunks, replies, strict=True)]
    statuses = Counter(s["status"] for segments in placed for s in segments)
    whole = sum("".join(chunk[s["start"] : s["end"]] for s in segments) == chunk for chunk, segments in zip(chunks, placed, strict=True))
    return {"segments": statuses.total(), "shares": {name: round(n / statuses.total(), 3) for name, n in statuses.most_common()},
            "documents_fallen_back": sum(segments[0]["status"] == "fallback" for segments in placed), "documents_of_one_segment": sum(len(segments) == 1 for segments in placed),
            "cut_answers": sum(answer.finish_reason == "length" for answer in replies), "coverage": whole / len(chunks),
            "tokens": sum(answer.completion_tokens for answer in replies), "seconds": round(seconds, 1)}  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.alignment_model", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="Parquet file with a column text")
    parser.add_argument("--n", type=int, default=500, help="documents (default 500)")
    parser.add_argument("--max-chars", type=int, default=600, help="of a chunk (default 600)")
    parser.add_argument("--ways", nargs="+", default=["choice", "free"], choices=["choice", "free"])
    parser.add_argument("--recipe", default="conf/synth_worker_cpu.yaml")
    given = parser.parse_args()
    spec, prompt_files, _ = load(given.recipe)
    chunks, step = read_chunks(given.data, given.n, given.max_chars), prompt_files["cot"].file.steps["segment"]
    engine = VllmEngine(spec.engine)
    engine.settle()
    from vllm import LLM

    llm = LLM(**engine.arguments())
    figures = {}
    for way in given.ways:
        began = time.monotonic()
        replies = ask(llm, chunks, spec, step, spec.special_tokens, way == "choice")
        figures[way] = measure(chunks, replies, spec.max_segments, time.monotonic() - began)
        print(way, json.dumps(figures[way]), flush=True)
    print(json.dumps({"documents": len(chunks), "model": spec.engine.model, "load": round(os.getloadavg()[0], 1), "ways": figures}))


if __name__ == "__main__":
    main()
