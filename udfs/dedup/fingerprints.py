"""What near-duplicate removal keeps of a text: how many shingles, a hash of their set, a sketch and band keys, as arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from udfs.kernels import Codes
from udfs.minhash import MinHashParams, band_keys, pack_sketches, set_hashes, signatures
from udfs.shingles import sliced_sets
from udfs.simhash import SimHashParams, block_keys, fingerprints


@dataclass(frozen=True)
class Fingerprints:
    """Of each text; one without shingles has `n_shingles` 0, and what else is told of it means nothing."""

    n_shingles: npt.NDArray[np.int32]  # distinct
    set_hash: npt.NDArray[np.int64]  # of the shingle set: equal sets have equal hashes
    sketch: npt.NDArray[np.uint8]  # (texts, bytes)
    bands: npt.NDArray[np.int64]  # (texts, keys): texts that share a key are compared


Fingerprinter = Callable[[pa.Array], Fingerprints]


def minhash_fingerprints(texts: pa.Array, params: MinHashParams, permuted: tuple[Codes, Codes] | None = None) -> Fingerprints:
    """b-bit MinHash; `permuted` as in udfs.minhash.signatures. Works through about a megabyte of text at a time."""
    sizes, sets = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
    sketches = [np.zeros((0, params.num_perm * params.bits // 8), np.uint8)]
    keys = [np.zeros((0, params.bands), np.int64)]
    for hashes, offsets in sliced_sets(texts, params.shingles):
        signed = signatures(hashes, offsets, params, permuted)
        sizes.append(np.diff(offsets).astype(np.int32))
        sets.append(set_hashes(hashes, offsets))
        sketches.append(pack_sketches(signed, params.bits))
        keys.append(band_keys(signed, params))
    return Fingerprints(np.concatenate(sizes), np.concatenate(sets), np.concatenate(sketches), np.concatenate(keys))


def simhash_fingerprints(texts: pa.Array, params: SimHashParams) -> Fingerprints:
    """SimHash: the sketch is the 64 bits (8 bytes, lowest first), the bands are the block keys."""
    sizes, sets, prints = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)]
    for hashes, offsets in sliced_sets(texts, params.shingles):
        sizes.append(np.diff(offsets).astype(np.int32))
        sets.append(set_hashes(hashes, offsets))
        prints.append(fingerprints(hashes, offsets))
    whole = np.concatenate(prints).astype("<u8")
    bands = block_keys(whole, params)
    return Fingerprints(np.concatenate(sizes), np.concatenate(sets), whole.view(np.uint8).reshape(-1, 8), bands)


def warm_up(batches: Iterator[pa.RecordBatch], fingerprinter: Fingerprinter) -> Iterator[pa.RecordBatch]:
    """id -> id, when a text of each unit has been through, so that kernels and tables are loaded."""
    for batch in batches:
        fingerprinter(pa.array(["one two three four five six", "一二三四五六七八"]))
        yield batch
