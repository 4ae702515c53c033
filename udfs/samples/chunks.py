"""Cut a text into chunks of whole paragraphs that fit a model's context; joined in order the chunks are
the text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

# written without spaces: about a token a character
HAN = ((0x2E80, 0x9FFF), (0xAC00, 0xD7AF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))
# A chunk may end after an empty line, else after any line.
PARAGRAPH = re.compile(r"(?:\r\n?|\n)(?P<empty>[^\S\r\n]*[\r\n]\s*)?")
SENTENCE = re.compile(r"[。！？；…]+[”’」』）]*|(?<![.!?])[.!?]+[\"'”’)\]]*\s+")
CHUNKS = (
    "request_id string, doc_id string, batch_id string, chunk int, start int, `end` int, lang "
    "string, domain string, text string"
)


@dataclass(frozen=True)
class ChunkParams:
    """How much text is one chunk.

    Tokens are estimated: a Han character costs `tokens_per_han`, any other `tokens_per_char`.
    """

    max_tokens: int
    tokens_per_han: float
    tokens_per_char: float


def costs(text: str, params: ChunkParams) -> np.ndarray:
    """Estimated tokens of the first i code points, for i = 0 .. len(text); float64 of shape (len + 1,)."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    is_han = np.zeros(len(points), dtype=bool)
    for first, last in HAN:
        is_han |= (points >= first) & (points <= last)
    return np.concatenate(([0.0], np.cumsum(np.where(is_han, params.tokens_per_han, params.tokens_per_char))))


def chunk_spans(text: str, params: ChunkParams) -> list[tuple[int, int]]:
    """(start, end) in code points; contiguous, from 0 to len(text), each within `max_tokens`.

    A chunk takes as many whole paragraphs as fit; a paragraph that alone is too long is cut after a sentence,
    else after a space, else where it has to be.
    """
    spent, spans, start = costs(text, params), [], 0
    while start < len(text):
        limit = int(np.searchsorted(spent, spent[start] + params.max_tokens, side="right")) - 1
        end = len(text) if limit >= len(text) else _last_cut(text, start, max(limit, start + 1))
        spans.append((start, end))
        start = end
    return spans


def _last_cut(text: str, start: int, limit: int) -> int:
    """The last good place to end a chunk in (start, limit]."""
    window = text[start:limit]
    empty_line = max((m.end() for m in PARAGRAPH.finditer(window) if m["empty"]), default=0)
    # whole paragraphs, unless that leaves most of the context unused
    if empty_line > len(window) // 2:
        return start + empty_line
    for pattern in (PARAGRAPH, SENTENCE, re.compile(r"\s+")):
        found = max((m.end() for m in pattern.finditer(window)), default=0)
        if found > len(window) // 4:
            return start + found
    return start + max(empty_line, len(window)) if window else limit


def request_id(doc_id: str, chunk: int, text: str, recipe: str) -> str:
    """32 hex digits: hash of document, chunk number, content and recipe (with its version)."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (doc_id, str(chunk), text, recipe):
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.hexdigest()


def chunk_batches(
    batches: Iterator[pa.RecordBatch], params: ChunkParams, recipe: str
) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id, lang, domain, text -> CHUNKS; a chunk of white space only asks for
    nothing and is passed over."""
    for batch in batches:
        for row in batch.to_pylist():
            spans = [
                (n, s, e)
                for n, (s, e) in enumerate(chunk_spans(row["text"], params))
                if row["text"][s:e].strip()
            ]
            if not spans:
                continue
            texts = [row["text"][s:e] for _, s, e in spans]
            columns = [
                [
                    request_id(row["doc_id"], n, text, recipe)
                    for (n, _, _), text in zip(spans, texts, strict=True)
                ],
                *([row[name]] * len(spans) for name in ("doc_id", "batch_id")),
                *([span[i] for span in spans] for i in range(3)),
                *([row[name]] * len(spans) for name in ("lang", "domain")),
                texts,
            ]
            kinds = [pa.string()] * 3 + [pa.int32()] * 3 + [pa.string()] * 3
            names = ["request_id", "doc_id", "batch_id", "chunk", "start", "end", "lang", "domain", "text"]
            yield pa.record_batch([pa.array(c, k) for c, k in zip(columns, kinds, strict=True)], names=names)
