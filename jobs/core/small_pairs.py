"""Near-duplicate removal on the driver, while ids, sketches and pairs fit it: the rows that jobs.core.pairs gives, without its queries.

The sketches of 100,000 documents are 70 MB. Over so few rows every join and every staged table costs a second of planning and reading
back, several times what the text of all documents costs in the kernel; sorting the band keys in memory takes a tenth of one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.core.families import LEFT_OUT, left_out
from jobs.core.job import Tables
from jobs.core.pairs import verified_by_text
from jobs.core.ranking import Rank, ranked_documents

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

    from udfs.neardup import Judge
    from udfs.pairing import Met
    from udfs.shingles import ShingleParams

DOCUMENTS = 300_000  # of a lake; about 1 kB each on the driver (band keys, sketch, ids)
PAIRS = 20_000_000  # in all buckets together; 8 bytes each, beside 60 for those that are left once each is counted once
AT_ONCE = 50_000  # pairs whose sketches are compared in one call: 512 bytes each
PAIRED = ["doc_a", "doc_b", "similarity", "method", "is_accepted"]


@dataclass
class Held:
    """What a run keeps on the driver between its steps."""

    documents: pd.DataFrame  # doc_id, batch_id, n_bytes, is_kept and the columns of `order`, of all documents at hand
    order: list[str]  # columns that rank documents, ascending
    sketches: pd.DataFrame  # doc_id, batch_id, n_shingles, set_hash, is_first, sketch, bands
    pairs: pd.DataFrame = field(default_factory=lambda: no_pairs())  # PAIRED, of this pairing
    hot_keys: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # band keys of buckets over the cap
    hot_sizes: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # classes in each
    pairing: Any = None  # the Future of the rows that this run adds to `pairs`


def no_pairs() -> pd.DataFrame:
    """`Held.pairs` without rows."""
    return _empty(doc_a=object, doc_b=object, similarity=np.float64, method=object, is_accepted=bool)


def no_sketches() -> pd.DataFrame:
    """`Held.sketches` without rows."""
    return _empty(doc_id=object, batch_id=object, n_shingles=np.int32, set_hash=np.int64, is_first=bool, sketch=object, bands=object)


def _empty(**columns: Any) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: pd.Series([], dtype=kind) for name, kind in columns.items()})


def documents_at_hand(tables: Tables, heeds: list[str], ranking: list[Rank]) -> tuple[pd.DataFrame, list[str]]:
    """`Held.documents` and `Held.order`, in one query of narrow columns."""
    from pyspark.sql import functions as F

    rows, order = ranked_documents(tables, ranking, "n_bytes")
    rows = rows.withColumn("is_kept", F.lit(True))
    if heeds:
        gone = tables.slice("verdicts").where(F.col("job").isin(list(heeds))).select("doc_id", "batch_id").distinct().withColumn("is_gone", F.lit(True))
        rows = rows.join(gone, ["doc_id", "batch_id"], how="left").withColumn("is_kept", F.col("is_gone").isNull()).drop("is_gone")
    return rows.toPandas(), order


def on_driver(sketches: DataFrame) -> pd.DataFrame:
    """The columns of `Held.sketches`; a document without shingles gets the set hash 0 (pandas would make every hash a double)."""
    from pyspark.sql import functions as F

    names = [name for name in ("doc_id", "batch_id", "n_shingles", "is_first", "sketch", "bands") if name in sketches.columns]
    return sketches.select(*names, F.coalesce("set_hash", F.lit(0)).alias("set_hash")).toPandas()


def without(rows: pd.DataFrame, known: pd.DataFrame, on: list[str]) -> pd.DataFrame:
    """The rows whose `on` columns do not appear together in `known`."""
    marked = rows.merge(known[on].drop_duplicates(), on=on, how="left", indicator="found")
    return marked[marked.found == "left_only"].drop(columns="found")


def mark_first(made: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """`made` with is_first: the smallest doc_id of each shingle set that no first of `known` stands for, and not of the empty one."""
    ordered = made.sort_values("doc_id")
    filled = ordered[ordered.n_shingles > 0]
    first = filled.index[np.unique(filled.set_hash.to_numpy(np.int64), return_index=True)[1]]
    taken = made.set_hash.isin(known.set_hash[known.is_first.astype(bool)])
    return made.assign(is_first=made.index.isin(first) & ~taken)


@dataclass(frozen=True)
class Rule:
    """How pairs are decided: what sketches say (`method` in `pairs`), and where that is open, the `measure` of the shingle sets from `limit` on."""

    judge: Judge
    method: str
    shingles: ShingleParams
    measure: str
    limit: float


def pair_classes(tables: Tables, held: Held, old: set[str], rule: Rule, max_bucket: int) -> pd.DataFrame | None:
    """The columns PAIRED of all candidates that are not in `held.pairs`, compared by sketch or by text; None beyond PAIRS candidates."""
    import pandas as pd

    from udfs.pairing import meeting_pairs

    firsts = held.sketches[held.sketches.is_first.astype(bool)].sort_values("doc_id", ignore_index=True)
    if firsts.empty:
        return no_pairs()
    sketches, bands = (np.frombuffer(b"".join(firsts[name]), kind).reshape(len(firsts), -1) for name, kind in (("sketch", np.uint8), ("bands", "<i8")))
    met = meeting_pairs(bands, firsts.doc_id.isin(old).to_numpy(bool), max_bucket, PAIRS)
    if met is None:
        return None
    ids, sizes = firsts.doc_id.to_numpy(), firsts.n_shingles.to_numpy(np.int64)
    held.hot_keys, held.hot_sizes = met.hot_keys, met.hot_sizes
    left, right = _unknown(met, ids, held.pairs)
    found, verdict = np.zeros(len(left)), np.zeros(len(left), np.int32)
    for start in range(0, len(left), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        a, b = left[part], right[part]
        found[part], verdict[part] = rule.judge(sizes[a], sizes[b], sketches[a], sketches[b])
    rows = pd.DataFrame({"doc_a": ids[left], "doc_b": ids[right], "similarity": found, "method": rule.method, "is_accepted": verdict == 1})
    is_open = verdict == 0
    if not is_open.any():
        return rows
    exact = verified_by_text(tables, rows.loc[is_open, ["doc_a", "doc_b"]], held.documents, rule.shingles, rule.measure).toPandas()
    exact = exact.assign(method="exact", is_accepted=exact.similarity >= rule.limit)
    return pd.concat([rows[~is_open], exact[PAIRED]], ignore_index=True)


def hot_buckets(tables: Tables, held: Held) -> DataFrame:
    """band_key, n_classes of the buckets over the cap."""
    return tables.frame(list(zip(held.hot_keys.tolist(), held.hot_sizes.tolist(), strict=True)), "band_key bigint, n_classes bigint")


def _unknown(met: Met, ids: np.ndarray, known: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of `met` that `known` does not hold."""
    import pandas as pd

    if known.empty:
        return met.left, met.right
    place = pd.Index(ids)
    sides = place.get_indexer(known.doc_a), place.get_indexer(known.doc_b)
    here = (sides[0] >= 0) & (sides[1] >= 0)
    fresh = ~np.isin(met.left * len(ids) + met.right, sides[0][here].astype(np.int64) * len(ids) + sides[1][here])
    return met.left[fresh], met.right[fresh]


def survivors_of(tables: Tables, held: Held, families: str) -> DataFrame:
    """As jobs.core.families.choose_survivors, from what is held."""
    sketches = held.sketches[held.sketches.n_shingles > 0]
    kept = held.documents[held.documents.is_kept].merge(sketches[["doc_id", "batch_id", "set_hash"]], on=["doc_id", "batch_id"])
    set_of = sketches[sketches.is_first.astype(bool)].set_index("doc_id").set_hash
    pairs = held.pairs[held.pairs.is_accepted.astype(bool) & held.pairs.doc_a.isin(set_of.index) & held.pairs.doc_b.isin(set_of.index)]
    edges = pairs.assign(class_a=pairs.doc_a.map(set_of), class_b=pairs.doc_b.map(set_of)).astype({"class_a": np.int64, "class_b": np.int64})
    rows: Any = left_out(kept.sort_values(held.order, ignore_index=True), edges, families)
    return tables.frame(rows, LEFT_OUT)

