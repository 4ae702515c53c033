"""Every cluster of questions keeps a share of its members.

Centres are found on the driver, on vectors of a seeded sample; every question goes to its nearest centre, and
each cluster is thinned by a task of its own. A cluster that outgrows a task is divided by a hash of its
samples' ids into crowds of about HELD, and each crowd keeps the share: alike ones of two crowds do not meet.
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

# Vectors of which centres are found and which a task thins, some 7 kB each. To thin a crowd takes the square
# of it: 10,000 with a share of .8 are 8,000 passes over 40 MB, 12 seconds.
HELD = 10_000
BATCH_ROWS = 512  # of vectors, 2 kB each


class Diversity(Strict):
    """Every cluster of questions keeps `share` of its members."""

    clusters: PositiveInt
    share: float = Field(gt=0, le=1)
    method: Literal["k_center", "mmr"]
    # of the sample's own value against its likeness to those chosen
    mmr_weight: float = Field(ge=0, le=1)


def crowded(tables: JobContext, rows: DataFrame, n: int, spec: Diversity, seed: int) -> DataFrame:
    """sample_id of those of `n` samples for which others of a cluster stay."""
    given = rows.select("sample_id", "value", "question")
    embed = functools.partial(selection.with_vectors, seed=seed)
    found = tables.stage("vectors", given.mapInArrow(embed, selection.VECTORS), BATCH_ROWS)
    centres = selection.centres(_sampled(found, n), spec.clusters)
    whole = _in_crowds(found, centres, [1] * len(centres))
    sizes = {row["crowd"]: row["count"] for row in whole.groupBy("crowd").count().collect()}
    parts = [-(-sizes.get(cluster, 0) // HELD) for cluster in range(len(centres))]
    weight = spec.mmr_weight if spec.method == "mmr" else None
    thin = functools.partial(selection.crowded, share=spec.share, weight=weight)
    return _in_crowds(found, centres, parts).groupBy("crowd").applyInPandas(thin, "sample_id string")


def _sampled(found: DataFrame, n: int) -> selection.Floats:
    """Vectors of HELD samples, the lowest by a seeded hash, or of all there are; the better samples first."""
    from pyspark.sql import functions as F

    if n > HELD:
        # Of `n` hashes HELD and ten standard deviations more are below this limit: the driver cuts to HELD.
        most = HELD + 10 * math.isqrt(HELD)
        found = (
            found.where(F.col("seeded") < F.unhex(F.lit(f"{most * 2**64 // n:016x}"))) if most < n else found
        )
    held = found.select("seeded", "value", "sample_id", "vector").collect()
    chosen = sorted(held, key=lambda row: bytes(row["seeded"]))[:HELD]
    chosen.sort(key=lambda row: (-row["value"], row["sample_id"]))
    return selection.unpacked([row["vector"] for row in chosen])


def _in_crowds(found: DataFrame, centres: selection.Floats, parts: list[int]) -> DataFrame:
    kernel = functools.partial(selection.in_crowds, centres=centres, parts=np.array(parts))
    return found.mapInArrow(kernel, selection.CROWDS)
