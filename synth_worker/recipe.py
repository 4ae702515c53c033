"""The worker's recipe and its prompt files: strict YAML, every number explicit, unknown keys refused."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
)

from gristmill.synth_worker.errors import RecipeError

ROOT = Path(__file__).resolve().parent.parent
# The folder conf/ is next to synth_worker/, in a checkout and in the installed package.
FOLDERS = (Path("."), ROOT)
RENAMES = ROOT / "docs/renames.yaml"  # old and new names of keys
Form = Literal["markers", "text", "json"]


class Strict(BaseModel):
    """Base of all sections: unknown keys and values of another type are errors, objects are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Http(Strict):
    """OpenAI-compatible servers.

    The API key is read from the environment variable `key_variable`, so that no recipe contains it.
    """

    kind: Literal["http"]
    urls: list[str] = Field(min_length=1)
    model: str
    revision: str | None
    key_variable: str | None
    timeout_seconds: PositiveFloat
    # whether the servers accept response_format: json_schema
    structured: bool


class Vllm(Strict):
    """vLLM in this process (AsyncLLM)."""

    kind: Literal["vllm"]
    model: str  # a folder, or a name that vLLM finds
    revision: str | None
    args: dict[str, Any]  # vLLM's own engine arguments
    # vLLM's environment variables; a variable that is already set is not changed
    environment: dict[str, str]
    structured: bool

    @field_validator("args")
    @classmethod
    def _no_repeated_settings(cls, args: dict[str, Any]) -> dict[str, Any]:
        """Refuse model and revision in `args`: samples name those of the engine, and no other model may
        run."""
        twice = [name for name in ("model", "revision") if name in args]
        if twice:
            raise ValueError(f"{' and '.join(twice)} belong next to args, as engine.{twice[0]}, not in it")
        return args


class Limits(Strict):
    """Bounds of concurrency, retries, time and size; conf/synth_worker.yaml explains each."""

    in_flight: PositiveInt
    open_requests: PositiveInt
    repairs: NonNegativeInt
    max_retries: NonNegativeInt
    backoff_seconds: PositiveFloat
    engine_down_seconds: PositiveFloat
    request_tokens: PositiveInt
    max_chars: PositiveInt
    lease_seconds: PositiveFloat
    sync_seconds: PositiveFloat


class Spec(Strict):
    """The section `worker` of a recipe."""

    lake: str
    work_folder: str  # journals, on local disk
    prompts: list[str]
    engine: Http | Vllm = Field(discriminator="kind")
    limits: Limits
    markers: Literal["free", "choice"]
    max_segments: PositiveInt
    special_tokens: list[str]
    solve_tries: PositiveInt
    progress_seconds: PositiveFloat
    metrics_port: NonNegativeInt | None


class Step(Strict):
    """One call of a flow: its prompts by language, the form of the answer, and the sampling."""

    form: Form
    system: dict[str, str]
    user: dict[str, str]
    max_tokens: PositiveInt
    temperature: float = Field(ge=0)
    top_p: float = Field(gt=0, le=1)
    max_chars: PositiveInt  # characters of a usable answer
    # whether the answer must be in the document's language
    same_language: bool
    answer_schema: dict[str, Any] | None


class PromptFile(Strict):
    """A file of conf/prompts. `choices`: lists of which each request gets one entry, by its hash."""

    recipe: Literal[
        "cot",
        "qa_extract",
        "textbook",
        "instruction",
        "judge",
        "judge_additive",
        "judge_aspects",
        "judge_sample",
        "solve",
    ]
    version: str
    about: str
    choices: dict[str, dict[str, list[str]]]
    repair: dict[str, str]
    steps: dict[str, Step]


class Prompts:
    """A prompt file and its id, `version-hash`, which export_candidates writes into recipe_version."""

    def __init__(self, name: str) -> None:
        path = find(name)
        self.file: PromptFile = checked(PromptFile, read(path), str(path))
        # Of the bytes: a changed comment changes the id as
        # well, so no answer is attributed to another prompt.
        digest = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
        self.id = f"{self.file.version}-{digest[:12]}"


def find(name: str) -> Path:
    """The path of a file as named, or of the file of that name that ships with the package.

    Raises RecipeError when there is none.
    """
    # As named first, so that a file of the user takes precedence over one that ships.
    for source in (Path(name), *(base / name for base in FOLDERS)):
        if source.is_file():
            return source
    raise RecipeError(f"{name}: no such file (looked at {', '.join(str(base / name) for base in FOLDERS)})")


def read(path: Path) -> Any:
    """The content of a YAML file. Raises RecipeError with file and line of an error."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not readable as YAML: {str(error).replace(chr(10), ' ')}") from None


def checked(kind: type[Any], value: Any, source: str) -> Any:
    """`value` validated as a `kind`; `source` names it in messages.

    Raises one RecipeError with a line for each error, so that a user corrects all of them at once.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise RecipeError("\n".join(_complaint(source, each) for each in error.errors())) from None


def _complaint(source: str, complaint: Any) -> str:
    # A renamed key gets the new name in its message: there are no aliases.
    where = ".".join(map(str, complaint["loc"]))
    new = _new_key(str(complaint["loc"][-1])) if complaint["type"] == "extra_forbidden" else None
    now = f"; this key is called {new} now" if new else ""
    return f"{source}: {where}: {complaint['msg'][0].lower()}{complaint['msg'][1:]}{now}"


def _new_key(key: str) -> str | None:
    """The new name of a former key of the worker's recipe; None for any other key."""
    return read(RENAMES)["keys"]["synth_worker"].get(key) if RENAMES.is_file() else None


# As gristmill.jobs.core.secrets has them, which the worker does not import
# (tests/core/test_secrets.py compares).
CREDENTIAL = re.compile(
    r"secret|passw(?:or)?d|[._]pwd|token(?!iz|s)|(?:access|account|api|private)[._-]?key|[.]sas[.]"
    r"|credential(?!s[.]?provider)",
    re.IGNORECASE,
)
USERINFO = re.compile(r"(\b[A-Za-z][\w+.-]*://)[^/?#\s:@]*:(?!\d+(?:[/?#]|$))[^@\s]*@")


def _refuse_credentials(name: str, spec: Spec) -> None:
    """Raises RecipeError naming the places that hold a password or key, which would be kept in `runs`."""
    urls: dict[str, Any] = {"lake": spec.lake}
    named: dict[str, Any] = {}
    if isinstance(spec.engine, Http):
        urls |= {f"engine.urls[{i}]": url for i, url in enumerate(spec.engine.urls)}
    else:
        named |= {f"engine.args.{key}": value for key, value in spec.engine.args.items()}
        named |= {f"engine.environment.{key}": value for key, value in spec.engine.environment.items()}
    places = [place for place, text in {**urls, **named}.items() if USERINFO.search(str(text))]
    places += [key for key, value in named.items() if isinstance(value, str) and CREDENTIAL.search(key)]
    if places:
        raise RecipeError(
            f"{name}: worker: {', '.join(places)}: a password or key; take it out. A recipe is kept in the "
            "table `runs`: credentials come from the environment (key_variable names the API key's)"
        )


def load(name: str) -> tuple[Spec, dict[str, Prompts], str]:
    """The validated recipe, its prompt files by recipe name, and the hash of both. Raises RecipeError."""
    content = read(find(name))
    # One section and no other: a recipe of jobs given by mistake is recognised here.
    if not isinstance(content, dict) or set(content) != {"worker"}:
        raise RecipeError(f"{name}: wanted one section `worker:`; see conf/synth_worker.yaml")
    spec: Spec = checked(Spec, content["worker"], f"{name}: worker")
    _refuse_credentials(name, spec)
    loaded = [Prompts(each) for each in spec.prompts]
    prompts: dict[str, Prompts] = {each.file.recipe: each for each in loaded}
    # The hash of `runs`: two runs with equal hashes asked the same prompts with the same numbers.
    digest = hashlib.blake2b(
        "|".join([spec.model_dump_json(), *(p.id for p in loaded)]).encode(), digest_size=8
    ).hexdigest()
    return spec, prompts, digest
