"""The tour runs from end to end on a lake, draws what it promises, and is kept without outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs.curate import find_job
from gristmill.jobs.runner.run import run_job
from tests.jobs.test_select_samples import all_samples
from tests.jobs.test_synthesis import write

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


@pytest.mark.parametrize("name", ["tour", "selection"])
def test_a_notebook_is_kept_without_outputs_and_defines_nothing(name: str) -> None:
    import json

    cells = [cell for cell in json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert [cell for cell in cells if cell["outputs"] or cell["execution_count"] is not None] == []
    source = "\n".join("".join(cell["source"]) for cell in cells)
    assert "def " not in source
    assert "class " not in source


def outputs_of(name: str, lake: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[Any]:
    """Run a notebook on a lake, in a session of its own; its outputs."""
    why = "comes with the `dev` extra of the first line of Spark"
    nbformat = pytest.importorskip("nbformat", reason=f"nbformat {why}")
    nbclient = pytest.importorskip("nbclient", reason=f"nbclient {why}")
    pytest.importorskip("ipykernel", reason=f"ipykernel {why}")
    monkeypatch.setenv("GRISTMILL_LAKE", lake)
    monkeypatch.setenv("GRISTMILL_MASTER", "local[2]")
    monkeypatch.setenv("GRISTMILL_DRIVER_MEMORY", "1g")
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    for variable in ("PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET"):
        monkeypatch.delenv(variable, raising=False)
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def pictures(outputs: list[Any]) -> int:
    return sum(output.output_type == "display_data" and "image/png" in output.data for output in outputs)


@pytest.mark.spark
@pytest.mark.slow
def test_the_tour_runs_on_the_demo_lake_and_draws_its_four_pictures(demo_lake: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    outputs = outputs_of("tour", demo_lake.where, monkeypatch, tmp_path)
    assert pictures(outputs) == 4
    assert "left out by" in "".join(output.get("text", "") for output in outputs)


@pytest.mark.spark
@pytest.mark.slow
def test_the_choice_of_samples_is_drawn(lake: Any, params_of: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(lake, "docs", [])
    write(lake, "samples", all_samples(), "merge_samples")
    for name in ("score_samples", "filter_samples"):
        run_job(find_job(name), params_of(name, **({"min_kept": 0} if name == "filter_samples" else {})), lake)
    outputs = outputs_of("selection", lake.where, monkeypatch, tmp_path)
    assert pictures(outputs) == 3
    told = "".join(output.get("text", "") for output in outputs)
    assert "self_bleu_before" in told
    assert "reasoning: " in told
