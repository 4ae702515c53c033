"""Queue the best documents for synthesis: chosen by quality, language, domain and length, cut into chunks.

reads   corpus (and quality, where the recipe sets bins or tiers)
writes  synth_requests (and creates synth_answers and leases, empty)
run     spark-submit jobs/export_candidates.py --recipe conf/jobs/export_candidates.yaml --lake lakes/demo

rows in   corpus          a  lang en  n_chars 9000     b  lang en  n_chars 300      (min_chars 500)
rows out  synth_requests  a  chunk 0  start 0  end 9000  recipe cot  part cot-...   (b: too_short)

A seeded hash of doc_id decides which documents of a language are exported, so a larger max_documents extends
the set of a smaller one. A queued chunk is never removed, and never queued twice with the same prompt.
"""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pydantic import PositiveFloat, PositiveInt, model_validator

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.errors import ContractError, DataError
from gristmill.jobs.core.params import LeavesOut
from gristmill.jobs.core.routes import Label
from gristmill.jobs.dedup.ranking import by_seed
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_reasons
from gristmill.jobs.runner.counts import Counts
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.jobs.synthesis.requests import Prompted, beyond_limit, first_reason, request_rows
from gristmill.udfs.samples.chunks import CHUNKS, ChunkParams, chunk_batches

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

OTHER = "other"


class Chunking(Strict):
    """How much text is one chunk; see gristmill.udfs.samples.chunks."""

    max_tokens: PositiveInt
    tokens_per_han: PositiveFloat
    tokens_per_char: PositiveFloat


class Params(Prompted, LeavesOut):
    """See conf/jobs/export_candidates.yaml."""

    # share of the documents; `other` is every language not named
    languages: dict[str, PositiveFloat]
    keep_shares: bool
    max_documents: PositiveInt
    domains: list[Label]
    min_chars: PositiveInt
    max_chars: PositiveInt
    bins: list[int] | None
    tiers: list[Literal["head", "middle", "tail"]] | None
    chunk: Chunking
    seed: int

    @model_validator(mode="after")
    def _adds_up(self) -> Params:
        if abs(sum(self.languages.values()) - 1) > 1e-6:
            raise ValueError(
                f"languages: shares add up to {sum(self.languages.values()):g}, wanted 1 (`other` "
                "takes the rest)"
            )
        if self.min_chars > self.max_chars:
            raise ValueError(f"min_chars {self.min_chars} is more than max_chars {self.max_chars}")
        return self


@dataclass
class State:
    """What `export` hands to `count`."""

    documents: DataFrame = field(init=False)  # the rows of `choose`


def candidates(tables: JobContext, params: Params) -> DataFrame:
    """doc_id, batch_id, language (a key of `languages`), rank (seeded hash), reason (null: a candidate): a
    row for every document of the corpus.

    Raises ContractError when bins or tiers are set and `quality` was never written.
    """
    from pyspark.sql import functions as F

    docs = tables["corpus"].select("doc_id", "batch_id", "lang", "domain", "n_chars")
    # In this order: a document that fails several conditions is counted under the first.
    fails: list[tuple[Column, str]] = [
        (F.col("n_chars") < params.min_chars, "too_short"),
        (F.col("n_chars") > params.max_chars, "too_long"),
    ]
    if params.domains != ["any"]:
        fails.append((~F.col("domain").isin(params.domains), "other_domain"))
    if params.bins is not None or params.tiers is not None:
        quality = tables.get("quality")
        if quality is None:
            raise ContractError(
                "export_candidates: bins or tiers are set, and no finished run has written "
                "quality; run it, or set both to null"
            )
        # A left join: a document without a bin is counted as not_scored, not lost.
        docs = docs.join(
            quality.select("doc_id", "batch_id", "bin", "tier"), ["doc_id", "batch_id"], how="left"
        )
        fails.append((F.col("bin").isNull(), "not_scored"))
        fails += [(~F.col("bin").isin(params.bins), "other_bin")] if params.bins is not None else []
        fails += [(~F.col("tier").isin(list(params.tiers)), "other_tier")] if params.tiers is not None else []
    languages = [name for name in params.languages if name != OTHER]
    language = F.when(F.col("lang").isin(languages), F.col("lang")).otherwise(F.lit(OTHER))
    # coalesce: for a null language the comparison is null, which would count as no failure.
    if OTHER not in params.languages:
        fails.append((F.coalesce(~F.col("lang").isin(languages), F.lit(True)), "other_language"))
    return docs.select(
        "doc_id",
        "batch_id",
        language.alias("language"),
        by_seed(params.seed, "doc_id").alias("rank"),
        first_reason(fails).alias("reason"),
    )


def quotas(available: dict[str, int], params: Params) -> dict[str, int]:
    """Language -> documents to export: its share of max_documents, at most those `available`.

    With keep_shares all languages get fewer where one has too few, so that the shares hold.
    """
    whole = params.max_documents
    if params.keep_shares:
        # 1e-9: in floats 7 / 0.07 is 99.99999999999999, and int() would lose a document.
        whole = min(
            [whole, *(int(available.get(name, 0) / share + 1e-9) for name, share in params.languages.items())]
        )
    return {
        name: min(available.get(name, 0), round(whole * share)) for name, share in params.languages.items()
    }


def choose(tables: JobContext, params: Params) -> DataFrame:
    """doc_id, batch_id, reason of `candidates`, staged; not_sampled: beyond the quota of the language.

    Raises DataError when fewer than min_kept would be exported.
    """
    from pyspark.sql import functions as F

    rows = tables.stage("judged", candidates(tables, params))
    available = {
        row["language"]: row["n"]
        for row in rows.where("reason IS NULL").groupBy("language").agg(F.count("*").alias("n")).collect()
    }
    allowed = quotas(available, params)
    if sum(allowed.values()) < params.min_kept:
        raise DataError(
            f"export_candidates: would export {sum(allowed.values()):,} documents; nothing written. "
            f"Candidates by language: {available}. "
            f"If that is meant, lower min_kept (it is {params.min_kept}) or set keep_shares: false"
        )
    # One literal for each language: no join for a handful of numbers.
    quota = F.coalesce(
        *(F.when(F.col("language") == name, F.lit(n)) for name, n in allowed.items()), F.lit(0)
    )
    rows = beyond_limit(rows, quota, ["language"], ["rank", "doc_id", "batch_id"])
    return tables.stage("chosen", rows.select("doc_id", "batch_id", "reason"))


def export(tables: JobContext[State], params: Params) -> Outputs:
    """Requests for the chunks of the chosen documents, as far as they are not in the queue yet."""
    from pyspark.sql import functions as F

    documents = tables.state.documents = choose(tables, params)
    # Text is read for the chosen documents only; the choice is made from narrow columns.
    texts = tables.documents.texts(
        documents.where("reason IS NULL"), "lang", "domain", "text", table="corpus"
    )
    # Recipe and prompt version are part of a request's id:
    # the same chunk with a new prompt is a new request.
    kernel = functools.partial(
        chunk_batches,
        params=ChunkParams(**params.chunk.model_dump()),
        recipe=f"{params.recipe} {params.recipe_version}",
    )
    chunks = texts.select("doc_id", "batch_id", "lang", "domain", "text").mapInArrow(kernel, CHUNKS)
    return request_rows(tables, params, chunks.withColumn("sample_id", F.lit(None).cast("string")))


def count(tables: JobContext[State], params: Params) -> Counts:
    """In: documents of the corpus; kept: chosen for synthesis, now or before; left out: by first reason."""
    return count_reasons(tables.state.documents)


JOB = Job(
    "export_candidates",
    Params,
    reads=("corpus",),
    looks_at=("quality",),
    # Append only: the worker may be answering requests of the queue while this job runs.
    writes=(
        Writes("synth_requests", "append"),
        Writes("synth_answers", "append"),
        Writes("leases", "append"),
    ),
    steps=(export,),
    # max_documents and the shares are of the whole corpus.
    scope="lake",
    count=count,
    state=State,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
