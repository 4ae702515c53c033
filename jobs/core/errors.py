"""One tree of errors; each carries the exit code by which a scheduler knows what to do.

A message says where, what was seen, what is expected and the next step. `main()` prints it without a
traceback; anything outside this tree is a bug of Gristmill and keeps its traceback.

    GristmillError            1
      ConfigError             2    the recipe or the command line
      ContractError           3    a table or a batch
      DataError               4    the result
      RetryLater             75    another process, or a store
"""


class GristmillError(Exception):
    """Base of every error that a user can mend."""

    exit_code = 1


class ConfigError(GristmillError):
    """The recipe or the command line is wrong: fix the file."""

    exit_code = 2


class ContractError(GristmillError):
    """A table or a batch breaks its declared schema or contract; nothing was written."""

    exit_code = 3


class DataError(GristmillError):
    """A sanity check of the result failed (such as min_kept); nothing was written."""

    exit_code = 4


class RetryLater(GristmillError):
    """Another process holds a lock, or a store does not answer: run the same command again.

    75 is EX_TEMPFAIL of sysexits.h, which schedulers know as retryable.
    """

    exit_code = 75
