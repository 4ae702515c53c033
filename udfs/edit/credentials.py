"""Credentials: keys of known form, private keys, logins in URLs, values assigned to names like `password`.

Texts are in ASCII forms. Prefixes and lengths of keys are those that the providers publish. Where ordinary
words begin with a prefix (sk-, hf_), the rest must look random as well. Entropy alone did not separate keys
from long names of several words.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from gristmill.udfs.edit.ascii_forms import Span

# A long token, found once; the patterns of keys then run within it. The lookbehind behind the first
# character keeps a match from starting in the middle of a token.
_LONG = re.compile(r"[A-Za-z0-9_.~+/=:-](?<![A-Za-z0-9_.~+/=:-].)[A-Za-z0-9_.~+/=:-]{15,}+")
_KEYS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}|LTAI[A-Za-z0-9]{12,26}|AKID[A-Za-z0-9]{32}"  # AWS, Alibaba, Tencent
    r"|AIza[0-9A-Za-z_-]{35}|GOCSPX-[0-9A-Za-z_-]{28}|ya29\.[0-9A-Za-z_-]{20,500}"  # Google
    r"|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}"
    r"|gl(?:pat|dt|rt|ptt|cbt|ft|soat|imt|agent|oas|ffct|wt)-[A-Za-z0-9_.-]{20,200}"
    r"|[sr]k_(?:live|test)_[A-Za-z0-9]{16,247}|whsec_[A-Za-z0-9+/=]{24,100}"  # Stripe
    r"|npm_[A-Za-z0-9]{36}|pypi-AgE[A-Za-z0-9_-]{50,500}|rubygems_[a-f0-9]{48}|dckr_pat_[A-Za-z0-9_-]{27}"
    r"|SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|sq0(?:atp"
    r"|csp)-[A-Za-z0-9_-]{22,43}"
    r"|do[opr]_v1_[a-f0-9]{64}|dapi[a-f0-9]{32}|hvs\.[A-Za-z0-9_-]{24,200}|glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}"
    r"|AGE-SECRET-KEY-1[0-9A-Z]{58}|PMAK-[a-f0-9]{24}-[a-f0-9]{34}|ATATT3[A-Za-z0-9_=-]{60,400}"
    r"|lin_api_[A-Za-z0-9]{40}"
    r"|\d{8,10}:AA[A-Za-z0-9_-]{33}|[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}"  # Telegram's bots, Azure
    r"|eyJ[A-Za-z0-9_-]{10,4000}+\.[A-Za-z0-9_-]{10,8000}+\.[A-Za-z0-9_-]{10,2000}+"  # JSON Web Token
    r"(?:\.[A-Za-z0-9_-]{10,2000}+){0,2}"
    r")(?![A-Za-z0-9])"
)
# prefixes with which ordinary words begin, too
_LIKE_WORDS = re.compile(
    r"(?<![A-Za-z0-9])(?:sk-(?:proj-|ant-(?:[a-z]+\d\d-)?|svcacct-|admin-|or-v1-)?|xox[abeoprs]-|xapp-"
    r"|hf_|gsk_|xai-|r8_|pplx-|tskey-|figd_|ntn_|key-)"
    r"(?P<body>[A-Za-z0-9_-]{20,250}+)"
)
# a private key: its marks, and what may stand between
# them (in source code it is a string of several lines)
_MARK = re.compile(r"-----(BEGIN|END) (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_BODY = re.compile(r"[A-Za-z0-9+/=\s:,.\\()-]{32,20000}+")
_USERINFO = re.compile(
    r"://(?P<user>[\w.~%+!$&*=@-]{0,100}+):(?P<password>[\w.~%+!$&*=@^(){}:|-]{1,200})@(?=[A-Za-z0-9\[])",
    re.ASCII,
)
# `password = "..."`, in code, in configuration and in English and Chinese prose
_ASSIGNED = re.compile(
    r"(?i)(?:passw(?:or)?d|passphrase|(?<![a-z])(?:pwd|pass(?=[\"']?\s{0,3}[=:]))|secret|token|api[_-]?key"
    r"|access[_-]?key|private[_-]?key"
    r"|account[_-]?key|credentials?|密码|口令|密钥|秘钥)(?:[a-z0-9_-]{0,24}[\"']?\]?\s{0,3}(?:=>|:=|[=:])"
    r"|\s{0,2}(?:is\s|是|为))\s{0,3}"
    r"(?:[\"'](?P<quoted>[^\"'\s]{6,300})[\"']|(?P<bare>(?:[\w!#$%*+./:=?@\\^`~-]"
    r"|&(?![\w-]{1,40}=)){6,300}+)(?![(\[{]))",
    re.ASCII,
)
_BEARER = re.compile(r"(?i)(?<![a-z])(?:bearer|basic)\s{1,3}(?P<bare>[a-z0-9._~+/=-]{20,4000}+)")
# names whose value may be short; the value of a `token`
# or `credential` counts only if it looks random
_QUOTED_NAMES = re.compile(r"(?i)pass|pwd|secret|api|access|private|密码|口令|密钥|秘钥")
# placeholders and expressions of code; words of
# invented values; values that manuals use as passwords
_NO_VALUE = re.compile(
    r"(?i)xxx|\*\*\*|[<>]|\$\{?\w*\}?$|\$\{|\{\{|%\(|%[sd]|\.\.\.|os\.environ|getenv|process\.env"
    r"|^&.*;$|required|\bmin:\d"
)
_INVENTED = re.compile(r"(?i)your|example|changeme|placeholder|dummy|passw|secret|test")
_NO_PASSWORD = re.compile(
    r"(?i)(?:your|my|the|some|db)?[_-]?(?:user(?:name)?|pass(?:word|wd|phrase|code)?|pwd|pw|secret"
    r"|token|changeme|key)\d?"
    r"|[x*.]+|\$.*|.*[{}<>].*|%[sd]|\d{1,5}"
)

# A value of RANDOM_CHARS characters, RANDOM_KINDS of them distinct,
# looks random if at least this share of its neighbouring characters
# differ in kind (digit, capital, small letter). The numbers are our own.
RANDOM_CHARS, RANDOM_KINDS = 16, 8
CHANGES_WITH_DIGITS, CHANGES_OF_CASE = 0.2, 0.35


def is_random(value: str) -> bool:
    """Whether a value of 16 or more characters looks random: its characters change kind often.

    Long names of several words change kind seldom: a capital or a digit at the end of a word.
    """
    # within runs of letters and digits only, as a hyphen or underscore separates words
    runs = re.findall(r"[A-Za-z0-9]+", value)
    pairs = [(one, other) for run in runs for one, other in itertools.pairwise(run)]
    changes = sum(_kind(one) != _kind(other) for one, other in pairs)
    has_both = re.search(r"\d", value) and re.search(r"[A-Za-z]", value)
    has_cases = re.search(r"[a-z]", value) and re.search(r"[A-Z]", value)
    least = CHANGES_WITH_DIGITS if has_both else CHANGES_OF_CASE
    return (
        len(value) >= RANDOM_CHARS
        and bool(has_both or has_cases)
        and len(set(value)) >= RANDOM_KINDS
        and changes >= least * len(pairs)
    )


def _kind(char: str) -> int:
    return 0 if char.isdigit() else 1 if char.isupper() else 2


def _is_password(value: str) -> bool:
    """Whether a short value is a password: digits in two places, digits and a sign, or four digits."""
    if not value.isascii() or not re.search("[A-Za-z]", value):
        return False
    digits = re.findall(r"\d+", value)
    return len(digits) > 1 or bool(digits and re.search(r"[^\w./:-]", value)) or len("".join(digits)) >= 4


def _is_secret(name: str, value: str, quoted: bool) -> bool:
    """Whether a value assigned to `name` is a secret and not a word, an expression of code or an example."""
    if _NO_VALUE.search(value) or value[0] in "=$/." or not value.isascii() or len(set(value)) < 5:
        return False
    # before the words of examples: a random value may have `test` in it by chance
    if is_random(value):
        return True
    if _INVENTED.search(value) or not re.search(r"[^A-Za-z_./:-]", value):
        return False
    if not _QUOTED_NAMES.search(name):
        return False
    return _is_password(value) or (quoted and len(value) >= 8)


def _private_keys(text: str) -> Iterator[Span]:
    """From each BEGIN to the next END; in a text that is cut off before, to the last character of a key."""
    marks = list(_MARK.finditer(text))
    for mark, follower in zip(marks, [*marks[1:], None], strict=False):
        body = (
            _BODY.match(text, mark.end(), follower.start() if follower else len(text))
            if mark[1] == "BEGIN"
            else None
        )
        if body is None or not re.search(r"[A-Za-z0-9+/=]{20}", body.group()):
            continue
        if follower and follower[1] == "END" and body.end() == follower.start():
            yield mark.start(), follower.end()
        elif not follower or follower[1] == "BEGIN":
            yield mark.start(), mark.end() + len(body.group().rstrip())


def _known_keys(text: str) -> Iterator[Span]:
    """Keys with a known prefix, within the long tokens of the text."""
    for token in _LONG.finditer(text):
        start, end = token.span()
        for match in _KEYS.finditer(text, start, end):
            # a manual writes xxxx in the place of a key
            if len(set(match.group()[4:])) >= 8:
                yield match.span()
        for match in _LIKE_WORDS.finditer(text, start, end):
            parts = re.split("[_-]", match["body"])
            if "xxx" not in match["body"].lower() and (
                is_random(max(parts, key=len)) or (len(parts) > 3 and is_random(match["body"]))
            ):
                yield match.span()


def _passwords(text: str) -> Iterator[Span]:
    """Logins in URLs, and values assigned to names."""
    for match in _USERINFO.finditer(text):
        # guest:guest is the default of a program and no secret
        if match["user"] != match["password"] and not _NO_PASSWORD.fullmatch(match["password"]):
            yield match.start("user"), match.end("password")
    for match in _ASSIGNED.finditer(text):
        kind = "quoted" if match["quoted"] else "bare"
        value = match[kind].rstrip(".:!?" if kind == "bare" else "")
        if value and _is_secret(text[match.start() : match.start(kind)], value, kind == "quoted"):
            yield match.start(kind), match.start(kind) + len(value)
    for match in _BEARER.finditer(text):
        if is_random(match["bare"]):
            yield match.span("bare")


def credentials(text: str) -> Iterator[Span]:
    """Spans of private keys, keys of known form, logins in URLs and assigned values; no placeholders.

    'db_password = "hT7!kq0z-Wm"'  ->  (15, 26)
    """
    if "PRIVATE KEY" in text:
        yield from _private_keys(text)
    yield from _known_keys(text)
    yield from _passwords(text)
