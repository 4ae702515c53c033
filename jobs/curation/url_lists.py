"""Lists of domains and words for rules on addresses, as files of a recipe, each with its hash and licence."""

from __future__ import annotations

import hashlib
from typing import Literal

from gristmill.jobs.core.config import Strict, find_file
from gristmill.udfs.crawl.url_rules import UrlList, UrlRules


class UrlListFile(Strict):
    """A file of one entry a line; lines that begin with `#`, and blank ones, are none."""

    category: Literal["adult", "gambling", "malware", "other"]
    # domains: hosts with all below them; parts: anywhere in the address; words: a whole word;
    # soft_words: a whole word that counts together with others
    kind: Literal["domains", "parts", "words", "soft_words"]
    path: str
    # of the file, 64 hexadecimal digits: a list that has changed is another recipe
    sha256: str
    # under which the list may be used; read it before you write it down
    license: str

    def load(self) -> UrlList:
        """Read the list. Raises ValueError where its hash is another one, or it is not UTF-8, and
        ConfigError where there is no such file."""
        path = find_file(self.path)
        data = path.read_bytes()
        found = hashlib.sha256(data).hexdigest()
        if found != self.sha256.lower():
            raise ValueError(
                f"{path}: its sha256 is {found}, the recipe says {self.sha256}; look at what has changed, "
                "then write the new hash into the recipe"
            )
        lines = (line.strip() for line in data.decode().splitlines())
        entries = tuple(line for line in lines if line and not line.startswith("#"))
        return UrlList(path.stem, self.category, self.kind, entries)


def rules_of(lists: list[UrlListFile], min_soft_words: int) -> UrlRules:
    """The rules of the lists. Raises as `UrlListFile.load` and `UrlRules.of`."""
    return UrlRules.of([each.load() for each in lists], min_soft_words)
