"""Recipes are strict: every complaint at once, each with its place, what was seen and what was wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.core import config
from jobs.core.errors import ConfigError
from jobs.core.routes import Matches, require_default_route
from jobs.dedup_exact import Params

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
    from jobs import curate

    jobs = config.load_recipe("conf/demo.yaml").jobs
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(yaml.safe_dump({"jobs": {name: jobs[name] for name in ("ingest_docs", "measure_text", "filter_rules")}}, sort_keys=False))

    def planned(names: tuple[str, ...], after: str | None) -> list[str]:
        second.write_text(yaml.safe_dump({**({"after": after} if after else {}), "jobs": {name: jobs[name] for name in names}}, sort_keys=False))
        return [job.name for job, _ in curate.plan(config.load_recipe(second))]

    assert planned(("dedup_exact", "dedup_minhash"), "first.yaml") == ["dedup_exact", "dedup_minhash"]
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
