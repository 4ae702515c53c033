"""The rules compared with datatrove's filters: the same documents, the same thresholds; decisions and reasons are compared.

    python -m benchmarks.rule_parity --docs FILE [--n 3000] [--n-zh 1000] [--offset 0] [--show 5]
    python -m benchmarks.rule_parity --docs FILE --n-zh 0 --dclm DIR --datamap PROGRAM --cursed FILE --curator DIR

`--docs`: Parquet with `text` and `lang_hint` or `lang` (en, zh; other rows are ignored), such as a corpus dump. Two runs
over each language: (a) with the tokens of datatrove's tokenizer, so that only the rules are compared, (b) with the words
of udfs/text/words.py. Needs datatrove, spaCy and jieba (the `dev` extra). The last line is one JSON object; `agreement` there is
(b)'s share of documents with the same decision, by preset. With --dclm, --datamap or --curator the English documents are compared
with these peers instead (benchmarks/rule_parity_peers.py): lines with DCLM's modifiers, sentences with OLMo 3's, pages with NeMo Curator's.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from gristmill.udfs.arrow.compiled import text_buffers
from gristmill.udfs.rules import measures
from gristmill.udfs.rules.limits import LIMITS, failed_limits
from gristmill.udfs.text import langid, line_ends, words
from gristmill.udfs.text.chars import read_chars

PRESETS = Path(__file__).parent.parent / "conf" / "presets"
QUALITY = ("words", "mean_word_chars", "hash_ratio", "ellipsis_ratio", "bullet_line_ratio", "ellipsis_line_ratio", "alpha_word_ratio", "stop_words")
FINEWEB = ("line_punct_ratio", "short_line_ratio", "char_dup_ratio", "newline_ratio")
LINE_BY_LINE = ("lorem_ipsum", "curly_bracket")
REASONS = {  # theirs -> ours
    "gopher_short_doc": "too_few_words",
    "gopher_long_doc": "too_many_words",
    "gopher_below_avg_threshold": "mean_word_too_short",
    "gopher_above_avg_threshold": "mean_word_too_long",
    "gopher_too_many_hashes": "too_many_symbols",
    "gopher_too_many_ellipsis": "too_many_ellipses",
    "gopher_too_many_bullets": "too_many_bullets",
    "gopher_too_many_end_ellipsis": "too_many_ellipsis_lines",
    "gopher_below_alpha_threshold": "too_few_alphabetic_words",
    "gopher_enough_stop_words": "too_few_stop_words",
    "dup_para_frac": "duplicate_paragraphs",
    "dup_para_char_frac": "duplicate_paragraph_chars",
    "dup_line_frac": "duplicate_lines",
    "dup_line_char_frac": "duplicate_line_chars",
    **{f"top_{n}_gram": f"top_ngram_{n}" for n in (2, 3, 4)},
    **{f"duplicated_{n}_n_grams": f"duplicate_ngrams_{n}" for n in range(5, 11)},
    "lorem_ipsum": "lorem_ipsum",
    "curly_bracket": "curly_bracket",
    "too_few_sentences": "too_few_sentences",
    "< 3 paragraphs": "too_few_long_paragraphs",
    "line_punct_ratio": "too_few_sentence_ends",
    "short_line_ratio": "too_many_short_lines",
    "char_dup_ratio": "duplicate_chars",
    "list_ratio": "too_many_newlines",
    "empty": "too_few_sentence_ends",  # FineWeb's name for a text without lines, whose ratio is 0 here
}  # fmt: skip
Filter = Callable[[str], str | None]


def limits_of(preset: str, *keys: str) -> dict[str, float | None]:
    """The limits of a preset whose key holds one of `keys` (all without any)."""
    limits: dict[str, float | None] = yaml.safe_load((PRESETS / f"{preset}.yaml").read_text("utf-8"))["limits"]
    return {key: limit for key, limit in limits.items() if "lang_score" not in key and (not keys or any(key[4:].startswith(k) for k in keys))}


def their_filters(language: str) -> dict[str, tuple[Any, dict[str, float | None]]]:
    """Datatrove's filter objects and our limits for the same rules, by name."""
    from datatrove.pipeline.filters import (
        C4ParagraphFilter,
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )

    if language == "en":
        repetition = {key: limit for key, limit in limits_of("gopher").items() if "_ratio" in key and key[4:7] in ("dup", "top")}
        return {
            "gopher_quality": (GopherQualityFilter(), limits_of("gopher", *QUALITY)),
            "gopher_repetition": (GopherRepetitionFilter(), repetition),
            "c4": (C4QualityFilter(), limits_of("c4")),
            "fineweb": (FineWebQualityFilter(), limits_of("fineweb", *FINEWEB)),
            "c4_as_fineweb_uses_it": (C4QualityFilter(filter_no_terminal_punct=False), limits_of("fineweb", "lorem_ipsum", "curly_bracket", "c4_sentences")),
            "mc4_paragraphs": (C4ParagraphFilter(), {"min_long_paragraphs": 3}),
        }
    zh = limits_of("fineweb2_zh")
    repetition = {key: limit for key, limit in zh.items() if key[4:7] in ("dup", "top")}
    return {
        "fineweb2_zh": (
            [
                GopherRepetitionFilter(
                    dup_line_frac=zh["max_dup_line_ratio"], dup_para_frac=0, dup_line_char_frac=0, dup_para_char_frac=0, language="cmn_Hani",
                    top_n_grams=tuple((n, zh[f"max_top_{n}_gram_ratio"]) for n in (2, 3, 4)),
                    dup_n_grams=tuple((n, zh[f"max_dup_{n}_gram_ratio"]) for n in range(5, 11)),
                ),
                GopherQualityFilter(
                    min_avg_word_length=1, max_avg_word_length=5, max_non_alpha_words_ratio=zh["min_alpha_word_ratio"],
                    stop_words=list(words.STOP_WORDS_ZH), language="cmn_Hani",
                ),
                FineWebQualityFilter(
                    line_punct_thr=zh["min_line_punct_ratio"], short_line_thr=999, char_duplicates_ratio=zh["max_char_dup_ratio"],
                    new_line_ratio=zh["max_newline_ratio"], language="cmn_Hani",
                ),
            ],
            zh,
        )
    }  # fmt: skip


def ask(filters: Any, text: str) -> str | None:
    """Their reason for leaving the text out, in our words; None: it stays."""
    from datatrove.data import Document

    for one in filters if isinstance(filters, list) else [filters]:
        try:
            verdict = one.filter(Document(text=text, id="0"))
        except ZeroDivisionError:  # theirs divides by the words of a text that has none
            return "error"
        if isinstance(verdict, tuple):
            return REASONS[verdict[1]]
    return None


def placed_words(text: str, found: list[str]) -> tuple[list[int], list[int]]:
    """Where another tokenizer's words stand in the text."""
    starts, stops, at = [], [], 0
    for word in found:
        at = text.index(word, at)
        starts.append(at)
        at += len(word)
        stops.append(at)
    return starts, stops


def rows_of(columns: dict[str, Any]) -> list[dict[str, Any]]:
    """The same measures, a dict a document."""
    names = [name for name in columns if name != "c4_dropped_lines"]
    lists = [np.asarray(columns[name]).tolist() for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*lists, strict=True)]


def measures_from_words(texts: list[str], found: list[list[str]]) -> list[dict[str, Any]]:
    """The measures of texts with the words that another tokenizer found in them."""
    rows = []
    for text, its_words in zip(line_ends.unify(pa.array(texts)).to_pylist(), found, strict=True):
        chars = read_chars(*text_buffers(pa.array([text])))
        starts, stops = placed_words(text, its_words)
        ends = np.array([0, len(starts)], np.int64)
        mine = words.as_words(chars, np.array(starts, np.int64), np.array(stops, np.int64), ends)
        rows += rows_of(measures.measure_chars(chars, mine))
    return rows


def first_reason(row: dict[str, Any], limits: dict[str, float | None], wanted: str | None) -> str | None:
    """Our first reason; of two that datatrove checks line by line, so that the text decides which comes first, theirs if we have both."""
    found = [reason for reason, *_ in failed_limits(row, limits)]
    if wanted in LINE_BY_LINE and wanted in found and found[0] in LINE_BY_LINE:
        return wanted
    return found[0] if found else None


def compare(theirs: list[str | None], rows: list[dict[str, Any]], limits: dict[str, float | None]) -> dict[str, Any]:
    """Agreement of decisions and of first reasons, and precision and recall of each reason that fires."""
    ours = [first_reason(row, limits, wanted) for row, wanted in zip(rows, theirs, strict=True)]
    wrong = [i for i, (a, b) in enumerate(zip(theirs, ours, strict=True)) if a != b]
    tallies: dict[str, Counter[str]] = {}
    for a, b in zip(theirs, ours, strict=True):
        for reason in {a, b} - {None}:
            tallies.setdefault(str(reason), Counter())["both" if a == b else ("theirs" if reason == a else "ours")] += 1
    return {
        "decision": sum((a is None) == (b is None) for a, b in zip(theirs, ours, strict=True)) / len(theirs),
        "reason": 1 - len(wrong) / len(theirs),
        "left_out": sum(a is not None for a in theirs) / len(theirs),
        "f1": {
            reason: [round(2 * n["both"] / (2 * n["both"] + n["theirs"] + n["ours"]), 4), n["both"] + n["theirs"]]
            for reason, n in sorted(tallies.items())
        },
        "wrong": [(i, theirs[i], ours[i]) for i in wrong],
    }


def sample(path: str, language: str, n: int, offset: int = 0) -> list[str]:
    """`n` texts of a language as the file states it, evenly from the whole file."""
    table = pq.read_table(path)
    column = table["lang_hint"] if "lang_hint" in table.column_names else table["lang"]
    texts = table["text"].filter(pc.equal(column, language))
    step = max(1, len(texts) // max(n, 1))
    texts = texts.take(pa.array(range(min(offset, step - 1), len(texts), step)[:n], pa.int64()))
    return [text for text in texts.to_pylist() if text]


def run(texts: list[str], language: str, show: int) -> dict[str, Any]:
    """Both comparisons over one language."""
    from datatrove.utils.text import split_into_words
    from datatrove.utils.word_tokenizers import load_word_tokenizer

    filters = their_filters(language)
    code = "eng" if language == "en" else "cmn_Hani"
    load_word_tokenizer(code).word_tokenize("warm up")
    column = pa.array(texts)
    measures.measure_texts(column)
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    started = time.process_time()
    own = rows_of(measures.measure_texts(column))
    seconds = {"ours": time.process_time() - started}
    started = time.process_time()
    langid.identify(column, lid_model=langid.PACKAGE, lid_chars=2000)
    seconds["ours, language"] = time.process_time() - started
    started = time.process_time()
    theirs: dict[str, list[str | None]] = {name: [] for name in filters}
    found = []
    for text in texts:  # a document at a time, so that their cache serves all filters with one run of the tokenizer
        for name, (objects, _) in filters.items():
            theirs[name].append(ask(objects, text))
        found.append(split_into_words(text, code))
    seconds["theirs"] = time.process_time() - started
    fed = measures_from_words(texts, found)
    result: dict[str, Any] = {"documents": len(texts), "megabytes": round(megabytes, 2), "speed": {}, "presets": {}}
    for who, took in seconds.items():
        result["speed"][who] = {"documents_per_second": round(len(texts) / took), "megabytes_per_second": round(megabytes / took, 2)}
    for name, (_, limits) in filters.items():
        result["presets"][name] = {"a": compare(theirs[name], fed, limits), "b": compare(theirs[name], own, limits)}
        for kind in ("a", "b"):
            wrong = result["presets"][name][kind].pop("wrong")
            result["presets"][name][kind]["n_wrong"] = len(wrong)
            for i, a, b in wrong[:show]:
                print(f"{name} ({kind}) document {i}: theirs {a}, ours {b}")
                for key, limit in limits.items():
                    if limit is not None and LIMITS[key].reason in (a, b):
                        print(f"    {LIMITS[key].column}: with their words {fed[i][LIMITS[key].column]}, with ours {own[i][LIMITS[key].column]}, {limit}")
    return result


def compare_peers(asked: argparse.Namespace) -> dict[str, Any]:
    """By preset the agreement with the peers that are named; differing documents are printed."""
    from benchmarks import rule_parity_peers as peers

    texts, found = sample(asked.docs, "en", asked.n, asked.offset), {}
    if asked.dclm:
        found["lines_dclm"] = peers.compare_lines(texts, asked.dclm)
    if asked.datamap:
        found["madlad_olmo3"] = peers.compare_sentences(texts, asked.datamap, asked.cursed)
    if asked.curator:
        found["nemotron_cc"] = peers.compare_pages(texts, asked.curator)
    for name, result in found.items():
        for each in result.pop("wrong")[: asked.show]:
            print(name, *each)
    return found


def main(argv: list[str] | None = None) -> int:
    """Compare and print; 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rule_parity", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--docs", required=True)
    parser.add_argument("--n", type=int, default=3000, help="English documents")
    parser.add_argument("--n-zh", type=int, default=1000, help="Chinese documents")
    parser.add_argument("--offset", type=int, default=0, help="another sample: begin so many documents later")
    parser.add_argument("--show", type=int, default=0, help="differing documents to print for each preset")
    parser.add_argument("--dclm", help="a checkout of mlfoundations/dclm: its line modifiers")
    parser.add_argument("--datamap", help="a program that passes JSON Lines through allenai/datamap-rs: MADLAD-400's rules as OLMo 3 has them")
    parser.add_argument("--cursed", help="its banlists/madlad400_cursed.txt.gz")
    parser.add_argument("--curator", help="a checkout of NVIDIA-NeMo/Curator: its English heuristics")
    asked = parser.parse_args(argv)
    pa.set_cpu_count(1)
    if asked.dclm or asked.datamap or asked.curator:
        print(json.dumps({"agreement": compare_peers(asked)}))
        return 0
    results = {}
    for language, n in (("en", asked.n), ("zh", asked.n_zh)):
        texts = sample(asked.docs, language, n, asked.offset)
        if texts:
            results[language] = run(texts, language, asked.show)
    for language, result in results.items():
        print(f"\n{language}: {result['documents']} documents, {result['megabytes']} MB; {result['speed']}")
        for name, both in result["presets"].items():
            for kind, found in both.items():
                print(f"  {name} ({kind}) decision {found['decision']:.4f} reason {found['reason']:.4f} left out {found['left_out']:.3f}")
                for reason, (f1, fired) in found["f1"].items():
                    if f1 < 1:
                        print(f"      {reason}: F1 {f1} on {fired}")
    agreement = {name: both["b"]["decision"] for result in results.values() for name, both in result["presets"].items()}
    print(json.dumps({"agreement": agreement, **results}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
