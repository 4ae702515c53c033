"""Nothing vanishes: whatever rows come, each ends in exactly one place, and every job's counts add up."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gristmill.demo import prose
from gristmill.jobs import curate
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema.documents import CORPUS, DOCS, REJECTS, VERDICTS
from gristmill.jobs.schema.duplicates import DUPLICATES
from tests.lakes import ASIDE, demo_recipe, read

pytestmark = pytest.mark.spark
DOMAINS = ("web", "wiki", "books", "math")
# The page and the export are not looked at; what learns or scores leaves no document out, and refuses a lake without examples of both kinds.
SKIPPED = ASIDE | {"train_classifier", "score_classifier", "build_quality"}
NUMBER = itertools.count()
# An example costs a curation. No shrinking: that would be dozens of them, and the rows of a failure are in its lake.
FEW = settings(max_examples=1, deadline=None, derandomize=True, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
HEAVY = settings(FEW, max_examples=25)


@cache
def texts() -> tuple[str, ...]:
    """Sixteen pages that the rules may keep, no two alike."""
    made = itertools.product(("en", "zh"), DOMAINS, range(2))
    return tuple(prose.write(random.Random(f"{lang}/{domain}/{i}"), lang, domain, prose.TOPICS[i]).text for lang, domain, i in made)


def twisted(text: str, twist: str) -> str:
    """A copy: the same to all, the same once folded, nearly the same, or half of it."""
    words = text.split(" ") if " " in text[:200] else list(text)
    glue = " " if " " in text[:200] else ""
    edited = glue.join([*words[: len(words) // 2], "amber", *words[len(words) // 2 + 1 :]])
    return {"same": text, "loud": text.upper() + " \n", "edited": edited, "half": glue.join(words[: len(words) // 2]), "short": glue.join(words[:6])}[twist]


@st.composite
def good(draw: st.DrawFn) -> bytes:
    """A document; few ids and URLs, so that they repeat in a batch and in the next."""
    text = twisted(draw(st.sampled_from(texts())), draw(st.sampled_from(["same", "same", "loud", "edited", "half", "short"])))
    row = {"id": f"id-{draw(st.integers(0, 40))}", "source": draw(st.sampled_from(["one", "two"])), "text": text}
    row["domain"] = draw(st.sampled_from([*DOMAINS, "code", None]))
    row["url"] = draw(st.one_of(st.none(), st.integers(0, 20).map("https://site.test/{}".format)))
    return json.dumps(row, ensure_ascii=False).encode()


odd_texts = st.one_of(st.none(), st.just(""), st.just(" \n"), st.integers(), st.just("a\0b"), st.just("\ud800"), st.text(max_size=30), st.lists(st.text(max_size=3)))
broken = st.one_of(
    odd_texts.map(lambda text: json.dumps({"id": "odd", "source": "one", "text": text}).encode()),
    st.sampled_from([b"{", b"[]", b"12", b'{"a": 1, "a": 2}', b'{"text": "no source"}', b"\xff\xfe\xfd", b'{"text": "\xe6\xb0", "source": "s"}', b"{" * 5_000]),
)
files = st.lists(st.one_of(good(), good(), good(), broken), min_size=12, max_size=40)
batches = st.lists(st.lists(files, min_size=1, max_size=3), min_size=2, max_size=2)


def curated(new_lake: Callable[[Path], Lake], home: Path, given_batches: list[list[list[bytes]]]) -> tuple[Lake, list[str]]:
    """The lake after the demo's jobs, and the place of every input row in it."""
    places = []
    for b, parts in enumerate(given_batches):
        (home / "raw" / f"batch-{b}").mkdir(parents=True)
        for f, rows in enumerate(parts):
            name = f"rows-{b}-{f}.jsonl"  # of one file only in all the lake: a place says which row is meant
            (home / "raw" / f"batch-{b}" / name).write_bytes(b"".join(row + b"\n" for row in rows))
            places += [f"{name}:{sum(len(row) + 1 for row in rows[:i])}" for i in range(len(rows))]
    lake = new_lake(home / "lake")
    curate.curate(demo_recipe(SKIPPED, min_kept=0), lake.where, str(home / "raw"))
    return lake, places


def ids(lake: Lake, table: Any) -> list[tuple[str, str]]:
    return [(row.doc_id, row.batch_id) for row in read(lake, table)]


def nothing_vanishes(lake: Lake, places: list[str], n_rows: list[int]) -> None:
    """Raises AssertionError naming the law that is broken."""
    rows = {table.name: read(lake, table) for table in (REJECTS, VERDICTS, DUPLICATES)}
    docs, corpus = ids(lake, DOCS), ids(lake, CORPUS)
    in_docs = Counter(row.source_location for row in read(lake, DOCS))
    in_rejects = Counter(row.source_location for row in rows["rejects"])
    assert in_docs + in_rejects == Counter(places), "every input row is a document or a reject, once, and there is no other"
    assert len({doc_id for doc_id, _ in docs}) == len(docs), "one version of a document stays"
    judged = {(row.doc_id, row.batch_id) for row in rows["verdicts"]}
    assert Counter(docs) == Counter(corpus) + Counter(judged), "every document is in the corpus or has a verdict, never both"
    by_job: dict[str, set[tuple[str, str]]] = {}
    for row in rows["verdicts"]:
        by_job.setdefault(row.job, set()).add((row.doc_id, row.batch_id))
    assert sum(map(len, by_job.values())) == len(judged), "no judge looks at what an earlier one left out"
    named = {(row.job, row.doc_id, row.batch_id) for row in rows["duplicates"]}
    assert named == {(job, *document) for job in ("dedup_exact", "dedup_minhash") for document in by_job.get(job, ())}
    runs = {run.job: run for run in Runs(lake).finished() if run.job != "ingest_docs"}
    for run in Runs(lake).finished():
        assert run.rows_in == run.rows_kept + run.rows_left_out, run.job
    assert [run.rows_in for run in Runs(lake).finished("ingest_docs")] == n_rows
    stay = len(docs)
    assert (runs["measure_text"].rows_in, runs["measure_text"].rows_left_out) == (stay, 0)
    for job in ("filter_rules", "dedup_exact", "dedup_boilerplate", "dedup_minhash"):
        assert (runs[job].rows_in, runs[job].rows_left_out) == (stay, len(by_job.get(job, ()))), job
        stay -= len(by_job.get(job, ()))
    assert (runs["build_corpus"].rows_in, runs["build_corpus"].rows_kept) == (len(docs), len(corpus))


@pytest.mark.lake_kinds
@FEW
@given(rows=batches)
def test_every_row_ends_in_one_place_and_every_count_adds_up(
    new_lake: Callable[[Path], Lake], tmp_path_factory: pytest.TempPathFactory, rows: list[list[list[bytes]]]
) -> None:
    lake, places = curated(new_lake, tmp_path_factory.mktemp(f"rows-{next(NUMBER)}"), rows)
    nothing_vanishes(lake, places, [sum(map(len, parts)) for parts in rows])


@pytest.mark.slow
@pytest.mark.timeout(7200)
@HEAVY
@given(rows=batches)
def test_every_row_of_many_lakes_ends_in_one_place(
    new_lake: Callable[[Path], Lake], tmp_path_factory: pytest.TempPathFactory, rows: list[list[list[bytes]]]
) -> None:
    lake, places = curated(new_lake, tmp_path_factory.mktemp(f"rows-{next(NUMBER)}"), rows)
    nothing_vanishes(lake, places, [sum(map(len, parts)) for parts in rows])
