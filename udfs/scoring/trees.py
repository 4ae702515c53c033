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

from gristmill.udfs.arrow.boosted_trees import Trees
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


def to_bytes(trees: Trees) -> bytes:
    """The arrays as one .npz."""
    out = io.BytesIO()
    np.savez_compressed(out, **{each.name: getattr(trees, each.name) for each in fields(trees)})
    return out.getvalue()


def load(blob: bytes) -> Trees:
    """The trees of `to_bytes`. Raises ValueError for bytes that are none."""
    with np.load(io.BytesIO(blob), allow_pickle=False) as arrays:
        trees = Trees.of_arrays(arrays)
    trees.check(len(MEASURES))
    return trees


def score(model: Trees, rows: Rows, spec: dict[str, Any]) -> Floats:
    """The logit of each row of MEASURES, equal to scikit-learn's to the last bit."""
    return model.logits(as_matrix(rows))
