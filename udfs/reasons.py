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

# Pages of a crawl (gristmill.udfs.crawl), beside those of READ: what a record holds, and which page is taken.
REVISIT = "revisit"
MALFORMED_HTTP = "malformed_http"
HEADER_TOO_LARGE = "header_too_large"
MALFORMED_CDX = "malformed_cdx"
NO_RECORD_AT_RANGE = "no_record_at_range"
OTHER_RECORD_AT_RANGE = "other_record_at_range"
NOT_HTML = "not_html"
PDF = "pdf"
TOO_SMALL = "too_small"
TOO_LARGE = "too_large"
TRUNCATED_PAGE = "truncated_page"
# with a number of STATUSES, or with the first digit of any other and xx
STATUS = "status_{}"
STATUSES: dict[int, str] = {
    204: "No Content",
    206: "Partial Content",
    301: "Moved Permanently",
    302: "Found",
    303: "See Other",
    304: "Not Modified",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    410: "Gone",
    429: "Too Many Requests",
    451: "Unavailable For Legal Reasons",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
STATUS_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx", "other")

CRAWL: tuple[str, ...] = (
    REVISIT,
    MALFORMED_HTTP,
    HEADER_TOO_LARGE,
    MALFORMED_CDX,
    NO_RECORD_AT_RANGE,
    OTHER_RECORD_AT_RANGE,
    NOT_HTML,
    PDF,
    TOO_SMALL,
    TOO_LARGE,
    TRUNCATED_PAGE,
    *(STATUS.format(each) for each in (*STATUSES, *STATUS_CLASSES)),
)

# Pages whose text is not extracted: gristmill.udfs.crawl.extract, beside some of READ.
TOO_MANY_NODES = "too_many_nodes"
TOO_MANY_ATTRIBUTES = "too_many_attributes"
ENGINE_FAILED = "engine_failed"

EXTRACTION: tuple[str, ...] = (
    INVALID_ENCODING,
    TOO_MANY_NODES,
    NESTED_TOO_DEEP,
    TOO_MANY_ATTRIBUTES,
    ENGINE_FAILED,
    EMPTY_TEXT,
)

# Pages of a crawl that are left out by their address (gristmill.udfs.crawl.url_rules), or by the wish of
# who published them (gristmill.udfs.crawl.rows).
ADULT_URL = "adult_url"
GAMBLING_URL = "gambling_url"
MALWARE_URL = "malware_url"
BLOCKED_DOMAIN = "blocked_domain"
PUBLISHER_OPTED_OUT = "publisher_opted_out"

PAGE_RULES: tuple[str, ...] = (ADULT_URL, GAMBLING_URL, MALWARE_URL, BLOCKED_DOMAIN, PUBLISHER_OPTED_OUT)

# Parts of benchmark items that are not searched for: gristmill.udfs.contamination.items.
EMPTY = "empty"
ONLY_NUMBERS = "only_numbers"
TOO_FEW_WORDS = "too_few_words"
TOO_COMMON = "too_common"

UNSEARCHED: tuple[str, ...] = (EMPTY, ONLY_NUMBERS, TOO_FEW_WORDS, TOO_COMMON)

# Edits: gristmill.udfs.passages.spans, gristmill.udfs.edit.headers, gristmill.udfs.edit.line_rules,
# gristmill.udfs.edit.script, and gristmill.udfs.edit.pii, which fills in the entity's name.
REPEATED_PASSAGE = "repeated_passage"
REPEATED_WITHIN = "repeated_within_document"
LICENCE_HEADER = "licence_header"
CAPITALS_LINE = "capitals_line"
NUMERIC_LINE = "numeric_line"
COUNTER_LINE = "counter_line"
SHORT_LINE = "short_line"
PAGE_PHRASE = "page_phrase"
TRADITIONAL_SCRIPT = "traditional_script"
BOILERPLATE_BLOCK = "boilerplate_block"
REPEATED_LINE = "repeated_line"
REPEATED_SENTENCES = "repeated_sentences"
REPEATED_PARAGRAPH = "repeated_paragraph"
PII = "pii_{}"

# A verdict: gristmill.udfs.edit.line_rules.
TOO_MANY_WORDS_REMOVED = "too_many_words_removed"
