"""Renamed jobs, keys, values and columns, from docs/renames.yaml: for error messages about an old name, and
for the columns that an upgrade renames."""

from __future__ import annotations

import functools
from pathlib import Path

import yaml

# next to the packages, both in a checkout and in an installation
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
    """The present name of a job that was renamed; None for any other name."""
    return renames()["jobs"][ANY].get(name)


def new_key(job: str, key: str) -> str | None:
    """The present name of a renamed recipe key in the section of `job`; None for any other key."""
    keys = renames()["keys"]
    # The job's own renames first: one old name may have become different keys in different jobs.
    return keys.get(job, {}).get(key) or keys[ANY].get(key)


def new_value(job: str, key: str, value: object) -> str | None:
    """The present name of a renamed value of a recipe key; None for any other value."""
    return renames()["values"].get(f"{job}.{key}", {}).get(str(value))


def new_columns(table: str) -> dict[str, str]:
    """Old -> new name of the table's columns."""
    return renames()["columns"].get(table, {})
