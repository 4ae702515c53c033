"""What an engine does while it starts, a line a step on stderr, with the seconds since the worker began.

vLLM tells its steps in its log, in a process of its own: a handler there picks them out.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import time

# when the worker began, seconds since 1970: the engine's process reads it
BEGAN = "GRISTMILL_WORKER_BEGAN"
# how a message of vLLM 0.32 begins -> what is told; others are for its own log
STEPS = {
    "Initializing a V1 LLM engine": "engine's process runs",
    "Starting to load model": "loading weights",
    "Warming up model for the compilation": "weights loaded; compiling what they need",
}


def tell(step: str) -> None:
    """One line."""
    os.environ.setdefault(BEGAN, str(time.time()))
    seconds = time.time() - float(os.environ[BEGAN])
    print(f"synth_worker {seconds:7.1f} s  {step}", file=sys.stderr, flush=True)


class Steps(logging.Handler):
    """Tells the steps that vLLM logs."""

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        for begins, step in STEPS.items():
            if str(record.msg).startswith(begins):
                tell(step)


def log_settings(level: str) -> dict[str, object]:
    """vLLM's logging: the steps as they are told here, all of at least `level` on stdout as vLLM has it."""
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


def settle_log() -> None:
    """Have vLLM log so, where neither the recipe nor the environment says how; before it is imported."""
    if "VLLM_LOGGING_CONFIG_PATH" in os.environ or os.environ.get("VLLM_CONFIGURE_LOGGING") == "0":
        return
    level = os.environ.get("VLLM_LOGGING_LEVEL", "INFO").upper()
    # it stays: the engine's process reads it when it starts, and again when vLLM starts it anew
    with tempfile.NamedTemporaryFile("w", prefix="vllm-log-", suffix=".json", delete=False) as stream:
        json.dump(log_settings(level), stream)
    os.environ["VLLM_LOGGING_CONFIG_PATH"] = stream.name
