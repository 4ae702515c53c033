"""The tables of a lake: names, columns, types, keys and what each one means. The tables are the program.

Plain data, no Spark: the command line, the documentation and the worker's contract test read it too. Types
are Spark SQL types. `doc_id` is 32 hex digits (128 bits); side tables carry `batch_id` beside it, so that a
slice is replaced whole and a stale row of a replaced document never joins.
"""

from __future__ import annotations

import pyarrow as pa

from gristmill.jobs.schema.table import DOC, Column, Table, columns
from gristmill.udfs.arrow.types import SQL

DOCS = Table(
    "docs",
    "One row a document as it came in: the only place, beside corpus, where text is stored.",
    columns(
        DOC
        + """
bucket       | int!    | hash of doc_id modulo the lake's number of buckets; text is joined bucket by bucket
source       | string! | where it comes from, as the recipe maps it (a repository, a crawl, a publisher)
native_key   | string  | the key the source itself uses, when it has one
url          | string  | address: a URL with a host; null where the source has none, or what stands there has
             |         | no host (n/a, a path, localhost)
domain_hint  | string  | subject domain as the source states it (web, wiki, books, code, math, ...)
lang_hint    | string  | language as the source states it; the measured one is signals.lang
license      | string  | licence as the source states it
text         | string! | the text, untouched
n_bytes      | bigint! | length of text in UTF-8 bytes
content_hash | string! | 32 hex digits: hash of the UTF-8 bytes of text
source_location | string! | where the row stood: file and row or byte position
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
    "One row for each input row that could not be read, broke the contract, or repeated a document: "
    "nothing is lost silently.",
    columns("""
batch_id | string! | the ingest batch
source_location | string! | where the row stood: file and row or byte position
reason   | string! | what is wrong; docs/reasons.md (jobs/core/reasons.py) says what each means
doc_id   | string  | the document's id, when the row got that far (null otherwise)
raw      | string  | the row as it was, cut to the recipe's bound; of a file that is not of its format, what
         |         | it is
"""),
    key=("batch_id", "source_location", "reason", "doc_id"),
    partitions=("batch_id",),
    keeps_rows=True,
)

BATCH_FILES = Table(
    "batch_files",
    "One row for each file that a batch was read from: by it the next ingest knows what has changed, "
    "and what came of each file.",
    columns("""
batch_id | string! | the ingest batch
root     | string! | the input: real path of a folder or file, or its URI; another root under the name of a
         |         | batch is refused
name     | string! | the file below root, as places of its rows begin
size     | bigint! | bytes
modified | timestamp! | when it was last changed, as its file system says (UTC)
etag     | string  | how its store names the content (object stores that do)
content_hash | string | 32 hex digits: BLAKE2b of its bytes as they were read; of a file read in parts
             |        | (split_bytes), of their digests (null: Delta, or Parquet with an etag)
n_rows   | bigint! | input rows that the reader gave out: documents, and rejects but those that are no longer
         |         | in the batch
"""),
    key=("batch_id", "name"),
    partitions=("batch_id",),
    keeps_rows=True,
)


def _measured() -> tuple[Column, ...]:
    """The columns of `signals`: what the measuring kernel gives, with its own comments."""
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
    "One row a document: every measure that the rules compare later, and its language, taken in one "
    "pass over the text.",
    columns(DOC) + _measured(),
    key=("doc_id", "batch_id"),
    partitions=("batch_id",),
)

VERDICTS = Table(
    "verdicts",
    "One row for each left-out document, job and failing reason: why it was left out, the value that "
    "failed and the limit.",
    columns(
        """
job         | string! | the job that judged
"""
        + DOC
        + """
reason      | string! | what is wrong; docs/reasons.md (jobs/core/reasons.py) says what each means
value       | double  | the measured value that failed (null when the reason has none)
threshold   | double  | what it was compared with
rule        | string  | preset and limit that failed, such as gopher.min_n_words
recipe_hash | string! | hash of the job's parameters, as in runs
"""
    ),
    key=("job", "doc_id", "batch_id", "reason", "rule"),
    partitions=("job", "batch_id"),
)

EDITS = Table(
    "edits",
    "One row for each span of a document that is replaced at the exit (line drops, PII, headers, "
    "folding); docs.text stays as it is.",
    columns(
        """
job         | string! | the job that asks for the edit
"""
        + DOC
        + """
start       | int!    | first code point of the span in docs.text (0-based)
end         | int!    | code point after the span
replacement | string! | what stands there in corpus.text (empty: the span is dropped)
reason      | string! | why; docs/reasons.md (jobs/core/reasons.py) says what each means
"""
    ),
    key=("job", "doc_id", "batch_id", "start", "end"),
    partitions=("job", "batch_id"),
    check="start >= 0 AND end > start",
)

DOMAINS = Table(
    "domains",
    "One row a document: its subject domain and who said so. Where this table stands, every job takes "
    "the domain from here.",
    columns(
        DOC
        + """
domain     | string! | subject domain (web, wiki, books, code, math, ...)
method     | string! | source_map (the recipe's), hint (docs.domain_hint), classifier, default (nobody could
           |         | say)
confidence | double  | the classifier's share for the likeliest domain, 0 to 1, also where it was too low to
           |         | count (null unless classifier)
version    | string  | of the classifier (null unless it was asked)
"""
    ),
    key=("doc_id", "batch_id"),
    partitions=("batch_id",),
    check="confidence IS NULL OR confidence BETWEEN 0 AND 1",
)


CORPUS = Table(
    "corpus",
    "The curated text, one row a kept document, with everything a trainer or analyst filters by.",
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
edits_hash   | bigint  | hash of these spans and what stands in their place (null: none): whether the next run
             |         | has to write the text again
quality      | double  | quality.quality, 0 to 1 (null: not scored)
quality_bin  | int     | quality.bin, 0 (worst) to 19 (best) of its language (null: not scored)
tier         | string  | quality.tier: head, middle or tail (null: not scored)
n_duplicates | bigint! | documents left out in its favour
family_size | bigint! | documents it stands for: itself, those left out in its favour, and in favour of these
content_hash | string! | docs.content_hash of the source text
"""
    ),
    key=("doc_id",),
    partitions=("batch_id", "bucket"),
    check="n_chars > 0",
    marks_deleted=True,
)
