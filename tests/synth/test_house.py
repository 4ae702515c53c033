"""The worker knows neither Spark nor jobs; here its tables are compared with what the jobs promise."""

from __future__ import annotations

import pyarrow as pa
import pytest

from jobs.core import config, tables
from jobs.export_candidates import JOB, Params
from synth_worker import schemas
from synth_worker.errors import RecipeError
from synth_worker.recipe import Prompts, load

KINDS = {"string": pa.string(), "int": pa.int32(), "bigint": pa.int64(), "double": pa.float64(), "boolean": pa.bool_(), "timestamp": schemas.MOMENT,
         "array<string>": pa.list_(pa.string()), "map<string,bigint>": schemas.COUNTS}  # fmt: skip


@pytest.mark.parametrize(("name", "schema"), [("synth_requests", schemas.REQUESTS), ("synth_answers", schemas.ANSWERS), ("leases", schemas.LEASES), ("runs", schemas.RUNS)])
def test_the_worker_writes_what_the_tables_promise(name: str, schema: pa.Schema) -> None:
    promised = tables.table(name)
    assert [(c.name, KINDS[c.type], c.nullable) for c in promised.columns] == [(f.name, f.type, f.nullable) for f in schema]


@pytest.mark.parametrize("recipe", ["cot", "qa_extract", "textbook", "instruction", "judge", "judge_sample", "solve"])
def test_jobs_and_worker_give_a_prompt_file_the_same_version(recipe: str) -> None:
    section = config.load_recipe("conf/export_candidates.yaml").jobs["export_candidates"]
    params: Params = config.validate(JOB.params, {**section, "prompt": f"conf/prompts/{recipe}.yaml"}, "test")
    known = Prompts(f"conf/prompts/{recipe}.yaml")
    assert (params.recipe, params.recipe_version) == (known.file.recipe, known.id)


def test_a_wrong_recipe_is_told_with_every_complaint(tmp_path: object) -> None:
    import pathlib

    import yaml

    content = yaml.safe_load(pathlib.Path("conf/synth_worker.yaml").read_text(encoding="utf-8"))
    content["worker"]["limits"]["in_fligth"] = content["worker"]["limits"].pop("in_flight")
    path = pathlib.Path(str(tmp_path)) / "r.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(RecipeError) as told:
        load(str(path))
    assert "worker: limits.in_flight: field required" in str(told.value)
    assert "worker: limits.in_fligth: extra inputs are not permitted" in str(told.value)
