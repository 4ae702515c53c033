"""The worker's recipe and its prompt files: strict YAML, every number written out, unknown keys refused."""

from __future__ import annotations

import hashlib
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

HERE = Path(__file__).resolve().parent.parent
# conf/... stands beside this folder, in a checkout and in the installed package
PLACES = (Path("."), HERE)
RENAMES = HERE / "docs/renames.yaml"  # old names of keys
Form = Literal["markers", "text", "json"]


class Strict(BaseModel):
    """Unknown keys and loose types are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Http(Strict):
    """OpenAI-compatible servers; the key, if any, is the value of the environment variable that
    key_variable names."""

    kind: Literal["http"]
    urls: list[str] = Field(min_length=1)
    model: str
    revision: str | None
    key_variable: str | None
    timeout_seconds: PositiveFloat
    # whether the servers take response_format: json_schema
    structured: bool


class Vllm(Strict):
    """vLLM in this process (AsyncLLM)."""

    kind: Literal["vllm"]
    model: str  # a folder, or a name that vLLM finds
    revision: str | None
    args: dict[str, Any]  # vLLM's own engine arguments
    # vLLM's own variables, where the environment does not set them
    environment: dict[str, str]
    structured: bool

    @field_validator("args")
    @classmethod
    def _says_nothing_twice(cls, args: dict[str, Any]) -> dict[str, Any]:
        """Samples name the model of `model` and `revision`, so no other may run."""
        twice = [name for name in ("model", "revision") if name in args]
        if twice:
            raise ValueError(f"{' and '.join(twice)} stand beside args, as engine.{twice[0]}, not in it")
        return args


class Limits(Strict):
    """How much at a time, and when to give up; see conf/synth_worker.yaml."""

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
    """One question to the model: its words in each language, the form of its answer, and how it is
    sampled."""

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
    """conf/prompts/*.yaml. `choices`: lists from which each request gets one by its hash."""

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
    """A prompt file and its id: `version-hash`, as export_candidates writes it into recipe_version."""

    def __init__(self, name: str) -> None:
        path = find(name)
        self.file: PromptFile = checked(PromptFile, read(path), str(path))
        digest = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
        self.id = f"{self.file.version}-{digest[:12]}"


def find(name: str) -> Path:
    """The file as named, or among those that ship. Raises RecipeError."""
    for place in (Path(name), *(base / name for base in PLACES)):
        if place.is_file():
            return place
    raise RecipeError(f"{name}: no such file (looked at {', '.join(str(base / name) for base in PLACES)})")


def read(path: Path) -> Any:
    """A YAML file. Raises RecipeError with the place of a mistake."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not readable as YAML: {str(error).replace(chr(10), ' ')}") from None


def checked(kind: type[Any], value: Any, place: str) -> Any:
    """`value` as a `kind`. Raises one RecipeError with a line for each complaint."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise RecipeError("\n".join(_complaint(place, each) for each in error.errors())) from None


def _complaint(place: str, complaint: Any) -> str:
    where = ".".join(map(str, complaint["loc"]))
    new = _new_key(str(complaint["loc"][-1])) if complaint["type"] == "extra_forbidden" else None
    now = f"; this key is called {new} now" if new else ""
    return f"{place}: {where}: {complaint['msg'][0].lower()}{complaint['msg'][1:]}{now}"


def _new_key(key: str) -> str | None:
    """What a key of the worker's recipe is called now; None where it never was one."""
    return read(RENAMES)["keys"]["synth_worker"].get(key) if RENAMES.is_file() else None


def load(name: str) -> tuple[Spec, dict[str, Prompts], str]:
    """The checked recipe, its prompts by recipe name, and its hash. Raises RecipeError."""
    content = read(find(name))
    if not isinstance(content, dict) or set(content) != {"worker"}:
        raise RecipeError(f"{name}: wanted one section `worker:`; see conf/synth_worker.yaml")
    spec: Spec = checked(Spec, content["worker"], f"{name}: worker")
    loaded = [Prompts(each) for each in spec.prompts]
    prompts: dict[str, Prompts] = {each.file.recipe: each for each in loaded}
    digest = hashlib.blake2b(
        "|".join([spec.model_dump_json(), *(p.id for p in loaded)]).encode(), digest_size=8
    ).hexdigest()
    return spec, prompts, digest
