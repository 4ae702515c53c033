"""The card of a trained model, which stands beside its file: what it is, what it was trained on, how
good it was on what was held out."""

from __future__ import annotations

import json

from gristmill.jobs.core.records import Record

TOLD = {"auc": "AUC", "precision": "precision", "recall": "recall", "n": "rows"}


def card_of(row: Record) -> str:
    """Markdown, from the columns of a row of `models`."""
    about = [
        f"{row['kind']}, trained by {row['job']}, {row['at']:%Y-%m-%d %H:%M} UTC"
        + (f", for {row['lang']}" if row["lang"] else ""),
        f"File: {row['path']}",
    ]
    parts = [f"# {row['name']} {row['version']}", "\n".join(f"- {line}" for line in about)]
    figures = dict(row["figures"] or {})
    if "auc" in figures:
        parts += [
            "## On what was held out",
            held_out(figures),
            "Whole groups (a source, a page, a document) were held out in turn; good is what scores "
            "above .5.",
        ]
    others = {
        name: value
        for name, value in figures.items()
        if "auc" not in figures or name.split("_")[0] not in TOLD
    }
    if others:
        parts += ["## Figures", "\n".join(f"- {name}: {value:g}" for name, value in sorted(others.items()))]
    for title, content in (("Trained on", row["trained_on"]), ("Parameters", row["params"])):
        parts += [
            f"## {title}",
            "\n".join(f"- {name}: {plain(value)}" for name, value in json.loads(content).items()),
        ]
    return "\n\n".join(parts) + "\n"


def held_out(figures: dict[str, float]) -> str:
    """The table of precision and recall, in all and by language."""
    langs = ["", *sorted(name.removeprefix("auc") for name in figures if name.startswith("auc_"))]
    rows = [
        [
            lang.removeprefix("_") or "all",
            *(
                f"{figures[name + lang]:.4f}" if name != "n" else f"{figures[name + lang]:,.0f}"
                for name in TOLD
            ),
        ]
        for lang in langs
    ]
    return "\n".join(
        "| " + " | ".join(cells) + " |"
        for cells in (["language", *TOLD.values()], ["---"] * (len(TOLD) + 1), *rows)
    )


def plain(value: object) -> str:
    """As JSON, strings without quotes."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
