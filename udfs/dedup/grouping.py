"""Families of candidates: the connected components of candidate pairs, and the part in which each is
compared.

All messages of a family go to one part, the part of the family, so that its pairs, its buckets over the cap
and its survivors need no further exchange. Only a giant family, of more than GIANT_FAMILY documents, has its
pairs compared in other parts too, in consecutive runs; the verdicts then go to the part of the family.

    PAIR (1, 2), PAIR (2, 5), LINK (5, 9)   ->   one family 1, 2, 5, 9
    PAIR (3, 4)                             ->   one family 3, 4
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
    LABEL_COLUMNS,
    LINK,
    NODE_PAIR,
    PAIR,
    ROOT,
    ROW_BITS,
    ROWS,
    SENDS_MEMBER,
    SENDS_SKETCH,
    STATE,
    Body,
    Message,
    bucket_message,
    columns_of,
    group_by_kind,
    message_batch,
    messages_of,
    pack_columns,
    part_of,
    partition_values,
    route_rows,
    unpack_columns,
)
from gristmill.udfs.dedup.survivors import components

Ints = npt.NDArray[np.int64]
# documents of a family beyond which its pairs are compared in
# several parts: sketches of about 300 MB, and as much for the pairs
GIANT_FAMILY = 1_000_000


def group(batches: Iterator[pa.RecordBatch], parts: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow over all rows of `candidate_pairs` in one task: PAIR, LINK, BUCKET -> LABEL, and PAIR, LINK,
    BUCKET to `parts` parts."""
    pairs, links, buckets = _candidates_in(group_by_kind(messages_of(batches)))
    a, b = _edges(pairs, links, buckets)
    if len(a):
        yield from _family_messages(*families(a, b), pairs, links, buckets, parts)


def _candidates_in(
    messages: dict[int, list[Body]],
) -> tuple[list[Ints], list[Ints], list[tuple[int, Ints]]]:
    """Both sides of the pairs, both sides of the links, and key and nodes of each bucket over the cap."""
    buckets = [np.frombuffer(data, np.int64) for _, _, data in messages.get(BUCKET, [])]
    pairs, links = (columns_of(NODE_PAIR, messages.get(kind, [])) for kind in (PAIR, LINK))
    return pairs, links, [(int(each[0]), each[1:]) for each in buckets]


def _edges(pairs: list[Ints], links: list[Ints], buckets: list[tuple[int, Ints]]) -> tuple[Ints, Ints]:
    """Pairs, links and buckets as the edges of one graph.

    A bucket becomes a chain of its nodes: that connects all of them with n - 1 edges instead of n * (n - 1) /
    2.
    """
    a = np.concatenate([pairs[0], links[0], *(nodes[:-1] for _, nodes in buckets)])
    return a, np.concatenate([pairs[1], links[1], *(nodes[1:] for _, nodes in buckets)])


def families(a: Ints, b: Ints) -> tuple[Ints, Ints]:
    """The nodes of the edges (a, b), ascending, and for each the position of the first node of its
    component."""
    names, number = np.unique(np.concatenate([a, b]), return_inverse=True)
    left, right = number[: len(a)], number[len(a) :]
    return names, components(left, right, np.ones(len(a)), np.arange(len(names))).family


def _family_messages(
    names: Ints,
    family: Ints,
    pairs: list[Ints],
    links: list[Ints],
    buckets: list[tuple[int, Ints]],
    parts: int,
) -> Iterator[pa.RecordBatch]:
    """All messages of whole families, each to its part.

    `names`: the nodes, ascending; `family`: for each the position of the first node of its family. The rest
    as `_candidates_in` returns it.
    """
    sizes, targets = np.bincount(family, minlength=len(names)), partition_values(parts)
    # Families in a row, cut so that each part gets about as many
    # documents. Several tasks may run this, each with its own families:
    # they begin at different parts, or all would fill the first ones.
    share = max(-(-len(names) // parts), 1)
    offset = int(part_of(names[:1], parts)[0])
    family_part = (((np.cumsum(sizes) - sizes) // share + offset) % parts)[family]
    representative = np.arange(len(names))
    one, other = (np.searchsorted(names, side) for side in links)
    # A copy within a block is linked to the first of its block, which may itself
    # be linked to another block's: follow the links until nothing changes.
    np.minimum.at(representative, other, one)
    while (representative[representative] != representative).any():
        representative = representative[representative]
    # Keys of several parts return the same pair, and links make pairs of copies equal.
    a, b = _distinct_pairs(
        representative[np.searchsorted(names, pairs[0])],
        representative[np.searchsorted(names, pairs[1])],
        len(names),
    )
    is_giant = (sizes > GIANT_FAMILY)[family]
    # The first pairs of a giant family's buckets are compared in many parts
    # as well; in `choose` they would all fall on the part of the family.
    extra = [
        _bucket_pairs(np.searchsorted(names, nodes), representative)
        for _, nodes in buckets
        if is_giant[np.searchsorted(names, nodes[0])]
    ]
    a, b = _distinct_pairs(
        np.concatenate([a, *(each[0] for each in extra)]),
        np.concatenate([b, *(each[1] for each in extra)]),
        len(names),
    )
    compare_part = np.where(is_giant[a], _giant_parts(is_giant[a], max(share, 1), parts), family_part[a])
    sketch_sends = _sketch_sends(a, b, compare_part, len(names))
    yield message_batch(_label_messages(names, family_part, representative, sketch_sends, buckets, targets))
    yield from _pair_messages(names[a], names[b], compare_part, family_part[a], targets)
    linked = np.flatnonzero(representative != np.arange(len(names)))
    sides = names[representative[linked]], names[linked]
    yield message_batch(route_rows(LINK, family_part[linked], targets, NODE_PAIR, *sides))
    for key, nodes in buckets:
        to = family_part[np.searchsorted(names, nodes[0])]
        yield message_batch([bucket_message(int(targets[to]), key, nodes)])


def _pair_messages(
    a: Ints, b: Ints, compare_part: Ints, family_part: Ints, targets: npt.NDArray[np.int32]
) -> Iterator[pa.RecordBatch]:
    """PAIR messages to the part in which each pair is compared; `name` is the part of its family."""
    code = compare_part * len(targets) + family_part
    order = np.argsort(code, kind="stable")
    starts, sizes = runs_of(code[order])
    for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
        at, to = divmod(int(code[order[start]]), len(targets))
        for begin in range(start, start + size, ARRAY_ROWS):
            rows = order[begin : min(begin + ARRAY_ROWS, start + size)]
            data = pack_columns(NODE_PAIR, a[rows], b[rows])
            yield message_batch([(int(targets[at]), PAIR, str(int(targets[to])), data)])


def _distinct_pairs(a: Ints, b: Ints, n: int) -> tuple[Ints, Ints]:
    """Each pair of two different positions below `n` once, a < b, sorted."""
    pairs = np.unique((np.minimum(a, b) * n + np.maximum(a, b))[a != b])
    return pairs // n, pairs % n


def _bucket_pairs(nodes: Ints, representative: Ints) -> tuple[Ints, Ints]:
    """Of a bucket over the cap in a giant family: each set paired with the next and with the first."""
    nodes = np.unique(representative[nodes])
    return np.concatenate([nodes[:-1], np.repeat(nodes[:1], len(nodes) - 1)]), np.concatenate(
        [nodes[1:], nodes[1:]]
    )


def _giant_parts(is_giant: npt.NDArray[np.bool_], share: int, parts: int) -> Ints:
    """A part for each pair of a giant family, `share` consecutive pairs to a part.

    Pairs are sorted by their first node, so a run of them needs few sketches.
    """
    return (np.cumsum(is_giant) // share) % parts


def _sketch_sends(a: Ints, b: Ints, compare_part: Ints, n: int) -> Ints:
    """`part * n + position` of each document whose sketch a part needs, once."""
    return np.unique(np.concatenate([compare_part * n + a, compare_part * n + b]))


def _label_messages(
    names: Ints,
    family_part: Ints,
    representative: Ints,
    sketch_sends: Ints,
    buckets: list[tuple[int, Ints]],
    targets: npt.NDArray[np.int32],
) -> list[Message]:
    """LABEL messages, one a block: each document as a member to the part of its family, and as a sketch to
    the parts that compare it; the sets of a bucket over the cap with their sketches to the part of the
    family."""
    n = len(names)
    oversized_members = (
        np.searchsorted(names, np.unique(np.concatenate([nodes for _, nodes in buckets])))
        if buckets
        else np.zeros(0, np.int64)
    )
    oversized_members = np.unique(representative[oversized_members])
    sketch_sends = np.unique(
        np.concatenate([sketch_sends, family_part[oversized_members] * n + oversized_members])
    )
    sends = np.unique(np.concatenate([sketch_sends, family_part * n + np.arange(n)]))
    part, position = sends // n, sends % n
    flags = np.where(np.isin(sends, sketch_sends, assume_unique=True), SENDS_SKETCH, 0) | np.where(
        part == family_part[position], SENDS_MEMBER, 0
    )
    # Nodes are ascending, so sorting by position brings the documents of a block together.
    order = np.argsort(position, kind="stable")
    part, position, flags = part[order], position[order], flags[order]
    blocks = names[position] >> ROW_BITS
    tagged = (names[position] & (ROWS - 1)) | flags
    starts = np.flatnonzero(np.concatenate([[True], blocks[1:] != blocks[:-1]]))
    messages: list[Message] = []
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(blocks)], strict=True):
        rows = slice(start, stop)
        data = pack_columns(LABEL_COLUMNS, tagged[rows], targets[part[rows]])
        messages.append((0, LABEL, str(int(blocks[start])), data))
    return messages


# Connected components in rounds of two exchanges (Kiveris et al. 2014), for more
# pairs than one task holds. An EDGE is (node, other) with other < node, and lies
# in the part of one of its ends. A round connects every neighbour of a node to
# the smallest of them ("large star", then "small star"), until nothing changes.


def forest(batches: Iterator[pa.RecordBatch], parts: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow over some rows of `candidate_pairs`: MESSAGE -> EDGE of the components within the task, to
    the parts of both ends; PAIR, LINK, BUCKET to the part of their first node.

    The task's own components are stars already, so the rounds begin with at most one edge a node and task.
    """
    (pairs, links, buckets), targets = (
        _candidates_in(group_by_kind(messages_of(batches))),
        partition_values(parts),
    )
    a, b = _edges(pairs, links, buckets)
    if not len(a):
        return
    names, family = families(a, b)
    is_leaf = family != np.arange(len(names))
    node, root = names[is_leaf], names[family[is_leaf]]
    for end in (node, root):
        yield message_batch(route_rows(EDGE, part_of(end, parts), targets, NODE_PAIR, node, root))
    for kind, (left, right) in ((PAIR, pairs), (LINK, links)):
        yield message_batch(route_rows(kind, part_of(left, parts), targets, NODE_PAIR, left, right))
    for key, nodes in buckets:
        yield message_batch([bucket_message(int(targets[part_of(nodes[:1], parts)[0]]), key, nodes)])


def large_star(batches: Iterator[pa.RecordBatch], parts: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow over all EDGE of some nodes, at both ends: each larger neighbour is connected to the
    smallest of all -> EDGE, to the part of the larger end."""
    messages, targets = group_by_kind(messages_of(batches)).get(EDGE, []), partition_values(parts)
    one, other = columns_of(NODE_PAIR, messages)
    node, neighbour = np.concatenate([one, other]), np.concatenate([other, one])
    # Only for the nodes of this task all edges are
    # present; the other end is another task's business.
    is_own = np.isin(targets[part_of(node, parts)], [part for part, _, _ in messages])
    node, neighbour, smallest = _with_smallest(node[is_own], neighbour[is_own])
    larger, smallest = neighbour > node, np.minimum(smallest, node)
    node, root = neighbour[larger], smallest[larger]
    yield message_batch(route_rows(EDGE, part_of(node, parts), targets, NODE_PAIR, node, root))


def small_star(batches: Iterator[pa.RecordBatch], parts: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow over all EDGE of some nodes, at the larger end: node and neighbours are connected to the
    smallest -> EDGE, to the parts of both ends, and STATE."""
    messages, targets = group_by_kind(messages_of(batches)).get(EDGE, []), partition_values(parts)
    node, other, smallest = _with_smallest(*columns_of(NODE_PAIR, messages))
    to, root = np.concatenate([node, other]), np.concatenate([smallest, smallest])
    # Without the loops at the smallest node itself, and each edge once.
    to, root, _ = _with_smallest(to[to != root], root[to != root])
    for end in (to, root):
        yield message_batch(route_rows(EDGE, part_of(end, parts), targets, NODE_PAIR, to, root))
    # A checksum of the edges, whatever their order: the driver compares two rounds by a row a task.
    with np.errstate(over="ignore"):
        check = int((to * np.int64(-7046029254386353131) ^ root).sum()) if len(to) else 0
    yield message_batch([(0, STATE, f"{len(to)} {check}", b"")])


def _with_smallest(node: Ints, other: Ints) -> tuple[Ints, Ints, Ints]:
    """The edges sorted by node, each once, and for each the smallest neighbour of its node."""
    order = np.lexsort((other, node))
    node, other = node[order], other[order]
    keep = np.ones(len(node), bool)
    keep[1:] = (node[1:] != node[:-1]) | (other[1:] != other[:-1])
    node, other = node[keep], other[keep]
    is_first = np.ones(len(node), bool)
    is_first[1:] = node[1:] != node[:-1]
    return node, other, other[np.maximum.accumulate(np.where(is_first, np.arange(len(node)), 0))]


def route_by_root(batches: Iterator[pa.RecordBatch], parts: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow over EDGE (node, root) and PAIR, LINK, BUCKET of some nodes -> PAIR, LINK, BUCKET and ROOT,
    to the part of the root: whole families come together."""
    messages, targets = group_by_kind(messages_of(batches)), partition_values(parts)
    own_parts = {part for bodies in messages.values() for part, _, _ in bodies}
    node, root = columns_of(NODE_PAIR, messages.get(EDGE, []))
    # Edges are at both ends: as a node in its own part, as
    # a root in the root's. A root has no edge to itself.
    own = np.isin(targets[part_of(node, parts)], list(own_parts))
    roots = np.unique(root[np.isin(targets[part_of(root, parts)], list(own_parts))])
    node, root = np.concatenate([node[own], roots]), np.concatenate([root[own], roots])
    node, at = np.unique(node, return_index=True)
    root = root[at]
    yield message_batch(route_rows(ROOT, part_of(root, parts), targets, NODE_PAIR, node, root))
    for kind in (PAIR, LINK):
        a, b = columns_of(NODE_PAIR, messages.get(kind, []))
        to = root[np.searchsorted(node, a)]
        yield message_batch(route_rows(kind, part_of(to, parts), targets, NODE_PAIR, a, b))
    for _, _, data in messages.get(BUCKET, []):
        # The key comes before the nodes; the first node decides, as in `forest`.
        first = np.frombuffer(data, np.int64)[1:2]
        to = root[np.searchsorted(node, first)]
        yield message_batch([(int(targets[part_of(to, parts)[0]]), BUCKET, "", data)])


def group_by_root(batches: Iterator[pa.RecordBatch], parts: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow over the rows of `route_by_root` of some roots -> what `group` returns, of these
    families."""
    messages = group_by_kind(messages_of(batches))
    node, root = columns_of(NODE_PAIR, messages.get(ROOT, []))
    if not len(node):
        return
    names, at = np.unique(node, return_index=True)
    family = np.searchsorted(names, root[at])
    yield from _family_messages(names, family, *_candidates_in(messages), parts)


def labels_of(
    data: bytes,
) -> tuple[Ints, npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.int32]]:
    """Of the documents in a LABEL message: row in the block, whether the sketch is sent, whether the document
    is sent as a member, target part."""
    tagged, target = unpack_columns(LABEL_COLUMNS, data)
    return (
        (tagged & (ROWS - 1)).astype(np.int64),
        (tagged & SENDS_SKETCH) > 0,
        (tagged & SENDS_MEMBER) > 0,
        target,
    )
