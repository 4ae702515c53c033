"""Near-duplicates by the engine's kernels, against the plain definition: whatever the blocks, the parts, the tasks."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from gristmill.udfs.dedup import candidates, choosing, grouping
from gristmill.udfs.dedup.blocks import sketch_blocks
from gristmill.udfs.dedup.minhash import Fingerprints
from gristmill.udfs.dedup.shingles import ShingleParams
from gristmill.udfs.dedup.verdicts import similarities
from tests.udfs.dedup import engine

N, BANDS, LIMIT = 90, 3, 0.6
SHINGLES = ShingleParams(words=1)
Docs = list[dict[str, Any]]


def decide(n_a: Any, n_b: Any, left: Any, right: Any) -> tuple[Any, Any]:
    """A sketch is the document's class; of two in three pairs it decides, by their sum."""
    total = left.view("<i8").ravel() + right.view("<i8").ravel()
    verdict = np.array([0, 1, -1], np.int32)[total % 3]
    return np.where(verdict == 1, 0.6 + total % 40 / 100, total % 60 / 100), verdict


def documents(seed: int) -> Docs:
    """Documents in two batches: classes of one to three copies, band keys from a small range, texts of few words, one in nine left out."""
    draw = random.Random(seed)
    classes = [{"words": [f"w{draw.randrange(12)}" for _ in range(8)], "keys": [draw.randrange(25) + 100 * b for b in range(BANDS)]} for _ in range(N // 2)]
    made = []
    for i in range(N):
        number = draw.randrange(len(classes))
        made.append({
            "doc_id": f"{draw.getrandbits(128):032x}", "batch_id": f"batch {i % 2}", "class": number, "text": " ".join(classes[number]["words"]),
            "keys": [key * 0x1E3779B97F4A7C15 % (1 << 63) for key in classes[number]["keys"]], "is_kept": draw.randrange(9) > 0,
            "is_empty": draw.randrange(12) == 0, "rank": 0,
        })  # fmt: skip
    for rank, doc in enumerate(draw.sample(made, len(made))):
        doc["rank"] = rank
    return made


def in_blocks(docs: Docs, seed: int, tasks: int, number: int = 0) -> pa.Table:
    """The blocks that so many tasks make of the documents in some order."""
    docs, named = random.Random(seed).sample(docs, len(docs)), {doc["doc_id"]: doc for doc in docs}

    def fingerprinter(texts: pa.Array) -> Fingerprints:
        mine = [named[each] for each in texts.to_pylist()]
        sizes = np.array([0 if doc["is_empty"] else 8 for doc in mine], np.int32)
        classes = np.array([doc["class"] for doc in mine], np.int64)
        return Fingerprints(sizes, np.ones(len(mine), np.uint8), classes * 7919 - 10_000, classes.view(np.uint8).reshape(-1, 8), np.array([doc["keys"] for doc in mine]))

    made = []
    for task in range(tasks):
        rows = [{"doc_id": doc["doc_id"], "batch_id": doc["batch_id"], "text": doc["doc_id"], "task": task} for doc in docs[task::tasks]]
        made += sketch_blocks(iter(pa.Table.from_pylist(rows).to_batches(7)), fingerprinter, number)
    return pa.Table.from_batches(made)


def rule_of(max_bucket: int, survivors: str = "independent_set") -> choosing.Rule:
    return choosing.Rule(decide, 8, "sketch", SHINGLES, "jaccard", LIMIT, survivors, max_bucket, True)


def found(docs: Docs, blocks: pa.Table, rule: choosing.Rule, parts: int = 3, rounds: int = 0) -> dict[str, list[tuple[Any, ...]]]:
    """The rows that the engine tells, sorted, by table."""
    grouped = engine.grouped(engine.met(blocks, BANDS, rule.max_bucket, parts), parts, rounds)
    texts = {doc["doc_id"] + doc["batch_id"]: doc["text"] for doc in docs}
    order = [doc["doc_id"] + doc["batch_id"] for doc in sorted(docs, key=lambda doc: doc["rank"]) if doc["is_kept"]]
    rows = engine.chosen(engine.compared(blocks, grouped, rule), rule, texts, order)
    names = [column.split()[0] for column in choosing.OUTCOMES.split(", ")][1:]
    told: dict[str, list[tuple[Any, ...]]] = {"pair": [], "duplicate": [], "bucket": []}
    for row in rows:
        told[row["result"]].append(tuple(round(row[name], 9) if isinstance(row[name], float) else row[name] for name in names if row[name] is not None))
    return {name: sorted(each) for name, each in told.items()}


class Plain:
    """The definition, pair by pair."""

    def __init__(self, docs: Docs) -> None:
        self.docs = [doc for doc in docs if not doc["is_empty"]]
        self.by_class: dict[int, Docs] = {}
        for doc in self.docs:
            self.by_class.setdefault(doc["class"], []).append(doc)
        self.pairs: dict[tuple[int, int], tuple[float, str, bool]] = {}
        for one, other in itertools.combinations(sorted(self.by_class), 2):
            if set(self.by_class[one][0]["keys"]) & set(self.by_class[other][0]["keys"]):
                self.pairs[one, other] = self.alike(one, other)

    def alike(self, one: int, other: int) -> tuple[float, str, bool]:
        value, verdict = decide(None, None, *(np.array([each], np.int64).view(np.uint8).reshape(1, 8) for each in (one, other)))
        if verdict[0]:
            return float(value[0]), "sketch", bool(verdict[0] == 1)
        sides = [set(self.by_class[each][0]["text"].split()) for each in (one, other)]
        exact = len(sides[0] & sides[1]) / len(sides[0] | sides[1])
        return exact, "exact", exact >= LIMIT

    def alike_documents(self, a: Any, b: Any) -> tuple[float, str] | None:
        """How two documents are alike; None where they are not."""
        if a["class"] == b["class"]:
            return 1.0, "set"
        value = self.pairs.get((min(a["class"], b["class"]), max(a["class"], b["class"])))
        return value[:2] if value and value[2] else None

    def duplicates(self) -> list[tuple[Any, ...]]:
        kept = sorted((doc for doc in self.docs if doc["is_kept"]), key=lambda doc: doc["rank"])
        stays: Docs = []
        out, family = [], {doc["doc_id"]: {doc["doc_id"]} for doc in kept}
        for a, b in itertools.combinations(kept, 2):
            if self.alike_documents(a, b):
                whole = family[a["doc_id"]] | family[b["doc_id"]]
                family |= dict.fromkeys(whole, whole)
        for doc in kept:
            better = next(((other, how) for other in stays if (how := self.alike_documents(doc, other))), None)
            if better is None:
                stays.append(doc)
            else:
                other, (value, how) = better
                row = (doc["doc_id"], other["doc_id"], doc["batch_id"], round(value, 9), how, min(family[doc["doc_id"]]))
                out.append(row)
        return sorted(out)

    def shown(self) -> list[tuple[Any, ...]]:
        rows = []
        for (one, other), (value, how, yes) in self.pairs.items():
            names = sorted(min(doc["doc_id"] for doc in self.by_class[each]) for each in (one, other))
            rows.append((*names, round(value, 9), how, yes))
        return sorted(rows)


@pytest.mark.parametrize("seed", range(8))
def test_the_rows_are_those_of_the_definition_however_the_documents_are_spread(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    docs = documents(seed)
    plain, rule = Plain(docs), rule_of(1000)
    assert plain.duplicates()
    for tasks, parts, rounds in ((1, 1, 0), (4, 3, 0), (4, 5, 3), (9, 2, 2)):
        told = found(docs, in_blocks(docs, seed + tasks, tasks), rule, parts, rounds)
        assert told["duplicate"] == plain.duplicates()
        assert told["pair"] == plain.shown()
        assert told["bucket"] == []
    monkeypatch.setattr(grouping, "GIANT_FAMILY", 5)  # families are compared in runs of pairs
    monkeypatch.setattr(candidates, "PAIRS_AT_ONCE", 2)
    monkeypatch.setattr(candidates, "SHORT_RUN", 2)
    told = found(docs, in_blocks(docs, seed, 4), rule, 6)
    assert told["duplicate"] == plain.duplicates()
    assert told["pair"] == plain.shown()


@pytest.mark.parametrize("seed", range(4))
def test_a_later_batch_is_told_as_if_all_had_come_at_once(seed: int) -> None:
    docs = documents(seed)
    first, second = ([doc for doc in docs if doc["batch_id"] == f"batch {i}"] for i in range(2))
    apart = pa.concat_tables([in_blocks(first, seed, 3, 0), in_blocks(second, seed, 3, 1)])
    assert found(docs, apart, rule_of(1000))["duplicate"] == Plain(docs).duplicates()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("max_bucket", [1, 3])
def test_buckets_over_the_cap_leave_no_two_alike_that_they_hold(seed: int, max_bucket: int) -> None:
    docs = documents(seed)
    plain, named = Plain(docs), {doc["doc_id"]: doc for doc in docs}
    told = found(docs, in_blocks(docs, 1, 4), rule_of(max_bucket))
    assert told == found(docs, in_blocks(docs, 2, 7), rule_of(max_bucket), 5, 3), "whatever the partitioning"
    assert told["bucket"]
    gone = {row[0] for row in told["duplicate"]}
    for row in told["duplicate"]:
        assert plain.alike_documents(named[row[0]], named[row[1]]) == pytest.approx(tuple(row[3:5]))
        assert row[1] not in gone
    assert set(told["pair"]) <= set(plain.shown())
    over = {row[0] for row in told["bucket"] if len(row) == 3}
    stays = [doc for doc in plain.docs if doc["is_kept"] and doc["doc_id"] not in gone]
    for a, b in itertools.combinations(stays, 2):
        shared = set(a["keys"]) & set(b["keys"])
        if plain.alike_documents(a, b):
            assert shared <= over, "alike, both stay, and every bucket that they share is told as not wholly compared"


def test_components_leave_the_best_of_each_family() -> None:
    docs = documents(3)
    told = found(docs, in_blocks(docs, 1, 4), rule_of(1000, "connected_components"))
    plain = Plain(docs)
    families: dict[str, int] = {}
    for row in told["duplicate"]:
        families[row[-1]] = families.get(row[-1], 0) + 1
    assert {row[1] for row in told["duplicate"]} >= {row[1] for row in plain.duplicates() if row[1] not in {each[0] for each in told["duplicate"]}}
    assert len({row[1] for row in told["duplicate"]}) == len(families), "one stays of each"


def test_similarities_are_those_of_the_texts() -> None:
    texts = pa.array(["a b c d", "a b c e", "x"])
    assert similarities(texts, np.array([0, 0]), np.array([1, 2]), SHINGLES, "jaccard").tolist() == [3 / 5, 0.0]


