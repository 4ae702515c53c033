"""Examples that a recipe asks for and nobody has are told."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.scoring.examples import ExampleFile, Slice, read_examples
from gristmill.jobs.train_classifier import gaps


def test_a_slice_without_a_document_is_named_by_label_and_language() -> None:
    good, bad = (
        Slice(domains=None, languages=languages, per_language=9) for languages in (["en", "zh"], ["en"])
    )
    assert gaps({(1, "en"), (0, "en")}, good, bad) == [
        "no good example in zh: the slice of the recipe matches no document"
    ]
    assert gaps({(1, "en"), (1, "zh"), (0, "en")}, good, bad) == []


def test_a_file_of_examples_without_a_row_is_an_error(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"text": pa.array([], pa.string()), "label": pa.array([], pa.int64())}),
        tmp_path / "none.parquet",
    )
    given = ExampleFile(
        file=str(tmp_path / "none.parquet"), text="text", label="label", lang="text", group="text"
    )
    with pytest.raises(ConfigError, match=r"none.parquet: no row; name a file that holds some"):
        read_examples([given])
