"""One tree of errors; each carries the exit code by which a scheduler knows what to do.

A message names the place, what was seen, what was wanted and the next step. `main()` prints it without a
traceback; anything outside this tree is a bug of ours and keeps its traceback.
"""


class GristmillError(Exception):
    """Base of every error that a user can mend."""

    exit_code = 1


class ConfigError(GristmillError):
    """The recipe or the command line is wrong: fix the file."""

    exit_code = 2


class ContractError(GristmillError):
    """A table or a batch is not what was promised; nothing was written."""

    exit_code = 3


class DataError(GristmillError):
    """The result would be absurd; nothing was written."""

    exit_code = 4


class RetryLater(GristmillError):
    """Somebody else holds what we need: run the same command again (75 is sysexits' EX_TEMPFAIL)."""

    exit_code = 75
