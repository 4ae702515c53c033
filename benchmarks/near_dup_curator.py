"""distributed-curator's deduplication on Spark, timed by benchmarks/near_dup_peers.py. Needs distributed-curator and pyspark 3.5.

    python benchmarks/near_dup_curator.py INPUT OUTPUT

INPUT is a folder of Parquet files (id, text), OUTPUT the folder for Parquet files of the kept documents. Its own defaults (64 permutations in 16
bands, character 9-grams, threshold .8 of the signatures), but with 8 partitions instead of a thousand, in its favour at this size.
"""

from __future__ import annotations

import os
import sys

CORES, PARTITIONS = 2, 8


def main(source: str, home: str) -> None:
    """Read, mark, write what is no duplicate."""
    from distributed_curator import get_jar_path, partition_aware_deduplicate
    from pyspark.sql import SparkSession

    settings = {
        "spark.jars": get_jar_path(), "spark.driver.memory": "4g", "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": str(PARTITIONS), "spark.local.dir": f"{home}/local",
    }  # fmt: skip
    builder = SparkSession.builder.master(f"local[{CORES}]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    documents = spark.read.parquet(source).withColumnRenamed("id", "doc_id")
    marked = partition_aware_deduplicate(
        spark=spark, input_df=documents, num_partitions=PARTITIONS, is_input_doc_id_unique=True
    )
    kept = marked.where("NOT is_duplicate").selectExpr("doc_id AS id").join(spark.read.parquet(source), "id")
    kept.write.parquet(f"{home}/kept")
    spark.stop()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    os.makedirs(sys.argv[2], exist_ok=True)
    main(*sys.argv[1:])
