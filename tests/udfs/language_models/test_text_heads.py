"""What a classifier puts out becomes a score between 0 and 1, by what the recipe says of its head."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from gristmill.udfs.language_models import causal_lm, text_heads
from gristmill.udfs.language_models.text_heads import Head, judged

NAMES = ["bad", "fair", "good"]


def share(*odds: float) -> float:
    return math.exp(odds[0]) / sum(math.exp(each) for each in odds)


def test_a_regression_is_kept_as_it_is_and_scored_between_its_ends() -> None:
    raw, score, detail = judged(np.array([[-0.4], [0.0], [2.5], [5.0], [5.6]]), ["score"], Head("regression", None, 0.0, 5.0))
    assert raw.tolist() == [-0.4, 0.0, 2.5, 5.0, 5.6]
    assert score.tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert detail == [None] * 5


def test_of_classes_the_share_of_the_named_ones_counts_and_the_likeliest_is_told() -> None:
    logits = np.array([[0.0, 1.0, 2.0], [3.0, 1.0, 0.0]])
    one = judged(logits, NAMES, Head("softmax", ("good",)))
    assert one[1] == pytest.approx([share(2, 0, 1), share(0, 3, 1)], abs=1e-4)
    two = judged(logits, NAMES, Head("softmax", ("good", "fair")))
    assert two[1] == pytest.approx([1 - share(0, 1, 2), 1 - share(3, 1, 0)], abs=1e-4)
    assert two[0] == pytest.approx([math.log(math.exp(1) + math.exp(2)), math.log(math.exp(1) + 1) - 3], abs=1e-4), "log odds"
    assert [json.loads(each) for each in two[2]] == [{"label": "good", "share": pytest.approx(share(2, 0, 1), abs=1e-4)}, {"label": "bad", "share": pytest.approx(share(3, 1, 0), abs=1e-4)}]
    assert judged(logits, NAMES, Head("softmax", None))[1] == pytest.approx([share(2, 0, 1), share(3, 1, 0)], abs=1e-4), "no label named: the likeliest"


def test_of_labels_that_may_stand_together_the_strongest_named_one_counts() -> None:
    raw, score, detail = judged(np.array([[2.0, -1.0, 0.5]]), ["toxic", "threat", "insult"], Head("sigmoid", ("threat", "insult")))
    assert (raw[0], score[0]) == (0.5, pytest.approx(1 / (1 + math.exp(-0.5))))
    assert json.loads(str(detail[0])) == {"label": "toxic", "share": pytest.approx(1 / (1 + math.exp(-2)), abs=1e-4)}


def test_a_certain_model_stays_inside_the_ends_and_no_rows_give_none() -> None:
    raw, score, _ = judged(np.array([[-500.0, 0.0, 500.0], [500.0, 0.0, -500.0]]), NAMES, Head("softmax", ("good",)))
    assert raw.tolist() == [30.0, -30.0]
    assert (score > 0).all()
    assert (score < 1).all()
    assert [len(each) for each in judged(np.zeros((0, 3)), NAMES, Head("softmax", None))] == [0, 0, 0]


@pytest.mark.skipif(not causal_lm.missing(), reason="torch and transformers are installed here: nothing to miss")
def test_the_kernel_names_what_is_missing() -> None:
    with pytest.raises(RuntimeError, match=r"torch and transformers not installed in this Python; pip install 'gristmill\[loss\]'"):
        text_heads.load("nowhere", "cpu")
