"""`gristmill doctor`: what this machine has of what Gristmill needs, and how to get what is missing.

Starts no Spark and changes nothing. Everything is looked at, so that one call names all that is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from gristmill.jobs import curate
from gristmill.jobs.core import config
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.doctor.finding import MISSING, OK, Finding
from gristmill.jobs.doctor.installed import MODELS, model, models, packages
from gristmill.jobs.doctor.machine import machine


def findings(recipe: str | None = None) -> list[Finding]:
    """Everything that was looked at; with a recipe also whether its jobs have their packages and models."""
    found = [*machine(), *packages()]
    return [*found, *(_of_recipe(recipe) if recipe else models())]


def report(recipe: str | None, as_json: bool) -> int:
    """Print the findings; returns the exit code: 2 where something is missing, else 0."""
    found = findings(recipe)
    if as_json:
        print(json.dumps([asdict(each) for each in found], ensure_ascii=False))
    else:
        print("\n".join(line for each in found for line in lines(each)))
    return ConfigError.exit_code if any(each.state == MISSING for each in found) else 0


def lines(finding: Finding) -> list[str]:
    """A finding for people: one line, and a second with the next step where there is one."""
    first = f"{finding.part:<22} {finding.state:<9} {finding.found}"
    return [first, f"{'':<32} -> {finding.step}"] if finding.step else [first]


def _of_recipe(name: str) -> Iterator[Finding]:
    """Whether the recipe is valid here and its jobs' packages are installed, then its models."""
    part = f"recipe {Path(name).name}"
    try:
        recipe = config.load_recipe(name)
        planned = curate.plan(recipe)
    except ConfigError as error:
        for line in str(error).splitlines():
            yield Finding(part, MISSING, line, "mend this and look again")
        return
    yield Finding(part, OK, f"{len(planned)} jobs")
    for folder in sorted({each for section in recipe.jobs.values() for each in _model_folders(section)}):
        yield model(folder, MODELS.get(folder, "put the model there, or change the recipe"), MISSING)


def _model_folders(section: object) -> Iterator[str]:
    """Every value of a recipe that is a path below `models/`."""
    if isinstance(section, dict):
        section = list(section.values())
    if isinstance(section, list):
        for each in section:
            yield from _model_folders(each)
    elif isinstance(section, str) and section.startswith("models/"):
        yield section
