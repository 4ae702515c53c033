"""What a file is by its first bytes: a packing that is unpacked, something that is not read at all, or plain.

The bytes decide, never the name alone: what is packed under a plain name is unpacked, and a name that
promises what the bytes do not keep is said. Only brotli and raw LZMA have no bytes to be known by.
"""

from __future__ import annotations

# bytes that tell; tar writes its mark at byte 257
HEAD = 512

# of packings that are unpacked
SUFFIXES = {"gz": (".gz", ".gzip"), "zst": (".zst", ".zstd"), "bz2": (".bz2", ".bz"), "xz": (".xz",)}
# Bytes at the beginning. Those of bzip2 are of a block (pi) or of an
# empty stream (its root); three letters alone may begin any text.
_BZIP2 = (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")
_XZ = b"\xfd7zXZ\x00"
FOREIGN = {
    "a zip archive": (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"),
    "a 7z archive": (b"7z\xbc\xaf\x27\x1c",),
    "a rar archive": (b"Rar!\x1a\x07",),
    "packed by lz4": (b"\x04\x22\x4d\x18", b"\x02\x21\x4c\x18"),
    "packed by snappy": (b"\xff\x06\x00\x00sNaPpY",),
    "packed by compress": (b"\x1f\x9d", b"\x1f\xa0"),
    "packed by lzip": (b"LZIP\x01",),
    "packed by lzop": (b"\x89LZO\x00",),
    "a Parquet file": (b"PAR1\x15", b"PAR1\x00"),
    "an encrypted Parquet file": (b"PARE",),
    "an Avro file": (b"Obj\x01",),
    "an Arrow file": (b"ARROW1\x00\x00",),
    "a SQLite database": (b"SQLite format 3\x00",),
    "a PDF": (b"%PDF-1.", b"%PDF-2."),
    "an HDF5 file": (b"\x89HDF\r\n",),
    "an ARC file, which came before WARC": (b"filedesc://",),
}
NAMES = {
    ".zip": "zip",
    ".7z": "7z",
    ".rar": "rar",
    ".tar": "tar",
    ".tgz": "tar",
    ".tbz2": "tar",
    ".txz": "tar",
    ".lz4": "lz4",
    ".br": "brotli",
    ".snappy": "snappy",
    ".sz": "snappy",
    ".lzma": "LZMA",
    ".lz": "lzip",
    ".lzo": "lzop",
    ".Z": "compress",
    ".orc": "ORC",
    ".avro": "Avro",
    ".arrow": "Arrow",
    ".feather": "Arrow",
}


def packing(name: str, head: bytes) -> str | None:
    """`gz`, `zst`, `bz2` or `xz` by the first bytes of a file, else None.

    A file that is shorter than its mark goes by its name.
    """
    if head[:2] == b"\x1f\x8b":
        return "gz"
    # a frame, or one to skip
    if head[:4] == b"\x28\xb5\x2f\xfd" or (head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5):
        return "zst"
    if head[:3] == b"BZh" and (head[4:10] in _BZIP2 or (len(head) < 10 and promised(name) == "bz2")):
        return "bz2"
    is_cut = 0 < len(head) < len(_XZ) and _XZ.startswith(head)
    return "xz" if head.startswith(_XZ) or (is_cut and promised(name) == "xz") else None


def promised(name: str) -> str | None:
    """The packing that a name promises, of those that are unpacked."""
    low = name.lower()
    return next((kind for kind, ends in SUFFIXES.items() if low.endswith(ends)), None)


def foreign(name: str, head: bytes) -> str | None:
    """What a file is that no reader of lines, records or texts takes (`a zip archive`); None for any other.

    `name` counts where bytes say nothing.
    """
    foreign_kind = next((what for what, marks in FOREIGN.items() if head.startswith(marks)), None)
    if foreign_kind is None and head[257:262] == b"ustar" and b"\0" in head[:257]:
        foreign_kind = "a tar archive"
    if foreign_kind or packing(name, head):
        return foreign_kind
    named_kind = next(
        (
            what
            for end, what in NAMES.items()
            if name.endswith(end) or (end != ".Z" and name.lower().endswith(end))
        ),
        None,
    )
    return (
        f"named as {named_kind}, which is not read, and its bytes are none that is"
        if named_kind and head
        else None
    )
