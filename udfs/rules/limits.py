"""Every limit that a recipe may set: which measure it compares, on which side it fails, and what is then
wrong.

`min_x` fails below, `max_x` fails above; a value equal to its limit passes, as in datatrove. The order here
is the order in which datatrove's filters look, so the first failing rule of a preset is the reason that they
would give.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Limit:
    """A limit on one column of `signals`."""

    column: str
    fails_below: bool  # false: fails above
    reason: str  # what is wrong; in words in jobs/core/reasons.py
    source: str | None  # the paper that has the rule (None: ours)


def _limits() -> dict[str, Limit]:
    gopher = "Gopher (arXiv 2112.11446, A1.1)"
    repetition = "Gopher (arXiv 2112.11446, table A1)"
    fineweb = "FineWeb (arXiv 2406.17557, 3.6)"
    c4 = "C4 (jmlr.org/papers/v21/20-074)"
    found: dict[str, Limit] = {}

    def low(key: str, column: str, reason: str, source: str | None = None) -> None:
        found[f"min_{key}"] = Limit(column, True, reason, source)

    def high(key: str, column: str, reason: str, source: str | None = None) -> None:
        found[f"max_{key}"] = Limit(column, False, reason, source)

    high("dup_para_ratio", "dup_para_ratio", "duplicate_paragraphs", repetition)
    high("dup_para_char_ratio", "dup_para_char_ratio", "duplicate_paragraph_chars", repetition)
    high("dup_line_ratio", "dup_line_ratio", "duplicate_lines", repetition)
    high("dup_line_char_ratio", "dup_line_char_ratio", "duplicate_line_chars", repetition)
    for n in (2, 3, 4):
        high(f"top_{n}_gram_ratio", f"top_{n}_gram_ratio", f"top_ngram_{n}", repetition)
    for n in range(5, 11):
        high(f"dup_{n}_gram_ratio", f"dup_{n}_gram_ratio", f"duplicate_ngrams_{n}", repetition)
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
    high("lorem_ipsum", "has_lorem_ipsum", "lorem_ipsum", c4)
    high("curly_bracket", "has_curly_bracket", "curly_bracket", c4)
    low("c4_sentences", "n_c4_sentences", "too_few_sentences", c4)
    high("lorem_ipsum_any_end", "has_lorem_ipsum_any_end", "lorem_ipsum", c4)
    high("curly_bracket_any_end", "has_curly_bracket_any_end", "curly_bracket", c4)
    low("c4_sentences_any_end", "n_c4_sentences_any_end", "too_few_sentences", c4)
    low("long_paragraphs", "n_long_paragraphs", "too_few_long_paragraphs", "mC4 (arXiv 2010.11934)")
    low("line_punct_ratio", "line_punct_ratio", "too_few_sentence_ends", fineweb)
    high("short_line_ratio", "short_line_ratio", "too_many_short_lines", fineweb)
    high("char_dup_ratio", "char_dup_ratio", "duplicate_chars", fineweb)
    high("newline_ratio", "newline_ratio", "too_many_newlines", fineweb)
    low("chars", "n_chars", "too_short", "CCI4.0 (arXiv 2506.07463)")
    high("chars", "n_chars", "too_long", "CCI4.0 (arXiv 2506.07463)")
    low("mean_line_chars", "mean_line_chars", "lines_too_short", "CCI4.0 (arXiv 2506.07463)")
    high("mean_line_chars", "mean_line_chars", "lines_too_long", "code filters (arXiv 2211.15533)")
    high("line_chars", "max_line_chars", "line_too_long", "code filters (arXiv 2211.15533)")
    high("rep_10_char_ratio", "rep_10_char_ratio", "repeated_chars", "Data-Juicer (arXiv 2309.02033)")
    low("alnum_ratio", "alnum_ratio", "too_few_letters_and_digits", "code filters (arXiv 2211.15533)")
    low("han_ratio", "han_ratio", "too_few_han")
    low("lang_score", "lang_score", "uncertain_language", "FineWeb (arXiv 2406.17557)")
    return found


LIMITS: dict[str, Limit] = _limits()
"""Key of a limit in a recipe -> what it compares."""

REASONS: tuple[str, ...] = tuple(dict.fromkeys(limit.reason for limit in LIMITS.values()))
"""The closed list of reasons for which a rule leaves a document out."""


def failing(
    row: Mapping[str, Any], limits: Mapping[str, float | None]
) -> list[tuple[str, float, float, str]]:
    """What a row of `signals` fails: (reason, value, limit, key), in the order of `limits`. Null limits and
    null values pass.

    Raises KeyError for a limit that is not in LIMITS.
    """
    found = []
    for key, limit in limits.items():
        rule = LIMITS[key]
        value = row[rule.column]
        if limit is None or value is None:
            continue
        if value < limit if rule.fails_below else value > limit:
            found.append((rule.reason, value, limit, key))
    return found
