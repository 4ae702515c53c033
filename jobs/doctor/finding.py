"""One thing that `gristmill doctor` has looked at."""

from __future__ import annotations

from dataclasses import dataclass

OK, MISSING, WARNING, OPTIONAL = "ok", "missing", "warning", "optional"


@dataclass(frozen=True)
class Finding:
    """`state`: ok; missing (nothing runs without it); warning (it runs, but slower, or not for large input);
    optional (some jobs need it). `step`: how to mend it, "" where there is nothing to mend.
    """

    part: str
    state: str
    found: str
    step: str = ""
