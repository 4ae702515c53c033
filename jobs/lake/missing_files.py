"""Recognises errors about a missing file of a table's version, from Spark, delta-rs or a worker."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from gristmill.jobs.core.errors import ContractError

# Spark, Delta (log and versions), delta-rs and Python, in that order.
SIGNS = (
    "FILE_NOT_EXIST",
    "SparkFileNotFoundException",
    "DELTA_FILE_NOT_FOUND",
    "DELTA_LOG_FILE_NOT_FOUND",
    "DELTA_VERSIONS_NOT_CONTIGUOUS",
    "DELTA_TRUNCATED_TRANSACTION_LOG",
    "Cannot time travel Delta table",
    "LogSegment",
    "No such file or directory",
    "FileNotFoundException",
    "FileNotFoundError",
    "Object at location",
)
# A Parquet file by its name: part-..., or one that begins with hexadecimal digits (a UUID).
FILE = re.compile(r"[^\s'\"]*(?:part-|[0-9a-f]{8})[^\s'\"]*\.parquet")


def missing_file(error: BaseException) -> str | None:
    """The missing file of a table's version that an error is about (or a line of the error); None for other
    errors."""
    # By text: py4j wraps Java's exceptions, so their classes cannot be caught.
    text = f"{type(error).__name__}: {error}"
    if not any(sign in text for sign in SIGNS):
        return None
    file = FILE.search(text)
    if file:
        return file.group()
    return (
        next((line.strip()[:200] for line in text.splitlines() if any(sign in line for sign in SIGNS)), "")
        if "ersion" in text
        else None
    )


def missing_files_error(missing: str, where: str) -> ContractError:
    """The error for a lake at `where` that lacks the file `missing`."""
    return ContractError(
        f"lake {where}: a file that a table's version needs is gone ({missing}), as after a VACUUM that "
        "spared none of the "
        f"versions that Gristmill reads; `gristmill repair --lake {where}` says what can be done, and "
        "does it with --yes"
    )


@contextlib.contextmanager
def missing_files_named(where: str) -> Iterator[None]:
    """A context that raises errors about a missing data file or version as ContractError, naming
    `gristmill repair`."""
    try:
        yield
    except Exception as error:
        missing = missing_file(error)
        if missing is None:
            raise
        raise missing_files_error(missing, where) from error
