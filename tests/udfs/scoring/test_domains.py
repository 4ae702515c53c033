"""A model of domains learns them from sources it saw, knows them in one it did not, and says how sure it is."""

import random

import numpy as np
import pyarrow as pa
import pytest

from gristmill.udfs.scoring.classifiers import from_bytes, to_bytes
from gristmill.udfs.scoring.domains import fit_domains, label_texts, raw_logits, softmax

WORDS = {
    "recipes": "oven flour butter salt simmer whisk dough bake onion garlic 烤箱 面粉 黄油 加盐 搅拌".split(),
    "law": "court statute appeal plaintiff verdict clause contract tort judge counsel 法院 条款 合同 原告 判决".split(),
    "code": "def return import class self lambda yield async raise None 函数 变量 编译 接口 指针".split(),
}
SPEC = {"features": "grams", "grams": {"unit": "chars", "min_n": 1, "max_n": 3, "buckets": 8192, "max_chars": 500}, "inverse_regularization": 20.0, "folds": 4}


def text_of(domain: str, draw: random.Random) -> str:
    plain = "the a of and to in 的 了 是 在 和".split()
    return " ".join(draw.choice(WORDS[domain] if draw.random() < 0.4 else plain) for _ in range(40))


def rows_of(n: int, sources: int = 6) -> pa.Table:
    draw = random.Random(5)
    made = [(text_of(domain, draw), domain, draw.choice(["en", "zh"]), f"{domain}-{i % sources}") for domain in WORDS for i in range(n)]
    return pa.table(dict(zip(("text", "label", "lang", "source"), map(list, zip(*made, strict=True)), strict=True)))


def test_domains_are_known_again_in_texts_that_taught_nothing() -> None:
    model, figures = fit_domains("domain", SPEC, rows_of(40))
    draw = random.Random(99)
    asked = [domain for domain in WORDS for _ in range(30)]
    found, shares = label_texts(model, pa.array([text_of(domain, draw) for domain in asked]))
    assert np.mean([one == other for one, other in zip(found, asked, strict=True)]) > 0.97
    assert figures["accuracy"] > 0.95
    assert figures["n"] == 120
    assert ((shares > 1 / 3) & (shares <= 1)).all()
    _, unsure = label_texts(model, pa.array(["the of and", "的 了", "", None]))
    assert unsure.max() < shares.mean(), "a text without a word of any domain leaves it less sure"


def test_the_same_examples_in_any_order_give_the_same_model_and_a_text_the_same_label_in_any_batch() -> None:
    rows = rows_of(12)
    model, figures = fit_domains("domain", SPEC, rows)
    mixed = rows.take(pa.array(np.random.default_rng(1).permutation(rows.num_rows)))
    again, told = fit_domains("domain", SPEC, mixed)
    assert (again.version, told) == (model.version, figures)
    texts = rows["text"].to_pylist()
    whole = label_texts(from_bytes(to_bytes(model)), pa.array(texts))
    one_by_one = [label_texts(model, pa.array([text])) for text in texts]
    assert whole[0] == [domains[0] for domains, _ in one_by_one]
    assert whole[1].tolist() == [float(shares[0]) for _, shares in one_by_one]


def test_a_domain_of_one_source_is_learnt_but_not_counted_in_the_figures() -> None:
    rows = rows_of(20)
    lonely = pa.array(["only" if label == "law" else source for label, source in zip(rows["label"].to_pylist(), rows["source"].to_pylist(), strict=True)])
    model, figures = fit_domains("domain", SPEC, rows.set_column(3, "source", lonely))
    assert model.spec["domains"] == ["code", "law", "recipes"]
    assert (figures["n"], figures["n_one_source"]) == (40, 20)
    assert "recall_law" not in figures
    assert label_texts(model, pa.array([" ".join(WORDS["law"] * 3)]))[0] == ["law"]


def test_one_domain_cannot_be_learnt() -> None:
    rows = rows_of(5)
    with pytest.raises(ValueError, match="all 5 examples are of the domain law"):
        fit_domains("domain", SPEC, rows.filter(pa.array([label == "law" for label in rows["label"].to_pylist()])))


def test_shares_of_a_text_are_one_together_and_no_text_has_none() -> None:
    model, _ = fit_domains("domain", SPEC, rows_of(10))
    shares = softmax(raw_logits(model, pa.array(["court", "烤箱", ""])) * model.spec["slope"])
    assert shares.shape == (3, 3)
    assert np.allclose(shares.sum(axis=1), 1)
    assert label_texts(model, pa.array([], pa.string()))[0] == []


def test_by_vectors_a_domain_taught_in_english_is_known_in_chinese() -> None:
    texts = {
        "recipes": ["Knead the dough and bake it in the oven.", "Fry the onions in butter with garlic.", "Boil the noodles and add salt.", "Whisk eggs, sugar and flour for the cake."],
        "law": ["The court dismissed the appeal.", "The plaintiff sued for breach of contract.", "The judge read the verdict.", "The statute limits liability of the company."],
    }
    rows = [(text, domain, "en", f"{domain}{i}") for domain, some in texts.items() for i, text in enumerate(some)]
    taught = pa.table(dict(zip(("text", "label", "lang", "source"), map(list, zip(*rows, strict=True)), strict=True)))
    model, _ = fit_domains("domain", {"features": "vectors", "grams": {"max_chars": 1000}, "inverse_regularization": 1.0, "folds": 3}, taught)
    asked = ["把面团揉好放进烤箱里烤。", "法院驳回了上诉。", "用黄油炒洋葱和大蒜。", "原告以违约为由提起诉讼。"]
    found, shares = label_texts(from_bytes(to_bytes(model)), pa.array(asked))
    assert found == ["recipes", "law", "recipes", "law"]
    assert [float(label_texts(model, pa.array([text]))[1][0]) for text in asked] == shares.tolist()
