"""What takes seconds to load is loaded while the JVM starts."""

from __future__ import annotations

import importlib
import threading
from typing import Any


def preload(sections: list[Any]) -> None:
    """Load in the background, while the JVM starts, what the jobs of these parameters will ask for.

    Great Expectations (five seconds) where one names a contract, and whatever a `preload` of the parameters themselves loads.
    """
    if any(hasattr(params, "contract") for params in sections):
        threading.Thread(target=importlib.import_module, args=("great_expectations",), daemon=True).start()
    for load in [params.preload for params in sections if hasattr(params, "preload")]:
        threading.Thread(target=load, daemon=True).start()
