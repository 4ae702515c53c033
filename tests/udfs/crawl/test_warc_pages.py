"""Pages of WARC files: each record comes out once, in whatever state the file is."""

from __future__ import annotations

import gzip
import io
import random
import tempfile
import time
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import brotli
import pytest
import zstandard
from fastwarc.warc import ArchiveIterator, WarcRecordType
from hypothesis import given, settings
from hypothesis import strategies as st
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from gristmill.udfs.crawl.pages import Page, Refusal
from gristmill.udfs.streams import streams
from gristmill.udfs.streams.dictionaries import MAX_DICTIONARY
from tests.timing import grows_linearly
from tests.udfs.crawl.page_params import found, pages_in, params, reasons_in, refusals_in

HTML = b"<!doctype html><title>The mill</title><p>The old mill turns.</p>"
ROWS = ("response", "resource", "revisit")
SMALL = params(max_row_bytes=100_000, max_raw_bytes=300)


def gzipped(data: bytes, level: int = 9) -> bytes:
    """Without the time, by which equal examples would differ."""
    return gzip.compress(data, level, mtime=0)


def http(body: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"Content-Type: text/html", *headers]) + b"\r\n\r\n" + body


def record(block: bytes, kind: str = "response", url: str = "http://a.example/", extra: str = "", length: int | None = None, end: bytes = b"\r\n\r\n") -> bytes:
    length = len(block) if length is None else length
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2026-11-30T10:00:00Z\r\n{extra}Content-Length: {length}\r\n\r\n"
    return head.encode() + block + end


def written(home: Path, data: bytes, name: str = "x.warc.gz") -> Path:
    path = home / name
    path.write_bytes(data)
    return path


# What a page has


def test_a_response_becomes_a_page_with_all_that_its_record_says(tmp_path: Path) -> None:
    extra = "WARC-Record-ID: <urn:uuid:1>\r\nwarc-identified-payload-TYPE: text/html\r\nWARC-Identified-Content-Language: zho\r\n"
    block = http(gzipped(HTML), b"Content-Encoding: gzip", b"X: 1", b"x: 2")
    first = gzipped(record(b"software: x", "warcinfo"))
    path = written(tmp_path, first + gzipped(record(block, extra=extra, url="<http://a.example/页>")))
    [page] = found(path, "warc", params({"lang_hint": "WARC-Identified-Content-Language", "source": "=crawl", "license": None}))
    at = len(gzip.decompress(first))
    assert page == Page(
        f"x.warc.gz:{at}", str(path), HTML, "http://a.example/页", 200, {"content-type": "text/html", "content-encoding": "gzip", "x": "1, 2"}, "text/html", "<urn:uuid:1>", len(first),
        "2026-11-30T10:00:00Z", False, {"lang_hint": "zho", "source": "crawl"},
    )  # fmt: skip
    assert gzip.decompress(path.read_bytes()[page.stored_at :]).startswith(b"WARC/1.0")


def test_other_records_are_resources_or_refused_or_no_rows(tmp_path: Path) -> None:
    records = [
        record(HTML, "resource", extra="Content-Type: text/html\r\n"),
        record(b"20261130\na.example. 300 IN A 1.2.3.4", url="dns:a.example", extra="Content-Type: text/dns\r\n"),
        record(HTML, url="ftp://a.example/x.html"),
        record(b"GET / HTTP/1.1\r\n\r\n", "request"),
        record(b"fetchTimeMs: 3", "metadata"),
        record(b"HTTP/1.1 304 Not Modified\r\n\r\n", "revisit"),
        record(b"text", "conversion"),
        record(b"what", "from-the-future"),
        record(b"no status line"),
        record(http(HTML), url="urn:uuid:1", extra="Content-Type: Application/HTTP; msgtype=response\r\n"),
    ]
    resource, dns, ftp, revisit, bad, named = found(written(tmp_path, b"".join(records), "x.warc"), "warc")
    assert (resource.body, resource.status, resource.headers) == (HTML, None, {"content-type": "text/html"})
    assert (dns.status, dns.headers, dns.url) == (None, {"content-type": "text/dns"}, "dns:a.example")
    assert (ftp.body, ftp.status) == (HTML, None)
    assert (revisit.reason, revisit.url) == ("revisit", "http://a.example/")
    assert (bad.reason, bad.detail, bad.raw) == ("malformed_http", "no status line", b"no status line")
    assert (named.status, named.body) == (200, HTML)


@pytest.mark.parametrize(
    ("extra", "block", "is_truncated"),
    [("WARC-Truncated: length\r\n", http(HTML), True), ("WARC-Segment-Number: 1\r\n", http(HTML), True), ("", http(HTML, b"Content-Length: 999"), True), ("", http(HTML), False)],
)
def test_a_page_that_is_not_all_there_says_so(tmp_path: Path, extra: str, block: bytes, is_truncated: bool) -> None:
    [page] = found(written(tmp_path, record(block, extra=extra), "x.warc"), "warc")
    assert (page.is_truncated, page.body) == (is_truncated, HTML)


def test_bytes_of_a_url_that_are_no_text_are_written_as_in_urls(tmp_path: Path) -> None:
    data = record(http(HTML)).replace(b"a.example/", b"a.example/\xb5\xc4 x")
    [page] = found(written(tmp_path, data, "x.warc"), "warc")
    assert page.url == "http://a.example/%B5%C4%20x"


@pytest.mark.parametrize("pack", [bytes, lambda data: gzipped(data), lambda data: zstandard.compress(data)])
def test_the_position_in_the_stored_file_is_that_of_the_member(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    records = [record(http(b"%d" % i)) for i in range(3)]
    members = [pack(each) for each in records]
    pages = pages_in(found(written(tmp_path, b"".join(members), "x.warc"), "warc"))
    assert [page.stored_at for page in pages] == [0, len(members[0]), len(members[0]) + len(members[1])]
    pages = pages_in(found(written(tmp_path, pack(b"".join(records)), "y.warc"), "warc"))
    assert [page.stored_at for page in pages] == [0, *((len(records[0]), 2 * len(records[0])) if pack is bytes else (None, None))]


def test_a_file_of_another_kind_is_told_as_a_whole(tmp_path: Path) -> None:
    [wet] = found(written(tmp_path, record(b"text", "conversion") * 2, "x.warc"), "warc")
    assert (wet.reason, wet.detail) == ("foreign_file", "no page, 2 conversion; this is a WET, not a WARC of pages")
    [other] = found(written(tmp_path, b"PK\x03\x04 and so on", "x.warc"), "warc")
    assert (other.reason, other.detail) == ("foreign_file", "a zip archive")
    [inside] = found(written(tmp_path, gzipped(b"PK\x03\x04 and so on"), "x.warc"), "warc")
    assert (inside.reason, inside.detail) == ("foreign_file", "a zip archive inside gz")
    for data in (b"filedesc://x.arc 0.0.0.0 20261101 text/plain 76\n1 0 Archive\n", gzipped(b"filedesc://x.arc 0.0.0.0")):
        [arc] = found(written(tmp_path, data, "x.warc"), "warc")
        assert (arc.reason, arc.detail[:12]) == ("foreign_file", "an ARC file,")
    assert list(reasons_in(found(written(tmp_path, b"just text\n" * 1000, "x.warc"), "warc"))) == ["unreadable_file"]
    assert list(reasons_in(found(written(tmp_path, b"just text\n" * 1000, "x.warc.gz"), "warc"))) == ["unreadable_file"]
    assert found(written(tmp_path, b"", "x.warc"), "warc") == []
    assert found(written(tmp_path, record(b"software: x", "warcinfo"), "x.warc"), "warc") == []


# Conservation


@dataclass(frozen=True)
class Item:
    """A record as it was made: what stands in the file, and the body that must come out (None: a refusal)."""

    data: bytes
    kind: str
    body: bytes | None

    @property
    def is_row(self) -> bool:
        return self.kind in ROWS


bodies = st.binary(max_size=200) | st.sampled_from([HTML, b"", b"\r\n\r\n", b"\r\n\r\nWARC/", b"x\r\n\r\nWARC/1.0\r\nWARC-Type: response\r\n\r\n", HTML * 200])


@st.composite
def items(draw: st.DrawFn) -> Item:
    kind = draw(st.sampled_from(["response", "response", "response", "resource", "revisit", "request", "metadata", "warcinfo"]))
    plain = body = draw(bodies)
    block = body + b"."
    if kind == "response":
        headers = []
        for coding, pack in draw(st.lists(st.sampled_from([("gzip", gzipped), ("br", brotli.compress), ("zstd", zstandard.compress), ("deflate", zlib.compress)]), max_size=2)):
            body = pack(body)
            headers.append(b"content-ENCODING: " + coding.encode())
        if draw(st.booleans()):
            size = draw(st.integers(1, 60))
            pieces = [body[at : at + size] for at in range(0, len(body), size)]
            body = b"".join(b"%X\r\n%s\r\n" % (len(each), each) for each in pieces) + b"0\r\n\r\n"
            headers.append(b"Transfer-Encoding: chunked")
        block = http(body + (b"" if headers else b"."), *headers)
        plain = plain if headers else plain + b"."
    elif kind == "resource":
        plain = block
    data = record(block, kind, f"http://h{draw(st.integers(0, 99))}.example/")
    if draw(st.booleans()):
        head, blank, rest = data.partition(b"\r\n\r\n")
        head = draw(st.sampled_from([head.upper(), head.lower().replace(b"warc/", b"WARC/"), head.replace(b": ", b":"), head.replace(b": ", b":\t ").replace(b"\r\n", b"\n")]))
        data = head.replace(b"HTTP:", b"http:") + (b"\n\n" if b"\r" not in head else blank) + rest
    return Item(data, kind, None if kind == "revisit" else plain)


def rows_of(seen: list[Page | Refusal]) -> list[bytes | None]:
    """The body of each page, None for each refusal, in order."""
    return [each.body if isinstance(each, Page) else None for each in seen]


def told(seen: list[Page | Refusal]) -> list[Page | Refusal]:
    """Without what is said of the whole file."""
    return [each for each in seen if not (isinstance(each, Refusal) and each.reason == "foreign_file")]


def wanted_of(made: list[Item]) -> list[bytes | None]:
    return [each.body for each in made if each.is_row]


FRAMED = zstandard.ZstdCompressor(write_checksum=True)
EACH = {"member a record": "x.warc.gz", "frame a record": "x.warc.zst"}


def packed(made: list[Item], how: str) -> bytes:
    if how == "member a record":
        return b"".join(gzipped(each.data, 1) for each in made)
    if how == "frame a record":
        return b"".join(map(FRAMED.compress, (each.data for each in made)))
    data = b"".join(each.data for each in made)
    return {"plain": bytes, "one member": gzipped, "frame": zstandard.compress}[how](data)


def read_bytes(data: bytes, name: str = "x.warc") -> list[Page | Refusal]:
    with tempfile.TemporaryDirectory() as home:
        return found(written(Path(home), data, name), "warc", SMALL)


HOW = st.sampled_from(["plain", "member a record", "one member", "frame", "frame a record"])


@settings(max_examples=150, deadline=None)
@given(made=st.lists(items(), min_size=1, max_size=6), more=st.lists(items(), max_size=3), how=HOW, block=st.sampled_from([1, 7, 64, 1 << 18]))
def test_every_record_of_good_files_comes_out_once_and_whole(made: list[Item], more: list[Item], how: str, block: int) -> None:
    old, streams.BLOCK = streams.BLOCK, block
    try:
        seen = read_bytes(packed(made, how) + (packed(more, how) if more else b""))
    finally:
        streams.BLOCK = old
    wanted = wanted_of(made + more)
    assert rows_of(told(seen)) == wanted
    assert len(seen) - len(told(seen)) == (not wanted and any(each.kind != "warcinfo" for each in made + more))


@settings(max_examples=150, deadline=None)
@given(made=st.lists(items(), min_size=1, max_size=5), more=st.lists(items(), max_size=3), how=st.sampled_from(["plain", *EACH]), lost=st.floats(0, 1))
def test_a_file_cut_at_any_byte_loses_the_record_that_was_cut_and_nothing_behind_it(made: list[Item], more: list[Item], how: str, lost: float) -> None:
    parts = [packed([each], how) for each in made]
    whole = b"".join(parts)
    cut = int(lost * len(whole))
    data = whole[:cut] + packed(more, how)
    n_whole = at = 0
    while n_whole < len(parts) and at + len(parts[n_whole]) <= cut:
        at += len(parts[n_whole])
        n_whole += 1
    before, rest = wanted_of(made[:n_whole]), whole[at:cut]
    behind = wanted_of(more)
    seen = told(read_bytes(data, EACH.get(how, "x.warc")))
    if not rest:
        assert rows_of(seen) == before + behind
        return
    if how == "plain":
        # without its line ends a record is still whole
        lost_ends = len(parts[n_whole]) - len(rest)
        if lost_ends <= 4:
            assert rows_of(seen) == before + (wanted_of([made[n_whole]])) + behind
            return
        # Bytes of the next file may end the block exactly where its length says: nobody could tell.
        blocks = [len(each.data) for each in more]
        sums = {sum(blocks[:n]) for n in range(len(blocks) + 1)}
        if any(abs(lost_ends - each) <= 8 for each in sums if each):
            return
    if b"WARC/" in rest[5:]:  # text like the beginning of a record, in a damaged one: it may cost more than one refusal
        assert rows_of(seen)[: len(before)] == before
        return
    # The cut record is refused; what is left of it may look like the beginning of another one.
    rows = rows_of(seen)
    lost = rows[len(before) : len(rows) - len(behind)]
    assert lost
    assert set(lost) == {None}
    assert rows == before + lost + behind


@settings(max_examples=150, deadline=None)
@given(made=st.lists(items(), min_size=1, max_size=5), which=st.integers(0, 4), at=st.floats(0, 0.999), flip=st.integers(1, 255), how=st.sampled_from(sorted(EACH)))
def test_a_damaged_member_costs_itself(made: list[Item], which: int, at: float, flip: int, how: str) -> None:
    which %= len(made)
    members = [bytearray(packed([each], how)) for each in made]
    members[which][int(at * len(members[which]))] ^= flip
    seen = told(read_bytes(b"".join(members), EACH[how]))
    rows, before, behind = rows_of(seen), wanted_of(made[:which]), wanted_of(made[which + 1 :])
    # A flip in the time or the system of a gzip header harms nothing; one in the last byte of the packed
    # bytes may leave the record whole, with rubbish behind it.
    own = rows[len(before) : len(rows) - len(behind)]
    whole = wanted_of([made[which]])
    # Text that looks like the beginning of a record is taken for one where the record around it is damaged.
    is_ambiguous = b"WARC/" in made[which].data[5:]
    assert own in ([None], whole, [*whole, None]) or (is_ambiguous and own and all(row is None or row in whole for row in own))
    assert rows == before + own + behind


@settings(max_examples=150, deadline=None)
@given(made=st.lists(items(), min_size=1, max_size=5), where=st.integers(0, 5), garbage=st.binary(min_size=1, max_size=60), how=st.sampled_from(["plain", "member a record"]))
def test_rubbish_between_records_is_one_refusal(made: list[Item], where: int, garbage: bytes, how: str) -> None:
    where %= len(made) + 1
    data = packed(made[:where], how) + b"#" + garbage + b"\r\n\r\n" + packed(made[where:], how)
    seen = told(read_bytes(data))
    rows = rows_of(seen)
    assert rows == [*wanted_of(made[:where]), None, *wanted_of(made[where:])] or (where == 0 and list(reasons_in(seen)) == ["unreadable_file"] and how == "member a record")


@settings(max_examples=100, deadline=None)
@given(made=st.lists(items(), min_size=1, max_size=5), which=st.integers(0, 4), lie=st.sampled_from([-7, -1, 7, 40, 90_000, 10**6, 10**15, 10**30]), how=st.sampled_from(["plain", "member a record"]))
def test_a_wrong_length_costs_its_record(made: list[Item], which: int, lie: int, how: str) -> None:
    which %= len(made)
    body = b"<p>A page that is longer than what its length gets wrong.</p>"
    liar = Item(record(http(body), length=len(http(body)) + lie), "response", None)
    all_made = [*made[:which], liar, *made[which:]]
    # what looks like a record inside a block is taken for one where a length is wrong
    if any(b"WARC/1.0" in (each.body or b"") for each in made) and how == "plain":
        return
    assert rows_of(told(read_bytes(packed(all_made, how)))) == wanted_of(all_made)


def test_records_over_the_limit_are_passed_over_even_where_they_hold_records(tmp_path: Path) -> None:
    inner = record(http(HTML)) * 600
    for pack in (gzipped, bytes):
        data = pack(record(http(b"x" * 130_000))) + pack(record(http(HTML)))
        big, page = found(written(tmp_path, data, "x.warc"), "warc", SMALL)
        assert (big.reason, big.url, page.body) == ("row_too_long", "http://a.example/", HTML)
    data = gzipped(record(http(inner))) + gzipped(record(http(HTML)))
    big, page = found(written(tmp_path, data), "warc", SMALL)
    assert (big.reason, page.body) == ("row_too_long", HTML)


def test_a_member_that_unpacks_too_far_costs_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gristmill.udfs.streams.members.UNPACK_FLOOR", 1 << 16)
    bomb = gzipped(record(http(b"\0" * 60_000_000)))
    seen = found(written(tmp_path, gzipped(record(http(b"1"))) + bomb + gzipped(record(http(b"2")))), "warc", SMALL)
    assert [each.body for each in pages_in(seen)] == [b"1", b"2"]
    assert len(seen) == 3


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_dictionary_before_the_frames_is_used_for_all_of_them(tmp_path: Path, is_packed: bool) -> None:
    records = [record(http(HTML + b"%d" % i), url=f"http://h{i}.example/") for i in range(300)]
    dictionary = zstandard.train_dictionary(4096, records)
    held = zstandard.compress(dictionary.as_bytes()) if is_packed else dictionary.as_bytes()
    packer = zstandard.ZstdCompressor(dict_data=dictionary)
    frames = [b"\x5d\x2a\x4d\x18" + len(held).to_bytes(4, "little") + held, *map(packer.compress, records[:3])]
    pages = found(written(tmp_path, b"".join(frames), "x.warc.zst"), "warc")
    assert [(page.body, page.stored_at) for page in pages_in(pages)] == [(HTML + b"%d" % i, sum(map(len, frames[: i + 1]))) for i in range(3)]
    # a damaged frame costs itself here, too
    broken = bytearray(frames[2])
    broken[:2] = b"??"
    seen = found(written(tmp_path, b"".join([*frames[:2], bytes(broken), frames[3]]), "x.warc.zst"), "warc")
    assert rows_of(seen) == [HTML + b"0", None, HTML + b"2"]


def test_a_dictionary_that_is_none_is_said(tmp_path: Path) -> None:
    frame, mark = zstandard.compress(record(http(HTML))), b"\x5d\x2a\x4d\x18"
    bomb = zstandard.compress(b"\0" * (MAX_DICTIONARY + (1 << 20)))
    damaged = b"\x28\xb5\x2f\xfd" + b"?" * 30
    for data, reason, detail in (
        (mark + (1 << 30).to_bytes(4, "little") + b"x" * 100 + frame, "unreadable_file", b"a zstd dictionary of 1073741824 bytes"),
        (mark + (5_000).to_bytes(4, "little") + b"x" * 100, "truncated_file", b"a zstd dictionary that is cut off"),
        (mark + len(damaged).to_bytes(4, "little") + damaged + frame, "unreadable_file", b"a damaged zstd dictionary"),
        (mark + len(bomb).to_bytes(4, "little") + bomb + frame, "unreadable_file", b"a zstd dictionary of more than"),
    ):
        [bad] = found(written(tmp_path, data, "x.warc.zst"), "warc")
        assert isinstance(bad, Refusal)
        assert (bad.reason, bad.raw[: len(detail)]) == (reason, detail)


def test_a_plain_file_under_a_packed_name_and_other_packings_are_read_by_their_bytes(tmp_path: Path) -> None:
    plain = record(http(b"1")) + record(http(b"2"))
    for name in ("x.warc.gz", "x.warc.zst", "x.warc.xz"):
        pages = found(written(tmp_path, plain, name), "warc")
        assert [(page.body, page.stored_at) for page in pages_in(pages)] == [(b"1", 0), (b"2", len(plain) // 2)]
    assert len(pages_in(found(written(tmp_path, zstandard.compress(plain), "x.warc.gz"), "warc"))) == 2
    assert len(pages_in(found(written(tmp_path, gzipped(plain), "x.warc.zst"), "warc"))) == 2


def test_a_file_that_unpacks_too_far_ends_there(tmp_path: Path) -> None:
    data = gzipped(record(http(b"x" * 9_000))) * 50
    seen = found(written(tmp_path, data), "warc", params(max_row_bytes=20_000, max_unpacked_bytes=100_000))
    assert list(reasons_in(seen)) == ["unpacks_too_large"]
    assert len(pages_in(seen)) == 100_000 // len(record(http(b"x" * 9_000)))


# Against another reader


def test_good_files_read_as_by_fastwarc(tmp_path: Path) -> None:
    rng, held = random.Random(3), io.BytesIO()
    writer = WARCWriter(held, gzip=True)
    writer.write_record(writer.create_warcinfo_record("x", {"software": "test"}))
    for i in range(200):
        body = HTML + rng.randbytes(rng.randint(0, 5_000))
        headers = [("Content-Type", "text/html"), ("X", "1"), ("Set-Cookie", "a"), ("Set-Cookie", "b")]
        if i % 3 == 1:
            body, headers = gzipped(body), [*headers, ("Content-Encoding", "gzip")]
        elif i % 3 == 2:
            body, headers = b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n", [*headers, ("Transfer-Encoding", "chunked")]
        if i % 5 in (2, 3, 4):
            body = HTML + b"%d" % i
        kind = ("response", "response", "request", "resource", "metadata")[i % 5]
        status = StatusAndHeaders("200 OK", headers, protocol="HTTP/1.1") if kind == "response" else None
        writer.write_record(writer.create_warc_record(f"http://h{i}.example/", kind, payload=io.BytesIO(body if kind != "request" else b"GET / HTTP/1.1\r\n\r\n"), http_headers=status, warc_content_type="text/html" if kind == "resource" else ""))
    path = written(tmp_path, held.getvalue())
    theirs = []
    for each in ArchiveIterator(io.BytesIO(held.getvalue()), record_types=WarcRecordType.response | WarcRecordType.resource, parse_http=True, auto_decode="all"):
        theirs.append((each.headers["WARC-Record-ID"], each.headers["WARC-Target-URI"], each.http_headers.status_code if each.http_headers else None, each.reader.read()))
    ours = [(page.record_id, page.url, page.status, page.body) for page in pages_in(found(path, "warc"))]
    assert len(ours) == 120
    assert ours == theirs


# Bounds


def hostile() -> dict[str, Callable[[int], bytes]]:
    fake = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    # A member, the beginning of a stored block of 59,995 bytes, and what a record begins with: each block holds the
    # members behind it, and ends where another one begins, so that each member goes on to the end of the file.
    nested = b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"\0" + (59_995).to_bytes(2, "little") + (59_995 ^ 0xFFFF).to_bytes(2, "little") + b"WARC/1.0\r\n"
    assert (15 + 59_995) % len(nested) == 10
    return {
        "members inside members": lambda n: nested * (n // len(nested)),
        "marks of members": lambda n: gzipped(record(http(HTML))) + fake * (n // 10),
        "beginnings of records": lambda n: b"WARC/1.0\r\n" * (n // 10),
        "headers without an end": lambda n: (b"WARC/1.0\r\n" + b"A: b\r\n" * 20) * (n // 130),
        "lengths up to the end": lambda n: record(http(HTML), length=n - 200, end=b"") * (n // 200),
        "lengths beyond the bound": lambda n: record(http(HTML), length=10**15, end=b"") * (n // 200),
        "line ends": lambda n: b"\r\n" * (n // 2),
        "members of a line end": lambda n: gzipped(b"\n") * (n // 21),
        "truncated members": lambda n: gzipped(record(http(HTML)))[:-9] * (n // 150),
    }


@pytest.mark.parametrize("name", hostile())
def test_time_grows_with_the_bytes_alone(tmp_path: Path, name: str) -> None:
    make = hostile()[name]

    def seconds(n: int) -> float:
        path = written(tmp_path, make(n), "x.warc")
        began = time.process_time()
        found(path, "warc", params(max_row_bytes=1 << 24))
        return time.process_time() - began

    assert grows_linearly(seconds, 60_000)


def test_memory_is_that_of_a_record_whatever_a_header_or_a_length_says(tmp_path: Path) -> None:
    how = params(max_row_bytes=1 << 20, max_body_bytes=1 << 20)
    hundred = 100_000_000
    files = {
        "header of 100 MB": record(b"HTTP/1.1 200 OK\r\nX: " + b"y" * hundred + b"\r\n\r\n"),
        "WARC header of 100 MB": b"WARC/1.0\r\nX: " + b"y" * hundred + b"\r\n\r\n",
        "length of 2^62": record(http(b"x" * hundred), length=1 << 62),
        "100 MB without a line end": b"x" * hundred,
    }
    for name, data in files.items():
        path = written(tmp_path, gzipped(record(http(HTML))) + gzipped(data, 1) + gzipped(record(http(HTML))))
        del data
        tracemalloc.start()
        seen = found(path, "warc", how)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert rows_of(seen) == [HTML, None, HTML], name
        # 8 MiB are asked of the file, and one step of inflating may give 8 MiB; both are held twice for a moment
        assert peak < 40_000_000, (name, peak)


def test_bodies_that_are_bombs_are_refused_by_name(tmp_path: Path) -> None:
    zeros = b"\0" * 60_000_000
    blocks = [http(gzipped(zeros), b"Content-Encoding: gzip"), http(brotli.compress(zeros), b"Content-Encoding: br"), http(b"ffffffffffffffff\r\nx", b"Transfer-Encoding: chunked")]
    seen = found(written(tmp_path, b"".join(gzipped(record(each)) for each in blocks)), "warc")
    assert list(reasons_in(seen)) == ["unpacks_too_large", "unpacks_too_large"]
    assert refusals_in(seen)[0].detail == f"{len(gzipped(zeros))} bytes of gzip unpack to more than {int(250.0 * len(gzipped(zeros)))}"
    [page] = pages_in(seen)
    assert (page.body, page.is_truncated) == (b"x", True)
