"""Credentials are refused where they would be kept or shown, and masked in what is printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gristmill.jobs import cli, ingest_docs
from gristmill.jobs.core import secrets
from gristmill.jobs.core.config import load_recipe
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.lake.spark_errors import exit_code_of
from gristmill.synth_worker import recipe as worker_recipe
from gristmill.synth_worker.__main__ import main as worker_main

ROOT = Path(__file__).resolve().parents[2]
SECRET = "pl4nted+Secr3t/value"
WITH_USER = f"s3a://AKIAKEY:{SECRET}@bucket/lake"


@pytest.mark.parametrize(
    "text",
    [
        WITH_USER, f"cannot open {WITH_USER}: no", f"https://me:{SECRET}@host:8080/v1", f"redis://:{SECRET}@h", f"jdbc:postgresql://h/db?user=me&password={SECRET}",
        f"jdbc:sqlserver://h;password={SECRET};x=1", f"spark.hadoop.fs.s3a.secret.key: {SECRET}", f"{{'fs.azure.account.key.x': '{SECRET}'}}",
        f'"api_key": "{SECRET}"', f"HF_TOKEN={SECRET}",
    ],
)  # fmt: skip
def test_what_is_printed_shows_no_password(text: str) -> None:
    shown = secrets.masked(text, {})
    assert SECRET not in shown
    assert secrets.MASK in shown
    assert secrets.masked(shown, {}) == shown


@pytest.mark.parametrize(
    "text",
    [
        "hdfs://nn:8020/lake@7", "abfss://container@account.dfs.core.windows.net/lake", "s3a://bucket/a:b@c", "jobs.decontaminate.seed_tokens: input should be 3, saw 4",
        "mail me@example.org: done", "max_num_batched_tokens=512", "docs@41: column text is binary", "spark.hadoop.fs.s3a.aws.credentials.provider=org.x.Provider",
        "lake s3a://b/l: another process (host, pid 3) runs x", "https://host:8080/@x:y@z",
    ],
)  # fmt: skip
def test_what_is_no_password_stays(text: str) -> None:
    assert secrets.masked(text, {"PATH": "/usr/bin:/bin", "HF_TOKEN": "short"}) == text
    assert not secrets.has_userinfo(text)


def test_values_of_the_environment_are_masked_in_either_spelling() -> None:
    environ = {"AWS_SECRET_ACCESS_KEY": SECRET, "MY_API_KEY": "sk-0123456789", "HOME": "/home/someone"}
    shown = secrets.masked(f"the store said {SECRET}, pl4nted%2BSecr3t%2Fvalue, sk-0123456789 of /home/someone", environ)
    assert shown == "the store said ***, ***, *** of /home/someone"


def written(home: Path, **sections: Any) -> Path:
    path = home / "recipe.yaml"
    jobs = {"ingest_docs": yaml.safe_load((ROOT / "conf/jobs/ingest_docs.yaml").read_text())["jobs"]["ingest_docs"]}
    path.write_text(yaml.safe_dump({"jobs": jobs, **sections}))
    return path


PLACES = {
    "spark.spark.hadoop.fs.s3a.secret.key": {"spark": {"spark.hadoop.fs.s3a.secret.key": SECRET}},
    "spark.spark.hadoop.fs.s3a.access.key": {"spark": {"spark.hadoop.fs.s3a.access.key": SECRET}},
    "spark.spark.hadoop.fs.azure.account.key.x": {"spark": {"spark.hadoop.fs.azure.account.key.x": SECRET}},
    "spark.spark.hadoop.javax.jdo.option.ConnectionPassword": {"spark": {"spark.hadoop.javax.jdo.option.ConnectionPassword": SECRET}},
    "spark.spark.hadoop.javax.jdo.option.ConnectionURL": {"spark": {"spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:postgresql://h/m?password={SECRET}"}},
    "spark.spark.executorEnv.HF_TOKEN": {"spark": {"spark.executorEnv.HF_TOKEN": SECRET}},
    "spark.spark.driver.extraJavaOptions": {"spark": {"spark.driver.extraJavaOptions": f"-Dx.password={SECRET}"}},
    "lake.path": {"lake": {"path": WITH_USER, "buckets": 1}},
}


@pytest.mark.parametrize("place", PLACES)
def test_a_recipe_with_a_password_is_refused_by_the_place_alone(place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, **PLACES[place])
    with pytest.raises(ConfigError, match=re.escape(f"{path}: {place}: a password or key; take it out")) as error:
        load_recipe(path)
    assert SECRET not in str(error.value)
    for code in (ingest_docs.main(ingest_docs.JOB, ["--recipe", str(path)]), cli.main(["check", "--recipe", str(path)])):
        assert code == 2
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err


def test_a_parameter_of_a_job_with_a_password_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    content = yaml.safe_load(path.read_text())
    content["jobs"]["ingest_docs"]["input"] = WITH_USER
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=r"jobs\.ingest_docs\.input: a password or key"):
        load_recipe(path)


def test_yaml_that_does_not_parse_shows_no_password(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(f"spark: {{spark.hadoop.fs.s3a.secret.key: {SECRET}: x}}\n")
    assert cli.main(["check", "--recipe", str(path)]) == 2
    assert SECRET not in capsys.readouterr().err


def test_every_recipe_that_ships_is_taken() -> None:
    recipes = sorted((ROOT / "conf").rglob("*.yaml"))
    assert recipes
    for path in recipes:
        assert list(secrets.found(yaml.safe_load(path.read_text()), "", is_settings=False)) == []


def test_a_bug_whose_message_holds_a_password_is_told_without_it(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_PASSWORD", SECRET)

    def run() -> None:
        raise ValueError(f"login with {SECRET} failed")

    assert exit_code_of(run) == 1
    said = capsys.readouterr().err
    assert "ValueError: login with *** failed" in said
    assert "Traceback" in said
    assert SECRET not in said


def worker(home: Path, **changes: Any) -> Path:
    content = yaml.safe_load((ROOT / "conf/synth_worker.yaml").read_text())
    content["worker"].update(changes)
    path = home / "worker.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


HTTP = {"kind": "http", "urls": [f"https://me:{SECRET}@host/v1"], "model": "m", "revision": None, "key_variable": None, "timeout_seconds": 1.0, "structured": False}
VLLM = {"kind": "vllm", "model": "m", "revision": None, "args": {"max_num_batched_tokens": "512"}, "environment": {}, "structured": False}


@pytest.mark.parametrize(
    ("place", "changes"),
    [
        ("engine.urls[0]", {"engine": HTTP}),
        ("engine.environment.HF_TOKEN", {"engine": {**VLLM, "environment": {"HF_TOKEN": SECRET}}}),
        ("engine.args.hf_token", {"engine": {**VLLM, "args": {"hf_token": SECRET}}}),
        ("lake", {"lake": WITH_USER}),
    ],
)
def test_a_recipe_of_the_worker_with_a_password_is_refused(place: str, changes: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert worker_main(["--recipe", str(worker(tmp_path, **changes)), "--check"]) == 2
    said = capsys.readouterr().err
    assert f"worker: {place}: a password or key; take it out" in said
    assert SECRET not in said


def test_an_address_of_the_command_line_with_a_password_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert worker_main(["--recipe", str(worker(tmp_path)), "--lake", WITH_USER.replace("s3a", "s3")]) == 2
    assert worker_main(["--recipe", str(worker(tmp_path, engine=VLLM)), "--check"]) == 0
    said = capsys.readouterr().err
    assert "lake s3://***@bucket/lake: a URL with a user's name and password" in said
    assert SECRET not in said


def test_worker_and_jobs_know_the_same_passwords() -> None:
    assert worker_recipe.CREDENTIAL.pattern == secrets.NAME.pattern
    assert worker_recipe.USERINFO.pattern == secrets._USERINFO.pattern
