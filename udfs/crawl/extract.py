"""A crawled page to its text and metadata, or the reason why it has none."""

from __future__ import annotations

from dataclasses import dataclass

from gristmill.udfs import reasons
from gristmill.udfs.crawl import charset
from gristmill.udfs.crawl.cascade import CascadeParams, cascade
from gristmill.udfs.crawl.engines import ENGINES, name_of
from gristmill.udfs.crawl.metadata import read_metadata
from gristmill.udfs.crawl.pages import Page
from gristmill.udfs.crawl.wishes import wishes
from gristmill.udfs.html import nodes as scan
from gristmill.udfs.html.blocks import LINK_WORDS, WORDS, count_blocks
from gristmill.udfs.html.tex import has_formulas, keep_tex
from gristmill.udfs.read.values import Reject

CASCADE = "cascade"
EXTRACTORS = (*ENGINES, CASCADE)
_STOPPED = {
    scan.TOO_MANY_NODES: (reasons.TOO_MANY_NODES, "max_nodes"),
    scan.TOO_DEEP: (reasons.NESTED_TOO_DEEP, "max_depth"),
    scan.TOO_MANY_ATTRIBUTES: (reasons.TOO_MANY_ATTRIBUTES, "max_attributes"),
}


@dataclass(frozen=True, kw_only=True)
class ExtractParams:
    """The numbers of a recipe."""

    engine: str  # one of EXTRACTORS
    max_nodes: int  # elements
    max_depth: int  # of nesting
    max_attributes: int  # of one element
    # bytes and characters that are none in the encoding of the page, of all bytes
    max_bad_share: float
    cascade: CascadeParams

    @property
    def limits(self) -> scan.Limits:
        """Those of the scan."""
        return scan.Limits(self.max_nodes, self.max_depth, self.max_attributes)


@dataclass(frozen=True)
class Extracted:
    """A page as a document. `text_ratio`: bytes of text in bytes of HTML; `link_ratio`: words in links of
    all words."""

    text: str
    title: str | None
    date: str | None  # of publication, YYYY-MM-DD
    html_lang: str | None
    charset_declared: str | None
    charset_used: str
    n_bytes_html: int
    text_ratio: float
    link_ratio: float
    extractor: str  # with its version
    # what the cascade expects of its own choice, 0 to 1; None for another engine
    expected_f1: float | None
    wishes: tuple[str, ...]


def extract(page: Page, params: ExtractParams) -> Extracted:
    """The text of a page by the engine of `params`, and what the page says of itself.

    How many bytes a page may have is asked before (gristmill.udfs.crawl.accept). Raises Reject:
    INVALID_ENCODING, TOO_MANY_NODES, NESTED_TOO_DEEP, TOO_MANY_ATTRIBUTES, ENGINE_FAILED, EMPTY_TEXT.
    """
    decoded = charset.decode(page.body, params.max_bad_share)
    data = decoded.text.encode("utf-8", "ignore")
    nodes = _scanned(data, params)
    metadata = read_metadata(nodes)
    if has_formulas(data) and (with_tex := keep_tex(data, nodes)) is not data:
        data, nodes = with_tex, _scanned(with_tex, params)
    blocks = count_blocks(nodes)
    if params.engine == CASCADE:
        found = cascade(nodes, blocks, params.cascade)
        text, extractor, expected_f1 = found.text, found.extractor, found.expected_f1
    else:
        text, extractor, expected_f1 = _by_package(params.engine, data.decode()), name_of(params.engine), None
    text = _clean(text)
    if not text:
        raise Reject(reasons.EMPTY_TEXT, f"no main content by {extractor}")
    words = float(blocks.counts[:, WORDS].sum())
    return Extracted(
        text=text,
        title=metadata.title,
        date=metadata.date,
        html_lang=metadata.lang,
        charset_declared=charset.declared(page.headers, page.body),
        charset_used=decoded.encoding,
        n_bytes_html=len(page.body),
        text_ratio=len(text.encode()) / len(page.body),
        link_ratio=float(blocks.counts[:, LINK_WORDS].sum()) / words if words else 0.0,
        extractor=extractor,
        expected_f1=expected_f1,
        wishes=wishes(page.headers, metadata.metas),
    )


def _by_package(engine: str, html: str) -> str:
    """The text by a package. Raises Reject where it fails: a page must not end the task of all others.

    A package that is not there is no fault of the page: ImportError, and MemoryError, end the task.
    """
    try:
        return ENGINES[engine](html)
    except (ImportError, MemoryError):
        raise
    except Exception as error:
        detail = f"{name_of(engine)}: {type(error).__name__}: {error}"
        raise Reject(reasons.ENGINE_FAILED, detail[:300]) from error


def _scanned(data: bytes, params: ExtractParams) -> scan.Nodes:
    nodes = scan.read_nodes(data, params.limits)
    if nodes.stopped_by != scan.WHOLE:
        reason, limit = _STOPPED[nodes.stopped_by]
        raise Reject(reason, f"more than {limit} {getattr(params, limit)}")
    return nodes


def _clean(text: str) -> str:
    """`text` without what a character reference of the page may have brought in again."""
    return charset.without_bad(text).strip("\n")
