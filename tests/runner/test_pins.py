"""Which version readers open and which runs still stand, by rows of the run log alone: tables dropped, made anew, rolled back, changed."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.jobs.lake.history import Commit, TableState, commit_from_actions, commit_of
from gristmill.jobs.runner.pins import Pin, pinned, with_commits


def state(version: int, table_id: str = "A") -> TableState:
    return TableState(table_id, version, {}, Commit(version, "WRITE", "", None, True))


def run(name: str, began: int, ended: int, *, wrote: int | None = None, opened: int | None = None, table_id: str = "A", **other: Any) -> list[dict[str, Any]]:
    """The two rows of a run that found the table t at version `opened` and left it at `wrote`."""
    common = {"run_id": name, "job": other.pop("job", "judge"), "batches": other.pop("batches", ["b1"]), "recipe": "{}"}
    nothing = {"versions_read": None, "versions_written": None, "table_ids": None}
    read, written = ({} if opened is None else {"t": opened}), ({} if wrote is None else {"t": wrote})
    ids = {"table_ids": {"t": table_id}} if table_id else {"table_ids": None}
    return [
        {**common, **nothing, "status": "started", "at": began},
        {**common, "versions_read": read, "versions_written": written, **ids, "status": "finished", "at": ended, **other},
    ]


def rows(*runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted((row for each in runs for row in each), key=lambda row: row["at"])


ONE = run("one", 0, 1, wrote=3, opened=0)
TWO = run("two", 2, 3, wrote=5, opened=3)


def test_readers_open_what_the_last_finished_run_left() -> None:
    assert pinned("t", rows(ONE, TWO), state(5)) == Pin(5, frozenset({"one", "two"}))
    assert pinned("t", rows(ONE, TWO), state(6)) == Pin(5, frozenset({"one", "two"})), "version 6 is of a run that died, or is still on"
    assert pinned("t", rows(ONE, TWO)[:-1], state(5)).version == 3, "a run without its finished row is not there"
    assert pinned("other", rows(ONE), state(5)) == Pin()


def test_of_runs_at_the_same_time_the_larger_version_holds_the_rows_of_both() -> None:
    late = run("late", 0, 9, wrote=4, opened=3)
    early = run("early", 1, 5, wrote=6, opened=3)
    assert pinned("t", rows(ONE, late, early), state(6)) == Pin(6, frozenset({"one", "late", "early"}))


def test_a_dropped_table_covers_nothing() -> None:
    assert pinned("t", rows(ONE, TWO), None) == Pin(trouble="it was dropped")


def test_a_table_made_anew_covers_only_what_was_written_to_it_since() -> None:
    assert pinned("t", rows(ONE, TWO), state(7, "B")) == Pin(trouble="it was made anew")
    new = run("new", 4, 5, wrote=1, opened=0, table_id="B")
    assert pinned("t", rows(ONE, TWO, new), state(1, "B")) == Pin(1, frozenset({"new"}), "it was made anew")


def test_a_table_rolled_back_keeps_the_runs_before_and_loses_those_behind() -> None:
    assert pinned("t", rows(ONE, TWO), state(4)) == Pin(3, frozenset({"one"}), "it was rolled back")
    again = run("again", 4, 5, wrote=5, opened=4)
    found = pinned("t", rows(ONE, TWO, again), state(5))
    assert (found.version, found.runs) == (5, {"one", "again"}), "version 5 of today is not that of the run before"
    idle = run("idle", 4, 5, opened=4)
    found = pinned("t", rows(ONE, TWO, idle), state(8))
    assert (found.version, found.runs) == (3, {"one", "idle"}), "a run that wrote nothing saw that version 5 was gone"


def test_a_run_that_replaced_nothing_by_nothing_undoes_nobody() -> None:
    assert pinned("t", rows(ONE, TWO, run("empty", 4, 5, wrote=5, opened=5)), state(5)).runs == {"one", "two", "empty"}


def test_a_run_that_found_its_rows_left_by_one_that_died_and_added_none_stands() -> None:
    died = run("died", 0, 1, wrote=1, opened=0)[:1]
    again = run("again", 2, 3, opened=1)
    assert pinned("t", rows(died, again), state(1)) == Pin(None, frozenset({"again"}))
    assert pinned("t", rows(died, again), None).runs == frozenset(), "until the table is dropped"
    assert pinned("t", rows(died, again), state(1, "B")).runs == frozenset(), "or made anew"


def test_rows_from_before_ids_were_kept_count_for_the_table_that_is_there() -> None:
    old = run("old", 0, 1, wrote=3, table_id="")
    assert pinned("t", rows(old, run("older", -2, -1, wrote=1, table_id="")), state(3)) == Pin(3, frozenset({"old", "older"}))


def test_a_noted_change_by_somebody_else_ends_what_stood_until_jobs_write_again() -> None:
    change = [note(4, 6, "A", [])]
    assert pinned("t", rows(ONE, TWO, change), state(6)) == Pin(None, frozenset(), "changed")
    again = run("again", 5, 6, wrote=7, opened=6)
    found = pinned("t", rows(ONE, TWO, change, again), state(7))
    assert (found.version, found.runs) == (7, {"again"})
    repaired = run("fix", 5, 6, wrote=6, job="repair", batches=["b1"])
    found = pinned("t", rows(ONE, run("two", 2, 3, wrote=5, opened=3, batches=["b2"]), change, repaired), state(6))
    assert (found.version, found.runs, found.trouble) == (6, {"one", "fix"}, None), "of the batches that the repair accepted"


def note(at: int, version: int, table_id: str, standing: list[str]) -> dict[str, Any]:
    """What the engine writes down when it finds that somebody else changed the table t."""
    return {
        "run_id": f"note {at}", "job": "foreign", "batches": [], "status": "foreign", "at": at, "recipe": json.dumps({"told": "changed", "standing": standing}),
        "versions_read": None, "versions_written": {"t": version}, "table_ids": {"t": table_id},
    }  # fmt: skip


def commit(version: int, *, changes: bool, run_id: str | None = None) -> Commit:
    return Commit(version, "OPTIMIZE" if not changes else "DELETE", "ann", run_id, changes)


def test_commits_that_change_no_row_move_the_pin_and_one_of_somebody_else_that_does_ends_it() -> None:
    pin = Pin(5, frozenset({"one"}))
    assert with_commits(pin, [commit(6, changes=False), commit(7, changes=False)]) == Pin(7, frozenset({"one"}))
    assert with_commits(pin, [commit(6, changes=False), commit(7, changes=True, run_id="ours"), commit(8, changes=False)]).version == 6
    found = with_commits(pin, [commit(6, changes=True)])
    assert (found.version, found.runs, found.trouble) == (5, frozenset(), "version 6 (DELETE, ann) was not written by Gristmill")


def test_a_run_that_read_a_moved_version_keeps_the_pin_there() -> None:
    reader = [{**row, "versions_written": {}, "table_ids": {}} for row in run("reader", 4, 5, opened=8)]
    assert pinned("t", rows(ONE, TWO, reader), state(9)).version == 8


def test_a_commit_says_by_its_actions_whether_rows_changed_and_by_its_note_whose_it_is() -> None:
    info = {"commitInfo": {"operation": "WRITE", "userMetadata": json.dumps({"run_id": "r", "job": "j"})}}
    assert commit_from_actions(3, [info, {"add": {"dataChange": True}}]) == Commit(3, "WRITE", "", "r", True)
    assert not commit_from_actions(3, [{"commitInfo": {"operation": "WRITE"}}, {"add": {"dataChange": False}}]).changes_rows, "compacted by hand"
    assert commit_from_actions(3, []).changes_rows, "a commit that was cleaned up may have been anything"
    assert commit_of(3, "RESTORE", "not JSON", "", None) == Commit(3, "RESTORE", "", None, True)
    assert not commit_of(3, "VACUUM END", None, "", None).changes_rows


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["write", "care", "drop", "back", "change", "dead"]), min_size=1, max_size=14), st.data())
def test_a_run_stands_exactly_as_long_as_its_commit_is_in_the_table(acts: list[str], data: st.DataObject) -> None:
    """A table as a list of commits, whatever is done to it between runs: what stands is what an all-knowing reader finds."""
    log: list[dict[str, Any]] = []
    history: list[tuple[str, str | None]] = []  # (kind, run id) of each version
    ended: set[str | None] = set()  # runs before a change that was noted
    table_id, finished = "0", set()
    for clock, act in enumerate(acts):
        if act == "drop":
            history, table_id = [], str(clock)
        elif act == "back" and history:
            history = history[: data.draw(st.integers(1, len(history)))]
        elif act in ("care", "change") and history:
            history.append((act, None))
        elif act in ("write", "dead"):
            opened, pin, name = len(history) - 1 if history else None, looked_at(log, history, table_id), f"r{clock}"
            if pin.is_unnoted:
                ended |= {run_id for _, run_id in history} - pin.runs
                log.append(note(4 * clock, len(history) - 1, table_id, sorted(pin.runs)))
            history += [("made", None)] if not history else []
            history.append(("write", name))
            both = run(name, 4 * clock + 1, 4 * clock + 2, wrote=len(history) - 1, opened=opened, table_id=table_id)
            log += both if act == "write" else both[:1]
            finished |= {name} if act == "write" else set()
    changed = max((i for i, (kind, _) in enumerate(history) if kind == "change"), default=-1)
    true = {run_id for i, (_, run_id) in enumerate(history) if i > changed and run_id in finished - ended}
    pin = looked_at(log, history, table_id)
    if not history:
        assert not pin.runs
        return
    assert set(pin.runs) == true
    if true:
        assert pin.version is not None
        newest = max(i for i, (_, run_id) in enumerate(history) if run_id in true)
        assert newest <= pin.version
        assert all(kind in ("care", "made") for kind, _ in history[newest + 1 : pin.version + 1])


def looked_at(log: list[dict[str, Any]], history: list[tuple[str, str | None]], table_id: str) -> Pin:
    """The pin as the engine finds it (gristmill.jobs.runner.run_log): by the log, by the commits that its runs made, by the commits behind."""
    now = state(len(history) - 1, table_id) if history else None
    gone: set[str] = set()
    found = pinned("t", log, now)
    while found.last_commit is not None and history[found.last_commit[0]][1] != found.last_commit[1]:
        gone.add(found.last_commit[1])
        found = pinned("t", log, now, gone)
    if found.version is None:
        return found
    behind = [Commit(i, kind, "", run_id, kind == "write" or kind == "change") for i, (kind, run_id) in enumerate(history) if i > found.version]
    return with_commits(found, behind)
