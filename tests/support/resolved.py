"""Requirements resolved by uv as pip would: nothing is installed, and only the data of packages is fetched."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The one dependency that has no wheel, PySpark aside: pure Python, packed by its installation on any machine.
WITHOUT_WHEEL = "jieba"
X86, ARM = "x86_64-manylinux_2_28", "aarch64-manylinux_2_28"


def uv() -> str:
    """The program, of this environment or of the one that `make setup` has made. Raises FileNotFoundError."""
    places = [Path(sys.executable).parent, ROOT / ".venv/bin"]
    found = shutil.which("uv", path=":".join(map(str, places))) or shutil.which("uv")
    if found is None:
        raise FileNotFoundError("uv, which resolves requirements, is not installed: make setup")
    return found


def resolve(requirements: list[str], *, python: str, platform: str = X86, constraints: Path | None = None) -> subprocess.CompletedProcess[str]:
    """uv's resolution, from wheels alone but for WITHOUT_WHEEL: exit code 0 and a pinned package a line, or the reason on stderr."""
    command = [uv(), "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--only-binary", ":all:", "--no-binary", WITHOUT_WHEEL]
    command += ["--python-version", python, "--python-platform", platform, *(["--constraint", str(constraints)] if constraints else []), "-"]
    return subprocess.run(command, input="\n".join(requirements), capture_output=True, text=True, check=False, cwd=ROOT)
