"""Stops Python workers from reading the directories of zip archives again at every task.

Spark's Python worker invalidates the import caches at each task. Python before 3.13 then reads the whole
directory of an archive again, in Python code, once for each package imported from it. With pyspark.zip and
our own zip on the path that took 5 of the 31 seconds of a worker that sketched and compared half a million
documents. With this module a directory is read again only if the archive's time or size has changed.
"""

from __future__ import annotations

import contextlib
import os
import zipimport
from typing import Any

# archive -> (time in ns, size in bytes) of its file when its directory was last read
_read: dict[str, tuple[int, int]] = {}
_reread = zipimport.zipimporter.invalidate_caches


def invalidate_changed(importer: zipimport.zipimporter) -> None:
    """Replaces zipimporter.invalidate_caches: reads the directory again only if the file has changed."""
    # an archive that cannot be read gets a state that no
    # file has, and Python's own code reports the error
    archive, now = importer.archive, (0, -1)
    with contextlib.suppress(OSError):
        state = os.stat(archive)
        now = (state.st_mtime_ns, state.st_size)
    # Python's own cache of directories, which all importers of one archive share
    known = zipimport._zip_directory_cache.get(archive)  # type: ignore[attr-defined]
    if known is None or _read.get(archive) != now:
        _reread(importer)
        _read[archive] = now
    else:
        # another importer of the same archive may have read a newer directory than this one holds
        importer._files = known  # type: ignore[attr-defined]


def install() -> None:
    """Install the replacement in this process, unless its Python reads directories lazily already."""
    # Python 3.13 introduced _get_files together with lazy reading
    if "_get_files" not in vars(zipimport.zipimporter):
        importer: Any = zipimport.zipimporter
        importer.invalidate_caches = invalidate_changed
