"""Measures of a synthetic sample that need no model but the one for languages: is it grounded, is it its
own words, is it reasoning?"""

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

# a word, or one Han character
UNIT = re.compile(
    r"[\u3400-\u9fff\uf900-\ufaff]|[^\W\u3400-\u9fff\uf900-\ufaff]+(?:['’][^\W\u3400-\u9fff]+)?"
)
HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
NUMBER = re.compile(r"(?<![A-Za-z0-9_.])\d[\d,]*(?:\.\d+)?")
ENUMERATION = re.compile(
    r"^[^\S\r\n]*(?:\(?\d{1,2}[.):、]|step \d+|第\s*\d+\s*步)", re.IGNORECASE | re.MULTILINE
)
# a word of a name; bounded, as A-A-A-... begins one at every letter
_CAPITAL = r"[A-Z][\w’'-]{1,60}"
LATIN_NAME = re.compile(
    rf"\b{_CAPITAL}(?:\s+(?:of\s+|the\s+|de\s+|van\s+|von\s+)?{_CAPITAL})+|\b[A-Z]{{2,}}\b"
)
QUOTED_NAME = re.compile(r"《([^》]{1,40})》|「([^」]{1,20})」|“([^”]{1,20})”")
LATIN_RUN = re.compile(r"[A-Za-z][A-Za-z0-9_.+-]{2,}")
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
    """n_copied, n_repeated: units in a run that counts as copied, as repeated (characters of Chinese
    count three to two)."""

    n_copied: int
    n_repeated: int
    lid_model: str
    lid_chars: int


def fold(text: str) -> str:
    """NFKC, case and runs of white space folded."""
    return fold_text(text, FOLD)


def units(text: str) -> list[str]:
    """Words of a text, and single Han characters."""
    return UNIT.findall(fold(text))


def numbers(text: str) -> list[str]:
    """Numbers as written, thousands separators and closing zeros aside; those that only count steps are
    not among them."""
    found = (
        match.group().replace(",", "").rstrip(".")
        for match in NUMBER.finditer(unicodedata.normalize("NFKC", ENUMERATION.sub(" ", text)))
    )
    return [f"{float(each):.12g}" for each in found if each]


def names(text: str) -> list[str]:
    """Names: runs of capitalised words and acronyms; what stands in Chinese quotation marks; Latin words
    in Chinese text."""
    if HAN.search(text):
        quoted = ["".join(part for part in match.groups() if part) for match in QUOTED_NAME.finditer(text)]
        return [fold(each) for each in [*quoted, *LATIN_RUN.findall(text)]]
    return [fold(match.group()) for match in LATIN_NAME.finditer(text)]


def share_found(wanted: list[str], there: set[str] | str) -> float:
    """Share of `wanted` that is in `there`; 1 when nothing is wanted."""
    return sum(each in there for each in wanted) / len(wanted) if wanted else 1.0


def grams(words: list[str], n: int) -> list[tuple[str, ...]]:
    """Runs of n units; a Han character is less than a word, so where half of the units are Han a run is
    one and a half times as long."""
    size = (
        n + n // 2
        if 2 * sum(len(word) == 1 and HAN.match(word) is not None for word in words) > len(words)
        else n
    )
    return list(zip(*(words[i:] for i in range(size)), strict=False))


def copied_ratio(words: list[str], source: list[str], n: int) -> float:
    """Share of the runs of `words` that stand in `source`; 0 when there is none."""
    mine, theirs = grams(words, n), set(grams(source, n))
    return sum(run in theirs for run in mine) / len(mine) if mine else 0.0


def repeated_ratio(words: list[str], n: int) -> float:
    """Share of the runs of `words` that came before; 0 when there is none."""
    runs = Counter(grams(words, n))
    total = sum(runs.values())
    return (total - len(runs)) / total if total else 0.0


def measure(
    sample_id: str,
    question: str,
    cot: str,
    source: str,
    lang: str | None,
    found: tuple[str | None, str | None],
    params: MeasureParams,
) -> tuple[object, ...]:
    """A row of COLUMNS. `found`: measured languages of question and chain."""
    words, theirs, asked = units(cot), units(source), units(question)
    wanted, called = numbers(cot), names(cot)
    said = f"{question}\n{cot}"
    counts = {name: count(name, said if name == "n_leaks" else cot) for name in PATTERNS}
    has_language = lang is None or found[1] is None or found[1] == lang
    return (
        sample_id,
        found[0],
        found[1],
        has_language and (lang is None or found[0] in (None, lang)),
        len(asked),
        len(words),
        len(theirs),
        round(len(words) / len(theirs), 6) if theirs else 0.0,
        len(wanted),
        round(share_found(wanted, set(numbers(source))), 6),
        len(called),
        round(share_found(called, fold(source)), 6),
        round(copied_ratio(words, theirs, params.n_copied), 6),
        round(repeated_ratio(words, params.n_repeated), 6),
        counts["n_leaks"],
        counts["n_verification"],
        counts["n_backtracking"],
        counts["n_subgoals"],
        counts["n_backward"],
        counts["n_exploration"],
        counts["n_connectives"],
    )


def measure_batches(batches: Iterator[pa.RecordBatch], params: MeasureParams) -> Iterator[pa.RecordBatch]:
    """mapInArrow: sample_id, lang, question, cot, source_text -> SCHEMA."""
    for batch in batches:
        columns = {
            name: batch[name].to_pylist() for name in ("sample_id", "lang", "question", "cot", "source_text")
        }
        spoken = [
            identify(batch[name], lid_model=params.lid_model, lid_chars=params.lid_chars)[0].to_pylist()
            for name in ("question", "cot")
        ]
        rows = [
            measure(sample, question, cot or "", source, lang, (ql, cl), params)
            for sample, lang, question, cot, source, ql, cl in zip(*columns.values(), *spoken, strict=True)
        ]
        yield as_batch(rows, SCHEMA)
