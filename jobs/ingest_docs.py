"""Ingest one batch of raw text: every input row becomes a row of docs or, with its reason, of rejects.

reads   files, docs, rejects, batch_files
writes  rejects, docs, batch_files
run     spark-submit jobs/ingest_docs.py --recipe conf/jobs/ingest_docs.yaml --lake lakes/demo --input
        raw/2026-11

rows in   part-0.jsonl  {"id": "1", "source": "s", "text": "One text."}
                        {"id": "2", "source": "s", "te
rows out  docs          native_key 1  source s  text "One text."  source_location part-0.jsonl:0
          rejects       malformed_json  source_location part-0.jsonl:48  raw {"id": "2", "source": "s", "te

The batch is named by --batch, else by the last part of the input path. The same batch again changes nothing;
files of which only the times are new are compared by hash. In each batch, input rows = rows of docs + rows of
rejects, not counting rejects of documents that an earlier version of the batch contained.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from gristmill.jobs.curation.entry import (
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
from gristmill.jobs.lake.listing import Listing
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.udfs.read import readers

# A Delta table is read by Spark, every other format by gristmill.udfs.read.
if TYPE_CHECKING:
    FormatName = str
else:
    FormatName = Literal[(*readers.FORMATS, "delta")]
Name = Literal["text", "native_key", "source", "url", "domain_hint", "lang_hint", "license"]


class Format(FileFormat):
    """How the files that match a pattern are read, and which of their columns is what."""

    format: FormatName
    encoding: Literal["utf-8", "gb18030", "big5", "auto"]
    columns: dict[Name, str | None]  # `=x`: the constant x
    # fields whose column may be in no row of any file;
    # any other column that no row has stops the job
    optional: list[Name] = Field(default=[])

    def own_columns(self) -> Mapping[str, str]:
        """The columns that the format itself names, where the recipe maps none."""
        return readers.FORMATS[self.format].columns if self.format in readers.FORMATS else {}


class Params(EntryParams):
    """See conf/jobs/ingest_docs.yaml."""

    formats: list[Format]

    @model_validator(mode="after")
    def _text_is_mapped(self) -> Params:
        unmapped = [
            each.glob
            for each in self.formats
            if "text" not in each.own_columns() and not each.columns.get("text")
        ]
        if unmapped:
            raise ValueError(
                f"formats {', '.join(unmapped)}: columns.text is not mapped; name the column of the text"
            )
        for each in self.formats:
            # For its errors (ValueError): a bad mapping
            # fails in `gristmill check`, not on an executor.
            self.reader(each, "")
        return self

    def reader(self, how: Format, root: str) -> readers.ReadParams:
        """The reader's parameters for one format; `root`: of the Delta table, which is read as a whole."""
        columns: dict[str, str | None] = {
            str(name): value for name, value in how.columns.items() if value is not None
        }
        return readers.ReadParams(
            columns,
            optional=tuple(how.optional),
            label=how.glob,
            encoding=how.encoding,
            root=root,
            **self.bounds(),
        )

    def mapped_columns(self) -> list[Mapping[str, str | None]]:
        """For each format, our field -> the column of the files that it is read from."""
        return [{**how.own_columns(), **how.columns} for how in self.formats]  # type: ignore[dict-item]


def by_format(params: Params, listing: Listing) -> list[Source]:
    """The files of each format that has some. Raises ConfigError naming the files that no glob matches."""
    matched, unmatched = files_by_glob(listing, params.globs())
    by_glob = list(zip(params.formats, matched, strict=True))
    # A Delta table is read through its log: other files in its folder are no input, and no mistake.
    if not (listing.commit and any(files for how, files in by_glob if how.format == "delta")):
        refuse_unmatched(listing, unmatched)
    return [
        Source(how.format, params.reader(how, listing.root), files, params.split_bytes)
        for how, files in by_glob
        if files
    ]


def ingest(tables: JobContext[State], params: Params) -> Outputs:
    """See `bring_in`. Raises ConfigError naming the files that no glob matches."""
    return bring_in(tables, params, by_format(params, tables.inputs))


JOB = Job(
    "ingest_docs",
    Params,
    reads=("docs", "rejects", "batch_files"),
    writes=(Writes("rejects", "batch"), Writes("docs", "batch"), Writes("batch_files", "batch")),
    steps=(ingest, reject_superseded),
    scope="input",
    count=count,
    state=State,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
