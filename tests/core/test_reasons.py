"""Each reason that code can give has one sentence, and each sentence is of a reason that code can give."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from gristmill.jobs.core import reasons
from gristmill.jobs.core.config import load_recipe
from gristmill.jobs.curation.expectations import load_contract
from gristmill.jobs.synthesis import sample_filters
from gristmill.udfs import reasons as kernels
from gristmill.udfs.edit import line_rules, pii
from gristmill.udfs.rules.limits import LIMITS
from gristmill.udfs.text.lines import DROP_REASONS

ROOT = Path(__file__).resolve().parents[2]
MODULES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8"))
    for folder in ("jobs", "udfs")
    for path in sorted((ROOT / folder).rglob("*.py"))
}
# Who gives the reasons of a module that is no job.
SHARED = {
    "jobs/dedup/boilerplate.py": ("dedup_boilerplate",),
    "jobs/dedup/boilerplate_params.py": ("dedup_boilerplate",),
    "jobs/dedup/passages.py": ("dedup_passages",),
    "jobs/dedup/steps.py": ("dedup_minhash", "dedup_simhash"),
    "jobs/curation/entry.py": ("ingest_docs", "extract_text"),
    "jobs/curation/contamination.py": ("decontaminate", "filter_samples"),
    "jobs/synthesis/requests.py": ("export_candidates", "queue_samples"),
    "jobs/synthesis/sample_filters.py": ("filter_samples",),
    "jobs/upkeep/repair.py": ("repair",),
    "udfs/rules/apply_limits.py": ("filter_rules",),
    "udfs/rules/limits.py": ("filter_rules",),
}
READERS = ("udfs/read/", "udfs/streams/", "udfs/crawl/", "udfs/html/")
# What readers and extractors of pages give.
BROUGHT_IN = (*kernels.READ, *kernels.CRAWL, *kernels.EXTRACTION, *kernels.PAGE_RULES)
Pair = tuple[str, str]


def strings(tree: ast.Module) -> dict[str, str]:
    """The constants of a module that are strings."""
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found |= {target.id: node.value.value for target in node.targets if isinstance(target, ast.Name)}
    return found


CONSTANTS = {place: strings(tree) for place, tree in MODULES.items()}
ANYWHERE = {name: value for known in CONSTANTS.values() for name, value in known.items()}


def known_in(tree: ast.Module) -> dict[str, str]:
    """The strings that names of a module stand for, its imports too."""
    found = strings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            theirs = CONSTANTS.get(f"{node.module.removeprefix('gristmill.').replace('.', '/')}.py", {})
            found |= {each.asname or each.name: theirs[each.name] for each in node.names if each.name in theirs}
    return found


def takes_reason() -> dict[str, set[int]]:
    """Functions and classes with a parameter `reason` -> at which of their arguments it may stand."""
    found: dict[str, set[int]] = {}
    for tree in MODULES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                names = [arg.arg for arg in node.args.args if arg.arg not in ("self", "cls")]
                if "reason" in names:
                    found.setdefault(node.name, set()).add(names.index("reason"))
            elif isinstance(node, ast.ClassDef):
                fields = [each.target.id for each in node.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)]
                inits = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
                names = [arg.arg for arg in inits[0].args.args[1:]] if inits else fields
                if "reason" in names:
                    found.setdefault(node.name, set()).add(names.index("reason"))
    found.pop("__init__", None)
    return found


TAKES = takes_reason()


def said(value: ast.expr | None, known: dict[str, str]) -> Iterator[str]:
    """The strings that an expression of a reason may come to; conditions are none."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from said(value.body, known)
        yield from said(value.orelse, known)
    elif isinstance(value, ast.Name) and value.id in known:
        yield known[value.id]
    elif isinstance(value, ast.Attribute) and value.attr.isupper() and value.attr in ANYWHERE:
        yield ANYWHERE[value.attr]
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        name, args = value.func.attr, value.args
        assert name not in ("concat", "concat_ws"), f"line {value.lineno}: write the whole word of a reason"
        if name == "when":
            yield from said(args[1], known)
        elif name in ("lit", "otherwise", "coalesce"):
            # A bare string names a column to coalesce.
            for each in args if name != "coalesce" else [arg for arg in args if not isinstance(arg, ast.Constant)]:
                yield from said(each, known)
        yield from said(value.func.value, known) if name in ("when", "otherwise", "cast", "alias") else ()


def is_named(node: ast.expr, *names: str) -> bool:
    return isinstance(node, ast.Name) and node.id in names


def given(tree: ast.Module) -> set[str]:
    """The reasons that a module spells out where a reason is given."""
    known, found = known_in(tree), set[str]()
    for node in ast.walk(tree):
        spots: list[ast.expr | None] = []
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0] if node.args else None
            is_reason = isinstance(first, ast.Constant) and first.value == "reason"
            if name == "alias" and is_reason and isinstance(node.func, ast.Attribute):
                spots.append(node.func.value)
            elif name == "withColumn" and is_reason:
                spots.append(node.args[1])
            elif name in ("by_one_reason", "Counts"):
                spots += [key for arg in node.args for each in ast.walk(arg) if isinstance(each, ast.Dict) for key in each.keys]
            elif name == "append" and isinstance(node.func, ast.Attribute) and is_named(node.func.value, "fails"):
                spots += [arg.elts[1] for arg in node.args if isinstance(arg, ast.Tuple) and len(arg.elts) == 2]
            spots += [node.args[at] for at in TAKES.get(name, ()) if at < len(node.args)]
            spots += [each.value for each in node.keywords if each.arg == "reason"]
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(is_named(each, "reason") for each in targets):
                spots.append(node.value)
            if any(is_named(each, "fails") for each in targets):
                spots += [pair.elts[1] for pair in ast.walk(node.value) if isinstance(pair, ast.Tuple) and len(pair.elts) == 2]
        for spot in spots:
            found |= set(said(spot, known))
    return found


def worker_errors() -> set[str]:
    """What stands before the colon of the errors that the worker makes up."""
    found = set[str]()
    for path in sorted((ROOT / "synth_worker").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            spots: list[ast.expr] = []
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Quarantine":
                spots = node.args
            elif path.name == "worker.py" and isinstance(node, ast.Tuple) and isinstance(node.elts[0], ast.Constant) and node.elts[0].value is None:
                spots = node.elts[1:]
            for spot in spots:
                first = spot.values[0] if isinstance(spot, ast.JoinedStr) else spot
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.add(first.value.split(":")[0])
    return found


def spelt_out() -> set[Pair]:
    """(job, reason) by reading the code of jobs, and of what the kernels give beside their lists."""
    found: set[Pair] = set()
    for place, tree in MODULES.items():
        if place.startswith((*READERS, "udfs/contamination/")) or place == "jobs/core/reasons.py":
            continue
        jobs = SHARED.get(place, (Path(place).stem,))
        codes = given(tree)
        assert not codes or place in SHARED or Path(place).parent.name == "jobs", f"{place} gives {codes}; say in SHARED for which jobs"
        found |= {(job, code) for job in jobs for code in codes}
    return found


def listed_by_kernels() -> set[Pair]:
    """(job, reason) of the closed lists that kernels and recipes have."""
    pairs = {("ingest_docs", code) for code in kernels.READ} | {("extract_text", code) for code in BROUGHT_IN}
    pairs |= {(job, rule.reason) for job in ("ingest_docs", "extract_text") for rule in load_contract("docs").expectations}
    pairs |= {("filter_rules", code) for code in (*(limit.reason for limit in LIMITS.values()), *DROP_REASONS[1:])}
    pairs |= {("filter_scores", str(limit["reason"])) for limit in load_recipe("conf/jobs/filter_scores.yaml").jobs["filter_scores"]["limits"]}
    pairs |= {("scrub_pii", kernels.PII.format(entity)) for entity in pii.ENTITIES}
    rules = (kernels.BOILERPLATE_BLOCK, kernels.REPEATED_LINE, kernels.REPEATED_SENTENCES, kernels.REPEATED_PARAGRAPH)
    pairs |= {("dedup_boilerplate", code) for code in rules}
    pairs |= {("clean_lines", code) for code in (*line_rules.REASONS[1:], kernels.TOO_MANY_WORDS_REMOVED)}
    pairs |= {("filter_samples", reason) for _, reason in sample_filters.LIMITS.values()}
    pairs |= {(job, code) for job in ("decontaminate", "filter_samples") for code in kernels.UNSEARCHED}
    return pairs | {("worker", code) for code in worker_errors()}


def written() -> set[Pair]:
    return {(job, code) for known in reasons.COLUMNS.values() for code, each in known.items() for job in each.by}


def test_every_reason_that_can_be_given_has_a_sentence() -> None:
    assert sorted((spelt_out() | listed_by_kernels()) - written()) == [], "write their sentences in jobs/core/reasons.py"


def test_every_sentence_is_of_a_reason_that_can_be_given() -> None:
    assert sorted(written() - (spelt_out() | listed_by_kernels())) == [], "nothing gives these any more; take them out of jobs/core/reasons.py"


@pytest.mark.parametrize("column", reasons.COLUMNS)
def test_a_sentence_is_plain_and_whole(column: str) -> None:
    for code, each in reasons.COLUMNS[column].items():
        assert each.finding[0].isupper(), code
        assert each.finding.endswith("."), code
        assert len(each.finding.split()) > 2, code
        assert not each.then or each.then.endswith("."), code


def test_low_quality_is_a_bin_and_never_a_score_of_judges() -> None:
    assert reasons.VERDICTS["low_quality"].by == ("filter_quality",)
    assert "low_quality" not in reasons.SAMPLE_VERDICTS


def test_a_reason_of_a_recipe_or_of_nobody_has_words_or_none() -> None:
    assert "filter_scores" in reasons.in_words("verdicts.reason", "too_toxic")
    assert "contract" in reasons.in_words("rejects.reason", "no_licence")
    assert reasons.in_words("edits.reason", "unheard_of") == ""


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('F.lit("a_b").alias("reason")', "a_b"),
        ('F.when(F.col("x") == "no", "a_b").otherwise("c_d").alias("reason")', "a_b"),
        ('rows.withColumn("reason", F.when(beyond, F.lit("a_b")).otherwise(F.col("reason")))', "a_b"),
        ('fails = [(F.col("n") < 3, "a_b")]', "a_b"),
        ('fails.append((F.col("n") < 3, "a_b"))', "a_b"),
        ('by_one_reason({None: 1, "a_b": 2})', "a_b"),
        ('count_output(looked, output, "a_b")', "a_b"),
        ('WHY = "a_b"\nas_rejects(rows, batch, WHY)', "a_b"),
        ('reason = F.when(F.col("x").isNull(), "a_b")', "a_b"),
        ('Reject("a_b", "text")', "a_b"),
    ],
)
def test_a_new_reason_is_seen_where_it_is_given(line: str, code: str) -> None:
    found = given(ast.parse(line))
    assert code in found
    assert not found & {"x", "no", "n", "reason", "text"}


def test_readers_give_no_reason_but_those_of_their_list() -> None:
    for place, tree in MODULES.items():
        if not place.startswith(READERS):
            continue
        # Names of fields and options may be those of reasons: `pdf`, `revisit`.
        codes = kernels.READ if "/crawl/" not in place and "/html/" not in place else kernels.PAGE_RULES
        spelt = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value in codes}
        assert not spelt, f"{place} spells {spelt} out; name them by gristmill.udfs.reasons"
        assert given(tree) <= set(BROUGHT_IN)


def test_each_reason_of_the_readers_is_given_somewhere() -> None:
    used = {node.attr for place, tree in MODULES.items() if place.startswith(READERS) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    named = {name: getattr(kernels, name) for name in vars(kernels) if name.isupper()}
    unused = {name for name, code in named.items() if isinstance(code, str) and code in BROUGHT_IN and name not in used}
    assert unused == set()


def test_the_page_is_what_the_list_says() -> None:
    page = (ROOT / "docs" / "reasons.md").read_text("utf-8")
    assert page == reasons.page(), "write it anew: python -m gristmill.jobs.core.reasons > docs/reasons.md"
