"""Families of candidates: which documents hang together, and in which part each family is compared.

All of a family goes to one part, its home, so that its pairs, its buckets over the cap and its survivors need
no further exchange. The pairs of a family of more than FAMILY documents are compared in runs, in parts of
their own, and only what came of them goes home.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.dedup.candidates import runs_of
from gristmill.udfs.dedup.messages import (
    ARRAY_ROWS,
    BUCKET,
    EDGE,
    LABEL,
    LABELLED,
    LINK,
    PAIR,
    ROOT,
    ROW_BITS,
    ROWS,
    SENDS_MEMBER,
    SENDS_SKETCH,
    STATE,
    TWO,
    Message,
    all_of,
    bucket_message,
    by_kind,
    message_batch,
    messages_of,
    packed_arrays,
    part_of,
    places,
    routed,
    unpacked,
)
from gristmill.udfs.dedup.survivors import components

Ints = npt.NDArray[np.int64]
# documents: their sketches are some 300 MB, and their pairs as much
FAMILY = 1_000_000


def group(batches: Iterator[pa.RecordBatch], parts: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow over everything that `candidate_pairs` returned: PAIR, LINK, BUCKET -> LABEL, and PAIR,
    LINK, BUCKET to `parts` parts."""
    pairs, links, buckets = _told(by_kind(messages_of(batches)))
    a, b = _edges(pairs, links, buckets)
    if len(a):
        yield from _sent(*families(a, b), pairs, links, buckets, parts)


def _told(
    held: dict[int, list[tuple[int, str, bytes]]],
) -> tuple[list[Ints], list[Ints], list[tuple[int, Ints]]]:
    """Pairs, links, and the key and nodes of each bucket over the cap."""
    buckets = [np.frombuffer(data, np.int64) for _, _, data in held.get(BUCKET, [])]
    pairs, links = (all_of(TWO, held.get(kind, [])) for kind in (PAIR, LINK))
    return pairs, links, [(int(each[0]), each[1:]) for each in buckets]


def _edges(pairs: list[Ints], links: list[Ints], buckets: list[tuple[int, Ints]]) -> tuple[Ints, Ints]:
    """All of them as edges; those of a bucket are a chain, which holds it together."""
    a = np.concatenate([pairs[0], links[0], *(nodes[:-1] for _, nodes in buckets)])
    return a, np.concatenate([pairs[1], links[1], *(nodes[1:] for _, nodes in buckets)])


def families(a: Ints, b: Ints) -> tuple[Ints, Ints]:
    """The nodes of the edges, ascending, and of each the place of the first of its component."""
    names, number = np.unique(np.concatenate([a, b]), return_inverse=True)
    left, right = number[: len(a)], number[len(a) :]
    return names, components(left, right, np.ones(len(a)), np.arange(len(names))).family


def _sent(
    names: Ints,
    family: Ints,
    pairs: list[Ints],
    links: list[Ints],
    buckets: list[tuple[int, Ints]],
    parts: int,
) -> Iterator[pa.RecordBatch]:
    """What goes where, of whole families: `names` their nodes, `family` of each the place of its first."""
    sizes, targets = np.bincount(family, minlength=len(names)), places(parts)
    # Families side by side, each part about as many documents; those of several tasks begin at different
    # parts.
    share = max(-(-len(names) // parts), 1)
    offset = int(part_of(names[:1], parts)[0])
    home = (((np.cumsum(sizes) - sizes) // share + offset) % parts)[family]
    stands = np.arange(len(names))
    one, other = (np.searchsorted(names, side) for side in links)
    # a copy in a block hangs on the first of its block, which may hang on another
    np.minimum.at(stands, other, one)
    while (stands[stands] != stands).any():
        stands = stands[stands]
    a, b = _once(
        stands[np.searchsorted(names, pairs[0])], stands[np.searchsorted(names, pairs[1])], len(names)
    )
    is_giant = (sizes > FAMILY)[family]
    extra = [
        _thinned(np.searchsorted(names, nodes), stands)
        for _, nodes in buckets
        if is_giant[np.searchsorted(names, nodes[0])]
    ]
    a, b = _once(
        np.concatenate([a, *(each[0] for each in extra)]),
        np.concatenate([b, *(each[1] for each in extra)]),
        len(names),
    )
    where = np.where(is_giant[a], _in_runs(is_giant[a], max(share, 1), parts), home[a])
    yield message_batch(_labels(names, home, stands, _compared(a, b, where, len(names)), buckets, targets))
    yield from _pair_messages(names[a], names[b], where, home[a], targets)
    linked = np.flatnonzero(stands != np.arange(len(names)))
    yield message_batch(routed(LINK, home[linked], targets, TWO, names[stands[linked]], names[linked]))
    for key, nodes in buckets:
        to = home[np.searchsorted(names, nodes[0])]
        yield message_batch([bucket_message(int(targets[to]), key, nodes)])


def _pair_messages(
    a: Ints, b: Ints, where: Ints, home: Ints, targets: npt.NDArray[np.int32]
) -> Iterator[pa.RecordBatch]:
    """PAIR messages to where each pair is compared; `name` says the home of its family."""
    code = where * len(targets) + home
    order = np.argsort(code, kind="stable")
    starts, sizes = runs_of(code[order])
    for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
        at, to = divmod(int(code[order[start]]), len(targets))
        for begin in range(start, start + size, ARRAY_ROWS):
            rows = order[begin : min(begin + ARRAY_ROWS, start + size)]
            data = packed_arrays(TWO, a[rows], b[rows])
            yield message_batch([(int(targets[at]), PAIR, str(int(targets[to])), data)])


def _once(a: Ints, b: Ints, n: int) -> tuple[Ints, Ints]:
    """Each pair of two nodes once, a < b."""
    pairs = np.unique((np.minimum(a, b) * n + np.maximum(a, b))[a != b])
    return pairs // n, pairs % n


def _thinned(nodes: Ints, stands: Ints) -> tuple[Ints, Ints]:
    """Of a bucket over the cap in a giant family: each with the next, and the first with all."""
    nodes = np.unique(stands[nodes])
    return np.concatenate([nodes[:-1], np.repeat(nodes[:1], len(nodes) - 1)]), np.concatenate(
        [nodes[1:], nodes[1:]]
    )


def _in_runs(is_giant: npt.NDArray[np.bool_], share: int, parts: int) -> Ints:
    """A part for each pair of giant families, runs of pairs side by side (they lie by their first node)."""
    return (np.cumsum(is_giant) // share) % parts


def _compared(a: Ints, b: Ints, where: Ints, n: int) -> Ints:
    """`part * n + place` of each document whose sketch is sent to a part, once."""
    return np.unique(np.concatenate([where * n + a, where * n + b]))


def _labels(
    names: Ints,
    home: Ints,
    stands: Ints,
    compared: Ints,
    buckets: list[tuple[int, Ints]],
    targets: npt.NDArray[np.int32],
) -> list[Message]:
    """LABEL messages: each document goes home, and as a sketch to where it is compared; one of a bucket
    with its sketch."""
    n = len(names)
    oversized_members = (
        np.searchsorted(names, np.unique(np.concatenate([nodes for _, nodes in buckets])))
        if buckets
        else np.zeros(0, np.int64)
    )
    oversized_members = np.unique(stands[oversized_members])
    compared = np.unique(np.concatenate([compared, home[oversized_members] * n + oversized_members]))
    sends = np.unique(np.concatenate([compared, home * n + np.arange(n)]))
    part, place = sends // n, sends % n
    flags = np.where(np.isin(sends, compared, assume_unique=True), SENDS_SKETCH, 0) | np.where(
        part == home[place], SENDS_MEMBER, 0
    )
    order = np.argsort(place, kind="stable")
    part, place, flags = part[order], place[order], flags[order]
    blocks = names[place] >> ROW_BITS
    tagged = (names[place] & (ROWS - 1)) | flags
    starts = np.flatnonzero(np.concatenate([[True], blocks[1:] != blocks[:-1]]))
    made: list[Message] = []
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(blocks)], strict=True):
        some = slice(start, stop)
        made.append(
            (0, LABEL, str(int(blocks[start])), packed_arrays(LABELLED, tagged[some], targets[part[some]]))
        )
    return made


# ---- where the pairs outgrow a task: components in rounds of two exchanges (Kiveris et al. 2014)
# ----------------------- An edge is (node, other), other < node. It lies with the part of its node; a round
# hangs every neighbour of a node on the smallest of them ("large star", "small star"), until nothing changes.


def forest(batches: Iterator[pa.RecordBatch], parts: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow over some of what `candidate_pairs` returned: MESSAGE -> EDGE of the task's own components,
    to both ends; PAIR, LINK, BUCKET by their first node."""
    (pairs, links, buckets), targets = _told(by_kind(messages_of(batches))), places(parts)
    a, b = _edges(pairs, links, buckets)
    if not len(a):
        return
    names, family = families(a, b)
    hangs = family != np.arange(len(names))
    node, root = names[hangs], names[family[hangs]]
    for end in (node, root):
        yield message_batch(routed(EDGE, part_of(end, parts), targets, TWO, node, root))
    for kind, (left, right) in ((PAIR, pairs), (LINK, links)):
        yield message_batch(routed(kind, part_of(left, parts), targets, TWO, left, right))
    for key, nodes in buckets:
        yield message_batch([bucket_message(int(targets[part_of(nodes[:1], parts)[0]]), key, nodes)])


def large_star(batches: Iterator[pa.RecordBatch], parts: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow over all EDGE of some nodes, at both ends: each larger neighbour hangs on the smallest
    of all -> EDGE, by the larger."""
    held, targets = by_kind(messages_of(batches)).get(EDGE, []), places(parts)
    one, other = all_of(TWO, held)
    node, around = np.concatenate([one, other]), np.concatenate([other, one])
    here = np.isin(targets[part_of(node, parts)], [part for part, _, _ in held])
    node, around, smallest = _around(node[here], around[here])
    larger, smallest = around > node, np.minimum(smallest, node)
    node, root = around[larger], smallest[larger]
    yield message_batch(routed(EDGE, part_of(node, parts), targets, TWO, node, root))


def small_star(batches: Iterator[pa.RecordBatch], parts: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow over all EDGE of some nodes, at the larger end: node and neighbours hang on the
    smallest -> EDGE, at both ends, and STATE."""
    held, targets = by_kind(messages_of(batches)).get(EDGE, []), places(parts)
    node, other, smallest = _around(*all_of(TWO, held))
    to, root = np.concatenate([node, other]), np.concatenate([smallest, smallest])
    to, root, _ = _around(to[to != root], root[to != root])
    for end in (to, root):
        yield message_batch(routed(EDGE, part_of(end, parts), targets, TWO, to, root))
    with np.errstate(over="ignore"):
        check = int((to * np.int64(-7046029254386353131) ^ root).sum()) if len(to) else 0
    yield message_batch([(0, STATE, f"{len(to)} {check}", b"")])


def _around(node: Ints, other: Ints) -> tuple[Ints, Ints, Ints]:
    """Rows by node, each once, and the smallest of the others of each."""
    order = np.lexsort((other, node))
    node, other = node[order], other[order]
    keep = np.ones(len(node), bool)
    keep[1:] = (node[1:] != node[:-1]) | (other[1:] != other[:-1])
    node, other = node[keep], other[keep]
    is_first = np.ones(len(node), bool)
    is_first[1:] = node[1:] != node[:-1]
    return node, other, other[np.maximum.accumulate(np.where(is_first, np.arange(len(node)), 0))]


def by_root(batches: Iterator[pa.RecordBatch], parts: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow over EDGE (node, root) and PAIR, LINK, BUCKET of some nodes -> the same, and ROOT, by
    the part of the root."""
    held, targets = by_kind(messages_of(batches)), places(parts)
    here = {part for messages in held.values() for part, _, _ in messages}
    node, root = all_of(TWO, held.get(EDGE, []))
    own = np.isin(targets[part_of(node, parts)], list(here))
    roots = np.unique(root[np.isin(targets[part_of(root, parts)], list(here))])
    node, root = np.concatenate([node[own], roots]), np.concatenate([root[own], roots])
    node, at = np.unique(node, return_index=True)
    root = root[at]
    yield message_batch(routed(ROOT, part_of(root, parts), targets, TWO, node, root))
    for kind in (PAIR, LINK):
        a, b = all_of(TWO, held.get(kind, []))
        to = root[np.searchsorted(node, a)]
        yield message_batch(routed(kind, part_of(to, parts), targets, TWO, a, b))
    for _, _, data in held.get(BUCKET, []):
        first = np.frombuffer(data, np.int64)[1:2]
        to = root[np.searchsorted(node, first)]
        yield message_batch([(int(targets[part_of(to, parts)[0]]), BUCKET, "", data)])


def group_rooted(batches: Iterator[pa.RecordBatch], parts: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow over what `by_root` told of some roots: as `group`, of these families."""
    held = by_kind(messages_of(batches))
    node, root = all_of(TWO, held.get(ROOT, []))
    if not len(node):
        return
    names, at = np.unique(node, return_index=True)
    family = np.searchsorted(names, root[at])
    yield from _sent(names, family, *_told(held), parts)


def labels_of(
    data: bytes,
) -> tuple[Ints, npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.int32]]:
    """Of the documents that a LABEL sends: row in the block, whether as a sketch, whether as a member,
    to which part."""
    tagged, target = unpacked(LABELLED, data)
    return (
        (tagged & (ROWS - 1)).astype(np.int64),
        (tagged & SENDS_SKETCH) > 0,
        (tagged & SENDS_MEMBER) > 0,
        target,
    )
