"""What the programs of this package share as programs: their command line, what they need installed,
their exit code."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable
from typing import Any

from gristmill.synth_worker.errors import RecipeError, WorkerError


def parser(module: str, about: str | None) -> argparse.ArgumentParser:
    """The parser of a program; `module`: below synth_worker, `about`: its docstring."""
    name = f"gristmill.synth_worker.{module}" if module else "gristmill.synth_worker"
    return argparse.ArgumentParser(
        prog=f"python -m {name}", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def pairs_parser(module: str, about: str | None) -> argparse.ArgumentParser:
    """That of a program that reads pairs of chains with a model."""
    made = parser(module, about)
    made.add_argument("--pairs", required=True, help="Parquet file of pairs")
    made.add_argument("--model", required=True, help="folder of a Hugging Face causal language model")
    made.add_argument("--kind", help="pairs of this kind only")
    return made


def ended(does: Callable[[], None]) -> int:
    """The exit code of `does` (see gristmill.synth_worker.errors); what a user can mend goes to stderr."""
    try:
        does()
    except WorkerError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def need(*modules: str, extra: str | None = None) -> list[Any]:
    """The modules.

    Raises RecipeError when one is not installed, naming the way to it (`extra`: of setup.py).
    """
    try:
        return [importlib.import_module(name) for name in modules]
    except ImportError as error:
        way = f", or pip install 'gristmill[{extra}]'" if extra else ""
        raise RecipeError(
            f"{' and '.join(modules)} are not installed here ({error}); run `make worker` and use "
            f".venv-worker/bin/python{way}"
        ) from None


def at_least(given: argparse.Namespace, **least: int) -> None:
    """Raises RecipeError for the first flag that is given and lower than it may be."""
    for name, lowest in least.items():
        value = getattr(given, name)
        if value is not None and value < lowest:
            raise RecipeError(f"--{name} {value}: wanted {lowest} or more")
