"""Spares Python workers from reading the directories of zip archives again at every task.

Spark's Python worker invalidates the import caches at each task, and Python before 3.13 then reads the whole
directory of an archive again, in Python, once for each package that was imported out of it: with pyspark.zip
and a zip of ours on the path 5 of the 31 seconds of a worker that sketched and compared half a million
documents. A directory is read again only where its file has another time or size than when it was read last.
"""

from __future__ import annotations

import contextlib
import os
import zipimport
from typing import Any

# archive -> what its file was when its directory was read
_read: dict[str, tuple[int, int]] = {}
_reread = zipimport.zipimporter.invalidate_caches


def invalidate_changed(importer: zipimport.zipimporter) -> None:
    """In the place of zipimporter.invalidate_caches."""
    archive, now = importer.archive, (0, -1)
    with contextlib.suppress(OSError):
        state = os.stat(archive)
        now = (state.st_mtime_ns, state.st_size)
    known = zipimport._zip_directory_cache.get(archive)  # type: ignore[attr-defined]
    if known is None or _read.get(archive) != now:
        _reread(importer)
        _read[archive] = now
    else:
        importer._files = known  # type: ignore[attr-defined]  # another importer of the archive has read it


def install() -> None:
    """For this process, unless its Python reads directories only when they are asked for."""
    if "_get_files" not in vars(zipimport.zipimporter):
        importer: Any = zipimport.zipimporter
        importer.invalidate_caches = invalidate_changed
