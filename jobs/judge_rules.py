"""Leave out documents that fail the rules of their language and domain. Compares stored measures with limits; measures nothing.

reads   docs, signals
writes  verdicts, edits
run     spark-submit jobs/judge_rules.py --recipe conf/judge_rules.yaml --lake lakes/demo

The first route whose languages and domains match a document says which presets it must meet; every limit it fails is a row.
A preset with line_drops asks for its dropped lines as edits, applied at the exit.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from pydantic import NonNegativeInt, field_validator, model_validator

from jobs.core.config import Strict, find_file, load_yaml, validate
from jobs.core.counts import count_verdicts
from jobs.core.job import Job, Tables, Writes, main
from udfs.rules import LIMITS

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

ANY = ["any"]


class Preset(Strict):
    """A named set of limits (conf/presets/*.yaml): `min_x` fails below, `max_x` fails above, null is off."""

    preset: str
    about: str
    line_drops: bool
    limits: dict[str, float | int | None]

    @field_validator("limits")
    @classmethod
    def _known(cls, limits: dict[str, float | int | None]) -> dict[str, float | int | None]:
        unknown = sorted(set(limits) - set(LIMITS))
        if unknown:
            raise ValueError(f"unknown limits {', '.join(unknown)}; known: {', '.join(sorted(LIMITS))}")
        return limits


class Route(Strict):
    """Which presets judge the documents of some languages and domains (`any` matches all)."""

    lang: list[str]
    domain: list[str]
    presets: list[str]


class Params(Strict):
    """See conf/judge_rules.yaml for every number and its source."""

    routes: list[Route]
    presets: dict[str, Preset]
    languages: list[str] | None  # other languages are left out as other_language; null: all stay
    min_kept: NonNegativeInt  # documents; fewer and the job stops with nothing written

    @model_validator(mode="before")
    @classmethod
    def _load(cls, given: Any) -> Any:
        """`presets` may name files: they become part of the recipe, and so of its hash."""
        if isinstance(given, dict) and isinstance(given.get("presets"), list):
            loaded = [validate(Preset, load_yaml(find_file(name)), str(name)) for name in given["presets"]]
            given = {**given, "presets": {preset.preset: preset for preset in loaded}}
        return given

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> Params:
        missing = sorted({name for route in self.routes for name in route.presets} - set(self.presets))
        if missing:
            raise ValueError(f"routes name presets that are not loaded: {', '.join(missing)} (loaded: {', '.join(self.presets)})")
        if not self.routes or self.routes[-1].lang != ANY or self.routes[-1].domain != ANY:
            raise ValueError("the last route must be lang: [any], domain: [any], so that every document is judged")
        return self


def routed(tables: Tables, params: Params) -> DataFrame:
    """signals of each document with `presets`: the names of the presets that judge it."""
    from pyspark.sql import functions as F

    docs = tables.slice("docs").select("doc_id", "batch_id", "domain_hint")
    signals = docs.join(tables.slice("signals"), ["doc_id", "batch_id"], how="inner")
    chosen = F.coalesce(*[F.when(_matches(route), F.array(*map(F.lit, route.presets)).cast("array<string>")) for route in params.routes])
    return signals.withColumn("presets", chosen)


def _matches(route: Route) -> Column:
    from pyspark.sql import functions as F

    lang = F.lit(True) if route.lang == ANY else F.coalesce(F.col("lang").isin(route.lang), F.lit(False))
    domain = F.lit(True) if route.domain == ANY else F.coalesce(F.col("domain_hint").isin(route.domain), F.lit(False))
    return lang & domain


def failures(params: Params) -> Column:
    """An array of structs (reason, value, limit, rule): every limit that the row's presets set and the row fails."""
    from pyspark.sql import functions as F

    def failed(condition: Column, reason: str, value: Column, limit: float | None, rule: str) -> Column:
        row = (F.lit(reason).alias("reason"), value.cast("double").alias("value"), F.lit(limit).cast("double").alias("limit"), F.lit(rule).alias("rule"))
        return F.when(condition, F.struct(*row))

    checks = []
    if params.languages is not None:
        checks.append(failed(~F.coalesce(F.col("lang").isin(params.languages), F.lit(False)), "other_language", F.col("lang_score"), None, "languages"))
    for name, preset in params.presets.items():
        for key, limit in preset.limits.items():
            if limit is None:
                continue
            rule, value = LIMITS[key], F.col(LIMITS[key].column)
            beyond = value < limit if rule.fails_below else value > limit
            checks.append(failed(F.array_contains("presets", name) & beyond, rule.reason, value, limit, f"{name}.{key}"))
    return F.filter(F.array(*checks), lambda check: check.isNotNull())


def judge(tables: Tables, params: Params) -> dict[str, DataFrame]:
    """A row of `verdicts` for each failing reason; the dropped lines of kept documents as `edits`."""
    from pyspark.sql import functions as F

    judged = routed(tables, params).withColumn("failed", failures(params))
    own = (F.lit(tables.job.name).alias("job"), "doc_id", "batch_id")
    verdicts = judged.select(*own, F.explode("failed").alias("f")).select(
        "job", "doc_id", "batch_id", "f.reason", "f.value", "f.limit", "f.rule", F.lit(tables.recipe_hash).alias("recipe_hash")
    )
    dropping = [name for name, preset in params.presets.items() if preset.line_drops]
    dropped = judged.where((F.size("failed") == 0) & F.arrays_overlap("presets", F.array(*map(F.lit, dropping)).cast("array<string>")))
    edits = dropped.select(*own, F.explode("c4_dropped_lines").alias("line")).select(
        "job", "doc_id", "batch_id", "line.start", "line.end", F.lit("").alias("replacement"), "line.reason"
    )
    return {"verdicts": verdicts, "edits": edits}


JOB = Job(
    "judge_rules", Params, reads=("docs", "signals"), writes=(Writes("verdicts", "batch"), Writes("edits", "batch")),
    steps=(judge,), count=count_verdicts, about=__doc__,
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main(JOB))
