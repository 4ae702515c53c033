"""The parts of the page that are lists: reasons and rejects with their samples, the S-curve of the
banding, families of duplicates."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from gristmill.jobs.core.reasons import in_words
from gristmill.jobs.core.records import Record, Records
from gristmill.jobs.report import text as words
from gristmill.jobs.report.measures import PAIR_BINS
from gristmill.jobs.report.page import bar
from gristmill.jobs.report.s_curve import Banding, Layer, s_curve

LAYERS = (
    (True, "exact", "pair-yes", "accepted, texts compared"),
    (True, "sketch", "pair-yes-sketch", "accepted by their sketches"),
    (False, "exact", "pair-no", "rejected, texts compared"),
    (False, "sketch", "pair-no-sketch", "rejected by their sketches"),
)


def banding_picture(recipe: Record | None, pairs: Records) -> Record | None:
    """The S-curve with the measured pairs, for a wide and for a narrow page, and the pairs of each kind."""
    if recipe is None:
        return None
    layers = []
    for accepted, method, css, name in LAYERS:
        counts = [0] * PAIR_BINS
        for row in pairs:
            if row["is_accepted"] == accepted and row["method"] == method:
                counts[row["bin"]] += row["n"]
        layers.append(Layer(name, css, counts))
    curve = Banding(recipe["bands"], recipe["rows"], recipe["min_similarity"])
    kinds = [{"name": layer.name, "css": layer.css, "n": sum(layer.counts)} for layer in layers]
    return {
        "wide": Markup(s_curve(curve, layers, 900)),
        "narrow": Markup(s_curve(curve, layers, 380)),
        "bands": curve.bands,
        "rows": curve.rows,
        "limit": curve.limit,
        "meets": curve.probability(curve.limit),
        "measure": recipe.get("measure", "jaccard"),
        "kinds": kinds,
        "n": sum(kind["n"] for kind in kinds),
    }


def size_rows(rows: Records) -> Records:
    """Families by size class, with a bar of the documents in them."""
    top = max([row["n_docs"] for row in rows], default=1)
    for row in rows:
        low, high = 2 ** (row["power"] - 1) + 1, 2 ** row["power"]
        row["size"] = f"{low:,}" if low == high else f"{low:,}–{high:,}"
        label = f"{row['n']:,} families of {row['size']} documents: {row['n_docs']:,} documents"
        stay = row["n_docs"] - row["n_out"]
        row["bar"] = bar(
            [(stay, "kept", f"{stay:,} kept"), (row["n_out"], "left-2", f"{row['n_out']:,} left out")],
            top,
            label,
        )
    return rows


def reason_groups(
    order: list[str],
    reasons: Records,
    rules: Records,
    samples: Records,
) -> Records:
    """The reasons of each job, jobs in `order`, most frequent first: documents, those with no other
    reason, the limits that failed, samples."""
    jobs: dict[str, Records] = {}
    for row in reasons:
        mine = {"job": row["job"], "reason": row["reason"]}
        told: Record = {
            **row,
            "about": in_words("verdicts.reason", row["reason"]),
            "limits": _limits(rules, mine),
            "samples": [s for s in samples if mine.items() <= s.items()],
        }
        jobs.setdefault(row["job"], []).append(told)
    for told_all in jobs.values():
        top = max(row["n"] for row in told_all)
        for row in told_all:
            parts = [
                (row["n_sole"], "left-1", f"{row['n_sole']:,} for this reason only"),
                (row["n"] - row["n_sole"], "left-4", "with other reasons too"),
            ]
            row["bar"] = bar(
                parts, top, f"{row['reason']}: {row['n']:,} documents, {row['n_sole']:,} for this reason only"
            )
            for each in row["samples"]:
                each["sign"] = _sign(each["value"], each["threshold"])
    ordered = sorted(jobs, key=lambda job: (order.index(job) if job in order else len(order), job))
    return [{"job": job, "reasons": jobs[job]} for job in ordered]


def _limits(rules: Records, mine: Record) -> Records:
    """rule, limit, n of a reason, its languages summed."""
    summed: dict[tuple[Any, Any], int] = {}
    for row in rules:
        if mine.items() <= row.items():
            key = row["rule"], row["threshold"]
            summed[key] = summed.get(key, 0) + row["n"]
    ordered = sorted(summed.items(), key=lambda item: (-item[1], str(item[0])))
    return [{"rule": rule, "limit": limit, "n": n} for (rule, limit), n in ordered]


def _sign(value: float | None, limit: float | None) -> str:
    """How a value stands to its limit; nothing for copies, whose similarity and limit are both 1."""
    if value is None or limit is None or value == limit == 1:
        return ""
    return "<" if value < limit else ">" if value > limit else "="


def reject_groups(counted: dict[str, int], samples: Records) -> Records:
    """Rejects by reason with raw rows; the first reason that has some stands open."""
    first = next(
        (
            reason
            for reason in counted
            if any(sample["raw"] for sample in samples if sample["reason"] == reason)
        ),
        None,
    )
    top = max([*counted.values(), 1])
    return [
        {
            "reason": reason,
            "n": n,
            "about": in_words("rejects.reason", reason),
            "bar": bar([(n, "left-2", f"{n:,} rows")], top, f"{reason}: {n:,} rows"),
            "samples": [sample for sample in samples if sample["reason"] == reason],
            "is_open": reason == first,
        }
        for reason, n in counted.items()
    ]


def family_cards(families: Records, n_chars: int) -> Records:
    """The largest families of each job, each with two members side by side."""
    jobs: dict[str, Records] = {}
    for family in families:
        left, right = words.side_by_side(family["left"]["text"], family["right"]["text"], n_chars)
        jobs.setdefault(family["job"], []).append({**family, "left_shown": left, "right_shown": right})
    return [{"job": job, "families": mine} for job, mine in jobs.items()]
