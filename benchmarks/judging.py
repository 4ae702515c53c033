"""What is understood of a judge's answers: a set written by hand, read by the worker's own parser under the prompts' own schemas.

    python -m benchmarks.judging [--set benchmarks/judging_set.yaml]

An answer is to be a judgement, or none (the judge is asked again, at last the document stays unscored). The last line is JSON:

n, right          answers, and how many came out as wanted
understood        share of the usable ones of which the wanted numbers were taken
refused           share of the unusable ones of which none was
kept_silently     unusable ones that gave numbers, and usable ones that gave others: the fault that may not happen
wrong             what was said where it came out otherwise
lenient           the same shares of a reader that takes the first number from 0 to 5 behind the name, as regular expressions do it
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
