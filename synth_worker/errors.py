"""The worker's errors; each carries the exit code by which a scheduler knows what to do (the same codes
as the jobs')."""


class WorkerError(Exception):
    """Base of every error that a user can mend."""

    exit_code = 1


class RecipeError(WorkerError):
    """The recipe, a prompt file or the environment is wrong: fix it."""

    exit_code = 2


class TableError(WorkerError):
    """A table is not what was promised; nothing was written."""

    exit_code = 3


class RetryLater(WorkerError):
    """Somebody else holds what we need, or the engine is down: run the same command again; what was
    answered is kept."""

    exit_code = 75


class Stopped(WorkerError):
    """By Ctrl-C: run the same command again; what was answered is kept."""

    exit_code = 130


class EngineFault(Exception):
    """One call of the model failed. `is_lasting`: asking again cannot help (the request itself is refused).
    `is_cut`: no connection to the server, or it broke off, as when the server is started again."""

    def __init__(self, message: str, is_lasting: bool = False, is_cut: bool = False) -> None:
        super().__init__(message)
        self.is_lasting, self.is_cut = is_lasting, is_cut
