"""The last step of near-duplicate removal, where families are together: open pairs by text, buckets over the
cap, survivors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.udfs.arrow.types import fields_of
from gristmill.udfs.dedup.comparing import SketchIndex
from gristmill.udfs.dedup.doc_ids import doc_ids
from gristmill.udfs.dedup.messages import (
    BUCKET,
    LINK,
    MEMBER,
    MEMBER_COLUMNS,
    MESSAGE,
    NODE_PAIR,
    ORDINAL_BITS,
    RANK,
    ROW_BITS,
    SKETCH,
    TASK_BITS,
    TEXT,
    VERDICT,
    VERDICT_COLUMNS,
    Body,
    columns_of,
    group_by_kind,
    message_batch,
    messages_of,
    pack_columns,
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
# a message (result null), or a row of the result: pair, duplicate, bucket
MESSAGE_OR_OUTCOME = f"{MESSAGE}, {OUTCOMES}"
# Verdict of a pair that its texts have to decide. 1 and -1:
# accepted and rejected by sketches; 2 and -2: by texts.
OPEN = 0
TEXT_BYTES = 4 << 20  # of texts that are compared together
ROUNDS = 16  # of resolving hot buckets, at most; three or four are enough


@dataclass(frozen=True)
class Rule:
    """How pairs are decided and which documents survive."""

    decide: PairDecision  # by sketches of `width` bytes
    width: int
    by_sketch: str  # the value of `pairs.method` for such a decision
    # by texts: accepted where `measure` of the shingle sets is at least `limit`
    shingles: ShingleParams
    measure: str
    limit: float
    survivors: str  # independent_set or connected_components
    max_bucket: int
    keep_rejected: bool


@dataclass
class Pairs:
    """Pairs of positions in the documents of a part, each with similarity and verdict (see OPEN)."""

    left: Ints
    right: Ints
    similarity: npt.NDArray[np.float64]
    verdict: npt.NDArray[np.int8]

    def is_accepted(self) -> Bools:
        """Whether each pair is accepted; an open pair is not."""
        return self.verdict > 0

    def codes(self, n: int) -> Ints:
        """A number for each pair of positions below `n`, the same in both orders of its sides."""
        return np.minimum(self.left, self.right) * n + np.maximum(self.left, self.right)

    def concatenate(self, other: Pairs) -> Pairs:
        """The pairs of both."""
        names = ("left", "right", "similarity", "verdict")
        return Pairs(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in names))


class Families:
    """All documents of one part, addressed by the position of their node in ascending order.

    A part holds whole families, and nothing depends on where one ends and the next begins.
    """

    def __init__(self, messages: dict[int, list[Body]], rule: Rule) -> None:
        members = messages.get(MEMBER, [])
        self.rule = rule
        node, high, low = columns_of(MEMBER_COLUMNS, members)
        width = sum(np.dtype(kind).itemsize for kind in MEMBER_COLUMNS)
        batches = np.repeat(
            np.array([name for _, name, _ in members], object), [len(data) // width for _, _, data in members]
        )
        order = np.argsort(node)
        self.node, self.high, self.low = node[order], high[order], low[order]
        self.batches = batches[order]
        self.n = len(node)
        # Classes of equal shingle sets: the position of the representative, for each document.
        self.by_id = np.lexsort((self.batches.astype(str), self.low, self.high))
        id_rank = np.empty(self.n, np.int64)
        id_rank[self.by_id] = np.arange(self.n)
        self.id_rank = id_rank
        self.representative = np.arange(self.n)
        one, other = columns_of(NODE_PAIR, messages.get(LINK, []))
        self.representative[self.at(other)] = self.at(one)
        # `pairs` names for a class the document of the earliest sketch
        # generation, then of the lowest doc_id. The representative itself
        # depends on which task sketched a document, and a table must not.
        generation = self.node >> ROW_BITS + ORDINAL_BITS + TASK_BITS
        first = np.lexsort((id_rank, generation, self.representative))
        is_new = np.ones(self.n, bool)
        is_new[1:] = self.representative[first][1:] != self.representative[first][:-1]
        self.class_name = np.empty(self.n, np.int64)
        self.class_name[first] = first[np.maximum.accumulate(np.where(is_new, np.arange(self.n), 0))]
        # Documents without a rank were left out by other jobs: their pairs stay in the table, but
        # they take no part in the choice of survivors.
        self.rank = _ranks(messages.get(RANK, []), self)
        kept = np.flatnonzero(self.rank >= 0)
        self.best_first = kept[np.argsort(self.rank[kept])]
        a, b, similarity, verdict = columns_of(VERDICT_COLUMNS, messages.get(VERDICT, []))
        # Copies: arrays over bytes are read-only, and open pairs are decided in place.
        self.pairs = Pairs(self.at(a), self.at(b), similarity.copy(), verdict.copy())
        self.buckets = [np.frombuffer(data, np.int64) for _, _, data in messages.get(BUCKET, [])]
        self.index = SketchIndex(messages.get(SKETCH, []), rule.width) if self.buckets else None

    def at(self, nodes: Ints) -> Ints:
        """The positions of nodes that are in the part."""
        return np.searchsorted(self.node, nodes)

    def outcomes(self) -> Outcomes:
        """The outcome of each kept document, in the order of `best_first`."""
        pairs, yes = self.pairs, self.pairs.is_accepted()
        best = self.best_first
        method = np.where(
            np.abs(pairs.verdict) == 2, METHODS.index("exact"), METHODS.index(self.rule.by_sketch)
        )
        accepted = pairs.left[yes], pairs.right[yes], pairs.similarity[yes], method[yes]
        return outcomes(self.representative[best], self.id_rank[best], *accepted, self.rule.survivors)

    def compare_texts(self, texts: dict[int, bytes]) -> None:
        """Decide the open pairs by the texts (UTF-8, by node). Raises KeyError where a text is missing."""
        pairs = self.pairs
        rows = np.flatnonzero(pairs.verdict == OPEN)
        if not len(rows):
            return
        values = text_similarities(texts, self.node, pairs.left[rows], pairs.right[rows], self.rule)
        pairs.similarity[rows], pairs.verdict[rows] = values, np.where(values >= self.rule.limit, 2, -2)

    def resolve_hot_buckets(self) -> None:
        """Pair the documents of buckets over the cap that would survive, until none of these pairs is
        accepted.

        While a bucket is over the cap, each of its sets is paired with the best-ranked one, which survives,
        and with the next in rank. Pairing neighbours alone would not do: a document whose only better
        neighbour was removed would return as a survivor in each round. An open pair counts as different until
        its texts decide it, in a later call.
        """
        if not self.buckets:
            return
        members = [np.unique(self.representative[self.at(each[1:])]) for each in self.buckets]
        # A class ranks as its best kept document; classes without one come after all others.
        rank = self.n + self.id_rank[self.class_name]
        np.minimum.at(rank, self.representative[self.best_first], np.arange(len(self.best_first)))
        for number in range(ROUNDS + 1):
            # The first round takes whole buckets: most of each is a duplicate of its best
            # document, and goes with one pair. Later rounds take what would survive.
            if number:
                result = self.outcomes()
                survives = np.zeros(self.n, bool)
                survives[self.representative[self.best_first[~result.is_out]]] = True
                members = [each[survives[each]] for each in members]
            a, b = self._candidate_pairs(members, rank)
            more = self._compare_sketches(a, b)
            self.pairs = self.pairs.concatenate(more)
            if number and not more.is_accepted().any():
                break

    def _candidate_pairs(self, members: list[Ints], rank: Ints) -> tuple[Ints, Ints]:
        """All pairs of each bucket, or where it is over the cap each set with the best and with the next;
        without pairs that were compared before."""
        pair_codes: list[Ints] = [np.zeros(0, np.int64)]
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
            pair_codes.append(np.minimum(a, b) * self.n + np.maximum(a, b))
        codes = np.unique(np.concatenate(pair_codes))
        # A document may be in several buckets, and its pairs may be decided already.
        codes = codes[~np.isin(codes, self.pairs.codes(self.n))]
        return codes // self.n, codes % self.n

    def _compare_sketches(self, a: Ints, b: Ints) -> Pairs:
        assert self.index is not None
        similarity, verdict = self.index.verdicts(self.node[a], self.node[b], self.rule.decide)
        return Pairs(a, b, similarity, verdict)


def _ranks(messages: list[Body], families: Families) -> Ints:
    """The rank of each document, lower is better; -1 where it is not kept."""
    rows = np.frombuffer(b"".join(data for _, _, data in messages), [("node", "<i8"), ("rank", ">i4")])
    rank = np.full(families.n, -1)
    rank[families.at(rows["node"])] = rows["rank"]
    return rank


def choose(batches: Iterator[pa.RecordBatch], rule: Rule) -> Iterator[pa.RecordBatch]:
    """mapInArrow over all messages of some parts: MESSAGE -> MESSAGE_OR_OUTCOME.

    A part whose hot buckets led to pairs that only texts can decide returns all its messages and a
    TEXT_REQUEST for each text, to be called again with the texts; every other part returns rows of OUTCOMES:

        result     doc_a  doc_b  similarity  method  is_accepted  family_id
        pair       1f..   9a..   .93         sketch  true
        duplicate  9a..   1f..   .93         sketch               1f..
    """
    messages = group_by_kind(messages_of(batches))
    for part in sorted({part for bodies in messages.values() for part, _, _ in bodies}):
        own = {kind: [body for body in bodies if body[0] == part] for kind, bodies in messages.items()}
        families = Families(own, rule)
        families.compare_texts(
            {int.from_bytes(data[:8], "little"): data[8:] for _, _, data in own.get(TEXT, [])}
        )
        families.resolve_hot_buckets()
        is_open = families.pairs.verdict == OPEN
        if is_open.any():
            yield from _unresolved_messages(part, own, families, is_open)
        else:
            yield from _outcome_rows(families)


def _unresolved_messages(
    part: int, own: dict[int, list[Body]], families: Families, is_open: Bools
) -> Iterator[pa.RecordBatch]:
    """The messages of a part with open pairs, for the next call, and requests for the texts."""
    assert families.index is not None
    # The verdicts are written anew below. A text was compared
    # with all it had to be: pairs that come later request theirs.
    for kind, bodies in own.items():
        if kind not in (VERDICT, TEXT):
            for body in bodies:
                yield _message_rows(message_batch([(part, kind, *body[1:])]))
    pairs = families.pairs
    data = pack_columns(
        VERDICT_COLUMNS,
        families.node[pairs.left],
        families.node[pairs.right],
        pairs.similarity,
        pairs.verdict,
    )
    yield _message_rows(message_batch([(part, VERDICT, "", data)]))
    nodes = np.unique(families.node[np.concatenate([pairs.left[is_open], pairs.right[is_open]])])
    yield _message_rows(families.index.text_requests(part, nodes))


def _outcome_rows(families: Families) -> Iterator[pa.RecordBatch]:
    """The rows of pairs, duplicates and buckets of a part without open pairs."""
    ids = np.array(doc_ids(families.high, families.low).to_pylist(), object)
    pairs, rule = families.pairs, families.rule
    shown = np.arange(len(pairs.left)) if rule.keep_rejected else np.flatnonzero(pairs.is_accepted())
    a, b = (ids[families.class_name[side[shown]]] for side in (pairs.left, pairs.right))
    by_text = np.abs(pairs.verdict[shown]) == 2
    # doc_a < doc_b: the order of nodes depends on which task sketched a document.
    yield _rows(
        "pair",
        len(shown),
        doc_a=np.where(a < b, a, b),
        doc_b=np.where(a < b, b, a),
        similarity=pairs.similarity[shown],
        method=np.where(by_text, "exact", rule.by_sketch),
        is_accepted=pairs.is_accepted()[shown],
    )
    result, best = families.outcomes(), families.best_first
    out = np.flatnonzero(result.is_out)
    yield _rows(
        "duplicate",
        len(out),
        doc_a=ids[best[out]],
        doc_b=ids[best[result.dup_of[out]]],
        batch_id=families.batches[best[out]],
        similarity=result.similarity[out],
        method=np.array(METHODS, object)[result.method[out]],
        family_id=ids[best[result.family[out]]],
    )
    survives = np.zeros(families.n, bool)
    survives[families.representative[best[~result.is_out]]] = True
    for bucket in families.buckets:
        n = int(survives[np.unique(families.representative[families.at(bucket[1:])])].sum())
        # Null where the survivors are within the cap: all their pairs were compared.
        n_survivors = np.array([n if n > rule.max_bucket else None], object)
        yield _rows(
            "bucket", 1, band_key=bucket[:1], n_classes=np.array([len(bucket) - 1]), n_survivors=n_survivors
        )


COLUMNS = fields_of(MESSAGE_OR_OUTCOME)


def _rows(result: str, n: int, **columns: Any) -> pa.RecordBatch:
    """`n` rows of OUTCOMES, with null in the columns of MESSAGE and those not passed."""
    present = {"result": pa.repeat(result, n)} | columns
    arrays = [
        pa.array(present[name], kind, from_pandas=True) if name in present else pa.nulls(n, kind)
        for name, kind in COLUMNS
    ]
    return pa.record_batch(arrays, names=[name for name, _ in COLUMNS])


def _message_rows(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of MESSAGE, with null in the columns of OUTCOMES."""
    arrays = [
        batch.column(name) if name in batch.schema.names else pa.nulls(batch.num_rows, kind)
        for name, kind in COLUMNS
    ]
    return pa.record_batch(arrays, names=[name for name, _ in COLUMNS])


def text_similarities(
    texts: dict[int, bytes], node: Ints, left: Ints, right: Ints, rule: Rule
) -> npt.NDArray[np.float64]:
    """The similarity of each pair of positions by its texts, TEXT_BYTES of them at a time.

    `texts`: by node; `node`: of each position. Raises KeyError where a text is missing.
    """
    rows, sides = np.unique(np.concatenate([left, right]), return_inverse=True)
    a, b = sides[: len(left)], sides[len(left) :]
    # Large types: the texts of one part may exceed the 2 GB that Arrow's 32-bit offsets address.
    whole = pa.array([texts[n] for n in node[rows].tolist()], pa.large_binary()).cast(pa.large_string())
    values = np.zeros(len(left))
    # Shingle sets take several times the room of their text, so they are made group by group.
    for members, pairs in text_groups(a, b, np.asarray(pc.binary_length(whole)), TEXT_BYTES):
        one, other = (np.searchsorted(members, side[pairs]) for side in (a, b))
        values[pairs] = similarities(whole.take(pa.array(members)), one, other, rule.shingles, rule.measure)
    return values
