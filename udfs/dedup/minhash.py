"""MinHash signatures of whole Arrow batches, and what is stored of them: sketches and band keys.

A signature equals that of `datasketch.MinHash(scheme="affine32")` over the low 32 bits of the document's
shingles, so signatures of both can be compared. Stored are the lowest bits of each minimum (Li and Koenig
2010, b-bit minwise hashing) as the sketch, and one key for each band (locality-sensitive hashing: documents
that share a key are compared).
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.udfs.arrow.compiled import Codes, Hashes, Offsets, compiled, frozen, mix64
from gristmill.udfs.dedup.shingles import ShingleParams, sliced_sets

ACCEPT, NEEDS_TEXT, REJECT = 1, 0, -1
# shingle hashes of 4 bytes that fit the first cache while all permutations pass over them
_BLOCK = 4096

Sketches = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MinHashParams:
    """The parameters of signatures, sketches and band keys.

    Raises ValueError where the bands need more permutations than there are, or a sketch does not fill whole
    bytes.
    """

    shingles: ShingleParams = field(default_factory=ShingleParams)
    num_perm: int = 256
    bands: int = 42
    # permutations in one band; the S-curve of candidate
    # pairs rises near Jaccard (1 / bands) ** (1 / rows)
    rows: int = 6
    seed: int = 1  # of datasketch's permutations
    # lowest bits kept of each minimum: num_perm * bits / 8 bytes a document
    bits: int = 8

    def __post_init__(self) -> None:
        if min(self.num_perm, self.bands, self.rows) < 1 or self.bands * self.rows > self.num_perm:
            raise ValueError(
                f"{self.bands} bands of {self.rows} rows need as many permutations, there are {self.num_perm}"
            )
        if self.bits not in (1, 2, 4, 8, 16, 32) or self.num_perm * self.bits % 8:
            raise ValueError(
                f"bits is 1, 2, 4, 8, 16 or 32 and num_perm * bits fills whole bytes, not {self.num_perm} "
                f"* {self.bits}"
            )


PRESETS = {
    # more bands than the others, because pairs are verified afterwards: 1 -
    # (1 - .7 ** 6) ** 42 = .995 of the pairs at Jaccard .7 become candidates
    "default": MinHashParams(),
    # OpenSeek's minhash_spark.py
    "cci4": MinHashParams(ShingleParams(unit="characters"), num_perm=250, bands=25, rows=10),
    # datatrove's MinhashConfig
    "fineweb": MinHashParams(ShingleParams(unit="words"), num_perm=112, bands=14, rows=8),
    # NeMo Curator
    "nemo": MinHashParams(ShingleParams(unit="characters", characters=24), num_perm=260, bands=20, rows=13),
}


@lru_cache(maxsize=8)
def permutations(num_perm: int, seed: int) -> tuple[Codes, Codes]:
    """Multipliers and addends of datasketch's affine32 permutations, `num_perm` each."""
    # Imported only when called, since it takes a second;
    # the driver sends the result to its workers.
    from datasketch import MinHash

    multiply, add = MinHash(num_perm=num_perm, seed=seed, scheme="affine32").permutations
    return frozen(np.ascontiguousarray(multiply, np.uint32)), frozen(np.ascontiguousarray(add, np.uint32))


def hashes32(hashes: Hashes) -> Codes:
    """The low 32 bits of each shingle hash: the input with which datasketch gives the same signature."""
    return hashes.astype(np.uint32)


@compiled
def _premix(h):  # type: ignore[no-untyped-def]
    """The mixing that datasketch does once for each hash (32-bit finalizer of MurmurHash3)."""
    h ^= h >> np.uint32(16)
    # numba widens products to 64 bits; without the casts they would not wrap at 32
    h = np.uint32(h * np.uint32(0x85EBCA6B))
    h ^= h >> np.uint32(13)
    h = np.uint32(h * np.uint32(0xC2B2AE35))
    return np.uint32(h ^ (h >> np.uint32(16)))


@compiled
def _sign(hashes, offsets, multiply, add):  # type: ignore[no-untyped-def]
    """Signatures `(documents, permutations)`.

    The inner loop is over permutations, which the compiler turns into vectors, and takes four hashes at a
    time, so that each minimum is loaded and stored once for the four.
    """
    rows, perms = len(offsets) - 1, len(multiply)
    signatures = np.full((rows, perms), np.uint32(0xFFFFFFFF))
    block = np.empty(_BLOCK, np.uint32)
    for row in range(rows):
        least = signatures[row]
        for start in range(offsets[row], offsets[row + 1], _BLOCK):
            size = min(_BLOCK, offsets[row + 1] - start)
            for i in range(size):
                block[i] = _premix(np.uint32(hashes[start + i] & np.uint64(0xFFFFFFFF)))
            full = (size + 3) // 4 * 4
            # Fill up to a multiple of four: a repeated hash changes no minimum.
            block[size:full] = block[0]
            for i in range(0, full, 4):
                one, two, three, four = block[i], block[i + 1], block[i + 2], block[i + 3]
                for k in range(perms):
                    a, b = multiply[k], add[k]
                    first = min(np.uint32(np.uint32(a * one) + b), np.uint32(np.uint32(a * two) + b))
                    last = min(np.uint32(np.uint32(a * three) + b), np.uint32(np.uint32(a * four) + b))
                    least[k] = min(least[k], min(first, last))
    return signatures


def signatures(
    hashes: Hashes, offsets: Offsets, params: MinHashParams, permuted: tuple[Codes, Codes] | None = None
) -> Codes:
    """Signatures `(documents, num_perm)` of uint32 from shingle sets; an empty set has all bits set, as in
    datasketch.

    `hashes`, `offsets`: the shingles of all documents, see ShingleSets. `permuted`: the result of
    `permutations` for `params`, for a caller that already has it (executors, which then need not import
    datasketch).
    """
    return _sign(
        frozen(hashes), frozen(offsets), *map(frozen, permuted or permutations(params.num_perm, params.seed))
    )


@compiled
def _keys(signatures, bands, rows):  # type: ignore[no-untyped-def]
    keys = np.empty((len(signatures), bands), np.int64)
    for document in range(len(signatures)):
        for band in range(bands):
            # The band's number goes in first, so that equal
            # rows in two bands do not share a bucket.
            key = mix64(np.uint64(band + 1))
            for row in range(rows):
                key = mix64(key ^ np.uint64(signatures[document, band * rows + row]))
            keys[document, band] = np.int64(key)
    return keys


def band_keys(signatures: Codes, params: MinHashParams) -> npt.NDArray[np.int64]:
    """Keys `(documents, bands)`: a hash of the band's number and its rows of the signature.

    Two documents are a candidate pair where they share a key: with probability 1 - (1 - J ** rows) ** bands
    for a Jaccard J (see `candidate_probability`).
    """
    return _keys(signatures, params.bands, params.rows)


def pack_sketches(signatures: Codes, bits: int) -> Sketches:
    """The lowest `bits` of every minimum, `(documents, num_perm * bits / 8)` bytes; the first minimum in the
    lowest bits."""
    if bits >= 8:
        return np.ascontiguousarray(signatures.astype(f"<u{bits // 8}")).view(np.uint8)
    per_byte = 8 // bits
    low = (
        (signatures & np.uint32((1 << bits) - 1))
        .astype(np.uint8)
        .reshape(len(signatures), signatures.shape[1] // per_byte, per_byte)
    )
    return np.bitwise_or.reduce(low << (np.arange(per_byte, dtype=np.uint8) * np.uint8(bits)), axis=2)


@compiled
def _set_hashes(hashes, offsets):  # type: ignore[no-untyped-def]
    totals = np.zeros(len(offsets) - 1, np.int64)
    for row in range(len(totals)):
        # A sum does not depend on the order of the shingles, which is that of a hash table.
        total = mix64(np.uint64(offsets[row + 1] - offsets[row]))
        for i in range(offsets[row], offsets[row + 1]):
            total += mix64(hashes[i])
        totals[row] = np.int64(total)
    return totals


def set_hashes(hashes: Hashes, offsets: Offsets) -> npt.NDArray[np.int64]:
    """One 64-bit hash of each shingle set, whatever the order of its shingles: equal sets have equal
    hashes."""
    return _set_hashes(frozen(hashes), frozen(offsets))


@dataclass(frozen=True)
class Fingerprints:
    """What near-duplicate removal stores of each text.

    A text without shingles has `n_shingles` 0; its other values are meaningless.
    """

    n_shingles: npt.NDArray[np.int32]  # distinct
    # how often most of its shingles occur in it, see gristmill.udfs.dedup.shingles.slice_sets
    n_times: npt.NDArray[np.uint8]
    # of the shingle set: equal sets have equal hashes
    set_hash: npt.NDArray[np.int64]
    sketch: Sketches  # (texts, bytes)
    # (texts, keys): texts that share a key are compared
    bands: npt.NDArray[np.int64]


def fingerprints_by(
    sketch: Callable[[Hashes, Offsets], tuple[Sketches, npt.NDArray[np.int64]]],
    texts: pa.Array | pa.ChunkedArray,
    shingles: ShingleParams,
) -> Fingerprints:
    """Fingerprints of `texts`, about a megabyte of text at a time; a null text has no shingles.

    `sketch`: from the hashes and offsets of shingle sets to sketches `(documents, bytes)` and band keys
    `(documents, keys)`. Memory beyond the output: about 40 bytes for each byte of a megabyte, or of the
    longest document.
    """
    parts = []
    none = np.zeros(0, np.uint64), np.zeros(1, np.int64), np.zeros(0, np.int64)
    # An empty part first: without texts the result still has the right types and widths.
    for hashes, offsets, times in itertools.chain([none], sliced_sets(texts, shingles)):
        sizes, again = np.diff(offsets).astype(np.int32), times.astype(np.uint8)
        parts.append((sizes, again, set_hashes(hashes, offsets), *sketch(hashes, offsets)))
    return Fingerprints(*map(np.concatenate, zip(*parts, strict=True)))  # type: ignore[arg-type]


def minhash_fingerprints(
    texts: pa.Array | pa.ChunkedArray, params: MinHashParams, permuted: tuple[Codes, Codes] | None = None
) -> Fingerprints:
    """Fingerprints by b-bit MinHash; `permuted` as in `signatures`."""

    def sketch(hashes: Hashes, offsets: Offsets) -> tuple[Sketches, npt.NDArray[np.int64]]:
        signature_rows = signatures(hashes, offsets, params, permuted)
        return pack_sketches(signature_rows, params.bits), band_keys(signature_rows, params)

    return fingerprints_by(sketch, texts, params.shingles)


def sketch_batch(
    texts: pa.Array | pa.ChunkedArray,
    params: MinHashParams | None = None,
    permuted: tuple[Codes, Codes] | None = None,
) -> pa.RecordBatch:
    """`minhash_fingerprints` as the columns of `fingerprint_columns`."""
    return fingerprint_columns(minhash_fingerprints(texts, params or MinHashParams(), permuted))


def fingerprint_columns(prints: Fingerprints) -> pa.RecordBatch:
    """Columns `n_shingles` int32, `n_times` int32, `set_hash` int64, `sketch` binary, `bands` binary (int64,
    little-endian), one row for each text.

    A document without shingles (null, empty, punctuation only) has null as set hash, sketch and bands: it is
    in no candidate pair.
    """
    sizes = prints.n_shingles
    filled = sizes > 0
    ends = np.concatenate([[0], filled.cumsum()])
    bitmap = pa.py_buffer(np.packbits(filled, bitorder="little"))

    # Keys as bytes, not as a list: a list would cost the JVM a step for each key.
    def packed(rows: npt.NDArray[np.uint8]) -> pa.Array:
        at = pa.py_buffer((ends * rows.shape[1]).astype(np.int32))
        return pa.Array.from_buffers(
            pa.binary(), len(sizes), [bitmap, at, pa.py_buffer(np.ascontiguousarray(rows[filled]))]
        )

    columns = {
        "n_shingles": pa.array(sizes, pa.int32()),
        "n_times": pa.array(prints.n_times, pa.int32()),
        "set_hash": pa.array(prints.set_hash, pa.int64(), mask=~filled),
        "sketch": packed(prints.sketch),
        "bands": packed(np.ascontiguousarray(prints.bands, "<i8").view(np.uint8)),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def sketch_matrix(sketches: pa.Array | pa.ChunkedArray) -> Sketches:
    """Sketches of equal width as a matrix `(documents, bytes)`, without copying those of a single chunk.

    Raises ValueError for nulls or sketches of different widths.
    """
    column = pa.chunked_array([sketches]) if isinstance(sketches, pa.Array) else sketches
    widths = pc.unique(pc.binary_length(column)).to_pylist()
    if column.null_count or len(widths) > 1:
        raise ValueError(
            "sketches of one index are never null and all of one width; documents without shingles have none"
        )
    width = widths[0] if widths else 0
    parts = [
        np.frombuffer(c.buffers()[2], np.uint8, len(c) * width, _first_byte(c))
        for c in column.chunks
        if len(c)
    ]
    whole = parts[0] if len(parts) == 1 else np.concatenate(parts or [np.zeros(0, np.uint8)])
    return whole.reshape(len(column), width)


def band_matrix(bands: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """The keys of `bands` as `(documents, keys)`; errors as `sketch_matrix`."""
    return sketch_matrix(bands).view("<i8")


def _first_byte(chunk: pa.Array) -> int:
    """Where the bytes of a binary array begin in its buffer (a slice of a batch does not begin at zero)."""
    size = np.int64 if pa.types.is_large_binary(chunk.type) else np.int32
    return int(np.frombuffer(chunk.buffers()[1], size, 1, chunk.offset * np.dtype(size).itemsize)[0])


@compiled
def _agreements(left, right, bits):  # type: ignore[no-untyped-def]
    """The number of minima in which two sketches agree, for each pair."""
    counts = np.zeros(len(left), np.int64)
    # Minima of 8 bits and more are compared byte by byte; of smaller ones
    # several share a byte, where equal bits are 0 after the exclusive or.
    mask = np.uint64((1 << bits) - 1)
    span = max(bits // 8, 1)
    for pair in range(len(left)):
        same = 0
        for i in range(0, left.shape[1], span):
            # Minima of whole bytes agree where all their bytes do.
            if bits >= 8:
                differ = False
                for k in range(span):
                    differ |= left[pair, i + k] != right[pair, i + k]
                same += not differ
            else:
                word = np.uint64(left[pair, i] ^ right[pair, i])
                for shift in range(0, 8, bits):
                    same += (word >> np.uint64(shift)) & mask == 0
        counts[pair] = same
    return counts


def sigma_at(jaccard: Floats | float, num_perm: int, bits: int) -> Floats:
    """Standard error of the estimate from sketches for pairs with the Jaccard `jaccard`.

    Binomial over `num_perm` minima, each of which also agrees by chance with probability 2**-bits (Li and
    Koenig 2010).
    """
    chance = 2.0**-bits
    agree = chance + (1 - chance) * np.asarray(jaccard, np.float64)
    return np.sqrt(agree * (1 - agree) / num_perm) / (1 - chance)


def estimate_jaccard(left: Sketches, right: Sketches, bits: int) -> tuple[Floats, Floats]:
    """Jaccard estimated from sketches `(pairs, bytes)`, and its standard error (both unitless, one per pair).

    Minima that differ still agree in their low bits with probability 2**-bits; that share is subtracted, so
    an estimate may be below 0. Raises ValueError when the shapes differ.
    """
    if left.shape != right.shape or left.ndim != 2:
        raise ValueError(
            f"sketches to compare have the shape (pairs, bytes) on both sides, not {left.shape} and "
            f"{right.shape}"
        )
    num_perm, chance = left.shape[1] * 8 // bits, 2.0**-bits
    estimate = (_agreements(frozen(left), frozen(right), bits) / num_perm - chance) / (1 - chance)
    return estimate, sigma_at(np.clip(estimate, 0, 1), num_perm, bits)


def decide(
    estimate: Floats, sigma: Floats | float, limit: float, n_sigma: float = 4.0
) -> npt.NDArray[np.int8]:
    """ACCEPT or REJECT where the estimate is at least `n_sigma` errors from the limit, NEEDS_TEXT between.

    `sigma` should be the error at the limit (`sigma_at(limit, ...)`), not at the estimate: the test is
    whether a pair exactly at the limit could have this estimate, and at an estimate of 1 the error would be
    zero.
    """
    away = (estimate - limit) / np.maximum(sigma, 1e-12)
    return np.where(away >= n_sigma, ACCEPT, np.where(away <= -n_sigma, REJECT, NEEDS_TEXT)).astype(np.int8)


def containment_from_jaccard(
    jaccard: Floats, n_left: npt.NDArray[np.int64], n_right: npt.NDArray[np.int64]
) -> Floats:
    """Containment (share of the smaller set that is in the other), from Jaccard and both sizes; 0 where a set
    is empty."""
    # J = s / (n_left + n_right - s), solved for the shared shingles s.
    smaller = np.minimum(n_left, n_right)
    shared = jaccard / (1 + jaccard) * (n_left + n_right)
    return np.clip(np.divide(shared, smaller, out=np.zeros(len(shared)), where=smaller > 0), 0, 1)


def candidate_probability(jaccard: Floats | float, bands: int, rows: int) -> Floats:
    """The S-curve: probability that two documents of this Jaccard share at least one band."""
    return 1 - (1 - np.asarray(jaccard, np.float64) ** rows) ** bands
