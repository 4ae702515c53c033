"""Names that changed, from docs/renames.yaml: what the error for an old name says, and what an upgrade
calls columns."""

from __future__ import annotations

import functools
from pathlib import Path

import yaml

# beside the packages, in a checkout and where the package is installed
FILE = Path(__file__).resolve().parents[2] / "docs/renames.yaml"
ANY = "any"


@functools.cache
def renames() -> dict[str, dict[str, dict[str, str]]]:
    """The sections of docs/renames.yaml; `jobs` and `modules` under the one key "any"."""
    if not FILE.is_file():  # the archive of --py-files carries code only; executors read no recipe
        return {name: {ANY: {}} for name in ("jobs", "modules", "keys", "values", "columns")}
    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    flat = {name: {ANY: content[name]} for name in ("jobs", "modules")}
    return {**flat, **{name: content[name] for name in ("keys", "values", "columns")}}


def new_job(name: str) -> str | None:
    """What a job of this name is called now; None where it never was one."""
    return renames()["jobs"][ANY].get(name)


def new_key(job: str, key: str) -> str | None:
    """What the recipe's key is called now in the section of `job`; None where it never was one."""
    keys = renames()["keys"]
    return keys.get(job, {}).get(key) or keys[ANY].get(key)


def new_value(job: str, key: str, value: object) -> str | None:
    """What a value of the recipe's key is called now; None where it never was one."""
    return renames()["values"].get(f"{job}.{key}", {}).get(str(value))


def new_columns(table: str) -> dict[str, str]:
    """Old -> new name of the table's columns."""
    return renames()["columns"].get(table, {})
