"""Says in plain words that a file of a table's version is gone, whoever found it: Spark, delta-rs or a
worker."""

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
FILE = re.compile(r"[^\s'\"]*(?:part-|[0-9a-f]{8})[^\s'\"]*\.parquet")


def missing_file(error: BaseException) -> str | None:
    """The file (or what else the error names) that a table's version needs and that is gone; None for
    any other error."""
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


def missing_files_error(gone: str, where: str) -> ContractError:
    """The error for a lake at `where` of which the file `gone` is gone."""
    return ContractError(
        f"lake {where}: a file that a table's version needs is gone ({gone}), as after a VACUUM that "
        "spared none of the "
        f"versions that Gristmill reads; `gristmill repair --lake {where}` says what can be done, and "
        "does it with --yes"
    )


@contextlib.contextmanager
def missing_files_named(where: str) -> Iterator[None]:
    """Raises ContractError, naming `gristmill repair`, in place of an error about a data file or a
    version that is gone."""
    try:
        yield
    except Exception as error:
        gone = missing_file(error)
        if gone is None:
            raise
        raise missing_files_error(gone, where) from error
