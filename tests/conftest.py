"""One lazy Spark session for the whole run; a lake of its own for each test that asks."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import lake_kinds

ROOT = Path(__file__).resolve().parent.parent
# A folder of real text and labelled truth, which is not part of the project: tests that ask for it are skipped without.
REAL_DATA = os.environ.get("GRISTMILL_TEST_DATA", "")
os.environ.setdefault("GRISTMILL_MASTER", "local[2]")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
os.chdir(ROOT)
# A minute and more each, in this order: of two processes that take whole files (`make test`), none then waits long for the last of them.
# The first file makes the demo's lake; those behind it need none, so that nobody waits for it.
LONG = (
    "test_curate.py", "test_every_job.py", "test_catalog.py", "test_dedup_passages.py", "test_quality_scale.py", "test_extract_text.py", "test_build_corpus.py",
    "test_dedup.py", "test_ingest_docs.py", "test_dedup_boilerplate.py", "test_work.py", "test_dedup_semantic.py", "test_what_every_job_owes.py", "test_quality.py",
    "test_embed_text.py", "test_ingest_identity.py", "test_synthesis.py", "test_conservation.py", "test_concurrency.py", "test_report_run.py", "test_worker.py",
    "test_docs.py", "test_cluster.py",
)  # fmt: skip


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files that take minutes come first. On other kinds of lake than the local disk, only tests that say they run there do."""
    here = lake_kinds.kind()
    others = [item for item in items if not runs_on(item, here)]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if runs_on(item, here)]
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


def runs_on(item: pytest.Item, kind: str) -> bool:
    """Whether a test runs on a kind of lake: on the local disk, but for those of `lake_kinds(...)`; elsewhere those marked `lake_kinds`."""
    marker = item.get_closest_marker("lake_kinds")
    return kind in (marker.args or lake_kinds.KINDS) if marker else kind == "disk"


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """The session that all Spark tests share, and the cluster that it is on (None: this machine alone)."""
    from tests.support import sessions

    with sessions.session(tmp_path_factory.mktemp("spark")) as made:
        yield made


@pytest.fixture(scope="session")
def spark(session: tuple[Any, Any]) -> Any:
    """The session that all Spark tests share; few shuffle partitions, a metastore and warehouse in a temporary folder."""
    return session[0]


@pytest.fixture(scope="session")
def new_lake(session: tuple[Any, Any]) -> Callable[[Path], Any]:
    """`new_lake(tmp_path / "lake")`: an empty lake of this process's kind (GRISTMILL_LAKE_KIND), on the disk in that folder."""
    from tests.support import sessions

    return functools.partial(sessions.new_lake, *session)


@pytest.fixture
def lake(new_lake: Callable[[Path], Any], tmp_path: Path) -> Any:
    """An empty lake."""
    return new_lake(tmp_path / "lake")


@pytest.fixture(scope="session")
def params_of() -> Callable[..., Any]:
    """`params_of("dedup_exact", url=False)`: the parameters of conf/<job>.yaml with some of them changed."""
    from gristmill.jobs import curate
    from gristmill.jobs.core import config

    def made(name: str, **changes: Any) -> Any:
        job = curate.find_job(name)
        section = config.load_recipe(ROOT / "conf" / "jobs" / f"{name}.yaml").jobs[name]
        return config.validate(job.params, {**section, **changes}, f"test recipe of {name}")

    return made


@pytest.fixture
def ingest(lake: Any, tmp_path: Path, params_of: Callable[..., Any]) -> Callable[..., Any]:
    """`ingest([{"id": "a", "text": "..."}], batch="one")`: rows as a JSON Lines file, ingested; returns the Outcome."""
    import json

    from gristmill.jobs.ingest_docs import JOB
    from gristmill.jobs.runner.run import run_job

    def made(rows: list[dict[str, Any]], batch: str = "one", **changes: Any) -> Any:
        folder = tmp_path / "raw" / batch
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "rows.jsonl").write_text("".join(json.dumps({"source": "test", **row}, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        params = params_of("ingest_docs", **{"data_docs": False, "max_reject_ratio": 1.0, "min_kept": 0, **changes})
        return run_job(JOB, params, lake, inputs=str(folder))

    return made


@pytest.fixture
def documents(lake: Any, tmp_path: Path, params_of: Callable[..., Any]) -> Callable[..., Any]:
    """`documents([{"id": "a", "text": "..."}], batch="one")`: as `ingest`, of rows that are all fine, in a fiftieth of the time (tests/lakes.py)."""
    from tests.lakes import bring

    return lambda rows, batch="one": bring(lake, tmp_path / "raw", rows, params_of("ingest_docs"), batch)


@pytest.fixture(scope="module")
def without_expectations() -> Iterator[None]:
    """Entry jobs without Great Expectations, which takes a third of so small a batch."""
    from gristmill.jobs.curation import entry

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entry, "check_expectations", lambda *_: None)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real text and labelled truth; tests that need it are skipped where none is named."""
    if not REAL_DATA:
        pytest.skip("needs GRISTMILL_TEST_DATA (a folder of real text, not part of the project)")
    return Path(REAL_DATA)


def small_demo(home: Path, n: int = 300) -> Path:
    """The demo corpus with about `n` documents; returns the folder of its batches."""
    import subprocess
    import sys

    subprocess.run([sys.executable, "-m", "demo.corpus", "--out", str(home), "--seed", "7", "--n", str(n)], check=True, cwd=ROOT, capture_output=True)
    return home / "raw"


def once(home: Path, make: Callable[[Path], Any]) -> Path:
    """The folder `home`, filled by `make` in the first of the test processes that asks; the others wait for it."""
    import fcntl
    import shutil

    done = home.with_name(f"{home.name}.done")
    with home.with_name(f"{home.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(home, ignore_errors=True)
            make(home)
            done.touch()
    return home


@pytest.fixture(scope="session")
def demo_raw(shared_home: Path) -> Path:
    """A small demo corpus: `raw/` with a folder for each batch, and beside it plan.parquet."""
    return once(shared_home / "demo", small_demo) / "raw"


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A temporary folder that all test processes of a run share."""
    home = tmp_path_factory.getbasetemp()
    return home.parent if "PYTEST_XDIST_WORKER" in os.environ else home


@pytest.fixture(scope="session")
def demo_lake(spark: Any, demo_raw: Path, shared_home: Path) -> Any:
    """The lake after `curate` with conf/demo.yaml on the small demo corpus. Read it, do not write to it."""
    from gristmill.jobs import curate
    from gristmill.jobs.core import config
    from gristmill.jobs.lake.lake import Lake

    recipe = config.load_recipe(ROOT / "conf/demo.yaml")
    jobs = {name: section for name, section in recipe.jobs.items() if name != "report_run"}  # tests/jobs/test_report_run.py
    made = shared_home / "demo-lake"
    return Lake(spark, str(once(made, lambda home: curate.curate(dataclasses.replace(recipe, jobs=jobs), str(home), str(demo_raw)))))


@pytest.fixture
def demo_copy(demo_lake: Any, tmp_path: Path) -> Any:
    """A copy of the demo lake that may be written to."""
    from tests.lakes import copied

    return copied(demo_lake, tmp_path / "demo-copy")
