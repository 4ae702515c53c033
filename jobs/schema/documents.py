"""The tables of a lake: names, columns, types, keys and what each one means. Code follows the tables.

Plain data, no Spark: the command line, the documentation and the worker's contract test read it too. Types
are Spark SQL types. `doc_id` is 32 hex digits (128 bits). Side tables also have `batch_id`, so that a
slice is replaced as a whole and a stale row of a replaced document never joins.
"""

from __future__ import annotations

import pyarrow as pa

from gristmill.jobs.schema.table import DOC, Column, Table, columns
from gristmill.udfs.arrow.types import SQL

DOCS = Table(
    "docs",
    "One row for each document as ingested. Only this table and corpus store text.",
    columns(
        DOC
        + """
bucket       | int!    | hash of doc_id modulo the lake's number of buckets; text is joined bucket by bucket
source       | string! | origin of the document, as the recipe maps it (a repository, a crawl, a publisher)
native_key   | string  | the key that the source itself uses, if it has one
url          | string  | URL with a host; null if the source has none, or a value without a host (n/a, a path,
             |         | localhost)
domain_hint  | string  | subject domain stated by the source (web, wiki, books, code, math, ...)
lang_hint    | string  | language stated by the source; the measured language is signals.lang
license      | string  | licence stated by the source
text         | string! | the text, unchanged
n_bytes      | bigint! | length of text in UTF-8 bytes
content_hash | string! | 32 hex digits: hash of the UTF-8 bytes of text
source_location | string! | location of the row: file and row number or byte position
ingested_at  | timestamp! | when the batch was ingested (UTC)
"""
    ),
    key=("doc_id",),
    partitions=("batch_id", "bucket"),
    check="length(doc_id) = 32 AND length(content_hash) = 32 AND n_bytes > 0",
    keeps_rows=True,
)

REJECTS = Table(
    "rejects",
    "One row for each input row that could not be read, violated the contract, or repeated a document.",
    columns("""
batch_id | string! | the ingest batch
source_location | string! | location of the row: file and row number or byte position
reason   | string! | why the row was rejected; docs/reasons.md (jobs/core/reasons.py) explains each reason
doc_id   | string  | the document's id, if the row had one (null otherwise)
raw      | string  | the row as read, truncated to the recipe's max_raw_bytes; for a file of another format,
         |         | its actual format
"""),
    key=("batch_id", "source_location", "reason", "doc_id"),
    partitions=("batch_id",),
    keeps_rows=True,
)

PAGES = Table(
    "pages",
    "One row for each document that was extracted from a page of a crawl: what the page says of itself, how "
    "it was read, and where it is in the crawl. The page itself is not stored.",
    columns(
        DOC
        + """
source_location | string! | as in docs: file of the crawl, and position of the record in the unpacked file
file         | string! | the file of the crawl, below the input
stored_at    | bigint  | byte of that file, as it is stored, at which the record begins (of a compressed WARC
             |         | its gzip member, for a range request); null where it cannot be told
record_id    | string  | WARC-Record-ID
fetched_at   | timestamp | when the crawler fetched it (WARC-Date, UTC)
status       | int     | HTTP status (null: the input has none)
url          | string  | as in docs
title        | string  | title of the page
published    | date    | day on which the page says that it was published
html_lang    | string  | language that the page declares; the measured one is signals.lang
charset_declared | string | encoding that the server or the page declared, else null
charset_used | string  | encoding in which it was read, detected from its bytes
n_bytes_html | bigint  | bytes of the page as HTML
text_ratio   | double  | bytes of docs.text by bytes of the page
link_ratio   | double  | share of the text's characters that are text of links, 0 to 1
extractor    | string  | the engine that gave the text, with its version
expected_f1  | double  | share of words, 0 to 1, that the cascade expects to be right (F1 of words; null for
             |         | another engine): pages with a low one are worth a look
wishes       | array<string> | wishes of the publisher about use of the page, such as noai or tdm-reservation
"""
    ),
    key=("doc_id", "batch_id"),
    partitions=("batch_id",),
    keeps_rows=True,
)

BATCH_FILES = Table(
    "batch_files",
    "One row for each file that a batch was read from: what the next ingest compares files with, and "
    "the number of rows read.",
    columns("""
batch_id | string! | the ingest batch
root     | string! | the input: real path of a folder or file, or its URI; a batch with the same name but
         |         | another root is an error
name     | string! | path of the file below root; source_location of its rows begins with it
size     | bigint! | bytes
modified | timestamp! | time of the last change, as reported by its file system (UTC)
etag     | string  | the object store's ETag of the content, if it has one
content_hash | string | 32 hex digits: BLAKE2b of its bytes as read; for a file read in parts
             |        | (split_bytes), of the parts' digests (null: Delta, or Parquet with an etag)
n_rows   | bigint! | input rows that the reader returned: documents and rejects, except rejects with the
         |         | reason no_longer_in_batch
"""),
    key=("batch_id", "name"),
    partitions=("batch_id",),
    keeps_rows=True,
)


def _measured() -> tuple[Column, ...]:
    """The columns of `signals`: the output of the measuring kernel, with its comments."""
    from gristmill.udfs.rules import measures

    def kind(field: pa.Field) -> str:
        return SQL.get(field.type, "array<struct<start:int,end:int,reason:string>>")

    return tuple(
        Column(f.name, kind(f), f.metadata[b"comment"].decode())
        for f in measures.SIGNALS
        if f.name != "doc_id"
    )


SIGNALS = Table(
    "signals",
    "One row for each document: all measures that the rules compare later, and its language, from one "
    "pass over the text.",
    columns(DOC) + _measured(),
    key=("doc_id", "batch_id"),
    partitions=("batch_id",),
)

VERDICTS = Table(
    "verdicts",
    "One row for each rejected document, filter and reason: the value that failed and the threshold.",
    columns(
        """
job         | string! | the filter that rejected the document
"""
        + DOC
        + """
reason      | string! | why it was rejected; docs/reasons.md (jobs/core/reasons.py) explains each reason
value       | double  | the measured value that failed (null if the reason has none)
threshold   | double  | the threshold that the value was compared with
rule        | string  | preset and threshold that failed, such as gopher.min_words
recipe_hash | string! | hash of the job's parameters, as in runs
"""
    ),
    key=("job", "doc_id", "batch_id", "reason", "rule"),
    partitions=("job", "batch_id"),
)

EDITS = Table(
    "edits",
    "One row for each span of a document that is replaced when the corpus is written (line drops, PII, "
    "headers, script conversion); docs.text is not changed.",
    columns(
        """
job         | string! | the job that wrote the edit
"""
        + DOC
        + """
start       | int!    | first code point of the span in docs.text (0-based)
end         | int!    | code point after the span
replacement | string! | replacement in corpus.text (empty: the span is deleted)
reason      | string! | why it is replaced; docs/reasons.md (jobs/core/reasons.py) explains each reason
"""
    ),
    key=("job", "doc_id", "batch_id", "start", "end"),
    partitions=("job", "batch_id"),
    check="start >= 0 AND end > start",
)

DOMAINS = Table(
    "domains",
    "One row for each document: its subject domain, and the source and confidence of this label. If the "
    "table exists, later jobs use this domain.",
    columns(
        DOC
        + """
domain     | string! | subject domain (web, wiki, books, code, math, ...)
method     | string! | source of the label: source_map (of the recipe), hint (docs.domain_hint), classifier,
           |         | default (none of these)
confidence | double  | the classifier's probability of the likeliest domain, 0 to 1, also if it was below
           |         | min_confidence (null if the classifier was not used)
version    | string  | version of the classifier (null if it was not used)
"""
    ),
    key=("doc_id", "batch_id"),
    partitions=("batch_id",),
    check="confidence IS NULL OR confidence BETWEEN 0 AND 1",
)


CORPUS = Table(
    "corpus",
    "The curated text: one row for each kept document, with columns that a trainer or analyst filters by.",
    columns(
        DOC
        + """
bucket       | int!    | as in docs
source       | string! | as in docs
url          | string  | as in docs
license      | string  | as in docs
lang         | string  | measured language (signals.lang)
lang_score   | double  | its score, 0 to 1
domain       | string  | domain of the document
text         | string! | the text after all edits
n_chars      | bigint! | characters of text
n_words      | bigint  | words of docs.text (signals.n_words)
n_edits      | int!    | spans that were replaced
edits_hash   | bigint  | hash of these spans and their replacements (null: none); the next run writes the text
             |         | again if it differs
quality      | double  | quality.quality, 0 to 1 (null: not scored)
quality_bin  | int     | quality.bin, 0 (worst) to 19 (best) of its language (null: not scored)
tier         | string  | quality.tier: head, middle or tail (null: not scored)
n_duplicates | bigint! | documents rejected as duplicates of this one
family_size | bigint! | documents that it represents: itself, its duplicates, and their duplicates
content_hash | string! | docs.content_hash of the source text
"""
    ),
    key=("doc_id",),
    partitions=("batch_id", "bucket"),
    check="n_chars > 0",
    marks_deleted=True,
)
