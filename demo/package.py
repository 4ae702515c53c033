"""Real text for the demo corpus: what pinned packages carry under an open licence (docstrings and functions).

Source files are read and parsed, never imported, so neither the Python patch version nor a compiled module changes a byte.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import NamedTuple

from gristmill.demo.prose import DissimilarTexts, shingles

# Packages that both lines of Spark pin to the same version (conf/constraints), with files rich in prose.
FILES = {
    "numpy": ("BSD-3-Clause", ("lib/_function_base_impl.py", "lib/_polynomial_impl.py", "linalg/_linalg.py", "_core/fromnumeric.py")),
    "pandas": ("BSD-3-Clause", ("core/strings/accessor.py", "core/reshape/merge.py", "core/tools/datetimes.py", "io/parsers/readers.py")),
    "scipy": ("BSD-3-Clause", ("optimize/_root_scalar.py", "signal/_filter_design.py", "interpolate/_cubic.py", "spatial/_plotutils.py")),
    "pyarrow": ("Apache-2.0", ("dataset.py", "parquet/core.py", "compute.py")),
}
MAX_JACCARD = 0.18  # to any other document


class Piece(NamedTuple):
    """A text with where it came from."""

    text: str
    domain: str
    lang: str
    source: str
    license: str
    name: str


def pieces(n_docs: int, n_code: int, rng: Random, seen: DissimilarTexts) -> list[Piece]:
    """Up to n_docs docstrings and n_code functions, none similar to another. No pinned package has Chinese prose that is of use."""
    candidates = list(_python())
    rng.shuffle(candidates)
    remaining = {"docs": n_docs, "code": n_code}
    chosen = []
    for piece in candidates:
        marks = shingles(piece.text, "en")
        if remaining[piece.domain] and seen.nearest(marks) < MAX_JACCARD:
            seen.add(marks)
            remaining[piece.domain] -= 1
            chosen.append(piece)
    return chosen


def _python() -> Iterator[Piece]:
    for package, (licence, files) in FILES.items():
        folder = _folder(package)
        source = f"{package} {version(package)}"
        for path in files:
            text = (folder / path).read_text(encoding="utf-8")
            lines = text.splitlines()
            for node in ast.walk(ast.parse(text)):
                if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                    continue
                docstring = inspect.cleandoc(ast.get_docstring(node, clean=False) or "")
                name = f"{package}/{path}#{node.name}"
                if 700 < len(docstring) < 6000 and "%(" not in docstring:
                    yield Piece(f"{package}: {node.name}\n\n{docstring}", "docs", "en", source, licence, name)
                body = "\n".join(lines[node.lineno - 1 : node.end_lineno])
                if isinstance(node, ast.FunctionDef) and not docstring and 400 < len(body) < 4000:
                    yield Piece(inspect.cleandoc("\n" + body), "code", "en", source, licence, name)


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"the demo corpus takes text from {package}, which is not installed; run make setup")
    return Path(next(iter(spec.submodule_search_locations)))
