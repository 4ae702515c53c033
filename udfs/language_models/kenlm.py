"""Perplexity by KenLM: how a text becomes tokens, how a trained model travels to an executor, how documents
are scored.

Every line that is not blank is a sentence with its begin and end, as in cc_net; the numbers of a document are
sums over its lines.
"""

import contextlib
import hashlib
import json
import math
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from gristmill.udfs.arrow.batches import as_batch, by_key

Unit = Literal["words", "chars"]
WORDS = re.compile(r"[^\W\d_]+|\d|[^\w\s]", re.UNICODE)
SCORES: pa.Schema = pa.schema(
    [
        ("n_tokens", pa.int64()),
        ("log_prob", pa.float64()),
        ("oov_ratio", pa.float64()),
        ("perplexity", pa.float64()),
        ("loss", pa.float64()),
    ]
)


@dataclass(frozen=True)
class LanguageModel:
    """A trained model: `blob` is KenLM's binary or an ARPA file; tokens are words in lower case (each
    digit one) or characters."""

    name: str
    lang: str
    unit: Unit
    order: int
    max_chars: int
    blob: bytes

    @cached_property
    def version(self) -> str:
        """12 hex digits; equal version, equal scores.

        Kept, and sent along, as it takes a look at every byte.
        """
        return hashlib.blake2b(
            json.dumps(self.about, sort_keys=True).encode() + self.blob, digest_size=6
        ).hexdigest()

    @property
    def about(self) -> dict[str, Any]:
        """All but the blob."""
        return {key: value for key, value in asdict(self).items() if key != "blob"}


def to_bytes(model: LanguageModel) -> bytes:
    """The whole model as one file: a line of JSON, then the blob."""
    return json.dumps(model.about, sort_keys=True).encode() + b"\n" + model.blob


def from_bytes(data: bytes) -> LanguageModel:
    """The model of `to_bytes`. Raises ValueError when it is none."""
    head, _, blob = data.partition(b"\n")
    try:
        return LanguageModel(**json.loads(head), blob=blob)
    except (ValueError, TypeError) as error:
        raise ValueError(
            "not a model of train_lm (its first line is no JSON of one); train it again"
        ) from error


def sentences(text: str, unit: Unit, max_chars: int) -> Iterator[str]:
    """The tokens of each line of the first `max_chars` code points, apart by single spaces; blank lines
    are left out."""
    for line in text[:max_chars].splitlines():
        tokens = (
            WORDS.findall(line.lower()) if unit == "words" else [char for char in line if not char.isspace()]
        )
        # A control character or NUL would end KenLM's token or
        # line; the model's own marks would be read as such.
        kept = [
            token if token.isprintable() and token not in ("<s>", "</s>", "<unk>") else "\ufffd"
            for token in tokens
        ]
        if kept:
            yield " ".join(kept)


@lru_cache(maxsize=4)
def _loaded(version: str, model: LanguageModel) -> Any:
    """KenLM's model, mapped from a file that the processes of a machine share."""
    import kenlm

    # The file is named by version and user: processes of one machine map the same pages once.
    path = Path(tempfile.gettempdir()) / f"gristmill-lm-{os.getuid()}-{version}"
    if not _is_own(path, len(model.blob)):
        # Written apart and renamed, so that no other process maps half a file.
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(model.blob)
        try:
            os.replace(file.name, path)
        except OSError:  # another user has taken the name; the temporary folder lets nobody remove it
            path = Path(file.name)
    settings = kenlm.Config()
    settings.show_progress = False
    settings.arpa_complain = kenlm.ARPALoadComplain.NONE
    return kenlm.Model(str(path), settings)


def _is_own(path: Path, size: int) -> bool:
    """Whether a file of this size is there that nobody but this user can have written.

    Everybody may create names in the temporary folder, and KenLM maps a file without looking at it.
    """
    with contextlib.suppress(OSError):
        # lstat: a link of another user may lead to a file of ours, but not for long
        status = path.lstat()
        is_private = status.st_uid == os.getuid() and not status.st_mode & 0o022
        return stat.S_ISREG(status.st_mode) and is_private and status.st_size == size
    return False


def score_text(model: LanguageModel, text: str) -> tuple[int, float, float, float, float]:
    """SCORES of one text: tokens (ends of lines included), natural-log likelihood, share of unknown tokens,
    perplexity, loss.

    A text without a token is one end of line.
    """
    return _score(_loaded(model.version, model), model, text)


def _score(kenlm_model: Any, model: LanguageModel, text: str) -> tuple[int, float, float, float, float]:
    n, unknown, total = 0, 0, 0.0
    # A text without a token still has a perplexity: that of an empty sentence.
    for sentence in list(sentences(text, model.unit, model.max_chars)) or [""]:
        for log10, _, is_unknown in kenlm_model.full_scores(sentence, bos=True, eos=True):
            total += log10
            unknown += is_unknown
            n += 1
    # KenLM gives log10; the table holds natural logarithms.
    loss = -total * math.log(10) / n
    # exp() of more than 100 nats says nothing more, and would overflow near 710.
    return n, round(-loss * n, 6), round(unknown / n, 6), round(math.exp(min(loss, 100.0)), 6), round(loss, 6)


def score_texts(model: LanguageModel, texts: pa.Array) -> pa.RecordBatch:
    """A row of SCORES for each text; a null text is an empty one."""
    loaded = _loaded(model.version, model)
    rows = [_score(loaded, model, text or "") for text in texts.to_pylist()]
    return as_batch(rows, SCORES)


def score_languages(texts: pa.Array, langs: pa.Array, models: Mapping[str, LanguageModel]) -> pa.RecordBatch:
    """A row of SCORES for each text by the model of its language; nulls where the language is null.

    Raises ValueError for a language without a model.
    """
    kernels = {lang: partial(score_texts, model) for lang, model in models.items()}
    return by_key([texts], langs, kernels, SCORES, "perplexity: no language model")
