"""Near-duplicate removal on the driver, while ids, sketches and pairs fit it: the rows that jobs.core.pairs gives, without its queries.

The sketches of 100,000 documents are 70 MB. Over so few rows every join and every staged table costs a second of planning and reading
back, several times what the text of all documents costs in the kernel; sorting the band keys in memory takes a tenth of one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.core.families import left_out
from jobs.core.inputs import absent
from jobs.core.job import Tables
from jobs.core.pairs import verified_by_text
from jobs.core.ranking import Rank, ranked_on_driver

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from udfs.neardup import Judge
    from udfs.pairing import Met
    from udfs.shingles import ShingleParams

DOCUMENTS = 300_000  # of a lake; about 1 kB each on the driver (band keys, sketch, ids)
PAIRS = 20_000_000  # in all buckets together; 8 bytes each, beside 60 for those that are left once each is counted once
TEXT_BYTES = 64 << 20  # of the documents that are compared by text; their shingles take up to eight times that
AT_ONCE = 50_000  # pairs whose sketches are compared in one call: 512 bytes each
PAIRED = ["doc_a", "doc_b", "similarity", "method", "is_accepted"]
SKETCH_COLUMNS = ("doc_id", "batch_id", "n_shingles", "round", "sketch", "bands")  # beside set_hash
HOT = "hot_key bigint, n_classes bigint, n_staying bigint"


@dataclass
class Held:
    """What a run keeps on the driver between its steps."""

    documents: pd.DataFrame  # doc_id, batch_id, n_bytes, is_kept and the columns of `order`, of all documents at hand
    order: list[str]  # columns that rank documents, ascending
    sketches: pd.DataFrame  # doc_id, batch_id, n_shingles, set_hash, round, is_first (stands for its class), sketch, bands
    pairs: pd.DataFrame = field(default_factory=lambda: no_pairs())  # PAIRED, of this pairing
    made: pd.DataFrame = field(default_factory=lambda: no_pairs())  # of these, those that this run adds
    hot: list[tuple[int, int, int | None]] = field(default_factory=list)  # HOT of the buckets over the cap
    pairing: Any = None  # the Future of whether the pairs fit the driver


def no_pairs() -> pd.DataFrame:
    """`Held.pairs` without rows."""
    return _empty(doc_a=object, doc_b=object, similarity=np.float64, method=object, is_accepted=bool)


def no_sketches() -> pd.DataFrame:
    """`Held.sketches` without rows."""
    return _empty(doc_id=object, batch_id=object, n_shingles=np.int32, set_hash=np.int64, round=np.int32, sketch=object, bands=object)


def _empty(**columns: Any) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: pd.Series([], dtype=kind) for name, kind in columns.items()})


def documents_at_hand(tables: Tables, heeds: list[str], ranking: list[Rank]) -> tuple[pd.DataFrame, list[str]]:
    """`Held.documents` and `Held.order`."""
    rows, order = ranked_on_driver(tables, ranking, "n_bytes")
    gone = tables.on_driver("verdicts", "doc_id", "batch_id", jobs=heeds) if heeds else rows[:0]
    return rows.assign(is_kept=absent(rows, gone)), order


def on_driver(sketches: DataFrame) -> pd.DataFrame:
    """The columns of `Held.sketches`; a document without shingles gets the set hash 0 (pandas would make every hash a double)."""
    from pyspark.sql import functions as F

    names = [name for name in SKETCH_COLUMNS if name in sketches.columns]
    return sketches.select(*names, F.coalesce("set_hash", F.lit(0)).alias("set_hash")).toPandas()


def from_arrow(sketches: pa.Table) -> pd.DataFrame:
    """As `on_driver`, of rows that are on the driver."""
    names = [name for name in SKETCH_COLUMNS if name in sketches.column_names]
    return sketches.select(names).append_column("set_hash", sketches["set_hash"].fill_null(0)).to_pandas()


def with_first(sketches: pd.DataFrame) -> pd.DataFrame:
    """`sketches` with is_first: of each shingle set but the empty one the document of the lowest round, then doc_id."""
    filled = sketches[sketches.n_shingles > 0].sort_values(["round", "doc_id"])
    return sketches.assign(is_first=sketches.index.isin(filled.index[np.unique(filled.set_hash.to_numpy(np.int64), return_index=True)[1]]))


@dataclass(frozen=True)
class Rule:
    """How pairs are decided: what sketches say (`method` in `pairs`), and where that is open, the `measure` of the shingle sets from `limit` on."""

    judge: Judge
    method: str
    shingles: ShingleParams
    measure: str
    limit: float


@dataclass(frozen=True)
class Classes:
    """The classes of an index, in doc_id order of the documents that stand for them, and what is compared of each."""

    rows: pd.DataFrame  # doc_id, set_hash, n_shingles, round
    sketches: np.ndarray  # (classes, bytes)
    bands: np.ndarray  # (classes, keys)

    def among(self, chosen: np.ndarray) -> Classes:
        """The chosen ones alone."""
        return Classes(self.rows[chosen].reset_index(drop=True), self.sketches[chosen], self.bands[chosen])


def classes_of(held: Held) -> Classes:
    """Those of all sketches held."""
    firsts = held.sketches[held.sketches.is_first.astype(bool)].sort_values("doc_id", ignore_index=True)
    wide = (np.frombuffer(b"".join(firsts[name]), kind).reshape(len(firsts), -1) for name, kind in (("sketch", np.uint8), ("bands", "<i8")))
    return Classes(firsts[["doc_id", "set_hash", "n_shingles", "round"]], *wide)


def pair_classes(tables: Tables, held: Held, last_round: int, rule: Rule, max_bucket: int) -> bool:
    """Give `held` all candidates, one of the two sketched after `last_round`, that it does not hold yet, compared, and the hot buckets; False beyond PAIRS candidates."""
    from udfs.pairing import meeting_pairs

    if not held.sketches.is_first.any():
        return True
    classes = classes_of(held)
    met = meeting_pairs(classes.bands, classes.rows["round"].to_numpy() <= last_round, max_bucket, PAIRS)
    if met is None:
        return False
    held.hot = [(key, size, None) for key, size in zip(met.hot_keys.tolist(), met.hot_sizes.tolist(), strict=True)]
    compare(tables, held, classes, met, rule)
    return True


def compare(tables: Tables, held: Held, classes: Classes, met: Met, rule: Rule) -> bool:
    """Give `held` the pairs of `met` that it does not hold yet, decided by sketch, or where that is open by text; whether any of them is accepted."""
    import pandas as pd

    ids, sizes = classes.rows.doc_id.to_numpy(), classes.rows.n_shingles.to_numpy(np.int64)
    left, right = _unknown(met, ids, held.pairs)
    found, verdict = np.zeros(len(left)), np.zeros(len(left), np.int32)
    for start in range(0, len(left), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        a, b = left[part], right[part]
        found[part], verdict[part] = rule.judge(sizes[a], sizes[b], classes.sketches[a], classes.sketches[b])
    rows = pd.DataFrame({"doc_a": ids[left], "doc_b": ids[right], "similarity": found, "method": rule.method, "is_accepted": verdict == 1})
    is_open = verdict == 0
    if is_open.any():
        exact = compared_by_text(tables, rows.loc[is_open, ["doc_a", "doc_b"]], held.documents, rule)
        exact = exact.assign(method="exact", is_accepted=exact.similarity >= rule.limit)
        rows = pd.concat([rows[~is_open], exact[PAIRED]], ignore_index=True)
    held.pairs, held.made = (pd.concat([before, rows], ignore_index=True) if len(before) else rows for before in (held.pairs, held.made))
    return bool(rows.is_accepted.any())


def compared_by_text(tables: Tables, pairs: pd.DataFrame, documents: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """doc_a, doc_b, similarity of `pairs` (doc_a, doc_b), by the texts of `documents` (doc_id, batch_id, n_bytes): here while they fit, else by Spark."""
    import pandas as pd

    from udfs.neardup import similarities

    named = documents[documents.doc_id.isin(pairs.doc_a) | documents.doc_id.isin(pairs.doc_b)]
    texts = tables.texts_here(named[["doc_id", "batch_id"]]) if named.n_bytes.sum() <= TEXT_BYTES else None
    if texts is None:
        return verified_by_text(tables, pairs, documents, rule.shingles, rule.measure).toPandas()
    place = pd.Index(texts["doc_id"].to_pandas())
    left, right = (place.get_indexer(pairs[side]).astype(np.int64) for side in ("doc_a", "doc_b"))
    return pairs.assign(similarity=similarities(texts["text"], left, right, rule.shingles, rule.measure))


def settle(tables: Tables, held: Held, rule: Rule, max_bucket: int, families: str, rounds: int) -> None:
    """Pair those that would stay of hot buckets, until no more of them turn out alike, and tell `held.hot` how many stay where still not all were paired.

    In each round the classes that stay by the pairs so far are paired as the index is, in buckets that have become smaller.
    """
    from udfs.pairing import meeting_pairs

    if not held.hot:
        return
    classes = classes_of(held)
    crowd = classes.among(np.asarray(np.isin(classes.bands, [key for key, _, _ in held.hot]).any(axis=1)))
    for _ in range(rounds):
        kept, out = _judged(held, families)
        stays = kept.set_hash[~kept.doc_id.isin(out.doc_id)]
        few = crowd.among(crowd.rows.set_hash.isin(stays).to_numpy())
        met = meeting_pairs(few.bands, np.zeros(len(few.rows), bool), max_bucket, PAIRS)
        if met is None or not compare(tables, held, few, met, rule):  # (an old lake may hold more pairs than a new one shows)
            break
    still = dict(zip(met.hot_keys.tolist(), met.hot_sizes.tolist(), strict=True)) if met else {}
    held.hot = [(key, size, still.get(key)) for key, size, _ in held.hot]


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


def _judged(held: Held, families: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The kept documents with shingles, best first (doc_id, batch_id, set_hash, ...), and of them those left out by `held.pairs` (LEFT_OUT)."""
    sketches = held.sketches[held.sketches.n_shingles > 0]
    kept = held.documents[held.documents.is_kept].merge(sketches[["doc_id", "batch_id", "set_hash"]], on=["doc_id", "batch_id"])
    set_of = sketches[sketches.is_first.astype(bool)].set_index("doc_id").set_hash
    pairs = held.pairs[held.pairs.is_accepted.astype(bool) & held.pairs.doc_a.isin(set_of.index) & held.pairs.doc_b.isin(set_of.index)]
    edges = pairs.assign(class_a=pairs.doc_a.map(set_of), class_b=pairs.doc_b.map(set_of)).astype({"class_a": np.int64, "class_b": np.int64})
    kept = kept.sort_values(held.order, ignore_index=True)
    return kept, left_out(kept, edges, families)


def survivors_of(held: Held, families: str) -> pd.DataFrame:
    """As jobs.core.families.choose_survivors, from what is held."""
    return _judged(held, families)[1]
