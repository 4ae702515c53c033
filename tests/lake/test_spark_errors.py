"""What Spark and the system say becomes one line and an exit code where somebody can mend it; a bug of ours
keeps its traceback.
"""

from __future__ import annotations

import errno
import sys

import pytest

from gristmill.jobs.core.errors import ConfigError, ContractError, DataError, GristmillError, RetryLater
from gristmill.jobs.lake.spark_errors import as_ours, exit_code_of, first_line

JAVA = """An error occurred while calling o86.sql.
: java.util.concurrent.ExecutionException: org.apache.spark.sql.AnalysisException: {}
\tat org.apache.spark.sql.errors.QueryCompilationErrors$.x(QueryCompilationErrors.scala:12)
\tat java.base/java.lang.Thread.run(Thread.java:840)
"""


class FromSpark(Exception):
    """Stands for an error that came out of Java."""


FromSpark.__module__ = "py4j.protocol"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "\n[PARSE_SYNTAX_ERROR] Syntax error at or near ';'.(line 1, pos 8)\n\n== SQL ==\nSELECT 1;\n",
            "[PARSE_SYNTAX_ERROR] Syntax error",
        ),
        (
            JAVA.format("[SCHEMA_NOT_FOUND] The schema `x` cannot be found."),
            "[SCHEMA_NOT_FOUND] The schema `x` cannot be found.",
        ),
        (
            "[DIVIDE_BY_ZERO] Division by zero. Use `try_divide`.\n== SQL (line 1, position 8) ==\n",
            "[DIVIDE_BY_ZERO] Division by zero",
        ),
        (
            "An error occurred while calling o1.collectToPython.\n: org.apache.spark.SparkException: Job "
            "aborted due to stage failure: Task 0 in stage"
            " 5.0 failed 1 times, most recent failure: Lost task 0.0 in stage 5.0 (TID 4) (127.0.0.1 "
            "executor driver): "
            "org.apache.spark.SparkArithmeticException: [DIVIDE_BY_ZERO] Division by zero.\n\tat "
            "x.Y.z(Y.scala:1)",
            "[DIVIDE_BY_ZERO] Division by zero.",
        ),
        ('No FileSystem for scheme "s4"', 'No FileSystem for scheme "s4"'),
        ("", "FromSpark"),
    ],
)
def test_the_first_line_that_says_something_is_shown(text: str, line: str) -> None:
    assert first_line(FromSpark(text)).startswith(line)


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        (
            'org.apache.hadoop.fs.UnsupportedFileSystemException: No FileSystem for scheme "s4"',
            ConfigError,
            "s4://",
        ),
        (
            "java.lang.ClassNotFoundException: Class org.apache.hadoop.fs.s3a.S3AFileSystem not found",
            ConfigError,
            "class path",
        ),
        (
            "java.net.ConnectException: Call From a/127.0.0.1 to localhost:1 failed on connection exception",
            RetryLater,
            "run the same command again",
        ),
        ("java.net.UnknownHostException: nn1", ConfigError, "nn1"),
        (
            "org.apache.hadoop.security.AccessControlException: Permission denied: user=me, access=WRITE",
            ConfigError,
            "user=me",
        ),
        ("java.nio.file.AccessDeniedException: s3a://b: Status Code: 403", ConfigError, "s3a://b"),
        ("java.io.FileNotFoundException: /data/x/_temporary (Permission denied)", ConfigError, "/data/x"),
        ("java.io.IOException: No space left on device", RetryLater, "make room"),
        (
            "org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)",
            RetryLater,
            "memory",
        ),
        (
            "  File \"x.py\", line 1\nModuleNotFoundError: No module named 'phonenumbers'",
            ConfigError,
            "gristmill[score]",
        ),
        (
            "org.apache.spark.SparkFileNotFoundException: File file:/l/docs/part-0.parquet does not exist",
            ContractError,
            "part-0.parquet",
        ),
    ],
)
def test_what_the_user_or_the_machine_can_mend_has_its_exit_code_and_says_what_went_wrong(
    text: str, kind: type[GristmillError], says: str
) -> None:
    ours = as_ours(
        FromSpark(JAVA.format("Job aborted.") + "Caused by: " + text + "\n\tat x.Y.z(Y.scala:1)\n")
    )
    assert type(ours) is kind
    assert says in str(ours)
    assert "\n" not in str(ours)


def test_a_disk_that_refuses_and_a_package_that_is_missing_are_no_bugs() -> None:
    assert isinstance(as_ours(PermissionError(errno.EACCES, "no", "/etc/lake")), ConfigError)
    assert isinstance(as_ours(OSError(errno.EROFS, "no", "/etc/lake")), ConfigError)
    assert isinstance(as_ours(OSError(errno.ENOSPC, "no", "/data")), RetryLater)
    assert "gristmill[score]" in str(
        as_ours(ModuleNotFoundError("No module named 'sklearn'", name="sklearn"))
    )


@pytest.mark.parametrize(
    "bug",
    [
        KeyError("Connection refused"),
        ValueError("java.net.ConnectException: x"),
        FileNotFoundError(errno.ENOENT, "no", "x"),
        TypeError("No space left on device"),
        FromSpark("org.apache.spark.sql.AnalysisException: [UNRESOLVED_COLUMN] a column named `x`"),
        ModuleNotFoundError("No module named 'gristmill.jobs.x'", name="gristmill.jobs.x"),
    ],
)
def test_a_bug_of_ours_keeps_its_traceback(bug: Exception) -> None:
    def run() -> None:
        raise bug

    assert as_ours(bug) is None
    with pytest.raises(type(bug)):
        exit_code_of(run)


def test_a_command_ends_with_the_code_of_its_error_and_one_message(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(error: Exception) -> int:
        def run() -> None:
            raise error

        return exit_code_of(run)

    assert exit_code_of(lambda: None) == 0
    assert exit_code_of(lambda: 7) == 7
    assert failing(DataError("absurd")) == 4
    assert failing(FromSpark("java.net.ConnectException: Connection refused")) == 75
    assert [line.split(";")[0] for line in capsys.readouterr().err.splitlines()] == [
        "absurd",
        "Connection refused",
    ]
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    assert failing(BrokenPipeError()) == 0, "head has seen enough"
