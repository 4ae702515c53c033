"""Check an asset bundle without a workspace: `python -m deploy.databricks.check [FOLDER]` (needs databricks-bundles).

`databricks-bundles` checks the fields of each job, but accepts references that lead nowhere; the command line
tool's JSON schema accepts unknown modes and top-level keys. Both are checked here, and that every command of a
task is one that `gristmill` takes. Prints what is wrong, a line each; exit code 2 if anything is.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gristmill.jobs import cli, curate
from gristmill.jobs.core import config
from gristmill.jobs.core.errors import ConfigError

HERE = Path(__file__).resolve().parent
# Keys of databricks/cli 1.13.0's bundle/schema/jsonschema.json.
TOP = frozenset(
    "artifacts bundle environments experimental include permissions presets python resources run_as scripts "
    "sync targets variables workspace".split()
)
TARGET = frozenset(
    "artifacts bundle cluster_id compute_id default git mode permissions presets resources run_as sync "
    "variables workspace".split()
)
MODES = ("development", "production")
PLACES = {  # what ${...} may name besides variables and resources
    "bundle": ("name", "target", "uuid"),
    "workspace": ("host", "root_path", "file_path", "artifact_path", "current_user.short_name", "current_user.userName"),
}
VALUES = re.compile(  # what {{...}} may name besides the job's own parameters and tasks
    r"job\.(id|name|run_id|repair_count|start_time\.[\w.]+|trigger\.[\w.]+)|task\.(name|run_id|execution_count)|workspace\.(id|url)"
)
COMPUTE = ("environment_key", "job_cluster_key", "existing_cluster_id", "new_cluster")
# Runtimes that the wheel's requirements fit (docs/platforms.md).
RUNTIMES = ("17.3.x-scala2.13", "18.0.x-scala2.13", "19.0.x-scala2.13")


class Loader(yaml.SafeLoader):
    """YAML in which a key that stands twice is an error: the second one would silently win."""


def _mapping(loader: Loader, node: yaml.MappingNode) -> dict[str, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    twice = [key for key, n in Counter(keys).items() if n > 1]
    if twice:
        raise yaml.constructor.ConstructorError(None, None, f"the key {twice[0]} stands twice", node.start_mark)
    return loader.construct_mapping(node, deep=True)


Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


@dataclass(frozen=True)
class Job:
    """One job: its name in the bundle, its fields, and the file that declares it."""

    name: str
    fields: Mapping[str, Any]
    file: Path

    @property
    def tasks(self) -> Sequence[Mapping[str, Any]]:
        """Its tasks."""
        return self.fields.get("tasks") or ()

    def keys(self, field: str, key: str) -> list[str]:
        """The `key` of each entry of a list among the fields."""
        return [str(entry.get(key)) for entry in self.fields.get(field) or ()]


@dataclass(frozen=True)
class Bundle:
    """databricks.yml and the files that it includes."""

    folder: Path
    top: Mapping[str, Any]
    jobs: tuple[Job, ...]

    def mapping(self, key: str) -> Mapping[str, Any]:
        """A section of databricks.yml."""
        return self.top.get(key) or {}


def load(folder: Path) -> Bundle:
    """The bundle in `folder`. Raises ConfigError, naming the file, where one cannot be read."""
    top = _read(folder / "databricks.yml")
    jobs: list[Job] = []
    for pattern in top.get("include") or ():
        files = sorted(folder.glob(pattern))
        if not files:
            raise ConfigError(f"databricks.yml: include: {pattern} matches no file below {folder}")
        for file in files:
            declared = (_read(file).get("resources") or {}).get("jobs") or {}
            jobs += [Job(name, fields or {}, file) for name, fields in declared.items()]
    left = {file for file in folder.glob("resources/*") if file.suffix in (".yml", ".yaml")} - {job.file for job in jobs}
    if left:
        raise ConfigError(f"{sorted(left)[0].name}: no include of databricks.yml names it, or it declares no job")
    return Bundle(folder, top, tuple(jobs))


def _read(file: Path) -> dict[str, Any]:
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader)
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"{file.name}: {str(error).replace(chr(10), ' ')}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{file.name}: holds no mapping")
    return content


def findings(folder: Path) -> list[str]:
    """What is wrong with the bundle in `folder`, a line each; empty if nothing is."""
    try:
        bundle = load(folder)
    except ConfigError as error:
        return [str(error)]
    found = [*_top(bundle), *_targets(bundle), *_twice(bundle)]
    for job in bundle.jobs:
        place = f"{job.file.name}: {job.name}"
        checks = (_fields(job), _graph(job), _compute(bundle, job), _files(bundle, job), _commands(bundle, job))
        found += [f"{place}: {line}" for check in checks for line in check]
        found += [f"{place}: {line}" for line in _references(bundle, job.fields, job)]
    return found + [f"databricks.yml: {line}" for line in _references(bundle, bundle.top, None)]


def _top(bundle: Bundle) -> Iterator[str]:
    yield from (f"databricks.yml: {key}: unknown key" for key in sorted(set(bundle.top) - TOP))
    if not bundle.mapping("bundle").get("name"):
        yield "databricks.yml: bundle: has no name"


def _targets(bundle: Bundle) -> Iterator[str]:
    targets, variables = bundle.mapping("targets"), bundle.mapping("variables")
    defaults = [name for name, target in targets.items() if (target or {}).get("default")]
    if len(defaults) != 1:
        yield f"databricks.yml: targets: {len(defaults)} are the default; one is to be"
    for name, target in targets.items():
        target, place = target or {}, f"databricks.yml: targets.{name}"
        yield from (f"{place}.{key}: unknown key" for key in sorted(set(target) - TARGET))
        if target.get("mode") not in MODES:
            yield f"{place}.mode: {target.get('mode')!r}, wanted {' or '.join(MODES)}"
        given = target.get("variables") or {}
        yield from (f"{place}.variables.{key}: not declared in variables" for key in sorted(set(given) - set(variables)))
        yield from (
            f"{place}: the variable {key} has no value, neither here nor a default"
            for key, about in variables.items()
            if key not in given and "default" not in (about or {})
        )
        workspace = target.get("workspace") or {}
        if not str(workspace.get("host", "")).startswith("https://"):
            yield f"{place}.workspace.host: {workspace.get('host')!r}, wanted https://..."
        if target.get("mode") == "production" and not (workspace.get("root_path") and target.get("run_as")):
            yield f"{place}: production needs workspace.root_path and run_as, so that one copy runs as one identity"


def _twice(bundle: Bundle) -> Iterator[str]:
    for name, n in Counter(job.name for job in bundle.jobs).items():
        if n > 1:
            yield f"resources: the job {name} is declared {n} times"


def _fields(job: Job) -> Iterator[str]:
    """The complaints of databricks-bundles about fields, types and enumerations."""
    from databricks.bundles.jobs import Job as Declared

    try:
        Declared.from_dict(dict(job.fields))  # type: ignore[arg-type]
    except Exception as error:  # it raises whatever the first wrong field causes
        yield " ".join(str(error).split())


def _graph(job: Job) -> Iterator[str]:
    """Tasks are named once, wait for tasks that exist, and never for themselves."""
    names = [str(task.get("task_key")) for task in job.tasks]
    yield from (f"task {name}: declared {n} times" for name, n in Counter(names).items() if n > 1)
    waits = {str(task.get("task_key")): task.get("depends_on") or () for task in job.tasks}
    conditions = {str(task.get("task_key")) for task in job.tasks if "condition_task" in task}
    for name, entries in waits.items():
        for entry in entries:
            before = entry.get("task_key")
            if before not in names:
                yield f"task {name}: depends_on {before}, which is no task of the job"
            elif ("outcome" in entry) != (before in conditions):
                yield f"task {name}: depends_on {before}: an outcome belongs to a condition_task, and to each of them"
    done: set[str] = set()
    while ready := {name for name, entries in waits.items() if {e.get("task_key") for e in entries} <= done} - done:
        done |= ready
    left = sorted(set(names) - done)
    if left and all(entry.get("task_key") in names for name in left for entry in waits[name]):
        yield f"tasks {', '.join(left)}: wait for each other"


def _compute(bundle: Bundle, job: Job) -> Iterator[str]:
    """Each task that runs code names one place to run, which the job declares."""
    declared = {
        "environment_key": job.keys("environments", "environment_key"),
        "job_cluster_key": job.keys("job_clusters", "job_cluster_key"),
    }
    used = {(field, task.get(field)) for task in job.tasks for field in declared}
    for task in job.tasks:
        name, places = task.get("task_key"), [field for field in COMPUTE if field in task]
        kinds = [key for key in task if key.endswith("_task")]
        if len(kinds) != 1:
            yield f"task {name}: has {len(kinds)} kinds of task ({', '.join(kinds)}), wanted one"
        if "condition_task" not in task and len(places) != 1:
            yield f"task {name}: runs on {', '.join(places) or 'nothing'}; wanted one of {', '.join(COMPUTE[:2])}"
        yield from (
            f"task {name}: {field} {task[field]}: the job declares {', '.join(names) or 'none'}"
            for field, names in declared.items()
            if field in task and task[field] not in names
        )
        if "environment_key" in task and "libraries" in task:
            yield f"task {name}: libraries belong to a cluster; an environment lists dependencies"
    for field, names in declared.items():
        yield from (f"{field} {name}: no task uses it" for name in names if (field, name) not in used)
    for entry in job.fields.get("job_clusters") or ():
        cluster = _resolved(bundle, entry.get("new_cluster"))
        if cluster.get("spark_version") not in RUNTIMES:
            yield f"spark_version {cluster.get('spark_version')}: wanted one of {', '.join(RUNTIMES)}"


def _resolved(bundle: Bundle, value: Any) -> Mapping[str, Any]:
    """A cluster, or the default of the variable that stands for it."""
    named = re.fullmatch(r"\$\{var\.(\w+)\}", value) if isinstance(value, str) else None
    found = (bundle.mapping("variables").get(named[1]) or {}).get("default") if named else value
    return found if isinstance(found, dict) else {}


def _files(bundle: Bundle, job: Job) -> Iterator[str]:
    """Files that the job names are in the bundle; a wheel's pattern names the folder where it is built."""
    builds = [str(about.get("build", "")) for about in bundle.mapping("artifacts").values()]
    folders = {words[i + 1] for words in map(shlex.split, builds) for i, word in enumerate(words[:-1]) if word == "--wheel-dir"}
    built = {(bundle.folder / folder).resolve() for folder in folders}
    for path in _paths(job):
        at = (job.file.parent / path).resolve()
        if at.suffix == ".whl":
            if at.parent not in built:
                yield f"{path}: no artifact is built there"
        elif not at.is_file():
            yield f"{path}: no such file; paths are relative to {job.file.name}"


def _paths(job: Job) -> Iterator[str]:
    for task in job.tasks:
        yield from (task[kind][key] for kind, key in (("notebook_task", "notebook_path"), ("spark_python_task", "python_file")) if kind in task)
        for library in task.get("libraries") or ():
            yield from (library[key] for key in ("whl", "requirements") if key in library)
    for environment in job.fields.get("environments") or ():
        for line in (environment.get("spec") or {}).get("dependencies") or ():
            if line.startswith((".", "-r ")):
                yield line.removeprefix("-r ")


def _commands(bundle: Bundle, job: Job) -> Iterator[str]:
    """Each wheel task is an entry point of the package with a command that it takes."""
    setup = (HERE.parents[1] / "setup.py").read_text(encoding="utf-8")
    for task in job.tasks:
        wheel = task.get("python_wheel_task")
        if not isinstance(wheel, dict):
            continue
        place = f"task {task.get('task_key')}"
        if f'name="{wheel.get("package_name")}"' not in setup:
            yield f"{place}: package_name {wheel.get('package_name')}: not the package's name"
        if not re.search(rf'"{re.escape(str(wheel.get("entry_point")))} = gristmill\.jobs\.cli:task"', setup):
            yield f"{place}: entry_point {wheel.get('entry_point')}: not the one whose errors are exceptions (gristmill-task)"
        yield from (f"{place}: {line}" for line in _command(bundle, [str(word) for word in wheel.get("parameters") or ()]))


def _command(bundle: Bundle, words: list[str]) -> Iterator[str]:
    while words and re.match(r"[A-Za-z_]\w*=", words[0]):
        words = words[1:]
    try:
        args = cli.parsed(words)
    except ConfigError as error:
        yield str(error)
        return
    if args is None or args.command != "run":
        return
    if args.job != "curate" and args.job not in curate.job_names():
        yield f"run {args.job}: no such job"
    named = re.fullmatch(r"\$\{var\.(\w+)\}", args.recipe)
    recipe = (bundle.mapping("variables").get(named[1]) or {}).get("default", "") if named else args.recipe
    if recipe.startswith("conf/") and not (config.CONF.parent / recipe).is_file():
        yield f"{recipe}: the wheel holds no such recipe"


def _references(bundle: Bundle, value: Any, job: Job | None) -> Iterator[str]:
    """The references ${...} and {{...}} in all strings of `value` that lead nowhere."""
    for text in _strings(value):
        yield from (f"${{{name}}}: leads nowhere" for name in re.findall(r"\$\{([^}]*)\}", text) if not _is_known(bundle, name))
        for name in re.findall(r"\{\{\s*(.*?)\s*\}\}", text):
            own = job.keys("parameters", "name") if job else []
            parameter = re.fullmatch(r"job\.parameters\.(\w+)", name)
            if parameter[1] not in own if parameter else not VALUES.fullmatch(name):
                yield f"{{{{{name}}}}}: leads nowhere; the job's parameters are {', '.join(own) or 'none'}"


def _is_known(bundle: Bundle, name: str) -> bool:
    first, _, rest = name.partition(".")
    if first == "var":
        return rest in bundle.mapping("variables")
    if first == "resources":
        kind, _, path = rest.partition(".")
        return kind == "jobs" and path.removesuffix(".id") in {job.name for job in bundle.jobs} and path.endswith(".id")
    return rest in PLACES.get(first, ())


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _strings(each)


def main(argv: list[str]) -> int:
    """Print the findings about the bundle in the folder of the command line (default: this one)."""
    found = findings(Path(argv[0]) if argv else HERE)
    print("\n".join(found) or "the bundle is fine")
    return 2 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
