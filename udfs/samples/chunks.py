"""Cuts a text into chunks of whole paragraphs that fit a model's context.

Chunks do not overlap and leave nothing out: joined in order they are the text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

# Han, Kana, Hangul and CJK punctuation, of which a tokenizer makes about a token a character
HAN = ((0x2E80, 0x9FFF), (0xAC00, 0xD7AF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))
# A chunk may end after an empty line, else after any line.
PARAGRAPH = re.compile(r"(?:\r\n?|\n)(?P<empty>[^\S\r\n]*[\r\n]\s*)?")
# the end of a sentence with its closing quotes; in
# Latin script only before a space, so 3.5 is not cut
SENTENCE = re.compile(r"[。！？；…]+[”’」』）]*|(?<![.!?])[.!?]+[\"'”’)\]]*\s+")
CHUNKS = (
    "request_id string, doc_id string, batch_id string, chunk int, start int, `end` int, lang "
    "string, domain string, text string"
)


@dataclass(frozen=True)
class ChunkParams:
    """The size of a chunk, at most `max_tokens`.

    Tokens are estimated: a character of HAN costs `tokens_per_han`, any other `tokens_per_char`.
    """

    max_tokens: int
    tokens_per_han: float
    tokens_per_char: float


def costs(text: str, params: ChunkParams) -> np.ndarray:
    """Estimated tokens of the first i code points, for i = 0 .. len(text); float64 of shape (len + 1,)."""
    # cumulative, so that the end of a chunk is one binary search
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    is_han = np.zeros(len(points), dtype=bool)
    for first, last in HAN:
        is_han |= (points >= first) & (points <= last)
    return np.concatenate(([0.0], np.cumsum(np.where(is_han, params.tokens_per_han, params.tokens_per_char))))


def chunk_spans(text: str, params: ChunkParams) -> list[tuple[int, int]]:
    """(start, end) of the chunks in code points; contiguous, from 0 to len(text).

        two paragraphs of 60 tokens, max_tokens 100  ->  one chunk each

    A chunk takes as many whole paragraphs as fit. A paragraph that is too long is cut after a sentence, else
    after a space, else at the limit. A character that costs more than `max_tokens` is a chunk of its own.
    """
    spent, spans, start = costs(text, params), [], 0
    while start < len(text):
        limit = int(np.searchsorted(spent, spent[start] + params.max_tokens, side="right")) - 1
        # one character at least, or the loop would not end
        end = len(text) if limit >= len(text) else _last_cut(text, start, max(limit, start + 1))
        spans.append((start, end))
        start = end
    return spans


def _last_cut(text: str, start: int, limit: int) -> int:
    """The best end of a chunk in (start, limit]."""
    window = text[start:limit]
    empty_line = max((m.end() for m in PARAGRAPH.finditer(window) if m["empty"]), default=0)
    # after an empty line, unless that leaves most of the context unused
    if empty_line > len(window) // 2:
        return start + empty_line
    for pattern in (PARAGRAPH, SENTENCE, re.compile(r"\s+")):
        end = max((m.end() for m in pattern.finditer(window)), default=0)
        # an end in the first quarter would leave most of the context unused
        if end > len(window) // 4:
            return start + end
    return start + max(empty_line, len(window)) if window else limit


def request_id(doc_id: str, chunk: int, text: str, recipe: str) -> str:
    """32 hex digits: a hash of document, chunk number, content and recipe (with its version)."""
    # the length before each part, so that no two lists of parts are the same bytes
    digest = hashlib.blake2b(digest_size=16)
    for part in (doc_id, str(chunk), text, recipe):
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.hexdigest()


def chunk_batches(
    batches: Iterator[pa.RecordBatch], params: ChunkParams, recipe: str
) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id, lang, domain, text -> CHUNKS, one row a chunk.

        d1, b, en, web, "One.\\n\\nTwo."  ->  r1, d1, b, 0, 0, 6, en, web, "One.\\n\\n"
                                            r2, d1, b, 1, 6, 10, en, web, "Two."

    `start` and `end` are code points. A chunk of white space has no row; the others keep their numbers.
    """
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
