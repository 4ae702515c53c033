"""dedup_passages: exactness against a suffix array, and speed.

    python -m benchmarks.passages --docs data/corpus_dev.parquet [--oracle] [--copies 100000]
    python -m benchmarks.passages --docs data/corpus_dev.parquet --job data/corpus_dev.parquet /tmp/u4g --cluster

DOCS is Parquet: id, text, lang_hint. The kernels of the job take the first --megabytes of each language, the documents ranked by a hash
of their ids, without Spark; with --oracle the same bytes go through pydivsufsort's suffix array and LCP array. With --job each
corpus (a Parquet file or a folder of them: id, text; benchmarks/unrepeated_corpus.py makes some) is ingested into a lake of its
own and goes through dedup_passages with conf/jobs/dedup_passages.yaml (no earlier filters, the longer document is kept), in its own
process on two cores, Delta to Delta: by `python -m` with --master, by spark-submit on a standalone cluster with --cluster. The last line is
JSON by window length in bytes:

missing, extra     with --oracle: bytes that the definition removes and we keep, and the other way round; both languages together
en, zh             missing, extra, megabytes, removed (share of the bytes), seconds and mb_s_core of the kernels, oracle_seconds,
                   rows a document (runs, members: runs at borders, whose texts are compared), largest_group of one anchor
job                by corpus (at the recipe's length, and at those of --job-windows): documents, megabytes, seconds, cpu_seconds, mb_s_core
                   (megabytes / seconds / cores), peak_mb, bytes a document that were shuffled and spilled, removed (share of code points),
                   and `steps`, as in benchmarks/near_dup_scale.py

and, with --copies N, `copies`: seconds and megabytes a second for N / 10 and N copies of one passage of 2 kB, with 300 random bytes
on each side.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.dataset as ds
import yaml

from benchmarks.inputs import need_columns
from benchmarks.near_dup import recipes
from benchmarks.support import event_log
from benchmarks.support.systems import System, add_options, system_of
from gristmill.jobs.core import config
from gristmill.udfs.passages.copies import Rule
from tests.support.passages_in_memory import Pieces, pieces_in

BUCKETS = 32
LANGUAGES = ("en", "zh")
Bytes = npt.NDArray[np.uint8]


def first_documents(path: str, lang: str, megabytes: float) -> list[bytes]:
    """The first documents of a language, ranked by a hash of their ids."""
    taken, size = [], 0
    for batch in ds.dataset(path, format="parquet").to_batches(columns=["id", "text", "lang_hint"]):
        for row in batch.to_pylist():
            if row["lang_hint"] == lang and size < megabytes * 1e6:
                taken.append((hashlib.sha1(str(row["id"]).encode()).digest(), row["text"].encode()))
                size += len(taken[-1][1])
    return [text for _, text in sorted(taken)]


def kernels(docs: list[bytes], window: int, with_oracle: bool) -> dict[str, Any]:
    """The figures of one language at one length."""
    rule, figures = Rule((window,), 2, False, True), {}
    pieces_in([bytes(range(97, 123)) * 200] * 2, rule)  # compiles
    clock = time.process_time()
    pieces = pieces_in(docs, rule, figures=figures)
    seconds = time.process_time() - clock
    mask, n = mask_of(docs, pieces), sum(map(len, docs))
    told = {"megabytes": round(n / 1e6, 2), "documents": len(docs), "removed": round(float(mask.mean()), 4)}
    told |= {"seconds": round(seconds, 2), "mb_s_core": round(n / 1e6 / seconds, 1)}
    told |= {"largest_group": figures["largest_group"], **{name: round(figures[name] / len(docs), 1) for name in ("runs", "members")}}
    if with_oracle:
        clock = time.process_time()
        truth = oracle(docs, window)
        told |= {"missing": int((truth & ~mask).sum()), "extra": int((mask & ~truth).sum())}
        told["oracle_seconds"] = round(time.process_time() - clock, 2)
    return told


def mask_of(docs: list[bytes], pieces: Pieces) -> npt.NDArray[np.bool_]:
    """Of each byte of the documents, one after the other, whether it goes."""
    starts = np.concatenate([[0], np.cumsum([len(doc) for doc in docs])])
    begins = starts[pieces[1]] + pieces[0]["begin"]
    return covered(int(starts[-1]), begins, begins + pieces[0]["n_bytes"])


def covered(n: int, begins: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether each of `n` bytes lies in one of the spans."""
    return np.cumsum(np.bincount(begins, minlength=n + 1) - np.bincount(ends, minlength=n + 1))[:-1] > 0


def oracle(docs: list[bytes], window: int) -> npt.NDArray[np.bool_]:
    """The same by a suffix array: equal windows are neighbours in it."""
    from pydivsufsort import divsufsort, kasai

    text, ends = np.frombuffer(b"".join(docs), np.uint8).copy(), np.cumsum([len(doc) for doc in docs])
    suffixes = divsufsort(text)
    shared = kasai(text, suffixes)  # shared[i]: bytes that suffixes i and i + 1 have in common
    number = np.searchsorted(ends, suffixes, side="right")
    group = np.concatenate([[0], np.cumsum(shared[: len(text) - 1] < window)])
    fits = suffixes + window <= ends[number]
    group, place, number = group[fits], suffixes[fits].astype(np.int64), number[fits]
    best = np.full(int(group.max(initial=0)) + 1, len(text), np.int64)
    np.minimum.at(best, group, place)
    best = best[group]
    repeat = (number != np.searchsorted(ends, best, side="right")) | (place - best >= window)
    return covered(len(text), place[repeat], place[repeat] + window)


def copies(n: int, window: int) -> dict[str, float]:
    """Of `n` documents with one passage of 2 kB between 300 bytes of their own on each side."""
    draw = np.random.default_rng(7)
    passage = draw.integers(97, 123, 2000, np.uint8).tobytes()
    own = draw.integers(97, 123, (n, 2, 300), np.uint8)
    docs = [own[i, 0].tobytes() + passage + own[i, 1].tobytes() for i in range(n)]
    clock = time.process_time()
    pieces = pieces_in(docs, Rule((window,), 2, False, True))
    seconds, size = time.process_time() - clock, sum(map(len, docs)) / 1e6
    assert mask_of(docs, pieces).sum() >= 2000 * (n - 1)
    return {"documents": n, "megabytes": round(size, 1), "seconds": round(seconds, 2), "mb_s_core": round(size / seconds, 1)}


def job(docs: str, window: int | None, system: System) -> dict[str, Any]:
    """One corpus through the job."""
    name, texts = f"{Path(docs).stem}-{window or 'recipe'}", ds.dataset(docs, format="parquet")
    n_bytes = sum(pc.sum(pc.binary_length(batch["text"])).as_py() or 0 for batch in texts.to_batches(columns=["text"]))
    n = texts.count_rows()
    events = system.home / f"{name}-events"
    events.mkdir()
    logged = event_log.settings(events)
    recipe, timed = str(_recipe(system, name, window)), str(_recipe(system, f"{name}-timed", window, logged))
    where = ("--lake", system.address(name), "--recipe")
    before = system.run("gristmill.jobs.ingest_docs", *where, recipe, "--input", str(Path(docs).resolve()), "--batch", "docs")
    found = system.run("gristmill.jobs.dedup_passages", *where, timed, conf=logged)
    bare = system.run("benchmarks.support.bare_pass", f"{system.address(name)}/docs", system.address(f"{name}-bare"))
    steps = event_log.steps(event_log.log_in(events), event_log.staged("dedup_passages"))
    edits = system.rows(name, "edits", "start", "end")
    told: dict[str, Any] = {"documents": n, "megabytes": round(n_bytes / 1e6, 1), **found, "seconds": round(found["seconds"], 1)}
    told |= {"mb_s_core": round(n_bytes / 1e6 / found["seconds"] / system.cores, 2)}
    told |= {"mb_cpu_second": round(n_bytes / 1e6 / found["cpu_seconds"], 2)}
    told |= {each: round(sum(step[each] for step in steps.values()) / n, 1) for each in ("shuffled", "spilled")}
    told |= {"spans": edits.num_rows, "cut_chars": pc.sum(pc.subtract(edits["end"], edits["start"])).as_py() or 0}
    told |= {"ingest_seconds": round(before["seconds"], 1), "bare_seconds": round(bare["seconds"], 1)}
    return {**told, "steps": {step: {key: round(value, 1) for key, value in use.items()} for step, use in steps.items()}}


def _recipe(system: System, name: str, window: int | None, spark: dict[str, str] | None = None) -> Path:
    shipped = config.load_recipe("conf/jobs/dedup_passages.yaml").jobs["dedup_passages"]
    own = {**shipped, "skip_rejected_by": [], "ranking": [{"by": "n_bytes", "prefer": "high"}], "min_kept": 0, **({"min_bytes": window} if window else {})}
    made = {"lake": {"path": "unnamed", "buckets": BUCKETS}, "jobs": {"ingest_docs": recipes()["ingest_docs"], "dedup_passages": own}}
    path = system.home / f"{name}.yaml"
    path.write_text(yaml.safe_dump({**made, "spark": {} if system.cluster else spark or {}}), encoding="utf-8")
    return path


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", help="Parquet file: id, text, lang_hint")
    parser.add_argument("--windows", type=int, nargs="+", default=[100, 200, 500, 800], help="bytes")
    parser.add_argument("--megabytes", type=float, default=20, help="of each language (default 20)")
    parser.add_argument("--oracle", action="store_true", help="compare with a suffix array")
    parser.add_argument("--copies", type=int, default=0, help="copies of one passage")
    parser.add_argument("--job", nargs="+", default=[], help="corpora that go through the job (Parquet: id, text)")
    parser.add_argument("--job-windows", type=int, nargs="+", default=[500], help="bytes (default 500)")
    add_options(parser)
    given = parser.parse_args()
    told: dict[str, Any] = {str(window): {} for window in given.windows}
    if given.docs:
        need_columns(Path(given.docs), "id", "text", "lang_hint")
        docs = {lang: first_documents(given.docs, lang, given.megabytes) for lang in LANGUAGES}
        for window in given.windows:
            by_lang = {lang: kernels(some, window, given.oracle) for lang, some in docs.items()}
            sums = {name: sum(each[name] for each in by_lang.values()) for name in ("missing", "extra")} if given.oracle else {}
            told[str(window)] = {**sums, **by_lang}
            print(f"{window} bytes: {told[str(window)]}", flush=True)
    if given.copies:
        told["copies"] = [copies(n, 500) for n in (given.copies // 10, given.copies)]
        print(f"copies: {told['copies']}", flush=True)
    if given.job:
        with tempfile.TemporaryDirectory(dir=given.scratch) as folder, system_of(given, Path(folder)) as system:
            for corpus in given.job:
                for window in given.job_windows:
                    found = job(corpus, window, system)
                    told.setdefault(str(window), {}).setdefault("job", {})[Path(corpus).stem] = found
                    print(f"{corpus} at {window} bytes: {found}", flush=True)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
