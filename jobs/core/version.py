"""The version of the installed code, which is written in setup.py only."""

from __future__ import annotations

from importlib import metadata


def code_version() -> str:
    """Version of the installed package, or `source` when run from --py-files."""
    try:
        return metadata.version("gristmill")
    except metadata.PackageNotFoundError:
        # The archive of --py-files has no package metadata,
        # and a run must not fail for want of a number.
        return "source"
