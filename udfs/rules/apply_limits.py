"""Compares the measures of documents, an Arrow batch at a time, with the limits of their routes.

This is a kernel and not a set of Column expressions: Spark copies the expression of a document's route into
each of a hundred conditions. Planning them took longer than all the rest (the job took 76 s for 46,000
documents; the kernel takes a few).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.udfs.rules.limits import LIMITS

# The same columns twice: as the schema that Spark
# reads, and as the names and types that Arrow needs.
VERDICT_ROWS = (
    "doc_id string, batch_id string, reason string, value double, threshold double, rule string, "
    "start int, end int"
)
_NAMES = ("doc_id", "batch_id", "reason", "value", "threshold", "rule", "start", "end")
_TYPES = (
    pa.string(),
    pa.string(),
    pa.string(),
    pa.float64(),
    pa.float64(),
    pa.string(),
    pa.int32(),
    pa.int32(),
)

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Route:
    """The presets for documents of these languages and domains (None: any)."""

    langs: tuple[str, ...] | None
    domains: tuple[str, ...] | None
    presets: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """All limits of a recipe.

    `routes`: the first that matches a document counts; the last must match all. `presets`: name -> ((key of
    LIMITS, threshold), ...) in the order of datatrove's filters. `line_drops`: presets that drop C4's lines.
    `languages`: all that are kept; None: any.
    """

    routes: tuple[Route, ...]
    presets: dict[str, tuple[tuple[str, float], ...]]
    line_drops: frozenset[str]
    languages: tuple[str, ...] | None
    # preset -> code points; it applies to no shorter document (shares of a short text are chance)
    from_chars: dict[str, int] = field(default_factory=dict)


def verdict_batches(batches: Iterator[pa.RecordBatch], plan: Plan) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id, domain and the columns of `signals` -> VERDICT_ROWS, of three kinds.

        doc_id  reason         value  threshold  rule              start   end
        d1      too_few_words     31         50  gopher.min_words   null  null
        d2      policy          null       null  null                120   208
        null    forum             17       null  null               null  null

    The first is a failed limit, the second a span of lines that d2 loses. The third reports 17 documents with
    the domain `forum`, which no route names. `value` and `threshold` have the unit of the measure; `start`
    and `end` are code points of the text. A document that fails a limit loses no lines.

    Raises KeyError for a preset's key that is not in LIMITS.
    """
    for batch in batches:
        yield from _verdicts(batch, plan)


def _verdicts(batch: pa.RecordBatch, plan: Plan) -> Iterator[pa.RecordBatch]:
    route = routes_of(batch, plan)
    is_out = np.zeros(batch.num_rows, bool)
    if plan.languages is not None:
        # before the presets: their thresholds are those
        # of a language and say nothing of another one
        is_other = np.array([value not in plan.languages for value in batch.column("lang").to_pylist()], bool)
        yield _rows(
            batch, np.flatnonzero(is_other), "other_language", _values(batch, "lang_score"), None, "languages"
        )
        is_out |= is_other
    for name, limits in plan.presets.items():
        in_scope = np.isin(route, [i for i, each in enumerate(plan.routes) if name in each.presets])
        in_scope &= _values(batch, "n_chars") >= plan.from_chars.get(name, 0)
        for key, limit in limits:
            rule, values = LIMITS[key], _values(batch, LIMITS[key].column)
            # a null measure is nan, which compares as false on both sides, so it passes
            with np.errstate(invalid="ignore"):
                failed = in_scope & ((values < limit) if rule.fails_below else (values > limit))
            if failed.any():
                yield _rows(batch, np.flatnonzero(failed), rule.reason, values, limit, f"{name}.{key}")
                is_out |= failed
    dropping = [i for i, each in enumerate(plan.routes) if plan.line_drops & set(each.presets)]
    # last, since a rejected document needs no edits
    yield _line_drops(batch, np.isin(route, dropping) & ~is_out)
    yield _unrouted_domains(batch, plan)


def routes_of(batch: pa.RecordBatch, plan: Plan) -> npt.NDArray[np.int64]:
    """Index of the first route that matches each row; int64 of shape (rows,).

    Raises StopIteration when none does: the last route of a plan must match all documents.
    """
    indexes = []
    for lang, domain in zip(
        batch.column("lang").to_pylist(), batch.column("domain").to_pylist(), strict=True
    ):
        indexes.append(
            next(
                i
                for i, r in enumerate(plan.routes)
                if (r.langs is None or lang in r.langs) and (r.domains is None or domain in r.domains)
            )
        )
    return np.array(indexes, np.int64)


def _values(batch: pa.RecordBatch, column: str) -> npt.NDArray[np.float64]:
    return batch.column(column).cast(pa.float64()).to_numpy(zero_copy_only=False)


def _rows(
    batch: pa.RecordBatch,
    at: npt.NDArray[np.int64],
    reason: str,
    values: npt.NDArray[np.float64],
    limit: float | None,
    rule: str,
) -> pa.RecordBatch:
    n, take = len(at), pa.array(at)
    columns: list[Any] = [
        batch.column("doc_id").take(take),
        batch.column("batch_id").take(take),
        [reason] * n,
        values[at],
        [limit] * n,
        [rule] * n,
    ]
    return _record(columns + [[None] * n] * 2)


def _line_drops(batch: pa.RecordBatch, rows: Bools) -> pa.RecordBatch:
    # flattened first and filtered then: one take for a
    # batch instead of a Python loop over its documents
    lines = batch.column("c4_dropped_lines")
    of, spans = pc.list_parent_indices(lines), pc.list_flatten(lines)
    at = pa.array(np.flatnonzero(rows[of.to_numpy()]))
    of, nulls = of.take(at), [None] * len(at)
    ids = [batch.column(name).take(of) for name in ("doc_id", "batch_id")]
    return _record(
        [
            *ids,
            spans.field("reason").take(at),
            nulls,
            nulls,
            nulls,
            spans.field("start").take(at),
            spans.field("end").take(at),
        ]
    )


def _unrouted_domains(batch: pa.RecordBatch, plan: Plan) -> pa.RecordBatch:
    routed = {domain for route in plan.routes for domain in route.domains or ()}
    domains = batch.column("domain").to_pylist()
    # reported, since a domain that is misspelt in a recipe
    # sends its documents to the route for all others
    counts = Counter(domain for domain in domains if domain is not None and domain not in routed)
    nulls = [None] * len(counts)
    return _record([nulls, nulls, list(counts), list(counts.values()), *[nulls] * 4])


def _record(columns: list[Any]) -> pa.RecordBatch:
    # from_pandas makes nulls of nan: a null measure must not come out as a number
    arrays = [
        c if isinstance(c, pa.Array) else pa.array(c, kind, from_pandas=kind == pa.float64())
        for c, kind in zip(columns, _TYPES, strict=True)
    ]
    return pa.record_batch(arrays, names=list(_NAMES))
