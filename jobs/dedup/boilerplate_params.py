"""Parameters of jobs/dedup_boilerplate.py: three rules, of which a recipe has one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from gristmill.jobs.core.config import Strict, find_file, load_yaml, validate
from gristmill.jobs.core.params import Filtered, LeavesOut
from gristmill.jobs.core.routes import Label
from gristmill.jobs.dedup.params import digest
from gristmill.jobs.dedup.ranking import RANKING_TABLES, Rank, unused_tables
from gristmill.udfs.dedup.boilerplate import Cut, UnitRule
from gristmill.udfs.reasons import (
    BOILERPLATE_BLOCK,
    REPEATED_LINE,
    REPEATED_PARAGRAPH,
    REPEATED_SENTENCES,
)
from gristmill.udfs.text.line_hashes import BlockLimits, LineFold

Share = Annotated[float, Field(ge=0, le=1)]


class Fold(Strict):
    """When two lines count as equal; white space always counts as one space."""

    casefold: bool
    # code points; lines of at least so many have their digits read as 0; null: no line
    digits_from_chars: NonNegativeInt | None
    accents: bool  # letters count without their marks
    punctuation: bool  # punctuation does not count

    def kernel(self) -> LineFold:
        """As the kernels take it."""
        return LineFold(self.casefold, self.digits_from_chars, self.accents, self.punctuation)


class Common(Strict):
    """A line is common that this many documents of its site have, if they are this share of them."""

    min_documents: PositiveInt
    min_share: Share


class Rule(Strict):
    """What all rules have."""

    fold: Fold
    min_words: NonNegativeInt  # a shorter span stays, whole; a letter of Han, Kana, Thai, ... is a word
    # of a document's code points but white space; with more it is left out as mostly_boilerplate
    max_share: Share
    # code points but white space; with so many left a document is cut, however much goes; null: never
    min_left: PositiveInt | None


class Blocks(Rule):
    """Neighbouring lines that are common on their site: all copies go."""

    kind: Literal["blocks"]
    group: Literal["site", "lake"]  # lines are counted by site, or over all documents
    min_pages: PositiveInt  # of a site; of one with fewer nothing is known
    common: list[Common] = Field(min_length=1)  # one of these
    common_unspaced: list[Common] = Field(min_length=1)  # of lines in scripts without spaces
    min_lines: PositiveInt  # of a block; blank lines in between do not count
    min_letters: NonNegativeInt  # of a block; 0: any
    # the same for letters of scripts without spaces
    min_letters_unspaced: NonNegativeInt

    def limits(self) -> BlockLimits:
        """When a run of common lines goes."""
        return BlockLimits(self.min_lines, self.min_letters, self.min_letters_unspaced, self.min_words)

    def reason(self) -> str:
        """Of its edits."""
        return BOILERPLATE_BLOCK if self.min_lines > 1 else REPEATED_LINE


class OneCopy(Rule):
    """Rules by which the best-ranked document keeps what it shares with others."""

    def limits(self) -> BlockLimits:
        """When a run of copied pieces goes."""
        return BlockLimits(1, 0, 0, self.min_words)

    def unit(self) -> UnitRule:
        """What is compared."""
        raise NotImplementedError

    def reason(self) -> str:
        """Of its edits."""
        raise NotImplementedError


class Sentences(OneCopy):
    """Spans of neighbouring sentences (C4: three)."""

    kind: Literal["sentences"]
    sentences: PositiveInt

    def unit(self) -> UnitRule:  # noqa: D102
        return UnitRule("sentences", self.sentences, 0)

    def reason(self) -> str:  # noqa: D102
        return REPEATED_SENTENCES


class NGrams(OneCopy):
    """Lines of which a share of the n-grams of words are others' (DCLM's BFF: 13 words, .8)."""

    kind: Literal["n_grams"]
    words: PositiveInt  # of an n-gram
    min_share: float = Field(gt=0, le=1)  # of the n-grams of a line

    def unit(self) -> UnitRule:  # noqa: D102
        return UnitRule("n_grams", self.words, self.min_share)

    def reason(self) -> str:  # noqa: D102
        return REPEATED_PARAGRAPH


AnyRule = Annotated[Blocks | Sentences | NGrams, Field(discriminator="kind")]


class Preset(Strict):
    """A published rule (conf/presets/boilerplate_*.yaml)."""

    preset: str
    about: str
    rule: AnyRule


class Params(Filtered, LeavesOut):
    """See conf/jobs/dedup_boilerplate.yaml for every number and its source."""

    left_out_domains: list[Label]
    # Hosts of many works: their pages are grouped by source, not by host.
    shared_hosts: list[str]
    # Sources that are one work (a book, a manual): without a URL, nothing of them is compared.
    works: list[str]
    rule: AnyRule
    # Rules that keep one copy: the first criterion that differs decides who; doc_id breaks ties.
    ranking: list[Rank]

    @model_validator(mode="before")
    @classmethod
    def _load_referenced_files(cls, values: Any) -> Any:
        """`rule` may name a file: its content becomes part of the recipe, and so of its hash."""
        if isinstance(values, dict) and isinstance(values.get("rule"), str):
            preset = validate(Preset, load_yaml(find_file(values["rule"])), values["rule"])
            return {**values, "rule": preset.rule.model_dump()}
        return values

    def unused_tables(self) -> frozenset[str]:
        """Tables of RANKING_TABLES that no criterion of this ranking reads."""
        return frozenset(RANKING_TABLES) if isinstance(self.rule, Blocks) else unused_tables(self.ranking)

    def config_hash(self) -> str:
        """16 hex digits of what makes a line and a site; only counts of equal config_hash are added up."""
        group = self.rule.group if isinstance(self.rule, Blocks) else ""
        return digest((self.rule.fold.kernel(), group, sorted(self.shared_hosts), sorted(self.works)))

    def cut(self) -> Cut:
        """What goes from a document, as the kernels take it."""
        return Cut(self.rule.fold.kernel(), self.rule.limits(), self.rule.max_share, self.rule.min_left)

    def notes(self) -> list[str]:
        """What a rule of single lines costs, for `gristmill check`."""
        rule = self.rule
        if not isinstance(rule, Blocks) or rule.min_lines > 1:
            return []
        return [
            "warning: single lines, however common, are mostly no boilerplate: of what a rule of lines "
            "that occur twice removes, .15 (en) to .19 (zh) of the bytes were, by eye "
            "(benchmarks/boilerplate.md); the rest is code, rows of tables, headings, answers. Prefer "
            "blocks: the rule of conf/jobs/dedup_boilerplate.yaml"
        ]
