"""One lease, many who want it: one has it at a time, a dead owner's is taken over, a live one's is not, and no wall clock is asked."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs.core.errors import RetryLater
from gristmill.jobs.leases.lease import Lease, Register, Seen, Terms

LONG = Terms(seconds=60, beat_seconds=0.1, poll_seconds=0.005)  # a machine with too much to do is no dead owner
SHORT = Terms(seconds=0.6, beat_seconds=0.1, poll_seconds=0.02)


class FileRegister:
    """A register in a file of this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Seen | None:
        text = self.path.read_text() if self.path.is_file() else ""
        return Seen(text, text) if text else None

    def swap(self, seen: Seen | None, text: str) -> Seen | None:
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.read() != seen:
                return None
            part = self.path.with_suffix(".part")
            part.write_text(text)
            part.replace(self.path)
            return Seen(text, text)


@pytest.fixture(autouse=True)
def no_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked() -> float:
        raise AssertionError("the wall clock was asked")

    monkeypatch.setattr("gristmill.jobs.leases.lease.time.time", asked, raising=False)


def lease(register: Register, terms: Terms = LONG, name: str = "job-x") -> Lease:
    return Lease("s3a://b/lake", name, register, terms)


def at_once(n: int, act: Callable[[], Any]) -> list[Any]:
    """What `n` threads got that did the same at the same moment, errors included."""
    got: list[Any] = []
    gate = threading.Barrier(n)

    def one() -> None:
        gate.wait()
        try:
            got.append(act())
        except Exception as error:
            got.append(error)

    threads = [threading.Thread(target=one) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


def race(registers: Callable[[], Register], home: Path, n: int, rounds: int) -> None:
    """`n` threads add to a number, `rounds` times each, by reading and writing it apart."""
    number = home / "number"
    number.write_text("0")

    def add() -> None:
        for _ in range(rounds):
            with lease(registers()).held(wait=True):
                now = int(number.read_text())
                time.sleep(0.001)
                number.write_text(str(now + 1))

    assert at_once(n, add) == [None] * n
    assert number.read_text() == str(n * rounds)


def test_of_many_one_has_it_at_a_time_and_each_gets_it(tmp_path: Path) -> None:
    race(lambda: FileRegister(tmp_path / "lease"), tmp_path, n=6, rounds=20)


def test_who_does_not_wait_is_told_who_has_it(tmp_path: Path) -> None:
    register = FileRegister(tmp_path / "lease")
    with lease(register).held(wait=False):
        for _ in range(2):
            with pytest.raises(RetryLater, match=r"another process \(.*, pid \d+\) runs x; run the same command again"), lease(register).held(wait=False):
                pytest.fail("two have it")
    with lease(register).held(wait=False) as ours:
        ours.check()


def test_of_several_at_once_that_do_not_wait_one_gets_it(tmp_path: Path) -> None:
    register, all_have_asked = FileRegister(tmp_path / "lease"), threading.Barrier(5)

    def once() -> str:
        try:
            with lease(register).held(wait=False):
                all_have_asked.wait(60)
                return "had it"
        except RetryLater:
            all_have_asked.wait(60)
            return "75"

    assert sorted(at_once(5, once)) == ["75"] * 4 + ["had it"]


def test_a_dead_owner_is_followed_after_the_term_and_loses_what_it_had(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register = FileRegister(tmp_path / "lease")
    dead = lease(register, SHORT)
    assert dead._take(wait=False) is None  # and no beat follows
    began = time.monotonic()
    with lease(register, SHORT).held(wait=False) as next_one:
        assert time.monotonic() - began >= SHORT.seconds
        assert "gave no sign of life for 1 s; its lease of job-x is taken over" in capsys.readouterr().err
        with pytest.raises(RetryLater, match="the lease of job-x was lost"):
            dead.check()
        dead._ended.wait = lambda _: False  # type: ignore[method-assign]  # it wakes up, and beats
        dead._keep()
        assert dead._is_lost
        next_one.check()
        held = register.read()
        assert held is not None
        assert (held.id, held.is_held) == (next_one._id, True)


def test_a_long_job_keeps_its_lease_beyond_the_term(tmp_path: Path) -> None:
    register = FileRegister(tmp_path / "lease")
    terms = Terms(seconds=3, beat_seconds=0.05, poll_seconds=0.02)
    with lease(register, terms).held(wait=False) as ours:
        for _ in range(4):
            time.sleep(1)
            with pytest.raises(RetryLater, match="another process"), lease(register, terms).held(wait=False):
                pytest.fail("two have it")
            ours.check()


class Faulty(FileRegister):
    """A register whose changes are made, but whose answers are lost, or that does not answer at all."""

    answers_are_lost = is_silent = False

    def swap(self, seen: Seen | None, text: str) -> Seen | None:
        if self.is_silent:
            raise OSError("no route to host")
        made = super().swap(seen, text)
        if self.answers_are_lost:
            super().swap(Seen(text, text), text)
            return None  # what a client that asks again says
        return made


def test_a_change_whose_answer_was_lost_is_found_again(tmp_path: Path) -> None:
    register = Faulty(tmp_path / "lease")
    register.answers_are_lost = True
    with lease(register).held(wait=False) as ours:
        time.sleep(0.5)
        ours.check()
        assert ours._beats > 1
    assert not json.loads(register.read().text)["held"]  # type: ignore[union-attr]


def test_who_cannot_reach_the_store_stops_before_another_may_follow(tmp_path: Path) -> None:
    register = Faulty(tmp_path / "lease")
    with lease(register, SHORT).held(wait=False) as ours:
        register.is_silent = True
        with contextlib.suppress(RetryLater):
            while True:
                ours.check()
                other = FileRegister(tmp_path / "lease").read()
                assert other is not None
                assert other.id == ours._id
                time.sleep(0.02)
        register.is_silent = False


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A bucket of an S3 server, in the environment of this process."""
    from tests.support import processes
    from tests.support.s3 import BUCKET, S3Server

    pytest.importorskip("obstore")
    server = S3Server(tmp_path_factory.mktemp("s3"), dict(os.environ))
    try:
        server.await_ready()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in server.environment().items():
                patch.setenv(name, value)
            yield f"s3a://{BUCKET}"
    finally:
        processes.end([server.server])


@pytest.mark.lake_kinds("s3")
def test_objects_of_s3_are_registers(bucket: str, tmp_path: Path) -> None:
    from gristmill.jobs.leases.objects import ObjectRegister

    one, other = (ObjectRegister(f"{bucket}/registers/a") for _ in range(2))
    assert one.read() is None
    first = one.swap(None, '{"n": 1}')
    assert first is not None
    assert other.read() == first
    assert other.swap(None, '{"n": 2}') is None
    second = other.swap(first, '{"n": 2}')
    assert second is not None
    assert one.swap(first, '{"n": 3}') is None
    assert one.read() == second
    assert ObjectRegister(f"{bucket}/registers/b").swap(first, "{}") is None
    for i in range(20):
        at = f"{bucket}/registers/race-{i}"
        made = at_once(8, lambda at=at: ObjectRegister(at).swap(None, json.dumps({"by": threading.get_ident()})))  # type: ignore[misc]
        [winner] = [each for each in made if each is not None]
        assert ObjectRegister(at).read() == winner
        changed = at_once(8, lambda at=at, winner=winner: ObjectRegister(at).swap(winner, json.dumps({"then": threading.get_ident()})))  # type: ignore[misc]
        assert len([each for each in changed if each is not None]) == 1
    race(lambda: ObjectRegister(f"{bucket}/registers/lease"), tmp_path, n=4, rounds=10)


@pytest.mark.lake_kinds("s3")
def test_a_store_that_does_not_answer_is_worth_another_try(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from gristmill.jobs.leases import objects

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    register = objects.ObjectRegister("s3a://nobody/x")
    for ask in (register.read, lambda: register.swap(None, "{}")):
        with pytest.raises(RetryLater, match="s3a://nobody/x: no answer of the store"):
            ask()
