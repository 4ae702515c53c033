"""Twice the text takes about twice the time, whatever the text: every kernel over text is fed what patterns and loops choke on."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from gristmill import udfs
from gristmill.udfs.arrow.compiled import text_buffers
from gristmill.udfs.contamination import search  # fmt: skip
from gristmill.udfs.crawl import url_rules
from gristmill.udfs.crawl.page_formats import PAGE_FORMATS, pages_of_unit
from gristmill.udfs.dedup import boilerplate, minhash, shingles, simhash, verdicts
from gristmill.udfs.edit import edits, fim, headers, line_rules, mixing
from gristmill.udfs.language_models import kenlm
from gristmill.udfs.passages import spans
from gristmill.udfs.passages.copies import Rule
from gristmill.udfs.read import arrow_rows, json_lines, readers, rows, warc
from gristmill.udfs.rules import apply_limits, measures, repetition
from gristmill.udfs.samples import chunks, selection
from gristmill.udfs.samples import measures as sample_measures
from gristmill.udfs.scoring import classifiers, grams, sensitive, training
from gristmill.udfs.semantic import agreement, wording
from gristmill.udfs.streams import encodings, streams
from gristmill.udfs.text import (
    chars,
    chinese_words,
    compatibility,
    folding,
    langid,
    line_ends,
    line_hashes,
    lines,
    scripts,
    tokens,
    words,
)
from tests.support.passages_in_memory import pieces_in
from tests.udfs.crawl.page_params import params as page_params
from tests.udfs.read.params import ReadParams
from tests.udfs.scoring.test_classifiers import SPECS, examples

UDFS = Path(udfs.__file__).parent
ADDRESSES = url_rules.UrlRules.of([url_rules.UrlList(kind, "other", kind, ("a", "abab", "www.a.example")) for kind in ("domains", "parts")], 2)
Kernel = Callable[[str], Any]


def column(text: str) -> pa.Array:
    return pa.array([text], pa.string())


def batch(**columns: Any) -> pa.RecordBatch:
    return pa.record_batch({name: values if isinstance(values, pa.Array) else pa.array(values) for name, values in columns.items()})


@functools.lru_cache(maxsize=2)
def decoded(text: str) -> chars.Chars:
    return chars.read_chars(*text_buffers(column(text)))


def repeats(text: str) -> None:
    read = decoded(text)
    found = words.find_words(read)
    repetition.count_runs(found, read.powers)
    repetition.count_windows(read.prefix, read.ends, read.powers)
    for how in (lines.NEWLINES, lines.PARAGRAPHS):
        spans = lines.split(read, how)
        repetition.count_duplicates(spans.starts, spans.stops, spans.ends, read.prefix, read.powers)


def cut_in_lines(text: str) -> None:
    read = decoded(text)
    broken = lines.split(read, lines.ANY_BREAK)
    lines.line_shapes(read, broken)
    lines.line_endings(read, lines.split(read, lines.NOT_BLANK))
    lines.apply_c4_rules(read, broken, words.find_words(read))


def without_boilerplate(text: str) -> None:
    fold = line_hashes.LineFold(True, 40, True, True)
    cut = boilerplate.Cut(fold, line_hashes.BlockLimits(1, 0, 0, 0), 1.0, None)
    of = {"doc_id": ["a"], "batch_id": ["b"], "site": ["s"], "text": [text]}
    [counts] = boilerplate.count_lines(iter([batch(**of)]), fold)
    list(boilerplate.cut_lines(iter([batch(**of, lines=pa.array([sorted(counts["line"].to_pylist())], pa.list_(pa.int64())))]), cut))
    for rule in (boilerplate.UnitRule("sentences", 3, 0), boilerplate.UnitRule("n_grams", 13, 0.8)):
        [units] = boilerplate.list_units(iter([batch(**of)]), fold, rule)
        list(boilerplate.cut_units(iter([batch(**of, units=pa.array([sorted(units["unit"].to_pylist())], pa.list_(pa.int64())))]), cut, rule))


def without_passages(text: str) -> None:
    # the text twice, so that each window of it is repeated; once more with a beginning of its own
    pieces_in([text.encode(), b"x" + text.encode()], Rule((100,), 2, False, True))


def cut_at_borders(text: str) -> None:
    piece = spans.Piece(len(text) // 5, len(text) - len(text) // 5, 0, 0, 0, 2, False)
    for border in ("character", "word", "line", "sentence"):
        found, _ = spans.cut_back(text, [piece], border, 1)
        spans.words_left(text, found, len(text))


def judged(text: str) -> None:
    measured = measures.measure(column(text), lid_model=langid.PACKAGE, lid_chars=1000)
    of = {name: measured.column(name) for name in measured.schema.names}
    of |= {"doc_id": pa.array(["a"]), "batch_id": pa.array(["b"]), "domain": pa.array(["web"])}
    plan = apply_limits.Plan((apply_limits.Route(None, None, ("c4",)),), {"c4": ()}, frozenset({"c4"}), None)
    assert list(apply_limits.verdict_batches(iter([pa.record_batch(of)]), plan))


def edited(text: str) -> None:
    spans = [(at, at + 3, "x") for at in range(0, len(text) - 3, 4)]
    edits.apply_edits(text, spans)
    edits.apply_edits(text, [(0, len(text), ""), *spans])


def as_written(text: str) -> None:
    kind = pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32())]))
    line_ends.original_spans(column(text), pa.array([[{"start": at, "end": at + 9} for at in range(0, len(text) // 2, 10)]], kind))
    line_ends.unify(column(text))


RULES = line_rules.LineRules(0.5, 0.9, ("赞", "likes", "like"), ("万", "次", "k"), True, 2, True, tuple(line_rules.Phrase("a a", at) for at in ("start", "end", "anywhere", "whole")), 1 << 30, True, "characters", 0.5, False, True)  # fmt: skip


def without_lines(text: str) -> None:
    line_rules.find_edits(column(text), RULES)
    line_rules.find_edits(column(text), dataclasses.replace(RULES, counters_any_order=False, words="spaces", phrases_as_patterns=False, min_words=0))


def filled_in(text: str) -> None:
    marks = fim.Sentinels("<|p|>", "<|m|>", "<|s|>")
    mixing.apply_fim(text, "spm", fim.character_start(text, 1), len(text) - 1, marks)
    rows_in = batch(doc_id=["a"], batch_id=["b"], slice=["s"], copies=[2], text=[text])
    list(mixing.shape_batches(iter([rows_in]), marks, 1.0, 0.5, 1))


READ = ReadParams({"text": "text", "source": "=x", "native_key": "id"})
LIMITS = READ.limits


def parsed(text: str) -> None:
    for line in (text, f'{{"text": {json.dumps(text)}}}', f'{{"text": "{text}', f'{{"text": {text}'):
        try:
            json_lines.parse(line)
        except rows.Reject:
            continue


def row_of(text: str) -> None:
    mapper = rows.Mapper(READ)
    mapper.row("p", "f", {"text": text, "id": text})
    mapper.row("p", "f", {"text": [text]})
    rows.shown(text, 2048)


def warc_of(text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    head = b"WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: %d\r\n\r\n" % len(data)
    for stream in (data, head + data + b"\r\n\r\n", data.replace(b"\n", b"\r\n\r\nWARC/")):
        list(warc.conversions([(stream[at : at + 4096], None, None) for at in range(0, len(stream), 4096)], LIMITS))


def streamed(text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    list(streams.lines((data[at : at + 4096] for at in range(0, len(data), 4096)), LIMITS))


def arrow_row(text: str) -> None:
    of = batch(text=[text], id=[text[:20]])
    places = pa.array(["p"])
    list(arrow_rows.rows_of(of, rows.Mapper(READ), places, places))


def frame_row(text: str) -> None:
    list(readers.as_rows([batch(text=[text, text[1:]], id=["a", "b"])], READ))


def encoded(text: str) -> None:
    for codec in ("utf-8", "gb18030", "big5", "utf-16-le"):
        raw = text.encode(codec, "replace")
        for data in (raw, raw + b"\xff"):
            try:
                encodings.decode(data, "auto")
            except encodings.BadEncoding:
                continue


LIST = sensitive.WordList("w", (("bad", "a"), ("坏词", "a"), ("aaaa", "b"), ("aaaaaaaa", "b"), ("a a", "b")), (("a", 1.0), ("b", 0.5)), ("not bad", "aaaaaa"))
SAMPLE = sample_measures.MeasureParams(8, 6, langid.PACKAGE, 1000)
PAIR = chunks.ChunkParams(512, 1.0, 0.3)


def sampled(text: str) -> None:
    sample_measures.measure("s", text, text, text, "en", ("en", "en"), SAMPLE)


def selected(text: str) -> None:
    selection.self_bleu([text, text[1:]], 2, 1)
    if not sample_measures.HAN.search(text):  # jieba's tagger of Chinese questions: a question is short, the tagger slow
        selection.opening(text)


@functools.lru_cache(maxsize=1)
def questions() -> search.Index:
    texts = ["how many apples does the old miller keep in his barn today", "一个 农夫 有 多少 只 鸡 和 兔子 在 笼子 里面", "a a a a a a a a a a a a", "1 2 3 4 5 6 7 8 9 10 11 12 13 14"]
    return search.build_index(texts)


def searched(text: str) -> None:
    search.find_items(column(text), questions())
    search.build_index([text])


def compared(text: str) -> None:
    both = pa.array([text, text[1:]], pa.string())
    verdicts.similarities(both, np.array([0]), np.array([1]), shingles.ShingleParams(), "jaccard")


def worded(text: str) -> None:
    for lang in ("en", "zh"):
        wording.wording(text, lang)


def agreed(text: str) -> None:
    limits = agreement.Limits(0.9, 0.8, 3, 0.15, 0.0, 0.9, False)
    for lang in ("en", "zh"):
        agreement.of_documents(text, text[1:], lang, 600, limits)


def counted(text: str) -> None:
    for unit in ("chars", "words"):
        grams.count_grams(column(text), grams.GramParams(unit=unit, max_chars=len(text)))


def in_sentences(text: str) -> None:
    for unit in ("words", "chars"):
        list(kenlm.sentences(text, unit, len(text)))


def read_as(format: str) -> Kernel:
    def kernel(text: str) -> None:
        path = Path(tempfile.gettempdir()) / f"bounded-{os.getpid()}"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            list(readers.read_units(readers.plan_units([(str(path), path.stat().st_size)], format, 1 << 30).to_batches(), READ))
        finally:
            path.unlink()

    return kernel


def page_read_as(format: str) -> Kernel:
    def kernel(text: str) -> None:
        path = Path(tempfile.gettempdir()) / f"bounded-page-{os.getpid()}"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            for unit in readers.plan_units([(str(path), path.stat().st_size)], format, 1 << 30, formats=PAGE_FORMATS).to_pylist():
                list(pages_of_unit(unit, page_params(base=tempfile.gettempdir())))
        finally:
            path.unlink()

    return kernel


def both(one: Kernel | None, other: Kernel) -> Kernel:
    return lambda text: (one(text) if one else None, other(text))


@functools.cache
def without_bound(kind: str) -> classifiers.Classifier:
    """A small model of a kind that reads texts to their end."""
    model = training.fit("m", kind, SPECS[kind], examples())[0]
    spec = {**model.spec, "max_chars": 1 << 30}
    if "grams" in spec:
        spec["grams"] = {**spec["grams"], "max_chars": 1 << 30}
    return dataclasses.replace(model, spec=spec)


def scored_by(kind: str) -> Kernel:
    """Scores a text; a kind of measures sees none."""

    def kernel(text: str) -> None:
        if "text" in classifiers.KINDS[kind].READS:
            classifiers.raw_scores(without_bound(kind), batch(text=[text], lang=["en"]))

    return kernel


# Module -> what is timed. Sizes differ so that the whole stays within half a minute.
COMPILED: dict[str, Kernel] = {
    "text.chars": decoded, "text.tokens": lambda text: tokens.cut_words(decoded(text), np.array([True])), "text.words": lambda text: words.count_words(words.find_words(decoded(text))),
    "text.chinese_words": lambda text: chinese_words.mark_words(decoded(text), np.array([True])), "text.lines": cut_in_lines, "rules.repetition": repeats,
    "rules.measures": judged, "text.line_ends": as_written, "text.line_hashes": without_boilerplate, "passages.anchors": without_passages,
    "text.folding": lambda text: folding.content_hashes(column(text)), "dedup.shingles": lambda text: shingles.shingle_sets(column(text)),
    "dedup.minhash": lambda text: minhash.sketch_batch(column(text)), "dedup.simhash": lambda text: simhash.simhash_batch(column(text)),
    "dedup.verdicts": compared, "contamination.search": searched, "scoring.grams": counted,
    "text.langid": lambda text: langid.identify(column(text), lid_model=langid.PACKAGE, lid_chars=len(text)),
    "text.scripts": lambda text: scripts.count_scripts(*text_buffers(column(text)), len(text)),
    "read.arrow_rows": arrow_row, "read.readers": frame_row, "arrow.compiled": lambda text: text_buffers(column(text)),
}  # fmt: skip
PLAIN: dict[str, Kernel] = {
    "passages.spans": cut_at_borders,
    "samples.chunks": lambda text: chunks.chunk_spans(text, PAIR), "edit.headers": headers.header_spans, "edit.line_rules": without_lines, "edit.edits": edited, "edit.fim": filled_in,
    "read.json_lines": parsed, "read.rows": row_of, "read.warc": warc_of, "streams.streams": streamed, "streams.encodings": encoded, "scoring.sensitive": lambda text: sensitive.measure(text, LIST),
    "samples.measures": sampled, "samples.selection": selected, "language_models.kenlm": in_sentences,
    "text.compatibility": compatibility.fold_forms, "semantic.wording": worded, "semantic.agreement": agreed,
}  # fmt: skip
# Each format reads the text as the bytes of a file, and each kind of scorer scores it whole: their lists name the modules.
for name, how in readers.FORMATS.items():
    module = f"read.{how.read.__module__.rpartition('.')[2]}"
    PLAIN[module] = both(PLAIN.get(module), read_as(name))
for name, kind_of_page in PAGE_FORMATS.items():
    if not kind_of_page.is_columnar:
        module = f"crawl.{kind_of_page.read.__module__.rpartition('.')[2]}"
        PLAIN[module] = both(PLAIN.get(module), page_read_as(name))
PLAIN |= {f"scoring.{kind.__name__.rpartition('.')[2]}": scored_by(name) for name, kind in classifiers.KINDS.items()}
PLAIN |= {"crawl.url_rules": lambda text: ADDRESSES.why_not(f"http://a.example/{text}")}
WITHIN = {"read.warc_records": "crawl.warc_pages", "streams.header_lines": "crawl.warc_pages", "streams.members": "crawl.warc_pages", "streams.dictionaries": "crawl.warc_pages", "rules.apply_limits": "rules.measures", "rules.sentences": "rules.measures", "rules.page_form": "rules.measures", "rules.phrases": "rules.measures", "contamination.search_kernels": "contamination.search", "edit.mixing": "edit.fim", "samples.lexicons": "samples.measures", "text.signs": "dedup.shingles",
          "passages.copies": "passages.anchors", "passages.borders": "passages.anchors", "passages.blocks": "passages.anchors", "dedup.blocks": "dedup.minhash", "dedup.boilerplate": "text.line_hashes", "dedup.choosing": "dedup.verdicts", "semantic.passes": "semantic.agreement"}  # timed with another module
ELSEWHERE = {  # what a test of its own bounds
    **dict.fromkeys(("edit.pii", "edit.ascii_forms", "edit.id_numbers", "edit.phones", "edit.addresses", "edit.credentials"), "tests/udfs/edit/test_pii.py"),
    "edit.script": "tests/udfs/edit/test_script.py", "contamination.items": "tests/udfs/contamination/test_benchmark_parts.py",
    "text.emptiness": "tests/udfs/text/test_emptiness.py", "text.urls": "tests/udfs/text/test_urls.py",
    "streams.json_values": "tests/udfs/read/test_json_shapes.py",
    "crawl.accept": "tests/udfs/crawl/test_accept.py", **dict.fromkeys(("crawl.http", "streams.codings"), "tests/udfs/crawl/test_http.py"),
    **dict.fromkeys(("html.nodes", "html.blocks", "html.features", "html.model", "html.writing", "html.tables", "html.tex"), "tests/udfs/crawl/test_hostile_pages.py"),
    **dict.fromkeys(("crawl.charset", "crawl.engines", "crawl.cascade", "crawl.extract", "crawl.metadata", "crawl.wishes"), "tests/udfs/crawl/test_hostile_pages.py"),
}  # fmt: skip
ELSEWHERE |= {"crawl.rows": "tests/jobs/test_extract_text.py"}
NO_TEXT = {  # never walk through a text: numbers, ids, settings, or models that read a bounded beginning
    "arrow.types", "arrow.boosted_trees",
    "arrow.batches", "language_models.causal_lm", "columns", "arrow.code_cache", "warm_up", "scoring.domains", "language_models.embedding", "language_models.kenlm_training", "rules.limits", "scoring.scales", "edit.shards", "text.english_specials", "dedup.survivors", "language_models.text_heads", "scoring.classifiers", "scoring.kind", "scoring.training",
    "arrow.zip_directories", "html.names", "html.keywords",
    "passages.rows", "dedup.messages", "dedup.doc_ids", "dedup.candidates", "dedup.grouping", "dedup.comparing", "dedup.outcomes", "dedup.text_groups", "semantic.cells", "language_models.onnx_encoder",
    "crawl.pages", "crawl.page_formats", "streams.limits",
    "read.counted", "streams.packings", "streams.part_hash", "read.params", "read.paths", "read.survey", "read.units", "read.values", "reasons",
}  # fmt: skip

UNITS = [
    "a", "A", "1", ".", ",", "-", "_", " ", "\t", "\n", "\r", "\r\n", "\0", "(", "[", "{", "<", "\\", "/", "\"", "'", "’", "“", "《", "「", "#", "*", "@", ":", ";", "%", "$",
    "漢", "的", "一", "か", "カ", "가", "ㅋ", "ก", "é", "e\u0301", "\u0301", "\u200b", "\u200d", "\u00ad", "\U0001f1e8", "😀", "👨‍👩‍👧", "\U0001f3fb", "\u1112\u1161", "ﷺ", "ﬁ", "²", "½", "①", "\u2028", "\ufeff", "\ufffd",
    "a ", "a.", "a@", "a-", "a_", "a\n", "a\n\n", "\n ", " \n", "\n \n", "漢，", "漢 a", "漢\n", "ab", "Ab ", "AB of ", "Ab’", "A-", "A’", "Ab of the ", "can't ", "e.g.", "...", "… ", "1,", "1.", "1.1.", "1)\n", "1 ", "://", "http://a", "www.", "](", "[1]", "[edit]",
    "- a\n", "• ", "# a\n", "// a\n", "/* ", "/*\n", "*/", "<!-- ", "\"\"\"\n", "{\"a\":", "[[", "\\u", "\\\"", "]]", "WARC/", "\r\n\r\nWARC/1.0\r\n", "Content-Length: 1\r\n",
    "copyright ", "# copyright \n", "governed by ", "released under a", "采用", "根据", "in order to ", "要证明", "分为", "plug it ", "what would i need ", "let's ", "给定的", "step 1 ", "第一", "wait ",
    "3 likes\n", "1万次赞", "赞1", "a a", "a a\n", " a a a", ", aa,", "http://%4", "use cookies ", "lorem ipsum ", "javascript\n", "the ", "bad", "not bad ", "a a a ", "坏词", "how many apples does the old miller keep in ", "1 2 3 4 5 6 7 8 ", "的是了",
]  # fmt: skip


def repeated(unit: str, size: int) -> str:
    return (unit * (size // len(unit) + 1))[:size]


def drawn(alphabet: str, size: int) -> str:
    return "".join(random.Random(5).choices(alphabet, k=size))


def numbered(between: str, size: int) -> str:
    return between.join(f"{i:x}" for i in range(size // 3))[:size]


TEXTS: dict[str, Callable[[int], str]] = {repr(unit): functools.partial(repeated, unit) for unit in UNITS}
TEXTS |= {f"a comment of {unit!r}": lambda size, unit=unit: "# " + repeated(unit, size - 2) for unit in ("gnu ", "copyright ", "see the ", "# ", "governed by a")}
TEXTS |= {
    "a long run, then another sign": lambda size: "a" * (size - 1) + "!",
    "blanks, then a letter": lambda size: " " * (size - 1) + "a",
    "line ends, then a letter": lambda size: "\n" * (size - 1) + "a",
    "opened, never closed": lambda size: "(" * (size // 2) + "a" * (size // 2),
    "any letters": functools.partial(drawn, "abcdefghijklmnopqrstuvwxyz"), "any letters and blanks": functools.partial(drawn, "abcdefgh \n.,"),
    "any Han": functools.partial(drawn, "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳"), "any signs": functools.partial(drawn, "()[]{}<>\"'`.,:;!?-_/\\|@#$%^&*+=~"),
    "words that differ": functools.partial(numbered, " "), "lines that differ": functools.partial(numbered, "\n"), "numbers in a list": functools.partial(numbered, ", "),
}  # fmt: skip

COMPILED_SIZE, PLAIN_SIZE = 16_384, 2_048  # characters of the smaller text
GROWTH = 4  # the larger one
MOST = 3.0**2  # times the smaller one's seconds, as 3 for twice the text
FLOOR = 0.004  # seconds of processor time that prove nothing
TRIES = 4


def seconds(kernel: Kernel, text: str) -> float:
    decoded.cache_clear()
    began = time.process_time()
    kernel(text)
    return time.process_time() - began


def is_bounded(kernel: Kernel, make: Callable[[int], str], size: int, growth: int = GROWTH, most: float = MOST) -> bool:
    """Whether `growth` times the text takes no more than `most` times the seconds, at the best of some tries."""
    small = large = float("inf")
    few, many = make(size), make(growth * size)
    for _ in range(TRIES):
        large = min(large, seconds(kernel, many))
        if large <= FLOOR:
            return True
        small = min(small, seconds(kernel, few))
        if large <= most * small + FLOOR:
            return True
    return False


def test_every_module_is_timed_or_says_why_not() -> None:
    there = {".".join(path.relative_to(UDFS).with_suffix("").parts) for path in UDFS.rglob("*.py") if path.name != "__init__.py"}
    listed = {*COMPILED, *PLAIN, *WITHIN, *ELSEWHERE, *NO_TEXT}
    assert there - listed == set(), "new modules: say what is timed (COMPILED, PLAIN, WITHIN, ELSEWHERE) or that no text is walked through (NO_TEXT)"
    assert listed - there == set()
    assert {*WITHIN.values()} <= {*COMPILED, *PLAIN}
    assert all((UDFS.parent / test).is_file() for test in ELSEWHERE.values())


@pytest.mark.parametrize("name", [*COMPILED, *PLAIN])
def test_four_times_the_text_takes_no_more_than_nine_times_the_time(name: str) -> None:
    kernel, size = (COMPILED[name], COMPILED_SIZE) if name in COMPILED else (PLAIN[name], PLAIN_SIZE)
    kernel("The old mill turns.\n" * 50 + "老磨坊还在转。")  # compiled and loaded
    assert [title for title, make in TEXTS.items() if not is_bounded(kernel, make, size)] == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", [*COMPILED, *PLAIN])
def test_two_megabytes_take_less_than_three_times_one(name: str) -> None:
    kernel, size = (COMPILED[name], COMPILED_SIZE) if name in COMPILED else (PLAIN[name], PLAIN_SIZE)
    kernel("The old mill turns.\n" * 50 + "老磨坊还在转。")
    cost = {title: min(seconds(kernel, make(size)) for _ in range(3)) for title, make in TEXTS.items()}
    dearest = sorted(TEXTS, key=lambda title: -cost[title])[:6]
    assert [title for title in dearest if not is_bounded(kernel, TEXTS[title], 1 << 20, 2, 3.0)] == []


def test_a_kernel_that_looks_back_over_all_it_has_seen_is_caught() -> None:
    def looks_back(text: str) -> int:
        return sum(text.find("b", 0, at) for at in range(0, len(text), 8))

    assert not is_bounded(looks_back, functools.partial(repeated, "a"), 65_536)
