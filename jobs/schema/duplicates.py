"""The tables of duplicates of all kinds, and of benchmark items found in documents."""

from __future__ import annotations

from gristmill.jobs.core.reasons import BENCHMARK_ITEMS as BENCHMARK_ITEMS_REASONS
from gristmill.jobs.schema.table import DOC, Table, columns

TEXT_HASHES = Table(
    "text_hashes",
    "One row for each document that dedup_exact has read: the hash of its normalised text; the next "
    "batch is compared with it.",
    columns(
        "config_hash | string! | hash of the normalisation parameters; only rows of equal hash are compared\n"
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
    "One row for up to 8,192 documents of one batch: their sketches and band keys; the index that the "
    "next batch is compared with.",
    columns("""
config_hash | string! | hash of the shingling and hashing parameters; only rows of equal hash are compared
sketch_generation | int!    | number of the run that wrote the row, among runs with this config_hash, from 0
block      | bigint! | number of the row in its config_hash: sketch_generation, task (20 bits) and position in
           |         | the task (14 bits)
batch_id   | string! | batch of all documents of the row
ingest     | string! | run_id of the ingest that wrote the batch; sketches of an earlier ingest are not used
n          | int!    | number of documents
n_bytes    | bigint! | size of their texts in UTF-8
ids        | binary! | doc_ids as pairs of 64-bit numbers, one document after the other; this and the
           |         | following arrays are little-endian
n_shingles | binary! | number of distinct shingles (32-bit integers); 0: the document is not compared
n_times    | binary! | largest count that at least half of the distinct shingles reach (bytes, up to 255); 2:
           |         | the text occurs twice in the document
set_hash   | binary! | hashes of the whole shingle sets (64-bit integers); documents with equal sets have one
           |         | representative in pairs: the lowest by sketch_generation, then doc_id
sketch     | binary! | b-bit MinHash, permutations in order; or SimHash
bands      | binary! | band keys (64-bit integers); documents that share one are a candidate pair
edits      | binary  | hash of the edits with which the text was read (64-bit integers; 0: none); null: the
           |         | recipe applies none
"""),
    key=("config_hash", "block"),
)

PAIRS = Table(
    "pairs",
    "One row for each candidate pair that was compared: the evidence for near-duplicates.",
    columns("""
job         | string! | the job that compared them
config_hash | string! | hash of the sketching parameters, the measure and the threshold
doc_a       | string! | the smaller doc_id
doc_b       | string! | the larger doc_id
similarity  | double! | Jaccard (or containment) of the shingle sets: exact or estimated, see method
method      | string! | exact (texts compared), sketch (estimate far enough from the threshold), set (equal
            |         | shingle sets)
is_accepted | boolean! | whether similarity reaches the recipe's min_similarity
"""),
    key=("job", "config_hash", "doc_a", "doc_b"),
    partitions=("job",),
    check="doc_a < doc_b AND similarity BETWEEN 0 AND 1",
)

SEMANTIC_CELLS = Table(
    "semantic_cells",
    "One row for each k-means cell of the vectors of a model: its centre. Later batches are compared in the "
    "same cells.",
    columns("""
config_hash | string! | hash of the model and of what its cells are fitted with
model       | string! | name and version of the model, as in embeddings
cell        | int!    | number of the cell, from 0
centre      | binary! | its centre as 8-bit integers
n_documents | bigint! | documents with a vector of the model when the cells were fitted
"""),
    key=("config_hash", "cell"),
)

SEMANTIC_DOCUMENTS = Table(
    "semantic_documents",
    "One row for each document that dedup_semantic has paired with all others; the next run pairs the rest.",
    columns("config_hash | string! | as semantic_pairs.config_hash\n" + DOC),
    key=("config_hash", "doc_id", "batch_id"),
    partitions=("batch_id",),
)

SEMANTIC_PAIRS = Table(
    "semantic_pairs",
    "One row for each pair of documents with near vectors whose words agree, too, or are those of a "
    "translation: every condition with its value. Rejected pairs where the recipe keeps them.",
    columns("""
config_hash   | string! | hash of the models, the limits and the search
doc_a         | string! | the smaller doc_id
batch_a       | string! | its batch
doc_b         | string! | the larger doc_id
batch_b       | string! | its batch
method        | string! | semantic (one language), translation (two)
lang_a        | string! | language of doc_a
lang_b        | string! | language of doc_b
cosine        | double! | of their vectors, as 8-bit integers; 4 decimals
same_numbers  | boolean! | the same numbers, as often (of a translation: those in digits)
same_units    | boolean | the same units, currencies and signs of formulas, as often; this and the
              |         | following are null for a translation
same_negation | boolean | as many negations
same_names    | boolean | no name (English: capitals inside a sentence; Chinese: words in Latin letters) that
              |         | the other text lacks
same_question | boolean | the same question words
no_opposites  | boolean | no word whose opposite the other text has in its place
length_ratio  | double  | weight of the words of the shorter text over that of the longer
n_words       | double  | weight of the words of the shorter text
order_ratio   | double  | share of the shared words that stand in the same order
is_exchange   | boolean | whether two neighbouring parts changed places and nothing else
extra_ratio   | double  | weight of the words that only one text has (the greater side) over the shorter text
replaced_ratio | double | content words that only one text has (the lesser side) over the shorter text
failed        | string  | the first condition that the pair does not meet (null: accepted)
is_accepted   | boolean! | whether it meets all
"""),
    key=("config_hash", "doc_a", "batch_a", "doc_b", "batch_b"),
    check="doc_a < doc_b AND cosine BETWEEN -1 AND 1",
)

HOT_BUCKETS = Table(
    "hot_buckets",
    "One row for each LSH bucket larger than max_bucket (dedup_semantic: each cell that was split): how many "
    "pairs of its survivors were not compared there.",
    columns("""
job          | string! | the job that wrote the band keys
config_hash  | string! | as pairs.config_hash
band_key     | bigint! | the bucket's band key, as in sketches.bands (dedup_semantic: model and cell)
n_classes    | bigint! | classes in the bucket; a class is all documents with one shingle set (dedup_semantic:
             |         | documents)
n_survivors  | bigint  | surviving classes of the bucket (null: at most max_bucket, all compared with each
             |         | other)
n_uncompared | bigint! | pairs of survivors not compared in this bucket, which compares adjacent ones in
             |         | doc_id order and all with the first; other buckets may compare some of them
"""),
    key=("job", "config_hash", "band_key"),
    partitions=("job",),
)

DUPLICATES = Table(
    "duplicates",
    "One row for each document rejected as a duplicate: the document kept in its place, and their "
    "similarity.",
    columns(
        """
job        | string! | the job that found it
"""
        + DOC
        + """
dup_of     | string! | doc_id of the survivor that it is a duplicate of
method     | string! | content, url, exact (shingle sets compared), sketch, set (equal shingle sets), chain
           |         | (only with clustering: connected_components), semantic
similarity | double  | similarity to dup_of (1 for exact copies; null for method chain; semantic: the cosine)
family_id  | string! | smallest doc_id of the connected family of duplicates
"""
    ),
    key=("job", "doc_id", "batch_id"),
    partitions=("job",),
    check="doc_id <> dup_of",
)

LINE_COUNTS = Table(
    "line_counts",
    "One row for each line of a site and batch, and one (line null) for the site's documents: what "
    "dedup_boilerplate has counted, with which the next batch is added up.",
    columns("""
config_hash    | string! | hash of how lines are folded and grouped; only rows of equal hash are added up
batch_id       | string! | batch of the counted documents
site           | string! | host:NAME of their URLs, or source:NAME without one; lake: all documents
line           | bigint  | hash of the folded line; its lowest bit: whether the script has no spaces (null:
               |         | the row counts documents)
n              | bigint! | documents that have the line (line null: all that were counted)
documents_hash | bigint  | of the counted documents' ids; the site is counted again when it changes (null for
               |         | lines)
"""),
    key=("config_hash", "batch_id", "site", "line"),
    partitions=("batch_id",),
    check="n > 0",
)

BOILERPLATE = Table(
    "boilerplate",
    "One row for each common line of a site (blocks of them are edits of dedup_boilerplate): in how many "
    "documents it is, and an example. With a rule that keeps one copy: one row for each removed passage.",
    columns("""
site             | string! | as line_counts.site
line             | bigint! | as line_counts.line; of a passage the hash of its first sentences or words
line_text        | string! | the first 200 code points of the line, or of the removed passage
n                | bigint! | documents of the site that have it
n_pages          | bigint  | documents of the site (null with a rule that keeps one copy)
share            | double  | n / n_pages (null with a rule that keeps one copy)
example_doc_id   | string! | the document with the lowest id that has the line; of a passage the one that
                 |         | keeps it
example_batch_id | string! | its batch
example_start    | int     | first code point of the line in its docs.text (0-based; null for a passage)
example_end      | int     | code point after it
"""),
    key=("site", "line"),
    check="n > 0 AND (n_pages IS NULL OR n <= n_pages)",
)

PASSAGE_RUNS = Table(
    "passage_runs",
    "One row for up to 8,192 documents of one batch: the runs of windows of their texts, by which equal "
    "passages are found; the index that the next batch is compared with.",
    columns("""
config_hash | string! | hash of window length and seed; only rows of equal hash are compared
generation | int!    | number of the run that wrote the row, among runs with this config_hash, from 0
block      | bigint! | number of the row in its config_hash: generation, task (20 bits) and position in the
           |         | task (14 bits)
batch_id   | string! | batch of all documents of the row
ingest     | string! | run_id of the ingest that wrote the batch; rows of an earlier ingest are not used
indexed_at | timestamp! | when the run began that read the texts (UTC)
n          | int!    | number of documents
n_bytes    | bigint! | size of their texts in UTF-8
n_rows     | bigint! | number of runs
ids        | binary! | doc_ids as pairs of 64-bit numbers, one document after the other; this and the
           |         | following arrays are little-endian
n_runs     | binary! | distinct runs of each document (32-bit integers); 0: shorter than a window
anchors    | binary! | hash of the bytes of each run's anchor, the gram with the smallest hash (64-bit)
runs       | binary! | hash of each run's bytes (64-bit)
begins     | binary! | first byte of each run in its document (32-bit)
chars      | binary! | code points before that byte (32-bit)
windows    | binary! | windows of each run (16-bit)
offsets    | binary! | bytes from the beginning of each run to its anchor (16-bit)
is_multiple | binary! | whether each run occurs in its document again (bytes)
"""),
    key=("config_hash", "block"),
)

PASSAGES = Table(
    "passages",
    "One row for each piece of text that was removed because it stands at a better place: that place, and "
    "how many copies there are.",
    columns(
        """
job         | string! | the job that found it
"""
        + DOC
        + """
start       | int!    | first code point of the piece in docs.text (0-based); pieces of one span may overlap
end         | int!    | code point after it
n_bytes     | int!    | its length in UTF-8
kept_doc_id | string! | document that keeps the same text
kept_start  | int!    | first code point of the same text in that document
n_copies    | int!    | places of the piece, or of the window of it that has most, when it was found
"""
    ),
    key=("job", "doc_id", "batch_id", "start", "kept_doc_id", "kept_start"),
    partitions=("job", "batch_id"),
    check="start >= 0 AND end > start AND n_copies >= 2",
)

CONTAMINATION = Table(
    "contamination",
    "One row for each document and benchmark item found in it: similarity, longest verbatim match, offsets.",
    columns(
        """
job       | string! | the job that found it
"""
        + DOC
        + """
benchmark | string! | name of the benchmark, from its file or the recipe
item      | string! | the item's id in its benchmark (for a passage: the first item with this passage)
part      | string! | part of the item that was found: question, question_answer (a short question with its
          |         | answer near it), passage
score     | double! | similarity to the question or passage: 1 - edits / length of the item, 0 to 1; an edit
          |         | adds, drops, changes or swaps words (a Chinese character counts two thirds)
longest_match_words | double! | longest verbatim match of the item, in words (numbers and single letters count
                    |         | half)
is_copy   | boolean! | true: the score reached its threshold; false: longest_match_words did
threshold | double! | the threshold that score (if is_copy) or longest_match_words reached
start     | int!    | first code point of the match in docs.text (0-based)
end       | int!    | code point after it
"""
    ),
    key=("job", "doc_id", "batch_id", "benchmark", "item", "part"),
    partitions=("job", "batch_id"),
    check="score BETWEEN 0 AND 1 AND end > start",
)

BENCHMARK_ITEMS = Table(
    "benchmark_items",
    "One row for each part of a benchmark item in the last run of a job that searches for them: whether "
    "it is searched for, and if not, why.",
    columns(f"""
job       | string! | the job that searches for it
benchmark | string! | name of the benchmark, from its file or the recipe
item      | string! | the item's id in its benchmark (for a passage: the first item with this passage)
part      | string! | question, question_answer or passage, as in contamination (question also for items that
          |         | are not searched for)
reason    | string  | why it is not searched for: {", ".join(BENCHMARK_ITEMS_REASONS)}
          |         | (null: it is searched for)
"""),
    key=("job", "benchmark", "item", "part"),
    partitions=("job",),
)
