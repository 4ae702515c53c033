"""Reject documents that fail the rules of their language and domain: stored measures against limits.

reads   docs, signals
writes  verdicts, edits
run     spark-submit jobs/filter_rules.py --recipe conf/jobs/filter_rules.yaml --lake lakes/demo

rows in   signals   a  lang en  n_words 14     b  lang en  n_words 28            (preset own: min_words 20)
rows out  verdicts  a  too_few_words  value 14  threshold 20  rule own.min_words

The first route whose languages and domains match a document names the presets that apply to it; every limit
that it fails is a row. A preset with line_drops also writes the lines that C4 drops as edits, which
build_corpus applies. No text is read.
"""

from __future__ import annotations

import functools
import sys

from pydantic import NonNegativeInt, field_validator, model_validator

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.params import LeavesOut
from gristmill.jobs.core.routes import (
    ANY,
    Label,
    Matches,
    load_presets,
    log_unnamed,
    require_default_route,
    require_presets,
)
from gristmill.jobs.curation.domains import with_domain
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_verdicts
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.udfs.rules.apply_limits import VERDICT_ROWS, Plan, Route, verdict_batches
from gristmill.udfs.rules.limits import LIMITS


class Preset(Strict):
    """A named set of limits (conf/presets/*.yaml): `min_x` fails below, `max_x` fails above, null is off."""

    preset: str
    about: str
    line_drops: bool
    # code points; the preset does not apply to a shorter text; null: it applies to all
    from_chars: NonNegativeInt | None = None
    limits: dict[str, float | int | None]

    @field_validator("limits")
    @classmethod
    def _known(cls, limits: dict[str, float | int | None]) -> dict[str, float | int | None]:
        unknown = sorted(set(limits) - set(LIMITS))
        if unknown:
            raise ValueError(f"unknown limits {', '.join(unknown)}; known: {', '.join(sorted(LIMITS))}")
        return limits


class RouteSpec(Matches):
    """The presets that apply to the documents of a route."""

    presets: list[str]


class Params(LeavesOut):
    """See conf/jobs/filter_rules.yaml for every number and its source."""

    routes: list[RouteSpec]
    presets: dict[str, Preset]
    # other languages are rejected as other_language; null: all are kept
    languages: list[Label] | None

    @model_validator(mode="before")
    @classmethod
    def _load(cls, values: object) -> object:
        return load_presets(Preset, values)

    @model_validator(mode="after")
    def _routes_have_a_default(self) -> Params:
        require_presets((name for route in self.routes for name in route.presets), self.presets)
        require_default_route(self.routes)
        return self

    def plan(self) -> Plan:
        """The routes and limits as the kernel takes them: plain tuples, without nulls."""
        routes = tuple(
            Route(
                None if r.lang == ANY else tuple(r.lang),
                None if r.domain == ANY else tuple(r.domain),
                tuple(r.presets),
            )
            for r in self.routes
        )
        presets = {
            name: tuple((key, float(v)) for key, v in p.limits.items() if v is not None)
            for name, p in self.presets.items()
        }
        drops = frozenset(name for name, preset in self.presets.items() if preset.line_drops)
        least = {name: preset.from_chars for name, preset in self.presets.items() if preset.from_chars}
        return Plan(routes, presets, drops, None if self.languages is None else tuple(self.languages), least)


def reject(tables: JobContext, params: Params) -> Outputs:
    """A row of `verdicts` for each failed limit; the dropped lines of kept documents as `edits`.

    Domains that no route names are listed on standard error with their number of documents.
    """
    from pyspark.sql import functions as F

    docs = with_domain(tables, tables.slice("docs").select("doc_id", "batch_id", "domain_hint"))
    rows = docs.join(tables.slice("signals"), ["doc_id", "batch_id"], how="inner")
    # An Arrow kernel, not Column expressions: Spark copies the route of a document into each of
    # a hundred conditions, and planning them took longer than everything else (DECISIONS.md).
    compared = tables.stage(
        "judged", rows.mapInArrow(functools.partial(verdict_batches, plan=params.plan()), VERDICT_ROWS)
    )
    # One staged frame holds three kinds of rows; which columns are null says which kind a row is.
    unnamed = compared.where("rule IS NULL AND start IS NULL").groupBy("reason")
    unnamed = unnamed.agg(F.sum("value").cast("bigint").alias("n"))
    log_unnamed(tables.job.name, [(row["reason"], row["n"]) for row in unnamed.collect()])
    verdicts = tables.verdicts(compared.where("rule IS NOT NULL"))
    edits = compared.where("start IS NOT NULL")
    own = F.lit(tables.job.name).alias("job")
    edits = edits.select(own, "doc_id", "batch_id", "start", "end", F.lit("").alias("replacement"), "reason")
    return {"verdicts": verdicts, "edits": edits}


JOB = Job(
    "filter_rules",
    Params,
    reads=("docs", "signals"),
    writes=(Writes("verdicts", "batch"), Writes("edits", "batch")),
    steps=(reject,),
    count=count_verdicts,
    about=__doc__,
    # Optional: where label_domain has not run, the domain is the hint of the source.
    looks_at=("domains",),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
