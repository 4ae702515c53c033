"""Borders of passages: runs with one anchor and different texts, compared byte by byte.

All windows of these runs contain the anchor, at the same offset where they are equal. So a window is known
by the bytes it has to the left of its anchor, and two runs share it if at least that many bytes to the left
of their anchors are equal, and enough to the right. Each run is compared with the best of its group first:
what they share is kept there. The windows that are left are brought together by a hash, for each length to
the left one after the other, and a run is compared with the first run of its hash only. So the work is
linear in the runs, and a hash that lies only costs time.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.arrow.compiled import compiled, frozen, text_buffers
from gristmill.udfs.dedup.messages import (
    Message,
    group_by_kind,
    message_batch,
    messages_of,
    partition_values,
)
from gristmill.udfs.passages.copies import Rule
from gristmill.udfs.passages.rows import (
    IS_MULTIPLE,
    IS_SUBJECT,
    LENGTH_SHIFT,
    PIECE,
    PIECE_ROW,
    RANK_BITS,
    RUN_ROW,
    SNIPPET,
    Rows,
    by_chunk,
)

# odd, and below 2 ** 64; its inverse is computed from it
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 1 << 64)
# bytes of snippets in one message
SNIPPET_BYTES = 16 << 20


def lengths_of(rows: Rows, rule: Rule) -> npt.NDArray[np.int64]:
    """Bytes of each run."""
    return (
        rows["windows"].astype(np.int64) - 1 + np.array(rule.windows, np.int64)[rows["flags"] >> LENGTH_SHIFT]
    )


def cut_snippets(batches: Iterator[pa.RecordBatch], rule: Rule, parts: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow: text, data (RUN_ROW rows of the document) -> MESSAGE: SNIPPET to the part of each
    anchor."""
    targets = partition_values(parts)
    for batch in batches:
        if not batch.num_rows:
            continue
        text, offsets = text_buffers(batch.column("text"))
        data = batch.column("data").to_pylist()
        rows = np.frombuffer(b"".join(data), RUN_ROW)
        document = np.repeat(np.arange(len(data)), [len(each) // RUN_ROW.itemsize for each in data])
        begins = offsets[document] + rows["begin"]
        part = parts_of(rows["anchor"], parts)
        order = np.argsort(part, kind="stable")
        rows, begins, part = rows[order], begins[order], part[order]
        lengths = lengths_of(rows, rule)
        ends = np.searchsorted(part, np.arange(parts + 1))
        messages: list[Message] = []
        for to in np.flatnonzero(np.diff(ends)).tolist():
            # one value of a binary column holds less than 2 GB
            of_part = slice(ends[to], ends[to + 1])
            piece = np.cumsum(lengths[of_part]) // SNIPPET_BYTES
            for at in np.unique(piece).tolist():
                chosen = np.arange(ends[to], ends[to + 1])[piece == at]
                snippets = _joined(text, frozen(begins[chosen]), frozen(lengths[chosen]))
                messages.append(
                    (int(targets[to]), SNIPPET, str(len(chosen)), rows[chosen].tobytes() + snippets.tobytes())
                )
        yield message_batch(messages)


def parts_of(anchors: npt.NDArray[np.uint64], parts: int) -> npt.NDArray[np.int64]:
    """The part of each anchor, 0 to `parts` - 1: by its upper 32 bits."""
    return ((anchors >> np.uint64(32)) * np.uint64(parts) >> np.uint64(32)).astype(np.int64)


@compiled
def _joined(data, begins, lengths):  # type: ignore[no-untyped-def]
    out = np.empty(lengths.sum(), np.uint8)
    at = 0
    for i in range(len(begins)):
        out[at : at + lengths[i]] = data[begins[i] : begins[i] + lengths[i]]
        at += lengths[i]
    return out


def compare_borders(batches: Iterator[pa.RecordBatch], rule: Rule) -> Iterator[pa.RecordBatch]:
    """mapInArrow: MESSAGE (SNIPPET of one part) -> MESSAGE: PIECE by chunk."""
    messages = group_by_kind(messages_of(batches)).get(SNIPPET, [])
    heads = [np.frombuffer(data, RUN_ROW, int(name)) for _, name, data in messages]
    texts = [np.frombuffer(data, np.uint8, offset=int(name) * RUN_ROW.itemsize) for _, name, data in messages]
    if not messages:
        return
    yield message_batch(by_chunk(PIECE, *pieces_of(np.concatenate(heads), np.concatenate(texts), rule)))


def pieces_of(rows: Rows, text: npt.NDArray[np.uint8], rule: Rule) -> tuple[npt.NDArray[np.int64], Rows]:
    """PIECE_ROW rows and the ranks of their documents, of members with complete groups of anchors.

    `text`: the bytes of each run, one after the other.
    """
    lengths = lengths_of(rows, rule)
    ends = np.cumsum(lengths)
    order = np.lexsort((rows["begin"], rows["rank"], rows["anchor"]))
    rows, starts = rows[order], (ends - lengths)[order]
    names = ("anchor", "rank", "source", "n_copies", "begin", "chars", "windows", "offset", "flags")
    columns = [frozen(np.ascontiguousarray(rows[name])) for name in names]
    window = np.array(rule.windows, np.int64)[rows["flags"] >> LENGTH_SHIFT]
    member, begin, n_bytes, kept, kept_begin, kept_chars, copies = _compare(
        frozen(text), frozen(starts), frozen(window), *columns,
        rule.min_copies, rule.across_sources_only, rule.cut_within, np.uint64(_BASE), np.uint64(_INVERSE),
    )  # fmt: skip
    pieces, mine = np.zeros(len(member), PIECE_ROW), rows[member]
    pieces["row"] = mine["rank"] & ((1 << RANK_BITS) - 1)
    pieces["begin"], pieces["n_bytes"], pieces["run_begin"] = begin, n_bytes, mine["begin"]
    pieces["kept_rank"], pieces["kept_begin"], pieces["kept_chars"] = (
        rows["rank"][kept],
        kept_begin,
        kept_chars,
    )
    pieces["n_copies"], pieces["flags"] = copies, mine["flags"]
    return mine["rank"], pieces


@compiled
def _compare(  # type: ignore[no-untyped-def]
    text, starts, window_of, anchor, rank, source, n_copies, begin, chars, windows, offset, flags,
    min_copies, across, within, base, inverse,
):  # fmt: skip
    """Member, begin, bytes, kept member, its begin and code points, copies of each piece.

    A window is named by its bytes to the left of the anchor, its `length`.
    """
    n = len(anchor)
    n_out, out = 0, np.empty((7, 1024), np.int64)
    # Of each member: its lowest and highest window, and the span of those that it shares with the best one.
    lows, highs = np.empty(n, np.int64), np.empty(n, np.int64)
    shared_lows, shared_highs = np.full(n, 1 << 30, np.int64), np.full(n, -1, np.int64)
    hashes, seats = np.empty(n, np.uint64), np.empty(n, np.int64)
    reps, kept, sides = np.empty(n, np.int64), np.empty(n, np.int64), np.empty((2, n), np.int64)
    opened = np.full((4, n), -1, np.int64)
    size, tick = 16, 0
    stamps, table = np.full(size, -1, np.int64), np.empty((3, size), np.int64)
    start = 0
    while start < n:
        end = start
        while end < n and anchor[end] == anchor[start]:
            lows[end], highs[end] = np.int64(offset[end]) - np.int64(windows[end]) + 1, np.int64(offset[end])
            end += 1
        window = window_of[start]
        if not across:
            n_out, out = _against_best(
                start, end, window, text, starts, rank, n_copies, begin, chars, offset, flags,
                min_copies, within, lows, highs, shared_lows, shared_highs, n_out, out,
            )  # fmt: skip
            if end - start == 2:
                start = end
                continue
        if 2 * (end - start) > size:
            while 2 * (end - start) > size:
                size *= 2
            stamps, table = np.full(size, -1, np.int64), np.empty((3, size), np.int64)
        for to_left in (1, 0):
            tick = _bound(
                start, end, to_left, window, text, starts, offset, lows, highs,
                hashes, seats, stamps, table[2], tick, base,
            )  # fmt: skip
        lowest, highest = np.int64(1 << 30), np.int64(-1)
        for i in range(start, end):
            reps[i] = opened[0, i] = -1
            # the windows outside of the shared span
            if shared_lows[i] <= lows[i]:
                lows[i] = max(lows[i], shared_highs[i] + 1)
            if shared_highs[i] >= highs[i]:
                highs[i] = min(highs[i], shared_lows[i] - 1)
            if lows[i] <= highs[i]:
                lowest, highest = min(lowest, lows[i]), max(highest, highs[i])
        for length in range(lowest, highest + 1):
            tick += 1
            _meet(
                length, start, end, window, text, starts, source, n_copies, windows, offset, lows, highs,
                shared_lows, shared_highs, hashes, seats, reps, kept, sides, stamps, table, tick,
                across, base, inverse,
            )  # fmt: skip
            n_out, out = _extend(
                length, start, end, window, text, starts, rank, begin, chars, offset, flags,
                min_copies, within, seats, kept, table, opened, n_out, out,
            )  # fmt: skip
        for i in range(start, end):
            if lowest <= highest and opened[0, i] >= 0:
                n_out, out = _close(i, opened[:, i], window, text, starts, begin, chars, offset, n_out, out)
        start = end
    return (
        out[0, :n_out], out[1, :n_out], out[2, :n_out], out[3, :n_out],
        out[4, :n_out], out[5, :n_out], out[6, :n_out],
    )  # fmt: skip


@compiled
def _equal_before(text, a, b, most):  # type: ignore[no-untyped-def]
    """Equal bytes before the places `a` and `b` of the text, up to `most`."""
    k = 0
    while k < most and text[a - k - 1] == text[b - k - 1]:
        k += 1
    return k


@compiled
def _equal_from(text, a, b, most):  # type: ignore[no-untyped-def]
    """Equal bytes from the places `a` and `b` of the text on, up to `most`."""
    k = 0
    while k < most and text[a + k] == text[b + k]:
        k += 1
    return k


@compiled
def _is_repeat(i, other, window, rank, begin, offset, flags, within):  # type: ignore[no-untyped-def]
    """Whether the recipe lets member `i` lose what the better member `other` has."""
    if flags[i] & IS_SUBJECT == 0:
        return False
    if rank[other] != rank[i]:
        return True
    distance = np.int64(begin[i]) + np.int64(offset[i]) - np.int64(begin[other]) - np.int64(offset[other])
    # of a run that occurs again, later occurrences may be far enough away
    return within and (distance >= window or flags[i] & IS_MULTIPLE > 0)


@compiled
def _against_best(  # type: ignore[no-untyped-def]
    start, end, window, text, starts, rank, n_copies, begin, chars, offset, flags,
    min_copies, within, lows, highs, shared_lows, shared_highs, n_out, out,
):  # fmt: skip
    """The pieces that members share with the best one of their group, at `start`, by their bytes.

    Nothing is better than it, so these windows are kept there.
    """
    places = np.zeros(window + 2, np.int64)
    places[lows[start]] += n_copies[start]
    places[highs[start] + 1] -= n_copies[start]
    for i in range(start + 1, end):
        a, b = starts[i] + np.int64(offset[i]), starts[start] + np.int64(offset[start])
        high = _equal_before(text, a, b, min(highs[i], highs[start]))
        lowest = max(lows[i], lows[start])
        low = max(lowest, window - _equal_from(text, a, b, window - lowest))
        if low <= high:
            shared_lows[i], shared_highs[i] = low, high
            places[low] += n_copies[i]
            places[high + 1] -= n_copies[i]
    for length in range(1, window + 1):
        places[length] += places[length - 1]
    piece = np.empty(4, np.int64)
    for i in range(start + 1, end):
        if shared_lows[i] > shared_highs[i] or not _is_repeat(
            i, start, window, rank, begin, offset, flags, within
        ):
            continue
        piece[0] = -1
        for length in range(shared_lows[i], shared_highs[i] + 2):
            if length <= shared_highs[i] and places[length] >= min_copies:
                if piece[0] < 0:
                    piece[0], piece[1], piece[3] = start, length, 0
                piece[2], piece[3] = length, max(piece[3], places[length])
            elif piece[0] >= 0:
                n_out, out = _close(i, piece, window, text, starts, begin, chars, offset, n_out, out)
                piece[0] = -1
    # The best member shares no other window.
    lows[start], highs[start] = 1 << 30, -1
    return n_out, out


@compiled
def _meet(  # type: ignore[no-untyped-def]
    length, start, end, window, text, starts, source, n_copies, windows, offset, lows, highs,
    shared_lows, shared_highs, hashes, seats, reps, kept, sides, stamps, table, tick, across, base, inverse,
):  # fmt: skip
    """`seats` and `kept` of the members' windows with `length` bytes to the left of their anchors: where in
    the table they are (-1: the member has no such window), and the better member with the same window (-1:
    none).

    `table`: of a seat the best member, the best one of another source, and the places of the window.
    """
    power = np.uint64(1)
    for _ in range(window - 1):
        power *= base
    mask = len(stamps) - 1
    for i in range(start, end):
        seats[i], kept[i] = -1, -1
        if length < lows[i] or length > highs[i] or (shared_lows[i] <= length and length <= shared_highs[i]):
            continue
        at = starts[i] + np.int64(offset[i]) - length
        if length == lows[i] or length == shared_highs[i] + 1:
            h = np.uint64(0)
            for k in range(window):
                h = h * base + np.uint64(text[at + k]) + np.uint64(1)
        else:
            gone, come = np.uint64(text[at + window]) + np.uint64(1), np.uint64(text[at]) + np.uint64(1)
            h = (hashes[i] - gone) * inverse + come * power
        hashes[i] = h
        seat = np.int64((h ^ h >> np.uint64(29)) & np.uint64(mask))
        while stamps[seat] == tick:
            other = table[0, seat]
            if hashes[other] == h:
                if reps[i] != other:
                    reps[i] = other
                    a, b = starts[i] + np.int64(offset[i]), starts[other] + np.int64(offset[other])
                    most = min(np.int64(offset[i]), np.int64(offset[other]))
                    sides[0, i] = _equal_before(text, a, b, most)
                    first = np.int64(offset[i]) - np.int64(windows[i])
                    most = window - max(first, np.int64(offset[other]) - np.int64(windows[other])) - 1
                    sides[1, i] = _equal_from(text, a, b, most)
                if length <= sides[0, i] and window - length <= sides[1, i]:
                    break
            seat = (seat + 1) & mask
        seats[i] = seat
        if stamps[seat] != tick:
            stamps[seat], table[0, seat], table[1, seat], table[2, seat] = tick, i, -1, n_copies[i]
            continue
        table[2, seat] += n_copies[i]
        best = table[0, seat]
        if not across or source[best] != source[i]:
            kept[i] = best
            if table[1, seat] < 0:
                table[1, seat] = i
        else:
            kept[i] = table[1, seat]


@compiled
def _extend(  # type: ignore[no-untyped-def]
    length, start, end, window, text, starts, rank, begin, chars, offset, flags, min_copies, within,
    seats, kept, table, opened, n_out, out,
):  # fmt: skip
    """Extend, begin or close the open piece of each member by its window of this `length`."""
    for i in range(start, end):
        other = kept[i] if seats[i] >= 0 else -1
        if other >= 0 and (
            table[2, seats[i]] < min_copies
            or not _is_repeat(i, other, window, rank, begin, offset, flags, within)
        ):
            other = -1
        if other >= 0 and opened[0, i] == other:
            opened[2, i], opened[3, i] = length, max(opened[3, i], table[2, seats[i]])
            continue
        if opened[0, i] >= 0:
            n_out, out = _close(i, opened[:, i], window, text, starts, begin, chars, offset, n_out, out)
        opened[0, i] = other
        if other >= 0:
            opened[1, i], opened[2, i], opened[3, i] = length, length, table[2, seats[i]]
    return n_out, out


@compiled
def _bound(  # type: ignore[no-untyped-def]
    start, end, to_left, window, text, starts, offset, lows, highs, hashes, seat_of, stamp, seat_count,
    tick, base
):  # fmt: skip
    """Narrow `highs` (`to_left`) or `lows` to windows whose bytes on that side of the anchor some other
    member has.

    The sides are compared by hashes of 1, 2, 4, 8, ... bytes; a hash that lies leaves a window in that is
    compared in vain. So the border of a passage in many documents, each with a text of its own beside it,
    costs a few windows each, and not all.
    """
    gram, mask = window // 2, len(stamp) - 1
    done, wanted, n_active = 0, 1, end - start
    for i in range(start, end):
        hashes[i], seat_of[i] = np.uint64(0), 0
    while n_active and wanted <= window - gram:
        tick += 1
        for i in range(start, end):
            if seat_of[i] < 0:
                continue
            # the longest side that a window of this member has
            most = highs[i] if to_left else window - lows[i] - gram
            if most < wanted:
                seat_of[i] = -1
                n_active -= 1
                continue
            anchor_at, h = starts[i] + np.int64(offset[i]), hashes[i]
            for k in range(done, wanted):
                h = (
                    h * base
                    + np.uint64(text[anchor_at - k - 1 if to_left else anchor_at + gram + k])
                    + np.uint64(1)
                )
            hashes[i] = h
            mixed = h ^ h >> np.uint64(29)
            seat = np.int64(mixed & np.uint64(mask))
            while stamp[seat] == tick and hashes[seat_count[seat] >> 1] != h:
                seat = (seat + 1) & mask
            if stamp[seat] != tick:
                # the first member of the hash, and one bit: whether there is another
                stamp[seat], seat_count[seat] = tick, i << 1
            else:
                seat_count[seat] |= 1
            seat_of[i] = seat
        for i in range(start, end):
            if seat_of[i] >= 0 and seat_count[seat_of[i]] & 1 == 0:
                if to_left:
                    highs[i] = min(highs[i], wanted - 1)
                else:
                    lows[i] = max(lows[i], window - gram - wanted + 1)
                seat_of[i] = -1
                n_active -= 1
        done, wanted = wanted, 2 * wanted
    return tick


@compiled
def _close(i, piece, window, text, starts, begin, chars, offset, n_out, out):  # type: ignore[no-untyped-def]
    """Write the piece of member `i`: kept member, its lowest and highest window, copies.

    Returns n_out and out.
    """
    kept, low, high, copies = piece
    if n_out == out.shape[1]:
        larger = np.empty((7, 2 * n_out), np.int64)
        larger[:, :n_out] = out
        out = larger
    ahead, points = np.int64(offset[kept]) - high, np.int64(chars[kept])
    for k in range(starts[kept], starts[kept] + ahead):
        points += (text[k] & 0xC0) != 0x80
    out[0, n_out], out[1, n_out] = i, np.int64(begin[i]) + np.int64(offset[i]) - high
    out[2, n_out], out[3, n_out] = high - low + window, kept
    out[4, n_out], out[5, n_out], out[6, n_out] = np.int64(begin[kept]) + ahead, points, copies
    return n_out + 1, out
