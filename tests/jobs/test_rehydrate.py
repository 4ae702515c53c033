"""Documents stand in a mix as often as the size of their family says."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from gristmill.jobs import mix_corpus
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.export import MIX
from tests.lakes import bring, read, write

FINEWEB2 = "conf/presets/rehydrate_fineweb2.yaml"
ALL = {"all": {"lang": None, "domain": None, "tier": None, "share": 1.0}}
NO_FIM = {"rate": 0.0, "spm_rate": 0.0, "prefix": "<p>", "middle": "<m>", "suffix": "<s>"}


def test_the_preset_is_a_part_of_the_recipe(params_of: Callable[..., Any]) -> None:
    params = params_of("mix_corpus", family_weights=FINEWEB2)
    assert params.family_weights == {1: 1, 2: 2, 3: 3, 5: 5, 100: 8, 1000: 1}
    assert type(params).model_validate_json(params.model_dump_json()) == params
    assert params_of("mix_corpus").family_weights is None
    for weights in ({2: 2}, {1: 0}):
        with pytest.raises(
            (ConfigError, ValueError), match="wanted a weight from size 1 on, and one above 0"
        ):
            params_of("mix_corpus", family_weights=weights)


@pytest.fixture(scope="module")
def lake(spark: Any, tmp_path_factory: pytest.TempPathFactory, params_of: Callable[..., Any]) -> Lake:
    """A corpus of one document for each family size from 1 to 6, and of some larger ones."""
    home = tmp_path_factory.mktemp("families")
    lake = Lake(spark, str(home / "lake"))
    bring(lake, home / "raw", [{"id": "any", "text": "of no matter here"}], params_of("ingest_docs"))
    rows = []
    for size in SIZES:
        doc_id = f"{size:032x}"
        text = "x" * 100
        digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        rows.append(
            (
                doc_id,
                "one",
                0,
                "test",
                None,
                None,
                "en",
                1.0,
                "web",
                text,
                100,
                1,
                0,
                None,
                None,
                None,
                None,
                0,
                size,
                digest,
            )
        )
    write(lake, "corpus", rows, job="build_corpus", batch="one")
    return lake


SIZES = (1, 2, 3, 4, 5, 6, 99, 100, 999, 1000, 5000)


def copies(lake: Lake) -> dict[int, int]:
    return dict(sorted(Counter(int(row.doc_id, 16) for row in read(lake, MIX)).items()))


@pytest.mark.spark
def test_fineweb_2s_documents_stand_as_often_as_it_says(lake: Lake, params_of: Callable[..., Any]) -> None:
    given = {"slices": ALL, "fim": NO_FIM, "max_epochs": 1.0, "min_kept": 0}
    run_job(mix_corpus.JOB, params_of("mix_corpus", family_weights=FINEWEB2, **given), lake)
    assert copies(lake) == {1: 1, 2: 2, 3: 3, 4: 3, 5: 5, 6: 5, 99: 5, 100: 8, 999: 8, 1000: 1, 5000: 1}
    run_job(mix_corpus.JOB, params_of("mix_corpus", family_weights={1: 0, 100: 2, 1000: 0}, **given), lake)
    assert copies(lake) == {100: 2, 999: 2}
    run_job(mix_corpus.JOB, params_of("mix_corpus", **given), lake)
    assert copies(lake) == dict.fromkeys(SIZES, 1)
    # half of the weighted bytes: each document stands half as often, on the average
    run_job(mix_corpus.JOB, params_of("mix_corpus", family_weights=FINEWEB2, **given, max_bytes=2100), lake)
    half = copies(lake)
    assert all(
        n in (int(full / 2), int(full / 2) + 1)
        for n, full in ((half.get(100, 0), 8), (half.get(5, 0), 5), (half.get(2, 0), 2))
    )
    assert 16 <= sum(half.values()) <= 26
