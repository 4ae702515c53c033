"""What the worker tells while an engine starts, and that Ctrl-C is answered there too."""

from __future__ import annotations

import json
import logging
import logging.config
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.fake_openai import FakeServer
from gristmill.synth_worker.calls import starting
from tests.synth_worker.conftest import documents, make_lake, outcome, start_worker

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Logger]:
    """vLLM's logger, settled as its own process settles it by the file that is named in the environment."""
    for name in ("VLLM_LOGGING_CONFIG_PATH", "VLLM_CONFIGURE_LOGGING", starting.BEGAN):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "ERROR")
    starting.configure_log()
    given = Path(os.environ["VLLM_LOGGING_CONFIG_PATH"])
    logging.config.dictConfig(json.loads(given.read_text()))
    given.unlink()
    yield logging.getLogger("vllm")
    logging.getLogger("vllm").handlers.clear()
    os.environ.pop("VLLM_LOGGING_CONFIG_PATH")


def test_steps_of_the_start_are_told_with_seconds_and_the_rest_of_the_log_is_not(log: logging.Logger, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv(starting.BEGAN, str(time.time() - 40))
    log.getChild("v1.worker").info("Starting to load model %s...", "small")
    log.info("something else of vLLM's")
    said = capfd.readouterr()
    assert said.err.split(maxsplit=3)[:1] == ["synth_worker"]
    assert 40 <= float(said.err.split()[1]) < 50
    assert said.err.endswith("s  loading weights\n")
    assert said.out == ""


def test_errors_of_the_engine_are_shown_as_vllm_has_it(log: logging.Logger) -> None:
    stream = next(each for each in log.handlers if isinstance(each, logging.StreamHandler))
    assert (stream.level, stream.stream.name) == (logging.ERROR, sys.stdout.name)


def test_a_log_that_the_user_settled_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_LOGGING_CONFIG_PATH", "mine.json")
    starting.configure_log()
    assert os.environ["VLLM_LOGGING_CONFIG_PATH"] == "mine.json"


def test_a_worker_that_is_stopped_by_ctrl_c_says_how_to_go_on_and_loses_no_answer(tmp_path: Path, write_recipe: Callable[..., Path]) -> None:
    make_lake(tmp_path / "lake", documents(40), part_size=8)
    server = FakeServer(rate=900)
    recipe = write_recipe(server.start())
    worker = start_worker(recipe, tmp_path / "lake")
    until = time.monotonic() + 60
    while server.calls["all"] < 20:
        assert time.monotonic() < until, "no calls"
        time.sleep(0.02)
    worker.send_signal(signal.SIGINT)
    _, told = worker.communicate(timeout=60)
    assert worker.returncode == 130, told
    assert "stopped; what was answered is kept: run the same command to go on" in told
    assert "Traceback" not in told
    again = start_worker(recipe, tmp_path / "lake")
    _, told = again.communicate(timeout=120)
    assert again.returncode == 0, told
    assert len(outcome(tmp_path / "lake")) == 40


BLOCKED = """
import asyncio, sys, time
from gristmill.synth_worker.calls.engines import VllmEngine
from gristmill.synth_worker.recipe import load
class Slow(VllmEngine):
    def _start(self):
        print("starts", flush=True)
        time.sleep(60)
spec = load("conf/synth_worker_cpu.yaml")[0]
asyncio.run(Slow(spec.engine).start())
"""


def test_ctrl_c_is_answered_while_the_engine_starts() -> None:
    worker = subprocess.Popen([sys.executable, "-c", BLOCKED], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "starts\n"
    worker.send_signal(signal.SIGINT)
    assert worker.wait(timeout=10) != 0
