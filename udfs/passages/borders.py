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
    """Member, begin, bytes, kept member, its begin and code points, copies of each piece."""
    n_all = len(anchor)
    room, n_out = 1024, 0
    out = np.empty((7, room), np.int64)
    # A window is named by its bytes to the left of the anchor. Of each member: the lowest and highest, and
    # the span of those that it shares with the best member of its group.
    lows, highs = np.empty(n_all, np.int64), np.empty(n_all, np.int64)
    shared_low, shared_high = np.empty(n_all, np.int64), np.empty(n_all, np.int64)
    hashes, reps = np.empty(n_all, np.uint64), np.empty(n_all, np.int64)
    seat_of, kept = np.empty(n_all, np.int64), np.empty(n_all, np.int64)
    # equal bytes to the left of the anchor and from it on, of a member and the one that it was last
    # compared with
    left, right = np.empty(n_all, np.int64), np.empty(n_all, np.int64)
    # the open piece of each member: kept member, its lowest and highest window, copies
    open_kept, open_low = np.full(n_all, -1, np.int64), np.empty(n_all, np.int64)
    open_high, open_copies = np.empty(n_all, np.int64), np.empty(n_all, np.int64)
    size = 16
    stamp, seat_first, seat_other = (
        np.full(size, -1, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.int64),
    )
    seat_count = np.empty(size, np.int64)
    tick = 0
    places = np.empty(0, np.int64)
    start = 0
    while start < n_all:
        end = start
        while end < n_all and anchor[end] == anchor[start]:
            end += 1
        window = window_of[start]
        if len(places) < window + 2:
            places = np.empty(window + 2, np.int64)
        for i in range(start, end):
            lows[i], highs[i] = np.int64(offset[i]) - np.int64(windows[i]) + 1, np.int64(offset[i])
            shared_low[i], shared_high[i] = np.int64(1 << 30), np.int64(-1)
        first = start
        if not across:
            # All members against the best one, by their bytes: what they share is kept there, and nothing
            # is better.
            places[: window + 2] = 0
            places[lows[first]] += n_copies[first]
            places[highs[first] + 1] -= n_copies[first]
            for i in range(first + 1, end):
                a, b = starts[i] + np.int64(offset[i]), starts[first] + np.int64(offset[first])
                most, k = min(highs[i], highs[first]), 0
                while k < most and text[a - k - 1] == text[b - k - 1]:
                    k += 1
                high = k
                most, k = window - max(lows[i], lows[first]), 0
                while k < most and text[a + k] == text[b + k]:
                    k += 1
                low = max(lows[i], lows[first], window - k)
                if low <= high:
                    shared_low[i], shared_high[i] = low, high
                    places[low] += n_copies[i]
                    places[high + 1] -= n_copies[i]
            for length in range(1, window + 1):
                places[length] += places[length - 1]
            for i in range(first + 1, end):
                if flags[i] & IS_SUBJECT == 0 or shared_low[i] > shared_high[i]:
                    continue
                if rank[first] == rank[i]:
                    distance = (
                        np.int64(begin[i])
                        + np.int64(offset[i])
                        - np.int64(begin[first])
                        - np.int64(offset[first])
                    )
                    # of a run that occurs again, later occurrences may be far enough away
                    if not within or (distance < window and flags[i] & IS_MULTIPLE == 0):
                        continue
                low, copies = np.int64(-1), np.int64(0)
                for length in range(shared_low[i], shared_high[i] + 2):
                    if length <= shared_high[i] and places[length] >= min_copies:
                        low, copies = length if low < 0 else low, max(copies, places[length])
                    elif low >= 0:
                        n_out, room, out = _close(
                            i,
                            first,
                            low,
                            length - 1,
                            copies,
                            window,
                            text,
                            starts,
                            begin,
                            chars,
                            offset,
                            n_out,
                            room,
                            out,
                        )
                        low, copies = np.int64(-1), np.int64(0)
            # The best member shares no other window.
            lows[first], highs[first] = np.int64(1 << 30), np.int64(-1)
            if end - start == 2:
                start = end
                continue
        if 2 * (end - start) > size:
            while 2 * (end - start) > size:
                size *= 2
            stamp, seat_first = np.full(size, -1, np.int64), np.empty(size, np.int64)
            seat_other, seat_count = np.empty(size, np.int64), np.empty(size, np.int64)
        for to_left in (1, 0):
            tick = _bound(
                start, end, to_left, window, text, starts, offset, lows, highs,
                hashes, seat_of, stamp, seat_count, tick, base,
            )  # fmt: skip
        power = np.uint64(1)
        for _ in range(window - 1):
            power *= base
        lowest, highest = np.int64(1 << 30), np.int64(-1)
        for i in range(start, end):
            reps[i], open_kept[i] = -1, -1
            # windows outside of the shared span
            if shared_low[i] <= lows[i]:
                lows[i] = max(lows[i], shared_high[i] + 1)
            if shared_high[i] >= highs[i]:
                highs[i] = min(highs[i], shared_low[i] - 1)
            if lows[i] <= highs[i]:
                lowest, highest = min(lowest, lows[i]), max(highest, highs[i])
        for length in range(lowest, highest + 1):
            tick += 1
            for i in range(start, end):
                if (
                    length < lows[i]
                    or length > highs[i]
                    or (shared_low[i] <= length and length <= shared_high[i])
                ):
                    seat_of[i] = -1
                    continue
                high = np.int64(offset[i])
                at = starts[i] + high - length
                if length == lows[i] or length == shared_high[i] + 1:
                    h = np.uint64(0)
                    for k in range(window):
                        h = h * base + np.uint64(text[at + k]) + np.uint64(1)
                    hashes[i] = h
                else:
                    gone, come = (
                        np.uint64(text[at + window]) + np.uint64(1),
                        np.uint64(text[at]) + np.uint64(1),
                    )
                    hashes[i] = (hashes[i] - gone) * inverse + come * power
                h = hashes[i]
                h ^= h >> np.uint64(29)
                seat = np.int64(h & np.uint64(size - 1))
                while stamp[seat] == tick:
                    other = seat_first[seat]
                    if hashes[other] == hashes[i]:
                        if reps[i] != other:
                            reps[i] = other
                            a, b = starts[i] + high, starts[other] + np.int64(offset[other])
                            most = min(high, np.int64(offset[other]))
                            k = np.int64(0)
                            while k < most and text[a - k - 1] == text[b - k - 1]:
                                k += 1
                            left[i] = k
                            most = min(
                                windows[i] - 1 + window - high,
                                windows[other] - 1 + window - np.int64(offset[other]),
                            )
                            k = np.int64(0)
                            while k < most and text[a + k] == text[b + k]:
                                k += 1
                            right[i] = k
                        if length <= left[i] and window - length <= right[i]:
                            break
                    seat = (seat + 1) & (size - 1)
                kept[i] = -1
                if stamp[seat] != tick:
                    stamp[seat], seat_first[seat], seat_other[seat], seat_count[seat] = (
                        tick,
                        i,
                        -1,
                        n_copies[i],
                    )
                else:
                    first = seat_first[seat]
                    seat_count[seat] += n_copies[i]
                    if across:
                        if source[first] != source[i]:
                            kept[i] = first
                            if seat_other[seat] < 0:
                                seat_other[seat] = i
                        else:
                            kept[i] = seat_other[seat]
                    else:
                        kept[i] = first
                seat_of[i] = seat
            for i in range(start, end):
                seat = seat_of[i]
                is_repeat = seat >= 0 and kept[i] >= 0 and (flags[i] & IS_SUBJECT) > 0
                if is_repeat:
                    other = kept[i]
                    if rank[other] == rank[i]:
                        distance = (
                            np.int64(begin[i])
                            + np.int64(offset[i])
                            - np.int64(begin[other])
                            - np.int64(offset[other])
                        )
                        is_repeat = within and (distance >= window or (flags[i] & IS_MULTIPLE) > 0)
                    is_repeat = is_repeat and seat_count[seat] >= min_copies
                if is_repeat and open_kept[i] == kept[i]:
                    open_high[i] = length
                    open_copies[i] = max(open_copies[i], seat_count[seat])
                    continue
                if open_kept[i] >= 0:
                    n_out, room, out = _close(
                        i, open_kept[i], open_low[i], open_high[i], open_copies[i], window,
                        text, starts, begin, chars, offset, n_out, room, out,
                    )  # fmt: skip
                    open_kept[i] = -1
                if is_repeat:
                    open_kept[i], open_low[i], open_high[i] = kept[i], length, length
                    open_copies[i] = seat_count[seat]
        for i in range(start, end):
            if open_kept[i] >= 0:
                n_out, room, out = _close(
                    i, open_kept[i], open_low[i], open_high[i], open_copies[i], window,
                    text, starts, begin, chars, offset, n_out, room, out,
                )  # fmt: skip
        start = end
    return (
        out[0, :n_out], out[1, :n_out], out[2, :n_out], out[3, :n_out],
        out[4, :n_out], out[5, :n_out], out[6, :n_out],
    )  # fmt: skip


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
def _close(  # type: ignore[no-untyped-def]
    i, kept, low, high, copies, window, text, starts, begin, chars, offset, n_out, room, out
):
    """Write the piece of member `i` whose windows have `low` to `high` bytes to the left of their anchor."""
    if n_out == room:
        larger = np.empty((7, 2 * room), np.int64)
        larger[:, :n_out] = out
        out, room = larger, 2 * room
    ahead = np.int64(offset[kept]) - high
    points = np.int64(chars[kept])
    for k in range(starts[kept], starts[kept] + ahead):
        points += (text[k] & 0xC0) != 0x80
    out[0, n_out], out[1, n_out] = i, np.int64(begin[i]) + np.int64(offset[i]) - high
    out[2, n_out], out[3, n_out] = high - low + window, kept
    out[4, n_out], out[5, n_out], out[6, n_out] = np.int64(begin[kept]) + ahead, points, copies
    return n_out + 1, room, out
