"""Recipes are strict: every complaint at once, each with its place, what was seen and what was wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.core import config
from jobs.core.errors import ConfigError
from jobs.dedup_exact import Params

ROOT = Path(__file__).resolve().parent.parent


def section() -> dict:
    return dict(config.load_recipe(ROOT / "conf/dedup_exact.yaml").jobs["dedup_exact"])


def complaint(section: dict) -> str:
    with pytest.raises(ConfigError) as error:
        config.validate(Params, section, "x.yaml: jobs.dedup_exact")
    return str(error.value)


def test_an_unknown_key_is_an_error_with_a_suggestion() -> None:
    assert "x.yaml: jobs.dedup_exact.url_domain: unknown key; did you mean 'url_domains'?" in complaint({**section(), "url_domain": True})


def test_an_unknown_key_inside_a_section_names_the_keys_of_that_section() -> None:
    told = complaint({**section(), "normalise": {**section()["normalise"], "nfck": True}})
    assert "did you mean 'nfkc'? (known: casefold, nfkc, simplify, squeeze_space)" in told


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
