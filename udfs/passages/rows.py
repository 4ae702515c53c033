"""The rows that tasks of passage removal exchange, packed into messages (gristmill.udfs.dedup.messages).

A place is (rank of the document, byte in it); the lower one is the better. The rank is that of the recipe's
ranking: a number for each document, of which the lowest RANK_BITS count the documents of one chunk.
"""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt

from gristmill.udfs.dedup.messages import Body, Message

# Kinds of messages
RANKS = 1  # `name` the block; RANK_ROW rows: where the block's documents stand in the ranking
PLACES = 2  # `name` the chunk: batches and doc_ids of its documents (see pack_places)
RUNS = 3  # RUN_ROW rows
MEMBER = 4  # `name` the chunk; RUN_ROW rows: runs whose text is needed
SNIPPET = 5  # RUN_ROW rows, then the text of each
PIECE = 6  # `name` the chunk; PIECE_ROW rows

RANK_BITS = 13  # a chunk has 8,192 documents, as a block
RANGE_SHIFT = 40  # ranks of one range of the sort: 2 ** 40 documents

# Flags of a document or run
IS_SUBJECT = 1  # passages of the document may be removed in this run
IS_MULTIPLE = 2  # the run occurs in its document again
# the lowest bit of the number of the run's window length
LENGTH_SHIFT = 2

Rows = npt.NDArray[np.void]

RANK_ROW = np.dtype([("row", "<u2"), ("flags", "u1"), ("source", "<u4"), ("rank", "<i8")])
RUN_ROW = np.dtype(
    [
        ("anchor", "<u8"),
        ("run", "<u8"),
        ("rank", "<i8"),
        ("begin", "<i4"),  # first byte of the run in its document
        ("chars", "<i4"),  # code points before it
        ("source", "<u4"),  # hash of the document's source
        ("n_copies", "<i4"),  # documents with the same run, counted at the best of them; 0 for the others
        ("windows", "<u2"),  # the run has windows - 1 + window length bytes
        ("offset", "<u2"),  # of the anchor in the run
        ("flags", "u1"),
    ]
)
PIECE_ROW = np.dtype(
    [
        ("row", "<u2"),  # of the document in its chunk
        ("begin", "<i4"),  # bytes [begin, begin + n_bytes) of the document
        ("n_bytes", "<i4"),
        ("run_begin", "<i4"),  # of the run in which the piece was found
        ("kept_rank", "<i8"),  # the better place of the same bytes
        ("kept_begin", "<i4"),
        ("kept_chars", "<i4"),  # code points before kept_begin
        ("n_copies", "<i4"),  # places at which the piece, or a window of it, was found; at most all of them
        ("flags", "u1"),
    ]
)


def rows_of(kind: np.dtype, messages: list[Body]) -> Rows:
    """The rows of all messages, message after message."""
    parts = [np.frombuffer(data, kind) for _, _, data in messages]
    return np.concatenate(parts) if parts else np.zeros(0, kind)


def by_chunk(kind: int, ranks: npt.NDArray[np.int64], rows: Rows) -> list[Message]:
    """Messages of `rows`, by the chunks of the documents of these ranks."""
    chunks = ranks >> RANK_BITS
    order = np.argsort(chunks, kind="stable")
    chunks, rows = chunks[order], rows[order]
    starts = np.flatnonzero(np.concatenate([[True], chunks[1:] != chunks[:-1]])) if len(chunks) else chunks
    ends = [*starts[1:].tolist(), len(chunks)]
    return [
        (0, kind, str(chunks[start]), rows[start:end].tobytes())
        for start, end in zip(starts.tolist(), ends, strict=False)
    ]


def pack_places(batches: list[str], index: npt.NDArray[np.uint16], ids: bytes) -> bytes:
    """Data of a PLACES message: the names of batches, the batch of each document, the halves of the
    doc_ids."""
    names = json.dumps(batches).encode()
    return len(names).to_bytes(4, "little") + names + index.tobytes() + ids


def unpack_places(data: bytes) -> tuple[list[str], npt.NDArray[np.uint64]]:
    """batch_id of each document of a chunk, and the halves of their doc_ids `(documents, 2)`."""
    size = int.from_bytes(data[:4], "little")
    names = json.loads(data[4 : 4 + size])
    n = (len(data) - 4 - size) // 18
    index = np.frombuffer(data, "<u2", n, 4 + size)
    ids = np.frombuffer(data, "<u8", 2 * n, 4 + size + 2 * n).reshape(-1, 2)
    return [names[i] for i in index.tolist()], ids
