"""The worker's errors, each with its exit code, by which a scheduler decides (the codes of the jobs).

WorkerError          1    any error that a user can correct
    RecipeError      2    correct the recipe or the environment
    TableError       3    correct the lake
    RetryLater      75    run the same command again later
    Stopped        130    stopped by the user
EngineFault          -    one call failed; never leaves the worker
"""


class WorkerError(Exception):
    """Base of every error that a user can correct."""

    exit_code = 1


class RecipeError(WorkerError):
    """The recipe, a prompt file or the environment is wrong."""

    exit_code = 2


class TableError(WorkerError):
    """A table differs from its schema; nothing was written."""

    exit_code = 3


class RetryLater(WorkerError):
    """Another process has the lock or overtakes every commit, the disk is full, or the engine is down.

    Running the same command again continues from the journal.
    """

    exit_code = 75


class Stopped(WorkerError):
    """Stopped by Ctrl-C. Running the same command again continues from the journal."""

    exit_code = 130


class EngineFault(Exception):
    """One call of the model failed.

    `is_lasting`: a repetition cannot succeed (the request itself is refused). `is_cut`: the server could not
    be reached or the connection was lost, as when a server restarts.
    """

    # No WorkerError: whether a fault of one call ends the request, the run or nothing is decided by
    # calls/window.py.
    def __init__(self, message: str, is_lasting: bool = False, is_cut: bool = False) -> None:
        super().__init__(message)
        self.is_lasting, self.is_cut = is_lasting, is_cut
