"""SimHash (Charikar 2002): 64 bits a document; the share of bits in which two agree estimates the angle
between their shingle vectors.

It finds near-duplicates over the same shingles as MinHash. Pairs within Hamming distance k are found by
permuted blocks (Manku, Jain, Das Sarma 2007): of `blocks` blocks at least `blocks - k` are equal, so with one
key for each choice of that many blocks every such pair shares a key. Unlike MinHash's bands, no pair within k
is missed.
"""

from dataclasses import dataclass, field
from itertools import combinations, pairwise
from math import comb

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.arrow.compiled import Hashes, Offsets, compiled, frozen, mix64
from gristmill.udfs.dedup.minhash import Fingerprints, fingerprint_columns, fingerprints_by
from gristmill.udfs.dedup.shingles import ShingleParams


@dataclass(frozen=True)
class SimHashParams:
    """How fingerprints are made and searched.

    Raises ValueError where `blocks` is not above `max_hamming`, or above 64.
    """

    shingles: ShingleParams = field(default_factory=ShingleParams)
    max_hamming: int = 3  # of 64 bits
    # keys a document: choose(blocks, max_hamming); each
    # key holds about 64 * (1 - max_hamming / blocks) bits
    blocks: int = 6

    def __post_init__(self) -> None:
        if not 0 <= self.max_hamming < self.blocks <= 64:
            raise ValueError(
                f"to find a distance of {self.max_hamming} takes more blocks than that and at most "
                f"64, not {self.blocks}"
            )

    @property
    def n_keys(self) -> int:
        """Block keys of a document."""
        return comb(self.blocks, self.max_hamming)


@compiled
def _fingerprint(hashes, offsets):  # type: ignore[no-untyped-def]
    prints = np.zeros(len(offsets) - 1, np.uint64)
    # for each bit, how many shingle hashes of the document have it set
    ones = np.empty(64, np.int64)
    for row in range(len(prints)):
        ones[:] = 0
        for i in range(offsets[row], offsets[row + 1]):
            value = mix64(hashes[i])
            for bit in range(64):
                ones[bit] += np.int64(value >> np.uint64(bit) & np.uint64(1))
        size = offsets[row + 1] - offsets[row]
        for bit in range(64):
            prints[row] |= np.uint64(2 * ones[bit] > size) << np.uint64(bit)
    return prints


def fingerprints(hashes: Hashes, offsets: Offsets) -> npt.NDArray[np.uint64]:
    """The SimHash of each shingle set, one uint64 a document.

    A bit is set where more than half of the (mixed) shingle hashes have it set. Every shingle has weight 1;
    an empty set has 0.
    """
    return _fingerprint(frozen(hashes), frozen(offsets))


def _masks(blocks: int, max_hamming: int) -> npt.NDArray[np.uint64]:
    """One mask of 64 bits for each choice of `blocks - max_hamming` blocks."""
    # Blocks of nearly equal width: 64 is not a multiple of 6.
    edges = [64 * b // blocks for b in range(blocks + 1)]
    block = [sum(1 << bit for bit in range(low, high)) for low, high in pairwise(edges)]
    return np.array([sum(choice) for choice in combinations(block, blocks - max_hamming)], np.uint64)


@compiled
def _block_keys(prints, masks):  # type: ignore[no-untyped-def]
    keys = np.empty((len(prints), len(masks)), np.int64)
    for row in range(len(prints)):
        for k in range(len(masks)):
            # The number of the mask is mixed in, or equal bits
            # under two masks would make one bucket of both.
            keys[row, k] = np.int64(mix64(mix64(prints[row] & masks[k]) ^ np.uint64(k + 1)))
    return keys


def block_keys(prints: npt.NDArray[np.uint64], params: SimHashParams) -> npt.NDArray[np.int64]:
    """Keys `(documents, choose(blocks, max_hamming))`: documents within `max_hamming` share at least one."""
    return _block_keys(frozen(prints), _masks(params.blocks, params.max_hamming))


def hamming(left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """The number of bits (0 to 64) in which each pair differs."""
    return np.bitwise_count(np.asarray(left, np.uint64) ^ np.asarray(right, np.uint64)).astype(np.int64)


def simhash_fingerprints(texts: pa.Array | pa.ChunkedArray, params: SimHashParams) -> Fingerprints:
    """Fingerprints by SimHash: `sketch` is the 64 bits (8 bytes, lowest first), `bands` are the block
    keys."""

    def sketch(hashes: Hashes, offsets: Offsets) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        prints = fingerprints(hashes, offsets).astype("<u8")
        return prints.view(np.uint8).reshape(-1, 8), block_keys(prints, params)

    return fingerprints_by(sketch, texts, params.shingles)


def simhash_batch(texts: pa.Array | pa.ChunkedArray, params: SimHashParams | None = None) -> pa.RecordBatch:
    """`simhash_fingerprints` as the columns of gristmill.udfs.dedup.minhash.fingerprint_columns."""
    return fingerprint_columns(simhash_fingerprints(texts, params or SimHashParams()))
