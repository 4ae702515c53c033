"""The ranking by which a copy stays, as far as it is decided without Spark."""

from gristmill.jobs.dedup.ranking import Rank, repetition_position


def ranking(*criteria):
    return [Rank(by=by, prefer=prefer) for by, prefer in criteria]


def test_how_often_a_text_says_it_all_is_asked_before_its_length():
    assert repetition_position(ranking(("n_words", "high"), ("batch", "low"))) == 0
    assert repetition_position(ranking(("source", ["wiki"]), ("n_bytes", "high"))) == 1
    assert (
        repetition_position(ranking(("batch", "low"), ("n_words", "low"))) == 2
    )  # the shorter one is the single one anyway
    assert repetition_position([]) == 0
