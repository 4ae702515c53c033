"""Rules on the address of a page, before anything of it is parsed: lists of domains and words, by category.

An entry of a list of kind

    domains     is a host: the page's host or a domain above it, up to the domain that was registered
    parts       is anywhere in the address
    words       is a whole word of the address
    soft_words  is a whole word, too, and counts only from `min_soft_words` different ones of a category on

RefinedWeb (arXiv 2306.01116, appendix G.1) and FineWeb work with the same four kinds. An address is compared
in lower case, with percent escapes and punycode read as the characters that they stand for. Words are runs of
letters and digits; a term with Han characters or kana, which nothing separates from its neighbours, counts
anywhere. What was registered is told by the Public Suffix List, in the copy that the package tldextract
brings (no network): an entry such as `co.uk` therefore matches nothing.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import numpy as np
import numpy.typing as npt

from gristmill.udfs import reasons

Kind = Literal["domains", "parts", "words", "soft_words"]
# The reason of each category of lists.
CATEGORIES = {
    "adult": reasons.ADULT_URL,
    "gambling": reasons.GAMBLING_URL,
    "malware": reasons.MALWARE_URL,
    "other": reasons.BLOCKED_DOMAIN,
}
# An address is looked at so far, characters; longer ones hold data rather than words.
MAX_CHARS = 4096
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_words_of = re.compile(r"[^\W_]+").findall
_is_ip = re.compile(r"\[|[0-9.]+$").match


@dataclass(frozen=True)
class UrlList:
    """A list of entries; `name`: what a reject calls it."""

    name: str
    category: str  # a key of CATEGORIES
    kind: Kind
    entries: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class UrlRules:
    """Lists in their order: the first that an address breaks gives the reason.

    Built once on the driver; executors get it with the kernel.
    """

    min_soft_words: int
    lists: tuple[_Searched, ...]

    @classmethod
    def of(cls, lists: Iterable[UrlList], min_soft_words: int) -> UrlRules:
        """The rules of `lists`; the soft words of a category are counted over all of its lists.

        Raises ValueError for a category that is none of CATEGORIES, a list without an entry, a word that
        holds more than one word, or `min_soft_words` below 1.
        """
        if min_soft_words < 1:
            raise ValueError(f"min_soft_words: {min_soft_words} is not above 0")
        soft: dict[str, list[UrlList]] = {}
        order: list[list[UrlList]] = []
        for each in lists:
            if each.kind == "soft_words" and each.category in soft:
                soft[each.category].append(each)
            else:
                order.append([each])
                if each.kind == "soft_words":
                    soft[each.category] = order[-1]
        return cls(min_soft_words, tuple(_searched(same) for same in order))

    def why_not(self, url: str) -> tuple[str, str] | None:
        """The reason and what was found (`casino, poker in gambling_soft_en`), or None where no list has the
        address."""
        if not self.lists:
            return None
        address = _Address(url[:MAX_CHARS])
        for each in self.lists:
            found = each.found(address)
            if len(found) >= (self.min_soft_words if each.kind == "soft_words" else 1):
                return CATEGORIES[each.category], f"{', '.join(sorted(found))} in {each.name}"
        return None


class _Address:
    """An address in the forms that lists are compared with, each made when it is first asked for."""

    def __init__(self, url: str) -> None:
        self.url = url

    @functools.cached_property
    def host(self) -> str:
        """As a domain list writes it: ASCII, lower case, no port, no dot at its end."""
        return host_of(self.url)

    @functools.cached_property
    def text(self) -> str:
        """The characters that a reader would see."""
        shown = ".".join(_unicode_label(label) for label in self.host.split("."))
        rest = (self.url.partition("//")[2] or self.url).partition("/")[2]
        return f"{shown} {unquote(rest).lower()}"

    @functools.cached_property
    def words(self) -> frozenset[str]:
        """Runs of letters and digits."""
        return frozenset(_words_of(self.text))

    @functools.cached_property
    def domains(self) -> list[str]:
        """The host and the domains above it, down to the one that was registered."""
        if not self.host or _is_ip(self.host):
            return [self.host]
        labels = self.host.split(".")
        n_public = len(list(filter(None, _suffix_of()(self.host).split("."))))
        return [".".join(labels[i:]) for i in range(len(labels) - n_public)]


def host_of(url: str) -> str:
    """The host of an address, or of an entry of a list, in ASCII and lower case; empty where it has none.

    `https://user@WWW.Example.org:8080/a` -> `www.example.org`
    """
    try:
        host = urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:  # a bracket without its other half
        return ""
    host = host.strip(".")
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def _unicode_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode().decode("punycode")
    except UnicodeError:
        return label


@functools.lru_cache
def _suffix_of() -> Callable[[str], str]:
    """The public suffix of a host."""
    import tldextract

    # No URL and no cache: the copy inside the package alone decides, on every machine.
    extract = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=(), fallback_to_snapshot=True)
    return lambda host: extract.extract_str(host).suffix


@dataclass(frozen=True, eq=False)
class _Searched:
    """The entries of lists of one kind and category, in the form in which they are looked for."""

    name: str
    category: str
    kind: Kind
    # of domains the sorted hashes: a list of millions takes 8 bytes an entry
    hashes: npt.NDArray[np.uint64]
    words: frozenset[str]
    parts: tuple[str, ...]

    def found(self, address: _Address) -> set[str]:
        """The different entries that the address has."""
        if self.kind == "domains":
            return {domain for domain in address.domains if self._has(domain)}
        return {*(self.words & address.words), *self._parts_in(address.text)}

    def _has(self, domain: str) -> bool:
        hashed = _hash(domain)
        at = int(np.searchsorted(self.hashes, hashed))
        return at < len(self.hashes) and bool(self.hashes[at] == hashed)

    def _parts_in(self, text: str) -> set[str]:
        return {part for _, part in self._automaton.iter(text)} if self.parts else set()

    @functools.cached_property
    def _automaton(self) -> Any:
        import ahocorasick

        automaton = ahocorasick.Automaton()
        for part in self.parts:
            automaton.add_word(part, part)
        automaton.make_automaton()
        return automaton

    def __getstate__(self) -> dict[str, Any]:
        # An executor makes the automaton of its parts anew: they are few.
        return {name: value for name, value in vars(self).items() if name != "_automaton"}


def _searched(lists: list[UrlList]) -> _Searched:
    first, name = lists[0], "+".join(each.name for each in lists)
    if first.category not in CATEGORIES:
        raise ValueError(f"{name}: category {first.category!r} is none of {', '.join(CATEGORIES)}")
    entries = sorted({entry.strip() for each in lists for entry in each.entries} - {""})
    if not entries:
        raise ValueError(f"{name}: has no entry; write one, or take the list out")
    none = np.array([], np.uint64)
    if first.kind == "domains":
        hosts = {host_of(entry) for entry in entries} - {""}
        hashes = np.fromiter((_hash(host) for host in hosts), np.uint64, len(hosts))
        return _Searched(name, first.category, first.kind, np.unique(hashes), frozenset(), ())
    terms = [entry.lower() for entry in entries]
    if first.kind == "parts":
        return _Searched(name, first.category, first.kind, none, frozenset(), tuple(terms))
    words = {term for term in terms if not _UNSPACED.search(term)}
    odd = sorted(word for word in words if _words_of(word) != [word])
    if odd:
        raise ValueError(
            f"{name}: {odd[0]!r} is no single word, so that no address has it; write its words, or a list of "
            "kind parts"
        )
    anywhere = tuple(term for term in terms if term not in words)
    return _Searched(name, first.category, first.kind, none, frozenset(words), anywhere)


def _hash(domain: str) -> np.uint64:
    # 64 bits: of a thousand million addresses against five million domains one is taken for a listed one
    # with a probability of .0003.
    return np.frombuffer(hashlib.blake2b(domain.encode("utf-8", "replace"), digest_size=8).digest(), "<u8")[0]
