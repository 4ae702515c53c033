"""Numbers that say how well the code can be read: `make metrics` prints them, tests/whole/test_architecture.py holds them.

    python -m tests.support.metrics
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("jobs", "udfs", "synth_worker")
MAX_LINE, MAX_FILES = 110, 16
JVM = re.compile(r"\._jvm\b|\._jsc\b|\.sparkContext\b|\.rdd\b|\._jdf\b|SparkContext\b")


@dataclass(frozen=True)
class Metrics:
    """Of all files under FOLDERS."""

    line_p90: int  # the 90th percentile of the length of lines that are not empty, in code points
    long_lines: dict[str, int]  # file -> lines of more than MAX_LINE
    comment_ratio: float  # lines that are a comment, in lines of code
    crowded_folders: dict[str, int]  # folder -> files, where there are more than MAX_FILES (jobs/ itself apart)
    jvm_files: tuple[str, ...]  # that reach behind PySpark's public names
    n_any: int  # parameters and results of functions in jobs/ that are annotated with Any


def measured() -> Metrics:
    """Reads every file once."""
    files = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in files}
    lengths = sorted(len(line) for text in texts.values() for line in text.splitlines() if line.strip())
    long_lines = {name: sum(len(line) > MAX_LINE for line in text.splitlines()) for name, text in texts.items()}
    comments, code = map(sum, zip(*map(_lines, texts.values()), strict=True))
    return Metrics(
        line_p90=lengths[len(lengths) * 9 // 10],
        long_lines={name: n for name, n in long_lines.items() if n},
        comment_ratio=round(comments / code, 4),
        crowded_folders={name: n for name, n in _per_folder().items() if n > MAX_FILES},
        jvm_files=tuple(name for name, text in texts.items() if JVM.search(_without_comments(text))),
        n_any=sum(_n_any(text) for name, text in texts.items() if name.startswith("jobs/")),
    )


def _per_folder() -> Counter[str]:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".html")]
    return Counter(str(path.parent.relative_to(ROOT)) for path in files if path.parent != ROOT / "jobs")


def _lines(text: str) -> tuple[int, int]:
    """Whole-line comments, and lines of code (no docstring, no empty line)."""
    comments = [line for line in text.splitlines() if line.strip().startswith("#")]
    docstrings = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            docstrings |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(text.splitlines(), 1)
    code = sum(bool(line.strip()) and not line.strip().startswith("#") and n not in docstrings for n, line in lines)
    return len(comments), code


def _without_comments(text: str) -> str:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return " ".join(token.string for token in tokens if token.type == tokenize.NAME or token.string == ".").replace(" . ", ".")


def _n_any(text: str) -> int:
    """Annotations of parameters and results that mention Any."""
    found = 0
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
            said = [argument.annotation for argument in arguments if argument is not None] + [node.returns]
            found += sum(any(isinstance(name, ast.Name) and name.id == "Any" for name in ast.walk(each)) for each in said if each)
    return found


def main() -> None:
    """Print them, the longest lists shortened."""
    found = measured()
    print(f"line length, 90th percentile   {found.line_p90} (<= 100)")
    print(f"lines over {MAX_LINE}                 {sum(found.long_lines.values())} in {len(found.long_lines)} files (0)")
    print(f"comment lines a line of code   {found.comment_ratio:.3f} (>= .05)")
    print(f"folders over {MAX_FILES} files          {found.crowded_folders or 'none'} (none)")
    print(f"files that use the JVM         {len(found.jvm_files)}: {', '.join(found.jvm_files)} (<= 2)")
    print(f"Any in signatures of jobs/     {found.n_any} (<= 40)")
    for name, n in sorted(found.long_lines.items(), key=lambda each: -each[1])[:10]:
        print(f"  {n:4} {name}")


if __name__ == "__main__":
    main()
