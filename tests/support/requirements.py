"""What setup.py declares, read from the file itself: the metadata of an environment may be older."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]


def declared() -> dict[str, list[str]]:
    """The requirements of each extra, and of the package itself under ""."""
    given: dict[str, Any] = {}
    with mock.patch("setuptools.setup", given.update):
        runpy.run_path(str(ROOT / "setup.py"))
    return {"": given["install_requires"], **given["extras_require"]}
