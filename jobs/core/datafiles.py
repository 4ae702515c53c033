"""Small files on the driver's disk that a recipe names: Parquet or JSON Lines (packed with gzip or not). Their content is part of the recipe."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import model_validator

from jobs.core.config import CONF, Strict
from jobs.core.errors import ConfigError


class DataFile(Strict):
    """A file of `about`; `digest` is of its bytes, so that another content is another recipe. It is filled in, not written."""

    about: ClassVar[str]
    file: str
    digest: str = ""

    @model_validator(mode="before")
    @classmethod
    def _look(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not isinstance(given.get("file"), str):
            return given
        return {**given, "digest": digest_of(find_data(given["file"], cls.about))}

    def path(self) -> Path:
        """Where the file is. Raises ConfigError."""
        return find_data(self.file, self.about)


def find_data(name: str, about: str) -> Path:
    """`name` as given, or below the recipes that ship with the package. Raises ConfigError naming every place."""
    tail = Path(*Path(name).parts[1:]) if Path(name).parts[:1] == ("conf",) else Path(name)
    places = list(dict.fromkeys([Path(name), CONF / tail]))
    for place in places:
        if place.is_file():
            return place
    looked = ", ".join(map(str, places))
    raise ConfigError(f"{name}: no such file of {about} (looked at {looked}); name a Parquet or JSON Lines file on the driver's disk")


def digest_of(path: Path) -> str:
    """32 hex digits of the file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def read_data(path: Path, wanted: list[str]) -> pa.Table:
    """The `wanted` columns as far as they are there (JSON Lines, or none there: all). Raises ConfigError naming the line that is wrong."""
    return _parquet(path, wanted) if path.suffix == ".parquet" else _json_lines(path)


def _parquet(path: Path, wanted: list[str]) -> pa.Table:
    import pyarrow.parquet as pq

    try:
        held = pq.ParquetFile(path)
        return held.read(columns=[name for name in wanted if name in held.schema_arrow.names] or held.schema_arrow.names)
    except (pa.ArrowInvalid, OSError) as error:
        raise ConfigError(f"{path}: not readable as Parquet: {error}; a JSON Lines file ends in .jsonl or .jsonl.gz") from None


def _json_lines(path: Path) -> pa.Table:
    rows: list[dict[str, Any]] = []
    number = 0
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    rows.append(json.loads(line))
                    if not isinstance(rows[-1], dict):
                        raise ConfigError(f"{path}:{number}: wanted a JSON object a line, saw {type(rows[-1]).__name__}")
        names = list(dict.fromkeys(name for row in rows for name in row))
        return pa.table({name: pa.array([row.get(name) for row in rows]) for name in names})
    except (ValueError, OSError, pa.ArrowException) as error:
        raise ConfigError(f"{path}:{number or 1}: not readable as JSON Lines: {error}; name a Parquet (.parquet) or JSON Lines file") from None


def digest_of_folder(folder: Path) -> str:
    """32 hex digits of the names and bytes of a Hugging Face folder's files (weights, configuration, tokenizer); empty when it holds no config.json."""
    if not (folder / "config.json").is_file():
        return ""
    found = hashlib.blake2b(digest_size=16)
    for path in sorted(path for path in folder.iterdir() if path.suffix in (".json", ".safetensors", ".bin", ".model", ".txt")):
        found.update(f"{path.name}\0{digest_of(path)}\0".encode())
    return found.hexdigest()
