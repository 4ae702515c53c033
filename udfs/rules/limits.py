"""Every limit that a recipe may set: the measure it compares, the side on which it fails, and the reason.

`min_x` fails below its threshold, `max_x` above; a value equal to the threshold passes, as in datatrove.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Limit:
    """A limit on one column of `signals`."""

    column: str
    fails_below: bool  # false: fails above
    reason: str  # a code; jobs/core/reasons.py has its sentence
    source: str | None  # the paper that has the rule (None: ours)


def _limits() -> dict[str, Limit]:
    gopher = "Gopher (arXiv 2112.11446, A1.1)"
    repetition = "Gopher (arXiv 2112.11446, table A1)"
    fineweb = "FineWeb (arXiv 2406.17557, 3.6)"
    c4 = "C4 (jmlr.org/papers/v21/20-074)"
    limits: dict[str, Limit] = {}

    def low(key: str, column: str, reason: str, source: str | None = None) -> None:
        limits[f"min_{key}"] = Limit(column, True, reason, source)

    def high(key: str, column: str, reason: str, source: str | None = None) -> None:
        limits[f"max_{key}"] = Limit(column, False, reason, source)

    # In the order of datatrove's filters, and within one of its checks: the
    # first failed limit of a preset is then the reason that datatrove gives,
    # and the two can be compared document by document. Repetition: paragraphs
    # before lines, counts before characters, short n-grams before long ones.
    high("dup_para_ratio", "dup_para_ratio", "duplicate_paragraphs", repetition)
    high("dup_para_char_ratio", "dup_para_char_ratio", "duplicate_paragraph_chars", repetition)
    high("dup_line_ratio", "dup_line_ratio", "duplicate_lines", repetition)
    high("dup_line_char_ratio", "dup_line_char_ratio", "duplicate_line_chars", repetition)
    for n in (2, 3, 4):
        high(f"top_{n}_gram_ratio", f"top_{n}_gram_ratio", f"top_ngram_{n}", repetition)
    for n in range(5, 11):
        high(f"dup_{n}_gram_ratio", f"dup_{n}_gram_ratio", f"duplicate_ngrams_{n}", repetition)
    # Quality. Words and punctuation tokens are the unit:
    # datatrove counts on spaCy's and jieba's tokens.
    low("words", "n_words", "too_few_words", gopher)
    high("words", "n_words", "too_many_words", gopher)
    low("mean_word_chars", "mean_word_chars", "mean_word_too_short", gopher)
    high("mean_word_chars", "mean_word_chars", "mean_word_too_long", gopher)
    high("hash_ratio", "hash_ratio", "too_many_symbols", gopher)
    high("ellipsis_ratio", "ellipsis_ratio", "too_many_ellipses", gopher)
    high("bullet_line_ratio", "bullet_line_ratio", "too_many_bullets", gopher)
    high("ellipsis_line_ratio", "ellipsis_line_ratio", "too_many_ellipsis_lines", gopher)
    low("alpha_word_ratio", "alpha_word_ratio", "too_few_alphabetic_words", gopher)
    low("stop_words_en", "n_stop_words_en", "too_few_stop_words", gopher)
    low("stop_words_zh", "n_stop_words_zh", "too_few_stop_words", "FineWeb-2 cmn_Hani (arXiv 2506.20920)")
    # C4, twice: as the paper has it, and as FineWeb uses
    # it, without the rule that a line must end a sentence.
    high("lorem_ipsum", "has_lorem_ipsum", "lorem_ipsum", c4)
    high("curly_bracket", "has_curly_bracket", "curly_bracket", c4)
    low("c4_sentences", "n_c4_sentences", "too_few_sentences", c4)
    high("lorem_ipsum_any_end", "has_lorem_ipsum_any_end", "lorem_ipsum", c4)
    high("curly_bracket_any_end", "has_curly_bracket_any_end", "curly_bracket", c4)
    low("c4_sentences_any_end", "n_c4_sentences_any_end", "too_few_sentences", c4)
    low("long_paragraphs", "n_long_paragraphs", "too_few_long_paragraphs", "mC4 (arXiv 2010.11934)")
    # FineWeb's own filters, on lines that are not blank
    low("line_punct_ratio", "line_punct_ratio", "too_few_sentence_ends", fineweb)
    high("short_line_ratio", "short_line_ratio", "too_many_short_lines", fineweb)
    high("char_dup_ratio", "char_dup_ratio", "duplicate_chars", fineweb)
    high("newline_ratio", "newline_ratio", "too_many_newlines", fineweb)
    # Length and form: none of the four datatrove filters above has these, so their order is ours.
    low("chars", "n_chars", "too_short", "CCI4.0 (arXiv 2506.07463)")
    high("chars", "n_chars", "too_long", "CCI4.0 (arXiv 2506.07463)")
    low("mean_line_chars", "mean_line_chars", "lines_too_short", "CCI4.0 (arXiv 2506.07463)")
    high("mean_line_chars", "mean_line_chars", "lines_too_long", "code filters (arXiv 2211.15533)")
    high("line_chars", "max_line_chars", "line_too_long", "code filters (arXiv 2211.15533)")
    high("rep_10_char_ratio", "rep_10_char_ratio", "repeated_chars", "Data-Juicer (arXiv 2309.02033)")
    low("alnum_ratio", "alnum_ratio", "too_few_letters_and_digits", "code filters (arXiv 2211.15533)")
    low("han_ratio", "han_ratio", "too_few_han")
    # MADLAD-400, as OLMo 3 uses it: shares of sentences
    madlad = "MADLAD-400 (arXiv 2309.04662), as OLMo 3 applies it"
    low("sentences", "n_sentences", "too_few_sentences", madlad)
    high("list_case_ratio", "list_case_ratio", "sentences_in_list_case", madlad)
    high("cursed_ratio", "cursed_ratio", "cursed_sentences", madlad)
    high("questionable_ratio", "questionable_ratio", "questionable_sentences", madlad)
    # NeMo Curator's heuristics, in the order of its English pipeline
    curator = "NeMo Curator's English heuristics, as Nemotron-CC uses them (arXiv 2412.02595)"
    low("plain_char_ratio", "plain_char_ratio", "too_few_plain_chars", curator)
    high("digit_ratio", "digit_ratio", "too_many_digits", curator)
    high("url_char_ratio", "url_char_ratio", "mostly_addresses", curator)
    high("space_ratio", "space_ratio", "too_much_white_space", curator)
    high("bracket_ratio", "bracket_ratio", "too_many_brackets", curator)
    high("policy_paragraph_ratio", "policy_paragraph_ratio", "policy_paragraphs", curator)
    low("alpha_piece_ratio", "alpha_piece_ratio", "too_few_alphabetic_words", curator)
    low("mean_piece_chars", "mean_piece_chars", "mean_word_too_short", curator)
    high("mean_piece_chars", "mean_piece_chars", "mean_word_too_long", curator)
    high("piece_chars", "max_piece_chars", "word_too_long", curator)
    low("lang_score", "lang_score", "uncertain_language", "FineWeb (arXiv 2406.17557)")
    return limits


LIMITS: dict[str, Limit] = _limits()
"""Key of a limit in a recipe -> the limit."""

REASONS: tuple[str, ...] = tuple(dict.fromkeys(limit.reason for limit in LIMITS.values()))
"""The closed list of reasons for which a rule rejects a document."""


def failed_limits(
    row: Mapping[str, Any], limits: Mapping[str, float | None]
) -> list[tuple[str, float, float, str]]:
    """(reason, value, threshold, key) of each limit that a row of `signals` fails, in the order of `limits`.

        {"n_words": 49}, {"min_words": 50}  ->  [("too_few_words", 49, 50, "min_words")]

    The reference implementation of `apply_limits`. Null thresholds and null values pass. Raises KeyError for
    a key that is not in LIMITS.
    """
    failures = []
    for key, limit in limits.items():
        rule = LIMITS[key]
        value = row[rule.column]
        if limit is None or value is None:
            continue
        if value < limit if rule.fails_below else value > limit:
            failures.append((rule.reason, value, limit, key))
    return failures
