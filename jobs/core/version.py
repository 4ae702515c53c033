"""The number of this version of the code; it stands in setup.py alone."""

from __future__ import annotations

from importlib import metadata


def code_version() -> str:
    """Version of the installed package, or `source` when run from --py-files."""
    try:
        return metadata.version("gristmill")
    except metadata.PackageNotFoundError:
        return "source"
