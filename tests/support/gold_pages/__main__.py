"""Writes the gold pages: python -m tests.support.gold_pages"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.gold_pages.contents import FOLDER
from tests.support.gold_pages.pages import files


def write(folder: Path) -> int:
    """All files but the contents and the README; returns their number."""
    for old in folder.glob("*.html"):
        old.unlink()
    made = files()
    for name, body in made.items():
        (folder / name).write_bytes(body)
    return len(made)


if __name__ == "__main__":
    print(f"{write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)} files")
