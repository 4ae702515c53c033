"""What the programs of this package share: argument parsers, exit codes, and modules that may not be
installed."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable
from typing import Any

from gristmill.synth_worker.errors import RecipeError, WorkerError


def parser(module: str, about: str | None) -> argparse.ArgumentParser:
    """The argument parser of a program; `module`: its name below synth_worker, `about`: its docstring."""
    # Raw: the docstrings have aligned lines (reads, writes, run).
    name = f"gristmill.synth_worker.{module}" if module else "gristmill.synth_worker"
    return argparse.ArgumentParser(
        prog=f"python -m {name}", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def pairs_parser(module: str, about: str | None) -> argparse.ArgumentParser:
    """The argument parser of a program that reads pairs of chains with a model."""
    flags = parser(module, about)
    flags.add_argument("--pairs", required=True, help="Parquet file of pairs")
    flags.add_argument("--model", required=True, help="folder of a Hugging Face causal language model")
    flags.add_argument("--kind", help="pairs of this kind only")
    return flags


def training_parser(
    module: str, about: str | None, *, questions: int, rate: float, seeds: int
) -> argparse.ArgumentParser:
    """`pairs_parser` with the flags of a program that trains two arms and measures them on held-out
    questions.

    `questions`: the default of --n and of --held; `rate`, `seeds`: those of their flags.
    """
    flags = pairs_parser(module, about)
    flags.add_argument("--n", type=int, default=questions, help="questions to train on (default %(default)s)")
    flags.add_argument("--held", type=int, default=questions, help="questions held out (default %(default)s)")
    flags.add_argument("--steps", type=int, default=6, help="optimizer steps (default %(default)s)")
    flags.add_argument(
        "--rate", type=float, default=rate, help="learning rate, falling to 0 (default %(default)s)"
    )
    flags.add_argument(
        "--seed",
        type=int,
        default=7,
        help="first seed; also of the split, of sampling and of the bootstrap (default %(default)s)",
    )
    flags.add_argument("--seeds", type=int, default=seeds, help="runs of each arm (default %(default)s)")
    return flags


def run_command(command: Callable[[], None]) -> int:
    """Call `command` and return the exit code (see gristmill.synth_worker.errors).

    A WorkerError goes to stderr as one message; any other exception is a fault of the program and keeps its
    traceback.
    """
    try:
        command()
    # Nothing else is caught: a fault of the program must not look like an error of the user.
    except WorkerError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def import_modules(*modules: str, extra: str | None = None) -> list[Any]:
    """The imported modules, in the order of their names.

    Raises RecipeError when one is not installed, with the command that installs it (`extra`: of setup.py).
    """
    # Imported at run time: torch and TRL are in the worker's
    # environment only, and --help works without them.
    try:
        return [importlib.import_module(name) for name in modules]
    except ImportError as error:
        by_pip = f", or pip install 'gristmill[{extra}]'" if extra else ""
        raise RecipeError(
            f"{' and '.join(modules)} are not installed here ({error}); run `make worker` and use "
            f".venv-worker/bin/python{by_pip}"
        ) from None


def check_minimums(options: argparse.Namespace, **minimums: int) -> None:
    """Raise RecipeError for the first flag whose value is below its minimum; a flag without a value
    passes."""
    # argparse checks types only; a zero would fail much later, after a model was loaded.
    for name, minimum in minimums.items():
        value = getattr(options, name)
        if value is not None and value < minimum:
            raise RecipeError(f"--{name} {value}: wanted {minimum} or more")
