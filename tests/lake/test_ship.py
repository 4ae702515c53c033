"""What a cluster is given: the archive for --py-files and the properties files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gristmill.jobs.lake import session
from gristmill.jobs.lake.jars import PACKAGES
from gristmill.jobs.lake.ship import ship

ROOT = Path(__file__).resolve().parents[2]


def properties(name: str) -> dict[str, str]:
    text = (ROOT / "conf" / "spark" / name).read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {key: value.replace(" ", "") for key, value in (line.split(None, 1) for line in lines)}


def test_the_same_sources_give_the_same_archive(tmp_path: Path) -> None:
    assert ship(tmp_path / "a.zip") == ship(tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_jobs_kernels_and_pages_are_found_in_the_archive(tmp_path: Path) -> None:
    ship(tmp_path / "g.zip")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import gristmill.jobs.core.config, gristmill.udfs.arrow.compiled\n"
        "from importlib import resources\n"
        "assert gristmill.jobs.core.config.__file__.startswith(sys.argv[1]) and gristmill.udfs.arrow.compiled.__file__.startswith(sys.argv[1])\n"
        "print(resources.files('gristmill').joinpath('conf/demo.yaml').read_text(encoding='utf-8')[:1], resources.files('gristmill.jobs.report').joinpath('page.html').is_file())"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "g.zip")], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["#", "True"], done.stderr


@pytest.mark.parametrize("line", ["3.5", "4.1"])  # 4.0 and 4.2 have no file of their own
def test_a_cluster_gets_the_delta_and_the_meaning_of_a_laptop(line: str) -> None:
    given = properties(f"cluster-spark{line.replace('.', '')}.properties")
    assert given["spark.jars.packages"] == PACKAGES[line][0]
    assert {key: given.get(key) for key in session.MEANING} == session.MEANING
    shared = ("spark.sql.extensions", "spark.sql.catalog.spark_catalog", "spark.databricks.delta.replaceWhere.dataColumns.enabled")
    assert {key: given.get(key) for key in shared} == {key: {**session.DELTA, **session.LOCAL}[key] for key in shared}
