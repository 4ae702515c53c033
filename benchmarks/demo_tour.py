"""What `make demo` runs: curate, then the funnel, where the report is, and one query to try with its answer."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from jobs import curate
from jobs.core.ask import Ask, as_text
from jobs.core.config import load_recipe
from jobs.core.errors import GristmillError

QUERY = (
    "select lang, domain, count(*) as documents, sum(n_chars) as characters, "
    "round(100 * sum(n_chars) / sum(sum(n_chars)) over (), 1) as percent from corpus group by lang, domain order by characters desc limit 8"
)


def main() -> int:
    """Run the recipe where one is given, then print the tour of the lake; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lake", required=True, help="the demo lake")
    parser.add_argument("--recipe", help="run this recipe first, as `gristmill run curate --recipe RECIPE --lake LAKE --input INPUT` would")
    parser.add_argument("--input", help="the raw text, with --recipe")
    given = parser.parse_args()
    if given.recipe:  # in this process: a second JVM would take ten seconds more
        print(f"gristmill run curate --recipe {given.recipe} --lake {given.lake} --input {given.input}")
        try:
            curate.curate(load_recipe(given.recipe), given.lake, given.input)
        except GristmillError as error:
            print(error, file=sys.stderr)
            return error.exit_code
    ask = Ask(given.lake)
    print(f"\n{'job':<14} {'in':>7} {'kept':>7} {'left out':>9}  by reason (a document may have several)")
    for row in ask.funnel():
        reasons = [f"{reason} {count:,}" for reason, count in row["reasons"].items()]
        shown = ", ".join(reasons[:5]) + (f", and {len(reasons) - 5} more" if len(reasons) > 5 else "")
        print(f"{row['job']:<14} {row['rows_in']:>7,} {row['rows_kept']:>7,} {row['rows_left_out']:>9,}  {shown or '-'}")
    print(f"\nreport  {Path(given.lake, '_report', 'index.html').resolve()}")
    print(f"try     gristmill sql \"{QUERY}\" --lake {given.lake}\n")
    print(as_text(*ask.sql(QUERY, 8)))
    gone = ask.sql("select d.doc_id from duplicates d join docs using (doc_id) order by d.doc_id limit 1", 1)[1]
    if gone:
        print(f"\nand     gristmill why {gone[0][0][:12]} --lake {given.lake}\n")
        print("\n".join(ask.why(gone[0][0])["lines"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
