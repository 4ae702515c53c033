"""Survivors chosen by Spark alone are those that the driver's kernel chooses, whatever the shape of the graph."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jobs.core import families, pair_graph
from jobs.core.job import Tables
from jobs.core.lake import Lake
from jobs.core.runs import Runs
from jobs.dedup_minhash import JOB


@pytest.fixture(scope="module")
def tables(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """A lake to stage in."""
    lake = Lake(spark, str(tmp_path_factory.mktemp("families")))
    return Tables(lake, Runs(lake), JOB, "", ())


def graph(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Members (doc_id, batch_id, set_hash, rank_0) and pairs of classes: two cliques, a chain that falls all the way, a star, chance, loners."""
    chance = np.random.default_rng(seed)
    sides = [(a, b) for first in (0, 20) for a in range(first, first + 12) for b in range(first, a)]
    sides += [(i, i + 1) for i in range(100, 160)] + [(200, i) for i in range(201, 230)]
    sides += [(int(a), int(b)) for a, b in chance.integers(300, 420, (90, 2)) if a != b]
    sides = [(b, a) if chance.random() < 0.5 else (a, b) for a, b in dict.fromkeys((min(pair), max(pair)) for pair in sides)]
    of_class = np.repeat(np.arange(430), chance.integers(0, 3, 430))  # some classes have no document that is kept, some have two
    best_first = np.where((of_class >= 100) & (of_class <= 160), of_class - 100.0, chance.integers(0, 40, len(of_class)) + 100.0)
    names = chance.permutation(len(of_class))
    members = pd.DataFrame({"doc_id": [f"{name:04d}" for name in names], "batch_id": "1", "set_hash": of_class * 7919 - 1_000_000, "rank_0": best_first})
    alike = chance.integers(70, 100, len(sides)) / 100
    method = np.where(chance.random(len(sides)) < 0.5, "sketch", "exact")
    edges = pd.DataFrame(np.array(sides) * 7919 - 1_000_000, columns=["class_a", "class_b"]).assign(similarity=alike, method=method)
    return members, edges


def plain(rows: list[Any]) -> list[tuple[Any, ...]]:
    """Rows that compare: a similarity that is not there is None."""
    return sorted((r.doc_id, r.batch_id, r.dup_of, r.method, None if r.similarity is None or r.similarity != r.similarity else r.similarity, r.family_id) for r in rows)


@pytest.mark.parametrize("rule", ["independent_set", "components"])
@pytest.mark.parametrize("bound", [0, 25])
def test_spark_and_the_driver_leave_out_the_same_documents(tables: Tables, rule: str, bound: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyspark.sql import functions as F

    monkeypatch.setattr(families, "EDGES", bound)
    members, edges = graph(bound)
    present = edges[edges.class_a.isin(members.set_hash) & edges.class_b.isin(members.set_hash)]
    expected = families.left_out(members.sort_values(["rank_0", "doc_id"], ignore_index=True), edges, rule)
    spark = tables.lake.spark
    ranked = spark.createDataFrame(members).select("doc_id", "batch_id", "set_hash", F.struct("rank_0", "doc_id").alias("rank"))
    found = families.spread(tables, ranked.repartition(5), spark.createDataFrame(present.sample(frac=1, random_state=3)), rule)
    assert plain(found.collect()) == plain(list(expected.itertuples()))
    assert len(expected) > 60


def test_a_chain_of_a_thousand_links_is_one_component(tables: Tables) -> None:
    order = np.random.default_rng(1).permutation(1000).tolist()
    links = tables.frame([(a, b) for a, b in itertools.pairwise(order)] + [(2000, 2001)], "class_a bigint, class_b bigint")
    found = {row.node: row.component for row in pair_graph.components(tables, links).collect()}
    assert found == {**dict.fromkeys(range(1000), 0), 2000: 2000, 2001: 2000}


def test_no_pairs_make_no_families(tables: Tables) -> None:
    edges = tables.frame([], "class_a bigint, class_b bigint, similarity double, method string")
    members = tables.frame([("b", "1", 5, ("b",)), ("a", "1", 5, ("a",)), ("c", "1", 6, ("c",))], "doc_id string, batch_id string, set_hash bigint, rank struct<doc_id string>")
    assert [(r.doc_id, r.dup_of, r.method, r.similarity) for r in families.spread(tables, members, edges, "independent_set").collect()] == [("b", "a", "set", 1.0)]
