"""Benchmark questions inside documents: which ones, how like, and where.

A text is a row of tokens: words, numbers, and single characters of scripts without spaces (so English,
Chinese and the formulas between them are one case), folded as everywhere (NFKC, case, Traditional to
Simplified), punctuation out. A document and an item meet where they share `seed_tokens` tokens in a row.
There the item is laid over the document and compared token by token within a band, which gives two measures:

    alike   1 - edits / length over the whole item; an edit adds, drops, changes or swaps. High for a question
            whose
            numbers or words were changed; a question of the same kind differs in more places than an edited
            copy.
    run     the longest stretch word for word. Long for a part of a question.

Lengths are counted in words; a character of an unspaced script is two thirds of a word (a Chinese word has
1.5 characters on average). As evidence a number or a single letter counts half, and a stretch of nothing else
is none: `1, 2, 3, 4` and `x^2 + y^2` are in many documents.

An item that says too little by itself (`What is 17 times 24?`) may come with its answers: it is found where
the item and, near it, one of the answers word for word stand. An item of fewer tokens than a seed is then its
own seed.
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

# of the seed filter at most: 1 MB, so that it stays in the second cache
_FILTER_BITS = 23
# sixths of a word that a seed holds at least as evidence; bare formulas and number rows make nobody meet
_SEED_WORTH = 12

Weights = npt.NDArray[np.int64]


@dataclass(frozen=True)
class OverlapParams:
    """How items are looked for.

    Raises ValueError where the numbers do not fit together. benchmarks/decontamination.md says why these.
    """

    # tokens in a row that make a document and an item meet
    seed_tokens: int = 4
    # a seed that more items have ("how many does he have") makes nobody meet
    max_seed_items: int = 50
    # tokens by which a copy may be shifted against the item
    max_shift_tokens: int = 8
    # evidence that is found of an item at least; an item that holds less is never looked for
    min_words: float = 6.0
    # from here on an edited copy of the whole item
    min_identity: float = 0.6
    short_words: float = 12.0  # an item with fewer words ...
    # ... must be alike this much, as everyday phrases come near
    min_identity_short: float = 0.8
    # or so many words in a row, which are that share of the item
    verbatim: tuple[tuple[float, float], ...] = ((8.0, 0.25), (6.0, 0.5))
    # evidence of an item with answers and of the answer together, at least
    answer_min_words: float = 4.0
    # tokens after and before the item in which the answer begins or ends
    answer_window: int = 32
    # of an answer that are looked for; a longer one is known by its beginning
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
    """Where `n` tokens in a row stand in the items: an open hash table and its postings."""

    n: int
    keys: Hashes  # slots; 0: free
    firsts: npt.NDArray[np.int32]  # where the postings of a slot begin
    counts: npt.NDArray[np.int32]  # how many there are
    items: npt.NDArray[np.int32]  # postings: item ...
    # ... and token at which the seed stands in it
    places: npt.NDArray[np.int32]
    sieve: Hashes  # one bit a seed, by its highest bits


@dataclass(frozen=True)
class Index:
    """Items ready to be looked for; arrays only, so that it travels to executors as it is.

    Made by `build_index`.
    """

    params: OverlapParams
    tables: tuple[SeedTable, ...]
    tokens: Hashes  # of all items, item after item
    starts: Offsets  # of each item in `tokens`
    # sixths of a word of each token when it is edited ...
    costs: Weights
    worths: Weights  # ... and as evidence
    answers: Hashes  # tokens of all answers, item after item
    answer_starts: Offsets  # of each answer in `answers`
    # sixths of a word of each answer, as evidence
    answer_worths: Weights
    answers_of: Offsets  # of each item, in `answer_starts`
    # which items hold enough evidence, and a seed, to be looked for
    searchable: npt.NDArray[np.bool_]
    # which would, if not every seed of theirs stood in more than max_seed_items items
    too_common: npt.NDArray[np.bool_]


def _sums(values: Weights, starts: Offsets) -> Weights:
    """Sum of the values of each item."""
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
        """Evidence of each text, in words; 0 where nothing but numbers and single letters stands in it."""
        has_words = _sums((self.worths == self.costs).astype(np.int64), self.starts) > 0
        return np.where(has_words, _sums(self.worths, self.starts) / WORD, 0.0)

    def first(self, most: int) -> Tokens:
        """The first `most` tokens of each text."""
        sizes = np.diff(self.starts)
        kept = np.arange(len(self.tokens)) - np.repeat(self.starts[:-1], sizes) < most
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.minimum(sizes, most))])
        return Tokens(self.tokens[kept], starts, self.costs[kept], self.worths[kept])

    def evidence(self) -> Weights:
        """Sixths of a word that each text is worth, numbers and single letters alone too."""
        return _sums(self.worths, self.starts)


def as_tokens(texts: pa.Array | pa.ChunkedArray | Sequence[str | None], params: OverlapParams) -> Tokens:
    """The tokens of each text; a null has none."""
    texts = texts if isinstance(texts, pa.Array | pa.ChunkedArray) else pa.array(texts, pa.string())
    data, offsets = text_buffers(texts)
    codes, ends, _ = fold_codes(data, offsets, params.fold)
    tokens, starts = kernels.tokens(codes, ends)
    return Tokens(tokens, starts, *kernels.weigh(codes, ends, len(tokens)))


def build_index(
    texts: pa.Array | pa.ChunkedArray | Sequence[str | None],
    params: OverlapParams | None = None,
    answers: Sequence[Sequence[str]] | None = None,
) -> Index:
    """The index of items given as texts; item i of what is found is `texts[i]`. One of little evidence is
    never found.

    `answers[i]`: when there are any, the item is found only with one of them near it, and needs less evidence
    of its own.
    """
    params = params or OverlapParams()
    known = as_tokens(texts, params)
    n_items = len(known.starts) - 1
    given = [list(each) for each in answers] if answers is not None else [[]] * n_items
    sizes = np.array([len(each) for each in given], np.int64)
    cut = as_tokens([text for each in given for text in each], params).first(params.answer_tokens)
    # an answer without a token stands everywhere
    whose = np.repeat(np.arange(n_items), sizes)[np.diff(cut.starts) > 0]
    answers_of = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(whose, minlength=n_items))])
    answer_starts = np.concatenate([cut.starts[:-1][np.diff(cut.starts) > 0], cut.starts[-1:]])
    answer_worths = cut.evidence()[np.diff(cut.starts) > 0]
    has_answers, best = sizes > 0, np.zeros(n_items, np.int64)
    np.maximum.at(best, whose, answer_worths)
    own = known.evidence()
    with_answer = (best > 0) & (own + best >= WORD * params.answer_min_words)
    enough = np.where(has_answers, with_answer, own >= WORD * params.min_words)
    lengths = np.where(has_answers, np.minimum(np.diff(known.starts), params.seed_tokens), params.seed_tokens)
    used = [
        n
        for n in range(2, params.seed_tokens + 1)
        if n == params.seed_tokens or (enough & (lengths == n)).any()
    ]
    tables = [_seed_table(known, n, enough & (lengths == n), params) for n in used]
    seeded, common = np.zeros(n_items, np.bool_), np.zeros(n_items, np.bool_)
    for table in tables:
        seeded[table.items[_postings(table)]] = True
        common[table.items] = True
    of_answers = (cut.tokens, answer_starts, answer_worths, answers_of)
    arrays = (known.tokens, known.starts, known.costs, known.worths, *of_answers, seeded, common & ~seeded)
    return Index(params, tuple(tables), *(frozen(np.ascontiguousarray(array)) for array in arrays))


def _postings(table: SeedTable) -> npt.NDArray[np.int64]:
    """Which postings of the table a slot leads to (those of too common seeds stand in it and are never
    read)."""
    used = table.keys != 0
    firsts, counts = table.firsts[used].astype(np.int64), table.counts[used].astype(np.int64)
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(firsts - ends + counts, counts)


def _seed_table(known: Tokens, n: int, wanted: npt.NDArray[np.bool_], params: OverlapParams) -> SeedTable:
    """The seeds of `n` tokens of the `wanted` items that are worth looking up and that not too many
    items share."""
    seeds, begins = kernels.grams(known.tokens, known.starts, n)
    sizes = np.diff(begins)
    items = np.repeat(np.arange(len(sizes)), sizes)
    places = np.arange(len(seeds)) - np.repeat(begins[:-1], sizes)
    whole = np.concatenate([np.zeros(1, np.int64), np.cumsum(known.worths)])
    at = known.starts[items] + places
    keep = (whole[at + n] - whole[at] >= _SEED_WORTH) & wanted[items]
    seeds, items, places = seeds[keep], items[keep], places[keep]
    order = np.lexsort((places, items, seeds))
    seeds, items, places = seeds[order], items[order], places[order]
    distinct, firsts, counts = np.unique(seeds, return_index=True, return_counts=True)
    rare = _spread(seeds, items, firsts) <= params.max_seed_items
    distinct, firsts, counts = distinct[rare], firsts[rare].astype(np.int32), counts[rare].astype(np.int32)
    size = 1 << max(4, int(2 * len(distinct)).bit_length())
    bits = min(_FILTER_BITS, max(6, int(16 * len(distinct)).bit_length()))
    keys, slots, many, sieve = kernels.fill(distinct, firsts, counts, size, bits)
    arrays = (keys, slots, many, items.astype(np.int32), places.astype(np.int32), sieve)
    return SeedTable(n, *(frozen(np.ascontiguousarray(array)) for array in arrays))


def _spread(
    seeds: Hashes, items: npt.NDArray[np.int64], firsts: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """How many different items have each distinct seed (seeds ascending, then items)."""
    if not len(seeds):
        return np.zeros(0, np.int64)
    new = np.concatenate([[True], (seeds[1:] != seeds[:-1]) | (items[1:] != items[:-1])])
    return np.add.reduceat(new.astype(np.int64), firsts)


def _limits(params: OverlapParams) -> npt.NDArray[np.float64]:
    """The numbers of a recipe as `search` takes them: sizes in sixths of a word, shares as they are."""
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
    """Which items each text contains: a row for each text and item, by row and place, then item.

    `row` int64, `item` int64 (positions in what was given), `score` double: 1 - edits / length of the item,
    `longest_match_words` double: the longest stretch word for word, in words, `is_copy`: whether the score
    reached `threshold` (else the stretch was long enough, and `threshold` is the words that it had to have),
    `start` and `end` int32: code points of the text between the first and the last stretch that is the
    item's, or its answer's. Where an item is met several times in a text, the best place counts. A null text
    has no rows.
    """
    data, offsets = text_buffers(texts)
    params, totals = index.params, _sums(index.costs, index.starts)
    # an unpickled array is writable, and numba compiles a kernel once for each mix of the two
    own = [frozen(a) for a in (index.tokens, index.starts, index.costs, index.worths, totals)]
    own += [frozen(a) for a in (index.answers, index.answer_starts, index.answer_worths, index.answers_of)]
    found, spans = [np.zeros((0, 6), np.int64)], [np.zeros((0, 2), np.int64)]
    for first, last in slices(offsets):
        codes, ends, _ = fold_codes(data, offsets[first : last + 1], params.fold)
        tokens, starts = kernels.tokens(codes, ends)
        for table in index.tables:
            seeds, seed_starts = kernels.grams(tokens, starts, table.n)
            slots = [
                frozen(a)
                for a in (table.keys, table.firsts, table.counts, table.items, table.places, table.sieve)
            ]
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
                _limits(params),
            )
            spans.append(_spans(rows, codes, ends, data, offsets[first : last + 1], params.fold))
            rows[:, 0] += first
            found.append(rows)
    rows, places = np.concatenate(found), np.concatenate(spans)
    order = np.lexsort((rows[:, 1], places[:, 0], rows[:, 0]))
    rows, places = rows[order], places[order]
    length, run = totals[rows[:, 1]], rows[:, 3] / WORD
    alike = np.where(length < WORD * params.short_words, params.min_identity_short, params.min_identity)
    is_copy = rows[:, 2] <= (1 - alike) * length
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
        "threshold": np.where(is_copy, alike, enough),
        "start": places[:, 0].astype(np.int32),
        "end": places[:, 1].astype(np.int32),
    }
    return pa.record_batch(list(map(pa.array, columns.values())), names=list(columns))


def _spans(
    rows: npt.NDArray[np.int64], codes: Codes, ends: Offsets, data: Bytes, offsets: Offsets, fold: FoldParams
) -> npt.NDArray[np.int64]:
    """Code points (first, one past the last) of the token spans in columns 4 and 5 of `rows`; only texts
    with a row are looked at."""
    table, pool = fold_table(fold)
    spans = np.zeros((len(rows), 2), np.int64)
    for document in np.unique(rows[:, 0]).tolist():
        mine = np.flatnonzero(rows[:, 0] == document)
        points = np.frombuffer(
            data[offsets[document] : offsets[document + 1]]
            .tobytes()
            .decode("utf-8", "replace")
            .encode("utf-32-le"),
            np.uint32,
        )
        folded = table[points]
        firsts, lasts = kernels.bounds(codes[ends[document] : ends[document + 1]])
        span = np.stack([firsts[rows[mine, 4]], lasts[rows[mine, 5] - 1]], axis=1)
        # code points that became several codes, or none
        longer = np.flatnonzero(folded & EXPANDS)
        if len(longer):
            sizes = np.ones(len(points), np.int64)
            sizes[longer] = pool[folded[longer] & POINT]
            span = np.searchsorted(np.cumsum(sizes), span, side="right")
        spans[mine] = span
    spans[:, 1] += 1
    return spans
