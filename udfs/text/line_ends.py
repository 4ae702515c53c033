r"""Line ends: `\r\n` and `\r` are a line break as `\n` is one, and no measure tells them apart."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def _holds(texts: pa.Array | pa.ChunkedArray, what: str) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.fill_null(pc.match_substring(texts, what), False))


def unify(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    r"""The same texts with `\n` for each `\r\n` and each other `\r`; what holds no strings comes back as
    it is."""
    is_text = pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)
    if not is_text or not _holds(texts, "\r").any():
        return texts
    return pc.replace_substring(pc.replace_substring(texts, "\r\n", "\n"), "\r", "\n")


def as_written(texts: pa.Array | pa.ChunkedArray, spans: pa.ListArray) -> pa.ListArray:
    """Spans found in `unify(texts)`, in the code points of `texts`.

    `spans`: a list a text of structs with start and end (int32); none of them ends within a line break.
    """
    ends, found = spans.offsets.to_numpy(), spans.values
    names = [field.name for field in found.type]
    places = {name: found.field(name).to_numpy().copy() for name in ("start", "end")}
    for row in np.flatnonzero(_holds(texts, "\r\n") & (np.diff(ends) > 0)).tolist():
        points = np.frombuffer(texts[row].as_py().encode("utf-32-le"), np.uint32)
        gone = np.flatnonzero((points[:-1] == 13) & (points[1:] == 10))
        # where the `\n` behind each stands in the unified text
        gone -= np.arange(len(gone))
        for place in places.values():
            mine = place[ends[row] : ends[row + 1]]
            mine += np.searchsorted(gone, mine).astype(np.int32)
    columns = [pa.array(places[name], pa.int32()) if name in places else found.field(name) for name in names]
    structs = pa.StructArray.from_arrays(columns, fields=list(found.type))
    return pa.ListArray.from_arrays(spans.offsets, structs, type=spans.type)
