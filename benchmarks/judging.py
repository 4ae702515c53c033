"""Parsing of judges' outputs: a hand-written set, read by the worker's parser with the prompts' schemas.

    python -m benchmarks.judging [--set benchmarks/judging_set.yaml]

Each output is labelled as a judgement or as invalid (the worker then calls the judge again, and finally leaves the document unscored). The last line is JSON:

n, right          outputs, and how many were handled correctly
understood        share of the valid outputs from which the correct numbers were read
refused           share of the invalid outputs that were rejected
kept_silently     invalid outputs that gave numbers, and valid ones that gave wrong numbers: the error that must not occur
wrong             the outputs that were handled wrongly
lenient           the same shares of a reader that takes the first number from 0 to 5 after the name, as regular expressions do
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from gristmill.synth_worker.calls.engines import Answer
from gristmill.synth_worker.calls.window import Malformed
from gristmill.synth_worker.flows.judgements import judgement_of
from gristmill.synth_worker.recipe import Prompts

SET = Path(__file__).with_name("judging_set.yaml")
Numbers = dict[str, float] | None
Case = dict[str, Any]


def strict(case: Case, schema: dict[str, Any]) -> Numbers:
    """The numbers that the worker takes; None when it asks again."""
    answer = Answer(case["said"], "length" if case.get("cut") else "stop", 1, 1, 0.1)
    try:
        found: dict[str, Any] = judgement_of(schema)(answer, True)
    except Malformed:
        return None
    return {name: value for name, value in found.items() if name != "reason"}


def lenient(case: Case, schema: dict[str, Any]) -> Numbers:
    """The first number from 0 to 5 behind each name."""
    found = {}
    for name in schema["required"]:
        if name != "reason":
            said = re.search(rf"{name}\W*([0-5](?:\.\d+)?)", case["said"], re.IGNORECASE)
            if said is None:
                return None
            found[name] = float(said.group(1))
    return found


def judged(cases: list[Case], read: Callable[[Case, dict[str, Any]], Numbers]) -> dict[str, Any]:
    """The figures of one reader."""
    schemas = {name: Prompts(f"conf/prompts/{name}.yaml").file.steps["judge"].answer_schema or {} for name in {case["asks"] for case in cases}}
    found = [(case, read(case, schemas[case["asks"]])) for case in cases]
    usable = [numbers == case["wanted"] for case, numbers in found if case["wanted"] is not None]
    unusable = [numbers is None for case, numbers in found if case["wanted"] is None]
    wrong = [(case, numbers) for case, numbers in found if numbers != case["wanted"]]
    return {
        "n": len(found), "right": len(found) - len(wrong), "understood": round(sum(usable) / len(usable), 4), "refused": round(sum(unusable) / len(unusable), 4),
        "kept_silently": sum(numbers is not None for _, numbers in wrong), "wrong": [case["said"][:80] for case, _ in wrong],
    }  # fmt: skip


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", type=Path, default=SET, help="YAML: asks, kind, said, wanted, cut (default: the set beside this file)")
    given = parser.parse_args()
    cases = yaml.safe_load(given.set.read_text(encoding="utf-8"))
    told = judged(cases, strict)
    loose = {key: value for key, value in judged(cases, lenient).items() if key != "wrong"}
    print(json.dumps({**told, "lenient": loose}, ensure_ascii=False))


if __name__ == "__main__":
    main()
