"""All measures of a document in one pass over its text, and its language.

They are what the rules of Gopher, C4, FineWeb, CCI4.0, MADLAD-400 and NeMo Curator compare later; thresholds
are in udfs/rules/limits.py and in recipes, not here. Kernels count in integers, and each ratio is one
division of two counts, so the same text has the same doubles on every machine.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.arrow.compiled import compiled, slices, text_buffers
from gristmill.udfs.rules import page_form, repetition, sentences
from gristmill.udfs.text import langid, line_ends, lines, words
from gristmill.udfs.text.chars import (
    ALPHA,
    DIGIT,
    HAN,
    LOWER,
    PUNCT,
    SPACE,
    TERMINAL,
    UPPER,
    Chars,
    read_chars,
)

# Bytes of text decoded at once. Its code points, flags and hashes take 16 times as much,
# which should fit the processor's cache; so a quarter of the megabyte of other kernels.
SLICE_BYTES = 1 << 18

LANGUAGE = ("lang", "lang_score", "lang_by")
# the comment of a column is its documentation in the Delta table and in docs/
_DROPPED = pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32()), ("reason", pa.string())]))
_COLUMNS: list[tuple[str, pa.DataType, str]] = [
    ("doc_id", pa.string(), "key of the document"),
    ("n_chars", pa.int64(), "code points of text; a line end of two (CR LF) counts as one, here and below"),
    ("n_lines", pa.int64(), "lines (str.splitlines)"),
    ("n_words", pa.int64(), "words: tokens that are more than punctuation"),
    (
        "n_tokens",
        pa.int64(),
        "words and punctuation tokens; Chinese as jieba cuts it, other text as spaCy's English "
        "tokenizer (udfs/text/words.py)",
    ),
    ("n_han", pa.int64(), "Han characters"),
    ("mean_word_chars", pa.float64(), "code points of words / n_words"),
    ("hash_ratio", pa.float64(), "number signs / n_tokens (may exceed 1)"),
    ("ellipsis_ratio", pa.float64(), "ellipses, ... and U+2026, / n_tokens (may exceed 1)"),
    ("bullet_line_ratio", pa.float64(), "lines that begin with a bullet or hyphen / n_lines, 0 to 1"),
    ("ellipsis_line_ratio", pa.float64(), "lines that end with an ellipsis / n_lines, 0 to 1"),
    ("alpha_word_ratio", pa.float64(), "tokens with a letter / n_tokens, 0 to 1"),
    ("n_stop_words_en", pa.int64(), "different English stop words out of 8 (Gopher)"),
    ("n_stop_words_zh", pa.int64(), "different Chinese stop words out of 22 (FineWeb-2 cmn_Hani)"),
    ("dup_line_ratio", pa.float64(), "lines seen before in the document / lines (runs of newline), 0 to 1"),
    ("dup_line_char_ratio", pa.float64(), "code points of lines seen before / n_chars, 0 to 1"),
    (
        "dup_para_ratio",
        pa.float64(),
        "paragraphs seen before in the document / paragraphs (blank lines), 0 to 1",
    ),
    ("dup_para_char_ratio", pa.float64(), "code points of paragraphs seen before / n_chars, 0 to 1"),
    *(
        (f"top_{n}_gram_ratio", pa.float64(), f"code points of the commonest run of {n} tokens / n_chars")
        for n in repetition.TOP_N
    ),
    *(
        (f"dup_{n}_gram_ratio", pa.float64(), f"code points of repeated runs of {n} tokens / n_chars, 0 to 1")
        for n in repetition.DUPLICATE_N
    ),
    (
        "rep_10_char_ratio",
        pa.float64(),
        "copies of the commonest windows of 10 code points / windows, 0 to 1 (Data-Juicer; first "
        "1,048,576 code points)",
    ),
    (
        "c4_dropped_lines",
        _DROPPED,
        "runs of lines that C4's rules drop for one reason, line breaks included, in code "
        "points of docs.text; reason: " + ", ".join(lines.DROP_REASONS[1:]),
    ),
    ("n_c4_sentences", pa.int64(), "sentences on the lines that C4's rules keep"),
    ("has_lorem_ipsum", pa.int64(), "1 when a line that reaches C4's rule says lorem ipsum, else 0"),
    ("has_curly_bracket", pa.int64(), "1 when a line that reaches C4's rule has {, else 0"),
    (
        "n_c4_sentences_any_end",
        pa.int64(),
        "n_c4_sentences when lines need not end a sentence (C4 as FineWeb uses it)",
    ),
    ("has_lorem_ipsum_any_end", pa.int64(), "has_lorem_ipsum when lines need not end a sentence, 0 or 1"),
    ("has_curly_bracket_any_end", pa.int64(), "has_curly_bracket when lines need not end a sentence, 0 or 1"),
    ("n_long_paragraphs", pa.int64(), "lines of at least 200 code points (mC4)"),
    (
        "line_punct_ratio",
        pa.float64(),
        "lines that end a sentence / lines that are not blank, 0 to 1 (FineWeb)",
    ),
    (
        "short_line_ratio",
        pa.float64(),
        "lines of at most 30 code points / lines that are not blank, 0 to 1 (FineWeb)",
    ),
    (
        "char_dup_ratio",
        pa.float64(),
        "code points of lines seen before / code points but newlines, 0 to 1 (FineWeb)",
    ),
    ("newline_ratio", pa.float64(), "newlines / n_tokens (may exceed 1; FineWeb)"),
    ("mean_line_chars", pa.float64(), "n_chars / n_lines (CCI4.0)"),
    ("max_line_chars", pa.int64(), "code points of the longest line"),
    ("alnum_ratio", pa.float64(), "letters and digits / n_chars, 0 to 1"),
    ("han_ratio", pa.float64(), "n_han / n_chars, 0 to 1"),
    ("digit_ratio", pa.float64(), "digits / n_chars, 0 to 1"),
    ("upper_ratio", pa.float64(), "capital letters / letters (those without case too), 0 to 1"),
    (
        "sentence_end_ratio",
        pa.float64(),
        "marks that end a sentence, a full stop in a number too, / n_chars, 0 to 1",
    ),
    ("punct_ratio", pa.float64(), "punctuation (Unicode P) / n_chars, 0 to 1"),
    ("symbol_ratio", pa.float64(), "what is no letter, digit, space or punctuation / n_chars, 0 to 1"),
    ("link_ratio", pa.float64(), "marks of links, ]( and :// and www., / n_tokens (may exceed 1)"),
    ("link_line_ratio", pa.float64(), "marks of links / n_lines (may exceed 1)"),
    ("n_sentences", pa.int64(), "sentences: pieces between .!? before white space, or 。！？ (OLMo 3)"),
    (
        "list_case_ratio",
        pa.float64(),
        "sentences of 12 words and more, most of which begin with a capital, / n_sentences, 0 to 1 "
        "(MADLAD-400's rule 2)",
    ),
    (
        "cursed_ratio",
        pa.float64(),
        "sentences with one of MADLAD-400's cursed strings / n_sentences, 0 to 1 (its rule 5)",
    ),
    (
        "questionable_ratio",
        pa.float64(),
        "sentences that rule 2 or rule 5 of MADLAD-400 questions / n_sentences, 0 to 1",
    ),
    (
        "plain_char_ratio",
        pa.float64(),
        "ASCII letters and digits, newlines and ?!,. / n_chars, 0 to 1 (NeMo Curator)",
    ),
    ("space_ratio", pa.float64(), "white space / n_chars, 0 to 1"),
    ("bracket_ratio", pa.float64(), "brackets ()[]{} and U+27E8, U+27E9 / n_chars, 0 to 1"),
    ("url_char_ratio", pa.float64(), "code points of http(s) addresses / n_chars, 0 to 1"),
    ("max_piece_chars", pa.int64(), "code points of the longest piece between white space"),
    ("mean_piece_chars", pa.float64(), "code points of the pieces between white space / pieces"),
    ("alpha_piece_ratio", pa.float64(), "pieces between white space with a letter / pieces, 0 to 1"),
    (
        "policy_paragraph_ratio",
        pa.float64(),
        "paragraphs (two newlines) that speak of cookies, terms of use or privacy / paragraphs, 0 to 1; 1 "
        "where the text says lorem ipsum (NeMo Curator)",
    ),
    (
        "lang",
        pa.string(),
        "language (ISO 639) of the text's beginning, see udfs/text/langid.py; null for a blank text",
    ),
    (
        "lang_score",
        pa.float64(),
        "0 to 1: fastText's score of lang; if lang_by is script, share of letters in its scripts",
    ),
    (
        "lang_by",
        pa.string(),
        "who named lang: model (fastText), script (letters of a short text), default (none, so en)",
    ),
]

SIGNALS: pa.Schema = pa.schema(
    [pa.field(name, kind, metadata={b"comment": about.encode()}) for name, kind, about in _COLUMNS]
)
"""One row a document: doc_id, then its measures; each field's `comment` gives meaning and unit."""
# Added after the first models of `trees` had been trained.
OF_PAGES = (
    "n_sentences",
    "list_case_ratio",
    "cursed_ratio",
    "questionable_ratio",
    "plain_char_ratio",
    "space_ratio",
    "bracket_ratio",
    "url_char_ratio",
    "max_piece_chars",
    "mean_piece_chars",
    "alpha_piece_ratio",
    "policy_paragraph_ratio",
)
MEASURES: pa.Schema = SIGNALS.remove(SIGNALS.get_field_index("doc_id"))
"""The columns that `measure` gives: SIGNALS without the key."""


@compiled
def _count_chars(points, flags, ends, paragraph):  # type: ignore[no-untyped-def]
    """Twelve counts a document, int64 of shape (documents, 12): letters and digits, Han, newlines, number
    signs, ellipses, lines of at least `paragraph` code points, letters, capitals, marks that end a sentence,
    punctuation, spaces, marks of links."""
    # one loop for all twelve: the flags of a code point are read from memory once
    rows = len(ends) - 1
    counts = np.zeros((rows, 12), np.int64)
    for row in range(rows):
        alnum, han, newlines, hashes, ellipses, long, dots = 0, 0, 0, 0, 0, 0, 0
        letters, capitals, stops, puncts, spaces, links = 0, 0, 0, 0, 0, 0
        first = ends[row]
        for i in range(ends[row], ends[row + 1]):
            f, c = flags[i], points[i]
            alnum += (f & np.uint32(ALPHA | DIGIT)) != 0
            han += (f & np.uint32(HAN)) != 0
            letters += (f & np.uint32(ALPHA)) != 0
            # a letter without case has both UPPER and LOWER and is no capital
            capitals += (f & np.uint32(ALPHA | UPPER | LOWER)) == np.uint32(ALPHA | UPPER)
            stops += (f & np.uint32(TERMINAL)) != 0
            puncts += (f & np.uint32(PUNCT)) != 0
            spaces += (f & np.uint32(SPACE)) != 0
            if c == 10:
                newlines += 1
                long += i - first >= paragraph
                first = i + 1
            # code points: 35 #, 46 full stop, 40 (, 93 ], 47 /, 58 :, 119 w
            hashes += c == 35
            ellipses += c == 0x2026
            # three dots are one ellipsis and six are two, as str.count counts without overlap
            dots = dots + 1 if c == 46 else 0
            if dots == 3:
                ellipses += 1
                dots = 0
            # a mark counts at its last character; the
            # bounds keep the search within its own document
            if c == 40 and i > ends[row]:  # ](
                links += points[i - 1] == 93
            elif c == 47 and i > ends[row] + 1:  # ://
                links += points[i - 1] == 47 and points[i - 2] == 58
            elif c == 46 and i > ends[row] + 2:  # www.
                links += points[i - 1] == 119 and points[i - 2] == 119 and points[i - 3] == 119
        # the last line, which no newline ends
        long += ends[row + 1] - first >= paragraph
        counts[row] = (
            alnum,
            han,
            newlines,
            hashes,
            ellipses,
            long,
            letters,
            capitals,
            stops,
            puncts,
            spaces,
            links,
        )
    return counts


def _ratio(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """part / whole; 0 where `whole` is 0, so that a text without words is null in no column."""
    return np.divide(part, whole, out=np.zeros(len(part), np.float64), where=whole != 0)


def measure_chars(chars: Chars, tokens: words.Words) -> dict[str, Any]:
    """All measures but the language of a slice of documents: column of SIGNALS -> one value a document.

    `tokens` are words and punctuation of the same slice. They may come from another tokenizer:
    benchmarks/rule_parity.py passes those of spaCy and jieba.
    """
    # tuples in the order in which each kernel counts,
    # unpacked by name at once: no number of a column below
    n_chars = np.diff(chars.ends)
    counted = _count_chars(chars.points, chars.flags, chars.ends, lines.LONG_PARAGRAPH_CHARS).T
    alnum, han, newlines, hashes, ellipses, long, letters, capitals, stops, puncts, spaces, links = counted
    n_tokens, n_words, word_chars, n_alpha, stops_en, stops_zh = words.count_words(tokens).T
    all_lines = lines.split(chars, lines.ANY_BREAK)
    n_lines, longest, bullets, ellipsis_ends = lines.line_shapes(chars, all_lines).T
    runs = repetition.count_runs(tokens, chars.powers).T

    def duplicates(spans: lines.Spans) -> npt.NDArray[np.int64]:
        return repetition.count_duplicates(
            spans.starts, spans.stops, spans.ends, chars.prefix, chars.powers
        ).T

    # Three more ways to cut lines: each rule counts on
    # the lines of the paper and code that it comes from.
    by_newlines, paragraphs, full = (
        lines.split(chars, how) for how in (lines.NEWLINES, lines.PARAGRAPHS, lines.NOT_BLANK)
    )
    dup_lines, dup_paragraphs, dup_full = duplicates(by_newlines), duplicates(paragraphs), duplicates(full)
    n_full, sentence_ends, short = lines.line_endings(chars, full).T
    # Where datatrove has the measure, the denominator is its own: marks per token may exceed 1.
    columns = {
        "n_chars": n_chars,
        "n_lines": n_lines,
        "n_words": n_words,
        "n_tokens": n_tokens,
        "n_han": han,
        "mean_word_chars": _ratio(word_chars, n_words),
        "hash_ratio": _ratio(hashes, n_tokens),
        "ellipsis_ratio": _ratio(ellipses, n_tokens),
        "bullet_line_ratio": _ratio(bullets, n_lines),
        "ellipsis_line_ratio": _ratio(ellipsis_ends, n_lines),
        "alpha_word_ratio": _ratio(n_alpha, n_tokens),
        "n_stop_words_en": stops_en,
        "n_stop_words_zh": stops_zh,
        "dup_line_ratio": _ratio(dup_lines[0], np.diff(by_newlines.ends)),
        "dup_line_char_ratio": _ratio(dup_lines[1], n_chars),
        "dup_para_ratio": _ratio(dup_paragraphs[0], np.diff(paragraphs.ends)),
        "dup_para_char_ratio": _ratio(dup_paragraphs[1], n_chars),
        "n_long_paragraphs": long,
        "line_punct_ratio": _ratio(sentence_ends, n_full),
        "short_line_ratio": _ratio(short, n_full),
        "char_dup_ratio": _ratio(dup_full[1], n_chars - newlines),
        "newline_ratio": _ratio(newlines, n_tokens),
        "mean_line_chars": _ratio(n_chars, n_lines),
        "max_line_chars": longest,
        "alnum_ratio": _ratio(alnum, n_chars),
        "han_ratio": _ratio(han, n_chars),
        "digit_ratio": _ratio(alnum - letters, n_chars),
        "upper_ratio": _ratio(capitals, letters),
        "sentence_end_ratio": _ratio(stops, n_chars),
        "punct_ratio": _ratio(puncts, n_chars),
        "symbol_ratio": _ratio(n_chars - alnum - puncts - spaces, n_chars),
        "link_ratio": _ratio(links, n_tokens),
        "link_line_ratio": _ratio(links, n_lines),
    }
    sizes = [f"top_{n}_gram_ratio" for n in repetition.TOP_N] + [
        f"dup_{n}_gram_ratio" for n in repetition.DUPLICATE_N
    ]
    columns |= {name: _ratio(count, n_chars) for name, count in zip(sizes, runs, strict=True)}
    copies, windows = repetition.count_windows(chars.prefix, chars.ends, chars.powers).T
    columns["rep_10_char_ratio"] = _ratio(copies, windows)
    reasons, c4_counts = lines.apply_c4_rules(chars, all_lines, tokens)
    names = [
        f"{name}{end}"
        for end in ("", "_any_end")
        for name in ("n_c4_sentences", "has_lorem_ipsum", "has_curly_bracket")
    ]
    columns |= dict(zip(names, c4_counts.T, strict=True))
    columns |= _page_measures(chars, n_chars, spaces)
    return columns | {"c4_dropped_lines": _dropped(chars, all_lines, reasons)}


def _page_measures(
    chars: Chars, n_chars: npt.NDArray[np.int64], spaces: npt.NDArray[np.int64]
) -> dict[str, Any]:
    """The measures of sentences and of the form of a page: MADLAD-400's and NeMo Curator's."""
    n_sentences, in_list_case, cursed, questionable = sentences.count_sentences(chars).T
    page = page_form.count_page(chars).T
    plain, brackets, in_urls, longest, pieces, alphabetic, n_paragraphs, policy = page
    return {
        "n_sentences": n_sentences,
        "list_case_ratio": _ratio(in_list_case, n_sentences),
        "cursed_ratio": _ratio(cursed, n_sentences),
        "questionable_ratio": _ratio(questionable, n_sentences),
        "plain_char_ratio": _ratio(plain, n_chars),
        "space_ratio": _ratio(spaces, n_chars),
        "bracket_ratio": _ratio(brackets, n_chars),
        "url_char_ratio": _ratio(in_urls, n_chars),
        "max_piece_chars": longest,
        "mean_piece_chars": _ratio(n_chars - spaces, pieces),
        "alpha_piece_ratio": _ratio(alphabetic, pieces),
        "policy_paragraph_ratio": _ratio(policy, n_paragraphs),
    }


def _dropped(chars: Chars, spans: lines.Spans, reasons: npt.NDArray[np.uint8]) -> pa.Array:
    """The dropped lines of each document as spans, from a line's first code point to that of the next line.

    Neighbouring lines with one reason are one span: 45,874 documents lose 4.8 million lines in 430,000
    spans. With a struct for each line measure_text took up to a quarter more time.
    """
    # a span begins where the reason changes, and at each document's first line
    begins = np.append(True, reasons[1:] != reasons[:-1])
    begins[spans.ends[:-1][spans.ends[:-1] < len(reasons)]] = True
    firsts = np.flatnonzero(begins[: len(reasons)])
    lasts = np.append(firsts[1:], len(reasons)) - 1
    at, lasts = firsts[reasons[firsts] > 0], lasts[reasons[firsts] > 0]
    row = np.searchsorted(spans.ends, at, side="right") - 1
    # the last line of a document ends with the document; all others end where the next line starts
    following = np.append(spans.starts, 0)[lasts + 1]
    stops = np.where(lasts + 1 == spans.ends[row + 1], chars.ends[row + 1], following) - chars.ends[row]
    # offsets count from the document's start, while the kernels count from the slice's
    structs = pa.StructArray.from_arrays(
        [
            pa.array(spans.starts[at] - chars.ends[row], pa.int32()),
            pa.array(stops, pa.int32()),
            pa.array(np.array(lines.DROP_REASONS, object)[reasons[at]], pa.string()),
        ],
        fields=list(_DROPPED.value_type),
    )
    offsets = np.searchsorted(at, spans.ends).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), structs, type=_DROPPED)


def measure_texts(texts: pa.Array | pa.ChunkedArray) -> dict[str, pa.Array]:
    """All measures but the language: column of SIGNALS -> Arrow array with one value a text.

    A null text is an empty one. Line ends are unified before anything is counted, and the spans of
    `c4_dropped_lines` are moved back to the code points of the text as it was passed.
    """
    data, offsets = text_buffers(line_ends.unify(texts))
    names = [name for name in SIGNALS.names if name not in ("doc_id", *LANGUAGE)]
    parts: dict[str, list[pa.Array]] = {name: [] for name in names}
    for first, last in slices(offsets, SLICE_BYTES):
        chars = read_chars(data, offsets[first : last + 1])
        for name, values in measure_chars(chars, words.find_words(chars)).items():
            parts[name].append(pa.array(values, SIGNALS.field(name).type))
    # concat_arrays of nothing has no type: an empty array of each column goes first
    empty = {name: pa.array([], SIGNALS.field(name).type) for name in names}
    columns = {name: pa.concat_arrays([empty[name], *arrays]) for name, arrays in parts.items()}
    return columns | {"c4_dropped_lines": line_ends.original_spans(texts, columns["c4_dropped_lines"])}


def measure(texts: pa.Array | pa.ChunkedArray, *, lid_model: str, lid_chars: int) -> pa.RecordBatch:
    """One row of MEASURES for each text, in their order.

        "A line.\\nA line."  ->  n_chars 15, n_lines 2, n_words 4, dup_line_ratio 0.5, lang en, ...

    A null or blank text has counts 0, ratios 0 and a null language. `lid_model` (a path) and `lid_chars`
    (code points): see `gristmill.udfs.text.langid.identify`.

    Raises FileNotFoundError when the language model is missing.
    """
    language = langid.identify(line_ends.unify(texts), lid_model=lid_model, lid_chars=lid_chars)
    columns = measure_texts(texts) | dict(zip(LANGUAGE, language, strict=True))
    return pa.record_batch([columns[name] for name in MEASURES.names], schema=MEASURES)
