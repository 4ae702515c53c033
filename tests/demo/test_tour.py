"""What `make demo` says while it waits, and what it says when it is stopped."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gristmill.demo import tour

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tour, "LOG", tmp_path / "cache" / "worker.log")


def test_an_installation_is_shown_once_it_is_waited_for(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tour, "SHOWN_SECONDS", 0.3)
    beside = tour.Installation("sh -c 'echo first; sleep 1; echo last'")
    assert capfd.readouterr().out == ""
    assert beside.finished()
    said = capfd.readouterr().out.splitlines()
    assert [line for line in said if line in ("first", "last")] == ["first", "last"]
    assert any("goes on since" in line for line in said)
    assert "done after" in said[-1]


def test_an_installation_that_fails_says_why(capfd: pytest.CaptureFixture[str]) -> None:
    assert not tour.Installation("sh -c 'echo no room; exit 1'").finished()
    assert "no room" in capfd.readouterr().out


def test_an_installation_that_is_not_needed_any_more_is_ended() -> None:
    beside = tour.Installation("sleep 60")
    beside.stop()
    assert beside.process.returncode


@pytest.mark.parametrize("is_curated", [False, True])
def test_what_is_stopped_says_what_stands_and_how_to_go_on(is_curated: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tour.page_of(str(tmp_path / "lake"))
    if is_curated:
        page.parent.mkdir(parents=True)
        page.touch()
    tour.print_stopped(argparse.Namespace(lake=str(tmp_path / "lake"), synthesis="s.yaml", worker="w.yaml", again="make demo LAKE=here"))
    said = capsys.readouterr().out
    assert "go on:  make demo LAKE=here" in said
    assert (str(page) in said, f"gristmill worker --recipe w.yaml --lake {tmp_path / 'lake'}" in said) == (is_curated, is_curated)


CHILD = """
import signal, sys, time
def keep(*_):
    time.sleep(.5)
    print("kept", flush=True)
    sys.exit(130)
signal.signal(signal.SIGINT, keep)
print("runs", flush=True)
time.sleep(60)
"""
PARENT = """
import sys
from gristmill.demo import tour
from gristmill.demo.tour import run_whole
tour.STOP_SECONDS = 2
try:
    run_whole([sys.executable, "-c", sys.argv[1]])
except KeyboardInterrupt:
    print("stopped")
"""


def test_ctrl_c_waits_until_the_worker_has_kept_what_it_did() -> None:
    command = [sys.executable, "-c", PARENT, CHILD]
    parent = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "runs\n"
    os.killpg(parent.pid, signal.SIGINT)
    assert parent.communicate(timeout=30)[0].split() == ["kept", "stopped"]


def test_a_worker_that_does_not_answer_ctrl_c_is_ended() -> None:
    deaf = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('runs', flush=True)\ntime.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, deaf], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "runs\n"
    os.killpg(parent.pid, signal.SIGINT)
    assert parent.communicate(timeout=30)[0] == "stopped\n"
