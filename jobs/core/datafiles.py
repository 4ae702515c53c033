"""Small files on the driver's disk that a recipe names: Parquet, JSON, CSV.

Their content is part of the recipe.
"""

from __future__ import annotations

import csv
import glob
import gzip
import hashlib
import json
import sys
from pathlib import Path
from typing import IO, ClassVar, cast

import pyarrow as pa
from pydantic import model_validator

from gristmill.jobs.core.config import CONF, Strict
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.core.records import Record, Records


class DataFile(Strict):
    """A file of `about`; `digest` is of its bytes, so that another content is another recipe.

    It is filled in, not written.
    """

    about: ClassVar[str]
    file: str
    digest: str = ""

    @model_validator(mode="before")
    @classmethod
    def _load_referenced_files(cls, given: object) -> object:
        if not isinstance(given, dict) or not isinstance(given.get("file"), str):
            return given
        return {**given, "digest": digest_of(find_data(given["file"], cls.about))}

    def path(self) -> Path:
        """Where the file is. Raises ConfigError."""
        return find_data(self.file, self.about)


def find_data(name: str, about: str) -> Path:
    """`name` as given, or below the recipes that ship with the package.

    Raises ConfigError naming every place.
    """
    for place in _places(name):
        if place.is_file():
            return place
    looked = ", ".join(map(str, _places(name)))
    raise ConfigError(
        f"{name}: no such file of {about} (looked at {looked}); name a Parquet or JSON Lines file on "
        "the driver's disk"
    )


def find_all(name: str) -> list[Path]:
    """Every file that `name` says, in order; `*` and `?` stand for any letters of one name.

    None where there is none.
    """
    for place in _places(name):
        if place.is_file():
            return [place]
        found = sorted(
            Path(path) for path in glob.glob(str(place).replace("[", "[[]")) if Path(path).is_file()
        )
        if found:
            return found
    return []


def _places(name: str) -> list[Path]:
    tail = Path(*Path(name).parts[1:]) if Path(name).parts[:1] == ("conf",) else Path(name)
    return list(dict.fromkeys([Path(name), CONF / tail]))


def digest_of(path: Path) -> str:
    """32 hex digits of the file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def read_data(path: Path, wanted: list[str]) -> pa.Table:
    """The `wanted` columns as far as they are there (JSON Lines, or none there: all).

    Raises ConfigError naming the line that is wrong.
    """
    return _parquet(path, wanted) if path.suffix == ".parquet" else _json_lines(path)


def _parquet(path: Path, wanted: list[str]) -> pa.Table:
    import pyarrow.parquet as pq

    try:
        held = pq.ParquetFile(path)
        return held.read(
            columns=[name for name in wanted if name in held.schema_arrow.names] or held.schema_arrow.names
        )
    except (pa.ArrowInvalid, OSError) as error:
        raise ConfigError(
            f"{path}: not readable as Parquet: {error}; a JSON Lines file ends in .jsonl or .jsonl.gz"
        ) from None


def _json_lines(path: Path) -> pa.Table:
    rows = _lines(path)
    names = list(dict.fromkeys(name for row in rows for name in row))
    try:
        return pa.table({name: pa.array([row.get(name) for row in rows]) for name in names})
    except pa.ArrowException as error:
        raise ConfigError(
            f"{path}:{len(rows)}: not readable as JSON Lines: {error}; name a Parquet (.parquet) or "
            "JSON Lines file"
        ) from None


def _lines(path: Path) -> Records:
    rows: Records = []
    number = 0
    try:
        with _opened(path) as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    rows.append(json.loads(line))
                    if not isinstance(rows[-1], dict):
                        raise ConfigError(
                            f"{path}:{number}: wanted a JSON object a line, saw {type(rows[-1]).__name__}"
                        )
    except (ValueError, OSError, EOFError) as error:
        raise ConfigError(
            f"{path}:{number or 1}: not readable as JSON Lines: {error}; name a Parquet (.parquet) "
            "or JSON Lines file"
        ) from None
    return rows


def _opened(path: Path) -> IO[str]:
    opened = gzip.open if path.suffix == ".gz" else open
    return cast(
        IO[str],
        opened(path, "rt", encoding="utf-8-sig", newline="" if _kind(path) in (".csv", ".tsv") else None),
    )


def _kind(path: Path) -> str:
    return Path(path.stem).suffix if path.suffix == ".gz" else path.suffix


def read_columns(path: Path, wanted: dict[str, str]) -> dict[str, list[object]]:
    """The `wanted` columns (each with what it is mapped to) as Python values.

    By the ending of the file: .parquet, .jsonl, .json, .csv, .tsv (all but Parquet packed with gzip too:
    .gz). A dot in a name leads into an object (`answers.text`). JSON is an array of objects, an object in
    which one key alone holds such an array, or lines. CSV has a line of names. Raises ConfigError for a file
    that is not readable or has no row, and for a column that no row has, with those that there are.
    """
    rows = _rows(path, list(wanted))
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not rows:
        raise ConfigError(f"{path}: no row; name a file that holds some, or leave it out of the recipe")
    found: dict[str, list[object]] = {}
    missing = []
    for name in wanted:
        found[name], is_there = [], False
        for row in rows:
            has, value = _within(row, name)
            is_there |= has
            found[name].append(value)
        if not is_there:
            missing.append(f"{name} (mapped to {wanted[name]})")
    if missing:
        raise ConfigError(
            f"{path}: no column {', '.join(missing)}; it has: {', '.join(_inside(names, rows))}; mend "
            "`columns` in the recipe"
        )
    return found


def _within(row: Record, name: str) -> tuple[bool, object]:
    """Whether the row has the column, and its value."""
    if name in row:
        return True, row[name]
    head, _, tail = name.partition(".")
    if tail and isinstance(row.get(head), dict):
        return _within(row[head], tail)
    return False, None


def _inside(names: list[str], rows: Records) -> list[str]:
    """The columns, those within objects after their object's name."""
    told = []
    for name in names:
        first = next((row[name] for row in rows if isinstance(row.get(name), dict)), None)
        told += [f"{name}.{inner}" for inner in first] if first else [name]
    return told


def _rows(path: Path, wanted: list[str]) -> Records:
    kind = _kind(path)
    if path.suffix == ".parquet":
        return cast(
            Records,
            _parquet(path, [*wanted, *(name.split(".")[0] for name in wanted)]).to_pylist(),
        )
    if kind in (".csv", ".tsv"):
        return _separated(path, "\t" if kind == ".tsv" else ",")
    return _json(path) if kind == ".json" else _lines(path)


def _separated(path: Path, separator: str) -> Records:
    csv.field_size_limit(sys.maxsize)
    try:
        with _opened(path) as stream:
            reader = csv.DictReader(stream, delimiter=separator, strict=True)
            rows = []
            for row in reader:
                if None in row or None in row.values():
                    wanted = len(reader.fieldnames or ())
                    raise ConfigError(
                        f"{path}:{reader.line_num}: wanted {wanted} fields as in the line of names; "
                        "quote what holds a separator"
                    )
                rows.append(row)
            return rows
    except (ValueError, OSError, EOFError, csv.Error) as error:
        raise ConfigError(f"{path}: not readable as CSV in UTF-8: {error}") from None


def _json(path: Path) -> Records:
    try:
        with _opened(path) as stream:
            whole = json.load(stream)
    except (ValueError, OSError, EOFError):
        return _lines(path)  # many a file of lines is called .json
    arrays = [whole] if isinstance(whole, list) else list(whole.values()) if isinstance(whole, dict) else []
    arrays = [
        array
        for array in arrays
        if isinstance(array, list) and array and all(isinstance(row, dict) for row in array)
    ]
    if len(arrays) != 1:
        wanted = "an array of JSON objects, or an object in which one key holds one"
        raise ConfigError(f"{path}: wanted {wanted}, saw {len(arrays)}; write it as .jsonl")
    return cast(Records, arrays[0])


def digest_of_folder(folder: Path) -> str:
    """32 hex digits of the names and bytes of a Hugging Face folder's files (weights, configuration,
    tokenizer); empty when it holds no config.json."""
    if not (folder / "config.json").is_file():
        return ""
    found = hashlib.blake2b(digest_size=16)
    for path in sorted(
        path
        for path in folder.iterdir()
        if path.suffix in (".json", ".safetensors", ".bin", ".model", ".txt")
    ):
        found.update(f"{path.name}\0{digest_of(path)}\0".encode())
    return found.hexdigest()
