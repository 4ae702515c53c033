"""Boosted trees as plain arrays, and one walk through them: no library's object is stored or opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import compiled

Floats = npt.NDArray[np.float64]
_TYPES = {
    "roots": np.int32,
    "feature": np.int16,
    "missing_left": np.bool_,
    "left": np.int32,
    "right": np.int32,
}


@dataclass(frozen=True)
class Trees:
    """Boosted trees: `roots` are the nodes where each tree begins; all other arrays have a value for each
    node.

    A row goes to `left` where its `feature` is at most `threshold`, or is missing (NaN) and `missing_left` is
    set, otherwise to `right`; a leaf has -1 in both and adds `value` to the logit, which begins at `base`,
    shape (1,).
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

    def check(self, n_features: int) -> None:
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
            and ((features >= 0) & (features < n_features)).all()
        ):
            raise ValueError("its trees are damaged; train it again")

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], suffix: str = "") -> Trees:
        """The trees whose arrays stand in a file under the names of the fields, each with `suffix`."""
        return cls(
            **{
                each.name: np.ascontiguousarray(
                    arrays[f"{each.name}{suffix}"], _TYPES.get(each.name, np.float64)
                )
                for each in fields(cls)
            }
        )

    def logits(self, rows: Floats) -> Floats:
        """The logit of each row of features, shape (rows, features)."""
        logits = np.full(len(rows), self.base[0])
        _add(
            rows,
            self.roots,
            self.feature,
            self.threshold,
            self.missing_left,
            self.left,
            self.right,
            self.value,
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
    # tree by tree: the nodes of one stay in the processor's first cache
    for t in range(len(roots)):
        root = roots[t]
        for i in range(len(rows)):
            node = root
            while left[node] >= 0:
                x = rows[i, feature[node]]
                is_left = x <= threshold[node] or (missing_left[node] and np.isnan(x))
                node = left[node] if is_left else right[node]
            logits[i] += value[node]
