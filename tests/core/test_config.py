"""Recipes are strict: every complaint at once, each with its place, what was seen and what was wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gristmill.jobs import cli, curate
from gristmill.jobs.core import config
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.core.routes import Matches, require_default_route
from gristmill.jobs.dedup_exact import Params

ROOT = Path(__file__).resolve().parents[2]


def section() -> dict:
    return dict(config.load_recipe(ROOT / "conf/jobs/dedup_exact.yaml").jobs["dedup_exact"])


def complaint(section: dict) -> str:
    with pytest.raises(ConfigError) as error:
        config.validate(Params, section, "x.yaml: jobs.dedup_exact")
    return str(error.value)


def test_an_unknown_key_is_an_error_with_a_suggestion() -> None:
    assert "x.yaml: jobs.dedup_exact.url_domain: unknown key; did you mean 'url_domains'?" in complaint({**section(), "url_domain": True})


def test_an_unknown_key_inside_a_section_names_the_keys_of_that_section() -> None:
    told = complaint({**section(), "normalise": {**section()["normalise"], "nfck": True}})
    assert "did you mean 'nfkc'? (known: casefold, collapse_whitespace, nfkc, traditional_to_simplified)" in told


def test_a_missing_number_is_an_error_because_a_recipe_is_complete() -> None:
    bare = section()
    del bare["min_kept"]
    assert "min_kept: missing; a recipe writes out every parameter" in complaint(bare)


def test_all_complaints_of_a_file_come_together() -> None:
    told = complaint({**section(), "url_domains": "yes", "min_kept": -1, "more": 1})
    assert len(told.splitlines()) == 3
    assert "saw 'yes'" in told
    assert "saw -1" in told


def test_a_key_written_twice_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("jobs:\n  a: {x: 1}\n  a: {x: 2}\n")
    with pytest.raises(ConfigError, match="'a' is written twice"):
        config.load_recipe(tmp_path / "r.yaml")


def test_a_missing_recipe_names_the_places_that_were_searched() -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: no such file"):
        config.load_recipe("nowhere.yaml")


def test_broken_yaml_names_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("jobs: {a: [1, 2}\n")
    with pytest.raises(ConfigError, match="line 1, column"):
        config.load_recipe(tmp_path / "r.yaml")


def test_the_hash_of_a_recipe_depends_on_its_numbers_and_not_on_their_order() -> None:
    one = config.validate(Params, section(), "x")
    other = config.validate(Params, dict(reversed(section().items())), "x")
    changed = config.validate(Params, {**section(), "url_domains": []}, "x")
    assert config.recipe_hash("j", one) == config.recipe_hash("j", other)
    assert config.recipe_hash("j", one) != config.recipe_hash("j", changed)


def test_a_recipe_goes_on_where_another_ended_and_is_held_to_its_tables(tmp_path: Path) -> None:


    jobs = config.load_recipe("conf/demo.yaml").jobs
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(yaml.safe_dump({"jobs": {name: jobs[name] for name in ("ingest_docs", "measure_text", "filter_rules")}}, sort_keys=False))

    def planned(names: tuple[str, ...], after: str | None) -> list[str]:
        second.write_text(yaml.safe_dump({**({"after": after} if after else {}), "jobs": {name: jobs[name] for name in names}}, sort_keys=False))
        return [job.name for job, _ in curate.plan(config.load_recipe(second))]

    assert planned(("dedup_exact", "dedup_boilerplate", "dedup_minhash"), "first.yaml") == ["dedup_exact", "dedup_boilerplate", "dedup_minhash"]
    with pytest.raises(ConfigError, match="dedup_exact reads signals, which no job before it writes"):
        planned(("dedup_exact", "dedup_minhash"), None)
    with pytest.raises(ConfigError, match=r"build_corpus\.skip_rejected_by names dedup_minhash, which does not run before it"):
        planned(("dedup_exact", "build_corpus"), "first.yaml")
    with pytest.raises(ConfigError, match="no such file"):
        planned(("dedup_exact", "dedup_minhash"), "none.yaml")
    with pytest.raises(ConfigError, match="come after each other"):
        planned(("dedup_exact", "dedup_minhash"), "second.yaml")


@pytest.mark.parametrize(
    ("first", "later", "is_dead"),
    [
        ((["any"], ["any"]), (["zh"], ["books"]), True),
        ((["zh", "en"], ["any"]), (["en"], ["code"]), True),
        ((["zh"], ["books", "web"]), (["zh"], ["web"]), True),
        ((["zh"], ["books"]), (["zh", "en"], ["books"]), False),
        ((["any"], ["books"]), (["zh"], ["any"]), False),
    ],
)
def test_a_route_that_could_take_nothing_is_refused(first: Any, later: Any, is_dead: bool) -> None:
    routes = [Matches(lang=lang, domain=domain) for lang, domain in (first, later, (["any"], ["any"]))]
    if not is_dead:
        require_default_route(routes)
        return
    with pytest.raises(ValueError, match=r"route 2 .* takes nothing: route 1 stands before it"):
        require_default_route(routes)


# --- a number is written once


def on_base(tmp_path: Path, own: str, base: str = "jobs: {dedup_exact: {skip_rejected_by: [filter_rules], min_kept: 1}}") -> config.Recipe:
    (tmp_path / "base.yaml").write_text(base)
    (tmp_path / "own.yaml").write_text(own)
    return config.load_recipe(tmp_path / "own.yaml")


def test_a_section_has_the_parameters_of_its_base_but_for_those_that_it_writes(tmp_path: Path) -> None:
    jobs = on_base(tmp_path, "jobs: {dedup_exact: {base: base.yaml, min_kept: 7}}").jobs
    assert jobs == {"dedup_exact": {"skip_rejected_by": ["filter_rules"], "min_kept": 7}}


def test_what_a_section_writes_replaces_the_whole_parameter(tmp_path: Path) -> None:
    base = "jobs: {dedup_exact: {normalise: {nfkc: true, casefold: true}}}"
    jobs = on_base(tmp_path, "jobs: {dedup_exact: {base: base.yaml, normalise: {nfkc: false}}}", base).jobs
    assert jobs["dedup_exact"] == {"normalise": {"nfkc": False}}


def test_a_base_may_have_a_base_and_never_itself(tmp_path: Path) -> None:
    (tmp_path / "far.yaml").write_text("jobs: {dedup_exact: {seed: 3, min_kept: 1}}")
    own, base = "jobs: {dedup_exact: {base: base.yaml}}", "jobs: {dedup_exact: {base: far.yaml, min_kept: 2}}"
    assert on_base(tmp_path, own, base).jobs["dedup_exact"] == {"seed": 3, "min_kept": 2}
    with pytest.raises(ConfigError, match=r"base\.yaml: jobs\.dedup_exact\.base: own\.yaml leads back to itself"):
        on_base(tmp_path, own, "jobs: {dedup_exact: {base: own.yaml}}")


def test_a_base_without_such_a_section_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"own\.yaml: jobs\.dedup_minhash\.base: .*base\.yaml has no section dedup_minhash"):
        on_base(tmp_path, "jobs: {dedup_minhash: {base: base.yaml}}")
    with pytest.raises(ConfigError, match=r"jobs\.dedup_exact\.base: no such file|nowhere\.yaml: no such file"):
        on_base(tmp_path, "jobs: {dedup_exact: {base: nowhere.yaml}}")
    with pytest.raises(ConfigError, match="wanted the path of a recipe with a section dedup_exact, saw 3"):
        on_base(tmp_path, "jobs: {dedup_exact: {base: 3}}")


def test_check_shows_a_recipe_with_every_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--recipe", "conf/demo_embeddings.yaml", "--no-packages"]) == 0
    bare = capsys.readouterr().out
    assert cli.main(["check", "--recipe", "conf/demo_embeddings.yaml", "--no-packages", "--show"]) == 0
    shown = capsys.readouterr().out.removesuffix(bare)
    (tmp_path / "whole.yaml").write_text(shown, encoding="utf-8")
    assert "base:" not in shown
    assert config.load_recipe(tmp_path / "whole.yaml").jobs == config.load_recipe("conf/demo_embeddings.yaml").jobs


DEMOS = sorted((ROOT / "conf").glob("demo*.yaml"))
SHIPPED = [*DEMOS, *sorted((ROOT / "conf/jobs").glob("*.yaml"))]


def unexplained(path: Path) -> list[str]:
    """Parameters that a recipe writes over its base with the value that stands there, or without a comment."""
    sections, found = config.load_yaml(path)["jobs"], []
    lines = path.read_text("utf-8").splitlines()
    for job, own in sections.items():
        if config.BASE not in own:
            continue
        base = config.load_recipe(ROOT / own[config.BASE]).jobs[job]
        start = lines.index(next(line for line in lines if line.startswith(f"  {job}:")))
        for name in own.keys() - {config.BASE}:
            at = next(i for i in range(start, len(lines)) if lines[i].startswith(f"    {name}:"))
            if name in base and base[name] == own[name]:
                found.append(f"{path.name}:{at + 1}: {job}.{name} is {own[name]} in the base, too")
            if "  # " not in lines[at] and not lines[at - 1].lstrip().startswith("# "):
                found.append(f"{path.name}:{at + 1}: {job}.{name} differs from the base and does not say why")
    return found


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_recipe_writes_over_its_base_only_what_differs_and_says_why(path: Path) -> None:
    assert unexplained(path) == []


def test_the_same_number_twice_and_a_difference_without_a_word_are_found(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("jobs:\n  measure_text:\n    base: conf/jobs/measure_text.yaml\n    lid_chars: 1000  # why\n    lid_model: x\n")
    assert [line.split(": ", 1)[1] for line in sorted(unexplained(tmp_path / "r.yaml"))] == [
        "measure_text.lid_chars is 1000 in the base, too",
        "measure_text.lid_model differs from the base and does not say why",
    ]


def test_a_job_has_one_recipe_without_a_base() -> None:
    whole: dict[str, list[str]] = {}
    for path in SHIPPED:
        for job, section in config.load_yaml(path)["jobs"].items():
            if config.BASE not in section:
                whole.setdefault(job, []).append(f"conf/{path.relative_to(ROOT / 'conf')}")
    assert whole == {job: [f"conf/jobs/{job}.yaml"] for job in whole}


def models_of(kind: Any, seen: set[type]) -> set[type]:
    """The parameter classes within one."""
    for part in getattr(kind, "__args__", ()):
        models_of(part, seen)
    if isinstance(kind, type) and issubclass(kind, config.BaseModel) and kind not in seen:
        seen.add(kind)
        for field in kind.model_fields.values():
            models_of(field.annotation, seen)
    return seen


@pytest.mark.parametrize("name", curate.job_names())
def test_no_number_of_a_recipe_has_a_default_in_the_code(name: str) -> None:
    found = {}
    for kind in models_of(curate.find_job(name).params, set()):
        for field, about in kind.model_fields.items():
            default = about.get_default(call_default_factory=True)
            if (isinstance(default, (int, float)) and not isinstance(default, bool)) or (isinstance(default, (dict, tuple)) and default):
                found[f"{kind.__name__}.{field}"] = default
    assert found == {}, "write it in the recipe"


def test_an_unknown_key_of_a_kind_is_told_with_the_keys_of_that_kind(tmp_path: Path) -> None:
    section = yaml.safe_load(Path("conf/jobs/train_classifier.yaml").read_text(encoding="utf-8"))["jobs"]["train_classifier"]
    section["classifiers"] = {"signals": {**section["classifiers"]["signals"], "leafs": 5}}
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump({"jobs": {"train_classifier": section}}), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"signals\.trees\.leafs: unknown key; did you mean 'leaves'\? \(known: feature_fraction, kind, learning_rate, leaves, trees"):
        config.load_recipe(path).params("train_classifier", curate.find_job("train_classifier").params)
