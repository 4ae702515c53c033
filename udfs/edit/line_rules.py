"""Lines that belong to the page and not to its text: capitals, numbers, counters, single words, phrases.

The rules are those of RefinedWeb (arXiv 2306.01116, appendix G.2), which DCLM made public as code. A line
goes whole, or loses a phrase; a document that would lose too many of its words that way is left out instead.
All numbers and phrases are parameters.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.udfs.arrow.compiled import compiled, slices, text_buffers
from gristmill.udfs.reasons import (
    CAPITALS_LINE,
    COUNTER_LINE,
    NUMERIC_LINE,
    PAGE_PHRASE,
    SHORT_LINE,
    TOO_MANY_WORDS_REMOVED,
)
from gristmill.udfs.text import lines
from gristmill.udfs.text.chars import (
    ALPHA,
    DIGIT,
    LOWER,
    SPACE,
    UNSPACED,
    UPPER,
    Chars,
    flag_table,
    read_chars,
)
from gristmill.udfs.text.line_ends import original_spans, unify

# A document that keeps all its words but those of its edits has a row for each
# edit (start, end); one that would lose too many has one row (value, threshold).
FOUND = pa.schema(
    [
        ("doc_id", pa.string()),
        ("batch_id", pa.string()),
        ("reason", pa.string()),
        ("value", pa.float64()),
        ("threshold", pa.float64()),
        ("rule", pa.string()),
        ("start", pa.int32()),
        ("end", pa.int32()),
    ]
)
_SPANS = pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32()), ("reason", pa.string())]))
REASONS = ("", CAPITALS_LINE, NUMERIC_LINE, COUNTER_LINE, SHORT_LINE, PAGE_PHRASE)
KEPT, CAPITALS, NUMERIC, COUNTER, SHORT, PHRASE = range(6)
# Counters that a line of a page shows side by side at most; a line with more letters than so many
# counters can have is no candidate. It bounds the work for a line and decides nothing else.
_COUNTERS_A_LINE = 8

At = Literal["start", "end", "anywhere", "whole"]
Unit = Literal["spaces", "characters"]
Span = tuple[int, int, str]


@dataclass(frozen=True)
class Phrase:
    """A phrase and where it counts: at an end of the line, anywhere in it, or as the whole line."""

    text: str
    at: At


@dataclass(frozen=True)
class LineRules:
    """One preset. Shares are of a line's code points; None, 0 and () switch a rule off."""

    max_upper_ratio: float | None
    max_digit_ratio: float | None
    # a line of a number, one of `counter_units` behind it or none, and one of `counters`
    counters: tuple[str, ...]
    counter_units: tuple[str, ...]
    # number and word in either order, with or without a space, several in a line; else the number first
    counters_any_order: bool
    min_words: int
    # whether a line of marks alone counts as short: a bracket, a rule of dashes
    drops_marks: bool
    phrases: tuple[Phrase, ...]
    max_phrase_words: int  # a longer line keeps its phrases
    # DCLM's code: dots of a phrase match any character, and white space around a line hides its ends
    phrases_as_patterns: bool
    # spaces: what stands between white space; characters: a letter of Han, Kana, Thai ... is a word
    words: Unit
    max_removed_ratio: float | None  # of a document's words
    # whether all words of a line that loses a phrase count as removed (the paper), or only those removed
    counts_whole_lines: bool
    keeps_code: bool  # lines of Markdown's code blocks: between fences, or behind four spaces or a tab


@compiled
def _count(flags, starts, stops, by_characters):  # type: ignore[no-untyped-def]
    """Capitals, digits, letters, pieces between white space, words; int64 of shape (lines, 5)."""
    counts = np.zeros((len(starts), 5), np.int64)
    for line in range(len(starts)):
        upper, digits, letters, pieces, words = 0, 0, 0, 0, 0
        # whether the last code point was within a piece, and whether that piece counts as a word already
        inside, counted = False, False
        for i in range(starts[line], stops[line]):
            f = flags[i]
            # a letter without case has both UPPER and LOWER and is no capital
            upper += (f & np.uint32(ALPHA | UPPER | LOWER)) == np.uint32(ALPHA | UPPER)
            digits += (f & np.uint32(DIGIT)) != 0
            letters += (f & np.uint32(ALPHA)) != 0
            is_word = (f & np.uint32(ALPHA | DIGIT)) != 0
            if f & np.uint32(SPACE):
                inside = False
            elif by_characters and f & np.uint32(UNSPACED):
                words += is_word
                inside = False
            else:
                if not inside:
                    pieces += 1
                    inside, counted = True, False
                    # as DCLM counts: a piece that begins with a bracket or a quote is no word
                    if not by_characters:
                        words += is_word
                if by_characters and is_word and not counted:
                    words += 1
                    counted = True
        counts[line] = upper, digits, letters, words if by_characters else pieces, words
    return counts


@compiled
def _are_code(points, flags, starts, stops, ends):  # type: ignore[no-untyped-def]
    """Whether each line stands in a code block of Markdown, the fences too; bool of shape (lines,)."""
    is_code = np.zeros(len(starts), np.bool_)
    for row in range(len(ends) - 1):
        # the mark of the open fence (96 ` or 126 ~); 0 where none is open
        fence = np.uint32(0)
        for line in range(ends[row], ends[row + 1]):
            a, b = starts[line], stops[line]
            indent = 0
            while a < b and flags[a] & np.uint32(SPACE):
                indent += 4 if points[a] == 9 else 1
                a += 1
            mark = points[a] if a + 2 < b else np.uint32(0)
            is_fence = (mark == 96 or mark == 126) and points[a + 1] == mark and points[a + 2] == mark
            is_code[line] = fence != 0 or is_fence or indent >= 4
            if is_fence and (fence == 0 or fence == mark):
                fence = np.uint32(0) if fence else mark
    return is_code


def count_words(text: str, unit: Unit) -> int:
    """Words of a text as the shares of `max_removed_ratio` count them.

    "It is 10 “km”", spaces -> 3 (a piece that begins with a mark is none);  "共10 km", characters -> 3
    """
    flags = flag_table()[np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)]
    one = np.array([0]), np.array([len(flags)])
    return int(_count(flags, *one, unit == "characters")[0, 4])


@dataclass(frozen=True)
class _Patterns:
    """The phrases and counters of a preset as regular expressions, each linear in the line."""

    counter: re.Pattern[str] | None
    longest_counter: int  # letters
    removed: tuple[re.Pattern[str], ...]
    # one of these, in lower case, is in every text of which `removed` takes something
    needed: tuple[str, ...]
    whole: frozenset[str]
    longest_whole: int  # letters and digits


# a heading of Markdown is text: its marks stay
_MARKS = re.compile(r"^[^\w#]+|\W+$")


@lru_cache(maxsize=64)
def _patterns(rules: LineRules) -> _Patterns:
    parts = [each for each in rules.phrases if each.at != "whole"]
    whole = frozenset(_bare(each.text) for each in rules.phrases if each.at == "whole")
    longest = max(map(len, rules.counters), default=0) + 2 * max(map(len, rules.counter_units), default=0)
    longest *= _COUNTERS_A_LINE if rules.counters_any_order else 1
    return _Patterns(
        _counter(rules) if rules.counters else None,
        longest,
        tuple(_removed(each, rules.phrases_as_patterns) for each in parts),
        tuple(max(each.text.lower().split("."), key=len) for each in parts),
        whole,
        max(map(len, whole), default=0),
    )


def _bare(line: str) -> str:
    return _MARKS.sub("", line).casefold()


def _one_of(words: tuple[str, ...]) -> str:
    # the longest first: of `comment` and `comments` the first that fits is taken
    longest_first = sorted((word.lower() for word in words), key=lambda word: (-len(word), word))
    return "(?:" + "|".join(map(re.escape, longest_first)) + ")"


def _counter(rules: LineRules) -> re.Pattern[str]:
    # possessive quantifiers (*+): what they took is not tried in shorter forms, so the search is linear
    word = _one_of(rules.counters)
    unit = _one_of(rules.counter_units) if rules.counter_units else "(?!)"
    if not rules.counters_any_order:
        return re.compile(rf"\W*+\d[\d,.]*+{unit}?\s++{word}\W*+$")
    # `1. 下载` is no counter but an item of a list, `[下载][14]` a link, and `# 1 下载` a heading
    amount = rf"\d++(?:[.,]\d++)*+(?:\s*+{unit})*+"
    either = rf"(?>{amount}\s*+{word}|{word}[\s:：|·(（-]*+{amount})"
    return re.compile(rf"[^\w#]*+(?:{either}\W*+)++$")


def _removed(phrase: Phrase, as_pattern: bool) -> re.Pattern[str]:
    # not re.IGNORECASE, which takes characters for equal whose lower cases differ
    text = "".join(
        "." if as_pattern and char == "." else f"(?:{re.escape(char.lower())}|{re.escape(char.upper())})"
        for char in phrase.text
    )
    around = "" if as_pattern else r"\s*"
    by_place = {"start": rf"^{around}{text}\s?", "end": rf"\s?{text}{around}$", "anywhere": rf"\s?{text}"}
    return re.compile(by_place[phrase.at])


def _without_phrases(line: str, patterns: _Patterns) -> list[tuple[int, int]] | None:
    """The spans of a line that its phrases take, in order; None: the line goes whole.

    "3 items in cart", "items in cart" anywhere  ->  [(1, 15)]
    """
    # each phrase is looked for in what those before it left, as DCLM's code does
    left = line
    places: list[int] | range = range(len(line))
    for pattern in patterns.removed:
        taken = [match.span() for match in pattern.finditer(left)]
        if taken:
            gone = set().union(*(range(*span) for span in taken))
            places = [place for i, place in enumerate(places) if i not in gone]
            left = pattern.sub("", left)
    if len(left) == len(line):
        return []
    if not left.strip():
        return None
    return _gaps(places, len(line))


def _gaps(places: list[int] | range, size: int) -> list[tuple[int, int]]:
    """The runs of 0 .. size - 1 that `places`, which are sorted, leave out."""
    return [(a + 1, b) for a, b in itertools.pairwise([-1, *places, size]) if b > a + 1]


def _reasons(counts: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], rules: LineRules) -> Any:
    """For each line the index in REASONS that its counts alone give; uint8 of shape (lines,)."""
    upper, digits, letters, pieces, _ = counts.T
    reasons = np.zeros(len(counts), np.uint8)
    reasons[(pieces < rules.min_words) & (rules.drops_marks | (digits + letters > 0))] = SHORT
    # later ones win: the order of RefinedWeb's list, from its end
    if rules.max_digit_ratio is not None:
        reasons[digits / sizes > rules.max_digit_ratio] = NUMERIC
    if rules.max_upper_ratio is not None:
        reasons[upper / sizes > rules.max_upper_ratio] = CAPITALS
    return reasons


def _edit_lines(
    text: str, spans: list[tuple[int, int]], counts: list[list[int]], reasons: list[int], rules: LineRules
) -> tuple[list[Span], int]:
    """The edits of one document and the words that they remove.

    `spans`: its lines that are not blank, in code points of `text`; `counts` and `reasons`: of each.
    """
    patterns = _patterns(rules)
    edits: list[Span] = []
    n_removed = 0
    has_phrase = _has_any(text, patterns.needed)
    for (start, stop), (_, digits, letters, pieces, words), by_counts in zip(
        spans, counts, reasons, strict=True
    ):
        reason, parts = by_counts, None
        if reason in (KEPT, SHORT) and patterns.counter and digits and letters <= patterns.longest_counter:
            reason = COUNTER if patterns.counter.match(text[start:stop].lower()) else reason
        if reason == KEPT and pieces <= rules.max_phrase_words:
            line = text[start:stop]
            is_whole = digits + letters <= patterns.longest_whole and _bare(line) in patterns.whole
            parts = _without_phrases(line, patterns) if has_phrase and not is_whole else []
            reason = PHRASE if is_whole or parts is None else KEPT
        if reason:
            _add(edits, (start, min(stop + 1, len(text)), REASONS[reason]))
            n_removed += words
        elif parts:
            edits += [(start + a, start + b, PAGE_PHRASE) for a, b in parts]
            left = _without(text[start:stop], parts)
            n_removed += words if rules.counts_whole_lines else words - count_words(left, rules.words)
    return edits, n_removed


def _has_any(text: str, needed: tuple[str, ...]) -> bool:
    """Whether a text has one of `needed`, which are in lower case, in any case."""
    # the lower case of a whole text is slow to make, and most Chinese phrases have none
    if any(each in text for each in needed):
        return True
    cased = [each for each in needed if each != each.upper()]
    lower = text.lower() if cased else ""
    return any(each in lower for each in cased)


def _without(line: str, parts: list[tuple[int, int]]) -> str:
    for start, stop in reversed(parts):
        line = line[:start] + line[stop:]
    return line


def _add(edits: list[Span], edit: Span) -> None:
    """Append a line, as one span with the line before it where that goes for the same reason."""
    if edits and edits[-1][1] == edit[0] and edits[-1][2] == edit[2]:
        edit = (edits.pop()[0], *edit[1:])
    edits.append(edit)


def find_edits(texts: pa.Array, rules: LineRules) -> tuple[pa.ListArray, npt.NDArray[np.float64]]:
    """The edits of each text, and the share of its words that they remove (0 where it has none).

        "SIGN UP NOW\\nThe mill is old.\\n3 likes"  ->  [(0, 12, capitals_line), (29, 36, counter_line)]

    Edits are structs of start and end (code points of the text as it was passed) and reason, one of REASONS;
    they do not overlap. A line goes with its line end. A null text is an empty one.
    """
    unified = unify(texts)
    data, offsets = text_buffers(unified)
    found: list[Span] = []
    ends, shares = [0], []
    for first, last in slices(offsets):
        chars = read_chars(data, offsets[first : last + 1])
        for edits, share in _in_slice(unified.slice(first, last - first), chars, rules):
            found += edits
            ends.append(len(found))
            shares.append(share)
    kinds = (pa.int32(), pa.int32(), pa.string())
    columns = [pa.array([edit[i] for edit in found], kind) for i, kind in enumerate(kinds)]
    structs = pa.StructArray.from_arrays(columns, fields=list(_SPANS.value_type))
    spans = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), structs, type=_SPANS)
    return original_spans(texts, spans), np.array(shares, np.float64)


def _in_slice(texts: pa.Array, chars: Chars, rules: LineRules) -> Iterator[tuple[list[Span], float]]:
    """The edits of each text of a slice, and the share of its words that they remove."""
    spans = lines.split(chars, lines.NOT_BLANK)
    counts = _count(chars.flags, spans.starts, spans.stops, rules.words == "characters")
    reasons = _reasons(counts, spans.stops - spans.starts, rules)
    is_open, is_short = _open_lines(counts, reasons, rules)
    if rules.keeps_code:
        is_text = ~_are_code(chars.points, chars.flags, spans.starts, spans.stops, spans.ends)
        is_open, is_short = is_open & is_text, is_short & is_text
    patterns = _patterns(rules)
    for row in range(len(chars.ends) - 1):
        a, b = spans.ends[row], spans.ends[row + 1]
        is_looked_at = is_open[a:b]
        text = None
        if is_short[a:b].any() and _has_any(text := texts[row].as_py(), patterns.needed):
            is_looked_at = is_looked_at | is_short[a:b]
        at = a + np.flatnonzero(is_looked_at)
        if not len(at):
            yield [], 0.0
            continue
        places = np.stack([spans.starts[at], spans.stops[at]], axis=1) - chars.ends[row]
        edits, n_removed = _edit_lines(
            texts[row].as_py() if text is None else text,
            [(start, stop) for start, stop in places.tolist()],
            counts[at].tolist(),
            reasons[at].tolist(),
            rules,
        )
        n_words = int(counts[a:b, 4].sum())
        yield edits, n_removed / n_words if n_words else 0.0


def _open_lines(counts: npt.NDArray[np.int64], reasons: npt.NDArray[np.uint8], rules: LineRules) -> Any:
    """Which lines their text may decide or a count has decided; and which are short enough for phrases.

    Only these become Python strings: most lines of prose are neither.
    """
    patterns = _patterns(rules)
    _, digits, letters, pieces, _ = counts.T
    is_short = (pieces <= rules.max_phrase_words) if patterns.needed else np.zeros(len(counts), np.bool_)
    is_open = reasons > 0
    if patterns.counter:
        is_open |= (digits > 0) & (letters <= patterns.longest_counter)
    if patterns.whole:
        is_open |= (digits + letters <= patterns.longest_whole) & (pieces <= rules.max_phrase_words)
    return is_open, is_short


def clean_batches(
    batches: Iterator[pa.RecordBatch], presets: dict[str, LineRules]
) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id, text, preset (a key of `presets`) -> FOUND.

        doc_id  reason                  value  threshold  rule                                start  end
        d1      counter_line            null   null       null                                  120  128
        d2      too_many_words_removed    .25        .05  lines_refinedweb.max_removed_ratio   null  null

    The first is an edit of d1; d2 keeps its text as it is and gets a verdict. Raises KeyError for another
    preset.
    """
    for batch in batches:
        names = batch["preset"].to_pylist()
        for name in sorted(set(names)):
            rows = pa.array([i for i, each in enumerate(names) if each == name])
            yield _found(batch.take(rows), name, presets[name])


def _found(batch: pa.RecordBatch, name: str, rules: LineRules) -> pa.RecordBatch:
    edits, shares = find_edits(batch["text"], rules)
    limit = np.inf if rules.max_removed_ratio is None else rules.max_removed_ratio
    is_out = shares > limit
    of, spans = pc.list_parent_indices(edits), pc.list_flatten(edits)
    kept = pa.array(~is_out[of.to_numpy()])
    of, spans, out = of.filter(kept), spans.filter(kept), pa.array(np.flatnonzero(is_out))
    n, nulls = len(out), pa.nulls
    both = pa.concat_arrays([out.cast(of.type), of])
    columns = [
        batch["doc_id"].take(both),
        batch["batch_id"].take(both),
        pa.concat_arrays([pa.repeat(TOO_MANY_WORDS_REMOVED, n), spans.field("reason")]),
        pa.concat_arrays([pa.array(shares[is_out]), nulls(len(of), pa.float64())]),
        pa.concat_arrays([pa.repeat(float(limit), n), nulls(len(of), pa.float64())]),
        pa.concat_arrays([pa.repeat(f"{name}.max_removed_ratio", n), nulls(len(of), pa.string())]),
        *(pa.concat_arrays([nulls(n, pa.int32()), spans.field(end)]) for end in ("start", "end")),
    ]
    return pa.record_batch(columns, schema=FOUND)
