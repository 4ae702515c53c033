"""Find blocks of lines that the pages of a site share (navigation, footers, notices); they are edits.

reads   docs, signals, verdicts; domains where it exists; what the ranking names
writes  line_counts, boilerplate, edits, verdicts
run     spark-submit jobs/dedup_boilerplate.py --recipe conf/jobs/dedup_boilerplate.yaml --lake lakes/demo

rows in   docs         12 pages of host:mill.org, each "Home\\nFlour\\nContact\\n..." and a text of its own
rows out  edits        a  start 0  end 19  replacement ""  reason boilerplate_block   (a row a block and page)
          boilerplate  host:mill.org  "Flour"  n 12  n_pages 12  share 1.0  example a

How often a single line occurs says little: "The answer is 2" is on a thousand pages. So a block of them goes,
outside code, formulas and tables, and all its copies do. Two other rules keep one copy: C4's spans of three
sentences, and DCLM's n-grams of words (conf/presets). It runs before near-duplicates, since pages of one
template are similar without being copies. The steps are in jobs/dedup/boilerplate.py.
"""

from __future__ import annotations

import sys

from gristmill.jobs.curation.invalidation import drop_replaced
from gristmill.jobs.dedup.boilerplate import State, count_lines, cut_boilerplate
from gristmill.jobs.dedup.boilerplate_params import Params
from gristmill.jobs.dedup.ranking import RANKING_TABLES
from gristmill.jobs.runner.counting import count_verdicts
from gristmill.jobs.runner.job import Job, Writes
from gristmill.jobs.runner.main import main

JOB = Job(
    "dedup_boilerplate",
    Params,
    reads=("docs", "signals", "verdicts"),
    writes=(
        Writes("line_counts", "append"),
        Writes("edits", "job"),
        Writes("verdicts", "job"),
        Writes("boilerplate", "all"),
    ),
    steps=(drop_replaced, count_lines, cut_boilerplate),
    scope="lake",
    count=count_verdicts,
    state=State,
    about=__doc__,
    # Optional: where label_domain has not run, the domain is the hint of the source.
    looks_at=("domains", *RANKING_TABLES),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
