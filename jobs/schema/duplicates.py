"""The tables of duplicates of every kind, and of benchmark items inside documents."""

from __future__ import annotations

from gristmill.jobs.core.reasons import BENCHMARK_ITEMS as BENCHMARK_ITEMS_REASONS
from gristmill.jobs.schema.table import DOC, Table, columns

TEXT_HASHES = Table(
    "text_hashes",
    "One row a document that dedup_exact has read: the hash of its normalised text, by which the "
    "next batch meets it.",
    columns(
        "config_hash | string! | hash of the normalisation; only rows of equal hash compare\n"
        + DOC
        + """
text_hash | string! | 32 hex digits: BLAKE2b of the normalised text
"""
    ),
    key=("config_hash", "doc_id", "batch_id"),
    partitions=("batch_id",),
)

SKETCHES = Table(
    "sketches",
    "One row for up to 8,192 documents of one batch: their sketches and band keys, the index of the "
    "next batch.",
    columns("""
config_hash | string! | hash of the shingling and hashing parameters; only rows of equal hash compare
sketch_generation | int!    | number of the run of this config_hash that sketched them, from 0
block      | bigint! | number of the row in its config_hash: sketch_generation, task and place in the task, in
           |         | 20 and 14 bits
batch_id   | string! | of all documents of the row
ingest     | string! | run_id of the ingest that wrote the batch; sketches of an earlier one no longer stand
n          | int!    | documents
n_bytes    | bigint! | of their texts, in UTF-8
ids        | binary! | doc_ids as pairs of 64-bit numbers, little-endian as all that follows, one document
           |         | after the other
n_shingles | binary! | distinct shingles (32-bit integers); 0: nothing to compare, the document meets nobody
n_times    | binary! | how often the text says at least half of what it says (bytes, up to 255)
set_hash   | binary! | hashes of the whole shingle sets (64-bit integers); of an equal set one stands for all
           |         | in pairs: sketch_generation, then doc_id
sketch     | binary! | b-bit MinHash, permutations in order; or SimHash
bands      | binary! | band keys (64-bit integers): documents that share one become a candidate pair
"""),
    key=("config_hash", "block"),
)

PAIRS = Table(
    "pairs",
    "One row for each candidate pair that was compared: the evidence behind a near-duplicate.",
    columns("""
job         | string! | the job that compared them
config_hash | string! | hash of the sketching parameters, the measure and the limit
doc_a       | string! | the smaller doc_id
doc_b       | string! | the larger doc_id
similarity  | double! | Jaccard (or containment) of the shingle sets: exact or estimated, see method
method      | string! | exact (text was compared), sketch (far enough from the limit), set (equal shingle
            |         | sets)
is_accepted | boolean! | whether similarity reaches the recipe's limit
"""),
    key=("job", "config_hash", "doc_a", "doc_b"),
    partitions=("job",),
    check="doc_a < doc_b AND similarity BETWEEN 0 AND 1",
)

HOT_BUCKETS = Table(
    "hot_buckets",
    "One row for each band key that more classes share than max_bucket: how many pairs of those that "
    "stay were not compared there.",
    columns("""
job          | string! | the job whose bands they are
config_hash  | string! | as pairs.config_hash
band_key     | bigint! | one of those in sketches.bands
n_classes    | bigint! | classes (documents of different shingle sets) under the key
n_survivors    | bigint  | classes under the key that stay (null: no more than max_bucket, and they were all
             |         | compared with each other)
n_uncompared | bigint! | pairs of these not compared under this key (neighbours in doc_id order, and everyone
             |         | with the first, were); some may have met elsewhere
"""),
    key=("job", "config_hash", "band_key"),
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
           |         | (clustering: connected_components)
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
longest_match_words | double! | longest stretch of the item found word for word, in words (numbers and single
                    |         | letters
          |         | count half)
is_copy   | boolean! | true: the score reached the limit; false: the stretch did
threshold | double! | what score (of a copy) or longest_match_words had to reach
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
    columns(f"""
job       | string! | the job that looks for it
benchmark | string! | as its file or the recipe names it
item      | string! | the item's id in its benchmark (of a passage: the first item that has it)
part      | string! | question, question_answer or passage, as in contamination (question: of an item that is
          |         | not looked for too)
reason    | string  | why it is never looked for: {", ".join(BENCHMARK_ITEMS_REASONS)}
          |         | (null: it is looked for)
"""),
    key=("job", "benchmark", "item", "part"),
    partitions=("job",),
)
