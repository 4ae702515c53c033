"""The best copy by a score or a quality bin that an earlier run has written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs.core.config import recipe_hash
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.dedup.ranking import Rank, unused_tables
from gristmill.jobs.dedup_exact import JOB as EXACT
from gristmill.jobs.dedup_minhash import JOB as MINHASH
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema.documents import DOCS
from gristmill.jobs.schema.duplicates import DUPLICATES
from tests.lakes import bring, copied, read, write

pytestmark = pytest.mark.spark
TEXT = " ".join(f"word{n * 7919 % 1000}" for n in range(60))
TEXTS = {
    "long": TEXT + "   ",
    "good": TEXT.upper(),
    "new": TEXT,
    "near": TEXT.replace("word0 ", "other ") + " and more words than the others have",
}


@pytest.fixture(scope="module")
def brought(spark: Any, tmp_path_factory: pytest.TempPathFactory, params_of: Callable[..., Any]) -> Lake:
    """Four copies of a text, and a finished run that wrote a score for all but `new`."""
    home = tmp_path_factory.mktemp("ranked")
    lake = Lake(spark, str(home / "lake"))
    bring(
        lake,
        home / "raw",
        [{"id": key, "text": text} for key, text in TEXTS.items()],
        params_of("ingest_docs"),
    )
    ids = {row.native_key: row.doc_id for row in read(lake, DOCS)}
    scores = [
        ("score_x", ids[key], "one", "taste", "v1", score, score, None)
        for key, score in (("long", 0.2), ("good", 0.9), ("near", 0.5))
    ]
    write(lake, "scores", scores, job="score_x", batch="one")
    return lake


def survivors(lake: Lake, job: str) -> dict[str, str]:
    keys = {row.doc_id: row.native_key for row in read(lake, DOCS)}
    return {keys[row.doc_id]: keys[row.dup_of] for row in read(lake, DUPLICATES, job=job)}


def by(name: str, prefer: str = "high", **more: Any) -> list[dict[str, Any]]:
    return [{"by": name, "prefer": prefer, **more}, {"by": "n_bytes", "prefer": "high"}]


def test_the_best_score_stays_and_who_has_none_goes(
    brought: Lake, tmp_path: Path, params_of: Callable[..., Any]
) -> None:
    lake = copied(brought, tmp_path / "lake")
    exact = params_of("dedup_exact", skip_rejected_by=[], url_domains=[], ranking=by("taste"))
    run_job(EXACT, exact, lake)
    assert survivors(lake, "dedup_exact") == {"long": "good", "new": "good"}
    run_job(MINHASH, params_of("dedup_minhash", skip_rejected_by=["dedup_exact"], ranking=by("taste", "low")), lake)
    assert survivors(lake, "dedup_minhash") == {"good": "near"}
    run_job(
        EXACT,
        params_of("dedup_exact", skip_rejected_by=[], url_domains=[], ranking=by("taste", "low", version="v1")),
        lake,
    )
    assert survivors(lake, "dedup_exact") == {"good": "long", "new": "long"}


def test_a_bin_ranks_as_a_score_does(brought: Lake, tmp_path: Path, params_of: Callable[..., Any]) -> None:
    lake = copied(brought, tmp_path / "lake")
    ids = {row.native_key: row.doc_id for row in read(lake, DOCS)}
    bins = {"long": 3, "good": 5, "new": 19}
    write(
        lake,
        "quality",
        [(ids[key], "one", "en", n / 20, n, "tail", "taste", "h") for key, n in bins.items()],
        batch="one",
    )
    run_job(EXACT, params_of("dedup_exact", skip_rejected_by=[], url_domains=[], ranking=by("quality_bin")), lake)
    assert survivors(lake, "dedup_exact") == {"long": "new", "good": "new"}


def test_a_name_that_nobody_has_is_an_error_and_a_table_that_is_not_there_yet_is_none(
    brought: Lake, tmp_path: Path, params_of: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    lake = copied(brought, tmp_path / "lake")

    def run(ranking: list[dict[str, Any]]) -> None:
        run_job(EXACT, params_of("dedup_exact", skip_rejected_by=[], url_domains=[], ranking=ranking), lake)

    with pytest.raises(
        ConfigError,
        match=r"jobs.dedup_exact.ranking\[0\]: by: tase is no measure.*there are: taste\); mend the name",
    ):
        run(by("tase"))
    with pytest.raises(
        ConfigError, match=r"taste has scored as v1, wanted v2; name it as ranking\[0\].version"
    ):
        run(by("taste", version="v2"))
    run(by("quality_bin"))
    assert "nothing has been written to quality yet, so quality_bin has no effect" in capsys.readouterr().err
    assert survivors(lake, "dedup_exact") == {"new": "long", "good": "long"}


def test_of_several_versions_the_recipe_names_one_or_models_has_one(
    brought: Lake, tmp_path: Path, params_of: Callable[..., Any]
) -> None:
    lake = copied(brought, tmp_path / "lake")
    ids = {row.native_key: row.doc_id for row in read(lake, DOCS)}
    write(
        lake,
        "scores",
        [("score_x", ids["new"], "one", "taste", "v2", 0.1, 0.1, None)],
        job="score_x",
        batch="one",
    )
    params = params_of("dedup_exact", skip_rejected_by=[], url_domains=[], ranking=by("taste"))
    with pytest.raises(ConfigError, match="taste has scored as v1, v2, wanted one of them"):
        run_job(EXACT, params, lake)
    model = (
        "train_classifier",
        "taste",
        "v2",
        "linear",
        None,
        "p",
        None,
        "{}",
        {"auc": 1.0},
        "{}",
        read(lake, DOCS)[0].ingested_at,
    )
    write(lake, "models", [model], batch="one")
    run_job(EXACT, params, lake)
    assert survivors(lake, "dedup_exact") == {"long": "new", "good": "new"}


def test_later_scores_make_a_dedup_stale_unless_they_are_of_its_own_survivors(
    brought: Lake, tmp_path: Path, params_of: Callable[..., Any]
) -> None:
    lake = copied(brought, tmp_path / "lake")
    by_taste = params_of("dedup_exact", skip_rejected_by=[], url_domains=[], ranking=by("taste"))
    by_size = params_of("dedup_exact", skip_rejected_by=[], url_domains=[], ranking=by("n_bytes"))
    run_job(EXACT, by_taste, lake)
    ids = {row.native_key: row.doc_id for row in read(lake, DOCS)}

    def is_fresh(params: Any) -> bool:
        return Runs(lake).is_fresh(
            EXACT, "one", recipe_hash("dedup_exact", by_taste), (), params.unused_tables()
        )

    write(
        lake,
        "scores",
        [("later", ids["new"], "one", "other", "v1", 1.0, 1.0, None)],
        job="later",
        batch="one",
        recipe={"skip_rejected_by": ["dedup_exact"]},
    )
    assert is_fresh(by_taste)
    write(
        lake,
        "scores",
        [("first", ids["new"], "one", "taste", "v1", 1.0, 1.0, None)],
        job="first",
        batch="one",
        recipe={"skip_rejected_by": ["filter_rules"]},
    )
    assert is_fresh(by_size)
    assert not is_fresh(by_taste)
    run_job(EXACT, by_taste, lake)
    assert survivors(lake, "dedup_exact") == {"long": "new", "good": "new"}


def test_what_a_ranking_looks_at() -> None:
    def unused(*names: str) -> set[str]:
        return set(unused_tables([Rank(by=name, prefer="high") for name in names]))

    assert unused("n_words", "batch") == {"scores", "quality", "models"}
    assert unused("quality_bin") == {"scores", "models"}
    assert unused("taste", "quality") == {"models"}
    with pytest.raises(ValueError, match="n_words has no versions"):
        Rank(by="n_words", prefer="high", version="v1")
