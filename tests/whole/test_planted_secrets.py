"""A job that runs with secrets in its environment leaves them nowhere: no table, no file, no output, no list of processes; and it listens to nobody else."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from deltalake import DeltaTable

from gristmill.jobs.schema import catalog
from tests.support import processes

pytestmark = pytest.mark.spark
ROOT = Path(__file__).resolve().parents[2]
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "pl4nted-aws-secret", "AWS_SESSION_TOKEN": "pl4nted-session", "HF_TOKEN": "hf_pl4nted", "MY_API_KEY": "sk-pl4nted",
    "METASTORE_PASSWORD": "pl4nted-password", "FS_AZURE_ACCOUNT_KEY": "pl4nted-azure",
}  # fmt: skip


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An ingest and the report of it: what they said, and what their processes looked like meanwhile."""
    home = tmp_path_factory.mktemp("planted")
    (home / "raw").mkdir()
    rows = [{"id": str(i), "source": "t", "text": f"Stone number {i} of the mill grinds {i * 7} sacks.", "url": f"https://example.org/{i}"} for i in range(5)]
    (home / "raw/rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + "no JSON\n")
    shipped = (ROOT / "conf/jobs/ingest_docs.yaml").read_text(encoding="utf-8")
    (home / "recipe.yaml").write_text(shipped.replace("data_docs: true", "data_docs: false").replace("max_reject_ratio: ", "max_reject_ratio: 1.0  # was "))
    command = [sys.executable, "-m", "gristmill.jobs.ingest_docs", "--recipe", str(home / "recipe.yaml"), "--lake", str(home / "lake"), "--input", str(home / "raw")]
    with (home / "said").open("wb") as said:
        running = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **SECRETS, "PYTHONPATH": str(ROOT)}, stdout=said, stderr=said, preexec_fn=processes.ends_with_us())
        listed: set[str] = set()
        heard: set[str] = set()
        while running.poll() is None:
            for each in [psutil.Process(running.pid), *processes.descendants(running.pid)]:
                with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                    listed.add(" ".join(each.cmdline()))
                    heard |= {c.laddr.ip for c in each.net_connections("inet") if c.status == psutil.CONN_LISTEN}
            time.sleep(0.05)
    return {"home": home, "code": running.returncode, "said": (home / "said").read_text(), "listed": listed, "heard": heard}


def planted_in(data: bytes) -> list[str]:
    return [name for name, value in SECRETS.items() if value.encode() in data]


def test_no_table_and_no_file_of_the_lake_holds_a_secret(ran: dict[str, Any]) -> None:
    assert ran["code"] == 0, ran["said"]
    lake, read = ran["home"] / "lake", []
    for table in catalog.ALL:
        if (lake / table.name).is_dir():
            rows = DeltaTable(str(lake / table.name)).to_pyarrow_table().to_pylist()
            assert planted_in(repr(rows).encode()) == []
            read += rows
    assert any("Stone number 3" in repr(row) for row in read), "rows are read as text"
    assert any(row.get("recipe") for row in read)
    for path in lake.rglob("*"):
        assert not path.is_file() or planted_in(path.read_bytes()) == [], path


def test_no_output_and_no_list_of_processes_shows_one(ran: dict[str, Any]) -> None:
    assert planted_in(ran["said"].encode()) == []
    assert "ingest_docs" in ran["said"]
    assert any("org.apache.spark.deploy.SparkSubmit" in line for line in ran["listed"]), "the JVM was seen"
    assert planted_in("\n".join(ran["listed"]).encode()) == []


def test_what_listens_does_so_on_this_machine_alone(ran: dict[str, Any]) -> None:
    assert ran["heard"], "driver and Python do listen"
    assert {ip.removeprefix("::ffff:") for ip in ran["heard"]} <= {"127.0.0.1", "::1"}
