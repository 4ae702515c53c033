"""Recipes: strict, complete YAML files. Every number is written out, once; an unknown key is an error with a
suggestion.

lake: {path: lakes/demo, buckets: 1}
after: conf/demo.yaml        # this recipe continues on the lake of another recipe, whose jobs come
                             before these
jobs:
  measure_text: {...}        # the parameters of one job, or of several in the order in which `curate` runs
                             them
  dedup_exact:
    base: conf/jobs/dedup_exact.yaml   # its section of the same job; what is written here replaces whole
    min_kept: 100                      # parameters of it
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from gristmill.jobs.core import secrets
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.core.packages import advice
from gristmill.jobs.core.records import Record
from gristmill.jobs.core.renames import new_key, new_value

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PACKAGE = Path(__file__).resolve().parent.parent
Model = TypeVar("Model", bound=BaseModel)
KEYS = ("lake", "after", "spark", "jobs")  # of a recipe
# of a section: the recipe whose section of the same job it changes
BASE = "base"
CONF = PACKAGE.parent / "conf"


class Strict(BaseModel):
    """Base of every parameters class: unknown keys and loose types are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class LakeSpec(Strict):
    """Where the tables are: a path on any Hadoop file system or `catalog.schema`; text is stored in
    `buckets` buckets."""

    path: str
    buckets: PositiveInt


@dataclass(frozen=True)
class Recipe:
    """One recipe file: its path, the lake it names (if any) and the raw parameters of each job, in order,
    those of a section's base among them."""

    path: Path
    lake: LakeSpec | None
    jobs: dict[str, Record]
    # settings of a session that is started for this recipe
    spark: dict[str, str] = field(default_factory=dict)
    after: Path | None = None  # the recipe that filled the lake

    def params(self, job: str, kind: type[Strict]) -> Strict:
        """The checked parameters of `job`. Raises ConfigError that lists every complaint of the section."""
        if job not in self.jobs:
            raise ConfigError(
                f"{self.path}: jobs.{job}: not in this recipe (it has: {', '.join(self.jobs) or 'none'})"
            )
        return validate(kind, self.jobs[job], f"{self.path}: jobs.{job}")


# A recipe is the only record of a parameter, so a
# value that is overwritten unseen must be an error.
class _Unique(yaml.SafeLoader):
    """A YAML loader that refuses a key written twice; PyYAML itself keeps the last one silently."""


def _mapping(loader: _Unique, node: yaml.MappingNode) -> dict[Hashable, object]:
    seen: set[Hashable] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise ConfigError(
                f"{node.start_mark.name}:{key_node.start_mark.line + 1}: key {key!r} is written twice; "
                "keep one"
            )
        seen.add(key)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


_Unique.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def find_file(name: str | Path, near: Path | None = None) -> Path:
    """The file `name`: relative to the working directory, to the folder `near`, or to the package's recipes.

    Raises ConfigError, which lists every path that was tried.
    """
    candidates = [Path(name)]
    if not Path(name).is_absolute():
        candidates += [near / name] if near else []
        candidates += [CONF / name, CONF.parent / name]
        # `conf/x.yaml` is written as in a checkout; an
        # installed package has the same files below CONF.
        candidates += [CONF / Path(*Path(name).parts[1:])] if Path(name).parts[:1] == ("conf",) else []
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise ConfigError(
        f"{name}: no such file (looked at {', '.join(str(p) for p in dict.fromkeys(candidates))}); name "
        "an existing recipe"
    )


def load_yaml(path: Path) -> object:
    """The content of one YAML file. Raises ConfigError with line and column when it does not parse."""
    try:
        with path.open(encoding="utf-8") as stream:
            return yaml.load(stream, Loader=_Unique)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not readable as YAML: {str(error).replace(chr(10), ' ')}") from None


def load_recipe(name: str | Path) -> Recipe:
    """Read a recipe file.

    Raises ConfigError when it is missing, is not YAML, has other top-level keys than KEYS, or a base that has
    no such section.
    """
    # The path that was found is kept in the recipe: bases and `after` are relative to it.
    path = find_file(name)
    content = load_yaml(path)
    if not isinstance(content, dict) or not isinstance(content.get("jobs"), dict):
        raise ConfigError(
            f"{path}: wanted a mapping with 'jobs:' (a section a job) and optionally 'lake:', 'after:' "
            f"and 'spark:', saw {type(content).__name__}"
        )
    unknown = [key for key in content if key not in KEYS]
    if unknown:
        raise ConfigError("\n".join(_unknown(f"{path}: {key}", key, KEYS) for key in unknown))
    empty = [job for job, section in content["jobs"].items() if not isinstance(section, dict)]
    if empty:
        raise ConfigError(
            f"{path}: jobs.{empty[0]}: wanted a mapping of parameters, saw {content['jobs'][empty[0]]!r}"
        )
    # Bases are merged before validation, so an error
    # names the parameter and the recipe is complete.
    jobs = {job: _on_base(path, job, section, ()) for job, section in content["jobs"].items()}
    lake = validate(LakeSpec, content["lake"], f"{path}: lake") if "lake" in content else None
    settings = content.get("spark", {})
    if not isinstance(settings, dict) or not all(
        str(key).startswith("spark.") and isinstance(value, str) for key, value in settings.items()
    ):
        raise ConfigError(
            f'{path}: spark: wanted Spark settings such as {{spark.sql.shuffle.partitions: "8"}}, '
            f"each a string, saw {settings!r}"
        )
    _refuse_credentials(path, {"lake": content.get("lake"), "jobs": jobs}, settings)
    after = content.get("after")
    if after is not None and not isinstance(after, str):
        raise ConfigError(f"{path}: after: wanted the path of a recipe, saw {after!r}")
    return Recipe(path, lake, jobs, settings, find_file(after, path.parent) if after else None)


def _refuse_credentials(path: Path, sections: Record, settings: Record) -> None:
    """Raises ConfigError naming the places that hold a password or key, and not these."""
    places = [*secrets.found(settings, "spark", is_settings=True)]
    places += [place.lstrip(".") for place in secrets.found(sections, "")]
    if places:
        raise ConfigError(
            f"{path}: {', '.join(places)}: a password or key; take it out. A recipe is kept in the table "
            "`runs`, and settings stand in the list of processes: credentials come from the environment "
            "(docs/security.md)"
        )


def _on_base(path: Path, job: str, section: Record, seen: tuple[Path, ...]) -> Record:
    """The parameters of a section: those of its base section, overridden by its own."""
    if BASE not in section:
        return section
    where, base_name = f"{path}: jobs.{job}.{BASE}", section[BASE]
    if not isinstance(base_name, str):
        raise ConfigError(f"{where}: wanted the path of a recipe with a section {job}, saw {base_name!r}")
    base = find_file(base_name, path.parent)
    # Resolved paths: two spellings of one file would otherwise hide a cycle.
    if base.resolve() in (path.resolve(), *(each.resolve() for each in seen)):
        raise ConfigError(
            f"{where}: {base_name} leads back to itself; write the parameters out in one of them"
        )
    content = load_yaml(base)
    jobs = content.get("jobs") if isinstance(content, dict) else None
    base_section = jobs.get(job) if isinstance(jobs, dict) else None
    if not isinstance(base_section, dict):
        raise ConfigError(f"{where}: {base} has no section {job}; name the recipe that has it")
    # A parameter replaces the base's whole value. Merging nested mappings would leave a reader
    # unable to tell which parts of it apply.
    own = {name: value for name, value in section.items() if name != BASE}
    return {**_on_base(base, job, base_section, (*seen, path)), **own}


def written_out(recipe: Recipe) -> str:
    """The sections of a recipe as YAML, with the parameters of their base sections filled in."""
    return yaml.safe_dump({"jobs": recipe.jobs}, sort_keys=False, allow_unicode=True, width=110)


def validate(kind: type[Model], value: object, place: str) -> Model:
    """`value` checked against the model `kind`.

    Raises one ConfigError with a line for each complaint: where, the value seen, what is expected.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        lines = [_complaint(place, complaint, kind) for complaint in error.errors()]
        raise ConfigError("\n".join(lines)) from None
    except ModuleNotFoundError as error:  # a validator imports a package of an extra
        raise ConfigError(f"{place}: {error}; {advice(error.name or '')}") from None


def _complaint(place: str, complaint: ErrorDetails, kind: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in complaint["loc"])
    # `place` ends with "jobs.JOB"; renamed keys are looked up by job.
    job = place.rpartition("jobs.")[2]
    if complaint["type"] == "extra_forbidden":
        known = _known(kind, complaint["loc"][:-1])
        return _unknown(f"{place}.{where}", str(complaint["loc"][-1]), known, job)
    if complaint["type"] == "missing":
        return f"{place}.{where}: missing; a recipe writes out every parameter"
    # Of a tagged union the tag that selects the type is
    # what may have been renamed, not the whole mapping.
    seen = complaint.get("ctx", {}).get("tag", complaint["input"])
    names = [part for part in complaint["loc"] if isinstance(part, str)]
    new = new_value(job, "kind" if seen is not complaint["input"] else names[-1] if names else "", seen)
    message = f"{complaint['msg'][0].lower()}{complaint['msg'][1:]}, saw {complaint['input']!r}"
    return f"{place}.{where}: {message}{f'; {seen!r} is called {new!r} now' if new else ''}"


def _known(kind: object, path: tuple[int | str, ...]) -> tuple[str, ...]:
    """Field names of the models that `path`, the place of a complaint, leads to from `kind`."""
    models = _models(kind)
    for part in path:
        inner = [
            model
            for each in models
            if part in each.model_fields
            for model in _models(each.model_fields[part].annotation)
        ]
        # In a union the place names the member; an index
        # of a list and a key of a mapping lead no further.
        models = inner or [each for each in models if each.__name__ == part] or models
    return tuple(dict.fromkeys(name for each in models for name in each.model_fields))


def _models(annotation: object) -> list[type[BaseModel]]:
    """The models that stand in an annotation, within lists, mappings and unions too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models(part)]


def _unknown(place: str, key: str, known: tuple[str, ...], job: str = "") -> str:
    new = new_key(job, key)
    if new in known:
        return f"{place}: this key is called '{new}' now"
    # One suggestion: several would leave it to the reader to guess as well.
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"{place}: unknown key{hint} (known: {', '.join(sorted(known))})"


def canonical(params: BaseModel) -> str:
    """The parameters as JSON with sorted keys: what `runs.recipe` keeps."""
    return json.dumps(params.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)


def recipe_hash(job: str, params: BaseModel) -> str:
    """16 hex digits over the job's name and parameters; equal hash, equal rows from equal inputs."""
    return hashlib.blake2b(f"{job}\n{canonical(params)}".encode(), digest_size=8).hexdigest()
