"""Kind `trees`: gradient boosting over the measures of `signals`; it needs no text.

scikit-learn fits the trees; a model keeps their nodes as plain arrays, which run no code when they are
opened, and are walked through without scikit-learn.
"""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.arrow.compiled import compiled
from gristmill.udfs.rules import measures
from gristmill.udfs.scoring.grams import Floats
from gristmill.udfs.scoring.kind import SEED, Labels, Rows, Trainer

# Every number of `signals` but the score of the language, which another model of languages would change, and
# the measures that came later: a model in a lake reads as many columns as it was trained on.
_NOT_READ = ("lang_score", *measures.OF_PAGES)
MEASURES = tuple(
    f.name for f in measures.SIGNALS if f.type in (pa.int64(), pa.float64()) and f.name not in _NOT_READ
)
READS: tuple[str, ...] = MEASURES
HAS_SLICES = False
# Of the trees (scikit-learn's default is none): a leaf of few examples says less. Ours.
L2 = 1.0


@dataclass(frozen=True)
class Params:
    """The numbers of a recipe."""

    trees: int = field(metadata={"gt": 0})
    leaves: int = field(metadata={"gt": 0})
    learning_rate: float = field(metadata={"gt": 0})
    # of the measures, drawn anew for each split, that it may choose from
    feature_fraction: float = field(metadata={"gt": 0, "le": 1})

    def spec(self) -> dict[str, Any]:
        """What the model keeps."""
        return asdict(self)


def as_matrix(rows: Rows) -> npt.NDArray[np.float64]:
    """(rows, MEASURES), counts and lengths by their logarithm; a missing measure is NaN, which trees
    accept."""
    columns = []
    for name in MEASURES:
        values = np.array(rows.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
        columns.append(np.log1p(values) if measures.SIGNALS.field(name).type == pa.int64() else values)
    return np.stack(columns, axis=1)


def fit(spec: dict[str, Any], rows: pa.Table) -> Trainer:
    """Gradient-boosted trees over histograms of the measures."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    matrix = as_matrix(rows)

    def make(train: npt.NDArray[Any], labels: Labels) -> bytes:
        model = HistGradientBoostingClassifier(
            max_iter=spec["trees"],
            learning_rate=spec["learning_rate"],
            max_leaf_nodes=spec["leaves"],
            l2_regularization=L2,
            max_features=spec["feature_fraction"],
            # Early stopping would split off rows at random
            # and make the size of the model depend on them.
            early_stopping=False,
            random_state=SEED,
        )
        return to_bytes(Trees.of(model.fit(matrix[train], labels[train])))

    return make


@dataclass(frozen=True)
class Trees:
    """Boosted trees: `roots` are the nodes where each tree begins; all other arrays have a value for each
    node.

    A row goes to `left` where its `feature` is at most `threshold`, or is missing and `missing_left` is set,
    otherwise to `right`; a leaf has -1 in both and adds `value` to the logit, which begins at `base`, shape
    (1,).
    """

    base: Floats
    roots: npt.NDArray[np.int32]
    feature: npt.NDArray[np.int16]
    threshold: Floats
    missing_left: npt.NDArray[np.bool_]
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    value: Floats

    @classmethod
    def of(cls, model: Any) -> Trees:
        """The trees of a HistGradientBoostingClassifier of two classes and of numbers alone."""
        trees = [tree.nodes for (tree,) in model._predictors]
        roots = np.cumsum([0, *map(len, trees[:-1])]).astype(np.int32)
        nodes, first = np.concatenate(trees), np.repeat(roots, list(map(len, trees)))
        is_leaf = nodes["is_leaf"] == 1
        return cls(
            model._baseline_prediction.ravel().astype(np.float64),
            roots,
            nodes["feature_idx"].astype(np.int16),
            nodes["num_threshold"].copy(),
            nodes["missing_go_to_left"] == 1,
            np.where(is_leaf, -1, nodes["left"] + first).astype(np.int32),
            np.where(is_leaf, -1, nodes["right"] + first).astype(np.int32),
            nodes["value"].copy(),
        )

    def check(self) -> None:
        """Raises ValueError where a walk through the nodes would leave them, or not end.

        The compiled walk checks no bounds, and a model's file may have been written by anybody.
        """
        n, per_node = len(self.value), fields(self)[2:]
        if self.base.shape != (1,) or any(getattr(self, each.name).shape != (n,) for each in per_node):
            raise ValueError("its trees are damaged: arrays of different lengths; train it again")
        inner = np.flatnonzero(self.left >= 0)
        features, children = self.feature[inner], np.array([self.left[inner], self.right[inner]])
        # Children stand behind their parent, so that every walk ends.
        if not (
            ((self.roots >= 0) & (self.roots < n)).all()
            and ((children > inner) & (children < n)).all()
            and ((features >= 0) & (features < len(MEASURES))).all()
        ):
            raise ValueError("its trees are damaged; train it again")


_TYPES = {
    "roots": np.int32,
    "feature": np.int16,
    "missing_left": np.bool_,
    "left": np.int32,
    "right": np.int32,
}


def to_bytes(trees: Trees) -> bytes:
    """The arrays as one .npz."""
    out = io.BytesIO()
    np.savez_compressed(out, **{each.name: getattr(trees, each.name) for each in fields(trees)})
    return out.getvalue()


def load(blob: bytes) -> Trees:
    """The trees of `to_bytes`. Raises ValueError for bytes that are none."""
    with np.load(io.BytesIO(blob), allow_pickle=False) as arrays:
        trees = Trees(
            **{
                each.name: np.ascontiguousarray(arrays[each.name], _TYPES.get(each.name, np.float64))
                for each in fields(Trees)
            }
        )
    trees.check()
    return trees


def score(model: Trees, rows: Rows, spec: dict[str, Any]) -> Floats:
    """The logit of each row of MEASURES, equal to scikit-learn's to the last bit."""
    logits = np.full(rows.num_rows, model.base[0])
    _add(
        as_matrix(rows),
        model.roots,
        model.feature,
        model.threshold,
        model.missing_left,
        model.left,
        model.right,
        model.value,
        logits,
    )
    return logits


@compiled
def _add(
    rows: npt.NDArray[np.float64],
    roots: npt.NDArray[np.int32],
    feature: npt.NDArray[np.int16],
    threshold: npt.NDArray[np.float64],
    missing_left: npt.NDArray[np.bool_],
    left: npt.NDArray[np.int32],
    right: npt.NDArray[np.int32],
    value: npt.NDArray[np.float64],
    logits: npt.NDArray[np.float64],
) -> None:
    """Add the leaves of all trees to `logits`, tree by tree, as scikit-learn does."""
    for t in range(len(roots)):
        for i in range(len(rows)):
            node = roots[t]
            while left[node] >= 0:
                x = rows[i, feature[node]]
                is_left = missing_left[node] if np.isnan(x) else x <= threshold[node]
                node = left[node] if is_left else right[node]
            logits[i] += value[node]
