"""The form of each copy of a document in a mix: whole, or cut for filling in the middle.

The choice needs the text: its length bounds the cuts, and a text that contains a sentinel is refused.
"""

from collections.abc import Iterator

import pyarrow as pa

from gristmill.udfs.arrow.batches import as_batch
from gristmill.udfs.edit.fim import Sentinels, choose_cut, cut

# the same columns twice: as the schema that Spark reads, and as Arrow's
MIXED = (
    "doc_id string, batch_id string, slice string, copy int, n_bytes bigint, fim string, cut_start "
    "int, cut_end int, is_refused boolean"
)
_SCHEMA = pa.schema(
    [
        ("doc_id", pa.string()),
        ("batch_id", pa.string()),
        ("slice", pa.string()),
        ("copy", pa.int32()),
        ("n_bytes", pa.int64()),
        ("fim", pa.string()),
        ("cut_start", pa.int32()),
        ("cut_end", pa.int32()),
        ("is_refused", pa.bool_()),
    ]
)


def shape_batches(
    batches: Iterator[pa.RecordBatch], marks: Sentinels, rate: float, spm_rate: float, seed: int
) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id, slice, copies, text -> MIXED, one row a copy.

        d1, b, web, 2, "one two"    ->  d1, b, web, 0, 7, none, null, null, false
                                        d1, b, web, 1, 7, psm,     2,    5, false
        d2, b, web, 2, "<middle>"   ->  d2, b, web, 0, 8, none, null, null, true

    n_bytes counts UTF-8 bytes without sentinels; cut_start and cut_end are code points. A text that contains
    a sentinel has one row, with is_refused.
    """
    for batch in batches:
        rows = []
        for doc_id, batch_id, slice_, copies, text in zip(
            *(batch[name].to_pylist() for name in ("doc_id", "batch_id", "slice", "copies", "text")),
            strict=True,
        ):
            size, refused = len(text.encode("utf-8", "surrogatepass")), marks.occur_in(text)
            # cuts alone are stored and no text: a mix is narrow,
            # and the export cuts the text as it reads it
            for copy in range(1 if refused else copies):
                # by copy, so that two copies of a document are cut at different positions
                form = None if refused else choose_cut(text, seed, f"{doc_id}/{copy}", rate, spm_rate)
                rows.append((doc_id, batch_id, slice_, copy, size, *(form or ("none", None, None)), refused))
        yield as_batch(rows, _SCHEMA)


def apply_fim(text: str, fim: str, start: int | None, end: int | None, marks: Sentinels | None) -> str:
    """The text in the form of a row of MIXED: unchanged for `fim` "none", else cut at `start` and `end`.

    Raises ValueError for a row that is cut when `marks` is None.
    """
    if fim == "none" or start is None or end is None:
        return text
    if marks is None:
        raise ValueError(
            "the mix holds texts cut for filling in the middle; give the sentinels it was made with"
        )
    return cut(text, "spm" if fim == "spm" else "psm", start, end, marks)
