"""The judging kernel equals the plain rule, row by row."""

from __future__ import annotations

import dataclasses
import random

import pyarrow as pa

from gristmill.udfs.rules.apply_limits import Plan, Route, routes_of, verdict_batches
from gristmill.udfs.rules.limits import LIMITS, failed_limits
from gristmill.udfs.rules.measures import SIGNALS, measure

PLAN = Plan(
    routes=(Route(("zh",), ("web",), ("zh",)), Route(("en",), None, ("en", "lines")), Route(None, None, ())),
    presets={"zh": (("min_chars", 20.0), ("max_dup_line_ratio", 0.3)), "en": (("min_words", 4.0), ("max_words", 9.0)), "lines": (("min_c4_sentences", 1.0),)},
    line_drops=frozenset({"lines"}),
    languages=("en", "zh"),
)


def measured(texts: list[str], domains: list[str | None]) -> pa.RecordBatch:
    ids = [f"{i:032x}" for i in range(len(texts))]
    rows = measure(pa.array(texts, pa.string()), lid_model="package:", lid_chars=2000)
    columns = {"doc_id": pa.array(ids), **{name: rows.column(name) for name in rows.schema.names}}
    return pa.record_batch({**columns, "batch_id": ["b"] * len(texts), "domain": pa.array(domains, pa.string())})


def documents() -> tuple[list[str], list[str | None]]:
    draw = random.Random(5)
    en = ["the", "river", "runs", "past", "an", "old", "mill", "and", "its", "wheel", "turns"]
    texts = [" ".join(draw.choices(en, k=draw.randrange(1, 14))).capitalize() + draw.choice([".", "", "!\nNo javascript here at all\nThe mill is old."]) for _ in range(60)]
    texts += ["这条河从山上流下来，经过一个安静的小村庄，最后流进大海。" * draw.randrange(1, 3) for _ in range(10)] + ["河水很清。"] * 3
    return texts, [draw.choice(["web", "wiki", None]) for _ in texts]


def test_the_kernel_finds_what_the_plain_rule_finds_for_every_document() -> None:
    batch = measured(*documents())
    got = {}
    for out in verdict_batches(iter([batch]), PLAN):
        for row in out.to_pylist():
            if row["rule"] is not None and row["rule"] != "languages":
                got.setdefault(row["doc_id"], set()).add((row["rule"], row["value"], row["threshold"], row["reason"]))
    wanted = {}
    for row, route in zip(batch.to_pylist(), routes_of(batch, PLAN).tolist(), strict=True):
        for name in PLAN.routes[route].presets:
            for reason, value, limit, key in failed_limits(row, dict(PLAN.presets[name])):
                wanted.setdefault(row["doc_id"], set()).add((f"{name}.{key}", float(value), limit, reason))
    assert got == wanted
    assert len(wanted) > 10, "the documents must put the rules to work"


def test_the_first_route_that_matches_counts_and_the_last_catches_all() -> None:
    batch = measured(["The mill is old and the wheel turns.", "这条河从山上流下来，经过一个安静的小村庄。", "这条河从山上流下来，经过一个安静的小村庄。"], ["web", "web", "books"])
    assert routes_of(batch, PLAN).tolist() == [1, 0, 2]


def test_only_kept_documents_lose_lines() -> None:
    text = "The mill is old and turns.\nplease enable javascript\n"
    batch = measured([text, "Mill.\nplease enable javascript to go on.\n"], ["web", "web"])
    rows = [row for out in verdict_batches(iter([batch]), PLAN) for row in out.to_pylist()]
    drops = [(row["doc_id"][-1], row["start"], row["end"]) for row in rows if row["rule"] is None]
    assert drops
    assert {doc for doc, _, _ in drops} == {"0"}
    assert all(text[start:end].strip() == "please enable javascript" for _, start, end in drops)


def test_a_preset_judges_no_text_that_is_shorter_than_it_says() -> None:
    plan = dataclasses.replace(PLAN, from_chars={"en": 30})
    batch = measured(["The mill is old and it turns.", "The mill is old, and it turns."], ["web", "web"])
    limits = {"max_words": 5.0}
    plan = dataclasses.replace(plan, presets={**plan.presets, "en": tuple(limits.items())})
    rows = [row for out in verdict_batches(iter([batch]), plan) for row in out.to_pylist()]
    assert {row["doc_id"][-1] for row in rows if row["rule"] == "en.max_words"} == {"1"}


def test_domains_that_no_route_names_are_counted() -> None:
    batch = measured(["河水很清。"] * 5, ["web", "wbe", None, "wbe", "wiki"])
    rows = [row for out in verdict_batches(iter([batch]), PLAN) for row in out.to_pylist()]
    assert {row["reason"]: row["value"] for row in rows if row["rule"] is None and row["start"] is None} == {"wbe": 2, "wiki": 1}


def test_every_limit_compares_a_column_that_is_measured() -> None:
    assert {limit.column for limit in LIMITS.values()} <= set(SIGNALS.names)
