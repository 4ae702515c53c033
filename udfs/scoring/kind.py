"""What a kind of learnt scorer is: a module of this folder with the names of `Kind`, listed in
gristmill.udfs.scoring.classifiers.KINDS."""

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.scoring.grams import Floats

Labels = npt.NDArray[np.int64]
Rows: TypeAlias = pa.RecordBatch | pa.Table
# (numbers of the training rows, labels of all rows) -> the trained model as bytes
Trainer = Callable[[npt.NDArray[Any], Labels], bytes]
# of every random choice in a training, so that equal examples give equal bytes
SEED = 1


class Kind(Protocol):
    """The names that the module of a kind defines.

    `Params`: a dataclass of the numbers that a recipe writes out. The metadata of a field are pydantic's
    bounds (`gt`, `ge`, `le`, `min_length`), further checks are `__post_init__`'s, and `spec()` is what the
    model keeps.
    """

    Params: Any
    # columns that `score` reads: text, or text and lang, or measures of `signals` without the text
    READS: tuple[str, ...]
    # whether a recipe may give it slices of its own (target
    # and raw) in place of the good and bad examples
    HAS_SLICES: bool

    def fit(self, spec: dict[str, Any], rows: pa.Table) -> Trainer:
        """Reads `rows` once (text, label, lang, MEASURES); the trainer is then called for each fold."""

    def load(self, blob: bytes) -> Any:
        """The trained model in the form that scores."""

    def score(self, model: Any, rows: Rows, spec: dict[str, Any]) -> Floats:
        """(rows,): the uncalibrated logit of each row, which does not depend on the other rows."""
