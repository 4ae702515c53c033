"""Codes of the reasons that kernels give; jobs/core/reasons.py has a sentence for each code.

They say why a row of a file gives no document, why a span of a text is replaced, or why a part of a benchmark
item is not searched for.
"""

# Readers: the values of `reason` in gristmill.udfs.read.rows.ROWS.
MISSING_FIELD = "missing_field"
MISSING_TEXT = "missing_text"
EMPTY_TEXT = "empty_text"
WRONG_TYPE = "wrong_type"
NUL_CHARACTER = "nul_character"
LONE_SURROGATE = "lone_surrogate"
INVALID_ENCODING = "invalid_encoding"
MALFORMED_JSON = "malformed_json"
NOT_AN_OBJECT = "not_an_object"
DUPLICATE_KEY = "duplicate_key"
NESTED_TOO_DEEP = "nested_too_deep"
DUPLICATE_COLUMN = "duplicate_column"
MALFORMED_RECORD = "malformed_record"
ROW_TOO_LONG = "row_too_long"
TRUNCATED_FILE = "truncated_file"
UNREADABLE_FILE = "unreadable_file"
FOREIGN_FILE = "foreign_file"
UNPACKS_TOO_LARGE = "unpacks_too_large"

READ: tuple[str, ...] = (
    MISSING_FIELD,
    MISSING_TEXT,
    EMPTY_TEXT,
    WRONG_TYPE,
    NUL_CHARACTER,
    LONE_SURROGATE,
    INVALID_ENCODING,
    MALFORMED_JSON,
    NOT_AN_OBJECT,
    DUPLICATE_KEY,
    NESTED_TOO_DEEP,
    DUPLICATE_COLUMN,
    MALFORMED_RECORD,
    ROW_TOO_LONG,
    TRUNCATED_FILE,
    UNREADABLE_FILE,
    FOREIGN_FILE,
    UNPACKS_TOO_LARGE,
)

# Pages whose text is not extracted: gristmill.udfs.crawl.extract, beside some of READ.
PAGE_TOO_LARGE = "page_too_large"
TOO_MANY_NODES = "too_many_nodes"
TOO_MANY_ATTRIBUTES = "too_many_attributes"
ENGINE_FAILED = "engine_failed"

EXTRACTION: tuple[str, ...] = (
    PAGE_TOO_LARGE,
    INVALID_ENCODING,
    TOO_MANY_NODES,
    NESTED_TOO_DEEP,
    TOO_MANY_ATTRIBUTES,
    ENGINE_FAILED,
    EMPTY_TEXT,
)

# Parts of benchmark items that are not searched for: gristmill.udfs.contamination.items.
EMPTY = "empty"
ONLY_NUMBERS = "only_numbers"
TOO_FEW_WORDS = "too_few_words"
TOO_COMMON = "too_common"

UNSEARCHED: tuple[str, ...] = (EMPTY, ONLY_NUMBERS, TOO_FEW_WORDS, TOO_COMMON)

# Edits: gristmill.udfs.passages.spans, gristmill.udfs.edit.headers,
# gristmill.udfs.edit.script, and gristmill.udfs.edit.pii, which fills in the entity's name.
REPEATED_PASSAGE = "repeated_passage"
REPEATED_WITHIN = "repeated_within_document"
LICENCE_HEADER = "licence_header"
TRADITIONAL_SCRIPT = "traditional_script"
BOILERPLATE_BLOCK = "boilerplate_block"
REPEATED_LINE = "repeated_line"
REPEATED_SENTENCES = "repeated_sentences"
REPEATED_PARAGRAPH = "repeated_paragraph"
PII = "pii_{}"
