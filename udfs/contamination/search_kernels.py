"""The compiled part of udfs/contamination/search.py: tokens and their weights, the seed table, and the
alignment of an item with a document.

The diagonal of a match is the position of the item's first token in the document: token i of the item is
aligned with token `i + diagonal` of the document.
"""

import numpy as np

from gristmill.udfs.arrow.compiled import compiled, mix64
from gristmill.udfs.text.folding import IGNORED, POINT, UNSPACED

# Weights, in sixths of a word: a word, a character of an unspaced script (a Chinese word has
# 1.5 characters on average), a number or single letter. Integers, so that sums are exact.
WORD, CHARACTER, SMALL = 6, 4, 3
# base of the rolling sums, as in udfs/dedup/shingles.py
_BASE = np.uint64(0x9E3779B97F4A7C15)
# consecutive equal tokens from which on they are evidence: single common words match anywhere
_PAIR = 2
# a word character in Unicode's sense, but punctuation in formulas (x_1)
_UNDERSCORE = 95


@compiled
def tokens(codes, ends):  # type: ignore[no-untyped-def]
    """Hashes of the tokens of all documents, and where those of each start.

    A token is a word, a number, or one character of an unspaced script; underscores are punctuation.
    """
    # Without branches on single letters, as `_words` in udfs/dedup/shingles.py.
    one, count, token, inside = np.uint64(1), np.uint64(0), np.uint64(0), np.uint64(0)
    tokens = np.empty(len(codes) + 2, np.uint64)
    starts = np.zeros(len(ends), np.int64)
    for row in range(len(ends) - 1):
        token, inside = np.uint64(0), np.uint64(0)
        for i in range(ends[row], ends[row + 1]):
            code = codes[i]
            point = np.uint64(code & np.uint32(POINT))
            if code & np.uint32(UNSPACED | IGNORED):
                if code & np.uint32(UNSPACED):
                    tokens[count] = token
                    count += inside
                    tokens[count] = point
                    count += one
                    token, inside = np.uint64(0), np.uint64(0)
                continue
            tokens[count] = token
            letter = (np.uint64(code) >> np.uint64(24)) & one & np.uint64(point != _UNDERSCORE)
            count += inside & (letter ^ one)
            token = (token << np.uint64(9) | token >> np.uint64(55)) ^ (point * _BASE)
            token &= np.uint64(0) - letter
            inside = letter
        tokens[count] = token
        count += inside
        starts[row + 1] = count
    for i in range(count):
        tokens[i] = mix64(tokens[i])
    return tokens[:count], starts


@compiled
def bounds(codes):  # type: ignore[no-untyped-def]
    """Position of the first and the last code of each token of one document, in the order of `tokens`."""
    # Simple and slower than `tokens`: called only for items and for documents with a match.
    firsts, lasts = np.empty(len(codes), np.int64), np.empty(len(codes), np.int64)
    count, inside = 0, False
    for i in range(len(codes)):
        code = codes[i]
        if code & np.uint32(UNSPACED):
            firsts[count], lasts[count] = i, i
            count += 1
            inside = False
        elif (code >> np.uint32(24)) & np.uint32(1) and code & np.uint32(POINT) != _UNDERSCORE:
            if not inside:
                firsts[count] = i
                count += 1
            lasts[count - 1] = i
            inside = True
        elif not code & np.uint32(IGNORED):
            inside = False
    return firsts[:count], lasts[:count]


@compiled
def token_weights(codes, ends, total):  # type: ignore[no-untyped-def]
    """Cost (when edited) and worth (as evidence) of all tokens of all items, in sixths of a word.

    They differ for numbers and single letters: changing one is an edit like any other, but finding one proves
    little.
    """
    costs, worths = np.empty(total, np.int64), np.empty(total, np.int64)
    at = 0
    for row in range(len(ends) - 1):
        item = codes[ends[row] : ends[row + 1]]
        firsts, lasts = bounds(item)
        for k in range(len(firsts)):
            costs[at] = CHARACTER if item[firsts[k]] & np.uint32(UNSPACED) else WORD
            is_number = True
            for i in range(firsts[k], lasts[k] + 1):
                point = item[i] & np.uint32(POINT)
                is_number &= (point >= 48) & (point <= 57)
            small = is_number or (costs[at] == WORD and firsts[k] == lasts[k])
            worths[at] = SMALL if small else costs[at]
            at += 1
    return costs, worths


@compiled
def grams(tokens, starts, n):  # type: ignore[no-untyped-def]
    """Hashes (never zero) of every n consecutive tokens of each document, and where those of each start.

    A document of fewer tokens has none. Zero marks a free slot in the table of `fill_table`.
    """
    out = np.empty(len(tokens) + 1, np.uint64)
    firsts = np.zeros(len(starts), np.int64)
    power, at = np.uint64(1), 0
    for _ in range(n):
        power *= _BASE
    for row in range(len(starts) - 1):
        total = np.uint64(0)
        for i in range(starts[row], starts[row + 1]):
            total = total * _BASE + tokens[i]
            if i - starts[row] >= n:
                total -= power * tokens[i - n]
            if i - starts[row] >= n - 1:
                out[at] = max(mix64(total), np.uint64(1))
                at += 1
        firsts[row + 1] = at
    return out[:at], firsts


@compiled
def fill_table(seeds, firsts, counts, size, bits):  # type: ignore[no-untyped-def]
    """The open hash table of distinct seeds (keys, first posting and number of postings of each slot), and a
    bit filter of 2 ** `bits` in front of it.

    `size`: slots, a power of two of at least twice as many as seeds.
    """
    keys = np.zeros(size, np.uint64)
    at = np.zeros(size, np.int32)
    n_postings = np.zeros(size, np.int32)
    sieve = np.zeros(1 << (bits - 6), np.uint64)
    mask = np.uint64(size - 1)
    for i in range(len(seeds)):
        seed = seeds[i]
        slot = seed & mask
        while keys[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        keys[slot], at[slot], n_postings[slot] = seed, firsts[i], counts[i]
        # The filter uses the highest bits and the table the lowest, so
        # that a false positive of one is no more likely in the other.
        high = seed >> np.uint64(64 - bits)
        sieve[high >> np.uint64(6)] |= np.uint64(1) << (high & np.uint64(63))
    return keys, at, n_postings, sieve


@compiled
def matching_run(item, text, at, position):  # type: ignore[no-untyped-def]
    """First and one past the last token of the item in the run of equal tokens around `position` of the item
    and `at` of the text."""
    first, last = position, position
    while first > 0 and first - position + at > 0 and item[first - 1] == text[first - position + at - 1]:
        first -= 1
    while last < len(item) and last - position + at < len(text) and item[last] == text[last - position + at]:
        last += 1
    return first, last


@compiled
def shared_cost(item, text, diagonal, band, costs, table):  # type: ignore[no-untyped-def]
    """An upper bound of the cost of the item's tokens that occur anywhere in the region of the band.

    `table`: scratch. It is a set of hashes without a check of the key, so a collision may only raise the
    bound. What it leaves out must be edited, so an item can be rejected before the costlier `edit_cost`.
    """
    size = 64
    while size < 8 * (len(item) + 2 * band):
        size *= 2
    table[:size] = False
    mask = np.uint64(size - 1)
    for j in range(max(0, diagonal - band - 1), min(len(text), diagonal + len(item) + band)):
        table[text[j] & mask] = True
    total = 0
    for i in range(len(item)):
        total += costs[i] if table[item[i] & mask] else 0
    return total


@compiled
def evidence_in(item, text, diagonal, band, costs, worths, is_covered):  # type: ignore[no-untyped-def]
    """Worth of the item's tokens in runs of at least two equal tokens that are not all numbers and single
    letters, on any diagonal of the band.

    Returns also the first and one past the last token of the text in such a run. `is_covered`: scratch, one
    flag a token of the item, so that a token counts once however many runs have it.
    """
    length = len(item)
    is_covered[:length] = False
    low, high = len(text), 0
    for shift in range(diagonal - band, diagonal + band + 1):
        size, has_words = 0, False
        first, last = max(0, -shift), min(length, len(text) - shift)
        # One step beyond the end closes the last run.
        for i in range(first, last + 1):
            if i < last and item[i] == text[i + shift]:
                size += 1
                has_words |= worths[i] == costs[i]
                continue
            if size >= _PAIR and has_words:
                is_covered[i - size : i] = True
                low, high = min(low, i - size + shift), max(high, i + shift)
            size, has_words = 0, False
    total = 0
    for i in range(length):
        total += worths[i] if is_covered[i] else 0
    return total, low, high


@compiled
def edit_cost(item, text, diagonal, band, costs, rows):  # type: ignore[no-untyped-def]
    """Least cost of edits between the whole item and a stretch of the text, within `band` tokens of the
    diagonal (optimal string alignment, free ends in the text).

    A token that is dropped, changed or added costs its weight (an added one that of the item's token before
    it), two that are swapped the heavier one. Column o of a row is token `i + diagonal - band + o` of the
    text. Returns also one past the last token of the stretch; of stretches of equal cost, of the one nearest
    to the diagonal.
    """
    width = 2 * band + 1
    # Three rows are enough, since a swap looks back two.
    # Row 0 of zeros: the stretch may begin anywhere.
    rows[:] = 0
    for i in range(len(item)):
        now, before, earlier = rows[i % 3], rows[(i + 2) % 3], rows[(i + 1) % 3]
        cost = costs[i]
        for o in range(width):
            j = i + diagonal - band + o
            inside = 0 <= j < len(text)
            # In the coordinates of the band the diagonal step keeps the column, a
            # dropped token moves it one to the left, an added one stays in the row.
            least = before[o] + (0 if inside and item[i] == text[j] else cost)
            if o + 1 < width:
                least = min(least, before[o + 1] + cost)
            if o > 0:
                least = min(least, now[o - 1] + cost)
            if i > 0 and inside and j > 0 and item[i] == text[j - 1] and item[i - 1] == text[j]:
                swap = max(cost, costs[i - 1])
                least = min(least, (earlier[o] if i > 1 else 0) + swap)
            now[o] = least
    last = rows[(len(item) - 1) % 3]
    best = band
    for o in range(width):
        if last[o] < last[best] or (last[o] == last[best] and abs(o - band) < abs(best - band)):
            best = o
    return last[best], diagonal - band + best + len(item)


@compiled
def matches_at(answer, text, at):  # type: ignore[no-untyped-def]
    """Whether the answer's tokens are those of the text from token `at` on."""
    same = 0
    while same < len(answer) and text[at + same] == answer[same]:
        same += 1
    return same == len(answer)


@compiled
def best_answer(  # type: ignore[no-untyped-def]
    text, low, high, window, answers, starts, worths, first, last
):
    """Worth of the heaviest of the answers `first` to `last` near the tokens `low` to `high`; -1 if there is
    none.

    Near: it begins within `window` tokens after them, or ends within `window` tokens before them, so that an
    answer that is a word of the question itself does not count. Returns also `low` and `high` widened to the
    answer's place.
    """
    best, left, right = -1, low, high
    for k in range(first, last):
        # Only a heavier answer can change the result.
        if worths[k] <= best:
            continue
        answer = answers[starts[k] : starts[k + 1]]
        size, is_after = len(answer), False
        # Answers mostly follow their question, so behind it first.
        for at in range(high, min(high + window, len(text) - size + 1)):
            if matches_at(answer, text, at):
                best, left, right, is_after = worths[k], low, at + size, True
                break
        if is_after:
            continue
        for at in range(low - size, max(low - size - window, -1), -1):
            if matches_at(answer, text, at):
                best, left, right = worths[k], at, high
                break
    return best, left, right


@compiled
def search(  # type: ignore[no-untyped-def]
    seeds,
    seed_starts,
    tokens,
    token_starts,
    keys,
    firsts,
    counts,
    items,
    positions,
    sieve,
    shift,
    item_tokens,
    starts,
    costs,
    worths,
    totals,
    answers,
    answer_starts,
    answer_worths,
    answers_of,
    band,
    thresholds,
):
    """Rows of (document, item, cost of edits, worth of the longest run, first and one past the last token),
    document by document; one row for a document and item, with its best match.

    `thresholds`: evidence, identity, size of a short item, identity of a short one, evidence with an answer,
    tokens around the item in which the answer is searched, then pairs of a run's worth and its share of the
    item; sizes in sixths of a word. Item i has the answers `answers_of[i]` to `answers_of[i + 1]`; one that
    has answers is found only with one of them near it.
    """
    # Scratch for the longest item, and what is remembered of each item in the current document.
    longest, n_items = 0, len(totals)
    for i in range(n_items):
        longest = max(longest, starts[i + 1] - starts[i])
    is_covered = np.zeros(longest + 1, np.bool_)
    table = np.zeros(16 * (longest + 2 * band) + 64, np.bool_)
    grid = np.zeros((3, 2 * band + 1), np.int64)
    # the document in which an item last shared a seed ...
    last_document = np.full(n_items, -1, np.int64)
    last_aligned = np.zeros(n_items, np.int64)  # ... the diagonal of its last alignment ...
    # ... and the diagonal and the end of its last run
    last_diagonal, last_end = np.zeros(n_items, np.int64), np.zeros(n_items, np.int64)
    best = np.zeros(n_items, np.int64)  # its row of the result; -1 for none
    out = np.empty((64, 6), np.int64)
    rows = 0
    mask = np.uint64(len(keys) - 1)
    for document in range(len(seed_starts) - 1):
        start = seed_starts[document]
        text = tokens[token_starts[document] : token_starts[document + 1]]
        for i in range(start, seed_starts[document + 1]):
            seed = seeds[i]
            # Nearly all seeds of a document are in no item,
            # and end at the filter, which fits the cache.
            bit = seed >> shift
            if not (sieve[bit >> np.uint64(6)] >> (bit & np.uint64(63))) & np.uint64(1):
                continue
            slot = seed & mask
            while keys[slot] != 0 and keys[slot] != seed:
                slot = (slot + np.uint64(1)) & mask
            if keys[slot] == 0:
                continue
            for k in range(firsts[slot], firsts[slot] + counts[slot]):
                item, at = items[k], i - start
                diagonal = at - positions[k]
                is_new = last_document[item] != document
                # The seeds of one run of equal tokens are consecutive: only the first is examined.
                if not is_new and diagonal == last_diagonal[item] and at < last_end[item]:
                    continue
                a, b = starts[item], starts[item + 1]
                first, last = matching_run(item_tokens[a:b], text, at, positions[k])
                last_diagonal[item], last_end[item] = diagonal, last + diagonal
                run, run_cost, has_words = 0, 0, False
                for m in range(a + first, a + last):
                    run += worths[m]
                    run_cost += costs[m]
                    has_words |= worths[m] == costs[m]
                # A run that is long by itself and long enough for its item
                # proves a copied part, whatever the rest of the item.
                is_verbatim = False
                for r in range(6, len(thresholds), 2):
                    is_verbatim |= (
                        has_words and run >= thresholds[r] and run_cost >= thresholds[r + 1] * totals[item]
                    )
                # Without such a run, a diagonal close to the
                # last one would lie in nearly the same band.
                if is_new:
                    best[item] = -1
                    last_document[item] = document
                elif not is_verbatim and abs(diagonal - last_aligned[item]) <= band // 2:
                    continue
                last_aligned[item] = diagonal
                # The cost of edits at which identity reaches the threshold.
                max_edits = totals[item] * (
                    1 - (thresholds[3] if totals[item] < thresholds[2] else thresholds[1])
                )
                if (
                    not is_verbatim
                    and totals[item] - shared_cost(item_tokens[a:b], text, diagonal, band, costs[a:b], table)
                    > max_edits
                ):
                    continue
                edits, end = edit_cost(item_tokens[a:b], text, diagonal, band, costs[a:b], grid)
                # Dropping the whole item costs its total, so no more is ever needed.
                edits = min(edits, totals[item])
                if not is_verbatim and edits > max_edits:
                    continue
                # Few edits alone prove nothing of an item that
                # is mostly numbers: its words must be found too.
                evidence, low, high = evidence_in(
                    item_tokens[a:b], text, diagonal, band, costs[a:b], worths[a:b], is_covered
                )
                if answers_of[item] == answers_of[item + 1]:
                    if evidence < thresholds[0]:
                        continue
                elif evidence > 0:
                    # The answer is searched from the end of the item on. Evidence
                    # within the band may reach into the answer, which may repeat
                    # words of its item, so it is cut to the aligned stretch.
                    low, high = max(low, min(diagonal, end - (b - a))), min(high, end)
                    worth, low, high = best_answer(
                        text,
                        low,
                        high,
                        int(thresholds[5]),
                        answers,
                        answer_starts,
                        answer_worths,
                        answers_of[item],
                        answers_of[item + 1],
                    )
                    if worth < 0 or evidence + worth < thresholds[4]:
                        continue
                else:
                    continue
                # Of several matches of an item the one with
                # fewest edits counts, then the longest run.
                row = best[item]
                if row >= 0 and (edits, -run) >= (out[row, 2], -out[row, 3]):
                    continue
                if row < 0:
                    row = rows
                    rows += 1
                    best[item] = row
                    # The result grows by doubling: its size is
                    # unknown, and most documents have no row.
                    if row == len(out):
                        longer = np.empty((2 * row, 6), np.int64)
                        longer[:row] = out
                        out = longer
                out[row, 0], out[row, 1], out[row, 2], out[row, 3], out[row, 4], out[row, 5] = (
                    document,
                    item,
                    edits,
                    run,
                    low,
                    high,
                )
    return out[:rows]
