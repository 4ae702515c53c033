"""Mail addresses and public IP addresses, in texts in ASCII forms (gristmill.udfs.edit.ascii_forms).

A mail address is found from its @ outwards: it is matched whole, and a text without an @ costs nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from gristmill.udfs.edit.ascii_forms import Span, in_zones

# Letters of scripts that put spaces between words. Han and Hangul are
# written right up to an address, so \w would take the words around it too.
LETTERS = "A-Za-z\xc0-\xd6\xd8-\xf6\xf8-\u02af\u0300-\u052f\u0531-\u0587\u1e00-\u1fff"
_LABEL = rf"[{LETTERS}0-9](?:[{LETTERS}0-9-]{{0,61}}[{LETTERS}0-9])?"
# all repetitions are bounded (RFC 1035: 63 characters a label), so no text takes quadratic time
_DOMAIN = (
    rf"(?P<domain>(?:{_LABEL}DOT){{1,8}}(?:[{LETTERS}]{{2,24}}|xn--[a-z0-9-]{{2,59}}))"
    rf"(?![{LETTERS}0-9-]|\.[{LETTERS}0-9])"
)
_AT = re.compile("@" + _DOMAIN.replace("DOT", r"\."))
_DOT = r"(?: ?[\[({] ?(?:dot|\.) ?[\])}] ?|\.)"
# name [at] host [dot] org
_WRITTEN_AT = re.compile(r"(?i) ?[\[({] ?(?:at|@) ?[\])}] ?" + _DOMAIN.replace("DOT", _DOT))
_LOCAL = re.compile(rf"[{LETTERS}0-9._%+'-]*")
_MAX_LOCAL = 64  # characters before the @ (RFC 5321)
# A domain that ends so is taken for a file name (logo@2x.png,
# unit@.service), also where the ending is a top-level domain (py, zip).
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
# a command that logs in to user@host, and a URL with user@host: neither is a mail address
_REMOTE = re.compile(r"(?:^|[\s;&|$>`(])(?:ssh|scp|sftp|mosh|ssh-copy-id|rsync)(?: -\w+(?: \d+)?)* +['\"]?$")
_AUTHORITY = re.compile(r"://[^\s/?#\"'<>,;]*$")
_IPV4 = re.compile(
    r"(?<![0-9A-Za-z._])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![0-9A-Za-z_]"
    r"|\.\d)"
)
_IPV6 = re.compile(r"[23](?<![0-9A-Za-z:.].)[0-9A-Fa-f]{3}:[0-9A-Fa-f:.]{2,40}+")  # 2000::/3: the public ones
# A word before four numbers (`version`, `version number
# is`) or behind them makes them a version or section.
_VERSION = re.compile(
    r"(?i)(?:(?<![a-z])(?:v|vers?|versions?|release|rel|revision|rev|build|firmware|patch|sections?"
    r"|sec|chapters?|clauses?|articles?|figure"
    r"|fig|table|oid)|版本号?|(?<!出)版|固件|升级[到至]|更新[到至]|章节?|小节|编号|§|第)"
    r"(?:\s{0,2}(?:number|no\.?|is|was|to|of|v|为|是|号))?[\s:.=v]{0,3}$|(?-i:[A-Z][a-z]+[A-Za-z]*)/$"
)
_VERSION_BEHIND = re.compile(
    r"(?i)\s?(?:版(?![权權面块])|[章节節条條](?![点點件款目])|(?:version|release|build)\b)"
)
# characters before a match that are searched for such a word
_NEAR = 24
# four numbers that are all below this are taken for a version or a section
_MIN_OCTET = 20


def _local_start(text: str, at: int) -> int | None:
    """Start of the local part that ends at `at` (the position of the @); None for none or too long a one."""
    # the slice is reversed, since a regular expression matches forwards only
    run = _LOCAL.match(text[max(0, at - _MAX_LOCAL - 1) : at][::-1]).group()[::-1]  # type: ignore[union-attr]
    name = run.lstrip(".%+'-")
    return (
        at - len(name)
        if 0 < len(name) <= _MAX_LOCAL and len(run) <= _MAX_LOCAL and name[-1] not in ".%'"
        else None
    )


def _is_mail(text: str, start: int, end: int, domain: str) -> bool:
    """Whether name@domain is mail and not a file, a package, a remote login or the user of a URL."""
    before = text[max(0, start - 4 * _MAX_LOCAL) : start]
    if (
        before.endswith("@")
        or domain.rpartition(".")[2] in _FILES
        or _SCALE.match(domain)
        or domain in _NAMES
    ):
        return False
    # git@host, and host:path of scp
    if text.startswith("git@", start) or re.match(r":(?:[/~]|[\w.-]{1,64}/)", text[end : end + 70]):
        return False
    return not (_AUTHORITY.search(before) or _REMOTE.search(before))


def emails(text: str) -> Iterator[Span]:
    """Spans of mail addresses, also of `name [at] host [dot] org`; no file, package or remote host.

    "logo@2x.png by li.wei@example.org"  ->  (15, 33)
    """
    # each pattern runs only if the sign that it begins with occurs: most texts have neither
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
    """Spans of public IPv4 and IPv6 addresses; no version or section, so none with all four numbers below 20.

    Private, loopback and multicast addresses are not personal data.
    """
    matches = [*in_zones(_IPV4, text, zones), *_IPV6.finditer(text)]
    for match in matches:
        # the pattern of IPv6 takes a colon or full stop of the sentence with it
        literal = match.group().rstrip(".:") if ":" in match.group() else match.group()
        start, end = match.start(), match.start() + len(literal)
        try:
            address = ipaddress.ip_address(literal)
        except ValueError:
            continue
        if not address.is_global or address.is_multicast or re.match("[0-9A-Za-z_]", text[end : end + 1]):
            continue
        if address.version == 4 and (max(address.packed) < _MIN_OCTET or _VERSION_BEHIND.match(text, end)):
            continue
        if not _VERSION.search(text[max(0, start - _NEAR) : start]):
            yield start, end
