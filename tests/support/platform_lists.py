"""Copies the published package lists of Databricks into conf/constraints: `python -m tests.support.platform_lists --checkout DIR [NAME ...]`.

DIR is a checkout of the repository databricks/environments, whose lists are what a runtime has installed. Our requirements are
resolved against them (tests/deploy/test_platform_lists.py): a list is a ceiling that an installation should not move.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONSTRAINTS = ROOT / "conf/constraints"
# Name of our file -> folder of the checkout. All of these have Python 3.12.
LISTS = {
    "databricks-serverless-4": "python/serverless/serverless-v4",
    "databricks-serverless-5": "python/serverless/serverless-v5",
    "databricks-serverless-6": "python/serverless/serverless-v6",
    "databricks-17.3": "python/dbr/17.3.x-scala2.13",
    "databricks-19": "python/dbr/19.x-scala2.13",
}
PYTHON = "3.12"
PIN = re.compile(r"[A-Za-z0-9._-]+(~=|==)[A-Za-z0-9.!+_-]+")


def listed(text: str) -> list[str]:
    """The pins of a list, sorted. Raises ValueError for a line that is neither a pin, nor a comment, nor empty."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for line in lines:
        if not PIN.fullmatch(line):
            raise ValueError(f"{line!r} is not a pin such as numpy~=2.1.3; the repository's format has changed")
    return sorted(lines)


def written(name: str, pins: list[str], commit: str, day: str) -> str:
    """The text of our file."""
    head = [
        f"# What {name.replace('-', ' ')} has installed (Python {PYTHON}), by the repository databricks/environments:",
        f"# {LISTS[name]}/constraints.txt at commit {commit}, read on {day}.",
        "# Written by python -m tests.support.platform_lists.",
    ]
    return "\n".join([*head, *pins]) + "\n"


def main(argv: list[str] | None = None) -> int:
    """Writes the lists; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkout", required=True, type=Path, help="checkout of databricks/environments")
    parser.add_argument("--commit", help="its commit, where the folder is a copy without git's data")
    parser.add_argument("--day", default=dt.datetime.now(dt.UTC).date().isoformat(), help="day of the checkout (default: today)")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"lists to write (default: all of {', '.join(LISTS)})")
    args = parser.parse_args(argv)
    if unknown := sorted(set(args.names) - set(LISTS)):
        parser.error(f"unknown list {unknown[0]}; known: {', '.join(LISTS)}")
    commit = args.commit or subprocess.run(["git", "-C", str(args.checkout), "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    for name in args.names or LISTS:
        source = args.checkout / LISTS[name] / "constraints.txt"
        if not source.is_file():
            parser.error(f"{source}: no such file; give the folder of a checkout of databricks/environments")
        pins = listed(source.read_text(encoding="utf-8"))
        (CONSTRAINTS / f"{name}.txt").write_text(written(name, pins, commit, args.day), encoding="utf-8")
        print(f"{name}: {len(pins)} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
