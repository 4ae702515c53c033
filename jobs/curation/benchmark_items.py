"""Reads the items of benchmarks on the driver: which file, and which column is the question, answer,
passage."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.datafiles import DataFile, digest_of, find_all, find_data, read_columns
from gristmill.jobs.core.errors import ConfigError
from gristmill.udfs.contamination.items import Item

if TYPE_CHECKING:
    from collections.abc import Callable

# `(A) text`: a document may write it `A. text`
_LABEL = re.compile(r"\s*[(（]?[A-Ha-h]\s*[)）.．、:：]\s*")
# in place of the digest of a file that is not here
ABSENT = "absent"


class ColumnMap(Strict):
    """Which column of the file is which of ours; `=x` is the constant x, a dot leads into an object."""

    benchmark: str
    # unique within its benchmark; null: the number of the row in its file
    item: str | None
    text: str  # the question
    # a string, a number, or a list of those, any of which will do
    answer: str | None = None
    # a list of strings, or the columns that hold one choice each
    choices: str | list[str] | None = None
    passage: str | None = None  # the text that the question is about

    def named(self) -> dict[str, str]:
        """The columns of the file, each with what it is mapped to."""
        ours = {
            name: [value] if isinstance(value, str) else value or []
            for name, value in self.model_dump().items()
        }
        return {
            theirs: name for name, listed in ours.items() for theirs in listed if not theirs.startswith("=")
        }


class Questions(DataFile):
    """One file of items, or all files that a name with `*` or `?` says."""

    about = "benchmark questions"
    required: bool = (
        # false: a file that is not here is reported, and nothing is looked for in its place
        True
    )
    columns: ColumnMap
    answer_is: Literal["text", "letter", "index"] = (
        # letter: A (or 1) is the first choice; index: 0 is; text: what is looked for
        "text"
    )

    @model_validator(mode="before")
    @classmethod
    def _load_referenced_files(cls, given: object) -> object:
        if not isinstance(given, dict) or not isinstance(given.get("file"), str):
            return given
        paths = find_all(given["file"])
        if not paths and given.get("required", True) is not False:
            find_data(given["file"], cls.about)
        digests = [digest_of(path) for path in paths]
        names = "".join(f"{path.name}\0{digest}\0" for path, digest in zip(paths, digests, strict=True))
        many = hashlib.blake2b(names.encode(), digest_size=16).hexdigest()
        return {**given, "digest": digests[0] if len(paths) == 1 else many if paths else ABSENT}

    @model_validator(mode="after")
    def _choices(self) -> Questions:
        if self.answer_is != "text" and (self.columns.choices is None or self.columns.answer is None):
            raise ValueError(f"answer_is: {self.answer_is} names a choice: map `answer` and `choices`")
        return self

    def paths(self) -> list[Path]:
        """The files; none when it is not here and need not be."""
        return find_all(self.file)

    def items(self) -> list[Item]:
        """The items of all its files, in order.

        Raises ConfigError for a file, column or row that is wrong.
        """
        paths = self.paths()
        return [item for path in paths for item in _read(self, path, _told(path, paths))]


def read_questions(given: list[Questions]) -> list[Item]:
    """The items of all files, in order. Raises ConfigError for a file, column, row or item that is wrong."""
    items = [item for questions in given for item in questions.items()]
    seen = Counter((item.benchmark, item.item) for item in items)
    twice = [f"{item} of {benchmark} ({n} times)" for (benchmark, item), n in seen.items() if n > 1]
    if twice:
        files = ", ".join(questions.file for questions in given)
        raise ConfigError(
            f"{files}: an item's id is unique within its benchmark, seen: {', '.join(twice[:3])}; "
            "map another column to `item`, or null for the number of the row"
        )
    return items


def _told(path: Path, paths: list[Path]) -> str:
    """What goes before the number of a row: of several files the part of the path in which they differ."""
    if len(paths) == 1:
        return ""
    parts = [each.parts for each in paths]
    same = next((i for i, names in enumerate(zip(*parts, strict=False)) if len(set(names)) > 1), 0)
    return "/".join(path.parts[same:]) + ":"


def _read(questions: Questions, path: Path, before: str) -> Iterator[Item]:
    columns = questions.columns
    held = read_columns(path, columns.named())
    n_rows = len(next(iter(held.values()))) if held else 0
    for ours in ("benchmark", "item"):
        name = getattr(columns, ours)
        empty = sum(value is None for value in held[name]) if name in held else 0
        if empty:
            raise ConfigError(
                f"{path}: column {name} is null in {empty} of {n_rows} rows; `{ours}` names each question"
            )
    for number in range(n_rows):

        def cell(name: str | None, number: int = number) -> object:
            return None if name is None else name[1:] if name.startswith("=") else held[name][number]

        def text(name: str | None, number: int = number) -> str | None:
            return _string(cell(name, number), path, number, name or "")

        passage = cell(columns.passage)
        if isinstance(passage, list):
            passage = "\n".join(
                filter(None, (_string(line, path, number, str(columns.passage)) for line in passage))
            )
        answers = _answers(questions, cell, path, number)
        item = text(columns.item) if columns.item else f"{before}{number + 1}"
        yield Item(
            str(text(columns.benchmark)),
            str(item),
            text(columns.text),
            answers,
            _string(passage, path, number, str(columns.passage)),
        )


def _string(value: object, path: Path, number: int, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ConfigError(
        f"{path}: column {name} is {type(value).__name__} in row {number + 1}, wanted strings; map a "
        "column of strings"
    )


def _answers(
    questions: Questions, cell: Callable[[str | None], object], path: Path, number: int
) -> tuple[str, ...]:
    """The answers as texts. Of a choice that is not known (a test without answers) each choice is one."""
    columns = questions.columns
    given = cell(columns.answer)
    given = [
        each for each in (given if isinstance(given, list) else [given]) if each is not None and each != ""
    ]
    if questions.answer_is == "text" and (given or columns.choices is None):
        return tuple(dict.fromkeys(_answer(each, path, number, str(columns.answer)) for each in given))
    listed = (
        [cell(name) for name in columns.choices]
        if isinstance(columns.choices, list)
        else cell(columns.choices) or []
    )
    if not isinstance(listed, list):
        raise ConfigError(
            f"{path}: column {columns.choices} is {type(listed).__name__} in row {number + 1}, wanted "
            "a list of choices"
        )
    choices = [
        _unlabelled(_answer(each, path, number, str(columns.choices))) for each in listed if each is not None
    ]
    at = [place for each in given for place in _places(each, questions.answer_is)]
    wrong = [place for place in at if place >= len(choices)]
    if wrong:
        raise ConfigError(
            f"{path}: column {columns.answer} is {given[0]!r} in row {number + 1}, which has "
            f"{len(choices)} choices; "
            f"mend `choices` or `answer_is` (it is {questions.answer_is}: "
            f"{'A or 1' if questions.answer_is == 'letter' else '0'} is the first)"
        )
    return tuple(dict.fromkeys(choices[place] for place in at if place >= 0)) or tuple(dict.fromkeys(choices))


def _unlabelled(choice: str) -> str:
    label = _LABEL.match(choice)
    return choice[label.end() :] if label else choice


def _places(answer: object, kind: str) -> list[int]:
    """Which choices an answer names, from 0; -1 or none: it is not told. `AC` names two."""
    text = str(answer).strip()
    if text.lstrip("-").isdecimal():
        return [int(text) - (kind == "letter")]
    letters = [letter for letter in text.upper() if letter.isalpha()]
    return [ord(letter) - ord("A") for letter in letters] if kind == "letter" else [1 << 30]


def _answer(value: object, path: Path, number: int, name: str) -> str:
    if isinstance(value, float) and not isinstance(value, bool):
        return f"{value:.15g}"
    text = _string(value, path, number, name)
    return "" if text is None else text
