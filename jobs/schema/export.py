"""The table of the training mix: which documents, how often, and in which form."""

from __future__ import annotations

from gristmill.jobs.schema.table import DOC, Table, columns

MIX = Table(
    "mix",
    "One row for each copy of a corpus document in the training mix; the text is in corpus only.",
    columns(
        DOC
        + """
slice     | string! | the slice of the recipe that the document belongs to
copy      | int!    | number of the copy, from 0: a slice smaller than its share of the mix is repeated
n_bytes   | bigint! | length of corpus.text in UTF-8 bytes
position  | bigint! | position in the mix: random, from the seed, the document and the copy
fim       | string! | form for fill in the middle: none, psm (prefix, suffix, middle) or spm (suffix first)
cut_start | int     | first code point of the middle (null: none)
cut_end   | int     | code point after it (null: none)
"""
    ),
    key=("doc_id", "batch_id", "copy"),
    check="fim IN ('none', 'psm', 'spm') AND copy >= 0",
)
