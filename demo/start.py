"""`gristmill demo`: makes the demo's raw text in the working folder, curates it, and prints where the report is.

    gristmill demo [--lake lakes/demo] [--raw lakes/demo-raw]

Needs the extra `demo` and Spark (spark35 or spark41), but no checkout. Delta's jars are fetched from Maven if PySpark has none.
The same command continues after an interruption. Synthesis needs a model: docs/synthesis.md, or `make demo` in a checkout.
"""

from __future__ import annotations

import argparse
import shlex
import sys

from gristmill.demo import corpus, tour
from gristmill.jobs.doctor import command as doctor
from gristmill.jobs.doctor.finding import MISSING
from gristmill.jobs.lake import jars
from gristmill.jobs.lake.spark_errors import exit_code_of

RECIPE = "conf/demo.yaml"
SEED = "7"


def main(argv: list[str] | None = None) -> int:
    """Run the demo; returns the exit code (130: stopped by Ctrl-C)."""
    parser = argparse.ArgumentParser("gristmill demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lake", default="lakes/demo", help="the lake (default: %(default)s)")
    parser.add_argument("--raw", default="lakes/demo-raw", help="folder of the raw text (default: %(default)s)")
    args = parser.parse_args(argv)
    missing = [each for each in doctor.findings(RECIPE) if each.state == MISSING]
    lines = [line for each in missing if each.part != "Delta" for line in doctor.lines(each)]
    if lines:
        print("\n".join([*lines, "the demo cannot run yet; `gristmill doctor` shows everything that was looked at"]), file=sys.stderr)
        return 2
    if missing:
        print("fetching Delta's jars from Maven (once)", flush=True)
        if code := exit_code_of(jars.fetch):
            return code
    corpus.main(["--out", args.raw, "--seed", SEED])
    again = shlex.join(["gristmill", "demo", "--lake", args.lake, "--raw", args.raw])
    return tour.main(["--recipe", RECIPE, "--lake", args.lake, "--input", f"{args.raw}/raw", "--again", again])


if __name__ == "__main__":
    sys.exit(main())
