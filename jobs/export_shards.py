"""Write the mix, the corpus or the samples as shards for a trainer, with a manifest, checksums and a card.

reads   corpus; mix, samples, sample_verdicts and models where they exist
writes  LAKE/_export/SOURCE/ (data/, manifest.json, README.md), SOURCE being mix, corpus or samples
run     spark-submit jobs/export_shards.py --recipe conf/jobs/export_shards.yaml --lake lakes/demo

rows in   mix   a  copy 0  fim none        corpus  a  "One text."  source s
rows out  data/shard-00000.jsonl.zst       {"doc_id": "a", "text": "One text.", "source": "s", "copy": 0}

Rows are in random order, by the seed and their ids. Text is shuffled in no other job; here each shard is to
be a random sample of all of it. A shard is complete or absent; after a kill, the next run writes the missing
ones.
"""

from __future__ import annotations

import functools
import json
import sys
from typing import TYPE_CHECKING, Literal

from pydantic import PositiveInt, model_validator

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.errors import ContractError, DataError
from gristmill.jobs.core.records import Records
from gristmill.jobs.core.version import code_version
from gristmill.jobs.curation.sentinels import Marks
from gristmill.jobs.lake import hadoop_files
from gristmill.jobs.report.ask import funnel_of
from gristmill.jobs.report.dataset_card import card, features
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.job import Job, Outputs
from gristmill.jobs.runner.main import main
from gristmill.jobs.synthesis.samples import kept_samples
from gristmill.udfs.edit.shards import WRITTEN, ShardParams, export_schema, file_system_of, write_batches

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SAMPLE_COLUMNS = ["sample_id", "recipe", "doc_id", "lang", "domain", "question", "cot", "answer", "model"]


class Params(Strict):
    """See conf/jobs/export_shards.yaml."""

    source: Literal["mix", "corpus", "samples"]
    columns: list[str]  # of corpus, in addition to doc_id and text (mix and corpus)
    chat: Literal["messages", "sharegpt", "alpaca"] | None  # form of samples; null for text
    format: Literal["jsonl", "jsonl.zst", "parquet"]
    shard_bytes: PositiveInt  # of text in one shard, about
    # those of mix_corpus; needed where the mix holds cut texts
    sentinels: Marks | None
    # of the order (corpus and samples; the mix has its own)
    seed: int
    title: str  # of the card

    @model_validator(mode="after")
    def _fits(self) -> Params:
        if (self.source == "samples") != (self.chat is not None):
            raise ValueError(
                "chat goes with source: samples, and samples need it (messages, sharegpt or alpaca)"
            )
        return self


def folder(params: Params) -> str:
    """The folder of the export, relative to the root of the lake."""
    return f"_export/{params.source}"


def rows_of(tables: JobContext, params: Params) -> tuple[DataFrame, int]:
    """The rows to write with `position` (bigint: their random order), and the UTF-8 bytes of all their text.

    Raises ContractError when the source was never written, or when the mix has cut texts and the recipe names
    no sentinels.
    """
    from pyspark.sql import functions as F

    if params.source == "samples":
        samples = kept_samples(tables)
        if samples is None:
            raise ContractError(
                "export_shards: source is samples, and no finished run has written them; run "
                "merge_samples, or name another source"
            )
        rows = samples.select(*SAMPLE_COLUMNS, F.xxhash64(F.lit(params.seed), "sample_id").alias("position"))
        size = rows.agg(
            F.sum(F.octet_length("question") + F.coalesce(F.octet_length("cot"), F.lit(0))).alias("n")
        ).first()
        return rows, int(size["n"] or 0)
    # Each column once: a recipe may name text again.
    columns = list(dict.fromkeys(["text", *params.columns]))
    if params.source == "corpus":
        rows = tables["corpus"].select(
            "doc_id",
            *[name for name in columns if name != "doc_id"],
            F.xxhash64(F.lit(params.seed), "doc_id").alias("position"),
        )
        size = tables["corpus"].agg(F.sum(F.octet_length("text").cast("bigint")).alias("n")).first()
        return rows, int(size["n"] or 0)
    mix = tables.get("mix")
    if mix is None:
        raise ContractError(
            "export_shards: source is mix, and no finished run has written it; run mix_corpus, or "
            "set source: corpus"
        )
    # The mix has its own order and holds the cuts; the text is in corpus alone.
    carry = ("copy", "position", "fim", "cut_start", "cut_end")
    size = mix.agg(
        F.sum("n_bytes").alias("n"), F.max((F.col("fim") != "none").cast("int")).alias("cut")
    ).first()
    # Refused before anything is written, not by a task in the middle of the export.
    if size["cut"] and params.sentinels is None:
        raise ContractError(
            "export_shards: the mix holds texts cut for filling in the middle; give the "
            "sentinels of mix_corpus"
        )
    return tables.documents.texts(
        mix, *[name for name in columns if name not in ("doc_id", "batch_id")], carry=carry, table="corpus"
    ), int(size["n"] or 0)


def export(tables: JobContext, params: Params) -> Outputs:
    """Write the shards, delete those of an earlier export, write the card, and the manifest last.

    Raises DataError when there is no text to export.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.pandas.types import to_arrow_schema

    rows, size = rows_of(tables, params)
    if not size:
        raise DataError(f"export_shards: {params.source} has no text to export; nothing written")
    # Rounded up: shards are at most about shard_bytes.
    n_shards = -(-size // params.shard_bytes)
    root = f"{tables.lake.root}/{folder(params)}"
    used = {name: tables.versions[name] for name in sorted(tables.versions)}
    # From the table: a column that is null throughout one shard would get another type there.
    rows_schema = to_arrow_schema(rows.drop("position", "batch_id").schema)
    schema = export_schema(rows_schema, params.chat)
    # What the content of a shard depends on; a finished shard with another key is written again.
    key = json.dumps([tables.recipe_hash, used, n_shards, str(schema)], sort_keys=True)
    sentinels = params.sentinels.sentinels() if params.sentinels else None
    how = ShardParams(root, key, params.format, schema, sentinels, params.chat)
    identity = [name for name in ("doc_id", "sample_id", "copy") if name in rows.columns]
    # A shard is whole in one task, so that one task can write it. The ids break ties of `position`.
    ordered = (
        rows.withColumn("shard", F.pmod("position", F.lit(n_shards)).cast("int"))
        .repartition(n_shards, "shard")
        .sortWithinPartitions("shard", "position", *identity)
    )
    shards = (
        ordered.drop("position", "batch_id")
        .mapInArrow(functools.partial(write_batches, params=how), WRITTEN)
        .collect()
    )
    written = sorted((row.asDict() for row in shards), key=lambda row: row["shard"])
    drop_others(root, {row["file"] for row in written})
    # Written last: a reader that finds the manifest finds all the files that it lists.
    manifest = {
        "format": params.format,
        "source": params.source,
        "n_rows": sum(row["n_rows"] for row in written),
        "n_bytes": sum(row["n_bytes"] for row in written),
        "lake": tables.lake.where,
        "versions": used,
        "recipe_hash": tables.recipe_hash,
        "code": code_version(),
        "features": features(schema),
        "shards": written,
    }
    hadoop_files.write_text(
        tables.lake.spark,
        f"{root}/README.md",
        card(
            params.title,
            manifest,
            funnel_of(tables.history.runs),
            recipes(tables),
            facts(tables, params),
            models(tables),
        ),
    )
    hadoop_files.write_text(
        tables.lake.spark, f"{root}/manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    )
    return {}


def drop_others(root: str, files: set[str]) -> None:
    """Delete the shards below `root` that are not among `files` (data/NAME), of an earlier export."""
    import pyarrow.fs as fs

    # A trainer reads data/* by a glob: a shard that was left behind would be trained on.
    system, path = file_system_of(root)
    for each in system.get_file_info(fs.FileSelector(f"{path}/data", allow_not_found=True)):
        if f"data/{each.base_name}" not in files:
            system.delete_file(each.path)


def recipes(tables: JobContext) -> dict[str, str]:
    """Job -> hash of the recipe of its last finished run."""
    return {row["job"]: row["recipe_hash"] for row in tables.history.runs.finished()}


def facts(tables: JobContext, params: Params) -> dict[str, dict[str, int]]:
    """Column -> value -> rows, for the card: language, domain, licence and tier (samples: language, domain
    and licence of their source document, recipe, prompt version and model). A null counts as `unknown`."""
    from pyspark.sql import functions as F

    names, rows = ["lang", "domain", "license", "tier"], tables["corpus"]
    samples = kept_samples(tables) if params.source == "samples" else None
    if samples is not None:
        # A sample inherits the licence of the document that it was made of.
        licences = rows.select("doc_id", "batch_id", "license")  # of the source documents
        names, rows = (
            ["lang", "domain", "license", "recipe", "recipe_version", "model"],
            samples.join(licences, ["doc_id", "batch_id"], how="left"),
        )
    elif params.source == "mix":
        rows = (
            tables["mix"]
            .select("doc_id", "batch_id")
            .join(rows.select("doc_id", "batch_id", *names), ["doc_id", "batch_id"], how="inner")
        )
    # One pass for all columns: the combinations are few, and are summed up on the driver.
    counted = (
        rows.groupBy(*[F.coalesce(name, F.lit("unknown")).alias(name) for name in names])
        .agg(F.count("*").alias("n"))
        .collect()
    )
    totals: dict[str, dict[str, int]] = {name: {} for name in names}
    for row in counted:
        for name in names:
            totals[name][row[name]] = totals[name].get(row[name], 0) + row["n"]
    return totals


def models(tables: JobContext) -> Records:
    """Rows of the table `models`, sorted by name; empty where no model was trained."""
    table = tables.get("models")
    return (
        []
        if table is None
        else sorted((row.asDict() for row in table.collect()), key=lambda row: row["name"])
    )


JOB = Job(
    "export_shards",
    Params,
    reads=("corpus",),
    looks_at=("mix", "samples", "sample_verdicts", "models"),
    writes=(),
    steps=(export,),
    scope="lake",
    about=__doc__,
    output=lambda params: f"{folder(params)}/manifest.json",
)

if __name__ == "__main__":
    sys.exit(main(JOB))
