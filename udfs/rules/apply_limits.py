"""Compares the measures of whole Arrow batches with the limits that the route of each document sets.

A kernel and not Column expressions: Spark copies the route of a document into each of a hundred conditions,
and planning them took longer than everything else (76 s for 46,000 documents, where this takes a few).
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
    """Documents of these languages and domains (None: any) are judged by these presets."""

    langs: tuple[str, ...] | None
    domains: tuple[str, ...] | None
    presets: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """`presets`: name -> ((limit key, limit), ...); the first matching route counts; `line_drops`:
    presets that drop C4's lines."""

    routes: tuple[Route, ...]
    presets: dict[str, tuple[tuple[str, float], ...]]
    line_drops: frozenset[str]
    languages: tuple[str, ...] | None
    # preset -> code points below which it judges nothing
    from_chars: dict[str, int] = field(default_factory=dict)


def verdict_batches(batches: Iterator[pa.RecordBatch], plan: Plan) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id, domain and the columns of `signals` -> VERDICT_ROWS.

    A row with a reason and a rule is a failed limit; one with start and end is a run of lines that a kept
    document loses; one with neither rule nor start tells how many documents (`value`) have a domain
    (`reason`) that no route names.
    """
    for batch in batches:
        yield from _judged(batch, plan)


def _judged(batch: pa.RecordBatch, plan: Plan) -> Iterator[pa.RecordBatch]:
    route = routes_of(batch, plan)
    is_out = np.zeros(batch.num_rows, bool)
    if plan.languages is not None:
        known = np.array([value in plan.languages for value in batch.column("lang").to_pylist()], bool)
        yield _rows(
            batch, np.flatnonzero(~known), "other_language", _values(batch, "lang_score"), None, "languages"
        )
        is_out |= ~known
    for name, limits in plan.presets.items():
        judged_here = np.isin(route, [i for i, each in enumerate(plan.routes) if name in each.presets])
        judged_here &= _values(batch, "n_chars") >= plan.from_chars.get(name, 0)
        for key, limit in limits:
            rule, values = LIMITS[key], _values(batch, LIMITS[key].column)
            with np.errstate(invalid="ignore"):  # a null measure (nan here) passes
                failed = judged_here & ((values < limit) if rule.fails_below else (values > limit))
            if failed.any():
                yield _rows(batch, np.flatnonzero(failed), rule.reason, values, limit, f"{name}.{key}")
                is_out |= failed
    dropping = [i for i, each in enumerate(plan.routes) if plan.line_drops & set(each.presets)]
    yield _line_drops(batch, np.isin(route, dropping) & ~is_out)
    yield _unnamed(batch, plan)


def routes_of(batch: pa.RecordBatch, plan: Plan) -> npt.NDArray[np.int64]:
    """Index of the first route that matches each row; the last route matches all."""
    found = []
    for lang, domain in zip(
        batch.column("lang").to_pylist(), batch.column("domain").to_pylist(), strict=True
    ):
        found.append(
            next(
                i
                for i, r in enumerate(plan.routes)
                if (r.langs is None or lang in r.langs) and (r.domains is None or domain in r.domains)
            )
        )
    return np.array(found, np.int64)


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


def _unnamed(batch: pa.RecordBatch, plan: Plan) -> pa.RecordBatch:
    named = {domain for route in plan.routes for domain in route.domains or ()}
    domains = batch.column("domain").to_pylist()
    found = Counter(domain for domain in domains if domain is not None and domain not in named)
    nulls = [None] * len(found)
    return _record([nulls, nulls, list(found), list(found.values()), *[nulls] * 4])


def _record(columns: list[Any]) -> pa.RecordBatch:
    arrays = [
        c if isinstance(c, pa.Array) else pa.array(c, kind, from_pandas=kind == pa.float64())
        for c, kind in zip(columns, _TYPES, strict=True)
    ]
    return pa.record_batch(arrays, names=list(_NAMES))
