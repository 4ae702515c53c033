"""Extract the text of a crawl's pages: every record becomes a row of docs or, with its reason, of rejects.

reads   files, docs, rejects, batch_files
writes  rejects, docs, pages, batch_files
run     spark-submit jobs/extract_text.py --recipe conf/jobs/extract_text.yaml --lake lakes/demo --input
        crawl/2026-45

rows in   crawl.warc.gz  response  https://a.example/  200  <html><title>Mills</title><p>The mill ...
                         response  https://b.example/  404  <html>...
rows out  docs     url https://a.example/  source commoncrawl  text "The mill ..."
          pages    title Mills  charset_used utf-8  stored_at 512
          rejects  status_404  raw https://b.example/ ...

It is `ingest_docs` for pages: a batch is named in the same way, the same batch again changes nothing, and in
each batch records = rows of docs + rows of rejects. A document is known by its source and URL: of pages with
one address the one that was fetched last is kept (same_id), in a batch by the time of its record. What is
expected of a crawl (pages that are not found, no HTML, blocked, opted out, without text) does not count
against max_reject_ratio; records that are damaged do.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from gristmill.jobs.core.config import Strict
from gristmill.jobs.curation.entry import (
    AMBIGUOUS,
    Entry,
    EntryParams,
    FileFormat,
    State,
    bring_in,
    count,
    files_by_glob,
    refuse_unmatched,
    reject_superseded,
)
from gristmill.jobs.curation.input_rows import Source
from gristmill.jobs.curation.url_lists import UrlListFile, rules_of
from gristmill.jobs.lake.listing import Listing
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.jobs.schema.documents import PAGES as PAGES_TABLE
from gristmill.udfs import reasons
from gristmill.udfs.crawl.accept import AcceptParams
from gristmill.udfs.crawl.cascade import CascadeParams
from gristmill.udfs.crawl.extract import EXTRACTORS, ExtractParams
from gristmill.udfs.crawl.page_formats import PAGE_FORMATS, PageParams
from gristmill.udfs.crawl.rows import PAGES, CrawlParams, columns_of
from gristmill.udfs.crawl.url_rules import UrlRules
from gristmill.udfs.read.rows import FIELDS, ReadParams

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    FormatName = str
    EngineName = str
else:
    FormatName = Literal[tuple(PAGE_FORMATS)]
    EngineName = Literal[tuple(EXTRACTORS)]

# What a recipe maps: fields of docs, and what a row of a table or of JSON Lines says of its page.
Name = Literal[
    "source",
    "native_key",
    "url",
    "domain_hint",
    "lang_hint",
    "license",
    "html",
    "status",
    "content_type",
    "record_id",
    "fetched_at",
]
# What stands in no crawl but a damaged one, or shows a fault of ours.
DAMAGE = {
    reasons.MALFORMED_HTTP,
    reasons.HEADER_TOO_LARGE,
    reasons.MALFORMED_CDX,
    reasons.NO_RECORD_AT_RANGE,
    reasons.OTHER_RECORD_AT_RANGE,
    reasons.ENGINE_FAILED,
}
# What stands in every crawl: no sign of a wrong recipe or of damage.
NO_FAULTS = frozenset(
    {
        *({*reasons.CRAWL, *reasons.PAGE_RULES, *reasons.EXTRACTION} - DAMAGE),
        reasons.EMPTY_TEXT,
        reasons.INVALID_ENCODING,
        # an address that was fetched twice
        AMBIGUOUS,
    }
)


class Format(FileFormat):
    """How the files that match a pattern are read, and which of their columns is what."""

    format: FormatName
    # of JSON Lines; pages are read in the encoding that their bytes show
    encoding: Literal["utf-8", "gb18030", "big5", "auto"] = "utf-8"
    # cdx: the folder or URI below which the files of the list are
    base: str = ""
    # `=x`: the constant x; else a column of tables and JSON Lines, a header field of a WARC record,
    # for single pages `file`
    columns: dict[Name, str | None]
    # names whose column may be in no row of any file
    optional: list[Name] = Field(default=[])


class Accept(Strict):
    """Which pages are taken."""

    statuses: list[int]  # of HTTP; a page without one passes
    html_types: list[str]  # media types, lower case
    min_bytes: NonNegativeInt  # of the page, unpacked
    max_bytes: PositiveInt
    truncated: bool  # whether a page is taken that breaks off

    def made(self) -> AcceptParams:
        """The parameters of the kernel. Raises ValueError."""
        return AcceptParams(
            statuses=frozenset(self.statuses),
            html_types=frozenset(self.html_types),
            min_bytes=self.min_bytes,
            max_bytes=self.max_bytes,
            truncated=self.truncated,
        )


class Cascade(Strict):
    """How the cascade chooses blocks of a page."""

    # a page none of whose blocks is as probable has no main content ...
    min_probability: float = Field(ge=0, le=1)
    # ... unless one of them has so many words that are no link
    prose_words: NonNegativeInt
    # subtracted from the logarithm of the odds of each block
    caution: float = Field(ge=0)
    # of the words of a page that are Han, from which on other engines have a vote
    vote_han_share: float = Field(ge=0, le=1)
    # by what each engine that leaves a block out multiplies its probability
    doubt: float = Field(ge=0, le=1)


class Extract(Strict):
    """How a text is taken out of a page."""

    engine: EngineName
    # a page with more elements, or deeper ones, or an element with more attributes is rejected unparsed
    max_nodes: PositiveInt
    max_depth: PositiveInt
    max_attributes: PositiveInt
    # bytes that are none in the page's encoding, of all
    max_bad_share: float = Field(ge=0, le=1)
    cascade: Cascade

    def made(self) -> ExtractParams:
        """The parameters of the kernel."""
        return ExtractParams(
            engine=self.engine,
            max_nodes=self.max_nodes,
            max_depth=self.max_depth,
            max_attributes=self.max_attributes,
            max_bad_share=self.max_bad_share,
            cascade=CascadeParams(**self.cascade.model_dump()),
        )


class Params(EntryParams):
    """See conf/jobs/extract_text.yaml."""

    formats: list[Format]
    max_header_bytes: PositiveInt  # longest header of an HTTP response
    max_body_bytes: PositiveInt  # most that a response may unpack to
    max_body_ratio: PositiveFloat  # the same as a multiple of its packed bytes
    accept: Accept
    # rules on addresses, in this order
    url_lists: list[UrlListFile]
    # different soft words of a category that leave a page out
    min_soft_words: PositiveInt
    extract: Extract
    # wishes of publishers that count
    honour: list[str]

    @model_validator(mode="after")
    def _sound(self) -> Params:
        for each in self.formats:
            if PAGE_FORMATS[each.format].needs_base and not each.base:
                raise ValueError(
                    f"formats {each.glob}: {each.format} needs base, the folder or URI below which the "
                    "files of the list are"
                )
            # For its errors (ValueError): a bad mapping or list
            # fails in `gristmill check`, not on an executor.
            self.crawl(each)
        return self

    def mapped_columns(self) -> list[Mapping[str, str | None]]:
        """For each format, our field -> the column of the files that it is read from."""
        return [{"url": "the address", **how.columns} for how in self.formats]  # type: ignore[dict-item]

    def modules(self) -> set[str]:
        """Modules of extras that a run imports."""
        needed = {"brotli", "resiliparse"}
        needed |= {"trafilatura"} if self.extract.engine == "trafilatura" else set()
        needed |= {"lxml", "readability"} if self.extract.engine == "cascade" else set()
        needed |= {"tldextract"} if any(each.kind == "domains" for each in self.url_lists) else set()
        needed |= {"ahocorasick"} if any(each.kind != "domains" for each in self.url_lists) else set()
        return needed

    @cached_property
    def url_rules(self) -> UrlRules:
        """The lists, read. Raises ValueError where one is not what the recipe says."""
        return rules_of(self.url_lists, self.min_soft_words)

    def crawl(self, how: Format) -> CrawlParams:
        """The parameters of the kernel for one format. Raises ValueError for numbers or names that make no
        sense."""
        columns: dict[str, str | None] = {str(name): theirs for name, theirs in how.columns.items()}
        reader = PageParams(
            columns,
            optional=tuple(how.optional),
            label=how.glob,
            encoding=how.encoding,
            base=how.base,
            max_header_bytes=self.max_header_bytes,
            max_body_bytes=self.max_body_bytes,
            max_body_ratio=self.max_body_ratio,
            **self.bounds(),
        )
        of_docs = {name: theirs for name, theirs in columns.items() if name in FIELDS}
        return CrawlParams(
            rows=ReadParams(columns_of(of_docs), label=how.glob, **self.bounds()),
            reader=reader,
            accept=self.accept.made(),
            urls=self.url_rules,
            extract=self.extract.made(),
            honour=frozenset(self.honour),
        )


def by_format(params: Params, listing: Listing) -> list[Source]:
    """The files of each format that has some. Raises ConfigError naming the files that no glob matches."""
    matched, unmatched = files_by_glob(listing, params.globs())
    refuse_unmatched(listing, unmatched)
    return [
        Source(how.format, params.crawl(how), files, params.split_bytes, PAGES)
        for how, files in zip(params.formats, matched, strict=True)
        if files
    ]


def pages_of(tables: JobContext, good: DataFrame) -> Outputs:
    """Rows of `pages` for the rows that become documents."""
    from pyspark.sql import functions as F

    name = F.regexp_extract("source_location", r"(?s)^(.*):[^:]*$", 1)
    # The records that a CDX list names are in other files than the list.
    file = F.when(F.expr("endswith(path, regexp_extract(source_location, '(?s)^(.*):[^:]*$', 1))"), name)
    made = {"batch_id": F.lit(tables.batches[0]), "file": file.otherwise(F.col("path"))}
    return {"pages": good.select(*(made.get(each, F.col(each)).alias(each) for each in PAGES_TABLE.names))}


CRAWL = Entry(PAGES, order=("fetched_at",), no_faults=NO_FAULTS, beside=pages_of)


def extract_pages(tables: JobContext[State], params: Params) -> Outputs:
    """See `bring_in`."""
    return bring_in(tables, params, by_format(params, tables.inputs), CRAWL)


JOB = Job(
    "extract_text",
    Params,
    reads=("docs", "rejects", "batch_files"),
    writes=(
        Writes("rejects", "batch"),
        Writes("docs", "batch"),
        Writes("pages", "batch"),
        Writes("batch_files", "batch"),
    ),
    steps=(extract_pages, reject_superseded),
    scope="input",
    count=count,
    state=State,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
