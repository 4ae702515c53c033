"""datatrove's four MinHash blocks with its own defaults, timed by benchmarks/near_dup_peers.py. Needs datatrove[processing,io] and spaCy.

    python benchmarks/near_dup_datatrove.py INPUT OUTPUT

INPUT is a folder of Parquet files (id, text), OUTPUT the folder for Parquet files of the kept documents. Two workers; as many tasks as files.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

WORKERS = 2


def main(source: str, home: str) -> None:
    """Signatures, buckets, clusters, filter, one after the other, as datatrove's own example runs them."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup.minhash import (
        MinhashConfig,
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.writers import ParquetWriter

    config, n_files = MinhashConfig(), len(list(Path(source).glob("*.parquet")))
    steps: list[tuple[int, list[Any]]] = [
        (n_files, [ParquetReader(source), MinhashDedupSignature(f"{home}/signatures", config=config)]),
        (config.num_buckets, [MinhashDedupBuckets(f"{home}/signatures", f"{home}/buckets", config=config)]),
        (1, [MinhashDedupCluster(f"{home}/buckets", f"{home}/remove", config=config)]),
        (n_files, [ParquetReader(source), MinhashDedupFilter(f"{home}/remove"), ParquetWriter(f"{home}/kept")]),
    ]
    for number, (tasks, pipeline) in enumerate(steps):
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=min(tasks, WORKERS), logging_dir=f"{home}/logs/{number}").run()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
