"""Progress of an engine while it starts: a line for each step on stderr, with the seconds since the worker
began.

vLLM logs its steps in a process of its own; a logging handler in that process selects them.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import time

# environment variable with the start of the worker,
# seconds since 1970: the engine's process inherits it
BEGAN = "GRISTMILL_WORKER_BEGAN"
# prefix of a message of vLLM 0.32 -> step that is
# reported; other messages are in vLLM's own log only
STEPS = {
    "Initializing a V1 LLM engine": "engine's process runs",
    "Starting to load model": "loading weights",
    "Warming up model for the compilation": "weights loaded; compiling what they need",
}


def report_step(step: str) -> None:
    """Print one step to stderr, with the seconds since the worker began."""
    # The first call of the worker sets the start; the engine's process finds it in its environment.
    os.environ.setdefault(BEGAN, str(time.time()))
    seconds = time.time() - float(os.environ[BEGAN])
    print(f"synth_worker {seconds:7.1f} s  {step}", file=sys.stderr, flush=True)


class Steps(logging.Handler):
    """Reports the steps that vLLM logs."""

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        # `msg` is the format string: its beginning is stable, whatever the arguments.
        for prefix, step in STEPS.items():
            if str(record.msg).startswith(prefix):
                report_step(step)


def log_settings(level: str) -> dict[str, object]:
    """The logging configuration of vLLM: steps by `Steps`, all messages of at least `level` on stdout in
    vLLM's format."""
    # The logger needs INFO for the steps even where
    # `level`, which the stdout handler applies, is higher.
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"vllm": {"format": "(%(processName)s) %(levelname)s %(asctime)s %(message)s"}},
        "handlers": {
            "log": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "vllm",
                "level": level,
            },
            "steps": {"class": f"{__name__}.Steps"},
        },
        "loggers": {"vllm": {"handlers": ["log", "steps"], "level": "DEBUG" if level == "DEBUG" else "INFO"}},
    }


def configure_log() -> None:
    """Configure vLLM's logging, unless the recipe or the environment does; call it before vLLM is
    imported."""
    if "VLLM_LOGGING_CONFIG_PATH" in os.environ or os.environ.get("VLLM_CONFIGURE_LOGGING") == "0":
        return
    level = os.environ.get("VLLM_LOGGING_LEVEL", "INFO").upper()
    # Not deleted: the engine's process reads the file
    # at its start, and again when vLLM restarts it.
    with tempfile.NamedTemporaryFile("w", prefix="vllm-log-", suffix=".json", delete=False) as stream:
        json.dump(log_settings(level), stream)
    os.environ["VLLM_LOGGING_CONFIG_PATH"] = stream.name
