"""Mail addresses, and addresses of the public Internet. Texts come in ASCII forms
(gristmill.udfs.edit.ascii_forms).

A mail address is found from its @ outwards, so that it is taken whole and a text without one costs nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from gristmill.udfs.edit.ascii_forms import Span, in_zones

# Letters of scripts with spaces between words: a Han character or Hangul syllable is no part of an address.
LETTERS = "A-Za-z\xc0-\xd6\xd8-\xf6\xf8-\u02af\u0300-\u052f\u0531-\u0587\u1e00-\u1fff"
_LABEL = rf"[{LETTERS}0-9](?:[{LETTERS}0-9-]{{0,61}}[{LETTERS}0-9])?"
_DOMAIN = (
    rf"(?P<domain>(?:{_LABEL}DOT){{1,8}}(?:[{LETTERS}]{{2,24}}|xn--[a-z0-9-]{{2,59}}))"
    rf"(?![{LETTERS}0-9-]|\.[{LETTERS}0-9])"
)
_AT = re.compile("@" + _DOMAIN.replace("DOT", r"\."))
_DOT = r"(?: ?[\[({] ?(?:dot|\.) ?[\])}] ?|\.)"
_WRITTEN_AT = re.compile(
    r"(?i) ?[\[({] ?(?:at|@) ?[\])}] ?" + _DOMAIN.replace("DOT", _DOT)
)  # name [at] host [dot] org
_LOCAL = re.compile(rf"[{LETTERS}0-9._%+'-]*")
_MAX_LOCAL = 64  # characters before the @ (RFC 5321)
_FILES = frozenset(
    "png jpg jpeg gif svg webp avif heic heif bmp ico tif tiff psd pdf eps "
    "mp3 mp4 m4a wav ogg flac webm mov avi mkv "
    "woff woff2 ttf otf eot "
    "css scss less js mjs cjs jsx ts tsx vue html htm xhtml php asp aspx jsp "
    "xml json yaml yml toml ini cfg conf lock map "
    "txt csv tsv log "
    "py pyc ipynb java jar class kt go rb cpp hpp dll exe bin "
    "dmg apk ipa deb rpm iso zip gz tgz bz2 xz zst tar rar "
    "whl gem crate "
    "doc docx xls xlsx ppt pptx odt service".split()
)
_SCALE = re.compile(r"\d+(?:\.\d+)?x(?:\.|$)|v?\d+\.\d+(?:\.|-|$)")  # @2x.png, @1.2.3.tgz
# names of algorithms, such as hmac-sha2-512-etm@openssh.com
_NAMES = ("openssh.com", "libssh.org")
_REMOTE = re.compile(r"(?:^|[\s;&|$>`(])(?:ssh|scp|sftp|mosh|ssh-copy-id|rsync)(?: -\w+(?: \d+)?)* +['\"]?$")
_AUTHORITY = re.compile(r"://[^\s/?#\"'<>,;]*$")
_IPV4 = re.compile(
    r"(?<![0-9A-Za-z._])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![0-9A-Za-z_]"
    r"|\.\d)"
)
_IPV6 = re.compile(r"[23](?<![0-9A-Za-z:.].)[0-9A-Fa-f]{3}:[0-9A-Fa-f:.]{2,40}+")  # 2000::/3: the public ones
# What makes four numbers a version or section: a word before them (`version`, `version number is`) or behind.
_VERSION = re.compile(
    r"(?i)(?:(?<![a-z])(?:v|vers?|versions?|release|rel|revision|rev|build|firmware|patch|sections?"
    r"|sec|chapters?|clauses?|articles?|figure"
    r"|fig|table|oid)|版本号?|(?<!出)版|固件|升级[到至]|更新[到至]|章节?|小节|编号|§|第)"
    r"(?:\s{0,2}(?:number|no\.?|is|was|to|of|v|为|是|号))?[\s:.=v]{0,3}$|(?-i:[A-Z][a-z]+[A-Za-z]*)/$"
)
_VERSION_BEHIND = re.compile(
    r"(?i)\s?(?:版(?![权權面块])|[章节節条條](?![点點件款目])|(?:version|release|build)\b)"
)
# characters before a find that are looked at
_NEAR = 24
# four numbers that are all below are rather a version or a section
_MIN_OCTET = 20


def _local_start(text: str, at: int) -> int | None:
    """Where the name before position `at` begins; None where there is none or it is too long."""
    run = _LOCAL.match(text[max(0, at - _MAX_LOCAL - 1) : at][::-1]).group()[::-1]  # type: ignore[union-attr]
    name = run.lstrip(".%+'-")
    return (
        at - len(name)
        if 0 < len(name) <= _MAX_LOCAL and len(run) <= _MAX_LOCAL and name[-1] not in ".%'"
        else None
    )


def _is_mail(text: str, start: int, end: int, domain: str) -> bool:
    """Whether name@domain is mail: no file or package, no host that is logged in to, no user of a URL."""
    before = text[max(0, start - 4 * _MAX_LOCAL) : start]
    if (
        before.endswith("@")
        or domain.rpartition(".")[2] in _FILES
        or _SCALE.match(domain)
        or domain in _NAMES
    ):
        return False
    if text.startswith("git@", start) or re.match(r":(?:[/~]|[\w.-]{1,64}/)", text[end : end + 70]):
        return False  # git@host, host:path
    return not (_AUTHORITY.search(before) or _REMOTE.search(before))


def emails(text: str) -> Iterator[Span]:
    """Mail addresses, also with the @ in brackets; no file (logo@2x.png), package, remote host."""
    patterns = [_AT] if "@" in text else []
    if re.search(r"(?i)[\[({] ?(?:at|@) ?[\])}]", text):
        patterns.append(_WRITTEN_AT)
    for pattern in patterns:
        for match in pattern.finditer(text):
            start = _local_start(text, match.start())
            if start is None:
                continue
            domain = re.sub(_DOT, ".", match.group("domain")).lower()
            if ".." not in text[start : match.start()] and _is_mail(text, start, match.end(), domain):
                yield start, match.end()


def ips(text: str, zones: list[Span]) -> Iterator[Span]:
    """Addresses of the public Internet; no version or section: none whose four numbers are all below 20."""
    matches = [*in_zones(_IPV4, text, zones), *_IPV6.finditer(text)]
    for match in matches:
        found = match.group().rstrip(".:") if ":" in match.group() else match.group()
        start, end = match.start(), match.start() + len(found)
        try:
            address = ipaddress.ip_address(found)
        except ValueError:
            continue
        if not address.is_global or address.is_multicast or re.match("[0-9A-Za-z_]", text[end : end + 1]):
            continue
        if address.version == 4 and (max(address.packed) < _MIN_OCTET or _VERSION_BEHIND.match(text, end)):
            continue
        if not _VERSION.search(text[max(0, start - _NEAR) : start]):
            yield start, end
