"""Every document has a domain: its source's, its own hint's, or the one that a classifier of those gives it; later jobs go by it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs import build_corpus, label_domain
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.documents import CORPUS, DOCS, DOMAINS
from gristmill.jobs.schema.scores import MODELS
from tests.lakes import bring, measure, read

pytestmark = pytest.mark.spark

WORDS = {
    "recipes": "oven flour butter salt simmer whisk dough bake onion garlic".split(),
    "law": "court statute appeal plaintiff verdict clause contract tort judge counsel".split(),
}

LAW = ("law", " Law ", "LAW\t", "\u3000ｌａｗ")  # one label as sources write it


def text_of(domain: str, draw: random.Random) -> str:
    return " ".join(draw.choice(WORDS[domain] if draw.random() < 0.5 else ["the", "of", "and", "to", "in"]) for _ in range(60))


def rows_of(draw: random.Random, known: int, unknown: int, more: tuple[dict[str, str], ...] = ()) -> list[dict[str, str]]:
    rows = [{"id": f"{domain}-{i}", "source": f"{domain}{i % 4}", "domain": LAW[i % 4] if domain == "law" else "", "text": text_of(domain, draw)} for domain in WORDS for i in range(known)]
    rows += [{"id": f"new-{domain}-{i}", "source": "crawl", "domain": "", "text": text_of(domain, draw)} for domain in WORDS for i in range(unknown)]
    return [*rows, *more]


@pytest.fixture
def label(params_of: Callable[..., Any]) -> Callable[..., Any]:
    """Parameters of the job: recipes by the map of sources, law by its hint, `crawl` by nobody."""

    def given(**changes: Any) -> Any:
        sources = {f"Recipes{i} ": "RECIPES" for i in range(4)}
        grams = {"unit": "chars", "min_n": 1, "max_n": 3, "buckets": 8192, "max_chars": 2000}
        classifier = {**params_of("label_domain").classifier.model_dump(), "min_documents": 5, "folds": 3, "grams": grams, "vectors": None, "inverse_regularization": 20.0}
        return params_of("label_domain", **{"sources": sources, "classifier": classifier, **changes})

    return given


@pytest.fixture
def ingest(spark: Any, tmp_path: Path, params_of: Callable[..., Any]) -> Callable[..., Lake]:
    def run(batch: str, *counts: Any) -> Lake:
        lake = Lake(spark, str(tmp_path / "lake"))
        bring(lake, tmp_path / "raw", rows_of(random.Random(batch), *counts), params_of("ingest_docs"), batch)
        return lake

    return run


def labels(lake: Lake) -> dict[str, Any]:
    names = {row.doc_id: row.native_key for row in read(lake, DOCS)}
    return {names[row.doc_id]: row for row in read(lake, DOMAINS)}


def test_the_map_comes_first_then_the_hint_then_the_classifier(ingest: Callable[..., Lake], label: Callable[..., Any]) -> None:
    lake = ingest("one", 40, 10, ({"id": "misled", "source": "recipes1", "domain": "law", "text": text_of("law", random.Random(3))},))
    run_job(label_domain.JOB, label(), lake)
    found = labels(lake)
    assert len(found) == 101
    assert {(row.domain, row.method, row.confidence) for key, row in found.items() if key.startswith("law-")} == {("law", "hint", None)}
    assert {(row.domain, row.method) for key, row in found.items() if key.startswith("recipes-") or key == "misled"} == {("recipes", "source_map")}
    asked = {key: row for key, row in found.items() if key.startswith("new-")}
    assert {row.method for row in asked.values()} == {"classifier"}
    assert sum(row.domain == key.split("-")[1] for key, row in asked.items()) >= 19, "of 20"
    [model] = read(lake, MODELS)
    assert {row.version for row in asked.values()} == {model.version}
    assert model.figures["accuracy"] > 0.9
    assert json.loads(model.trained_on)["domains"] == ["law", "recipes"]


def test_a_later_batch_is_labelled_by_the_same_model_and_earlier_labels_stay(ingest: Callable[..., Lake], label: Callable[..., Any]) -> None:
    lake = ingest("one", 20, 5)
    run_job(label_domain.JOB, label(), lake)
    before = labels(lake)
    ingest("two", 0, 4, ({"id": "short", "source": "crawl", "domain": "law", "text": "a hint is enough"},))
    run_job(label_domain.JOB, label(), lake)
    after = labels(lake)
    assert len(after) == len(before) + 1, "the ids of the second batch's other rows are those of the first"
    assert {row.version for row in after.values() if row.version} == {row.version for row in before.values() if row.version}
    assert len(read(lake, MODELS)) == 1


def test_where_nobody_can_say_the_document_is_otherwise(ingest: Callable[..., Lake], label: Callable[..., Any]) -> None:
    lake = ingest("one", 8, 3, ({"id": "new-vague", "source": "crawl", "domain": "", "text": "the of and to in"},))
    run_job(label_domain.JOB, label(classifier=None, default_domain="web"), lake)
    assert {(row.domain, row.method, row.version) for key, row in labels(lake).items() if key.startswith("new-")} == {("web", "default", None)}
    run_job(label_domain.JOB, label(sources={}, trust_hints=False), lake)
    assert {(row.domain, row.method) for row in labels(lake).values()} == {("web", "default")}, "nothing is known, so nothing is learnt"
    run_job(label_domain.JOB, label(min_confidence=0.9), lake)
    vague = labels(lake)["new-vague"]
    assert (vague.domain, vague.method) == ("web", "classifier")
    assert 0.5 <= vague.confidence < 0.9, "the share stays to be looked at"
    assert {row.domain for key, row in labels(lake).items() if key.startswith("new-recipes")} == {"recipes"}


def test_the_corpus_shows_the_label_and_not_the_hint(ingest: Callable[..., Lake], label: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    lake = ingest("one", 10, 4, ({"id": "misled", "source": "recipes1", "domain": " LAW", "text": text_of("law", random.Random(3))},))
    measure(lake, params_of("measure_text"))
    corpus = params_of("build_corpus", skip_rejected_by=[], data_docs=False, min_kept=0, edits=[])
    run_job(build_corpus.JOB, corpus, lake)
    names = {row.doc_id: row.native_key for row in read(lake, DOCS)}
    shown = {names[row.doc_id]: row.domain for row in read(lake, CORPUS)}
    assert shown["misled"] == "law"
    assert set(shown.values()) == {"law", "unknown"}, "a label has one spelling"
    run_job(label_domain.JOB, label(), lake)
    run_job(build_corpus.JOB, corpus, lake)
    shown = {names[row.doc_id]: row.domain for row in read(lake, CORPUS)}
    assert shown["misled"] == "recipes"
    assert shown == {key: row.domain for key, row in labels(lake).items()}
