"""All tables of a lake, by name, and the sets of tables that share a way of writing."""

from __future__ import annotations

from gristmill.jobs.schema.documents import (
    BATCH_FILES,
    CORPUS,
    DOCS,
    DOMAINS,
    EDITS,
    PAGES,
    REJECTS,
    SIGNALS,
    VERDICTS,
)
from gristmill.jobs.schema.duplicates import (
    BENCHMARK_ITEMS,
    BOILERPLATE,
    CONTAMINATION,
    DUPLICATES,
    HOT_BUCKETS,
    LINE_COUNTS,
    PAIRS,
    PASSAGE_RUNS,
    PASSAGES,
    SEMANTIC_CELLS,
    SEMANTIC_DOCUMENTS,
    SEMANTIC_PAIRS,
    SKETCHES,
    TEXT_HASHES,
)
from gristmill.jobs.schema.export import MIX
from gristmill.jobs.schema.runs import JOB_LEASES, RUNS
from gristmill.jobs.schema.scores import EMBEDDINGS, MODELS, PERPLEXITY, QUALITY, SCORES
from gristmill.jobs.schema.synthesis import (
    LEASES,
    SAMPLE_SCORES,
    SAMPLE_SIGNALS,
    SAMPLE_VERDICTS,
    SAMPLES,
    SEGMENTS,
    SYNTH_ANSWERS,
    SYNTH_REQUESTS,
)
from gristmill.jobs.schema.table import Table

# Tables in which each filter owns the slice of its job name. A job
# reads only the slices of the filters in its skip_rejected_by.
SHARED = frozenset({"verdicts", "duplicates", "edits", "sample_verdicts"})
# tables whose rows are requests and samples
SYNTHESIS = frozenset(
    {
        "synth_requests",
        "synth_answers",
        "segments",
        "samples",
        "sample_signals",
        "sample_scores",
        "sample_verdicts",
    }
)
# tables that the worker commits to by itself, with a row in `runs` only when it ends
BY_WORKER = frozenset({"synth_answers", "leases"})
# tables that workers may be using: no job deletes rows from them
SENT_OUT = frozenset({"synth_requests", "synth_answers", "leases"})
ALL = (
    DOCS,
    REJECTS,
    PAGES,
    BATCH_FILES,
    DOMAINS,
    SIGNALS,
    PERPLEXITY,
    SCORES,
    EMBEDDINGS,
    QUALITY,
    VERDICTS,
    EDITS,
    TEXT_HASHES,
    LINE_COUNTS,
    BOILERPLATE,
    SKETCHES,
    PAIRS,
    HOT_BUCKETS,
    SEMANTIC_CELLS,
    SEMANTIC_PAIRS,
    SEMANTIC_DOCUMENTS,
    DUPLICATES,
    PASSAGE_RUNS,
    PASSAGES,
    CONTAMINATION,
    BENCHMARK_ITEMS,
    CORPUS,
    MIX,
    SYNTH_REQUESTS,
    SYNTH_ANSWERS,
    SEGMENTS,
    SAMPLES,
    SAMPLE_SIGNALS,
    SAMPLE_SCORES,
    SAMPLE_VERDICTS,
    LEASES,
    JOB_LEASES,
    MODELS,
    RUNS,
)


def table(name: str) -> Table:
    """The table called `name`. Raises KeyError naming the list that lacks it."""
    for each in ALL:
        if each.name == name:
            return each
    raise KeyError(f"{name}: no table of gristmill.jobs.schema.catalog.ALL; list it there")
