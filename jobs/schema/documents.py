"""The tables of a lake: names, columns, types, keys and what each one means. The tables are the program.

Plain data, no Spark: the command line, the documentation and the worker's contract test read it too. Types
are Spark SQL types. `doc_id` is 32 hex digits (128 bits); side tables carry `batch_id` beside it, so that a
slice is replaced whole and a stale row of a replaced document never joins.
"""

from __future__ import annotations

import pyarrow as pa

from jobs.schema.export import MIX
from jobs.schema.scores import EMBEDDINGS, MODELS, PERPLEXITY, QUALITY, SCORES
from jobs.schema.synthesis import (
    LEASES,
    SAMPLE_SCORES,
    SAMPLE_SIGNALS,
    SAMPLE_VERDICTS,
    SAMPLES,
    SEGMENTS,
    SYNTH_ANSWERS,
    SYNTH_REQUESTS,
)
from jobs.schema.table import DOC, Column, Table, columns
from udfs.arrow.types import SQL

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
place        | string! | where the row stood: file and row or byte position
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
place    | string! | where the row stood: file and row or byte position
reason   | string! | what is wrong, from the closed list in udfs/read/rows.py and jobs/ingest_docs.py
doc_id   | string  | the document's id, when the row got that far (null otherwise)
raw      | string  | the row as it was, cut to the recipe's bound; of a file that is not of its format, what
         |         | it is
"""),
    key=("batch_id", "place", "reason", "doc_id"),
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
    from udfs.rules import measures

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
reason      | string! | what is wrong, from a closed list
value       | double  | the measured value that failed (null when the reason has none)
limit       | double  | the limit it was compared with
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
reason      | string! | why
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
method     | string! | source_map (the recipe's), hint (docs.domain_hint), classifier, otherwise (nobody could
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

TEXT_HASHES = Table(
    "text_hashes",
    "One row a document that dedup_exact has read: the hash of its normalised text, by which the "
    "next batch meets it.",
    columns(
        "kernel    | string! | hash of the normalisation; only equal kernels compare\n"
        + DOC
        + """
text_hash | string! | 32 hex digits: BLAKE2b of the normalised text
"""
    ),
    key=("kernel", "doc_id", "batch_id"),
    partitions=("batch_id",),
)

SKETCHES = Table(
    "sketches",
    "One row for up to 8,192 documents of one batch: their sketches and band keys, the index of the "
    "next batch.",
    columns("""
kernel     | string! | hash of the shingling and hashing parameters; only equal kernels compare
round      | int!    | number of the run of this kernel that sketched them, from 0
block      | bigint! | number of the row in its kernel: round, task and place in the task, in 20 and 14 bits
batch_id   | string! | of all documents of the row
ingest     | string! | run_id of the ingest that wrote the batch; sketches of an earlier one no longer stand
n          | int!    | documents
n_bytes    | bigint! | of their texts, in UTF-8
ids        | binary! | doc_ids as pairs of 64-bit numbers, little-endian as all that follows, one document
           |         | after the other
n_shingles | binary! | distinct shingles (32-bit integers); 0: nothing to compare, the document meets nobody
n_times    | binary! | how often the text says at least half of what it says (bytes, up to 255)
set_hash   | binary! | hashes of the whole shingle sets (64-bit integers); of an equal set one stands for all
           |         | in pairs: round, then doc_id
sketch     | binary! | b-bit MinHash, permutations in order; or SimHash
bands      | binary! | band keys (64-bit integers): documents that share one become a candidate pair
"""),
    key=("kernel", "block"),
)

PAIRS = Table(
    "pairs",
    "One row for each candidate pair that was compared: the evidence behind a near-duplicate.",
    columns("""
job         | string! | the job that compared them
kernel      | string! | hash of the sketching parameters, the measure and the limit
doc_a       | string! | the smaller doc_id
doc_b       | string! | the larger doc_id
similarity  | double! | Jaccard (or containment) of the shingle sets: exact or estimated, see method
method      | string! | exact (text was compared), sketch (far enough from the limit), set (equal shingle
            |         | sets)
is_accepted | boolean! | whether similarity reaches the recipe's limit
"""),
    key=("job", "kernel", "doc_a", "doc_b"),
    partitions=("job",),
    check="doc_a < doc_b AND similarity BETWEEN 0 AND 1",
)

HOT_BUCKETS = Table(
    "hot_buckets",
    "One row for each band key that more classes share than max_bucket: how many pairs of those that "
    "stay were not compared there.",
    columns("""
job          | string! | the job whose bands they are
kernel       | string! | as pairs.kernel
band_key     | bigint! | one of those in sketches.bands
n_classes    | bigint! | classes (documents of different shingle sets) under the key
n_staying    | bigint  | classes under the key that stay (null: no more than max_bucket, and they were all
             |         | compared with each other)
n_uncompared | bigint! | pairs of these not compared under this key (neighbours in doc_id order, and everyone
             |         | with the first, were); some may have met elsewhere
"""),
    key=("job", "kernel", "band_key"),
    partitions=("job",),
)

DUPLICATES = Table(
    "duplicates",
    "One row for each document left out as a duplicate: which document stayed in its place and how "
    "alike the two are.",
    columns(
        """
job        | string! | the job that found it
"""
        + DOC
        + """
dup_of     | string! | doc_id of the survivor it is itself alike to
method     | string! | content, url, exact (shingle sets compared), sketch, set (equal shingle sets), chain
           |         | (families: components)
similarity | double  | similarity to dup_of (1 for exact copies; null for method chain)
family_id  | string! | smallest doc_id of the connected family
"""
    ),
    key=("job", "doc_id", "batch_id"),
    partitions=("job",),
    check="doc_id <> dup_of",
)

CONTAMINATION = Table(
    "contamination",
    "One row for each document and benchmark item found in it: how much of the item, and where.",
    columns(
        """
job       | string! | the job that found it
"""
        + DOC
        + """
benchmark | string! | as its file or the recipe names it
item      | string! | the item's id in its benchmark (of a passage: the first item that has it)
part      | string! | what of it was found: question, question_answer (a question that says too little alone,
          |         | and near it its answer), passage
score     | double! | of the question or passage: 1 - edits / length of the item, 0 to 1: an edit adds, drops,
          |         | changes or swaps words (characters of Chinese count two thirds)
run_words | double! | longest stretch of the item found word for word, in words (numbers and single letters
          |         | count half)
is_copy   | boolean! | true: the score reached the limit; false: the stretch did
limit     | double! | what score (of a copy) or run_words had to reach
start     | int!    | first code point of the place in docs.text (0-based)
end       | int!    | code point after it
"""
    ),
    key=("job", "doc_id", "batch_id", "benchmark", "item", "part"),
    partitions=("job", "batch_id"),
    check="score BETWEEN 0 AND 1 AND end > start",
)

BENCHMARK_ITEMS = Table(
    "benchmark_items",
    "One row for each part of a benchmark's item in the last run of a job that looks for them: whether "
    "it is looked for, and why not.",
    columns("""
job       | string! | the job that looks for it
benchmark | string! | as its file or the recipe names it
item      | string! | the item's id in its benchmark (of a passage: the first item that has it)
part      | string! | question, question_answer or passage, as in contamination (question: of an item that is
          |         | not looked for too)
reason    | string  | why it is never looked for: empty, only_numbers, too_few_words, too_common (null: it is
          |         | looked for)
"""),
    key=("job", "benchmark", "item", "part"),
    partitions=("job",),
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

RUNS = Table(
    "runs",
    "Two rows a job run: started (before its first write) and finished (its last write), with the "
    "versions it read and wrote.",
    columns("""
run_id       | string!    | of the run
job          | string!    | job name
status       | string!    | started, finished (a started run without it died and is repeated), or foreign:
             |            | somebody else changed a table's rows
at           | timestamp! | when this row was written (UTC)
seconds      | double     | wall time of the whole run (finished rows)
batches      | array<string>! | the batches it covers
recipe_hash  | string!    | hash of job name and parameters: equal hash, equal rows
recipe       | string!    | the parameters as JSON
inputs       | string     | fingerprint of what an ingest read (root; names, sizes, times and etags of its
             |            | files)
versions_read    | map<string,bigint> | Delta version of each table as it stood when the run opened it
versions_written | map<string,bigint> | Delta version of each table after its last write
table_ids    | map<string,string> | Delta id of each table that it read, wrote or may write: a table made anew
             |                    | has another
rows_in      | bigint     | documents (ingest: input rows) it looked at
rows_kept    | bigint     | of those, kept
rows_left_out | bigint    | of those, left out: rows_in = rows_kept + rows_left_out
reasons      | map<string,bigint> | left out by reason; a document with two reasons counts in both
code_version | string!    | version of Gristmill
spark_version | string!   | version of Spark
batches_changed | map<string,array<string>> | of a table whose rows it compared with those it would replace:
                |                           | the batches in which they differed, the only ones written;
                |                           | another table it wrote in all of `batches`
"""),
    key=("run_id", "status"),
    keeps_rows=True,
)

# Tables of which each judge owns a slice (its own job name): a job reads only the slices of the judges it
# heeds.
SHARED = frozenset({"verdicts", "duplicates", "edits", "sample_verdicts"})
# whose rows are requests and samples
SYNTHESIS = frozenset(
    {
        "synth_requests",
        "synth_answers",
        "segments",
        "samples",
        "sample_signals",
        "sample_scores",
        "sample_verdicts",
    }
)
# that the worker commits to by itself, with a row in `runs` only when it ends
BY_WORKER = frozenset({"synth_answers", "leases"})
# what workers may be at: no job takes rows out again
SENT_OUT = frozenset({"synth_requests", "synth_answers", "leases"})
ALL = (
    DOCS,
    REJECTS,
    BATCH_FILES,
    DOMAINS,
    SIGNALS,
    PERPLEXITY,
    SCORES,
    EMBEDDINGS,
    QUALITY,
    VERDICTS,
    EDITS,
    TEXT_HASHES,
    SKETCHES,
    PAIRS,
    HOT_BUCKETS,
    DUPLICATES,
    CONTAMINATION,
    BENCHMARK_ITEMS,
    CORPUS,
    MIX,
    SYNTH_REQUESTS,
    SYNTH_ANSWERS,
    SEGMENTS,
    SAMPLES,
    SAMPLE_SIGNALS,
    SAMPLE_SCORES,
    SAMPLE_VERDICTS,
    LEASES,
    MODELS,
    RUNS,
)


def table(name: str) -> Table:
    """The table called `name`. Raises KeyError."""
    return {each.name: each for each in ALL}[name]
