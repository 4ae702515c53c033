"""Selection of samples: diversity compared with random selection, speed of each step, agreement of the evaluators.

    python -m benchmarks.selection --samples pairs.parquet
    python -m benchmarks.selection --made 30000 300000 --memory 4g [--without-diversity]

--samples: any Parquet file with question and cot (or correct_cot); source_text (else the question), lang (else en) and optionally adversarial_cot. A fifth
of the samples is selected by k-center in clusters, by MMR, and at random (five seeds). Reported are self-BLEU of the selected questions (lower is more diverse)
and coverage: the mean distance (1 - cosine) of all samples to the nearest selected one (lower is better), and its 99th percentile. Evaluators: LIMO's style
score and the share of numbers found in the source; Spearman between them, and, with adversarial chains, the share of pairs in which each scores the correct one higher.

--made: samples of benchmarks.made_samples, each number in its own lake, through filter_samples with conf/jobs/filter_samples.yaml in its own
process on --master, without thresholds and benchmarks, since these samples have no chains. By number: seconds and cpu_seconds of the process with its workers, peak_mb (the largest sum of resident memory of driver
and workers), ms_sample, left_out by reason, and the seconds of each of Spark's steps. --without-diversity: questions are not encoded, which takes
7 ms each.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import yaml

from benchmarks.support import event_log
from benchmarks.support.systems import System, add_options, system_of
from gristmill.jobs.core.config import load_recipe
from gristmill.jobs.filter_samples import Params
from gristmill.udfs.language_models.embedding import vectors
from gristmill.udfs.samples import selection
from gristmill.udfs.samples.measures import SCHEMA, MeasureParams, measure
from gristmill.udfs.text.langid import PACKAGE
from tests.support.plain_selection import ranked, thin

SHARE = 0.2
MEASURES = MeasureParams(n_copied=8, n_repeated=4, lid_model=PACKAGE, lid_chars=1000)


def read(path: str) -> pd.DataFrame:
    """sample_id, question, cot, source_text, lang, adversarial_cot, one row a question."""
    table = pq.read_table(path).to_pandas().rename(columns={"correct_cot": "cot"})
    for name, default in (("source_text", table["question"]), ("lang", "en"), ("adversarial_cot", None)):
        if name not in table:
            table[name] = default
    table = table.drop_duplicates("question").reset_index(drop=True)
    return table.assign(sample_id=[f"s{i:06d}" for i in range(len(table))])


def measured(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """The measures of each sample with `column` as its chain."""
    rows = [measure(s, q, c or "", t, lang, (lang, lang), MEASURES) for s, q, c, t, lang in zip(table["sample_id"], table["question"], table[column], table["source_text"], table["lang"], strict=True)]
    return pd.DataFrame(rows, columns=SCHEMA.names)


def timed(way: Callable[[], Any], n: int) -> tuple[Any, float]:
    """The answer, and samples a second."""
    began = time.perf_counter()
    made = way()
    return made, round(n / (time.perf_counter() - began), 1)


def diversity(table: pd.DataFrame, found: Any, values: Any) -> dict[str, Any]:
    """Self-BLEU and coverage of each way to choose SHARE of the samples."""
    n_clusters = max(2, int(math.sqrt(len(table) / 2)))
    chosen = {"k_center": thin(found, values, n_clusters, SHARE, None), "mmr": thin(found, values, n_clusters, SHARE, 0.5)}
    size = int(chosen["k_center"].sum())
    for seed in range(5):
        mask = np.zeros(len(table), bool)
        mask[selection.hash_order(list(table["sample_id"]), seed)[:size]] = True
        chosen[f"random_{seed}"] = mask
    told: dict[str, Any] = {}
    for name, mask in chosen.items():
        distance = 1 - (found @ found[mask].T).max(axis=1)
        told[name] = {"n": int(mask.sum()), "self_bleu": round(selection.self_bleu(list(table["question"][mask]), 300, 1), 4), "mean_distance": round(float(distance.mean()), 4), "p99_distance": round(float(np.quantile(distance, 0.99)), 4)}
    by_chance = [told.pop(f"random_{seed}") for seed in range(5)]
    told["random"] = {key: round(float(np.median([each[key] for each in by_chance])), 4) for key in by_chance[0]}
    return told


def compared(path: str) -> dict[str, Any]:
    """Ways to choose a fifth of the samples of a file."""
    table = read(path)
    n = len(table)
    rates: dict[str, float] = {}
    signals, rates["score_samples"] = timed(lambda: measured(table, "cot"), n)
    questions = list(table["question"])
    found, rates["vectors"] = timed(lambda: vectors(questions).astype(np.float64), n)
    params: Any = load_recipe("conf/jobs/filter_samples.yaml").params("filter_samples", Params)
    whole = ranked(table[["sample_id", "lang", "question"]].merge(signals, on="sample_id"), params.style).sort_values("sample_id").reset_index(drop=True)
    values = whole["value"].to_numpy()
    _, rates["thin"] = timed(lambda: thin(found, values, max(2, int(math.sqrt(n / 2))), SHARE, None), n)
    told: dict[str, Any] = {"samples": n, "samples_s_core": rates, "diversity": diversity(table, found, values)}
    told["agreement"] = {"spearman_style_numbers": round(float(whole["value"].corr(whole["numbers_found_ratio"], method="spearman")), 3)}
    wrong = table["adversarial_cot"].notna()
    if wrong.any():
        pairs = table[wrong]
        two = pd.concat([measured(pairs, "cot").assign(lang="en", is_right=True), measured(pairs, "adversarial_cot").assign(lang="en", is_right=False)], ignore_index=True)
        style = ranked(two, params.style)[["sample_id", "is_right", "value"]]
        two = two.merge(style, on=["sample_id", "is_right"])
        for name in ("value", "numbers_found_ratio"):
            right, bad = (two[two["is_right"] == flag].set_index("sample_id")[name] for flag in (True, False))
            told["agreement"][f"correct_above_adversarial_{name}"] = round(float(((right > bad) + 0.5 * (right == bad)).mean()), 3)
    return told


def at_scale(n: int, system: System, changes: dict[str, Any]) -> dict[str, Any]:
    """`n` samples through filter_samples, its recipe changed."""
    name = f"made-{n}"
    events, recipe = system.home / f"{name}-events", system.home / f"{name}.yaml"
    events.mkdir()
    section = {**load_recipe("conf/jobs/filter_samples.yaml").jobs["filter_samples"], **changes}
    spark = event_log.settings(events)
    recipe.write_text(yaml.safe_dump({"lake": {"path": "unnamed", "buckets": 1}, "jobs": {"filter_samples": section}, "spark": spark}), encoding="utf-8")
    system.run("benchmarks.made_samples", "--n", str(n), "--lake", system.address(name))
    found = system.run("gristmill.jobs.filter_samples", "--lake", system.address(name), "--recipe", str(recipe))
    reasons = Counter(system.rows(name, "sample_verdicts", "reason")["reason"].to_pylist())
    steps = event_log.steps(event_log.log_in(events), event_log.staged("filter_samples"))
    told = {"samples": n, **found, "seconds": round(found["seconds"], 1), "ms_sample": round(1000 * found["seconds"] / n, 3), "left_out": dict(reasons)}
    return {**told, "steps": {step: round(use["seconds"], 1) for step, use in steps.items()}}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.selection", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", help="Parquet file with question and cot (or correct_cot)")
    parser.add_argument("--made", type=int, default=[], nargs="+", metavar="N", help="made samples, so many, through the job")
    parser.add_argument("--without-diversity", action="store_true", help="with --made: no question is encoded")
    add_options(parser)
    given = parser.parse_args()
    if not (given.samples or given.made):
        sys.exit("give --samples or --made")
    told = {"compared": compared(given.samples)} if given.samples else {}
    changes = {"limits": {}, "decontaminate": None, **({"diversity": None} if given.without_diversity else {})}
    with tempfile.TemporaryDirectory(dir=given.scratch) as folder, system_of(given, Path(folder)) as system:
        for n in given.made:
            told[str(n)] = at_scale(n, system, changes)
            print(f"{n}: {told[str(n)]}", flush=True)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
