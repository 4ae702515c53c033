"""Near-duplicate removal on the driver, while ids, sketches and pairs fit its memory: the rows that jobs.core.pairs gives, without its queries.

Documents, classes and pairs are numbers in arrays here; ids become text again in what is committed. A join by Spark costs a second of planning and
moves what it joins, several times what the kernel costs; a lake of four million documents is a few gigabytes of arrays.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from jobs.core.families import METHODS, Fates, fates
from jobs.core.job import Tables
from jobs.core.local_delta import from_pandas
from jobs.core.pairs import verified_by_text
from jobs.core.ranking import Rank, ranked_on_driver
from jobs.core.tables import table

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from jobs.core.lake import Lake
    from udfs.doc_keys import DocKeys
    from udfs.neardup import Judge
    from udfs.shingles import ShingleParams

Ints = npt.NDArray[np.int64]

DOCUMENTS = 300_000  # of a lake whose rows come by Spark, as Python objects: some 2 kB each
DIRECT_DOCUMENTS = 4_000_000  # of a lake on this machine's disk, whose sketches the driver reads itself
DOCUMENT_BYTES = 1_000  # of a document on the driver: band keys (336), sketch (256), ids, ranks, and room to sort
MEMORY_SHARE = 4  # of so many parts of the machine's memory they may take one
PAIRS = 20_000_000  # in all buckets together; 8 bytes each, beside 40 for those that are left once each is counted once
TEXT_BYTES = 1 << 30  # of the documents that are compared by text
GROUP_BYTES = 4 << 20  # of these at a time in each thread; their shingles take up to eight times that
READ_ROWS = 4_096  # of sketches in hand while the index is filled
AT_ONCE = 50_000  # pairs whose sketches are compared in one call: 512 bytes each
PART = ("doc_id", "batch_id", "n_shingles", "set_hash", "round", "sketch", "bands")  # what the driver holds of `sketches`
HOT = "hot_key bigint, n_classes bigint, n_staying bigint"


def most_documents(lake: Lake) -> int:
    """How many documents the driver takes on."""
    if not lake.is_direct:
        return DOCUMENTS
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(DIRECT_DOCUMENTS, memory // MEMORY_SHARE // DOCUMENT_BYTES)


@dataclass(frozen=True)
class Documents:
    """All documents at hand, one entry each."""

    keys: DocKeys
    n_bytes: Ints
    is_kept: npt.NDArray[np.bool_]
    ranks: list[npt.NDArray[np.float64]]  # criteria of the ranking, lower is better


@dataclass(frozen=True)
class Index:
    """The sketches of documents with shingles, a row each, and their classes: documents of equal shingle sets, in doc_id order of those that stand for them."""

    keys: DocKeys
    n_shingles: Ints
    rounds: npt.NDArray[np.int32]
    sketches: npt.NDArray[np.uint8]  # (rows, bytes)
    bands: Ints  # (rows, keys)
    class_of: Ints  # of each row
    firsts: Ints  # the row that stands for each class: that of the lowest round, then doc_id

    def ids_of(self, rows: Ints) -> pa.Array:
        """doc_id of rows."""
        return self.keys.among(rows).doc_ids()


@dataclass(frozen=True)
class Pairs:
    """Pairs of classes, `left` < `right`; `method`: place in families.METHODS."""

    left: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    right: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    similarity: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    method: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    is_accepted: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))

    def among(self, chosen: npt.NDArray[np.bool_]) -> Pairs:
        """The chosen ones."""
        return Pairs(*(column[chosen] for column in self._columns()))

    def and_also(self, others: Pairs) -> Pairs:
        """Both."""
        return Pairs(*map(np.concatenate, zip(self._columns(), others._columns(), strict=True)))

    def _columns(self) -> tuple[npt.NDArray[Any], ...]:
        return self.left, self.right, self.similarity, self.method, self.is_accepted


@dataclass
class Held:
    """What a run keeps on the driver between its steps."""

    documents: Documents
    index: Index
    threads: int
    known: Pairs = field(default_factory=Pairs)  # of this pairing, from earlier runs
    made: Pairs = field(default_factory=Pairs)  # by this run
    hot: list[tuple[int, int, int | None]] = field(default_factory=list)  # HOT of the buckets over the cap
    crowd: Ints = field(default_factory=lambda: np.zeros(0, np.int64))  # classes in these buckets
    pairing: Any = None  # the Future of whether the pairs fit the driver
    document: Ints = field(init=False)  # of each row of the index; -1: none at hand

    def __post_init__(self) -> None:
        self.document = self.index.keys.found_in(self.documents.keys)


@dataclass(frozen=True)
class Rule:
    """How pairs are decided: what sketches say (`method` in `pairs`), and where that is open, the `measure` of the shingle sets from `limit` on."""

    judge: Judge
    method: str
    shingles: ShingleParams
    measure: str
    limit: float


def documents_at_hand(tables: Tables, heeds: list[str], ranking: list[Rank]) -> Documents:
    """What the driver holds of the documents, and who of them no job in `heeds` left out."""
    rows, keys, ranks = ranked_on_driver(tables, ranking, "n_bytes")
    return Documents(keys, rows["n_bytes"].to_numpy(), tables.is_kept(keys, heeds), ranks)


@dataclass(frozen=True)
class Part:
    """Some rows of `sketches` whose columns are read when they are wanted: no more than `n_rows`, in small batches."""

    n_rows: int
    batches: Callable[[Sequence[str]], Iterable[pa.RecordBatch]]


def known_sketches(tables: Tables, kernel: str) -> list[Part]:
    """The sketches of this kernel in the table."""
    files = tables.lake.data_files(table("sketches"), None)
    if files is None:
        from pyspark.sql import functions as F

        return [from_spark(tables.own("sketches").where(F.col("kernel") == kernel).select(*PART))]
    return from_files([Path(file.path) for file in files], kernel)


def from_spark(rows: DataFrame) -> Part:
    """What Spark has, on the driver."""
    here = from_pandas(table("sketches"), rows.toPandas(), PART)
    return Part(len(here), lambda names: here.select(names).to_batches(READ_ROWS))


def from_files(paths: list[Path], kernel: str) -> list[Part]:
    """The rows of this kernel in Parquet files."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    def batches(path: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(READ_ROWS, columns=[*names, "kernel"], use_threads=False):
                is_ours = pc.equal(batch.column("kernel"), kernel)
                yield batch.select(names) if pc.all(is_ours).as_py() else batch.filter(is_ours).select(names)

    return [Part(pq.read_metadata(path).num_rows, functools.partial(batches, path)) for path in paths]


def keys_and_round(tables: Tables, parts: list[Part]) -> tuple[DocKeys, int]:
    """The documents that have a sketch in `parts`, and the last round; -1 where there is none."""
    from udfs.doc_keys import joined

    rows = [batch for part in parts for batch in part.batches(("doc_id", "batch_id", "round")) if batch.num_rows]
    return joined([tables.keys_of(batch) for batch in rows]), max((int(np.max(batch.column("round"))) for batch in rows), default=-1)


def index_of(parts: list[Part], batches: list[str], threads: int) -> Index:
    """The index of sketches; rows without shingles meet nobody and are left out. Filled where it stands, by each thread a part after the other."""
    from udfs.doc_keys import DocKeys, doc_keys
    from udfs.minhash import band_matrix, sketch_matrix

    n = sum(part.n_rows for part in parts)
    widths = next(([len(batch.column(name)[0].as_py()) for name in ("sketch", "bands")] for batch in _filled(parts)), [0, 0])
    numbers: dict[str, Any] = {"n_shingles": np.int64, "set_hash": np.int64, "round": np.int32}
    kinds = [*numbers.values(), np.uint64, np.uint64, np.int32, (np.uint8, widths[0]), (np.int64, widths[1] // 8)]
    columns: list[npt.NDArray[Any]] = [np.empty((n, kind[1]), kind[0]) if isinstance(kind, tuple) else np.empty(n, kind) for kind in kinds]

    def fill(part: Part, start: int) -> int:
        for rows in _filled([part]):
            named = doc_keys(rows.column("doc_id"), rows.column("batch_id"), batches)
            read = [rows.column(name).to_numpy(zero_copy_only=False) for name in numbers]
            stop = start + rows.num_rows
            wide = sketch_matrix(rows.column("sketch")), band_matrix(rows.column("bands"))
            for column, values in zip(columns, [*read, named.high, named.low, named.batch, *wide], strict=True):
                column[start:stop] = values
            start = stop
        return start

    starts = np.cumsum([0, *(part.n_rows for part in parts)]).tolist()
    with ThreadPoolExecutor(threads) as pool:
        stops = list(pool.map(fill, parts, starts))
    at = 0
    for start, stop in zip(starts, stops, strict=False):
        for column in columns if at < start else ():  # rows were left out before
            column[at : at + stop - start] = column[start:stop]
        at += stop - start
    n_shingles, set_hash, rounds, high, low, batch, sketches, bands = (column[:at] for column in columns)
    keys = DocKeys(high, low, batch)
    return Index(keys, n_shingles, rounds, sketches, bands, *classes(set_hash, rounds, keys))


def _filled(parts: list[Part]) -> Iterator[pa.RecordBatch]:
    """The rows that have shingles."""
    import pyarrow.compute as pc

    for part in parts:
        for batch in part.batches(PART):
            rows = batch.filter(pc.is_valid(batch.column("set_hash"))) if batch.column("set_hash").null_count else batch
            if rows.num_rows:
                yield rows


def classes(set_hash: Ints, rounds: npt.NDArray[np.int32], keys: DocKeys) -> tuple[Ints, Ints]:
    """The class of each row, and the row that stands for each class; see Index."""
    from udfs.pairing import stand_in

    first = stand_in(np.argsort(set_hash), set_hash, rounds, keys.rank)
    firsts = keys.order[first[keys.order] == keys.order]
    number = np.empty(len(set_hash), np.int64)
    number[firsts] = np.arange(len(firsts))
    return number[first], firsts


def known_pairs(index: Index, rows: pa.Table) -> Pairs:
    """Those rows of `pairs` whose documents stand for classes of the index."""
    from udfs.doc_keys import DocKeys, doc_keys

    firsts = index.keys.among(index.firsts)
    firsts = DocKeys(firsts.high, firsts.low, np.zeros(len(firsts), np.int32))
    left, right = (doc_keys(rows[side]).found_in(firsts) for side in ("doc_a", "doc_b"))
    method = np.searchsorted(METHODS, rows["method"].to_numpy().astype(str))
    return Pairs(left, right, rows["similarity"].to_numpy(), method, rows["is_accepted"].to_numpy()).among((left >= 0) & (right >= 0))


def pair_classes(tables: Tables, held: Held, last_round: int, rule: Rule, max_bucket: int) -> bool:
    """Give `held` all candidates, one of the two sketched after `last_round`, that it does not hold yet, compared, and the hot buckets; False beyond PAIRS candidates."""
    from udfs.pairing import meeting_pairs

    index = held.index
    met = meeting_pairs(index.bands, index.rounds[index.firsts] <= last_round, max_bucket, PAIRS, index.firsts, held.threads)
    if met is None:
        return False
    held.hot = [(key, size, None) for key, size in zip(met.hot_keys.tolist(), met.hot_sizes.tolist(), strict=True)]
    held.crowd = met.crowd
    compare(tables, held, met.left, met.right, rule)
    return True


def compare(tables: Tables, held: Held, left: Ints, right: Ints, rule: Rule) -> bool:
    """Give `held` those pairs of classes that it does not hold yet, decided by sketch, or where that is open by text; whether any of them is accepted."""
    index = held.index
    n = len(index.firsts)
    fresh = ~np.isin(left * n + right, np.concatenate([pairs.left * n + pairs.right for pairs in (held.known, held.made)]))
    left, right = left[fresh], right[fresh]
    rows_a, rows_b = index.firsts[left], index.firsts[right]
    found, verdict = np.zeros(len(left)), np.zeros(len(left), np.int32)

    def judge(start: int) -> None:
        a, b = rows_a[start : start + AT_ONCE], rows_b[start : start + AT_ONCE]
        found[start : start + AT_ONCE], verdict[start : start + AT_ONCE] = rule.judge(index.n_shingles[a], index.n_shingles[b], index.sketches[a], index.sketches[b])

    with ThreadPoolExecutor(held.threads) as pool:
        list(pool.map(judge, range(0, len(left), AT_ONCE)))
    is_open, is_accepted, method = verdict == 0, verdict == 1, np.full(len(left), METHODS.index(rule.method))
    if is_open.any():
        found[is_open] = compared_by_text(tables, held, rows_a[is_open], rows_b[is_open], rule)
        is_accepted[is_open], method[is_open] = found[is_open] >= rule.limit, METHODS.index("exact")
    held.made = held.made.and_also(Pairs(left, right, found, method, is_accepted))
    return bool(is_accepted.any())


def compared_by_text(tables: Tables, held: Held, rows_a: Ints, rows_b: Ints, rule: Rule) -> npt.NDArray[np.float64]:
    """The similarity of each pair of rows of the index (the lower doc_id in `rows_a`), by their texts: here while they fit, else by Spark."""
    import pandas as pd
    import pyarrow as pa

    from udfs.doc_keys import doc_keys
    from udfs.neardup import similarities
    from udfs.pairing import packed

    rows, sides = np.unique(np.concatenate([rows_a, rows_b]), return_inverse=True)
    left, right = sides[: len(rows_a)], sides[len(rows_a) :]
    documents = held.document[rows]
    named, n_bytes = tables.named(held.documents.keys.among(documents)), held.documents.n_bytes[documents]
    texts = tables.texts_here(named) if n_bytes.sum() <= TEXT_BYTES else None
    if texts is None:
        ids = named["doc_id"].to_numpy()
        pairs = pd.DataFrame({"doc_a": ids[left], "doc_b": ids[right]})  # (classes stand in doc_id order)
        told = verified_by_text(tables, pairs, named.to_pandas().assign(n_bytes=n_bytes), rule.shingles, rule.measure).toPandas()
        return pairs.merge(told, on=["doc_a", "doc_b"], how="left").similarity.to_numpy()
    whole = texts["text"].combine_chunks()  # no more than TEXT_BYTES; of a thousand chunks each group would make one anew
    place = doc_keys(named["doc_id"]).found_in(doc_keys(texts["doc_id"]))
    members, group_of, asked_in = packed(left, right, n_bytes, GROUP_BYTES)
    by_group, pairs_by_group = np.argsort(group_of, kind="stable"), np.argsort(asked_in, kind="stable")
    ends, pair_ends = (np.searchsorted(groups, np.arange(int(group_of.max()) + 2)) for groups in (group_of[by_group], asked_in[pairs_by_group]))
    found = np.zeros(len(left))

    def within(group: int) -> None:
        here = np.sort(members[by_group[ends[group] : ends[group + 1]]])
        pairs = pairs_by_group[pair_ends[group] : pair_ends[group + 1]]
        a, b = (np.searchsorted(here, side[pairs]) for side in (left, right))
        found[pairs] = similarities(whole.take(pa.array(place[here])), a, b, rule.shingles, rule.measure)

    with ThreadPoolExecutor(held.threads) as pool:
        list(pool.map(within, range(len(ends) - 1)))
    return found


def settle(tables: Tables, held: Held, rule: Rule, max_bucket: int, families: str, rounds: int) -> None:
    """Pair those that would stay of hot buckets, until no more of them turn out alike, and tell `held.hot` how many stay where still not all were paired.

    In each round the classes that stay by the pairs so far are paired as the index is, in buckets that have become smaller.
    """
    from udfs.pairing import meeting_pairs

    if not held.hot:
        return
    index = held.index
    for _ in range(rounds):
        members, found = survivors(held, families)
        kept = index.class_of[kept_rows(held)]
        stays = np.zeros(len(index.firsts), bool)
        stays[kept] = True
        stays[index.class_of[members]] = False
        stays[index.class_of[members[~found.is_out]]] = True
        few = held.crowd[stays[held.crowd]]
        met = meeting_pairs(index.bands, np.zeros(len(few), bool), max_bucket, PAIRS, index.firsts[few], held.threads)
        if met is None or not compare(tables, held, few[met.left], few[met.right], rule):  # (an old lake may hold more pairs than a new one shows)
            break
    still = dict(zip(met.hot_keys.tolist(), met.hot_sizes.tolist(), strict=True)) if met else {}
    held.hot = [(key, size, still.get(key)) for key, size, _ in held.hot]


def kept_rows(held: Held) -> Ints:
    """Rows of the index whose documents are kept."""
    return np.flatnonzero((held.document >= 0) & held.documents.is_kept[held.document])


def survivors(held: Held, families: str) -> tuple[Ints, Fates]:
    """The kept documents that are in an accepted pair or not alone in their class, best first, as rows of the index; and what becomes of each."""
    index, kept = held.index, kept_rows(held)
    pairs = held.known.and_also(held.made)
    pairs = pairs.among(pairs.is_accepted)
    in_company = np.bincount(index.class_of[kept], minlength=len(index.firsts)) > 1
    in_company[pairs.left], in_company[pairs.right] = True, True
    members = kept[in_company[index.class_of[kept]]]
    document = held.document[members]
    members = members[np.lexsort((index.keys.rank[members], *(rank[document] for rank in reversed(held.documents.ranks))))]
    return members, fates(index.class_of[members], index.keys.rank[members], pairs.left, pairs.right, pairs.similarity, pairs.method, families)
