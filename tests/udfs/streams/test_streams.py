"""Streams: what is packed comes out whole, what breaks breaks late, no line is read twice or held when it is too long."""

from __future__ import annotations

import bz2
import functools
import gzip
import io
import lzma
import os
import random
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyarrow import fs

from gristmill.udfs.streams import encodings, members, streams
from gristmill.udfs.streams.encodings import BadEncoding, decode, detect
from gristmill.udfs.streams.streams import BrokenStream, Limits, lines, open_file, part_lines, unpacked

WIDE = Limits(max_row_bytes=1 << 20, max_raw_bytes=64, max_unpacked_bytes=1 << 30, max_unpack_ratio=1000)

# The opening of Lu Xun's "Hometown" (1921) in both scripts.
SIMPLIFIED = "我冒了严寒，回到相隔二千余里，别了二十余年的故乡去。时候既然是深冬；渐近故乡时，天气又阴晦了，冷风吹进船舱中，呜呜的响，从蓬隙向外一望，苍黄的天底下，远近横着几个萧索的荒村，没有一些活气。我的心禁不住悲凉起来了。"
TRADITIONAL = "我冒了嚴寒，回到相隔二千餘里，別了二十餘年的故鄉去。時候既然是深冬；漸近故鄉時，天氣又陰晦了，冷風吹進船艙中，嗚嗚的響，從蓬隙向外一望，蒼黃的天底下，遠近橫著幾個蕭索的荒村，沒有一些活氣。我的心禁不住悲涼起來了。"
KOREAN = "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다. " * 3


def out(data: bytes, name: str = "x", limits: Limits = WIDE) -> bytes:
    return b"".join(unpacked(io.BytesIO(data), name, limits))


def until_break(data: bytes, name: str, limits: Limits = WIDE) -> tuple[bytes, str]:
    held: list[bytes] = []
    with pytest.raises(BrokenStream) as broken:
        held.extend(unpacked(io.BytesIO(data), name, limits))
    return b"".join(held), broken.value.reason


def cut(data: bytes, limits: Limits = WIDE, size: int = 7) -> list[streams.Line]:
    return list(lines(streams.blocks(io.BytesIO(data), size=size), limits))


def numbers(n: int) -> bytes:
    seed = random.Random(7)
    return b"".join(b"%d %d\n" % (i, seed.getrandbits(64)) for i in range(n))


# Packing


def test_every_member_of_a_gzip_file_is_read():
    assert out(gzip.compress(b"one\n") + gzip.compress(b"") + gzip.compress(b"two\n"), "x.gz") == b"one\ntwo\n"


def test_every_frame_of_a_zstd_file_is_read_and_frames_to_skip_are_skipped():
    packer, skip = zstandard.ZstdCompressor(), b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
    assert out(skip + packer.compress(b"one\n") + skip + packer.compress(b"two\n") + skip, "x.zst") == b"one\ntwo\n"


def test_zeros_after_the_last_gzip_member_are_padding():
    assert out(gzip.compress(b"one\n") + b"\0" * 20_000, "x.gz") == b"one\n"


def test_what_is_packed_is_told_by_its_head_and_not_by_its_name():
    assert out(gzip.compress(b"one\n"), "x.jsonl") == b"one\n"


@pytest.mark.parametrize("name", ["x.gz", "x.zst"])
def test_rubbish_under_a_packed_name_is_an_unreadable_file(name):
    assert until_break(b"this was never packed", name) == (b"", "unreadable_file")


@pytest.mark.parametrize("head", [b"\x1f\x8b", b"\x28\xb5\x2f\xfd"])
def test_rubbish_behind_the_right_head_is_an_unreadable_file(head):
    assert until_break(head + b"\xff" * 500, "x") == (b"", "unreadable_file")


@pytest.mark.parametrize("name", ["x.gz", "x.zst"])
def test_an_empty_file_under_a_packed_name_was_cut_off(name):
    assert until_break(b"", name) == (b"", "truncated_file")


def test_an_empty_plain_file_holds_nothing():
    assert out(b"") == b""


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_gzip_file_cut_off_anywhere_gives_all_that_can_be_unpacked_before_the_cut(share):
    data = numbers(20_000)
    packed = gzip.compress(data)
    came, reason = until_break(packed[: int(len(packed) * share)], "x.gz")
    assert reason == "truncated_file"
    assert data.startswith(came)
    assert len(came) > len(data) * share * 0.9


def test_a_zstd_file_cut_off_gives_the_blocks_before_the_cut():
    data = numbers(50_000)
    packed = zstandard.compress(data)
    came, reason = until_break(packed[: len(packed) * 3 // 4], "x.zst")
    assert reason == "truncated_file"
    assert data.startswith(came)
    assert len(came) > len(data) // 2


def test_a_gzip_file_cut_between_two_bytes_of_its_checksum_has_lost_nothing_but_says_so():
    assert until_break(gzip.compress(b"one\n")[:-3], "x.gz") == (b"one\n", "truncated_file")


def test_a_wrong_checksum_is_damage_and_the_data_before_it_are_kept():
    packed = bytearray(gzip.compress(b"one\n" * 1000))
    packed[-6] ^= 1
    assert until_break(bytes(packed), "x.gz") == (b"one\n" * 1000, "truncated_file")


def test_damage_in_the_middle_of_a_gzip_file_keeps_what_stands_before_it():
    data = numbers(50_000)
    packed = bytearray(gzip.compress(data[: len(data) // 2]) + b"\x1f\x8b\x08\0rubbish" + b"\xff" * 100)
    assert until_break(bytes(packed), "x.gz") == (data[: len(data) // 2], "truncated_file")


def test_a_bomb_is_stopped_by_the_bytes_it_may_unpack_to():
    limits = Limits(1 << 20, 64, max_unpacked_bytes=1_000_000, max_unpack_ratio=1e9)
    came, reason = until_break(gzip.compress(b"\0" * 50_000_000), "x.gz", limits)
    assert reason == "unpacks_too_large"
    assert len(came) == 1_000_000


def test_a_bomb_is_stopped_by_its_ratio(monkeypatch):
    monkeypatch.setattr(members, "UNPACK_FLOOR", 1_000_000)
    limits = Limits(1 << 20, 64, max_unpacked_bytes=1 << 40, max_unpack_ratio=250)
    came, reason = until_break(zstandard.compress(b"\0" * 200_000_000), "x.zst", limits)
    assert reason == "unpacks_too_large"
    assert len(came) <= 1_000_000 + (members.ZSTD_STEP << 15)


PACKERS = {"x.bz2": bz2.compress, "x.xz": functools.partial(lzma.compress, preset=0)}


@pytest.mark.parametrize("name", PACKERS)
def test_bzip2_and_xz_are_read_stream_after_stream_whatever_their_name(name: str):
    pack, data = PACKERS[name], numbers(20_000)
    for under in (name, "x.jsonl"):
        assert out(pack(data[:1000]) + pack(b"") + pack(data[1000:]), under) == data
    assert out(pack(b""), name) == b""


def test_zeros_between_xz_streams_are_padding():
    assert out(lzma.compress(b"one\n") + b"\0" * 8 + lzma.compress(b"two\n") + b"\0" * 4, "x.xz") == b"one\ntwo\n"


@pytest.mark.parametrize("name", PACKERS)
def test_a_bzip2_or_xz_file_cut_off_gives_the_blocks_before_the_cut(name: str):
    data = numbers(100_000)
    packed = PACKERS[name](data)
    came, reason = until_break(packed[: len(packed) * 3 // 4], name)
    assert reason == "truncated_file"
    assert data.startswith(came)
    assert len(came) > len(data) // 3
    assert until_break(PACKERS[name](b"one\n")[:4], name) == (b"", "truncated_file")


@pytest.mark.parametrize("name", PACKERS)
def test_damage_in_a_bzip2_or_xz_file_costs_no_stream_before_it(name: str):
    data = numbers(20_000)
    packed = PACKERS[name](data) + PACKERS[name](data)[:200] + b"\xff" * 5000
    came, reason = until_break(packed, name)
    assert (came[: len(data)], reason) == (data, "truncated_file")


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb_of_bzip2_or_xz_is_stopped_by_its_bytes_and_by_its_ratio_and_never_held(name: str, monkeypatch: pytest.MonkeyPatch):
    bomb = PACKERS[name](b"\0" * 20_000_000)
    tracemalloc.start()
    came, reason = until_break(bomb, name, Limits(1 << 20, 64, max_unpacked_bytes=1_000_000, max_unpack_ratio=1e9))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(came), reason) == (1_000_000, "unpacks_too_large")
    assert peak < 32 << 20
    monkeypatch.setattr(members, "UNPACK_FLOOR", 1_000_000)
    came, reason = until_break(bomb, name, Limits(1 << 20, 64, max_unpacked_bytes=1 << 40, max_unpack_ratio=10))
    assert (len(came) < 3_000_000, reason) == (True, "unpacks_too_large")


def test_an_xz_stream_that_wants_a_huge_dictionary_is_refused():
    packed = lzma.compress(b"one\n" * 1000, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 29}])
    assert until_break(packed, "x.xz")[1] == "unreadable_file"


def archive(kind: str) -> bytes:
    held = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(held, "w") as file:
            file.writestr("rows.jsonl", '{"text": "a"}\n')
    else:
        with tarfile.open(fileobj=held, mode="w") as file:
            entry = tarfile.TarInfo("rows.jsonl")
            entry.size = 5
            file.addfile(entry, io.BytesIO(b"12345"))
    return held.getvalue()


@pytest.mark.parametrize("name", ["x.zip", "x.jsonl", "x"])
@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (archive("zip"), "a zip archive"), (archive("tar"), "a tar archive"), (gzip.compress(archive("tar")), "a tar archive inside gz"),
        (bz2.compress(archive("tar")), "a tar archive inside bz2"), (b"7z\xbc\xaf\x27\x1c\0\4", "a 7z archive"), (b"Rar!\x1a\x07\x01\0", "a rar archive"),
        (b"\x04\x22\x4d\x18data", "packed by lz4"), (b"\xff\x06\x00\x00sNaPpYdata", "packed by snappy"), (b"PAR1\x15\x04", "a Parquet file"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_told_by_its_bytes_under_any_name(name: str, data: bytes, seen: str):
    with pytest.raises(BrokenStream) as broken:
        out(data, name)
    assert (broken.value.reason, broken.value.seen) == ("foreign_file", seen)
    parts = [list(part_lines(io.BytesIO(data), name, len(data), part, 3, WIDE)) for part in range(3)]
    assert parts == [[(0, seen.encode(), "foreign_file")], [], []]


@pytest.mark.parametrize(("name", "seen"), [("x.br", "brotli"), ("x.ZIP", "zip"), ("x.tar", "tar"), ("x.Z", "compress"), ("x.jsonl.lzma", "LZMA")])
def test_a_name_that_promises_what_is_not_read_is_said_too(name: str, seen: str):
    with pytest.raises(BrokenStream) as broken:
        out(b"plain or not, who knows", name)
    assert broken.value.reason == "foreign_file"
    assert f"named as {seen}" in broken.value.seen


@pytest.mark.parametrize("text", ["BZh9 is how bzip2 begins", "7z", "PK", "Rar!", "LZIP is a name", "PAR1 and PAR2", "ORCA", "%PDF is no PDF", "ustar" * 100])
def test_a_text_that_begins_like_an_archive_is_a_text(text: str):
    assert out(text.encode()) == text.encode()


def test_a_small_file_of_equal_rows_is_no_bomb():
    data = b'{"text": "again"}\n' * 500_000
    assert out(zstandard.compress(data), "x.zst", Limits(1 << 20, 64, 1 << 30, max_unpack_ratio=10)) == data


def test_a_zstd_frame_that_wants_a_huge_window_is_refused():
    frame = b"\x28\xb5\x2f\xfd\x00" + bytes([(31 - 10) << 3]) + b"\x01\x00\x00"
    assert until_break(frame, "x.zst")[1] == "unreadable_file"


# Lines


def test_line_ends_are_lf_and_crlf_and_nothing_else():
    data = "a\r\nb\u2028c\u0085d\x0be\rf\n\ng".encode()
    assert [line for _, line, _ in cut(data)] == [b"a", "b\u2028c\u0085d\x0be\rf".encode(), b"", b"g"]


def test_positions_count_bytes_of_the_unpacked_file():
    assert [at for at, _, _ in cut("é\r\nb\n\nlast".encode())] == [0, 4, 6, 7]


def test_a_line_is_too_long_from_one_byte_over_the_limit_whatever_its_line_end():
    limits = Limits(10, 4, 1 << 30, 1000)
    data = b"0123456789\n" + b"0123456789\r\n" + b"0123456789X\n" + b"0123456789X\r\n" + b"x" * 40 + b"\nok"
    for size in (1, 2, 3, 11, 12, 1000):
        assert [(line, why) for _, line, why in cut(data, limits, size)] == [
            (b"0123456789", None), (b"0123456789", None), (b"0123", "row_too_long"), (b"0123", "row_too_long"), (b"xxxx", "row_too_long"), (b"ok", None),
        ]  # fmt: skip


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_line_of_100_mb_is_skipped_without_being_held_and_its_neighbours_stay(tmp_path: Path, is_packed):
    path = tmp_path / ("x.gz" if is_packed else "x")
    with gzip.open(path, "wb", 1) if is_packed else open(path, "wb") as file:
        file.write(b"before\n")
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b"\nafter\n")
    tracemalloc.start()
    with open(path, "rb") as raw:
        found = [(at, line[:8], why) for at, line, why in part_lines(raw, path.name, os.path.getsize(path), 0, 1, WIDE)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [(0, b"before", None), (7, b"x" * 8, "row_too_long"), (100_000_008, b"after", None)]
    assert peak < 24 << 20  # one read of 8 MiB, its copy in blocks, one row


@settings(max_examples=200, deadline=None)
@given(
    data=st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"bc", b"\xe4\xb8\x8a", b"0123456789", b"\0"])).map(b"".join),
    n_parts=st.integers(1, 12), block=st.integers(1, 9), limit=st.integers(1, 12),
)  # fmt: skip
@example(data=b"\nbc\r\n", n_parts=1, block=1, limit=1)
def test_however_a_plain_file_is_split_every_line_is_read_exactly_once(data, n_parts, block, limit):
    limits = Limits(limit, 3, 1 << 30, 1000)
    whole = list(lines(iter([data]), limits))
    old, streams.BLOCK = streams.BLOCK, block
    try:
        found = [line for part in range(n_parts) for line in part_lines(io.BytesIO(data), "x", len(data), part, n_parts, limits)]
    finally:
        streams.BLOCK = old
    assert found == whole
    plain = [line.removesuffix(b"\r") for line in data.removesuffix(b"\n").split(b"\n")] if data else []
    assert [line for _, line, why in whole if not why] == [line for line in plain if len(line) <= limit]
    assert sum(why == "row_too_long" for _, _, why in whole) == sum(len(line) > limit for line in plain)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, lambda data: ("\ufeff" + data.decode()).encode("utf-16-le")])
def test_a_file_that_cannot_be_split_is_read_whole_by_its_first_part_whatever_the_plan(pack):
    data = pack(b"one\ntwo\nthree\n")
    parts = [list(part_lines(io.BytesIO(data), "x", len(data), part, 3, WIDE)) for part in range(3)]
    assert [line.removeprefix(b"\xef\xbb\xbf") for _, line, _ in parts[0]] == [b"one", b"two", b"three"]
    assert parts[1:] == [[], []]


# Encodings


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_utf_16_and_32_are_told_by_their_mark_and_their_bytes_0a_are_no_line_ends(encoding):
    text = "\ufeff上面\n𠀀U+0A0A: \u0a0a\n"  # 上 is U+4E0A
    got = cut(out(text.encode(encoding)))
    assert [line.decode() for _, line, _ in got] == ["\ufeff上面", "𠀀U+0A0A: \u0a0a"]


def test_a_lone_surrogate_in_utf_16_harms_its_own_line_only():
    data = "\ufeffgood\nbad \ud800 \ngood\n".encode("utf-16-le", "surrogatepass")
    first, bad, last = [line for _, line, _ in cut(out(data))]
    assert (first, last) == (b"\xef\xbb\xbfgood", b"good")
    with pytest.raises(BadEncoding, match="lone_surrogate"):
        decode(bad, "utf-8")


def test_half_a_character_at_the_end_of_utf_16_is_not_lost_in_silence():
    last = cut(out("\ufeffa\nb".encode("utf-16-le") + b"\x4e"))[-1][1]
    assert last == b"b\xff"


@pytest.mark.parametrize(
    ("text", "codec", "encoding"),
    [(SIMPLIFIED, "gb18030", "gb18030"), (TRADITIONAL, "gb18030", "gb18030"), (TRADITIONAL, "big5", "big5"), (TRADITIONAL, "cp950", "big5")],
)
def test_real_chinese_is_told_apart_by_its_bytes(text, codec, encoding):
    assert detect(text.encode(codec)) == encoding
    assert decode(text.encode(codec), "auto") == text


@pytest.mark.parametrize("text", [SIMPLIFIED, TRADITIONAL])
def test_pieces_of_twelve_characters_are_told_apart_too(text):
    codec = "gb18030" if text == SIMPLIFIED else "big5"
    pieces = [text[at : at + 12] for at in range(0, len(text) - 12, 3)]
    assert [decode(piece.encode(codec), "auto") for piece in pieces] == pieces


@pytest.mark.parametrize("text", [SIMPLIFIED, TRADITIONAL, "naïve café", "ascii"])
def test_utf_8_is_always_utf_8(text):
    assert decode(text.encode(), "auto") == text


def test_utf_8_with_a_byte_missing_is_not_taken_for_another_encoding():
    raw = bytearray(SIMPLIFIED.encode())
    del raw[100]
    with pytest.raises(BadEncoding, match="invalid_encoding"):
        decode(bytes(raw), "auto")


@pytest.mark.parametrize(("text", "codec"), [("Déjà vu à l'été, ça va très bien", "latin-1"), ("Привет, как дела?", "cp1251"), (KOREAN, "euc-kr")])
def test_what_is_in_no_known_encoding_is_refused_rather_than_misread(text, codec):
    with pytest.raises(BadEncoding, match="invalid_encoding"):
        decode(text.encode(codec), "auto")


def test_characters_of_hong_kong_and_of_four_bytes_are_read():
    assert decode("嘅咗喺".encode("big5hkscs"), "big5") == "嘅咗喺"
    assert decode("𠀀㐀€".encode("gb18030"), "gb18030") == "𠀀㐀€"


@given(st.binary(max_size=40), st.sampled_from(encodings.ENCODINGS))
def test_any_bytes_become_text_or_a_reason(raw, encoding):
    made: list[str] = []
    try:
        made.append(decode(raw, encoding))
    except BadEncoding as error:
        made.append(f"refused: {error}")
    assert made[0] in ("refused: invalid_encoding", "refused: lone_surrogate") or made[0].encode().decode() == made[0]
    if raw.isascii():
        assert made == [raw.decode("ascii")], "what is plain in every encoding is never refused"


# Opening


def test_a_path_may_be_plain_or_a_file_uri_with_or_without_escapes(tmp_path: Path):
    path = tmp_path / "a b#c%20.txt"
    path.write_bytes(b"12345")
    escaped = str(path).replace("%", "%25").replace(" ", "%20").replace("#", "%23")
    for name in (str(path), f"file:{path}", f"file://{path}", f"file:{escaped}"):
        raw, size = open_file(name)
        assert (raw.read(), size) == (b"12345", 5)
        raw.close()


def test_other_schemes_go_to_pyarrows_file_systems_with_keys_unescaped(tmp_path: Path, monkeypatch):
    (tmp_path / "bucket").mkdir()
    (tmp_path / "bucket" / "a b#c.txt").write_bytes(b"12345")
    asked: list[tuple[str, str]] = []

    def file_system(scheme: str, authority: str) -> tuple[fs.FileSystem, str]:
        asked.append((scheme, authority))
        return fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem()), authority

    monkeypatch.setattr(streams, "_file_system", file_system)
    raw, size = open_file("s3a://bucket/a b#c.txt")
    assert (raw.read(), size, asked) == (b"12345", 5, [("s3", "bucket")])


def test_a_file_that_cannot_be_opened_is_an_error_and_no_reject(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        open_file(str(tmp_path / "nowhere"))
