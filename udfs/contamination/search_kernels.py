"""The compiled part of udfs/contamination/search.py: tokens and their weights, the seed table, and
laying an item over a document."""

import numpy as np

from gristmill.udfs.arrow.compiled import compiled, mix64
from gristmill.udfs.text.folding import IGNORED, POINT, UNSPACED

# weights, in sixths of a word: a word, a character of an unspaced script, a number or single letter
WORD, CHARACTER, SMALL = 6, 4, 3
# of the rolling sums, as in udfs/dedup/shingles.py
_BASE = np.uint64(0x9E3779B97F4A7C15)
_PAIR = 2  # tokens in a row that count as found
# a letter to Python, punctuation in formulas
_UNDERSCORE = 95


@compiled
def tokens(codes, ends):  # type: ignore[no-untyped-def]
    """Hashes of the words of each document, and of every character of an unspaced script; underscores
    are punctuation."""
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
    """First and last code of each token of one document, in the order of `tokens`."""
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
def weigh(codes, ends, total):  # type: ignore[no-untyped-def]
    """Costs and worths of all tokens of all items."""
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
    """Hashes (never zero) of every n tokens in a row of each document, and where each document's begin;
    none of a shorter one."""
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
def fill(seeds, firsts, counts, size, bits):  # type: ignore[no-untyped-def]
    """The open table of distinct seeds and its filter."""
    keys = np.zeros(size, np.uint64)
    at = np.zeros(size, np.int32)
    many = np.zeros(size, np.int32)
    sieve = np.zeros(1 << (bits - 6), np.uint64)
    mask = np.uint64(size - 1)
    for i in range(len(seeds)):
        seed = seeds[i]
        slot = seed & mask
        while keys[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        keys[slot], at[slot], many[slot] = seed, firsts[i], counts[i]
        high = seed >> np.uint64(64 - bits)
        sieve[high >> np.uint64(6)] |= np.uint64(1) << (high & np.uint64(63))
    return keys, at, many, sieve


@compiled
def stretch(item, text, at, place):  # type: ignore[no-untyped-def]
    """First and one past the last token of the item in the stretch word for word around the item's
    `place`, text's `at`."""
    first, last = place, place
    while first > 0 and first - place + at > 0 and item[first - 1] == text[first - place + at - 1]:
        first -= 1
    while last < len(item) and last - place + at < len(text) and item[last] == text[last - place + at]:
        last += 1
    return first, last


@compiled
def present(item, text, where, band, costs, table):  # type: ignore[no-untyped-def]
    """At least the cost of the item's tokens that stand anywhere in the region where it may lie; more
    when hashes meet."""
    size = 64
    while size < 8 * (len(item) + 2 * band):
        size *= 2
    table[:size] = False
    mask = np.uint64(size - 1)
    for j in range(max(0, where - band - 1), min(len(text), where + len(item) + band)):
        table[text[j] & mask] = True
    total = 0
    for i in range(len(item)):
        total += costs[i] if table[item[i] & mask] else 0
    return total


@compiled
def evidence_in(item, text, where, band, costs, worths, found):  # type: ignore[no-untyped-def]
    """Worth of the item's tokens that stand in stretches word for word of at least two tokens, not all
    numbers and single letters.

    Returns also the first and one past the last token of the text in such a stretch.
    """
    length = len(item)
    found[:length] = False
    low, high = len(text), 0
    for shift in range(where - band, where + band + 1):
        size, has_words = 0, False
        first, last = max(0, -shift), min(length, len(text) - shift)
        for i in range(first, last + 1):
            if i < last and item[i] == text[i + shift]:
                size += 1
                has_words |= worths[i] == costs[i]
                continue
            if size >= _PAIR and has_words:
                found[i - size : i] = True
                low, high = min(low, i - size + shift), max(high, i + shift)
            size, has_words = 0, False
    total = 0
    for i in range(length):
        total += worths[i] if found[i] else 0
    return total, low, high


@compiled
def edit_cost(item, text, where, band, costs, rows):  # type: ignore[no-untyped-def]
    """Least cost of edits that make the whole item of a stretch of the text (optimal string alignment, free
    ends) within the band.

    A token that is dropped, changed or added costs its weight (an added one that of the item's token before
    it), two that are swapped the heavier one. Column o of a row is token `i + where - band + o` of the text.
    Returns also one past the stretch's last token; of stretches that cost the same, the one nearest to the
    diagonal.
    """
    width = 2 * band + 1
    rows[:] = 0
    for i in range(len(item)):
        now, before, earlier = rows[i % 3], rows[(i + 2) % 3], rows[(i + 1) % 3]
        cost = costs[i]
        for o in range(width):
            j = i + where - band + o
            inside = 0 <= j < len(text)
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
    return last[best], where - band + best + len(item)


@compiled
def stands_at(answer, text, at):  # type: ignore[no-untyped-def]
    """Whether the answer's tokens stand in the text from token `at` on."""
    same = 0
    while same < len(answer) and text[at + same] == answer[same]:
        same += 1
    return same == len(answer)


@compiled
def answered(text, low, high, window, answers, starts, worths, first, last):  # type: ignore[no-untyped-def]
    """Worth of the weightiest of the answers `first` to `last` that stands near the tokens `low` to `high`;
    -1: none does.

    Near: it begins within `window` tokens after them, or ends within `window` tokens before them, so that an
    answer that is a word of the question itself does not count. Returns also `low` and `high` widened to the
    answer's place.
    """
    best, left, right = -1, low, high
    for k in range(first, last):
        if worths[k] <= best:
            continue
        answer = answers[starts[k] : starts[k + 1]]
        size, is_found = len(answer), False
        for at in range(high, min(high + window, len(text) - size + 1)):
            if stands_at(answer, text, at):
                best, left, right, is_found = worths[k], low, at + size, True
                break
        if is_found:
            continue
        for at in range(low - size, max(low - size - window, -1), -1):
            if stands_at(answer, text, at):
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
    places,
    sieve,
    shift,
    wanted,
    starts,
    costs,
    worths,
    totals,
    answers,
    answer_starts,
    answer_worths,
    answers_of,
    band,
    limits,
):
    """Rows of (document, item, cost of edits, worth of the longest run, first and one past the last token),
    document by document.

    `limits`: evidence, alike, size of a short item, alike of a short one, evidence with an answer, tokens
    around the item in which the answer is looked for, then pairs of a run's worth and share; sizes in sixths.
    Item i has the answers `answers_of[i]` to `answers_of[i + 1]`; one that has some is found only with one of
    them near it.
    """
    longest, n_items = 0, len(totals)
    for i in range(n_items):
        longest = max(longest, starts[i + 1] - starts[i])
    found = np.zeros(longest + 1, np.bool_)
    table = np.zeros(16 * (longest + 2 * band) + 64, np.bool_)
    grid = np.zeros((3, 2 * band + 1), np.int64)
    # document in which an item was last met ...
    looked = np.full(n_items, -1, np.int64)
    around = np.zeros(n_items, np.int64)  # ... where it was last laid over it ...
    # ... and the last stretch: its shift and its end
    line, until = np.zeros(n_items, np.int64), np.zeros(n_items, np.int64)
    best = np.zeros(n_items, np.int64)  # its row, when it has one
    out = np.empty((64, 6), np.int64)
    rows = 0
    mask = np.uint64(len(keys) - 1)
    for document in range(len(seed_starts) - 1):
        start = seed_starts[document]
        text = tokens[token_starts[document] : token_starts[document + 1]]
        for i in range(start, seed_starts[document + 1]):
            seed = seeds[i]
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
                where = at - places[k]
                is_new = looked[item] != document
                if not is_new and where == line[item] and at < until[item]:
                    continue
                a, b = starts[item], starts[item + 1]
                first, last = stretch(wanted[a:b], text, at, places[k])
                line[item], until[item] = where, last + where
                run, run_cost, has_words = 0, 0, False
                for m in range(a + first, a + last):
                    run += worths[m]
                    run_cost += costs[m]
                    has_words |= worths[m] == costs[m]
                is_part = False
                for r in range(6, len(limits), 2):
                    is_part |= has_words and run >= limits[r] and run_cost >= limits[r + 1] * totals[item]
                if is_new:
                    best[item] = -1
                    looked[item] = document
                elif not is_part and abs(where - around[item]) <= band // 2:
                    continue
                around[item] = where
                # that edits may cost
                most = totals[item] * (1 - (limits[3] if totals[item] < limits[2] else limits[1]))
                if (
                    not is_part
                    and totals[item] - present(wanted[a:b], text, where, band, costs[a:b], table) > most
                ):
                    continue
                edits, end = edit_cost(wanted[a:b], text, where, band, costs[a:b], grid)
                edits = min(edits, totals[item])
                if not is_part and edits > most:
                    continue
                evidence, low, high = evidence_in(
                    wanted[a:b], text, where, band, costs[a:b], worths[a:b], found
                )
                if answers_of[item] == answers_of[item + 1]:
                    if evidence < limits[0]:
                        continue
                elif evidence > 0:
                    # an answer may repeat words of its item, which are evidence within the band: it begins
                    # where the item ends
                    low, high = max(low, min(where, end - (b - a))), min(high, end)
                    worth, low, high = answered(
                        text,
                        low,
                        high,
                        int(limits[5]),
                        answers,
                        answer_starts,
                        answer_worths,
                        answers_of[item],
                        answers_of[item + 1],
                    )
                    if worth < 0 or evidence + worth < limits[4]:
                        continue
                else:
                    continue
                row = best[item]
                if row >= 0 and (edits, -run) >= (out[row, 2], -out[row, 3]):
                    continue
                if row < 0:
                    row = rows
                    rows += 1
                    best[item] = row
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
