"""With `keep` the scale of quality stays: later documents move no earlier ones, and none of them is lost."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections import Counter
from collections.abc import Callable
from operator import eq, lt
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs import build_quality, score_classifier
from gristmill.jobs.core.errors import ContractError
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema.catalog import table
from gristmill.jobs.schema.documents import SIGNALS
from gristmill.jobs.schema.scores import MODELS, QUALITY
from gristmill.jobs.scoring.models import load_model
from gristmill.udfs.read.rows import hash128
from gristmill.udfs.scoring.scales import STEPS, from_bytes
from tests.lakes import copied, read, write

pytestmark = pytest.mark.spark
NOW = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)
Place = tuple[str | None, float, int, str]  # lang, value, bin, tier
# By id: language and value, 0 to 1, of the documents of three batches.
FIRST = {
    **{f"en-{i}": ("en", round(0.2 + i / 100, 2)) for i in range(40)},
    "none-0": (None, 0.5), "none-1": (None, 0.6),
}  # fmt: skip
SECOND = {
    "lowest": ("en", 0.01), "low": ("en", 0.203), "between": ("en", 0.405), "same": ("en", 0.41),
    "highest": ("en", 0.99),
    **{f"more-{i}": ("en", round(0.2 + i / 1000, 3)) for i in range(25)},
    **{f"fr-{i}": ("fr", 0.3 + i / 100) for i in range(40)},
}  # fmt: skip
THIRD = {f"late-{i}": (("en", "fr")[i % 2], 0.9) for i in range(30)}
IDS = {name: hash128(name.encode()) for name in (*FIRST, *SECOND, *THIRD)}
NAMES = {doc: name for name, doc in IDS.items()}


def bring(lake: Lake, batch: str, rows: dict[str, tuple[str | None, float]], version: str = "v1") -> None:
    """A batch of documents with their languages and the scores of `chars`."""
    nothing = (None,) * 5  # native key, URL, hints, licence
    docs = [(IDS[name], batch, 0, "test", *nothing, "text", 4, IDS[name], name, NOW) for name in rows]
    signals = [{"doc_id": IDS[name], "batch_id": batch, "lang": lang} for name, (lang, _) in rows.items()]
    write(lake, "docs", docs, batch=batch)
    write(lake, "signals", [tuple(row.get(name) for name in SIGNALS.names) for row in signals], batch=batch)
    score(lake, batch, {name: value for name, (_, value) in rows.items()}, version)


def score(lake: Lake, batch: str, values: dict[str, float], version: str) -> None:
    rows = [
        ("score_classifier", IDS[name], batch, "chars", version, math.log(value / (1 - value)), value, None)
        for name, value in values.items()
    ]
    write(lake, "scores", rows, job="score_classifier", batch=batch)


def train(lake: Lake, version: str) -> None:
    row = ("train_classifier", "chars", version, "linear", None, "p", None, "{}", {}, "{}", NOW)
    write(lake, "models", [row], job="train_classifier", batch="one", where="job = 'train_classifier'")


@pytest.fixture(scope="module")
def build(params_of: Callable[..., Any]) -> Callable[..., Any]:
    """`build(lake, reuse_model=False)`: a run of build_quality by percentiles; what each document got, by name."""

    def made(lake: Lake, **changes: Any) -> dict[str, Place]:
        scorers = {"chars": {"job": "score_classifier", "version": None, "weight": 1.0}}
        given = {"skip_rejected_by": [], "scorers": scorers, "scale": "percentile", **changes}
        run_job(build_quality.JOB, params_of("build_quality", **given), lake)
        return places(lake)

    return made


def places(lake: Lake) -> dict[str, Place]:
    return {NAMES[row.doc_id]: (row.lang, row.quality, row.bin, row.tier) for row in read(lake, QUALITY)}


def kept(lake: Lake) -> Any:
    [row] = read(lake, MODELS, job="build_quality")
    return row


def of(found: dict[str, Place], rows: dict[str, Any]) -> dict[str, Place]:
    return {doc: found[doc] for doc in rows}


@pytest.fixture(scope="module")
def homes(spark: Any, tmp_path_factory: pytest.TempPathFactory, build: Any) -> tuple[Lake, Lake]:
    """A lake with a classifier and the first batch, and the same after a run."""
    home = tmp_path_factory.mktemp("scale")
    lake = Lake(spark, str(home / "before"))
    lake.create(table("verdicts"))
    train(lake, "v1")
    bring(lake, "one", FIRST)
    after = copied(lake, home / "after")
    build(after)
    return lake, after


@pytest.fixture
def new(homes: tuple[Lake, Lake], tmp_path: Path) -> Lake:
    """A lake with the first batch."""
    return copied(homes[0], tmp_path / "new")


@pytest.fixture
def built(homes: tuple[Lake, Lake], tmp_path: Path) -> Lake:
    """A lake with the first batch and its quality."""
    return copied(homes[1], tmp_path / "built")


@pytest.mark.parametrize("scale", ["logit", "percentile"])
def test_what_came_first_is_moved_by_a_batch_only_where_the_scale_does_not_stay(
    new: Lake, build: Any, scale: str
) -> None:
    before = build(new, scale=scale)
    model = kept(new)
    assert (model.name, model.kind) == ("quality_scale", "scale")
    about = json.loads(model.trained_on)
    assert (about["documents"], about["scorers"]) == ({"en": 40, "no language": 2}, {"chars": ["v1"]})

    bring(new, "two", SECOND)
    found = build(new, scale=scale)
    assert found.keys() == {*FIRST, *SECOND}, "nobody is lost"
    assert of(found, FIRST) == before
    assert found["same"] == found["en-21"], "whoever has the value of an earlier one stands beside it"
    assert found["en-20"][1] <= found["between"][1] < found["en-21"][1]
    assert (found["lowest"][2], found["highest"][2]) == (0, 19)
    assert found["lowest"][1] <= found["en-0"][1] <= found["low"][1] <= found["en-1"][1]
    ordered = sorted(
        (value, found[doc]) for doc, (lang, value) in {**FIRST, **SECOND}.items() if lang == "en"
    )
    assert [place[1:3] for _, place in ordered] == sorted(place[1:3] for _, place in ordered)

    moved = build(new, scale=scale, reuse_model=False)
    assert moved.keys() == found.keys()
    assert sum(moved[doc][2] != before[doc][2] for doc in FIRST) > 10
    again = build(new, scale=scale)
    assert again == moved, "one run without keep made the scale of all documents, and that one stays"
    bring(new, "three", THIRD)
    assert of(build(new, scale=scale), moved) == moved


def test_a_language_that_comes_later_gets_its_own_bins(built: Lake, build: Any) -> None:
    old = kept(built)
    bring(built, "two", SECOND)
    found = build(built)
    assert Counter(place[2] for place in found.values() if place[0] == "fr") == dict.fromkeys(range(20), 2)
    new = kept(built)
    assert json.loads(new.trained_on)["documents"] == {"en": 40, "fr": 40, "no language": 2}
    before, after = (load_model(built, row.asDict(), from_bytes) for row in (old, new))
    assert before.starts == {lang: starts for lang, starts in after.starts.items() if lang != "fr"}
    assert before.documents == {lang: n for lang, n in after.documents.items() if lang != "fr"}
    assert set(after.curves) - set(before.curves) == {("fr", "chars")}
    bring(built, "three", THIRD)
    assert of(build(built), found) == found
    assert kept(built) == new, "what stays is not written again"


@pytest.mark.parametrize("scale", ["logit", "percentile"])
def test_bins_are_those_that_they_were_without_a_scale_to_keep(new: Lake, build: Any, scale: str) -> None:
    bring(new, "two", SECOND)
    found = build(new, scale=scale)
    english = {doc: value for doc, (lang, value) in {**FIRST, **SECOND}.items() if lang == "en"}
    for doc, value in english.items():
        below, equal = (sum(test(each, value) for each in english.values()) for test in (lt, eq))
        assert found[doc][2] == below * 20 // len(english)
        expected = (below + equal / 2) / len(english) if scale == "percentile" else value
        assert found[doc][1] == pytest.approx(expected, abs=1.1 / STEPS)
    assert build(new, scale=scale, reuse_model=False) == found


def test_another_version_of_a_scorer_makes_the_scale_anew(built: Lake, build: Any) -> None:
    before = places(built)
    train(built, "v2")
    score(built, "one", {doc: 1 - value for doc, (_, value) in FIRST.items()}, "v2")
    found = build(built)
    assert json.loads(kept(built).trained_on)["scorers"] == {"chars": ["v2"]}
    assert Counter(place[2] for place in found.values() if place[0] == "en") == dict.fromkeys(range(20), 2)
    assert (before["en-0"][2], found["en-0"][2]) == (0, 19)


def test_only_what_the_scale_is_made_by_makes_it_anew(built: Lake, build: Any) -> None:
    before = places(built)
    model = kept(built)
    bring(built, "two", SECOND)
    tiers = build(built, min_head=19)
    assert [place[:3] for place in of(tiers, FIRST).values()] == [
        place[:3] for place in of(before, FIRST).values()
    ]
    assert json.loads(kept(built).params) == json.loads(model.params)
    weighed = build(built, bin_by="bytes")
    assert weighed == build(built, reuse_model=False), (
        "each text has four bytes: of all documents, as documents count"
    )
    assert json.loads(kept(built).params)["bin_by"] == "documents"


def test_a_lost_file_is_an_error_that_says_what_to_do(built: Lake, build: Any) -> None:
    before = places(built)
    Path(built.root, kept(built).path).unlink()
    bring(built, "two", SECOND)
    with pytest.raises(
        ContractError, match=r"no such file.* run the job that writes it again with reuse_model: false, once"
    ):
        build(built)
    assert places(built) == before


class Killed(BaseException):
    """Nothing of ours catches it."""


def kill(lake: Lake, after: Any, build: Any) -> None:
    def die(written: Any, version: int) -> None:
        if written is after:
            raise Killed

    dying = Lake(lake.spark, lake.root)
    dying.committed = die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        build(dying)


@pytest.mark.parametrize("after", [MODELS, QUALITY], ids=lambda table: table.name)
def test_a_killed_run_is_repeated_with_the_same_result(
    new: Lake, built: Lake, build: Any, after: Any
) -> None:
    kill(new, after, build)
    again = Lake(new.spark, new.root)
    assert build(again) == places(built)
    assert kept(again).version == kept(built).version


def test_a_killed_run_that_added_a_language_moves_nobody(built: Lake, build: Any, tmp_path: Path) -> None:
    bring(built, "two", SECOND)
    twin = copied(built, tmp_path / "twin")
    expected = build(twin)
    kill(built, MODELS, build)
    again = Lake(built.spark, built.root)
    train(again, "v1")  # what the killed run left in the table stands in the version of a finished run now
    assert build(again) == expected
    assert kept(again).version == kept(twin).version


def test_a_second_run_has_nothing_to_do_and_scorers_are_not_made_stale(built: Lake, build: Any) -> None:
    finished = Runs(built).finished("build_quality")
    build(built)
    assert Runs(built).finished("build_quality") == finished, "its own row of models makes it no stale one"
    assert Runs(built).is_fresh(score_classifier.JOB, "one", "h", ()), "the scale concerns no scorer"
    train(built, "v2")
    assert not Runs(built).is_fresh(score_classifier.JOB, "one", "h", ())
