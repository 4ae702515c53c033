"""Tables of the queue to which a platform has given features that delta-rs lacks: refused by name before a model is loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gristmill.synth_worker.errors import TableError
from gristmill.synth_worker.queue.store import READ, Store
from tests.synth_worker.conftest import documents, make_lake, start_worker


def with_features(table: Path, reader: list[str], writer: list[str]) -> None:
    """The first commit of a table as a platform writes it that has these features on by default."""
    first = table / "_delta_log" / f"{0:020}.json"
    actions = [json.loads(line) for line in first.read_text().splitlines()]
    for action in actions:
        if "protocol" in action:
            named = {"readerFeatures": reader} if reader else {}
            action["protocol"] = {"minReaderVersion": 3 if reader else 1, "minWriterVersion": 7, **named, "writerFeatures": [*reader, *writer]}
    first.write_text("".join(f"{json.dumps(action)}\n" for action in actions))


@pytest.mark.parametrize(
    ("table", "reader", "writer", "says"),
    [
        ("synth_answers", [], ["rowTracking", "domainMetadata"], "has the Delta features domainMetadata, rowTracking, with which the worker cannot write it"),
        ("runs", [], ["clustering", "domainMetadata"], "has the Delta features clustering, domainMetadata"),
        ("leases", ["deletionVectors"], [], "has the Delta features deletionVectors"),
        ("synth_requests", ["columnMapping"], [], "has the Delta features columnMapping, with which the worker cannot read it"),
        ("synth_requests", ["catalogManaged"], ["inCommitTimestamp"], "cannot be opened by its path .*catalog-managed"),
    ],
)  # fmt: skip
def test_a_feature_that_the_worker_lacks_is_refused_by_name(table: str, reader: list[str], writer: list[str], says: str, tmp_path: Path) -> None:
    make_lake(tmp_path / "lake", documents(2))
    with_features(tmp_path / "lake" / table, reader, writer)
    with pytest.raises(TableError, match=f"{table}: {says}"):
        Store(str(tmp_path / "lake"), "one").check()


@pytest.mark.parametrize("feature", [*sorted(READ), "invariants", "checkConstraints"])
def test_features_that_change_nothing_for_it_are_taken(feature: str, tmp_path: Path) -> None:
    make_lake(tmp_path / "lake", documents(2))
    reader = [feature] if feature in READ else []
    with_features(tmp_path / "lake/leases", reader, [] if reader else [feature])
    store = Store(str(tmp_path / "lake"), "one")
    store.check()
    assert store.take(60.0, set()) is not None


def test_a_worker_ends_with_exit_code_3_before_it_calls_a_model(tmp_path: Path, write_recipe: Callable[..., Path]) -> None:
    make_lake(tmp_path / "lake", documents(2))
    with_features(tmp_path / "lake/synth_answers", [], ["rowTracking", "domainMetadata"])
    worker = start_worker(write_recipe("http://127.0.0.1:9"), tmp_path / "lake")
    _, said = worker.communicate(timeout=60)
    assert worker.returncode == 3, said
    assert "DROP FEATURE" in said
