"""Every reason for which something is left out, replaced or never looked for: each once, in words.

A reason is a code in a column of a table (`verdicts.reason`, ...). Each has a sentence that says what was
found, for a reader who does not know the code, and the next step where there is one. The report, `gristmill
why` and docs/reasons.md show them; `python -m gristmill.jobs.core.reasons` prints that page.

Two columns may use one code for two things (`too_long`), so a reason is looked up by its column. Recipes of
filter_scores and contracts name reasons of their own; these are described by OPEN.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gristmill.udfs import reasons as kernels
from gristmill.udfs.rules.limits import LIMITS


@dataclass(frozen=True)
class Reason:
    """`by`: the jobs (and commands) that write it. `finding`: a sentence. `then`: the next step, if any."""

    by: tuple[str, ...]
    finding: str
    then: str = ""

    @property
    def words(self) -> str:
        """What was found and what to do about it."""
        return f"{self.finding} {self.then}".strip()


INGEST, CRAWL = ("ingest_docs", "extract_text"), ("extract_text",)
RULES, FILTER = ("filter_rules",), ("filter_samples",)
BOILERPLATE, LINES = ("dedup_boilerplate",), ("clean_lines",)
SAME_ID = "The recipe's same_id says whether the newest or the oldest is kept."
MAP = "Mend the source, or map another column."
FORMAT = "Mend the file, or name its format in the recipe."

# --- rejects.reason: rows of the input that became no document

_READ = {
    kernels.MISSING_FIELD: (
        "A required column is not in the row, or (any but text) is null or blank there.",
        "Map a column that every row has, or take the field out of `required`.",
    ),
    kernels.MISSING_TEXT: ("The text is null.", ""),
    kernels.EMPTY_TEXT: (
        "The text has no letter, digit or symbol of meaning, only white space, punctuation, marks or "
        "invisible characters; of a page: no main content was found.",
        "",
    ),
    kernels.WRONG_TYPE: (
        "A mapped column holds something else than a string (a key may be an integer), or NaN, which is no "
        "value.",
        MAP,
    ),
    kernels.NUL_CHARACTER: (
        "A mapped column holds the character U+0000, which no database or tokenizer takes as text.",
        MAP,
    ),
    kernels.LONE_SURROGATE: (
        "A mapped column holds half of a surrogate pair, which is no character and has no UTF-8.",
        MAP,
    ),
    kernels.INVALID_ENCODING: (
        "The bytes are not text in the encoding that the recipe names (or, with auto, in any that it knows); "
        "of a page more of them than max_bad_share are not text in the encoding that was detected.",
        "Name the file's encoding in the recipe.",
    ),
    kernels.MALFORMED_JSON: ("The line, or the element of a JSON array, is not JSON.", FORMAT),
    kernels.NOT_AN_OBJECT: ("The line, or the element of a JSON array, is JSON but not an object.", FORMAT),
    kernels.DUPLICATE_KEY: (
        "An object of the line has the same key twice: which value was meant cannot be known.",
        "",
    ),
    kernels.NESTED_TOO_DEEP: (
        "The line nests objects or lists deeper than 200, or the page its elements deeper than max_depth.",
        "",
    ),
    kernels.DUPLICATE_COLUMN: (
        "The file has a mapped column twice: which one was meant cannot be known.",
        "Rename one of them.",
    ),
    kernels.MALFORMED_RECORD: (
        "A WARC record has no readable header, or its length does not lead to the next record.",
        "",
    ),
    kernels.ROW_TOO_LONG: (
        "The row is longer than max_row_bytes; it was skipped without being read into memory.",
        "Raise max_row_bytes if such rows are wanted.",
    ),
    kernels.TRUNCATED_FILE: (
        "The file, or a gzip member of a WARC, breaks off or is damaged here; the rows before were kept, and "
        "those of later members of a WARC.",
        "Fetch the file again.",
    ),
    kernels.UNREADABLE_FILE: (
        "The file is not of its format, or (place says which) a row group of it is damaged; other row groups "
        "were kept.",
        FORMAT,
    ),
    kernels.FOREIGN_FILE: (
        "The file is not what the recipe's format says (an archive, say; raw says what it is): nothing of "
        "its batch is written.",
        FORMAT,
    ),
    kernels.UNPACKS_TOO_LARGE: (
        "The file, a member of it or the body of a page unpacks to more than the recipe's limits; the rows "
        "before were kept.",
        "Raise the limit if the input can be trusted.",
    ),
}

# Reasons that the contract conf/expectations/docs.yaml adds to those of the
# readers. A recipe may name another contract, whose reasons OPEN describes.
_CONTRACT = {
    "missing_source": "The row has no source.",
    "text_too_long": "The text is longer than the contract allows.",
    "malformed_id": "The document's id or the hash of its text is no hash.",
    "malformed_url": "The address is longer than the contract allows.",
    "malformed_source": "The name of the source is longer than the contract allows.",
}

ACCEPT = "The recipe's accept says which pages are taken."
LISTS = "The recipe's url_lists names the list; raw begins with the address."
_CRAWL = {
    kernels.REVISIT: (
        "The record says that the page was as at an earlier visit, and holds no page.",
        "Read the crawl of that visit.",
    ),
    kernels.MALFORMED_HTTP: ("The record does not begin with a response of HTTP.", ""),
    kernels.HEADER_TOO_LARGE: ("The header of the response is longer than max_header_bytes.", ""),
    kernels.MALFORMED_CDX: ("The line of the list names no file, offset and length.", "Mend the list."),
    kernels.NO_RECORD_AT_RANGE: (
        "No record begins at the range of bytes that the list names, or the file ends before it.",
        "Fetch the list and the files of the same crawl.",
    ),
    kernels.OTHER_RECORD_AT_RANGE: (
        "The record at the range of bytes is of another address than the list says.",
        "Fetch the list and the files of the same crawl.",
    ),
    kernels.NOT_HTML: (
        "The page is no HTML by what the crawler identified, the server declared or its bytes show.",
        ACCEPT,
    ),
    kernels.PDF: ("The page is a PDF.", "Its place and address are kept for a reader of PDF."),
    kernels.TOO_SMALL: ("The page has fewer bytes than min_bytes.", ACCEPT),
    kernels.TOO_LARGE: ("The page has more bytes than max_bytes.", ACCEPT),
    kernels.TRUNCATED_PAGE: ("The page breaks off: the crawler or the server cut it.", ACCEPT),
    **{
        kernels.STATUS.format(status): (f"The server answered {status} ({words}).", ACCEPT)
        for status, words in kernels.STATUSES.items()
    },
    **{
        kernels.STATUS.format(each): (
            f"The server answered another status of {each}."
            if each != "other"
            else "The server answered a status that HTTP does not have.",
            ACCEPT,
        )
        for each in kernels.STATUS_CLASSES
    },
    kernels.ADULT_URL: ("The address is on a list of adult pages.", LISTS),
    kernels.GAMBLING_URL: ("The address is on a list of gambling pages.", LISTS),
    kernels.MALWARE_URL: ("The address is on a list of hosts that spread malware.", LISTS),
    kernels.BLOCKED_DOMAIN: ("The address is on a list of the category other.", LISTS),
    kernels.PUBLISHER_OPTED_OUT: (
        "The publisher asks that the page is not used in this way.",
        "The recipe's honour says which wishes count.",
    ),
    kernels.ENGINE_FAILED: (
        "The extractor failed on the page.",
        "Please report it with the page, of which raw has the address.",
    ),
    kernels.TOO_MANY_NODES: ("The page has more elements than max_nodes.", ""),
    kernels.TOO_MANY_ATTRIBUTES: ("An element of the page has more attributes than max_attributes.", ""),
}

REJECTS: dict[str, Reason] = {
    **{code: Reason(INGEST, *words) for code, words in _READ.items()},
    **{
        code: Reason(INGEST, finding, "See conf/expectations/docs.yaml.")
        for code, finding in _CONTRACT.items()
    },
    **{code: Reason(CRAWL, *words) for code, words in _CRAWL.items()},
    "repeated_document": Reason(INGEST, "The same document occurs earlier in this batch."),
    "already_ingested": Reason(INGEST, "The same document came with another batch."),
    "older_version": Reason(
        INGEST,
        "The same id has another text in this batch, and that version is kept.",
        f"{SAME_ID} If these are different documents, map a native_key that tells them apart; of a crawl "
        "these are fetches of one address.",
    ),
    "superseded_version": Reason(INGEST, "Another batch holds a version of the document that wins.", SAME_ID),
    "no_longer_in_batch": Reason(
        INGEST,
        "The batch was read again and no longer holds the document (place tells where it stood); this is no "
        "row of the input.",
    ),
    "deleted_by_others": Reason(
        ("repair",),
        "Somebody else deleted the document from docs, and `gristmill repair` accepted that.",
        "Ingest its batch again to bring it back.",
    ),
    "copy_is_gone": Reason(
        INGEST,
        "The copy in another batch for which the row was left out is gone.",
        "It comes back when its batch is read again, as `gristmill run curate` does.",
    ),
}

# --- verdicts.reason: documents that were left out

_RULES = {
    "duplicate_paragraphs": "Too many of its paragraphs came before in the same text.",
    "duplicate_paragraph_chars": "Too much of the text is in paragraphs that came before in it.",
    "duplicate_lines": "Too many of its lines came before in the same text.",
    "duplicate_line_chars": "Too much of the text is in lines that came before in it.",
    "too_few_words": "The text has too few words.",
    "too_many_words": "The text has too many words.",
    "mean_word_too_short": "Its words are too short on the average.",
    "mean_word_too_long": "Its words are too long on the average.",
    "too_many_symbols": "The text has too many number signs (#) for its words.",
    "too_many_ellipses": "The text has too many ellipses for its words.",
    "too_many_bullets": "Too many of its lines begin with a bullet.",
    "too_many_ellipsis_lines": "Too many of its lines end with an ellipsis.",
    "too_few_alphabetic_words": "Too few of its words have a letter.",
    "too_few_stop_words": "The text has too few different stop words of its language to be prose.",
    "lorem_ipsum": "A line of the text says lorem ipsum.",
    "curly_bracket": "A line of the text has a curly bracket.",
    "too_few_sentences": "The text has too few sentences (C4: on the lines that its rules keep).",
    "too_few_long_paragraphs": "The text has too few lines of at least 200 characters.",
    "too_few_sentence_ends": "Too few of its lines end a sentence.",
    "too_many_short_lines": "Too many of its lines have at most 30 characters.",
    "duplicate_chars": "Too many of its characters stand in lines that came before in the same text.",
    "too_many_newlines": "The text has too many line breaks for its words.",
    "too_short": "The text has too few characters.",
    "too_long": "The text has too many characters.",
    "lines_too_short": "Its lines are too short on the average.",
    "lines_too_long": "Its lines are too long on the average.",
    "line_too_long": "Its longest line is too long.",
    "repeated_chars": "Too many of its windows of 10 characters copy another one of the same text.",
    "too_few_letters_and_digits": "Too few of its characters are letters or digits.",
    "too_few_han": "Too few of its characters are Han characters.",
    "sentences_in_list_case": "Too many of its sentences have a capital at the beginning of most words.",
    "cursed_sentences": "Too many of its sentences have a string that marks pages which are no text.",
    "questionable_sentences": "Too many of its sentences are in list case or have a cursed string.",
    "too_few_plain_chars": "Too few of its characters are ASCII letters, digits, newlines or ?!,. .",
    "too_many_digits": "Too many of its characters are digits.",
    "mostly_addresses": "Too much of the text is web addresses.",
    "too_much_white_space": "Too much of the text is white space.",
    "too_many_brackets": "Too many of its characters are brackets.",
    "policy_paragraphs": "Too many of its paragraphs speak of cookies, terms of use or privacy.",
    "word_too_long": "Its longest word is too long.",
    "uncertain_language": "The score of its language is too low.",
}
# The reasons that are made for each n.
_RULES_OF_N = {
    r"top_ngram_(\d+)": "One run of {} words, as often as it comes, makes up too much of the text.",
    r"duplicate_ngrams_(\d+)": "Too much of the text is in runs of {} words that occur more than once.",
}


def _rule(code: str) -> Reason:
    """The reason of a limit of gristmill.udfs.rules.limits, with the papers that have it.

    Raises KeyError for one without words.
    """
    # The paper stands next to the limit in udfs/rules/limits.py;
    # repeating it here would let the two differ.
    sources = dict.fromkeys(
        limit.source for limit in LIMITS.values() if limit.reason == code and limit.source
    )
    finding = _RULES.get(code)
    for pattern, words in _RULES_OF_N.items():
        if finding is None and (match := re.fullmatch(pattern, code)):
            finding = words.format(match[1])
    if finding is None:
        raise KeyError(
            f"gristmill.jobs.core.reasons: no sentence for {code}, a reason of gristmill.udfs.rules.limits; "
            "write one"
        )
    return Reason(RULES, f"{finding} Rule: {'; '.join(sources)}." if sources else finding)


VERDICTS: dict[str, Reason] = {
    **{code: _rule(code) for code in dict.fromkeys(limit.reason for limit in LIMITS.values())},
    "other_language": Reason(
        RULES, "The measured language is none of those that the recipe keeps; the value is its score."
    ),
    "same_text": Reason(
        ("dedup_exact",),
        "The text is, after normalising, that of another document, which is kept.",
        "`duplicates` says which.",
    ),
    "same_url": Reason(
        ("dedup_exact",),
        "The address is that of another document, which is kept.",
        "`duplicates` says which. Name only domains in url_domains where one address is one document.",
    ),
    "mostly_repeated": Reason(
        ("dedup_passages",),
        "Without the passages that stand at a better place fewer than min_words_left words are left.",
        "The table passages says where each passage is kept.",
    ),
    "near_duplicate": Reason(
        ("dedup_minhash", "dedup_simhash"),
        "The similarity of the text to that of a kept document reaches the threshold.",
        "`duplicates` says which.",
    ),
    "semantic_duplicate": Reason(
        ("dedup_semantic",),
        "The text says the same as a kept document in other words: the vectors are near, and numbers, "
        "names, negations and the order of words agree.",
        "`duplicates` says which, `semantic_pairs` has every condition.",
    ),
    "contaminated": Reason(
        ("decontaminate",),
        "The text holds an item of a benchmark (question, short question with its answer, or passage), "
        "whole, edited or in part.",
        "`contamination` says which and where.",
    ),
    "unlikely_in_its_domain": Reason(
        ("score_loss",),
        "A language model finds the text less likely than nearly all other documents of its domain.",
    ),
    "low_quality": Reason(
        ("filter_quality",),
        "Its quality bin, 0 (worst) to 19 (best) of its language, is below that of the route.",
    ),
    "sensitive_words": Reason(
        ("filter_scores",), "Too much of the text are words of a list of sensitive ones.", "See conf/lists."
    ),
    "mostly_boilerplate": Reason(
        BOILERPLATE,
        "More of it than max_share is boilerplate, or repeats other documents: what is left says little.",
        "`boilerplate` has the lines.",
    ),
    kernels.TOO_MANY_WORDS_REMOVED: Reason(
        LINES,
        "More of its words than max_removed_ratio stand in lines that belong to the page, not to its text.",
        "The rule names the preset, which has those lines.",
    ),
    "empty_after_edits": Reason(
        ("build_corpus",), "The edits left fewer characters than min_chars.", "`edits` says what they took."
    ),
    "holds_sentinel": Reason(
        ("mix_corpus",),
        "The text holds one of the sentinels that mark a cut, and a trainer could not tell them apart.",
        "Choose other sentinels in fim, or leave such documents out.",
    ),
}

# --- edits.reason: spans that are replaced at the exit

_DROPPED = {
    "too_long_word": "A line of a kept document has a word longer than 1,000 characters (C4).",
    "no_terminal_punctuation": "A line of a kept document does not end a sentence (C4).",
    "too_few_words": "A line of a kept document has fewer than 3 words (C4).",
    "javascript": "A line of a kept document speaks of JavaScript (C4).",
    "policy": "A line of a kept document speaks of cookies, terms of use or a privacy policy (C4).",
}
_ENTITIES = {
    "credential": "A key, a private key or a quoted password.",
    "email": "An e-mail address.",
    "id_card": "A resident ID of China whose region, date and checksum are right.",
    "bank_card": "The number of a bank card whose issuer and checksum are right.",
    "phone": "A phone number of China or North America, or another with its country code.",
    "ip": "An address of the public Internet.",
}
EDITS: dict[str, Reason] = {
    **{code: Reason(RULES, finding) for code, finding in _DROPPED.items()},
    **{kernels.PII.format(name): Reason(("scrub_pii",), finding) for name, finding in _ENTITIES.items()},
    kernels.REPEATED_PASSAGE: Reason(
        ("dedup_passages",), "A passage that stands in a better-ranked document too; passages names it."
    ),
    kernels.REPEATED_WITHIN: Reason(
        ("dedup_passages",), "A passage that the same document has before; passages says where."
    ),
    kernels.LICENCE_HEADER: Reason(
        ("strip_headers",), "A licence or copyright header before the first line of code."
    ),
    kernels.CAPITALS_LINE: Reason(LINES, "A line of which too much is capital letters."),
    kernels.NUMERIC_LINE: Reason(LINES, "A line of digits only, or of too many."),
    kernels.COUNTER_LINE: Reason(LINES, "A line that counts likes, comments, views or the like."),
    kernels.SHORT_LINE: Reason(LINES, "A line of fewer words than min_words."),
    kernels.PAGE_PHRASE: Reason(
        LINES, "A phrase of the page in a short line (sign in, read more, items in cart), or the whole line."
    ),
    kernels.TRADITIONAL_SCRIPT: Reason(
        ("convert_script",), "Traditional characters, which are written as Simplified."
    ),
    kernels.BOILERPLATE_BLOCK: Reason(
        BOILERPLATE,
        "Neighbouring lines that many pages of one site have: navigation, footers, credits, notices.",
        "`boilerplate` has each line, with its pages and an example.",
    ),
    kernels.REPEATED_LINE: Reason(BOILERPLATE, "A line that other documents have (a single-line rule)."),
    kernels.REPEATED_SENTENCES: Reason(
        BOILERPLATE, "Sentences in a row that a better-ranked document has, or that came before."
    ),
    kernels.REPEATED_PARAGRAPH: Reason(
        BOILERPLATE, "A paragraph whose n-grams of words are mostly those of better-ranked documents."
    ),
}

# --- sample_verdicts.reason: samples that were left out

SAMPLE_VERDICTS: dict[str, Reason] = {
    code: Reason(FILTER, *words)
    for code, words in {
        "other_language": ("Question or chain are not in the language of the source.",),
        "ungrounded_numbers": ("Too few numbers of the chain stand in the source.",),
        "ungrounded_names": ("Too few names of the chain stand in the source.",),
        "copied": ("Too much of the chain is copied from the source.",),
        "repetitive": ("Too much of the chain came before in it.",),
        "speaks_of_the_source": (
            "Question or chain speak of the passage, the summaries or the model itself, which a reader "
            "of the sample does not see.",
        ),
        "question_too_short": ("The question has too few words.",),
        "question_too_long": ("The question has too many words.",),
        "cot_too_short": ("The chain of thought has too few words.",),
        "cot_too_long": ("The chain of thought has too many words.",),
        "cot_too_short_for_source": ("The chain of thought is too short for its source.",),
        "cot_too_long_for_source": ("The chain of thought is too long for its source.",),
        "too_few_steps": ("The chain of thought names too few steps.",),
        "not_segmented_by_markers": (
            "Too few segments of the source were found by the words that the model gave as their beginnings.",
        ),
        "too_hard": ("Too few of the tries to solve it were right.",),
        "too_easy": ("Too many of the tries to solve it were right.",),
        "too_simple": ("The judges' score for the complexity of the instruction is too low.",),
        "low_response_quality": ("The judges' score for the quality of the response is too low.",),
        "shallow": ("The judges' score for the depth of the reasoning is too low.",),
        "unsafe": ("The judges' score for safety is too low.",),
        "contaminated": ("Question or chain hold an item of a benchmark, whole, edited or in part.",),
        "near_duplicate": ("The question is like that of a better sample.", "dup_of says which."),
        "same_opening": ("Enough better samples open with the same words.",),
        "over_quota": ("The bucket of its language, domain and difficulty has its quota of samples.",),
        "crowded": ("Other samples of its cluster of questions were chosen to represent it.",),
    }.items()
}

# --- benchmark_items.reason: what is never looked for

BENCHMARK_ITEMS: dict[str, Reason] = {
    code: Reason(("decontaminate", "filter_samples"), finding)
    for code, finding in {
        kernels.EMPTY: "It has no word and no number.",
        kernels.ONLY_NUMBERS: "It has nothing but numbers and single letters.",
        kernels.TOO_FEW_WORDS: "It has fewer words than min_words, and no answer makes up for it.",
        kernels.TOO_COMMON: "Every few words of it stand in more items than max_seed_items.",
    }.items()
}

# --- synth_answers.error, its first word: requests that the worker could not answer

MERGES = ("merge_samples", "merge_scores")
ERRORS: dict[str, Reason] = {
    code: Reason(("worker",), *words)
    for code, words in {
        "malformed": (
            "The model's answer did not have the required form in any of its attempts.",
            "Look at `raw`; another prompt or a larger model may do.",
        ),
        "empty": ("The text of the request is white space.",),
        "too_long": (
            "The text of the request has more characters than limits.max_chars of the worker's recipe.",
            "Export smaller chunks, or raise it.",
        ),
        "over_budget": (
            "The answers came to more tokens than limits.request_tokens of the worker's recipe.",
        ),
        "nothing_found": ("The model says that the text answers no question.",),
        "wrong_request": ("The request is not of the form that its recipe wants.", "Queue it again."),
        "other_prompt": (
            "The worker has another version of the prompt file than the one that the request was made for.",
            "Give the worker that file, or export again.",
        ),
        "engine_refused": ("The model's server refuses the request.",),
        "engine_error": ("The model's server failed at the request, as often as it was tried.",),
    }.items()
}

# --- runs.reasons: counted, and in no other table

COUNTED: dict[str, Reason] = {
    "not_measured": Reason(("measure_text",), "The document has no row in `signals`."),
    "not_labelled": Reason(("label_domain",), "The document has no row in `domains`."),
    "not_scored": Reason(
        ("build_quality", "export_candidates"), "The document lacks a score, and so has no bin."
    ),
    "not_mixed": Reason(
        ("mix_corpus",), "The document belongs to no slice of the mix, or its slice has its share without it."
    ),
    "not_sampled": Reason(
        ("embed_text", "export_candidates", "queue_samples"),
        "The recipe takes so many, by a hash, and others came before.",
    ),
    "too_short": Reason(("export_candidates",), "The document has fewer characters than min_chars."),
    "too_long": Reason(("export_candidates",), "The document has more characters than max_chars."),
    "other_domain": Reason(("export_candidates",), "The domain is none of the recipe's."),
    "other_bin": Reason(("export_candidates",), "The quality bin is none of the recipe's."),
    "other_tier": Reason(("export_candidates",), "The tier is none of the recipe's."),
    "other_language": Reason(("embed_text", "export_candidates"), "The language is none of the recipe's."),
    "other_recipe": Reason(
        ("queue_samples",), "The sample was made by a recipe that is not among the requested ones."
    ),
    "left_out": Reason(("queue_samples",), "The sample has a verdict."),
    "no_answer_to_check": Reason(("queue_samples",), "The sample's answer does not end with a number."),
    "pending": Reason(MERGES, "The request is not answered yet.", "Run `gristmill worker`."),
    "malformed": Reason(("merge_scores",), "The judge's answer holds no number of the scale."),
}

COLUMNS: dict[str, dict[str, Reason]] = {
    "rejects.reason": REJECTS,
    "verdicts.reason": VERDICTS,
    "edits.reason": EDITS,
    "sample_verdicts.reason": SAMPLE_VERDICTS,
    "benchmark_items.reason": BENCHMARK_ITEMS,
    "synth_answers.error": ERRORS,
    "runs.reasons": COUNTED,
}
# The description of a reason that a recipe or a contract names, by column.
OPEN = {
    "rejects.reason": "The row breaks the rule of this name in the contract (conf/expectations).",
    "verdicts.reason": "A score is beyond the limit of this name in the recipe of filter_scores.",
}


def in_words(column: str, code: str) -> str:
    """The description of a reason of a column (a key of COLUMNS), with the next step.

    For an unknown code the description in OPEN, or an empty string.
    """
    known = COLUMNS[column].get(code)
    return OPEN.get(column, "") if known is None else known.words


_ABOUT = {
    "rejects.reason": "Rows of the input that became no document. A contract of your own (`contract:` in the "
    "recipe of ingest_docs or extract_text) may name others.",
    "verdicts.reason": "Documents that were left out; `value`, `limit` and `rule` say by what. The recipe of "
    "filter_scores may name others.",
    "edits.reason": "Spans of kept documents that `build_corpus` replaces.",
    "sample_verdicts.reason": "Synthetic samples that were left out.",
    "benchmark_items.reason": "Parts of benchmark items that are never looked for.",
    "synth_answers.error": "The first word of the error of a request that the worker could not answer; "
    "merge_samples and merge_scores count them.",
    # Counts only: a row for each of these would be a copy of most of the lake.
    "runs.reasons": "What a run counts in addition to the reasons above, with no row for each; "
    "`decontaminate` also counts `contaminated.BENCHMARK`.",
}


def page() -> str:
    """docs/reasons.md."""
    lines = [
        "# Reasons",
        "",
        "Every reason for which a row, a document, a sample or a request is left out, or a span replaced, by",
        "the column that holds it. `python -m gristmill.jobs.core.reasons` writes this page.",
    ]
    for column, known in COLUMNS.items():
        lines += [
            "",
            f"## `{column}`",
            "",
            _ABOUT[column],
            "",
            "| reason | by | what was found |",
            "|---|---|---|",
        ]
        lines += [f"| `{code}` | {', '.join(each.by)} | {each.words} |" for code, each in known.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
