"""Every cluster of questions keeps a share of its members.

Cluster centres are computed on the driver from the vectors of a seeded sample. Every question is assigned to
its nearest centre, and each cluster is thinned by a task of its own. A cluster too large for a task is
divided by a hash of sample_id into groups of about MAX_MEMBERS. Each group keeps the share; similar questions
of two groups are not compared.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field, PositiveInt

from gristmill.jobs.core.config import Strict
from gristmill.udfs.samples import selection

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from gristmill.jobs.runner.context import JobContext

# Vectors from which centres are computed, and which one task thins; some 7 kB each. Thinning
# is quadratic: 10,000 vectors with a share of .8 are 8,000 passes over 40 MB, 12 seconds.
MAX_MEMBERS = 10_000
# vectors in an Arrow batch, 2 kB each
BATCH_ROWS = 512


class Diversity(Strict):
    """Every cluster of questions keeps `share` of its members."""

    clusters: PositiveInt
    share: float = Field(gt=0, le=1)
    method: Literal["k_center", "mmr"]
    # weight of a sample's own value against its similarity
    # to the samples already chosen; for mmr only
    mmr_weight: float = Field(ge=0, le=1)


def redundant_samples(tables: JobContext, rows: DataFrame, n: int, spec: Diversity, seed: int) -> DataFrame:
    """sample_id of the samples that the thinning of their cluster leaves out.

    `rows`: sample_id, value (0 to 1), question; `n`: their number.
    """
    questions = rows.select("sample_id", "value", "question")
    embed = functools.partial(selection.add_vectors, seed=seed)
    # Staged: the vectors are read for the centres, for the sizes of clusters and for the thinning.
    vectors = tables.stage("vectors", questions.mapInArrow(embed, selection.VECTORS), BATCH_ROWS)
    centres = selection.centres(_sampled(vectors, n), spec.clusters)
    # First with one group a cluster, to count its members; then with as many groups as they need.
    whole = _with_groups(vectors, centres, [1] * len(centres))
    sizes = {row["crowd"]: row["count"] for row in whole.groupBy("crowd").count().collect()}
    parts = [-(-sizes.get(cluster, 0) // MAX_MEMBERS) for cluster in range(len(centres))]
    weight = spec.mmr_weight if spec.method == "mmr" else None
    thin = functools.partial(selection.redundant_samples, share=spec.share, weight=weight)
    return _with_groups(vectors, centres, parts).groupBy("crowd").applyInPandas(thin, "sample_id string")


def _sampled(vectors: DataFrame, n: int) -> selection.Floats:
    """Vectors of at most MAX_MEMBERS samples, those with the lowest seeded hash, ordered by value.

    float64, shape (samples, dimensions). The order matters: the first centre is the best sample.
    """
    from pyspark.sql import functions as F

    if n > MAX_MEMBERS:
        # A bound on the hash in place of a sort on Spark. MAX_MEMBERS and
        # ten standard deviations more are expected below it, so that too
        # few are as good as impossible; the driver cuts to MAX_MEMBERS.
        most = MAX_MEMBERS + 10 * math.isqrt(MAX_MEMBERS)
        below = F.col("seeded") < F.unhex(F.lit(f"{most * 2**64 // n:016x}"))
        vectors = vectors.where(below) if most < n else vectors
    sampled = vectors.select("seeded", "value", "sample_id", "vector").collect()
    chosen = sorted(sampled, key=lambda row: bytes(row["seeded"]))[:MAX_MEMBERS]
    chosen.sort(key=lambda row: (-row["value"], row["sample_id"]))
    return selection.decode_vectors([row["vector"] for row in chosen])


def _with_groups(vectors: DataFrame, centres: selection.Floats, parts: list[int]) -> DataFrame:
    kernel = functools.partial(selection.assign_groups, centres=centres, parts=np.array(parts))
    return vectors.mapInArrow(kernel, selection.GROUP_ROWS)
