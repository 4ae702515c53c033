"""The tables of the way out: what goes into a training mix, how often, and in which form."""

from __future__ import annotations

from gristmill.jobs.schema.table import DOC, Table, columns

MIX = Table(
    "mix",
    "One row for each time a document of the corpus stands in the training mix; the text stays in corpus.",
    columns(
        DOC
        + """
slice     | string! | the slice of the recipe that the document belongs to
copy      | int!    | which time, from 0: a slice that is wanted more often than it is there is repeated
n_bytes   | bigint! | length of corpus.text in UTF-8 bytes
position  | bigint! | random order of the mix, from the seed, the document and the copy
fim       | string! | none, psm or spm: whether the middle is told last (fill in the middle)
cut_start | int     | first code point of the middle (null: none)
cut_end   | int     | code point after it (null: none)
"""
    ),
    key=("doc_id", "batch_id", "copy"),
    check="fim IN ('none', 'psm', 'spm') AND copy >= 0",
)
