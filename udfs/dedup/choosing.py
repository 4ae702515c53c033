"""What is left of near-duplicate removal once a family is together: open pairs by text, buckets over the
cap, who stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.udfs.arrow.types import fields_of
from gristmill.udfs.dedup.comparing import Sketches
from gristmill.udfs.dedup.doc_ids import doc_ids
from gristmill.udfs.dedup.messages import (
    BUCKET,
    DECIDED,
    LINK,
    MEMBER,
    MEMBERS,
    MESSAGE,
    ORDINAL_BITS,
    PAIRS,
    RANK,
    ROW_BITS,
    SKETCH,
    TASK_BITS,
    TEXT,
    TWO,
    all_of,
    by_kind,
    message_batch,
    messages_of,
    packed_arrays,
)
from gristmill.udfs.dedup.outcomes import METHODS, Outcomes, outcomes
from gristmill.udfs.dedup.shingles import ShingleParams
from gristmill.udfs.dedup.text_groups import text_groups
from gristmill.udfs.dedup.verdicts import PairDecision, similarities

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
OUTCOMES = (
    "result string, doc_a string, doc_b string, batch_id string, similarity double, method string, "
    "is_accepted boolean, "
    "family_id string, band_key bigint, n_classes bigint, n_survivors bigint"
)
# a message (result null), or a row that is told: pair, duplicate, bucket
CHOSEN = f"{MESSAGE}, {OUTCOMES}"
# verdict of a pair that its texts decide; 1 and -1: accepted and rejected by sketches, 2 and -2: by texts
OPEN = 0
TEXT_BYTES = 4 << 20  # of texts that are compared together
ROUNDS = 16  # of settling; three or four are enough


@dataclass(frozen=True)
class Rule:
    """How pairs are decided and who stays."""

    decide: PairDecision  # by sketches of `width` bytes
    width: int
    by_sketch: str  # what `pairs.method` calls that
    # by texts: `measure` of the shingle sets, from `limit` on
    shingles: ShingleParams
    measure: str
    limit: float
    survivors: str  # independent_set or components
    max_bucket: int
    keep_rejected: bool


@dataclass
class Pairs:
    """Pairs of places in a family, each with its similarity and verdict (see OPEN)."""

    left: Ints
    right: Ints
    similarity: npt.NDArray[np.float64]
    verdict: npt.NDArray[np.int8]

    def accepted(self) -> Bools:
        """Which are."""
        return self.verdict > 0

    def codes(self, n: int) -> Ints:
        """A number for each pair of `n` places, whichever comes first."""
        return np.minimum(self.left, self.right) * n + np.maximum(self.left, self.right)

    def and_also(self, other: Pairs) -> Pairs:
        """Both."""
        names = ("left", "right", "similarity", "verdict")
        return Pairs(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in names))


class Family:
    """The documents of one part, families side by side, by the place of their nodes in ascending order."""

    def __init__(self, held: dict[int, list[tuple[int, str, bytes]]], rule: Rule) -> None:
        members = held.get(MEMBER, [])
        self.rule = rule
        node, high, low = all_of(MEMBERS, members)
        width = sum(np.dtype(kind).itemsize for kind in MEMBERS)
        batches = np.repeat(
            np.array([name for _, name, _ in members], object), [len(data) // width for _, _, data in members]
        )
        order = np.argsort(node)
        self.node, self.high, self.low = node[order], high[order], low[order]
        self.batches = batches[order]
        self.n = len(node)
        # Who stands for a set in `pairs`: the document that was sketched in the earliest round, then the
        # lowest doc_id.
        rounds = self.node >> ROW_BITS + ORDINAL_BITS + TASK_BITS
        self.by_id = np.lexsort((self.batches.astype(str), self.low, self.high))
        id_rank = np.empty(self.n, np.int64)
        id_rank[self.by_id] = np.arange(self.n)
        self.id_rank = id_rank
        self.stands = np.arange(self.n)
        one, other = all_of(TWO, held.get(LINK, []))
        self.stands[self.at(other)] = self.at(one)
        first = np.lexsort((id_rank, rounds, self.stands))
        is_new = np.ones(self.n, bool)
        is_new[1:] = self.stands[first][1:] != self.stands[first][:-1]
        self.name = np.empty(self.n, np.int64)
        self.name[first] = first[np.maximum.accumulate(np.where(is_new, np.arange(self.n), 0))]
        self.rank = _ranks(held.get(RANK, []), self)
        kept = np.flatnonzero(self.rank >= 0)
        self.best_first = kept[np.argsort(self.rank[kept])]
        a, b, similarity, verdict = all_of(PAIRS, held.get(DECIDED, []))
        self.pairs = Pairs(self.at(a), self.at(b), similarity.copy(), verdict.copy())
        self.buckets = [np.frombuffer(data, np.int64) for _, _, data in held.get(BUCKET, [])]
        self.index = Sketches(held.get(SKETCH, []), rule.width) if self.buckets else None

    def at(self, nodes: Ints) -> Ints:
        """The places of nodes."""
        return np.searchsorted(self.node, nodes)

    def outcomes(self) -> Outcomes:
        """Of the kept documents, best first."""
        pairs, yes = self.pairs, self.pairs.accepted()
        best = self.best_first
        method = np.where(
            np.abs(pairs.verdict) == 2, METHODS.index("exact"), METHODS.index(self.rule.by_sketch)
        )
        told = pairs.left[yes], pairs.right[yes], pairs.similarity[yes], method[yes]
        return outcomes(self.stands[best], self.id_rank[best], *told, self.rule.survivors)

    def compare_texts(self, texts: dict[int, bytes]) -> None:
        """Decide the open pairs."""
        pairs = self.pairs
        rows = np.flatnonzero(pairs.verdict == OPEN)
        if not len(rows):
            return
        found = by_text(texts, self.node, pairs.left[rows], pairs.right[rows], self.rule)
        pairs.similarity[rows], pairs.verdict[rows] = found, np.where(found >= self.rule.limit, 2, -2)

    def resolve_hot_buckets(self) -> None:
        """Pair those that would stay of the buckets over the cap, until no more of them turn out alike.

        Of a bucket that is still over it, everyone meets the best, who stays, and the next: were it not the
        best, whoever lost its only better neighbour would come back in each round. What is open counts as
        different until it is decided.
        """
        if not self.buckets:
            return
        members = [np.unique(self.stands[self.at(each[1:])]) for each in self.buckets]
        rank = self.n + self.id_rank[self.name]  # of sets of which no document is kept
        np.minimum.at(rank, self.stands[self.best_first], np.arange(len(self.best_first)))
        for number in range(ROUNDS + 1):
            # first all buckets as they are: most of each goes for its best at once
            if number:
                found = self.outcomes()
                stays = np.zeros(self.n, bool)
                stays[self.stands[self.best_first[~found.is_out]]] = True
                members = [each[stays[each]] for each in members]
            a, b = self._candidate_pairs(members, rank)
            more = self._judged(a, b)
            self.pairs = self.pairs.and_also(more)
            if number and not more.accepted().any():
                break

    def _candidate_pairs(self, members: list[Ints], rank: Ints) -> tuple[Ints, Ints]:
        """All pairs of a bucket, or where it is over the cap each with the best and with the next, of
        those not paired before."""
        made: list[Ints] = [np.zeros(0, np.int64)]
        for each in members:
            best = each[np.argsort(rank[each], kind="stable")]
            if len(best) > self.rule.max_bucket:
                a, b = (
                    np.concatenate([best[:-1], np.repeat(best[:1], len(best) - 1)]),
                    np.concatenate([best[1:], best[1:]]),
                )
            else:
                one, other = np.triu_indices(len(best), 1)
                a, b = best[one], best[other]
            made.append(np.minimum(a, b) * self.n + np.maximum(a, b))
        codes = np.unique(np.concatenate(made))
        codes = codes[~np.isin(codes, self.pairs.codes(self.n))]
        return codes // self.n, codes % self.n

    def _judged(self, a: Ints, b: Ints) -> Pairs:
        assert self.index is not None
        found, verdict = self.index.decided(self.node[a], self.node[b], self.rule.decide)
        return Pairs(a, b, found, verdict)


def _ranks(messages: list[tuple[int, str, bytes]], family: Family) -> Ints:
    """The rank of each document; -1 where it is not kept."""
    told = np.frombuffer(b"".join(data for _, _, data in messages), [("node", "<i8"), ("rank", ">i4")])
    rank = np.full(family.n, -1)
    rank[family.at(told["node"])] = told["rank"]
    return rank


def choose(batches: Iterator[pa.RecordBatch], rule: Rule) -> Iterator[pa.RecordBatch]:
    """mapInArrow over all messages of some parts: MESSAGE -> CHOSEN.

    Of a part in which settling met pairs that their texts must decide: everything that it knows, and WANTED
    texts; of all others the rows that are told.
    """
    held = by_kind(messages_of(batches))
    for part in sorted({part for messages in held.values() for part, _, _ in messages}):
        mine = {
            kind: [message for message in messages if message[0] == part] for kind, messages in held.items()
        }
        family = Family(mine, rule)
        family.compare_texts(
            {int.from_bytes(data[:8], "little"): data[8:] for _, _, data in mine.get(TEXT, [])}
        )
        family.resolve_hot_buckets()
        is_open = family.pairs.verdict == OPEN
        if is_open.any():
            yield from _unfinished(part, mine, family, is_open)
        else:
            yield from _told(family)


def _unfinished(
    part: int, mine: dict[int, list[tuple[int, str, bytes]]], family: Family, is_open: Bools
) -> Iterator[pa.RecordBatch]:
    assert family.index is not None
    for kind, messages in mine.items():
        if kind not in (DECIDED, TEXT):
            for message in messages:
                yield _as_message(message_batch([(part, kind, *message[1:])]))
    pairs = family.pairs
    data = packed_arrays(
        PAIRS, family.node[pairs.left], family.node[pairs.right], pairs.similarity, pairs.verdict
    )
    yield _as_message(message_batch([(part, DECIDED, "", data)]))
    nodes = np.unique(family.node[np.concatenate([pairs.left[is_open], pairs.right[is_open]])])
    yield _as_message(family.index.wanted(part, nodes))


def _told(family: Family) -> Iterator[pa.RecordBatch]:
    """The rows of pairs, duplicates and buckets."""
    ids = np.array(doc_ids(family.high, family.low).to_pylist(), object)
    pairs, rule = family.pairs, family.rule
    shown = np.arange(len(pairs.left)) if rule.keep_rejected else np.flatnonzero(pairs.accepted())
    a, b = (ids[family.name[side[shown]]] for side in (pairs.left, pairs.right))
    by_text = np.abs(pairs.verdict[shown]) == 2
    yield _row(
        "pair",
        len(shown),
        doc_a=np.where(a < b, a, b),
        doc_b=np.where(a < b, b, a),
        similarity=pairs.similarity[shown],
        method=np.where(by_text, "exact", rule.by_sketch),
        is_accepted=pairs.accepted()[shown],
    )
    found, best = family.outcomes(), family.best_first
    out = np.flatnonzero(found.is_out)
    yield _row(
        "duplicate",
        len(out),
        doc_a=ids[best[out]],
        doc_b=ids[best[found.dup_of[out]]],
        batch_id=family.batches[best[out]],
        similarity=found.similarity[out],
        method=np.array(METHODS, object)[found.method[out]],
        family_id=ids[best[found.family[out]]],
    )
    stays = np.zeros(family.n, bool)
    stays[family.stands[best[~found.is_out]]] = True
    for bucket in family.buckets:
        n = int(stays[np.unique(family.stands[family.at(bucket[1:])])].sum())
        n_survivors = np.array([n if n > rule.max_bucket else None], object)
        yield _row(
            "bucket", 1, band_key=bucket[:1], n_classes=np.array([len(bucket) - 1]), n_survivors=n_survivors
        )


COLUMNS = fields_of(CHOSEN)


def _row(result: str, n: int, **columns: Any) -> pa.RecordBatch:
    """`n` rows of CHOSEN that are told."""
    made = {"result": pa.repeat(result, n)} | columns
    arrays = [
        pa.array(made[name], kind, from_pandas=True) if name in made else pa.nulls(n, kind)
        for name, kind in COLUMNS
    ]
    return pa.record_batch(arrays, names=[name for name, _ in COLUMNS])


def _as_message(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Messages as rows of CHOSEN."""
    arrays = [
        batch.column(name) if name in batch.schema.names else pa.nulls(batch.num_rows, kind)
        for name, kind in COLUMNS
    ]
    return pa.record_batch(arrays, names=[name for name, _ in COLUMNS])


def by_text(
    texts: dict[int, bytes], node: Ints, left: Ints, right: Ints, rule: Rule
) -> npt.NDArray[np.float64]:
    """The similarity of each pair of places by its texts (by node), TEXT_BYTES of them at a time.

    Raises KeyError without a text.
    """
    rows, sides = np.unique(np.concatenate([left, right]), return_inverse=True)
    a, b = sides[: len(left)], sides[len(left) :]
    whole = pa.array([texts[n] for n in node[rows].tolist()], pa.large_binary()).cast(pa.large_string())
    found = np.zeros(len(left))
    for here, pairs in text_groups(a, b, np.asarray(pc.binary_length(whole)), TEXT_BYTES):
        one, other = (np.searchsorted(here, side[pairs]) for side in (a, b))
        found[pairs] = similarities(whole.take(pa.array(here)), one, other, rule.shingles, rule.measure)
    return found
