"""Reads the items of benchmarks on the driver: the files, and their columns for question, answer and
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
# the digest of an optional file that does not exist, so that adding it changes the recipe's hash
ABSENT = "absent"


class ColumnMap(Strict):
    """Our column -> column of the file; `=x` is the constant x, `a.b` the field b of the object a."""

    benchmark: str
    # unique within its benchmark; null: the number of the row in its file
    item: str | None
    text: str  # the question
    # a string, a number, or a list of these, each of which is a correct answer
    answer: str | None = None
    # a list of strings, or the columns that hold one choice each
    choices: str | list[str] | None = None
    passage: str | None = None  # the text to which the question refers

    def named(self) -> dict[str, str]:
        """Column of the file -> the column of ours that it is mapped to; constants are left out.

        ColumnMap(benchmark="=gsm8k", item=None, text="question")  ->  {"question": "text"}
        """
        ours = {
            name: [value] if isinstance(value, str) else value or []
            for name, value in self.model_dump().items()
        }
        return {
            column: name for name, listed in ours.items() for column in listed if not column.startswith("=")
        }


class Questions(DataFile):
    """One file of items, or all files that match a name with `*` or `?`."""

    about = "benchmark questions"
    required: bool = (
        # false: a missing file is reported, and its items are not searched for
        True
    )
    columns: ColumnMap
    answer_is: Literal["text", "letter", "index"] = (
        # letter: A (or 1) is the first choice; index: 0
        # is the first choice; text: the answer itself
        "text"
    )

    @model_validator(mode="before")
    @classmethod
    def _load_referenced_files(cls, values: object) -> object:
        if not isinstance(values, dict) or not isinstance(values.get("file"), str):
            return values
        paths = find_all(values["file"])
        if not paths and values.get("required", True) is not False:
            find_data(values["file"], cls.about)
        digests = [digest_of(path) for path in paths]
        # Names are part of the digest of several files, since they become part of the ids of items.
        names = "".join(f"{path.name}\0{digest}\0" for path, digest in zip(paths, digests, strict=True))
        many = hashlib.blake2b(names.encode(), digest_size=16).hexdigest()
        return {**values, "digest": digests[0] if len(paths) == 1 else many if paths else ABSENT}

    @model_validator(mode="after")
    def _choices(self) -> Questions:
        # A letter or an index means nothing without the list that it points into.
        if self.answer_is != "text" and (self.columns.choices is None or self.columns.answer is None):
            raise ValueError(f"answer_is: {self.answer_is} names a choice: map `answer` and `choices`")
        return self

    def paths(self) -> list[Path]:
        """The files; empty when an optional file does not exist."""
        return find_all(self.file)

    def items(self) -> list[Item]:
        """The items of all its files, in order.

        Raises ConfigError for a file, column or row that is wrong.
        """
        paths = self.paths()
        return [item for path in paths for item in _read(self, path, _row_prefix(path, paths))]


def read_questions(sources: list[Questions]) -> list[Item]:
    """The items of all files, in order. Raises ConfigError for a file, column, row or item that is wrong."""
    items = [item for questions in sources for item in questions.items()]
    seen = Counter((item.benchmark, item.item) for item in items)
    twice = [f"{item} of {benchmark} ({n} times)" for (benchmark, item), n in seen.items() if n > 1]
    if twice:
        files = ", ".join(questions.file for questions in sources)
        raise ConfigError(
            f"{files}: an item's id is unique within its benchmark, seen: {', '.join(twice[:3])}; "
            "map another column to `item`, or null for the number of the row"
        )
    return items


def _row_prefix(path: Path, paths: list[Path]) -> str:
    """The prefix of row numbers that serve as ids: of several files, the part of the path in which they
    differ.

    Empty for a single file.

        data/en/test.csv, data/zh/test.csv  ->  "en/test.csv:" and "zh/test.csv:"
    """
    if len(paths) == 1:
        return ""
    parts = [each.parts for each in paths]
    same = next((i for i, names in enumerate(zip(*parts, strict=False)) if len(set(names)) > 1), 0)
    return "/".join(path.parts[same:]) + ":"


def _read(questions: Questions, path: Path, before: str) -> Iterator[Item]:
    columns = questions.columns
    values = read_columns(path, columns.named())
    n_rows = len(next(iter(values.values()))) if values else 0
    for ours in ("benchmark", "item"):
        name = getattr(columns, ours)
        # A null id would give many items one name, and a verdict could not say which one matched.
        empty = sum(value is None for value in values[name]) if name in values else 0
        if empty:
            raise ConfigError(
                f"{path}: column {name} is null in {empty} of {n_rows} rows; `{ours}` names each question"
            )
    for number in range(n_rows):
        # `number` as a default argument binds this row's
        # number; a closure would see the loop's last one.
        def cell(name: str | None, number: int = number) -> object:
            return None if name is None else name[1:] if name.startswith("=") else values[name][number]

        def text(name: str | None, number: int = number) -> str | None:
            return _string(cell(name, number), path, number, name or "")

        passage = cell(columns.passage)
        # Some benchmarks store a passage as a list of sentences or paragraphs.
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
    """The answers as texts; where the right choice is not given (a test set without answers), all choices.

    answer "B", choices ["(A) 3", "(B) 4"], answer_is letter  ->  ("4",)
    answer null, the same choices                             ->  ("3", "4")
    """
    columns = questions.columns
    stated = cell(columns.answer)
    stated = [
        each for each in (stated if isinstance(stated, list) else [stated]) if each is not None and each != ""
    ]
    if questions.answer_is == "text" and (stated or columns.choices is None):
        return tuple(dict.fromkeys(_answer(each, path, number, str(columns.answer)) for each in stated))
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
    # Labels go, since a document may number the same choices differently.
    choices = [
        _unlabelled(_answer(each, path, number, str(columns.choices))) for each in listed if each is not None
    ]
    positions = [position for each in stated for position in _choice_positions(each, questions.answer_is)]
    wrong = [position for position in positions if position >= len(choices)]
    if wrong:
        raise ConfigError(
            f"{path}: column {columns.answer} is {stated[0]!r} in row {number + 1}, which has "
            f"{len(choices)} choices; "
            f"mend `choices` or `answer_is` (it is {questions.answer_is}: "
            f"{'A or 1' if questions.answer_is == 'letter' else '0'} is the first)"
        )
    return tuple(dict.fromkeys(choices[position] for position in positions if position >= 0)) or tuple(
        dict.fromkeys(choices)
    )


def _unlabelled(choice: str) -> str:
    # Only at the start: a letter with a bracket inside a choice is part of its text.
    label = _LABEL.match(choice)
    return choice[label.end() :] if label else choice


def _choice_positions(answer: object, kind: str) -> list[int]:
    """Numbers of the choices that an answer names, from 0. Empty or -1: the answer is not given.

    "AC" as letters  ->  [0, 2];   "1" as letter  ->  [0];   "1" as index  ->  [1]
    """
    text = str(answer).strip()
    if text.lstrip("-").isdecimal():
        return [int(text) - (kind == "letter")]
    letters = [letter for letter in text.upper() if letter.isalpha()]
    # A word where an index belongs becomes a number that no list
    # of choices reaches, so the caller reports it with the row.
    return [ord(letter) - ord("A") for letter in letters] if kind == "letter" else [1 << 30]


def _answer(value: object, path: Path, number: int, name: str) -> str:
    # 15 significant digits: 0.1 stays 0.1 instead of its binary expansion.
    if isinstance(value, float) and not isinstance(value, bool):
        return f"{value:.15g}"
    text = _string(value, path, number, name)
    return "" if text is None else text
