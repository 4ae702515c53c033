"""A Params class with what nobody would read fails when its job is made, and so when its module is imported."""

from __future__ import annotations

import pytest

from gristmill.jobs import curate
from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.params import Filtered, LeavesOut, check_params
from gristmill.jobs.runner.job import Job, Writes


def made(params: type[Strict], table: str = "edits", by_document: bool = False) -> Job:
    return Job("toy", params, reads=("docs",), writes=(Writes(table, "batch"),), steps=(), by_document=by_document)


def test_a_misspelt_field_is_told_from_one_of_the_jobs_own() -> None:
    class Misspelt(Strict):
        skip_rejects_by: list[str]

    class Own(Strict):
        colours: list[str]

    with pytest.raises(TypeError, match=r"Misspelt\.skip_rejects_by: nobody reads it; did you mean skip_rejected_by\?"):
        made(Misspelt)
    assert made(Own).params is Own


def test_a_misspelt_method_is_found_too() -> None:
    class Misspelt(Strict):
        def note(self) -> list[str]:
            return []

    with pytest.raises(TypeError, match="did you mean notes"):
        made(Misspelt)


def test_a_field_under_its_right_name_that_its_base_does_not_declare_would_not_be_read_either() -> None:
    class Bare(Strict):
        skip_rejected_by: list[str]

    with pytest.raises(TypeError, match="skip_rejected_by: declared by Filtered: derive from it"):
        made(Bare)

    class Method(Strict):
        preload: bool

    with pytest.raises(TypeError, match="preload: wanted a method"):
        made(Method)


def test_a_job_whose_work_hangs_on_verdicts_or_that_writes_them_says_so_in_its_parameters() -> None:
    class Bare(Strict):
        words: int

    with pytest.raises(TypeError, match="needs skip_rejected_by: derive it from Filtered"):
        made(Bare, by_document=True)
    with pytest.raises(TypeError, match="needs min_kept: derive it from LeavesOut"):
        made(Bare, "verdicts")


def test_both_bases_at_once_are_fine() -> None:
    class Both(Filtered, LeavesOut):
        words: int

    assert made(Both, "verdicts", by_document=True).params is Both
    check_params(Both, Filtered, LeavesOut)


@pytest.mark.parametrize("name", curate.job_names())
def test_the_state_that_steps_take_is_the_one_that_their_job_makes(name: str) -> None:
    job = curate.find_job(name)
    taken = {function.__annotations__["tables"] for function in (*job.steps, job.count) if function is not None}
    wanted = set() if job.state is None else {f"JobContext[{job.state.__name__}]"}
    assert taken - {"JobContext"} == wanted
