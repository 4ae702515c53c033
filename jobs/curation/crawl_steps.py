"""From a raw crawl to the corpus: which share each step removed, beside the shares that OLMo 3 publishes."""

from __future__ import annotations

from dataclasses import dataclass

from gristmill.jobs.core.records import Records
from gristmill.udfs import reasons
from gristmill.udfs.rules.limits import LIMITS

ENTRY = "extract_text"
SOURCE = "allenai/dolma3, datasets/dolma3_mix/pools/9T/README.md at f7def58"
# Reasons of filter_rules by what they look at; all others are basic heuristics.
REPETITION = frozenset(
    limit.reason
    for limit in LIMITS.values()
    if limit.column.startswith(("dup_", "top_", "rep_", "char_dup_"))
)
LANGUAGE = frozenset({"other_language", "uncertain_language"})
MADLAD = frozenset({"sentences_in_list_case", "cursed_sentences", "questionable_sentences"})
ADDRESSES = (reasons.ADULT_URL, reasons.GAMBLING_URL, reasons.MALWARE_URL, reasons.BLOCKED_DOMAIN)


@dataclass(frozen=True)
class Step:
    """A step of OLMo 3's curation of web pages.

    `share`: what it removed of all extracted pages or (`is_rest`) of what the steps before had left; None: it
    has no such step.
    """

    name: str
    share: float | None
    is_rest: bool = False


# In OLMo 3's order: what is cheap comes first.
ADDRESS, WISH = Step("addresses", 0.02), Step("wishes of publishers", None)
BASIC, REPEATED = Step("basic heuristics", 0.64), Step("repetition", 0.12)
LANG, SENTENCES = Step("language", 0.03), Step("questionable sentences (MADLAD-400)", 0.03)
LINES = Step("lines that belong to the page", None)
EXACT, NEAR = Step("exact duplicates", 0.67, True), Step("near-duplicates", 0.23, True)
PASSAGES, OTHERS = Step("repeated passages", None), Step("other filters", None)
STEPS = (ADDRESS, WISH, BASIC, REPEATED, LANG, SENTENCES, LINES, EXACT, NEAR, PASSAGES, OTHERS)
JOBS = {
    "dedup_exact": EXACT,
    "dedup_minhash": NEAR,
    "dedup_simhash": NEAR,
    "dedup_passages": PASSAGES,
    "clean_lines": LINES,
}


def step_of(job: str, reason: str) -> Step:
    """The step to which a verdict of a job belongs."""
    if job != "filter_rules":
        return JOBS.get(job, OTHERS)
    if reason in REPETITION:
        return REPEATED
    return LANG if reason in LANGUAGE else SENTENCES if reason in MADLAD else BASIC


def steps(rejected: dict[str, int], n_docs: int, mains: dict[str, dict[str, int]]) -> Records:
    """A row a step: pages it removed, their share, the share of OLMo 3.

    `rejected`: rejects of the crawl's batches by reason; `n_docs`: their documents; `mains`: job -> reason ->
    documents of these batches, each under one reason a job. Shares are of pages with a text: documents, and
    pages that address or wish kept out.
    """
    removed = dict.fromkeys(STEPS, 0)
    removed[ADDRESS] = sum(rejected.get(reason, 0) for reason in ADDRESSES)
    removed[WISH] = rejected.get(reasons.PUBLISHER_OPTED_OUT, 0)
    for job, counted in mains.items():
        for reason, n in counted.items():
            removed[step_of(job, reason)] += n
    pages = left = n_docs + removed[ADDRESS] + removed[WISH]
    rows: Records = []
    for step in STEPS:
        n = removed[step]
        if n or step.share is not None:
            of = left if step.is_rest else pages
            rows.append({"name": step.name, "n": n, "of": of, "is_rest": step.is_rest, "theirs": step.share})
        left -= n
    return rows
