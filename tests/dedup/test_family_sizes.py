"""How many documents each one of the corpus stands for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs.build_corpus import JOB as CORPUS_JOB
from gristmill.jobs.dedup.family_sizes import count_duplicates
from gristmill.jobs.dedup_exact import JOB as EXACT
from gristmill.jobs.dedup_minhash import JOB as MINHASH
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema.documents import CORPUS, DOCS
from gristmill.jobs.schema.duplicates import DUPLICATES
from tests.lakes import bring, measure, read, write

pytestmark = pytest.mark.spark


def left(job: str, *pairs: str) -> list[tuple[Any, ...]]:
    return [(job, doc, "one", root, "content", 1.0, "f") for doc, root in (pair.split(">") for pair in pairs)]


def sizes(lake: Lake, *jobs: str) -> dict[str, tuple[int, int]]:
    rows = count_duplicates(JobContext(lake, Runs(lake), CORPUS_JOB, "h", ("one",)), list(jobs)).collect()
    assert len({row.doc_id for row in rows}) == len(rows)
    return {row.doc_id: (row.n_duplicates, row.family_size) for row in rows}


def test_a_survivor_stands_for_those_whose_survivors_left_for_it(spark: Any, tmp_path: Path) -> None:
    lake = Lake(spark, str(tmp_path / "lake"))
    chain = [f"l{n}>l{n + 1}" for n in range(40)]
    write(
        lake,
        "duplicates",
        left("dedup_exact", "a>b", "b>c", "a2>b", "x>y", "p>q", *chain),
        job="dedup_exact",
        batch="one",
    )
    write(
        lake,
        "duplicates",
        left("dedup_minhash", "c>d", "e>d", "y>x", "p>r", "q>r"),
        job="dedup_minhash",
        batch="one",
    )
    write(lake, "duplicates", left("dedup_simhash", "d>z"), job="dedup_simhash", batch="one")
    found = sizes(lake, "dedup_exact", "dedup_minhash")
    assert {name: found[name] for name in ("d", "r", "l40")} == {"d": (2, 6), "r": (1, 3), "l40": (1, 41)}
    assert "z" not in found, "the corpus does not heed that job"
    assert sizes(lake, "dedup_minhash") == {"d": (2, 3), "x": (1, 2), "r": (2, 3)}
    assert sizes(lake, "filter_rules") == {}


def test_the_families_of_a_corpus_add_up_to_its_documents(
    spark: Any, tmp_path: Path, params_of: Callable[..., Any]
) -> None:
    page = " ".join(f"word{n * 7919 % 1000}" for n in range(120))
    texts = {
        "page": page + " with the longest end",
        "near": page,
        "NEAR": page.upper(),
        "near again": page + "\n",
        "alone": "Nothing is like this text.",
    }
    lake = Lake(spark, str(tmp_path / "lake"))
    bring(
        lake,
        tmp_path / "raw",
        [
            {"id": key, "text": text, "license": "CC0" if key == "page" else None}
            for key, text in texts.items()
        ],
        params_of("ingest_docs"),
    )
    measure(lake, params_of("measure_text"))
    ranking = [{"by": "n_bytes", "prefer": "high"}]
    run_job(EXACT, params_of("dedup_exact", skip_rejected_by=[], ranking=ranking), lake)
    run_job(MINHASH, params_of("dedup_minhash", skip_rejected_by=["dedup_exact"], ranking=ranking), lake)
    run_job(
        CORPUS_JOB,
        params_of("build_corpus", skip_rejected_by=["dedup_exact", "dedup_minhash"], edits=[], data_docs=False),
        lake,
    )
    docs, corpus = {row.doc_id: row for row in read(lake, DOCS)}, read(lake, CORPUS)
    assert {docs[row.doc_id].native_key: (row.n_duplicates, row.family_size) for row in corpus} == {
        "page": (1, 4),
        "alone": (0, 1),
    }
    assert sum(row.family_size for row in corpus) == len(docs)
    assert Counter(row.job for row in read(lake, DUPLICATES)) == {"dedup_exact": 2, "dedup_minhash": 1}
    for row in corpus:  # what went beside the keys came back as it was
        doc = docs[row.doc_id]
        assert (row.text, row.bucket, row.source, row.license, row.content_hash) == (
            doc.text,
            doc.bucket,
            doc.source,
            doc.license,
            doc.content_hash,
        )
        assert (row.lang, row.quality, row.tier, row.n_edits, row.n_chars) == (
            "en",
            None,
            None,
            0,
            len(doc.text),
        )
