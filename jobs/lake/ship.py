"""Packs the project's own code for `spark-submit --py-files`: `python -m gristmill.jobs.lake.ship [FILE]`
writes dist/gristmill.zip.

The archive contains `jobs`, `udfs` and the recipes as `conf`, all below `gristmill` as in an installed wheel,
and the machine code of kernels that this machine has compiled from these sources
(gristmill.udfs.arrow.code_cache); `--compile` first compiles the kernels of all passes over text. Executors
with another processor ignore it. Equal sources and code give equal bytes. Python packages that the code needs
are not included: executors have them installed, or get them by `--archives`.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from pathlib import Path

from gristmill.jobs.core.config import CONF, PACKAGE
from gristmill.udfs.arrow.code_cache import CACHE_FOLDER, SUFFIXES, is_current
from gristmill.udfs.warm_up import warm_up

TARGET = "dist/gristmill.zip"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time a zip can hold


def contents() -> dict[str, Path]:
    """Name in the archive -> file."""
    # next to jobs/ in a wheel, in a folder of its own in a checkout
    starts = [PACKAGE.parent / "__init__.py", PACKAGE.parent / "gristmill" / "__init__.py"]
    files = {"gristmill/__init__.py": next(path for path in starts if path.is_file())}
    for folder, name in ((PACKAGE, "jobs"), (PACKAGE.parent / "udfs", "udfs"), (CONF, "conf")):
        for path in folder.rglob("*"):
            if path.is_file() and (CACHE_FOLDER not in path.parts or is_compiled(path)):
                files[f"gristmill/{name}/{path.relative_to(folder).as_posix()}"] = path
    return dict(sorted(files.items()))


def is_compiled(path: Path) -> bool:
    """Whether a file next to the sources is machine code of the present sources, or its index."""
    if path.suffix not in SUFFIXES:
        return False
    name = path.name.removesuffix(".nbi") if path.suffix == ".nbi" else path.name.rsplit(".", 2)[0]
    return is_current(path.with_name(f"{name}.nbi"))


def ship(target: Path) -> int:
    """Write the archive; returns its number of files."""
    target.parent.mkdir(parents=True, exist_ok=True)
    # Renamed at the end: a job that is submitted meanwhile never gets half an archive.
    half = target.with_name(f"{target.name}.half")
    files = contents()
    with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files.items():
            # A fixed time and mode, so that equal contents give equal bytes.
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    half.replace(target)
    return len(files)


def main(argv: list[str] | None = None) -> int:
    """Write the archive named on the command line, or dist/gristmill.zip; returns 0."""
    parser = argparse.ArgumentParser(
        prog="python -m gristmill.jobs.lake.ship", description="Pack for --py-files."
    )
    parser.add_argument("target", nargs="?", default=TARGET, metavar="FILE")
    parser.add_argument("--compile", action="store_true", help="compile kernels first (a minute, once)")
    args = parser.parse_args(argv)
    if args.compile:
        warm_up()
    target = Path(args.target)
    code = sum(path.suffix == ".nbc" for path in contents().values())
    print(f"{target}: {ship(target)} files, {code} of them machine code")
    return 0


if __name__ == "__main__":
    sys.exit(main())
