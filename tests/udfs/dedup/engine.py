"""The engine's kernels one after the other without Spark: what an exchange does is a sort by part here."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from gristmill.udfs.dedup import candidates, choosing, comparing, grouping
from gristmill.udfs.dedup.messages import (
    BUCKET,
    EDGE,
    LABEL,
    LINK,
    PAIR,
    RANK,
    RANK_REQUEST,
    STATE,
    TEXT,
    TEXT_REQUEST,
    message_batch,
    messages_of,
)

Kernel = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
Messages = list[tuple[int, int, str, bytes]]


def exchanged(messages: Messages, kernel: Kernel) -> Messages:
    """What the kernel makes of the messages of each part, a task for each."""
    made: Messages = []
    for part in sorted({message[0] for message in messages}):
        mine = [message_batch([message]) for message in messages if message[0] == part]
        made += messages_of(kernel(iter(mine)))
    return made


def of_kind(messages: Messages, *kinds: int) -> Messages:
    """Those of these kinds."""
    return [message for message in messages if message[1] in kinds]


def met(blocks: pa.Table, bands: int, max_bucket: int, parts: int = 3) -> Messages:
    """PAIR, LINK, BUCKET of all blocks."""
    rows = blocks.select(["block", "n_shingles", "set_hash", "bands"]).to_batches(4)
    keys = list(messages_of(candidates.scatter(iter(rows), parts, bands)))
    return exchanged(keys, functools.partial(candidates.candidate_pairs, max_bucket=max_bucket))


def grouped(messages: Messages, parts: int, rounds: int = 0) -> Messages:
    """LABEL, PAIR, LINK, BUCKET: found by one task, or in rounds by so many."""
    if not rounds:
        return list(messages_of(grouping.group(iter([message_batch(messages)]), parts)))
    cut = [messages[i::rounds] for i in range(rounds)]
    whole = [made for some in cut for made in messages_of(grouping.forest(iter([message_batch(some)]), rounds))]
    edges, seen, state = of_kind(whole, EDGE), None, [""]
    while state != seen:
        seen = state
        larger = exchanged(edges, functools.partial(grouping.large_star, parts=rounds))
        made = exchanged(larger, functools.partial(grouping.small_star, parts=rounds))
        edges, state = of_kind(made, EDGE), sorted(name for _, _, name, _ in of_kind(made, STATE))
    rest = of_kind(whole, PAIR, LINK, BUCKET)
    rooted = exchanged(edges + rest, functools.partial(grouping.route_by_root, parts=rounds))
    return exchanged(rooted, functools.partial(grouping.group_by_root, parts=parts))


def compared(blocks: pa.Table, messages: Messages, rule: choosing.Rule) -> Messages:
    """What each part knows of its families."""
    labels: dict[int, list[bytes]] = {}
    for _, _, name, data in of_kind(messages, LABEL):
        labels.setdefault(int(name), []).append(data)
    columns = blocks.select(["block", "batch_id", "ids", "n_shingles", "n_times", "sketch"])
    rows = [row | {"labels": labels[row["block"]]} for row in columns.to_pylist() if row["block"] in labels]
    sent = list(messages_of(comparing.send(iter([pa.RecordBatch.from_pylist(rows)])))) if rows else []
    kernel = functools.partial(comparing.compare, decide=rule.decide, width=rule.width)
    return exchanged(sent + of_kind(messages, PAIR, LINK, BUCKET), kernel)


def chosen(messages: Messages, rule: choosing.Rule, texts: dict[str, str], order: list[str]) -> list[dict[str, Any]]:
    """The rows that are told; `order`: doc_id and batch of the kept documents, best first."""
    rank = {name: place for place, name in enumerate(order, 1)}
    ready = [message for message in messages if message[1] not in (RANK_REQUEST, TEXT_REQUEST)]
    for part, _, name, node in of_kind(messages, RANK_REQUEST):
        if name in rank:
            ready.append((part, RANK, "", node[:8] + rank[name].to_bytes(4, "big")))
    wanted, told = of_kind(messages, TEXT_REQUEST), []
    while True:
        ready += [(part, TEXT, "", node + texts[name].encode()) for part, _, name, node in wanted]
        rest: Messages = []
        for part in sorted({message[0] for message in ready}):
            mine = [message_batch([message]) for message in ready if message[0] == part]
            for row in (row for batch in choosing.choose(iter(mine), rule) for row in batch.to_pylist()):
                if row["result"]:
                    told.append(row)
                else:
                    rest.append((row["part"], row["kind"], row["name"], row["data"]))
        wanted, ready = of_kind(rest, TEXT_REQUEST), [message for message in rest if message[1] != TEXT_REQUEST]
        if not wanted:
            return told
