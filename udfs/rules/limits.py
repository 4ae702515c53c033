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
    reason: str  # what is wrong
    about: str  # the rule, its paper, its unit


def _limits() -> dict[str, Limit]:
    gopher = "Gopher (arXiv 2112.11446, A1.1)"
    repetition = "Gopher (arXiv 2112.11446, table A1)"
    fineweb = "FineWeb (arXiv 2406.17557, 3.6)"
    c4 = "C4 (jmlr.org/papers/v21/20-074)"
    found: dict[str, Limit] = {}

    def low(key: str, column: str, reason: str, about: str) -> None:
        found[f"min_{key}"] = Limit(column, True, reason, about)

    def high(key: str, column: str, reason: str, about: str) -> None:
        found[f"max_{key}"] = Limit(column, False, reason, about)

    high(
        "dup_para_ratio",
        "dup_para_ratio",
        "duplicate_paragraphs",
        f"{repetition}: share of paragraphs seen before",
    )
    high(
        "dup_para_char_ratio",
        "dup_para_char_ratio",
        "duplicate_paragraph_chars",
        f"{repetition}: share of characters in them",
    )
    high("dup_line_ratio", "dup_line_ratio", "duplicate_lines", f"{repetition}: share of lines seen before")
    high(
        "dup_line_char_ratio",
        "dup_line_char_ratio",
        "duplicate_line_chars",
        f"{repetition}: share of characters in them",
    )
    for n in (2, 3, 4):
        high(
            f"top_{n}_gram_ratio",
            f"top_{n}_gram_ratio",
            f"top_ngram_{n}",
            f"{repetition}: share of characters in the commonest {n}-gram",
        )
    for n in range(5, 11):
        high(
            f"dup_{n}_gram_ratio",
            f"dup_{n}_gram_ratio",
            f"duplicate_ngrams_{n}",
            f"{repetition}: share of characters in repeated {n}-grams",
        )
    low("words", "n_words", "too_few_words", f"{gopher}: words")
    high("words", "n_words", "too_many_words", f"{gopher}: words")
    low("mean_word_chars", "mean_word_chars", "mean_word_too_short", f"{gopher}: characters a word")
    high("mean_word_chars", "mean_word_chars", "mean_word_too_long", f"{gopher}: characters a word")
    high("hash_ratio", "hash_ratio", "too_many_symbols", f"{gopher}: number signs a token")
    high("ellipsis_ratio", "ellipsis_ratio", "too_many_ellipses", f"{gopher}: ellipses a token")
    high(
        "bullet_line_ratio",
        "bullet_line_ratio",
        "too_many_bullets",
        f"{gopher}: share of lines that begin with a bullet",
    )
    high(
        "ellipsis_line_ratio",
        "ellipsis_line_ratio",
        "too_many_ellipsis_lines",
        f"{gopher}: share of lines that end with an ellipsis",
    )
    low(
        "alpha_word_ratio",
        "alpha_word_ratio",
        "too_few_alphabetic_words",
        f"{gopher}: share of tokens with a letter",
    )
    low(
        "stop_words_en",
        "n_stop_words_en",
        "too_few_stop_words",
        f"{gopher}: different English stop words out of 8",
    )
    low(
        "stop_words_zh",
        "n_stop_words_zh",
        "too_few_stop_words",
        "FineWeb-2 cmn_Hani (arXiv 2506.20920): different Chinese stop words out of 22",
    )
    high("lorem_ipsum", "has_lorem_ipsum", "lorem_ipsum", f"{c4}: 1 where a line says lorem ipsum")
    high("curly_bracket", "has_curly_bracket", "curly_bracket", f"{c4}: 1 where a line has a curly bracket")
    low("c4_sentences", "n_c4_sentences", "too_few_sentences", f"{c4}: sentences on the lines that stay")
    high(
        "lorem_ipsum_any_end",
        "has_lorem_ipsum_any_end",
        "lorem_ipsum",
        f"{c4}, lines may end anyhow: 1 where a line says lorem ipsum",
    )
    high(
        "curly_bracket_any_end",
        "has_curly_bracket_any_end",
        "curly_bracket",
        f"{c4}, lines may end anyhow: 1 where a line has a curly bracket",
    )
    low(
        "c4_sentences_any_end",
        "n_c4_sentences_any_end",
        "too_few_sentences",
        f"{c4}, lines may end anyhow: sentences on the lines that stay",
    )
    low(
        "long_paragraphs",
        "n_long_paragraphs",
        "too_few_long_paragraphs",
        "mC4 (arXiv 2010.11934): lines of at least 200 characters",
    )
    low(
        "line_punct_ratio",
        "line_punct_ratio",
        "too_few_sentence_ends",
        f"{fineweb}: share of lines that end a sentence",
    )
    high(
        "short_line_ratio",
        "short_line_ratio",
        "too_many_short_lines",
        f"{fineweb}: share of lines of at most 30 characters",
    )
    high(
        "char_dup_ratio",
        "char_dup_ratio",
        "duplicate_chars",
        f"{fineweb}: share of characters in lines seen before",
    )
    high("newline_ratio", "newline_ratio", "too_many_newlines", f"{fineweb}: newlines a token")
    low("chars", "n_chars", "too_short", "CCI4.0 (arXiv 2506.07463): characters")
    high("chars", "n_chars", "too_long", "CCI4.0 (arXiv 2506.07463): characters")
    low(
        "mean_line_chars",
        "mean_line_chars",
        "lines_too_short",
        "CCI4.0 (arXiv 2506.07463): characters a line",
    )
    high(
        "mean_line_chars",
        "mean_line_chars",
        "lines_too_long",
        "code filters (arXiv 2211.15533): characters a line",
    )
    high(
        "line_chars",
        "max_line_chars",
        "line_too_long",
        "code filters (arXiv 2211.15533): characters of the longest line",
    )
    high(
        "rep_10_char_ratio",
        "rep_10_char_ratio",
        "repeated_chars",
        "Data-Juicer (arXiv 2309.02033): share of windows of 10 characters that copy another",
    )
    low(
        "alnum_ratio",
        "alnum_ratio",
        "too_few_letters_and_digits",
        "code filters (arXiv 2211.15533): share of letters and digits",
    )
    low("han_ratio", "han_ratio", "too_few_han", "share of Han characters")
    low(
        "lang_score",
        "lang_score",
        "uncertain_language",
        "FineWeb (arXiv 2406.17557): score of the language, 0 to 1",
    )
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
