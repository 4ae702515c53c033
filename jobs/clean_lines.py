"""Find lines that belong to the page and not to its text; leave out documents that consist of them too much.

reads   docs, signals, verdicts; domains where it exists
writes  edits, verdicts
run     spark-submit jobs/clean_lines.py --recipe conf/jobs/clean_lines.yaml --lake lakes/demo

rows in   docs      a  "SIGN UP NOW\\nThe mill is old, ...\\n3 likes\\n"   b  "Home\\nNews\\nOpen daily.\\n"
rows out  edits     a  start 0    end 12   replacement ""  reason capitals_line
                    a  start 941  end 949  replacement ""  reason counter_line
          verdicts  b  too_many_words_removed  value 0.5  threshold 0.05

The first route whose languages and domains match a document names the preset of its lines; null: none is
looked at. A document with a verdict keeps its text: it has no edits. build_corpus and the jobs that find
duplicates apply the edits (name clean_lines in their `edits`).
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, NonNegativeInt, StringConstraints, model_validator

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.params import Filtered, LeavesOut
from gristmill.jobs.core.routes import (
    ANY,
    Matches,
    load_presets,
    log_unnamed,
    require_default_route,
    require_presets,
    takes,
)
from gristmill.jobs.curation.domains import with_domain
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_verdicts
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.udfs.edit import line_rules
from gristmill.udfs.edit.line_rules import clean_batches

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

KEYS = ["doc_id", "batch_id"]
FOUND = (
    "doc_id string, batch_id string, reason string, value double, threshold double, rule string, start int, "
    "end int"
)
Share = Annotated[float, Field(ge=0, le=1)]
Words = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Phrase(Strict):
    """A phrase of short lines, and where in them it counts; `whole`: a line that says nothing else goes."""

    text: Words
    at: line_rules.At


class Counters(Strict):
    """Lines of a number, one of `units` behind it or none, and one of `words`."""

    words: list[Words]
    units: list[Words]
    any_order: bool


class Rules(Strict):
    """See gristmill.udfs.edit.line_rules.LineRules; null switches a rule off."""

    max_upper_ratio: Share | None
    max_digit_ratio: Share | None
    counters: Counters
    min_words: NonNegativeInt
    drops_marks: bool
    phrases: list[Phrase]
    max_phrase_words: NonNegativeInt
    phrases_as_patterns: bool
    words: line_rules.Unit
    max_removed_ratio: Share | None
    counts_whole_lines: bool
    keeps_code: bool

    def kernel(self) -> line_rules.LineRules:
        """As the kernel takes them."""
        return line_rules.LineRules(
            self.max_upper_ratio,
            self.max_digit_ratio,
            tuple(self.counters.words),
            tuple(self.counters.units),
            self.counters.any_order,
            self.min_words,
            self.drops_marks,
            tuple(line_rules.Phrase(each.text, each.at) for each in self.phrases),
            self.max_phrase_words,
            self.phrases_as_patterns,
            self.words,
            self.max_removed_ratio,
            self.counts_whole_lines,
            self.keeps_code,
        )


class Preset(Strict):
    """A named set of line rules (conf/presets/lines_*.yaml)."""

    preset: str
    about: str
    rules: Rules


class RouteSpec(Matches):
    """The preset for the documents of a route; null: none."""

    preset: str | None


class Params(Filtered, LeavesOut):
    """See conf/jobs/clean_lines.yaml for every number and its source."""

    routes: list[RouteSpec]
    presets: dict[str, Preset]

    @model_validator(mode="before")
    @classmethod
    def _load(cls, values: object) -> object:
        return load_presets(Preset, values)

    @model_validator(mode="after")
    def _routes_have_a_default(self) -> Params:
        require_presets((route.preset for route in self.routes if route.preset), self.presets)
        require_default_route(self.routes)
        return self

    def kernels(self) -> dict[str, line_rules.LineRules]:
        """The rules of each preset, as the kernel takes them."""
        return {name: preset.rules.kernel() for name, preset in self.presets.items()}


def preset_of(params: Params) -> Column:
    """The preset of the first route that matches `lang` and `domain`; null where it has none."""
    from pyspark.sql import functions as F

    # from the last route, which matches all, to the first
    column = F.lit(None).cast("string")
    for route in reversed(params.routes):
        column = F.when(takes(route), F.lit(route.preset).cast("string")).otherwise(column)
    return column


def clean(tables: JobContext, params: Params) -> Outputs:
    """`edits` (start and end in code points) of the documents that keep enough of their words, and `verdicts`
    of the others.

    Domains that no route names are listed on standard error with their number of documents.
    """
    from pyspark.sql import functions as F

    labelled = with_domain(tables, tables.slice("docs").select(*KEYS, "domain_hint"))
    labelled = labelled.join(tables.slice("signals").select(*KEYS, "lang"), KEYS, how="inner")
    looked_at = tables.documents.to_look_at(params.skip_rejected_by).join(labelled, KEYS, how="inner")
    log_unnamed(tables.job.name, _unnamed(looked_at, params))
    # Only documents of a route with a preset have their texts read.
    keys = looked_at.select(*KEYS, preset_of(params).alias("preset")).where("preset IS NOT NULL")
    texts = tables.documents.texts(keys, "text", carry=("preset",)).select(*KEYS, "text", "preset")
    kernel = functools.partial(clean_batches, presets=params.kernels())
    # Staged: both tables are made of what is found, and the texts must not be read twice.
    found = tables.stage("found", texts.mapInArrow(kernel, FOUND))
    own = F.lit(tables.job.name).alias("job")
    edits = found.where("start IS NOT NULL")
    return {
        "edits": edits.select(own, *KEYS, "start", "end", F.lit("").alias("replacement"), "reason"),
        "verdicts": tables.verdicts(found.where("rule IS NOT NULL")),
    }


def _unnamed(looked_at: DataFrame, params: Params) -> list[tuple[str, int]]:
    """The domains that no route names, each with its number of documents."""
    from pyspark.sql import functions as F

    named = sorted({label for route in params.routes if route.domain != ANY for label in route.domain})
    others = looked_at.where(F.col("domain").isNotNull() & ~F.col("domain").isin(named))
    rows = others.groupBy("domain").agg(F.count("*").alias("n")).collect()
    return [(row["domain"], row["n"]) for row in rows]


JOB = Job(
    "clean_lines",
    Params,
    reads=("docs", "signals", "verdicts"),
    writes=(Writes("edits", "batch"), Writes("verdicts", "batch")),
    steps=(clean,),
    count=count_verdicts,
    about=__doc__,
    # Optional: where label_domain has not run, the domain is the hint of the source.
    looks_at=("domains",),
    # What it finds depends on the document alone: only those whose verdicts changed are read again.
    by_document=True,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
