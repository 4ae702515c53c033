"""Measures of a synthetic sample: is it grounded in its source, in words of its own, and does it reason?

No model is needed but the one for languages. All comparisons are of folded text (`fold`).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from gristmill.udfs.arrow.batches import as_batch
from gristmill.udfs.samples.lexicons import PATTERNS, count
from gristmill.udfs.text.folding import FoldParams, fold_text
from gristmill.udfs.text.langid import identify

# a unit of length: a word, or one Han character
UNIT = re.compile(
    r"[\u3400-\u9fff\uf900-\ufaff]|[^\W\u3400-\u9fff\uf900-\ufaff]+(?:['’][^\W\u3400-\u9fff]+)?"
)
HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
# not within a word (v2) and not the decimals of another number
NUMBER = re.compile(r"(?<![A-Za-z0-9_.])\d[\d,]*(?:\.\d+)?")
# the number of a step or a list item, which the source need not have
ENUMERATION = re.compile(
    r"^[^\S\r\n]*(?:\(?\d{1,2}[.):、]|step \d+|第\s*\d+\s*步)", re.IGNORECASE | re.MULTILINE
)
# A word of a name. Bounded: in A-A-A-... a name begins
# at every letter, which else takes quadratic time.
_CAPITAL = r"[A-Z][\w’'-]{1,60}"
LATIN_NAME = re.compile(
    rf"\b{_CAPITAL}(?:\s+(?:of\s+|the\s+|de\s+|van\s+|von\s+)?{_CAPITAL})+|\b[A-Z]{{2,}}\b"
)
QUOTED_NAME = re.compile(r"《([^》]{1,40})》|「([^」]{1,20})」|“([^”]{1,20})”")
LATIN_RUN = re.compile(r"[A-Za-z][A-Za-z0-9_.+-]{2,}")
# Chinese scripts are not converted: a passage in the
# other script than the source does not count as copied.
FOLD = FoldParams(traditional_to_simplified=False)
COLUMNS = (
    ("sample_id", pa.string()),
    ("question_lang", pa.string()),
    ("cot_lang", pa.string()),
    ("is_same_language", pa.bool_()),
    ("question_units", pa.int64()),
    ("cot_units", pa.int64()),
    ("source_units", pa.int64()),
    ("cot_ratio", pa.float64()),
    ("n_numbers", pa.int64()),
    ("numbers_found_ratio", pa.float64()),
    ("n_names", pa.int64()),
    ("names_found_ratio", pa.float64()),
    ("copied_ratio", pa.float64()),
    ("repeated_ratio", pa.float64()),
    ("n_leaks", pa.int64()),
    ("n_verification", pa.int64()),
    ("n_backtracking", pa.int64()),
    ("n_subgoals", pa.int64()),
    ("n_backward", pa.int64()),
    ("n_exploration", pa.int64()),
    ("n_connectives", pa.int64()),
)
SCHEMA = pa.schema(COLUMNS)


@dataclass(frozen=True)
class MeasureParams:
    """Parameters of the measures.

    `n_copied`, `n_repeated`: units of an n-gram that counts as copied, as repeated; in Chinese one and a half
    times as many, see `grams`. `lid_model`, `lid_chars`: see `gristmill.udfs.text.langid.identify`.
    """

    n_copied: int
    n_repeated: int
    lid_model: str
    lid_chars: int


def fold(text: str) -> str:
    """The text in NFKC and lower case, with one space for each run of white space."""
    return fold_text(text, FOLD)


def units(text: str) -> list[str]:
    """Words of a text and single Han characters, folded.

    "The 水车 turns"  ->  the, 水, 车, turns
    """
    return UNIT.findall(fold(text))


def numbers(text: str) -> list[str]:
    """Numbers of a text without thousands separators and trailing zeros; no numbers of steps.

    "1. The town had 1,200 people, 3.50 times as many."  ->  "1200", "3.5"
    """
    # plain NFKC: a folded text has no line breaks, which mark the numbers of steps
    matches = (
        match.group().replace(",", "").rstrip(".")
        for match in NUMBER.finditer(unicodedata.normalize("NFKC", ENUMERATION.sub(" ", text)))
    )
    return [f"{float(each):.12g}" for each in matches if each]


def names(text: str) -> list[str]:
    """Names in a text, folded: runs of capitalised words and acronyms.

    In a text with Han: titles and terms in Chinese quotation marks, and Latin words.
    """
    # Chinese has no capitals: without a model only names in quotation marks can be recognised
    if HAN.search(text):
        quoted = ["".join(part for part in match.groups() if part) for match in QUOTED_NAME.finditer(text)]
        return [fold(each) for each in [*quoted, *LATIN_RUN.findall(text)]]
    return [fold(match.group()) for match in LATIN_NAME.finditer(text)]


def found_ratio(values: list[str], source: set[str] | str) -> float:
    """Share of `values` that are in `source`, 0 to 1; 1 when there are none.

    `source` is a set of values or a text; in a text a value may be any substring.
    """
    return sum(each in source for each in values) / len(values) if values else 1.0


def grams(words: list[str], n: int) -> list[tuple[str, ...]]:
    """All n-grams of the units, in order.

    A Han character is less than a word, so where more than half of the units are Han an n-gram has one and a
    half times as many.
    """
    size = (
        n + n // 2
        if 2 * sum(len(word) == 1 and HAN.match(word) is not None for word in words) > len(words)
        else n
    )
    return list(zip(*(words[i:] for i in range(size)), strict=False))


def copied_ratio(words: list[str], source: list[str], n: int) -> float:
    """Share of the n-grams of `words` that occur in `source`, 0 to 1; 0 when `words` has no n-gram."""
    own, source_grams = grams(words, n), set(grams(source, n))
    return sum(gram in source_grams for gram in own) / len(own) if own else 0.0


def repeated_ratio(words: list[str], n: int) -> float:
    """Share of the n-grams of `words` that occurred before, 0 to 1; 0 when there is none.

    one two three one two three, n 3  ->  1 of 4
    """
    counts = Counter(grams(words, n))
    total = sum(counts.values())
    return (total - len(counts)) / total if total else 0.0


def measure(
    sample_id: str,
    question: str,
    cot: str,
    source: str,
    lang: str | None,
    languages: tuple[str | None, str | None],
    params: MeasureParams,
) -> tuple[object, ...]:
    """One row of COLUMNS.

    `lang`: of the source (None: not known). `languages`: identified ones of question and chain. Lengths are
    counts of units.
    """
    cot_words, source_words, question_words = units(cot), units(source), units(question)
    cot_numbers, cot_names = numbers(cot), names(cot)
    # a question may mention its source too; all other
    # patterns are of reasoning, which is in the chain
    whole = f"{question}\n{cot}"
    counts = {name: count(name, whole if name == "n_leaks" else cot) for name in PATTERNS}
    # a blank text has no language, which does not count as another one
    is_cot_same = lang is None or languages[1] is None or languages[1] == lang
    return (
        sample_id,
        languages[0],
        languages[1],
        is_cot_same and (lang is None or languages[0] in (None, lang)),
        len(question_words),
        len(cot_words),
        len(source_words),
        round(len(cot_words) / len(source_words), 6) if source_words else 0.0,
        len(cot_numbers),
        round(found_ratio(cot_numbers, set(numbers(source))), 6),
        len(cot_names),
        round(found_ratio(cot_names, fold(source)), 6),
        round(copied_ratio(cot_words, source_words, params.n_copied), 6),
        round(repeated_ratio(cot_words, params.n_repeated), 6),
        counts["n_leaks"],
        counts["n_verification"],
        counts["n_backtracking"],
        counts["n_subgoals"],
        counts["n_backward"],
        counts["n_exploration"],
        counts["n_connectives"],
    )


def measure_batches(batches: Iterator[pa.RecordBatch], params: MeasureParams) -> Iterator[pa.RecordBatch]:
    """mapInArrow: sample_id, lang, question, cot, source_text -> SCHEMA, one row a sample."""
    for batch in batches:
        columns = {
            name: batch[name].to_pylist() for name in ("sample_id", "lang", "question", "cot", "source_text")
        }
        languages = [
            identify(batch[name], lid_model=params.lid_model, lid_chars=params.lid_chars)[0].to_pylist()
            for name in ("question", "cot")
        ]
        rows = [
            measure(sample, question, cot or "", source, lang, (ql, cl), params)
            for sample, lang, question, cot, source, ql, cl in zip(*columns.values(), *languages, strict=True)
        ]
        yield as_batch(rows, SCHEMA)
