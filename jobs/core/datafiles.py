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
    """A file of `about`. `digest` is the hash of its bytes, so changed content changes the recipe's hash.

    Recipes do not write the digest; validation fills it in.
    """

    about: ClassVar[str]
    file: str
    digest: str = ""

    @model_validator(mode="before")
    @classmethod
    def _load_referenced_files(cls, values: object) -> object:
        if not isinstance(values, dict) or not isinstance(values.get("file"), str):
            return values
        # The digest is part of the validated parameters and so of the recipe hash: editing the file
        # makes the jobs that read it stale, as editing a number in the recipe does.
        return {**values, "digest": digest_of(find_data(values["file"], cls.about))}

    def path(self) -> Path:
        """The path of the file. Raises ConfigError when it does not exist."""
        return find_data(self.file, self.about)


def find_data(name: str, about: str) -> Path:
    """The file `name`: relative to the working directory or to the recipes that ship with the package.

    Raises ConfigError, which lists every path that was tried.
    """
    for candidate in _places(name):
        if candidate.is_file():
            return candidate
    searched = ", ".join(map(str, _places(name)))
    raise ConfigError(
        f"{name}: no such file of {about} (looked at {searched}); name a Parquet or JSON Lines file on "
        "the driver's disk"
    )


def find_all(name: str) -> list[Path]:
    """Every file that matches `name`, sorted; `*` and `?` are wildcards within one path component.

    An empty list where none matches.
    """
    for candidate in _places(name):
        if candidate.is_file():
            return [candidate]
        # `[` is legal in file names here, and only `*` and `?` are documented as wildcards.
        matches = sorted(
            Path(path) for path in glob.glob(str(candidate).replace("[", "[[]")) if Path(path).is_file()
        )
        if matches:
            return matches
    return []


def _places(name: str) -> list[Path]:
    tail = Path(*Path(name).parts[1:]) if Path(name).parts[:1] == ("conf",) else Path(name)
    # The working directory first: a user's file replaces the package's of the same name.
    return list(dict.fromkeys([Path(name), CONF / tail]))


def digest_of(path: Path) -> str:
    """BLAKE2b of the file's bytes as 32 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def read_data(path: Path, columns: list[str]) -> pa.Table:
    """The `columns` that a Parquet file has (all columns if it has none of them); of JSON Lines all columns.

    Raises ConfigError for a file that is not readable, with the line of a JSON Lines file.
    """
    return _parquet(path, columns) if path.suffix == ".parquet" else _json_lines(path)


def _parquet(path: Path, columns: list[str]) -> pa.Table:
    import pyarrow.parquet as pq

    try:
        parquet_file = pq.ParquetFile(path)
        return parquet_file.read(
            columns=[name for name in columns if name in parquet_file.schema_arrow.names]
            or parquet_file.schema_arrow.names
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
    # utf-8-sig drops the byte order mark that Excel writes, which would become part of the
    # first column's name. The csv module needs newline='' to keep line breaks inside quotes.
    opened = gzip.open if path.suffix == ".gz" else open
    return cast(
        IO[str],
        opened(path, "rt", encoding="utf-8-sig", newline="" if _kind(path) in (".csv", ".tsv") else None),
    )


def _kind(path: Path) -> str:
    return Path(path.stem).suffix if path.suffix == ".gz" else path.suffix


def read_columns(path: Path, mapped: dict[str, str]) -> dict[str, list[object]]:
    """The columns `mapped` (column of the file -> what it is mapped to) as lists of Python values.

    The format follows from the ending of the file: .parquet, .jsonl, .json, .csv, .tsv (all but Parquet also
    compressed with gzip: .gz). A dot in a name leads into an object (`answers.text`). JSON is an array of
    objects, an object in which one key alone holds such an array, or lines. CSV has a line of names. Raises
    ConfigError for a file that is not readable or has no row, and for a column that no row has, with the
    columns that exist.

        {"id": 7, "answers": {"text": "a"}}   read_columns(path, {"answers.text": "answer", "id": "item"})
        {"id": 8, "answers": {"text": "b"}}   -> {"answers.text": ["a", "b"], "id": [7, 8]}
    """
    rows = _rows(path, list(mapped))
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not rows:
        raise ConfigError(f"{path}: no row; name a file that holds some, or leave it out of the recipe")
    values: dict[str, list[object]] = {}
    missing = []
    # A column that only some rows have is legal (null
    # elsewhere); one that no row has is a wrong mapping.
    for name in mapped:
        values[name], is_present = [], False
        for row in rows:
            has, value = _within(row, name)
            is_present |= has
            values[name].append(value)
        if not is_present:
            missing.append(f"{name} (mapped to {mapped[name]})")
    if missing:
        raise ConfigError(
            f"{path}: no column {', '.join(missing)}; it has: {', '.join(_inside(names, rows))}; mend "
            "`columns` in the recipe"
        )
    return values


def _within(row: Record, name: str) -> tuple[bool, object]:
    """Whether the row has the column, and its value."""
    if name in row:
        return True, row[name]
    head, _, tail = name.partition(".")
    if tail and isinstance(row.get(head), dict):
        return _within(row[head], tail)
    return False, None


def _inside(names: list[str], rows: Records) -> list[str]:
    """Column names for an error message; the fields of an object as `object.field`."""
    columns = []
    for name in names:
        first = next((row[name] for row in rows if isinstance(row.get(name), dict)), None)
        columns += [f"{name}.{inner}" for inner in first] if first else [name]
    return columns


def _rows(path: Path, columns: list[str]) -> Records:
    kind = _kind(path)
    if path.suffix == ".parquet":
        return cast(
            Records,
            _parquet(path, [*columns, *(name.split(".")[0] for name in columns)]).to_pylist(),
        )
    if kind in (".csv", ".tsv"):
        return _separated(path, "\t" if kind == ".tsv" else ",")
    return _json(path) if kind == ".json" else _lines(path)


def _separated(path: Path, separator: str) -> Records:
    # Python's default limit is 131,072 characters a field; passages of benchmarks are longer.
    csv.field_size_limit(sys.maxsize)
    try:
        with _opened(path) as stream:
            reader = csv.DictReader(stream, delimiter=separator, strict=True)
            rows = []
            for row in reader:
                # DictReader keeps surplus fields under None and fills missing ones with None.
                # Either way the row is shifted, and its answer would be read from another column.
                if None in row or None in row.values():
                    n_fields = len(reader.fieldnames or ())
                    raise ConfigError(
                        f"{path}:{reader.line_num}: wanted {n_fields} fields as in the line of names; "
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
        return _lines(path)  # JSON Lines files are often called .json
    arrays = [whole] if isinstance(whole, list) else list(whole.values()) if isinstance(whole, dict) else []
    arrays = [
        array
        for array in arrays
        if isinstance(array, list) and array and all(isinstance(row, dict) for row in array)
    ]
    # Two arrays (train and test in one file) leave it open which one is meant, so neither is taken.
    if len(arrays) != 1:
        expected = "an array of JSON objects, or an object in which one key holds one"
        raise ConfigError(f"{path}: wanted {expected}, saw {len(arrays)}; write it as .jsonl")
    return cast(Records, arrays[0])


def digest_of_folder(folder: Path) -> str:
    """32 hex digits of the names and bytes of a Hugging Face folder's files (weights, configuration,
    tokenizer); empty when it holds no config.json."""
    # Not a model folder. An empty digest lets the caller name the missing file in its own error.
    if not (folder / "config.json").is_file():
        return ""
    digest = hashlib.blake2b(digest_size=16)
    # Sorted, because the order of iterdir differs between file systems and the digest must not.
    for path in sorted(
        path
        for path in folder.iterdir()
        if path.suffix in (".json", ".safetensors", ".bin", ".model", ".txt")
    ):
        digest.update(f"{path.name}\0{digest_of(path)}\0".encode())
    return digest.hexdigest()
