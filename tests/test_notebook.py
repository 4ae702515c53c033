"""The tour runs from end to end on a lake, draws what it promises, and is kept without outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

TOUR = Path(__file__).resolve().parent.parent / "notebooks" / "tour.ipynb"


def test_the_tour_is_kept_without_outputs_and_defines_nothing() -> None:
    import json

    cells = [cell for cell in json.loads(TOUR.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert [cell for cell in cells if cell["outputs"] or cell["execution_count"] is not None] == []
    source = "\n".join("".join(cell["source"]) for cell in cells)
    assert "def " not in source
    assert "class " not in source


@pytest.mark.spark
def test_the_tour_runs_on_the_demo_lake_and_draws_its_four_pictures(demo_lake: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    why = "comes with the `dev` extra of the first line of Spark"
    nbformat = pytest.importorskip("nbformat", reason=f"nbformat {why}")
    nbclient = pytest.importorskip("nbclient", reason=f"nbclient {why}")
    pytest.importorskip("ipykernel", reason=f"ipykernel {why}")
    monkeypatch.setenv("GRISTMILL_LAKE", demo_lake.where)
    monkeypatch.setenv("GRISTMILL_MASTER", "local[2]")
    monkeypatch.setenv("GRISTMILL_DRIVER_MEMORY", "1g")
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    for name in ("PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET"):  # the tour has a session of its own
        monkeypatch.delenv(name, raising=False)
    tour = nbformat.read(TOUR, as_version=4)
    nbclient.NotebookClient(tour, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in tour.cells if cell.cell_type == "code" for output in cell.outputs]
    pictures = [output for output in outputs if output.output_type == "display_data" and "image/png" in output.data]
    assert len(pictures) == 4
    assert "left out by" in "".join(output.get("text", "") for output in outputs)
