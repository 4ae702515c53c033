"""Learnt scorers: they learn, they travel as bytes, and neither the order of examples nor the batch moves a score."""

from __future__ import annotations

import json
import pickle
import random
from dataclasses import asdict, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from gristmill.udfs.rules import measures
from gristmill.udfs.scoring import classifiers, linear, training, trees
from gristmill.udfs.scoring.classifiers import from_bytes, logits, probability, to_bytes
from gristmill.udfs.scoring.grams import GramParams
from gristmill.udfs.scoring.trees import MEASURES

GOOD = ["The river carries silt to the delta, and the delta grows into the sea.", "A proof begins with what is known and ends with what was asked.", "水车把谷物磨成面粉，村民们每天清晨都来。", "函数在闭区间上连续，因此取得最大值。"]
BAD = ["CLICK here!!! win $$$ free prize now >>> www", "Home | About | Contact | Login | Cart (0) | FAQ", "加微信领红包！！！点击链接 免费 退订回T", "首页 | 登录 | 注册 | 购物车 | 联系我们"]
SPECS = {
    "linear": {"folds": 3, "inverse_regularization": 20.0, "length_bins": 2, "grams": asdict(GramParams(buckets=1 << 12))},
    "trees": {"folds": 3, "trees": 20, "learning_rate": 0.1, "leaves": 7, "feature_fraction": 0.5},
    "fasttext": {"folds": 3, "epoch": 20, "lr": 0.5, "dim": 8, "wordNgrams": 2, "minn": 4, "maxn": 5, "bucket": 1000, "minCount": 1, "max_chars": 500},
    "importance_weights": {"folds": 3, "max_n": 2, "buckets": 1000, "smoothing": 1.0, "max_chars": 500, "count_repeats": False},
    "word_stats": {"folds": 3, "vocabulary_sizes": [10, 100], "inverse_regularization": 1.0, "max_chars": 500, "count_repeats": True},
}


def test_each_kind_has_numbers_to_try_it_with() -> None:
    assert set(SPECS) == set(classifiers.KINDS), "SPECS: the numbers with which every test of this file tries a kind"


def examples(seed: int = 0, n: int = 120) -> pa.Table:
    draw = random.Random(seed)
    rows = []
    for i in range(n):
        label = i % 2
        texts = GOOD if label else BAD
        text = " ".join(draw.choice(texts) for _ in range(draw.randint(2, 5)))
        rows.append((text + f" {i}", label, "zh" if text[0] > "\u2fff" else "en", f"page-{i // 4}"))
    draw.shuffle(rows)
    table = pa.table({name: [row[k] for row in rows] for k, name in enumerate(("text", "label", "lang", "group"))})
    measured = measures.measure_texts(table["text"])
    for name in MEASURES:
        table = table.append_column(name, measured[name])
    return table


@pytest.fixture(scope="module", params=sorted(classifiers.KINDS))
def trained(request: pytest.FixtureRequest) -> tuple[str, classifiers.Classifier, dict[str, float], pa.Table]:
    rows = examples()
    model, figures, _ = training.fit("m", request.param, SPECS[request.param], rows)
    return request.param, model, figures, rows


def test_a_model_tells_good_from_bad_on_pages_it_has_not_seen(trained: tuple) -> None:
    _, model, figures, _ = trained
    assert figures["auc"] > 0.95
    assert figures["n"] == 120
    unseen = examples(seed=5, n=40)
    scores = probability(logits(model, unseen))
    labels = np.asarray(unseen["label"])
    assert scores[labels == 1].min() > scores[labels == 0].max()
    assert ((scores >= 0) & (scores <= 1)).all()


def test_the_same_examples_in_another_order_give_the_same_model(trained: tuple) -> None:
    kind, model, _, rows = trained
    shuffled = rows.take(pa.array(np.random.default_rng(1).permutation(rows.num_rows)))
    again, _, _ = training.fit("m", kind, SPECS[kind], shuffled)
    assert (again.version, to_bytes(again)) == (model.version, to_bytes(model))


@pytest.mark.parametrize("kind", ["linear", "trees"])
def test_one_text_on_several_pages_gives_the_same_model_in_any_order(kind: str) -> None:
    rows = examples(n=60)
    elsewhere = rows.set_column(rows.column_names.index("group"), "group", pa.array([f"mirror-{i // 3}" for i in range(rows.num_rows)]))
    rows = pa.concat_tables([rows, elsewhere])
    orders = [np.random.default_rng(seed).permutation(rows.num_rows) for seed in range(6)]
    assert len({training.fit("m", kind, SPECS[kind], rows.take(pa.array(order)))[0].version for order in orders}) == 1


def test_a_model_travels_as_bytes_and_a_batch_does_not_move_a_score(trained: tuple) -> None:
    _, model, _, rows = trained
    loaded = from_bytes(to_bytes(model))
    assert loaded == model
    whole = logits(model, rows)
    parts = np.concatenate([logits(loaded, rows.slice(i, 7).combine_chunks().to_batches()[0]) for i in range(0, rows.num_rows, 7)])
    assert np.array_equal(np.round(whole, 9), np.round(parts, 9))


def test_good_and_bad_weigh_the_same_among_texts_of_one_length_and_language() -> None:
    cells = [("en", "short", 1, 2), ("en", "short", 0, 4), ("en", "a longer text", 1, 3), ("en", "a longer text", 0, 1), ("zh", "a longer text", 1, 2)]
    rows = [(lang, text, label) for lang, text, label, n in cells for _ in range(n)]
    table, labels = pa.table({"lang": [row[0] for row in rows], "text": [row[1] for row in rows]}), np.array([row[2] for row in rows])
    weights = linear.length_weights(table, np.arange(12), labels, 2)
    sums = [part.sum() for part in np.split(weights, [2, 6, 9, 10])]
    assert sums == pytest.approx([of * 12 / 11 for of in (3, 3, 2, 2, 1)])  # half of its cell each; in all 11 of 12 rows
    assert weights.mean() == pytest.approx(1)


def test_one_bad_text_among_many_good_ones_of_its_length_weighs_no_more_than_the_cap() -> None:
    table, labels = pa.table({"lang": ["en"] * 101, "text": ["alike"] * 100 + [None]}), np.array([1] * 100 + [0])
    weights = linear.length_weights(table, np.arange(101), labels, 1)
    assert weights[100] / weights[0] == pytest.approx(linear.MAX_WEIGHT / (101 / 200))


def test_an_empty_or_missing_text_has_a_score() -> None:
    model, _, _ = training.fit("m", "linear", SPECS["linear"], examples())
    found = logits(model, pa.table({"text": pa.array(["", None, " "])}))
    assert np.isfinite(found).all()
    assert found[0] == found[1]


def test_trees_as_arrays_score_as_scikit_learn_does_to_the_last_bit() -> None:
    rows = examples(n=400)
    matrix, labels = trees.as_matrix(rows), np.asarray(rows["label"])
    matrix[np.random.default_rng(0).random(matrix.shape) < 0.1] = np.nan  # what is missing has a side of its own
    labels = labels ^ (np.random.default_rng(1).random(len(labels)) < 0.2)
    fitted = HistGradientBoostingClassifier(max_iter=60, early_stopping=False, max_features=0.5, random_state=1).fit(matrix, labels)
    model = trees.load(trees.to_bytes(trees.Trees.of(fitted)))
    columns = {name: matrix[:, i] if measures.SIGNALS.field(name).type != pa.int64() else None for i, name in enumerate(MEASURES)}
    asked = pa.table({name: rows[name] if column is None else pa.array(column) for name, column in columns.items()})
    found = trees.score(model, asked, {})
    assert np.array_equal(found, fitted.decision_function(trees.as_matrix(asked)))
    assert len(set(found)) > 100
    assert set(model.missing_left) == {True, False}
    assert trees.score(model, asked.slice(0, 0), {}).shape == (0,)


@pytest.mark.parametrize(
    ("part", "value"), [("left", 0), ("right", 1_000_000), ("feature", 999), ("feature", -1), ("roots", -1), ("value", None)]
)
def test_nodes_that_lead_astray_are_refused(part: str, value: int | None) -> None:
    model = trees.load(training.fit("m", "trees", SPECS["trees"], examples())[0].blob)
    array = getattr(model, part).copy()
    if value is None:
        array = array[:-1]
    else:
        array[int(np.flatnonzero(model.left >= 0)[1]) if part != "roots" else 0] = value
    with pytest.raises(ValueError, match="trees are damaged"):
        trees.load(trees.to_bytes(replace(model, **{part: array})))


class Planted:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_a_pickle_in_place_of_a_model_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a model of train_classifier"):
        from_bytes(b"\x00\x01")
    planted = pickle.dumps(Planted(tmp_path / "ran"))
    for kind in classifiers.KINDS:
        model, _, _ = training.fit("m", kind, SPECS[kind], examples(n=60))
        head, _, _ = to_bytes(model).partition(b"\n")
        with pytest.raises((ValueError, BadZipFile)):
            classifiers.raw_scores(from_bytes(head + b"\n" + planted), examples(n=4))
        of_before = {**json.loads(head), "made_with": {"sklearn": "1.9.1"}}
        with pytest.raises(ValueError, match=r"trees as a pickle.*once with reuse_model: false"):
            from_bytes(json.dumps(of_before).encode() + b"\n" + planted)
        assert from_bytes(json.dumps({**of_before, "made_with": {}}).encode() + b"\n" + model.blob) == model
    assert not (tmp_path / "ran").exists()
    pickle.loads(planted)
    assert (tmp_path / "ran").exists()  # what it would have done


def test_examples_that_cannot_teach_are_refused() -> None:
    rows = examples()
    only = rows.filter(pa.array(np.asarray(rows["label"]) == 1))
    with pytest.raises(ValueError, match="same label"):
        training.fit("m", "linear", SPECS["linear"], only)
    one = rows.drop(["group"]).append_column("group", pa.array(["all"] * rows.num_rows))
    with pytest.raises(ValueError, match="wanted groups of both labels"):
        training.fit("m", "linear", SPECS["linear"], one)
