"""The ranking by which a copy stays, as far as it is decided without Spark."""

from gristmill.jobs.dedup.ranking import Rank, place_of_times


def ranking(*criteria):
    return [Rank(by=by, prefer=prefer) for by, prefer in criteria]


def test_how_often_a_text_says_it_all_is_asked_before_its_length():
    assert place_of_times(ranking(("n_words", "high"), ("batch", "low"))) == 0
    assert place_of_times(ranking(("source", ["wiki"]), ("n_bytes", "high"))) == 1
    assert (
        place_of_times(ranking(("batch", "low"), ("n_words", "low"))) == 2
    )  # the shorter one is the single one anyway
    assert place_of_times([]) == 0
