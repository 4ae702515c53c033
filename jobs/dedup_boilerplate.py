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
from typing import TYPE_CHECKING

from gristmill.jobs.curation.domains import with_domain
from gristmill.jobs.curation.invalidation import drop_replaced
from gristmill.jobs.dedup.boilerplate import LAKE, State, count_lines, cut_boilerplate
from gristmill.jobs.dedup.boilerplate_params import Blocks, Params
from gristmill.jobs.dedup.ranking import RANKING_TABLES
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_verdicts
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.udfs.text.urls import ADDRESS

if TYPE_CHECKING:
    from pyspark.sql import Column


def site_of(params: Params) -> Column:
    """The site of a document by its `url` and `source`; null for a document that is not compared.

    https://www.Example.org:80/a  any   ->  host:example.org
    https://github.com/x/y        docs  ->  source:docs         (with github.com in shared_hosts)
    null                          docs  ->  source:docs         (null with docs in works)
    """
    from pyspark.sql import functions as F

    if not isinstance(params.rule, Blocks) or params.rule.group == "lake":
        return F.lit(LAKE)
    bare = F.regexp_replace("url", "(?i)^(?:(?:[a-z][a-z0-9+.-]*:)?//)?(?:[^/?#@]*@)?(?:www\\.)?", "")
    host = F.when(F.col("url").rlike(ADDRESS), F.lower(F.regexp_extract(bare, "^[^/?#:]+", 0)))
    is_own = F.coalesce(host != "", F.lit(False)) & ~host.isin(params.shared_hosts)
    is_many = ~F.col("source").isin(params.works)
    return F.when(is_own, F.concat(F.lit("host:"), host)).when(
        is_many, F.concat(F.lit("source:"), F.col("source"))
    )


def find_pages(tables: JobContext[State], params: Params) -> Outputs:
    """The documents that are compared, for the next steps; no text is read."""
    from pyspark.sql import functions as F

    docs = tables.documents.kept(params.skip_rejected_by, "url", "source", "domain_hint")
    is_compared = ~F.coalesce(F.col("domain"), F.lit("")).isin(params.left_out_domains)
    pages = with_domain(tables, docs).where(is_compared)
    pages = pages.select("doc_id", "batch_id", site_of(params).alias("site"))
    tables.state.pages = tables.stage("pages", pages.where("site IS NOT NULL"))
    return {}


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
    steps=(drop_replaced, find_pages, count_lines, cut_boilerplate),
    scope="lake",
    count=count_verdicts,
    state=State,
    about=__doc__,
    # Optional: where label_domain has not run, the domain is the hint of the source.
    looks_at=("domains", *RANKING_TABLES),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
