"""What the page of the quality scorers says is held out is held out, and its presets are what train_classifier takes."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from benchmarks.scores import drawn, read
from gristmill.jobs import train_classifier
from gristmill.jobs.core import config
from gristmill.jobs.core.errors import ConfigError
from tests.udfs.scoring.test_classifiers import BAD, GOOD


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two kinds of good and two of bad text, in two languages; one kind of each has a single source."""
    draw, rows = random.Random(1), []
    for i in range(240):
        label, zh, lonely = i % 2, i // 2 % 2, i // 4 % 2
        text = " ".join(draw.choice((GOOD if label else BAD)[2 * zh : 2 * zh + 2]) for _ in range(3))
        rows.append((f"{text} {i}", label, "zh" if zh else "en", f"{'alone' if lonely else f'of-{i % 3}'}-{label}", f"{'lonely' if lonely else 'many'}-{label}"))
    path = tmp_path_factory.mktemp("scores") / "rows.parquet"
    pq.write_table(pa.table({name: [row[k] for row in rows] for k, name in enumerate(("text", "label", "lang", "source", "kind"))}), path)
    return path


def test_half_of_the_sources_of_each_kind_are_held_out_and_every_kind_is_still_taught(labelled: Path) -> None:
    about, rows = pq.read_table(labelled).to_pandas(), read(labelled)
    for seed in range(3):
        about["held"] = drawn(labelled, rows, seed)
        for (kind, _, _), part in about.groupby(["kind", "lang", "label"]):
            assert 0 < part.held.sum() < len(part)
            if kind.startswith("many"):
                assert part.groupby("source").held.nunique().max() == 1, "a source is on one side"
    assert (drawn(labelled, rows, 0) != drawn(labelled, rows, 1)).any()


def test_the_benchmark_tells_every_scorer_and_the_ensemble_by_language(labelled: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    content = Path("conf/jobs/train_classifier.yaml").read_text(encoding="utf-8")
    recipe.write_text(content.replace("trees: 600,", "trees: 20,").replace("buckets: 262144", "buckets: 4096"), encoding="utf-8")
    pq.write_table(pq.read_table(labelled, columns=["text", "label", "lang"]), tmp_path / "docs.parquet")
    for more in (["--splits", "1"], ["--docs", str(tmp_path / "docs.parquet")]):
        done = subprocess.run([sys.executable, "-m", "benchmarks.scores", "--train", str(labelled), "--recipe", str(recipe), *more], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        auc = json.loads(done.stdout.splitlines()[-1])["auc"]
        assert auc.keys() == {*yaml.safe_load(content)["jobs"]["train_classifier"]["classifiers"], "ensemble"}
        assert all(of.keys() == {"en", "zh"} for of in auc.values())
        assert min(auc["ensemble"].values()) > 0.95


@pytest.mark.parametrize(("name", "epochs", "least"), [("fasttext_cci4", 25, 5), ("fasttext_dclm", 5, 1)])
def test_a_classifier_may_be_the_name_of_a_preset(name: str, epochs: int, least: int) -> None:
    section = config.load_recipe("conf/jobs/train_classifier.yaml").jobs["train_classifier"]
    params = config.validate(train_classifier.Params, {**section, "classifiers": {"quality": f"conf/presets/{name}.yaml"}}, "test")
    spec = params.classifiers["quality"].spec()
    assert (spec["epoch"], spec["minCount"], spec["wordNgrams"], spec["lr"], spec["maxn"]) == (epochs, least, 1, 0.1, 0)
    with pytest.raises(ConfigError, match=r"c4\.yaml"):
        config.validate(train_classifier.Params, {**section, "classifiers": {"quality": "conf/presets/c4.yaml"}}, "test")
