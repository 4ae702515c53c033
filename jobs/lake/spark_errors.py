"""Translates errors of Spark, Hadoop, Java and the system that the user can fix into GristmillError.

Called at the end of each command. An error that matches no row of KNOWN keeps its traceback: it is a bug of
Gristmill.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from gristmill.jobs.core.errors import ConfigError, ContractError, GristmillError, RetryLater
from gristmill.jobs.core.packages import advice
from gristmill.jobs.core.secrets import masked

# Lines of a Java or Python stack trace that say nothing about the cause.
_NOISE = re.compile(
    r"An error occurred while calling .*|Traceback \(most recent .*|== .* ==|JVM stacktrace:"
    r"|Driver stacktrace:.*|at \S+\(.*|File \".*|\^+|Caused by:|Exception thrown in awaitResult:"
    r"|Job aborted[^:]*"
)
# Leading class names such as `java.io.IOException: `, which tell a user nothing.
_CLASS = re.compile(r"^(?:Caused by: |: )*(?:(?:[a-z_]\w*\.)+[A-Z][\w$]*(?::\s*|$))+")
_ABORTED = re.compile(
    r"Job aborted due to stage failure: .*?: Lost task [^:]*?(?:executor [^)]*\)|\([^)]*\)): "
)


@dataclass(frozen=True)
class Known:
    """A pattern in the text of an error, the kind of error, and the next step (`{0}`: the pattern's first
    group)."""

    pattern: str
    kind: type[GristmillError]
    step: str


# In this order: the first pattern that matches decides, so specific ones come before general ones.
KNOWN = (
    Known(
        r'No FileSystem for scheme:? "?([\w+.-]+)',
        ConfigError,
        "Spark knows no file system {0}://; write one that it knows (s3a://, hdfs://, file:///), or ./ "
        "before a folder of this machine",
    ),
    Known(
        r"ClassNotFoundException: (?:Class )?(?:org\.apache\.hadoop|com\.google\.cloud|com\.amazon)\.\S+",
        ConfigError,
        "the jars of that file system are not on Spark's class path; add them by spark.jars.packages "
        "(docs/platforms.md)",
    ),
    Known(
        r"UnknownHostException: ",
        ConfigError,
        "no such host is known here; mend the address, or the name service",
    ),
    Known(
        r"(?:Connect|NoRouteToHost|SocketTimeout|ConnectTimeout|ConnectionPoolTimeout)Exception: "
        r"|Connection refused",
        RetryLater,
        "the store or server does not answer; run the same command again when it does",
    ),
    Known(
        r"AccessControlException|AccessDeniedException|InvalidAccessKeyId|SignatureDoesNotMatch"
        r"|NoAuthWithAWSException|Status Code: 40[13]\b",
        ConfigError,
        "the store refuses; mend the credentials or the rights of the place",
    ),
    Known(
        r"(?:FileNotFound|IO)Exception: .*(?:Permission denied|Read-only file system)",
        ConfigError,
        "this user may not read or write there; name another place, or mend its rights",
    ),
    Known(
        r"No space left on device|Disk quota exceeded",
        RetryLater,
        "the disk is full; make room and run the same command again",
    ),
    Known(
        r"Python worker exited unexpectedly|OutOfMemoryError|GC overhead limit",
        RetryLater,
        "a process ended for want of memory; give it more (GRISTMILL_DRIVER_MEMORY, spark.executor.memory) "
        "or fewer cores, and run the same command again",
    ),
    Known(
        r"ValueError: (?:perplexity|quality|domain|word_score): no .*",  # of gristmill.udfs.columns
        ConfigError,
        "name one of those, or run the job that trains it (docs/sql.md)",
    ),
    Known(r"ModuleNotFoundError: No module named '([\w.]+)'", ConfigError, "{advice}"),
    Known(
        r"DELTA_UNSUPPORTED_FEATURES_FOR_(?:READ|WRITE)|DELTA_INVALID_PROTOCOL_VERSION",
        ContractError,
        "the table has a feature that this Delta lacks; use a newer one, or take the feature off the table "
        "(ALTER TABLE ... DROP FEATURE ...); one whose commits a catalog manages (catalogManaged) is only "
        "opened by name: --lake catalog.schema",
    ),
    Known(
        r"DELTA_ROW_ID_ASSIGNMENT_WITHOUT_STATS|Cannot assign row IDs without row count statistics",
        ConfigError,
        "leave spark.databricks.delta.stats.collect true for a table with row tracking",
    ),
    Known(
        r"SparkFileNotFoundException|FAILED_READ_FILE\.FILE_NOT_EXIST|DELTA_FILE_NOT_FOUND"
        r"|Cannot time travel Delta table|DELTA_TRUNCATED_TRANSACTION_LOG|DELTA_VERSIONS_NOT_CONTIGUOUS",
        ContractError,
        "a file that a finished run has written is gone (vacuumed, or deleted); `gristmill repair` says "
        "what can be done",
    ),
)
# Errors of Python's own file access: missing rights need the user, a full disk is worth a retry.
_DISK = {
    errno.EACCES: ConfigError,
    errno.EPERM: ConfigError,
    errno.EROFS: ConfigError,
    errno.ENOSPC: RetryLater,
    errno.EDQUOT: RetryLater,
}


def first_line(error: BaseException) -> str:
    """The first line of an error that says something: no class names, stack frames or headings."""
    lines = [line.strip() for line in _ABORTED.sub("\n", str(error)).splitlines()]
    texts = [
        _CLASS.sub("", line).lstrip(": ").strip() for line in lines if line and not _NOISE.fullmatch(line)
    ]
    first = next((line for line in texts if line and not _NOISE.fullmatch(line)), type(error).__name__)
    # Spark's messages may contain a whole plan.
    return first if len(first) <= 400 else first[:399] + "…"


def as_ours(error: BaseException) -> GristmillError | None:
    """The equivalent GristmillError; None for an error that neither the user nor a retry can fix."""
    if isinstance(error, GristmillError):
        return error
    if isinstance(error, OSError) and error.errno in _DISK:
        return _DISK[error.errno](
            f"{error.filename or 'disk'}: {os.strerror(error.errno)}; name another place, or mend its "
            f"rights or room, and run again"
        )
    # A missing module of our own is a bug, not a missing package.
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("gristmill"):
        return ConfigError(f"{error}; {advice(error.name)}")
    # A Python error of our own may contain the same words by chance; only Spark's are searched.
    if not _is_sparks(error):
        return None
    text = str(error)
    for known in KNOWN:
        match = re.search(known.pattern, text)
        if match:
            groups = match.groups()
            step = known.step.format(*groups, advice=advice(groups[0]) if groups else "")
            return known.kind(f"{_line_around(text, match) or first_line(error)}; {step}")
    return None


def _line_around(text: str, match: re.Match[str]) -> str:
    """The line that contains the match, without class names: the cause, not its consequences."""
    start = text.rfind("\n", 0, match.start() + 1) + 1
    end = text.find("\n", match.end())
    line = _CLASS.sub("", text[start : end if end >= 0 else None].strip()).lstrip(": ").strip()
    return line.removeprefix("ValueError: ")[:400]


def _is_sparks(error: BaseException) -> bool:
    """Whether the error comes from Spark: from Java through py4j, or from PySpark (worker errors
    included)."""
    return any(
        kind.__module__.startswith(("pyspark.errors", "pyspark.sql.utils", "py4j."))
        for kind in type(error).__mro__
    )


def raised_as_ours(run: Callable[[], int | None]) -> int:
    """Run a command and return what it returns (None: 0).

    Raises a GristmillError in place of an error that translates to one; other errors pass unchanged.
    """
    try:
        return int(run() or 0)
    except Exception as error:
        ours = as_ours(error)
        if ours is None or ours is error:
            raise
        raise ours from error


def exit_code_of(run: Callable[[], int | None]) -> int:
    """Run a command and return its exit code.

    A GristmillError, or an error that translates to one, is printed without a traceback; others are raised.
    """
    try:
        return raised_as_ours(run)
    except BrokenPipeError:  # whoever read our output (head, less) has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (or Python complains once more when it ends)
        return 0
    except GristmillError as error:
        print(masked(str(error)), file=sys.stderr)
        return error.exit_code
    except Exception:
        told = traceback.format_exc()
        if masked(told) == told:
            raise
        print(masked(told), file=sys.stderr)
        return 1  # as Python ends after a traceback
