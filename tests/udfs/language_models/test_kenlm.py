"""Language models by KenLM: trained here without a compiler, scored as KenLM itself scores."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pyarrow as pa
import pytest

from gristmill.udfs.language_models import kenlm_training
from gristmill.udfs.language_models.kenlm import (
    SCORES,
    LanguageModel,
    from_bytes,
    score_text,
    score_texts,
    sentences,
    to_bytes,
)

EN = ["The miller opened the gate and the wheel began to turn.", "The water fell on the wheel and the stones ground the grain.", "In the evening the miller closed the gate and the wheel stood still."]
ZH = ["磨坊主打开水闸，水车开始转动。", "水落在水车上，石磨把谷物磨成面粉。", "傍晚磨坊主关上水闸，水车停了下来。"]


@pytest.fixture(scope="module", params=["en", "zh"])
def model(request: pytest.FixtureRequest) -> LanguageModel:
    draw, texts = random.Random(3), EN if request.param == "en" else ZH
    corpus = ["\n".join(draw.sample(texts, 3)) for _ in range(30)]
    made, estimator, n = kenlm_training.train("lm", request.param, "words" if request.param == "en" else "chars", 4, 2000, corpus, -6.0, 0)
    assert (estimator in ("kaldingram", "lmplz"), n) == (True, 90)
    return made


def loss(model: LanguageModel, text: str) -> float:
    return score_text(model, text)[4]


def test_text_like_the_reference_is_likelier_than_the_same_tokens_scrambled(model: LanguageModel) -> None:
    text = EN[1] if model.lang == "en" else ZH[1]
    tokens = text.split() if model.lang == "en" else list(text)
    random.Random(1).shuffle(tokens)
    scrambled = (" " if model.lang == "en" else "").join(tokens)
    assert loss(model, text) < loss(model, scrambled) - 0.5
    assert loss(model, text) < loss(model, "ç£¨å\x9d\x8aä¸»æ\x89\x93å¼\x80") - 1


def test_the_numbers_are_kenlms_own(model: LanguageModel, tmp_path: Path) -> None:
    import kenlm

    (tmp_path / "m.arpa").write_bytes(model.blob)
    bare = kenlm.Model(str(tmp_path / "m.arpa"))
    text = "\n\n".join([*EN[:2], "an unseen zebra"] if model.lang == "en" else [*ZH[:2], "斑马"])
    lines = list(sentences(text, model.unit, model.max_chars))
    n, log_prob, oov, perplexity, found = score_text(model, text)
    assert n == sum(len(line.split(" ")) + 1 for line in lines)
    assert log_prob == pytest.approx(sum(bare.score(line) for line in lines) * math.log(10), abs=1e-3)
    assert perplexity == pytest.approx(math.exp(-log_prob / n), rel=1e-5)
    assert found == pytest.approx(-log_prob / n, abs=1e-5)
    unknown = sum(word not in bare for line in lines for word in line.split(" "))
    assert oov == pytest.approx(unknown / n, abs=1e-6)
    assert unknown >= 2
    assert log_prob > -6.1 * math.log(10) * n, "an unknown token costs log10 -6 and its back-off, not -100"


def test_hostile_text_is_scored_like_any_other(model: LanguageModel) -> None:
    texts = ["", None, " \n\t", "a\0b", "<s> </s> <unk>", "x" * 100_000, "\x1b[0m\r\n\u2028", EN[0]]
    rows = score_texts(model, pa.array(texts))
    assert (rows.num_rows, rows.schema) == (len(texts), SCORES)
    assert rows["n_tokens"].to_pylist()[:3] == [1, 1, 1]
    assert all(math.isfinite(value) and value > 0 for value in rows["perplexity"].to_pylist())
    assert score_texts(model, pa.array([], pa.string())).num_rows == 0


def test_a_model_travels_as_bytes_and_training_again_gives_the_same(model: LanguageModel) -> None:
    assert from_bytes(to_bytes(model)) == model
    with pytest.raises(ValueError, match="not a model of train_lm"):
        from_bytes(b"nothing")


def test_digits_are_one_by_one_and_marks_stand_alone() -> None:
    assert list(sentences("Room 42, PLEASE!\n\n  \nÉté.", "words", 100)) == ["room 4 2 , please !", "été ."]
    assert list(sentences("水 车\n转", "chars", 100)) == ["水 车", "转"]
    assert list(sentences("abc", "words", 0)) == []


def test_an_arpa_without_an_unknown_token_gets_one() -> None:
    arpa = b"\\data\\\nngram 1=2\n\n\\1-grams:\n-0.3\t</s>\n-0.3\ta\n\\end\\\n"
    assert kenlm_training.with_unknown(arpa, -6.0) == b"\\data\\\nngram 1=3\n\n\\1-grams:\n-6.000000\t<unk>\n-0.3\t</s>\n-0.3\ta\n\\end\\\n"
    assert kenlm_training.with_unknown(kenlm_training.with_unknown(arpa, -6.0), -5.0).count(b"<unk>") == 1
    with pytest.raises(ValueError, match="not an ARPA file"):
        kenlm_training.with_unknown(b"x", -6.0)
    with pytest.raises(ValueError, match="no text to learn from"):
        kenlm_training.train("lm", "en", "words", 3, 100, [" \n"], -6.0, 0)
