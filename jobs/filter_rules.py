"""Leave out documents that fail the rules of their language and domain. Compares stored measures with limits;
measures nothing.

reads   docs, signals
writes  verdicts, edits
run     spark-submit jobs/filter_rules.py --recipe conf/jobs/filter_rules.yaml --lake lakes/demo

The first route whose languages and domains match a document says which presets it must meet; every limit it
fails is a row. A preset with line_drops asks for its dropped lines as edits, applied at the exit.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING

from pydantic import NonNegativeInt, field_validator, model_validator

from gristmill.jobs.core.config import Strict, find_file, load_yaml, validate
from gristmill.jobs.core.params import LeavesOut
from gristmill.jobs.core.routes import ANY, Label, Matches, log_unnamed, require_default_route
from gristmill.jobs.curation.domains import with_domain
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_verdicts
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.udfs.rules.apply_limits import VERDICT_ROWS, Plan, Route, verdict_batches
from gristmill.udfs.rules.limits import LIMITS

if TYPE_CHECKING:
    pass


class Preset(Strict):
    """A named set of limits (conf/presets/*.yaml): `min_x` fails below, `max_x` fails above, null is off."""

    preset: str
    about: str
    line_drops: bool
    # code points; a shorter text is not judged by this preset; null: any is
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
    """Which presets judge its documents."""

    presets: list[str]


class Params(LeavesOut):
    """See conf/jobs/filter_rules.yaml for every number and its source."""

    routes: list[RouteSpec]
    presets: dict[str, Preset]
    # other languages are left out as other_language; null: all stay
    languages: list[Label] | None

    @model_validator(mode="before")
    @classmethod
    def _load(cls, given: object) -> object:
        """`presets` may name files: they become part of the recipe, and so of its hash."""
        if isinstance(given, dict) and isinstance(given.get("presets"), list):
            loaded = [validate(Preset, load_yaml(find_file(name)), str(name)) for name in given["presets"]]
            given = {**given, "presets": {preset.preset: preset for preset in loaded}}
        return given

    @model_validator(mode="after")
    def _routes_have_a_default(self) -> Params:
        missing = sorted({name for route in self.routes for name in route.presets} - set(self.presets))
        if missing:
            raise ValueError(
                f"routes name presets that are not loaded: {', '.join(missing)} (loaded: "
                f"{', '.join(self.presets)})"
            )
        require_default_route(self.routes)
        return self

    def plan(self) -> Plan:
        """What the executors need."""
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
    """A row of `verdicts` for each failing reason; the dropped lines of kept documents as `edits`."""
    from pyspark.sql import functions as F

    docs = with_domain(tables, tables.slice("docs").select("doc_id", "batch_id", "domain_hint"))
    rows = docs.join(tables.slice("signals"), ["doc_id", "batch_id"], how="inner")
    judged = tables.stage(
        "judged", rows.mapInArrow(functools.partial(verdict_batches, plan=params.plan()), VERDICT_ROWS)
    )
    unnamed = judged.where("rule IS NULL AND start IS NULL").groupBy("reason")
    unnamed = unnamed.agg(F.sum("value").cast("bigint").alias("n"))
    log_unnamed(tables.job.name, [(row["reason"], row["n"]) for row in unnamed.collect()])
    own = (F.lit(tables.job.name).alias("job"), "doc_id", "batch_id")
    verdicts = judged.where("rule IS NOT NULL").select(
        *own, "reason", "value", "threshold", "rule", F.lit(tables.recipe_hash).alias("recipe_hash")
    )
    edits = judged.where("start IS NOT NULL")
    edits = edits.select(*own, "start", "end", F.lit("").alias("replacement"), "reason")
    return {"verdicts": verdicts, "edits": edits}


JOB = Job(
    "filter_rules",
    Params,
    reads=("docs", "signals"),
    writes=(Writes("verdicts", "batch"), Writes("edits", "batch")),
    steps=(reject,),
    count=count_verdicts,
    about=__doc__,
    looks_at=("domains",),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
