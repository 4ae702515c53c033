"""Lists of the report: reasons and rejects with their samples, the picture of the banding, families."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from gristmill.jobs.core.reasons import in_words
from gristmill.jobs.core.records import Record, Records
from gristmill.jobs.report import text as words
from gristmill.jobs.report.charts import Banding, Layer, s_curve
from gristmill.jobs.report.measures import PAIR_BINS
from gristmill.jobs.report.page import bar

# (is_accepted, pairs.method, css class, name), in the order in which they are stacked
LAYERS = (
    (True, "exact", "pair-yes", "accepted, texts compared"),
    (True, "sketch", "pair-yes-sketch", "accepted by their sketches"),
    (False, "exact", "pair-no", "rejected, texts compared"),
    (False, "sketch", "pair-no-sketch", "rejected by their sketches"),
)


def banding_picture(recipe: Record | None, pairs: Records) -> Record | None:
    """The S-curve with the compared pairs, for a wide and for a narrow page, and the pairs of each kind.

    `recipe`: parameters of the run; None without bands, and then there is no picture. `pairs`: is_accepted,
    method, bin, n.
    """
    if recipe is None:
        return None
    # All four layers are listed even where they are empty,
    # so that colours mean the same in every report.
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
    """`rows` (power, n, n_docs, n_out) with `size`, the range of sizes, and a bar of the documents."""
    top = max([row["n_docs"] for row in rows], default=1)
    for row in rows:
        low, high = 2 ** (row["power"] - 1) + 1, 2 ** row["power"]
        row["size"] = f"{low:,}" if low == high else f"{low:,}–{high:,}"
        label = f"{row['n']:,} families of {row['size']} documents: {row['n_docs']:,} documents"
        n_kept = row["n_docs"] - row["n_out"]
        row["bar"] = bar(
            [(n_kept, "kept", f"{n_kept:,} kept"), (row["n_out"], "left-2", f"{row['n_out']:,} left out")],
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
    """Job -> its reasons, most frequent first, each with its documents, failed limits and samples.

    `order`: jobs as the funnel has them; jobs that it lacks come last. Each row of `reasons` has n
    (documents) and n_sole (documents with no other reason of the job).
    """
    jobs: dict[str, Records] = {}
    for row in reasons:
        key = {"job": row["job"], "reason": row["reason"]}
        entry: Record = {
            **row,
            "about": in_words("verdicts.reason", row["reason"]),
            "limits": _limits(rules, key),
            "samples": [s for s in samples if key.items() <= s.items()],
        }
        jobs.setdefault(row["job"], []).append(entry)
    # Bars are relative to the most frequent reason of the
    # same job: jobs see very different numbers of documents.
    for entries in jobs.values():
        top = max(row["n"] for row in entries)
        for row in entries:
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


def _limits(rules: Records, reason_key: Record) -> Records:
    """rule, limit, n of a reason (job and reason in `reason_key`), summed over languages."""
    # One limit may be in presets of several languages; here only its value counts.
    summed: dict[tuple[Any, Any], int] = {}
    for row in rules:
        if reason_key.items() <= row.items():
            key = row["rule"], row["threshold"]
            summed[key] = summed.get(key, 0) + row["n"]
    ordered = sorted(summed.items(), key=lambda item: (-item[1], str(item[0])))
    return [{"rule": rule, "limit": limit, "n": n} for (rule, limit), n in ordered]


def _sign(value: float | None, limit: float | None) -> str:
    """<, > or = between a value and its limit; "" for copies, whose similarity and limit are both 1."""
    if value is None or limit is None or value == limit == 1:
        return ""
    return "<" if value < limit else ">" if value > limit else "="


def reject_groups(counted: dict[str, int], samples: Records) -> Records:
    """Rejects by reason with raw rows; the first reason that has samples is shown open."""
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


def pair_cards(pairs: Records, n_chars: int) -> Records:
    """Pairs of documents with their texts side by side, cut to `n_chars`."""
    cards = []
    for pair in pairs:
        left, right = words.side_by_side(pair["left"]["text"], pair["right"]["text"], n_chars)
        cards.append({**pair, "left_shown": left, "right_shown": right})
    return cards


def family_cards(families: Records, n_chars: int) -> Records:
    """The largest families of each job, each with two members side by side, cut to `n_chars`."""
    jobs: dict[str, Records] = {}
    for family in families:
        left, right = words.side_by_side(family["left"]["text"], family["right"]["text"], n_chars)
        jobs.setdefault(family["job"], []).append({**family, "left_shown": left, "right_shown": right})
    return [{"job": job, "families": cards} for job, cards in jobs.items()]
