"""The characters of a page from its bytes; what the page declares is kept as evidence and decides nothing.

In this order: (1) a byte order mark; (2) the escapes of ISO-2022-JP; (3) bytes that are valid UTF-8 but for
the share that a recipe allows; (4) what the detector of resiliparse (uchardet) says of the bytes, where a
Chinese reading must be confirmed by gristmill.udfs.streams.encodings. What cannot be read so is refused.

A wrong reading often decodes without an error, so errors alone prove nothing. Two more signs are counted as
if they were errors: replacement and control characters, and UTF-8 inside a page of another encoding
(`_FOREIGN`).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass

from gristmill.udfs import reasons
from gristmill.udfs.read.values import Reject
from gristmill.udfs.streams import encodings

# the longer mark first: that of UTF-32 begins with that of UTF-16
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Three Han characters of UTF-8 in a row. Of 314,000 Han characters of 67 Chinese web pages, written as
# GB18030 and as Big5, no bytes look so, not even two in a row; of the same pages in UTF-8, 31,000 do.
_FOREIGN = re.compile(rb"(?:[\xe3-\xe9][\x80-\xbf][\x80-\xbf]){3,}")
# Letters and quotation marks of UTF-8 that windows-1252 would read as a capital A with a tilde before a
# sign, or as a small a with a circumflex before that of the euro; no language writes so.
_FOREIGN_LATIN = re.compile(rb"\xc3[\xa0-\xbf]|\xe2\x80[\x90-\xbf]")
_CHINESE = ("gb18030", "big5")
# names that the detector gives for what is one encoding on the web (WHATWG Encoding Standard)
_ONE = {"gbk": "gb18030", "gb2312": "gb18030", "big5hkscs": "big5", "ascii": "cp1252", "iso8859-1": "cp1252"}
# what a text never holds: U+FFFD, controls but for white space, and what is no character
_BAD = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\ud800-\udfff\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufffd\ufffe\uffff]")
_META = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]{1,40})""", re.IGNORECASE)
_HEADER = re.compile(r"""charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]{1,40})""", re.IGNORECASE)
# where browsers look for a declaration, bytes
_META_BYTES = 1024


@dataclass(frozen=True)
class Decoded:
    """The characters of a page; `encoding` is the codec by which they were read, `n_bad` what was dropped."""

    text: str
    encoding: str
    n_bad: int


def declared(headers: Mapping[str, str], body: bytes) -> str | None:
    """The charset that the HTTP header names, otherwise that of a `meta` in the first 1,024 bytes, lower
    case."""
    if match := _HEADER.search(headers.get("content-type", "")):
        return match[1].lower()
    found = _META.search(body[:_META_BYTES])
    return found[1].decode("ascii").lower() if found else None


def decode(body: bytes, max_bad_share: float) -> Decoded:
    """The text of `body`, from which what no character should be is dropped.

    `max_bad_share`: of such bytes and characters in all bytes. Raises Reject(INVALID_ENCODING) above it,
    and where no encoding is found.
    """
    most = max_bad_share * len(body)
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return _checked(_read(body[len(mark) :], encoding), most)
    if b"\x1b$" in body:
        return _checked(_read(body, "iso2022_jp"), most)
    read = _read(body, "utf-8")
    if read.n_bad > most:
        read = _detected(body, most)
    return _checked(read, most)


def without_bad(text: str) -> str:
    """`text` without control and replacement characters, and what else no text holds."""
    return _BAD.sub("", text)


def _read(body: bytes, encoding: str) -> Decoded:
    """`body` by one codec, without what is bad in it."""
    text = body.decode(encoding, "replace")
    text, n_bad = _BAD.subn("", text)
    if encoding in _CHINESE:
        # private use and unassigned positions: valid, but no characters anybody reads
        text, n_private = re.subn("[\ue000-\uf8ff]", "", text)
        n_bad += n_private
    return Decoded(text, encoding, n_bad)


def _detected(body: bytes, most: float) -> Decoded:
    """`body` by the detector. Raises Reject where a reading is not confirmed."""
    from resiliparse.parse.encoding import detect_encoding

    # not of a sample, whose cut may fall into a character
    name = detect_encoding(body, max_len=0) or "utf-8"
    name = _ONE.get(name, name)
    pattern = _FOREIGN_LATIN if name == "cp1252" else _FOREIGN
    foreign = sum(len(match[0]) for match in pattern.finditer(body))
    if foreign > most or name == "utf-8":
        raise Reject(reasons.INVALID_ENCODING, f"{foreign} bytes of UTF-8 in a page that is not, or unknown")
    clean = pattern.sub(b"", body)
    if name not in _CHINESE:
        return _with(_read(clean, name), foreign)
    for encoding in (name, *(each for each in _CHINESE if each != name)):
        read = _read(clean, encoding)
        # the other module wants bytes without an error
        whole = read.text.encode(encoding, "ignore")
        if read.n_bad <= most and encodings.detect(whole) == encoding:
            return _with(read, foreign)
    raise Reject(reasons.INVALID_ENCODING, f"detected {name}, which does not read as Chinese")


def _with(read: Decoded, n_bad: int) -> Decoded:
    return Decoded(read.text, read.encoding, read.n_bad + n_bad)


def _checked(read: Decoded, most: float) -> Decoded:
    if read.n_bad > most:
        raise Reject(reasons.INVALID_ENCODING, f"{read.n_bad} bytes or characters are not {read.encoding}")
    return read
