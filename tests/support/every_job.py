"""Every job once, in an order in which each finds its tables, on one batch of some dozen rows: what the tests of
tests/whole/test_every_job.py walk along. What only a model or the worker would write is written here by hand.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import opencc

from gristmill.demo import kinds
from gristmill.jobs import score_loss, score_transformer
from gristmill.jobs.core import config
from gristmill.jobs.curate import find_job
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.job import Job
from gristmill.jobs.runner.run import Outcome, run_job
from gristmill.jobs.schema import catalog
from gristmill.jobs.schema.documents import DOCS
from gristmill.jobs.schema.runs import RUNS
from gristmill.jobs.schema.synthesis import SYNTH_ANSWERS, SYNTH_REQUESTS
from gristmill.jobs.schema.table import Table
from tests.lakes import read, write

BATCH = "one"
THEN = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
KEEPS_ALL = {"min_kept": 0, "data_docs": False, "max_reject_ratio": 1.0, "batch_per_folder": False}

# Columns that say when or by which files a row was made, and so may differ between two makings of the same row.
MADE_BY = {
    "docs": {"source_location", "ingested_at"},
    "rejects": {"source_location"},
    "models": {"at", "trained_on"},  # trained_on names the versions of tables that were read
    "sketches": {"ingest"},
    "passage_runs": {"ingest", "indexed_at"},
    "pages": {"source_location", "file", "stored_at", "record_id"},  # the writer of the demo's crawl numbers its records
}
# Tables of one row a file: other files hold other rows.
OF_FILES = {"batch_files"}


# The job that reads another batch than all others.
CRAWLING = "extract_text"
# Instead of the demo's parameters: what a walk need not repeat (all kinds of classifier: tests/udfs/scoring/test_classifiers.py).
CHEAPER: dict[str, dict[str, Any]] = {
    "train_classifier": {
        "folds": 2,
        "classifiers": {
            "chars": {"kind": "linear", "unit": "chars", "min_n": 1, "max_n": 2, "buckets": 4096, "max_chars": 400, "inverse_regularization": 20.0, "length_bins": None},
            "signals": {"kind": "trees", "trees": 10, "leaves": 4, "learning_rate": 0.1, "feature_fraction": 1.0},
        },
    },
    "score_classifier": {"classifiers": ["chars", "signals"]},
}
# What is written into a document of the demo (its domain and language), so that the job has something to find: the text anew.
PLANTED: dict[str, tuple[str, str, Callable[[str], str]]] = {
    "scrub_pii": ("wiki", "en", lambda text: f"{text}\n\nWrite to anna.miller@millbeck.org, please."),
    "strip_headers": ("code", "en", lambda text: f"# Copyright 2020 The Millers.\n# Licensed under the Apache License, Version 2.0.\n\n{text}"),
    "decontaminate": ("books", "en", lambda text: f"{text}\n\n{_question()}"),
    "filter_scores": ("books", "en", lambda text: f"{text}\n\n{'Bet now, free spins at the online casino! ' * 8}"),
    "clean_lines": ("web", "en", lambda text: f"{text}\n\n3 likes\n"),
    "convert_script": ("wiki", "zh", lambda text: opencc.OpenCC("s2t").convert(text)),
}
# A passage of 700 bytes, longer than min_bytes of dedup_passages, in two documents.
PASSAGE = " ".join(f"the {ordinal} sack of {grain} was weighed at {n} pounds," for n, (ordinal, grain) in enumerate(itertools.product(("first", "second", "third"), ("wheat", "barley", "rye", "oats", "maize"))))  # fmt: skip
SITE = "orchard.example"
N_PAGES = 12  # of a site: more than min_pages of dedup_boilerplate
COPIED_CHARS, N_COPIED = 600, 4  # rows so long, and how many of them, have copies


@dataclass(frozen=True)
class Stop:
    """A job on the way: its parameters, and what is put into the lake by hand before it runs."""

    job: Job
    params: Any
    before: Callable[[Lake], None] = lambda lake: None
    # how it is called where one job stands here twice
    name: str = field(default="")
    # what it reads, of the jobs that read files: the batch, and the folder of it beside the others of its walk
    batch: str = BATCH


class Killed(BaseException):
    """Nothing of ours catches it."""


def stops(models: Path) -> list[Stop]:
    """All of them. `models`: a folder for what stands in a model's place where none is to run."""
    folder = models / "tiny"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"id2label": {"0": "bad", "1": "good"}}))
    (folder / "model.safetensors").write_bytes(b"one")
    demo, made = config.load_recipe("conf/demo.yaml"), []
    for name, section in demo.jobs.items():
        if name == CRAWLING:
            continue
        made.append(_stop(name, section, **CHEAPER.get(name, {})))
        if name == "dedup_minhash":
            made.append(_stop("dedup_simhash"))
        if name == "build_quality":
            anywhere = {"lang": ["any"], "domain": ["any"], "min_bin": 2}
            made.append(_stop("filter_quality", routes=[anywhere]))
        if name == "score_words":
            head = {"kind": "softmax", "labels": ["good"]}
            scorer = {"small": {"model": str(folder), "head": head, "max_tokens": 64}}
            made.append(_stop("score_transformer", skip_rejected_by=[], scorers=scorer, before=_scored))
            made.append(_stop("score_loss", skip_rejected_by=[], model=str(folder), min_documents=5, max_percentile=90, before=_measured))
        if name == "filter_rules":
            made.append(_stop("clean_lines"))
        if name == "scrub_pii":
            made.append(_stop("convert_script"))
    synthesis = config.load_recipe("conf/demo_synthesis.yaml").jobs
    exported = synthesis["export_shards"]
    made += [
        _stop("export_candidates", synthesis["export_candidates"], tiers=None, languages={"en": 0.5, "zh": 0.5}, max_documents=8),
        _stop("merge_samples", synthesis["merge_samples"], before=_answered),
        _stop("score_samples", synthesis["score_samples"]),
        _stop("queue_samples"),
        _stop("merge_scores", before=_judged),
        _stop("filter_samples", synthesis["filter_samples"]),
        _stop("export_shards", exported, name="export_shards of samples"),
    ]
    # the page of a lake is drawn when all is there; then a second batch comes, of pages, which no other job waits for
    pages = dataclasses.replace(_stop(CRAWLING, demo.jobs[CRAWLING]), batch="pages")
    return [stop for stop in made if stop.name != "report_run"] + [stop for stop in made if stop.name == "report_run"] + [pages]


def _stop(job_name: str, section: dict[str, Any] | None = None, before: Any = None, name: str = "", **changes: Any) -> Stop:
    job = find_job(job_name)
    if section is None:
        section = config.load_recipe(f"conf/jobs/{job_name}.yaml").jobs[job_name]
    kept = {key: value for key, value in KEEPS_ALL.items() if key in section}
    params = config.validate(job.params, {**section, **kept, **changes}, f"test recipe of {job_name}")
    stop = Stop(job, params, name=name or job_name)
    return stop if before is None else dataclasses.replace(stop, before=lambda lake: before(lake, params))


# --- input


def input_rows(lines: list[bytes]) -> list[bytes]:
    """Lines of the demo, broken ones among them, with PLANTED in one document each and N_PAGES of them pages of one site; and of a few
    long ones a copy in capitals (dedup_exact) and one without its last words (dedup_minhash, dedup_simhash)."""
    rows = list(lines)
    documents = {i: row for i, row in enumerate(map(_parsed, lines)) if row is not None}
    copied = [i for i, row in documents.items() if len(row["text"]) > COPIED_CHARS][:N_COPIED]
    assert len(copied) == N_COPIED
    for domain, lang, anew in PLANTED.values():
        free = [(i, row) for i, row in documents.items() if i not in copied and row["lang_hint"] == lang]
        # of that domain, or made one of it where the file has none
        i, row = min(free, key=lambda each: each[1]["domain"] != domain)
        del documents[i]  # for the next
        rows[i] = _line({**row, "domain": domain, "text": anew(row["text"])})
    # in a domain from which dedup_passages removes
    for i in [i for i, row in documents.items() if i not in copied and row["domain"] not in ("code", "math", "books")][-2:]:
        rows[i] = _line({**documents[i], "text": f"{documents[i]['text']}\n\n{PASSAGE} and all was well."})
        del documents[i]
    framed = [i for i, row in documents.items() if i not in copied and row["domain"] in ("web", "wiki", "docs") and len(row["text"]) > 500][:N_PAGES]
    assert len(framed) == N_PAGES, "too few for a site"
    for i in framed:
        rows[i] = _line({**documents[i], "text": kinds.framed(documents[i]["text"], "en"), "url": f"https://{SITE}/{i}"})
    for i in copied:
        row = {name: value for name, value in documents[i].items() if name != "url"}
        rows += [_line({**row, "id": f"{row['id']}-loud", "text": row["text"].upper()}), _line({**row, "id": f"{row['id']}-cut", "text": row["text"][:-12]})]
    return rows


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The document of a line; None where it is broken or has next to no text."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and isinstance(row.get("text"), str) and len(row["text"]) > 100 else None


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode()


def _question() -> str:
    """The first question that decontaminate's recipe searches for."""
    return str(json.loads(Path("conf/benchmarks/demo.jsonl").read_text(encoding="utf-8").splitlines()[0])["question"])


# --- by hand


def _share(doc_id: str) -> float:
    """Some number from 0 to 1 that is the document's own."""
    return int(doc_id[:8], 16) / 16**8


def _scored(lake: Lake, params: Any) -> None:
    version = score_transformer.version("small", params.scorers["small"])
    made = [("score_transformer", d.doc_id, d.batch_id, "small", version, _share(d.doc_id), _share(d.doc_id), None) for d in read(lake, DOCS)]
    write(lake, "scores", made, "score_transformer", BATCH)


def _measured(lake: Lake, params: Any) -> None:
    model = score_loss.model_name(params)
    made = [("score_loss", d.doc_id, d.batch_id, model, 10, -20.0, None, 7.4, 1 + _share(d.doc_id)) for d in read(lake, DOCS)]
    write(lake, "perplexity", made, "score_loss", BATCH)


def _answer(request: Any, parsed: dict[str, Any]) -> tuple[Any, ...]:
    said = json.dumps(parsed, ensure_ascii=False)
    row = {"request_id": request.request_id, "part": request.part, "step": "result", "ordinal": 0, "attempt": 0, "is_last": True,
           "parsed": said, "model": "m", "sampling": "{}", "prompt_hash": "h", "at": THEN}  # fmt: skip
    return tuple(row.get(name) for name in SYNTH_ANSWERS.names)


def _answered(lake: Lake, params: Any) -> None:
    """A question and a chain for each chunk, of its own words; the first question is too short for filter_samples."""
    answers = []
    for i, request in enumerate(sorted(read(lake, SYNTH_REQUESTS), key=lambda row: row.request_id)):
        glue = "" if request.lang == "zh" else " "
        words = request.text.split(glue) if glue else list(request.text)
        question, cot = (glue.join(words[:n]) for n in (12 if i else 1, 60))
        spans = [{"start": 0, "end": len(request.text), "status": "start", "marker": None, "summary": "s"}]
        answers.append(_answer(request, {"question": question, "cot": cot, "segments": spans}))
    write(lake, "synth_answers", answers, "worker", BATCH)


def _judged(lake: Lake, params: Any) -> None:
    asked = [row for row in read(lake, SYNTH_REQUESTS) if row.recipe == "judge_sample"]
    given = [_answer(row, {"score": round(5 * _share(row.sample_id)), "reason": "so"}) for row in asked]
    write(lake, "synth_answers", sorted(given), "worker", BATCH)


# --- runs


def run(stop: Stop, lake: Lake, inputs: str | None = None) -> Outcome:
    """The job of this stop on its lake; `inputs`: the folder with a folder for each batch."""
    is_ingest = stop.job.scope == "input"
    return run_job(stop.job, stop.params, lake, inputs=f"{inputs}/{stop.batch}" if is_ingest else None, batch=stop.batch if is_ingest else None)


def counted(stop: Stop, lake: Lake, inputs: str | None) -> int:
    """As `run`; the commits that it made to tables of its own."""
    seen: list[str] = []
    lake.committed = lambda table, version: seen.append(table.name)  # type: ignore[method-assign]
    run(stop, lake, inputs)
    return sum(name != RUNS.name for name in seen)


# Its killed run is a process of its own that SIGKILL ends, of which nothing is tidied up: it has staged files and several commits.
IN_A_PROCESS = "dedup_minhash"
PROCESS = """
import os, signal, sys
from pathlib import Path
from gristmill.jobs.core.config import load_recipe
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.lake.session import open_session
from tests.support import every_job
[stop] = [each for each in every_job.stops(Path(sys.argv[1])) if each.name == every_job.IN_A_PROCESS]
spark = open_session("killed", load_recipe("conf/demo.yaml").spark)
every_job.dying(stop, Lake(spark, sys.argv[2]), None, int(sys.argv[3]), lambda: os.kill(os.getpid(), signal.SIGKILL))
"""


def killed(stop: Stop, lake: Lake, inputs: str | None, commits: int, models: Path) -> bool:
    """Whether a run of the job died; see `dying`. `models`: as for `stops`."""
    if stop.name == IN_A_PROCESS:
        command = [sys.executable, "-c", PROCESS, str(models), lake.where, str(commits)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr[-3000:]
        return done.returncode != 0

    def die() -> None:
        raise Killed

    try:
        dying(stop, lake, inputs, commits, die)
    except Killed:
        return True
    return False


def dying(stop: Stop, lake: Lake, inputs: str | None, commits: int, die: Callable[[], None]) -> None:
    """A run of the job that calls `die` right after one of its `commits` to tables of its own.

    After the first one, when its tables contradict each other, or there is all but the row that says that it has finished. After the
    last one where it only appends, since all its rows might then come twice. A job without a table dies before its row of `runs`.
    """
    only_appends = all(each.replaces == "append" for each in stop.job.writes)
    left = itertools.count((commits if only_appends else min(commits, 1)) - 1, -1)

    def committed(table: Table, version: int) -> None:
        if (table is not RUNS or not commits) and next(left) <= 0:
            die()

    lake.committed = committed  # type: ignore[method-assign]
    run(stop, lake, inputs)


# --- what is compared


def told(lake: Lake, stop: Stop) -> dict[str, Any]:
    """What the job of this stop has left: the rows of each table that it writes but for MADE_BY, the data files of its export."""
    found: dict[str, Any] = {}
    for name in {each.table for each in stop.job.writes} - OF_FILES:
        table = catalog.table(name)
        if lake.exists(table):
            found[name] = rows(lake, table)
    if stop.job.name == "export_shards":
        data = Path(lake.root) / "_export" / stop.params.source / "data"
        found["files"] = {path.name: path.read_bytes() for path in data.iterdir()}
    return found


def own(lake: Lake, job: Job) -> int:
    """Rows that the job has in the tables that it writes: of a table of several jobs those of its name."""
    tables = [catalog.table(name) for name in {each.table for each in job.writes} - OF_FILES]
    there = [table for table in tables if lake.exists(table)]
    return sum(len(read(lake, table, **({"job": job.name} if "job" in table.names else {}))) for table in there)


def rows(lake: Lake, table: Table) -> list[str]:
    """The rows of a table as text, in one order."""
    left = [name for name in table.names if name not in MADE_BY.get(table.name, ())]
    found = [{name: row[name] for name in left} for row in read(lake, table)]
    if table.name in ("sketches", "passage_runs"):
        found = [each for row in found for each in _by_document(row)]
    return sorted(map(repr, found))


def _by_document(row: dict[str, Any]) -> list[dict[str, Any]]:
    """A row of `sketches` or `passage_runs` as one of each document, which stand in it in no order.

    Its binaries hold equal parts of each document, but for those of runs, of which `n_runs` says how many a document has.
    """
    packed = {name: bytes(value) for name, value in row.items() if isinstance(value, bytes | bytearray)}
    n, counts = row["n"], np.frombuffer(packed.get("n_runs", b""), "<i4")
    ends = [0, *np.cumsum(counts).tolist()]
    parts: dict[str, list[bytes]] = {}
    for name, value in packed.items():
        if len(counts) and name not in ("ids", "n_runs"):
            size = len(value) // ends[-1]
            parts[name] = [value[ends[i] * size : ends[i + 1] * size] for i in range(n)]
        else:
            assert len(value) % n == 0, name
            parts[name] = [value[i * len(value) // n : (i + 1) * len(value) // n] for i in range(n)]
    return [{**row, **{name: part[i] for name, part in parts.items()}} for i in range(n)]


