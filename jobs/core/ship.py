"""Packs the project's own code for `spark-submit --py-files`: `python -m jobs.core.ship [FILE]` writes dist/gristmill.zip.

In it are `jobs`, `udfs` and the recipes as `jobs/conf`, as an installed wheel has them. The same sources give the same bytes.
The Python packages that the code needs are not in it: executors have them installed, or get them by `--archives`.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from jobs.core.config import CONF, PACKAGE

TARGET = "dist/gristmill.zip"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time a zip can hold


def contents() -> dict[str, Path]:
    """Name in the archive -> file."""
    found: dict[str, Path] = {}
    for folder, name in ((PACKAGE, "jobs"), (PACKAGE.parent / "udfs", "udfs"), (CONF, "jobs/conf")):
        for path in folder.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                found[f"{name}/{path.relative_to(folder).as_posix()}"] = path
    return dict(sorted(found.items()))


def ship(target: Path) -> int:
    """Write the archive; returns how many files are in it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(f"{target.name}.half")
    files = contents()
    with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    half.replace(target)
    return len(files)


def main(argv: list[str] | None = None) -> int:
    """Write the archive named on the command line, or dist/gristmill.zip; returns 0."""
    given = sys.argv[1:] if argv is None else argv
    target = Path(given[0] if given else TARGET)
    print(f"{target}: {ship(target)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
