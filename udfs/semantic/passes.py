"""The passes of dedup_semantic over Arrow batches: vectors to cells, cells to near pairs, texts of near pairs
to their conditions, accepted pairs to survivors.

    VECTOR (doc, vector)  ->  CELL (model, cell, doc, 8-bit vector)  ->  NEAR (doc_a, doc_b, cosine)
    NEAR and texts, by part  ->  PAIR (doc_a, doc_b, every condition)  ->  duplicates
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.arrow.types import fields_of
from gristmill.udfs.dedup.outcomes import METHODS, outcomes
from gristmill.udfs.semantic.agreement import Limits, failed_condition, of_documents
from gristmill.udfs.semantic.cells import Bytes8, Search, near_pairs, nearest, quantised
from gristmill.udfs.semantic.wording import wording

CELL = (
    "model int, cell int, doc_id string, batch_id string, lang string, is_new boolean, n_bytes bigint, "
    "vector binary"
)
# Of a cell in which pairs were not compared: n_documents, n_uncompared, and no documents.
NEAR = (
    "model int, cell int, doc_a string, batch_a string, doc_b string, batch_b string, lang_a string, "
    "lang_b string, cosine double, n_documents bigint, n_uncompared bigint"
)
# What `judge` takes: of each part texts (doc_a, batch_a, text) before pairs (without text).
TEXT_OR_NEAR = (
    "part int, doc_a string, batch_a string, doc_b string, batch_b string, lang_a string, lang_b string, "
    "cosine double, text string"
)
PAIR = (
    "doc_a string, batch_a string, doc_b string, batch_b string, method string, lang_a string, "
    "lang_b string, cosine double, same_numbers boolean, same_units boolean, same_negation boolean, "
    "same_names boolean, same_question boolean, no_opposites boolean, length_ratio double, n_words double, "
    "order_ratio double, is_exchange boolean, extra_ratio double, replaced_ratio double, failed string, "
    "is_accepted boolean"
)
RANKED = (
    "doc_a string, batch_a string, rank_a bigint, doc_b string, batch_b string, rank_b bigint, cosine double"
)
DUPLICATE = "doc_id string, batch_id string, dup_of string, similarity double, family_id string"
# decimals of a share that are kept
DIGITS = 4


@dataclass(frozen=True)
class Rule:
    """What decides a pair: the limits of each language.

    Documents of at most `whole_chars` characters are compared whole, longer ones sentence by sentence.
    Of a pair that `pair_cells` gave across two languages only the numbers in digits must agree.
    """

    limits: Mapping[str, Limits]
    whole_chars: int
    keep_rejected: bool


def int8(values: pa.Array, width: int) -> Bytes8:
    """A column of binary vectors as rows of a matrix."""
    return np.frombuffer(b"".join(values.to_pylist()), np.int8).reshape(-1, width)


def quantise(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, vector -> doc_id, vector as 8-bit integers; without vectors of zeros."""
    for batch in batches:
        floats, kept = _floats(batch.column("vector"))
        yield pa.record_batch(
            {"doc_id": batch.column("doc_id").filter(kept), "vector": _binary(quantised(floats))}
        )


def _floats(column: pa.Array) -> tuple[npt.NDArray[np.floating], pa.Array]:
    """The vectors that are not all zeros, and which those are."""
    if not len(column):
        return np.zeros((0, 1), np.float32), pa.array([], pa.bool_())
    rows = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)
    kept = np.asarray(rows.any(axis=1))
    return rows[kept], pa.array(kept)


def _binary(vectors: Bytes8) -> pa.Array:
    return pa.array([row.tobytes() for row in vectors], pa.binary())


def to_cells(
    batches: Iterator[pa.RecordBatch], centres: tuple[bytes, ...], width: tuple[int, ...], probes: int
) -> Iterator[pa.RecordBatch]:
    """mapInArrow: model (position), doc_id, batch_id, lang, is_new, n_bytes, vector -> CELL, `probes` rows
    each.

    `centres`, `width`: of each model, its centres one after the other, and their dimensions.
    """
    for batch in batches:
        for model in batch.column("model").unique().to_pylist():
            mine = batch.filter(pa.array(np.asarray(batch.column("model")) == model))
            floats, kept = _floats(mine.column("vector"))
            mine, vectors = mine.filter(kept), quantised(floats)
            if not len(vectors):
                continue
            of_model = np.frombuffer(centres[model], np.int8).reshape(-1, width[model])
            cells = nearest(vectors, of_model, probes)
            rows = mine.set_column(mine.schema.get_field_index("vector"), "vector", _binary(vectors))
            for probe in range(cells.shape[1]):
                cell = pa.array(cells[:, probe].astype(np.int32))
                yield _record(CELL, {name: rows.column(name) for name in rows.schema.names} | {"cell": cell})


def _record(schema: str, columns: Mapping[str, pa.Array]) -> pa.RecordBatch:
    """The columns of `schema`, null where one is not given."""
    n = len(next(iter(columns.values())))
    return pa.record_batch(
        [
            columns[name].cast(kind) if name in columns else pa.nulls(n, kind)
            for name, kind in fields_of(schema)
        ],
        names=[name for name, _ in fields_of(schema)],
    )


def pair_cells(
    batches: Iterator[pa.RecordBatch], search: Search, min_bytes_ratio: float
) -> Iterator[pa.RecordBatch]:
    """mapInArrow: CELL, sorted by model, cell, doc_id, batch_id -> NEAR.

    A pair is given where its texts are about equally long: the shorter has `min_bytes_ratio` of the bytes
    of the longer (not across languages). Raises KeyError for rows of another schema.
    """
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        keys = np.asarray(batch.column("model")).astype(np.int64) << 32 | np.asarray(batch.column("cell"))
        cuts = np.flatnonzero(np.diff(keys)) + 1
        for at, stop in zip([0, *cuts], [*cuts, len(keys)], strict=True):
            piece = batch.slice(at, stop - at)
            if waiting and _key(waiting[0]) != _key(piece):
                yield from _pairs_of_cell(pa.Table.from_batches(waiting), search, min_bytes_ratio)
                waiting = []
            if piece.num_rows:
                waiting.append(piece)
    if waiting:
        yield from _pairs_of_cell(pa.Table.from_batches(waiting), search, min_bytes_ratio)


def _key(batch: pa.RecordBatch) -> tuple[int, int] | None:
    return (batch["model"][0].as_py(), batch["cell"][0].as_py()) if batch.num_rows else None


def _pairs_of_cell(cell: pa.Table, search: Search, min_bytes_ratio: float) -> Iterator[pa.RecordBatch]:
    is_new = np.asarray(cell["is_new"])
    if not is_new.any():
        return
    cell = cell.combine_chunks()
    width = len(cell["vector"][0].as_py())
    langs = cell["lang"].to_pylist()
    numbers = {lang: number for number, lang in enumerate(sorted(set(langs)))}
    lang = np.array([numbers[each] for each in langs])
    pairs = near_pairs(int8(cell["vector"].combine_chunks(), width), lang, is_new, search)
    size = np.asarray(cell["n_bytes"]).astype(np.float64)
    a, b = size[pairs.left], size[pairs.right]
    alike = (np.minimum(a, b) >= min_bytes_ratio * np.maximum(a, b)) | (lang[pairs.left] != lang[pairs.right])
    left, right = pairs.left[alike], pairs.right[alike]
    # the same document in two batches is no pair of documents
    ids = np.array(cell["doc_id"].to_pylist(), object)
    differ = ids[left] != ids[right] if len(left) else np.zeros(0, bool)
    left, right = left[differ], right[differ]
    one, other = (cell.take(pa.array(side)) for side in (left, right))
    named = {
        f"{name}_{side}": rows[column].combine_chunks()
        for side, rows in (("a", one), ("b", other))
        for name, column in (("doc", "doc_id"), ("batch", "batch_id"), ("lang", "lang"))
    }
    if len(left):
        keys = {name: one[name].combine_chunks() for name in ("model", "cell")}
        yield _record(NEAR, {**keys, **named, "cosine": pa.array(pairs.cosine[alike][differ])})
    if pairs.n_uncompared:
        counted = {"n_documents": pa.array([cell.num_rows]), "n_uncompared": pa.array([pairs.n_uncompared])}
        yield _record(
            NEAR, {name: cell[name].slice(0, 1).combine_chunks() for name in ("model", "cell")} | counted
        )


def judge(batches: Iterator[pa.RecordBatch], rule: Rule) -> Iterator[pa.RecordBatch]:
    """mapInArrow: TEXT_OR_NEAR, sorted by part, texts first -> PAIR.

    A part's texts are held until its pairs are decided. Raises KeyError where a text is missing.
    """
    part, texts = None, dict[tuple[str, str], str]()
    for batch in batches:
        made: list[dict[str, Any]] = []
        for row in batch.to_pylist():
            if row["part"] != part:
                part, texts = row["part"], {}
            if row["text"] is not None:
                texts[row["doc_a"], row["batch_a"]] = row["text"]
                continue
            pair = _judged(
                row, texts[row["doc_a"], row["batch_a"]], texts[row["doc_b"], row["batch_b"]], rule
            )
            if pair["is_accepted"] or rule.keep_rejected:
                made.append(pair)
        yield pa.RecordBatch.from_pylist(made, pa.schema(fields_of(PAIR)))


# column of PAIR -> field of Agreement
COLUMNS = {
    "same_numbers": "numbers", "same_units": "units", "same_negation": "negation", "same_names": "names",
    "same_question": "asks", "no_opposites": "opposites", "length_ratio": "length", "n_words": "n_words",
    "order_ratio": "order", "is_exchange": "is_exchange", "extra_ratio": "extra",
    "replaced_ratio": "replaced",
}  # fmt: skip


def _judged(row: Mapping[str, Any], one: str, other: str, rule: Rule) -> dict[str, Any]:
    """The row of PAIR of two documents."""
    given = {
        name: row[name] for name in ("doc_a", "batch_a", "doc_b", "batch_b", "lang_a", "lang_b", "cosine")
    }
    if row["lang_a"] != row["lang_b"]:
        numbers = [
            wording(text, lang).digits for text, lang in ((one, row["lang_a"]), (other, row["lang_b"]))
        ]
        same = numbers[0] == numbers[1]
        failed = None if same else "numbers"
        return {**given, "method": "translation", "same_numbers": same, "failed": failed, "is_accepted": same}
    limits = rule.limits[row["lang_a"]]
    found = of_documents(one, other, row["lang_a"], rule.whole_chars, limits)
    failed = failed_condition(found, row["cosine"], limits)
    values = {column: _rounded(getattr(found, name)) for column, name in COLUMNS.items()}
    return {**given, **values, "method": "semantic", "failed": failed, "is_accepted": failed is None}


def _rounded(value: bool | float) -> bool | float:
    return value if isinstance(value, bool) else round(float(value), DIGITS)


def choose(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """mapInArrow over all RANKED pairs in one task -> DUPLICATE: the documents that are left out.

    Each with the survivor that it is itself a duplicate of (gristmill.udfs.dedup.survivors.independent).
    """
    pairs = pa.Table.from_batches(list(batches), pa.schema(fields_of(RANKED)))
    sides = [
        pairs.select([f"doc_{s}", f"batch_{s}", f"rank_{s}"]).rename_columns(["doc", "batch", "rank"])
        for s in "ab"
    ]
    members = pa.concat_tables(sides).group_by(["doc", "batch", "rank"]).aggregate([]).sort_by("rank")
    if not len(members):
        return
    ranks = np.asarray(members["rank"])
    left, right = (np.searchsorted(ranks, np.asarray(pairs[f"rank_{side}"])) for side in "ab")
    ids = np.array(members["doc"].to_pylist(), object)
    place = np.empty(len(ids), np.int64)
    place[np.argsort(ids, kind="stable")] = np.arange(len(ids))
    every = np.arange(len(ids))
    method = np.full(len(left), METHODS.index("exact"))
    found = outcomes(every, place, left, right, np.asarray(pairs["cosine"]), method, "independent_set")
    out = np.flatnonzero(found.is_out)
    yield _record(
        DUPLICATE,
        {
            "doc_id": pa.array(ids[out], pa.string()),
            "batch_id": members["batch"].combine_chunks().take(pa.array(out)),
            "dup_of": pa.array(ids[found.dup_of[out]], pa.string()),
            "similarity": pa.array(found.similarity[out]),
            "family_id": pa.array(ids[found.family[out]], pa.string()),
        },
    )
