"""Benchmark questions inside documents: which ones, how similar, and where.

A text is a sequence of tokens: words, numbers, and single characters of scripts without spaces (so English,
Chinese and the formulas between them are one case), folded as in all comparisons (NFKC, case, Traditional to
Simplified), without punctuation. Where a document and an item share a seed, `seed_tokens` consecutive tokens,
the item is aligned with the document and compared token by token within a band. That gives two measures:

    identity   1 - edits / length over the whole item; an edit adds, drops, changes or swaps. High for an item
               whose numbers or words were changed; another item of the same kind differs in more places than
               an edited copy.
    run        the longest match word for word. Long where a part of an item was copied.

Lengths are counted in words; a character of an unspaced script is two thirds of a word (a Chinese word has
1.5 characters on average). As evidence a number or a single letter counts half, and a run of nothing else
is none: `1, 2, 3, 4` and `x^2 + y^2` are in many documents.

An item of too little evidence by itself (`What is 17 times 24?`) may come with its answers: it is found where
the item has one of the answers near it, word for word. An item of fewer tokens than a seed is then its own
seed. How these rules and their numbers were chosen: benchmarks/decontamination.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.arrow.compiled import Bytes, Codes, Hashes, Offsets, frozen, slices, text_buffers
from gristmill.udfs.contamination import search_kernels as kernels
from gristmill.udfs.contamination.search_kernels import WORD
from gristmill.udfs.text.folding import EXPANDS, POINT, FoldParams, fold_codes, fold_table

# bits of the seed filter, as a power of two, at most: 1 MB, which fits the second cache
_FILTER_BITS = 23
# evidence of a seed, in sixths of a word, at least: bare
# formulas and rows of numbers lead to no comparison
_SEED_WORTH = 12

Weights = npt.NDArray[np.int64]


@dataclass(frozen=True)
class OverlapParams:
    """How items are searched. Sizes are in words of evidence unless they say tokens.

    benchmarks/decontamination.md has the measurements behind these numbers. Raises ValueError for a number
    out of its range.
    """

    # consecutive tokens that a document and an item must share to be compared
    seed_tokens: int = 4
    # a seed of more items than this ("how many does he have") is not looked up
    max_seed_items: int = 50
    # tokens by which a copy may be shifted against the item
    max_shift_tokens: int = 8
    # evidence of an item that must be found, at least; an item that has less is never searched
    min_words: float = 6.0
    # identity from which on a match is an edited copy of the whole item
    min_identity: float = 0.6
    short_words: float = 12.0  # an item with fewer words ...
    # ... needs this identity, because everyday phrases come close to short questions
    min_identity_short: float = 0.8
    # or a run of so many words that is that share of the item
    verbatim: tuple[tuple[float, float], ...] = ((8.0, 0.25), (6.0, 0.5))
    # evidence of an item with answers and of the answer together, at least
    answer_min_words: float = 4.0
    # tokens after and before the item in which the answer begins or ends
    answer_window: int = 32
    # tokens of an answer that are searched: a longer one is recognised by its beginning
    answer_tokens: int = 8
    fold: FoldParams = field(default_factory=FoldParams)

    def __post_init__(self) -> None:
        if self.seed_tokens < 2 or self.max_seed_items < 1 or self.max_shift_tokens < 0 or self.min_words < 1:
            raise ValueError(
                "seed_tokens is at least 2, max_seed_items and min_words 1, max_shift_tokens 0, not "
                f"{self.seed_tokens}, "
                f"{self.max_seed_items}, {self.min_words}, {self.max_shift_tokens}"
            )
        if self.answer_min_words < 1 or self.answer_window < 1 or self.answer_tokens < 1:
            numbers = (self.answer_min_words, self.answer_window, self.answer_tokens)
            raise ValueError(f"the numbers of answers are at least 1, not {', '.join(map(str, numbers))}")
        shares = [self.min_identity, self.min_identity_short, *(share for _, share in self.verbatim)]
        if not all(0 < share <= 1 for share in shares):
            raise ValueError(
                "min_identity, min_identity_short and the shares of verbatim are above 0 and at most "
                f"1, not {shares}"
            )


@dataclass(frozen=True)
class SeedTable:
    """The positions of all seeds of `n` tokens in the items: an open hash table and its postings."""

    n: int
    keys: Hashes  # slots; 0: free
    firsts: npt.NDArray[np.int32]  # where the postings of a slot begin
    counts: npt.NDArray[np.int32]  # how many there are
    items: npt.NDArray[np.int32]  # postings: item ...
    # ... and the token of it at which the seed begins
    positions: npt.NDArray[np.int32]
    sieve: Hashes  # one bit a seed, by its highest bits


@dataclass(frozen=True)
class Index:
    """Items prepared for the search, by `build_index`. Arrays only, so that pickling it for executors is
    cheap."""

    params: OverlapParams
    tables: tuple[SeedTable, ...]
    tokens: Hashes  # of all items, item after item
    starts: Offsets  # of each item in `tokens`
    # cost of each token when it is edited, in sixths of a word ...
    costs: Weights
    worths: Weights  # ... and its worth as evidence
    answers: Hashes  # tokens of all answers, item after item
    answer_starts: Offsets  # of each answer in `answers`
    # worth of each answer as evidence, in sixths of a word
    answer_worths: Weights
    answers_of: Offsets  # of each item, in `answer_starts`
    # whether each item has enough evidence, and a seed, to be searched
    searchable: npt.NDArray[np.bool_]
    # whether each item is not searched only because all
    # its seeds are in more than max_seed_items items
    too_common: npt.NDArray[np.bool_]


def _sums(values: Weights, starts: Offsets) -> Weights:
    """The sum of the values (one a token) of each item."""
    # Differences of running sums, since np.add.reduceat is wrong for items without tokens.
    whole = np.concatenate([np.zeros(1, np.int64), np.cumsum(values)])
    return whole[starts[1:]] - whole[starts[:-1]]


@dataclass(frozen=True)
class Tokens:
    """Texts as tokens, with their weights."""

    tokens: Hashes
    starts: Offsets  # of each text in `tokens`
    costs: Weights
    worths: Weights

    @property
    def words(self) -> npt.NDArray[np.float64]:
        """Evidence of each text, in words; 0 where it is nothing but numbers and single letters."""
        has_words = _sums((self.worths == self.costs).astype(np.int64), self.starts) > 0
        return np.where(has_words, _sums(self.worths, self.starts) / WORD, 0.0)

    def first(self, n: int) -> Tokens:
        """The first `most` tokens of each text."""
        sizes = np.diff(self.starts)
        kept = np.arange(len(self.tokens)) - np.repeat(self.starts[:-1], sizes) < n
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.minimum(sizes, n))])
        return Tokens(self.tokens[kept], starts, self.costs[kept], self.worths[kept])

    def evidence(self) -> Weights:
        """The worth of each text in sixths of a word, also where it is only numbers and single letters."""
        return _sums(self.worths, self.starts)


def as_tokens(texts: pa.Array | pa.ChunkedArray | Sequence[str | None], params: OverlapParams) -> Tokens:
    """The tokens of each text; a null has none."""
    texts = texts if isinstance(texts, pa.Array | pa.ChunkedArray) else pa.array(texts, pa.string())
    data, offsets = text_buffers(texts)
    codes, ends, _ = fold_codes(data, offsets, params.fold)
    tokens, starts = kernels.tokens(codes, ends)
    return Tokens(tokens, starts, *kernels.token_weights(codes, ends, len(tokens)))


def build_index(
    texts: pa.Array | pa.ChunkedArray | Sequence[str | None],
    params: OverlapParams | None = None,
    answers: Sequence[Sequence[str]] | None = None,
) -> Index:
    """The index of items: item i of a result is `texts[i]`. An item of too little evidence is never found.

    `answers[i]`: where there are any, item i is found only with one of them near it, and needs less evidence
    of its own. Raises nothing for nulls: a null item has no tokens and is never found.
    """
    params = params or OverlapParams()
    known = as_tokens(texts, params)
    n_items = len(known.starts) - 1
    answer_lists = [list(each) for each in answers] if answers is not None else [[]] * n_items
    sizes = np.array([len(each) for each in answer_lists], np.int64)
    cut = as_tokens([text for each in answer_lists for text in each], params).first(params.answer_tokens)
    # An answer without a token would match everywhere, so it is dropped.
    owners = np.repeat(np.arange(n_items), sizes)[np.diff(cut.starts) > 0]
    answers_of = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(owners, minlength=n_items))])
    answer_starts = np.concatenate([cut.starts[:-1][np.diff(cut.starts) > 0], cut.starts[-1:]])
    answer_worths = cut.evidence()[np.diff(cut.starts) > 0]
    has_answers, best = sizes > 0, np.zeros(n_items, np.int64)
    # An item is searched if its heaviest answer can make up for the evidence it lacks.
    np.maximum.at(best, owners, answer_worths)
    own = known.evidence()
    with_answer = (best > 0) & (own + best >= WORD * params.answer_min_words)
    enough = np.where(has_answers, with_answer, own >= WORD * params.min_words)
    lengths = np.where(has_answers, np.minimum(np.diff(known.starts), params.seed_tokens), params.seed_tokens)
    used = [
        n
        for n in range(2, params.seed_tokens + 1)
        if n == params.seed_tokens or (enough & (lengths == n)).any()
    ]
    # One table for each length of a seed: short items with answers are seeds of their own length.
    tables = [_seed_table(known, n, enough & (lengths == n), params) for n in used]
    seeded, common = np.zeros(n_items, np.bool_), np.zeros(n_items, np.bool_)
    for table in tables:
        seeded[table.items[_postings(table)]] = True
        common[table.items] = True
    of_answers = (cut.tokens, answer_starts, answer_worths, answers_of)
    arrays = (known.tokens, known.starts, known.costs, known.worths, *of_answers, seeded, common & ~seeded)
    return Index(params, tuple(tables), *(frozen(np.ascontiguousarray(array)) for array in arrays))


def _postings(table: SeedTable) -> npt.NDArray[np.int64]:
    """The positions of the postings that a slot points to; those of too common seeds are in the table and
    never read."""
    used = table.keys != 0
    firsts, counts = table.firsts[used].astype(np.int64), table.counts[used].astype(np.int64)
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(firsts - ends + counts, counts)


def _seed_table(known: Tokens, n: int, is_used: npt.NDArray[np.bool_], params: OverlapParams) -> SeedTable:
    """The table of the seeds of `n` tokens of the items that `is_used` marks: those with enough evidence that
    not too many items share."""
    seeds, begins = kernels.grams(known.tokens, known.starts, n)
    sizes = np.diff(begins)
    items = np.repeat(np.arange(len(sizes)), sizes)
    positions = np.arange(len(seeds)) - np.repeat(begins[:-1], sizes)
    whole = np.concatenate([np.zeros(1, np.int64), np.cumsum(known.worths)])
    at = known.starts[items] + positions
    keep = (whole[at + n] - whole[at] >= _SEED_WORTH) & is_used[items]
    seeds, items, positions = seeds[keep], items[keep], positions[keep]
    # Postings of a seed lie together, by item and position: the kernel reads them
    # in this order, so results do not depend on the order of items in memory.
    order = np.lexsort((positions, items, seeds))
    seeds, items, positions = seeds[order], items[order], positions[order]
    distinct, firsts, counts = np.unique(seeds, return_index=True, return_counts=True)
    rare = _items_per_seed(seeds, items, firsts) <= params.max_seed_items
    distinct, firsts, counts = distinct[rare], firsts[rare].astype(np.int32), counts[rare].astype(np.int32)
    # At most half of the slots are used, and of the filter's bits about one
    # in sixteen: so few seeds of a document that are in no item pass it.
    size = 1 << max(4, int(2 * len(distinct)).bit_length())
    bits = min(_FILTER_BITS, max(6, int(16 * len(distinct)).bit_length()))
    keys, slots, n_postings, sieve = kernels.fill_table(distinct, firsts, counts, size, bits)
    arrays = (keys, slots, n_postings, items.astype(np.int32), positions.astype(np.int32), sieve)
    return SeedTable(n, *(frozen(np.ascontiguousarray(array)) for array in arrays))


def _items_per_seed(
    seeds: Hashes, items: npt.NDArray[np.int64], firsts: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The number of different items of each distinct seed; `seeds` ascending, the `items` of a seed
    ascending, `firsts` the first row of each distinct seed."""
    if not len(seeds):
        return np.zeros(0, np.int64)
    new = np.concatenate([[True], (seeds[1:] != seeds[:-1]) | (items[1:] != items[:-1])])
    return np.add.reduceat(new.astype(np.int64), firsts)


def _thresholds(params: OverlapParams) -> npt.NDArray[np.float64]:
    """The numbers of a recipe in the order in which `search` reads them: sizes in sixths of a word, shares as
    they are."""
    flat = [
        WORD * params.min_words,
        params.min_identity,
        WORD * params.short_words,
        params.min_identity_short,
    ]
    flat += [WORD * params.answer_min_words, params.answer_window]
    for words, share in params.verbatim:
        flat += [WORD * words, share]
    return np.array(flat, np.float64)


def find_items(texts: pa.Array | pa.ChunkedArray, index: Index) -> pa.RecordBatch:
    """The items that each text contains: a row for each text and item, by row and start, then item.

    `row` int64, `item` int64: positions in `texts` and in the items of the index. `score` double: 1 - edits /
    length of the item. `longest_match_words` double: the longest run word for word, in words. `is_copy`:
    whether the score reached `threshold`; else the run was long enough, and `threshold` is the words that it
    needed. `start`, `end` int32: the code points of the text from the first to the last run of the item or
    its answer. Where an item occurs several times in a text, its best match counts. A null text has no rows.

        row  item  score  longest_match_words  is_copy  threshold  start  end
        0    17    .92    9.0                  true     .6         130    212
        3    17    .41    8.0                  false    8.0        0      61
    """
    data, offsets = text_buffers(texts)
    params, totals = index.params, _sums(index.costs, index.starts)
    # Read-only, all of them: an unpickled array is writable,
    # and numba compiles a kernel for each mix of the two.
    own = [frozen(a) for a in (index.tokens, index.starts, index.costs, index.worths, totals)]
    own += [frozen(a) for a in (index.answers, index.answer_starts, index.answer_worths, index.answers_of)]
    found, spans = [np.zeros((0, 6), np.int64)], [np.zeros((0, 2), np.int64)]
    for first, last in slices(offsets):
        # Folded once for all tables; about a megabyte of text at a time bounds the memory.
        codes, ends, _ = fold_codes(data, offsets[first : last + 1], params.fold)
        tokens, starts = kernels.tokens(codes, ends)
        for table in index.tables:
            seeds, seed_starts = kernels.grams(tokens, starts, table.n)
            slots = [
                frozen(a)
                for a in (table.keys, table.firsts, table.counts, table.items, table.positions, table.sieve)
            ]
            # The filter has a power of two of bits: the kernel shifts a seed to its highest bits.
            shift = np.uint64(64 - (64 * len(table.sieve)).bit_length() + 1)
            rows = kernels.search(
                seeds,
                seed_starts,
                tokens,
                starts,
                *slots,
                shift,
                *own,
                params.max_shift_tokens,
                _thresholds(params),
            )
            spans.append(_spans(rows, codes, ends, data, offsets[first : last + 1], params.fold))
            rows[:, 0] += first
            found.append(rows)
    rows, positions = np.concatenate(found), np.concatenate(spans)
    order = np.lexsort((rows[:, 1], positions[:, 0], rows[:, 0]))
    rows, positions = rows[order], positions[order]
    length, run = totals[rows[:, 1]], rows[:, 3] / WORD
    identity = np.where(length < WORD * params.short_words, params.min_identity_short, params.min_identity)
    is_copy = rows[:, 2] <= (1 - identity) * length
    # A match that is no copy has passed by its run: report the longest run it had to reach.
    enough = np.zeros(len(rows))
    for words, _ in params.verbatim:
        enough = np.where(run >= words, np.maximum(enough, words), enough)
    columns = {
        "row": rows[:, 0],
        "item": rows[:, 1],
        "score": 1 - rows[:, 2] / np.maximum(length, 1),
        "longest_match_words": run,
        "is_copy": is_copy,
    }
    columns |= {
        "threshold": np.where(is_copy, identity, enough),
        "start": positions[:, 0].astype(np.int32),
        "end": positions[:, 1].astype(np.int32),
    }
    return pa.record_batch(list(map(pa.array, columns.values())), names=list(columns))


def _spans(
    rows: npt.NDArray[np.int64], codes: Codes, ends: Offsets, data: Bytes, offsets: Offsets, fold: FoldParams
) -> npt.NDArray[np.int64]:
    """Code points (first, one past the last) of the token spans in columns 4 and 5 of `rows`."""
    # Only texts with a row are decoded again: few documents contain an item.
    table, pool = fold_table(fold)
    spans = np.zeros((len(rows), 2), np.int64)
    for document in np.unique(rows[:, 0]).tolist():
        own_rows = np.flatnonzero(rows[:, 0] == document)
        points = np.frombuffer(
            data[offsets[document] : offsets[document + 1]]
            .tobytes()
            .decode("utf-8", "replace")
            .encode("utf-32-le"),
            np.uint32,
        )
        folded = table[points]
        firsts, lasts = kernels.bounds(codes[ends[document] : ends[document + 1]])
        span = np.stack([firsts[rows[own_rows, 4]], lasts[rows[own_rows, 5] - 1]], axis=1)
        # Code points that became several codes, or none, shift all positions behind them.
        changed = np.flatnonzero(folded & EXPANDS)
        if len(changed):
            sizes = np.ones(len(points), np.int64)
            sizes[changed] = pool[folded[changed] & POINT]
            span = np.searchsorted(np.cumsum(sizes), span, side="right")
        spans[own_rows] = span
    spans[:, 1] += 1
    return spans
