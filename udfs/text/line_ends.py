r"""Line ends: `\r\n`, `\r` and `\n` are one line break each, and no measure distinguishes them.

One pass rewrites them before anything is measured. The alternative, three line ends in each kernel, would
leave different character counts and so different ratios for the same lines.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def _contains(texts: pa.Array | pa.ChunkedArray, what: str) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.fill_null(pc.match_substring(texts, what), False))


def unify(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    r"""The texts with `\n` for each `\r\n` and each other `\r`; a column of another type is returned as it
    is.

    "a\r\nb\rc"  ->  "a\nb\nc"
    """
    # most batches have no `\r` and are not copied
    is_text = pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)
    if not is_text or not _contains(texts, "\r").any():
        return texts
    return pc.replace_substring(pc.replace_substring(texts, "\r\n", "\n"), "\r", "\n")


def original_spans(texts: pa.Array | pa.ChunkedArray, spans: pa.ListArray) -> pa.ListArray:
    r"""Spans in the code points of `unify(texts)`, moved to the code points of `texts`.

        "a\r\nb", [(2, 3)]  ->  [(3, 4)]

    `spans`: for each text a list of structs with start and end (int32) and any other fields. None of them may
    end within a line break.
    """
    ends, structs = spans.offsets.to_numpy(), spans.values
    names = [field.name for field in structs.type]
    positions = {name: structs.field(name).to_numpy().copy() for name in ("start", "end")}
    # only `\r\n` shortens a text; a lone `\r` becomes one character, as before
    for row in np.flatnonzero(_contains(texts, "\r\n") & (np.diff(ends) > 0)).tolist():
        points = np.frombuffer(texts[row].as_py().encode("utf-32-le"), np.uint32)
        removed = np.flatnonzero((points[:-1] == 13) & (points[1:] == 10))
        # each `\r` as the position of its `\n` in the unified
        # text, from which all earlier ones are removed
        removed -= np.arange(len(removed))
        for values in positions.values():
            # a view: the sum below changes `positions`
            of_row = values[ends[row] : ends[row + 1]]
            of_row += np.searchsorted(removed, of_row).astype(np.int32)
    columns = [
        pa.array(positions[name], pa.int32()) if name in positions else structs.field(name) for name in names
    ]
    moved = pa.StructArray.from_arrays(columns, fields=list(structs.type))
    return pa.ListArray.from_arrays(spans.offsets, moved, type=spans.type)
