"""The card of a trained model, a Markdown file next to the model: kind, training data, held-out figures."""

from __future__ import annotations

import json

from gristmill.jobs.core.records import Record

# figures of cross-validation -> columns of the table;
# with a suffix such as auc_zh they are of one language
HELD_OUT = {"auc": "AUC", "precision": "precision", "recall": "recall", "n": "rows"}


def card_of(row: Record) -> str:
    """Markdown from a row of `models`, by column; trained_on and params are JSON, figures numbers by name."""
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
            held_out_table(figures),
            "Whole groups (a source, a page, a document) were held out in turn; good is what scores "
            "above .5.",
        ]
    # Only classifiers are cross-validated. Of other kinds all figures go into one list.
    others = {
        name: value
        for name, value in figures.items()
        if "auc" not in figures or name.split("_")[0] not in HELD_OUT
    }
    if others:
        parts += ["## Figures", "\n".join(f"- {name}: {value:g}" for name, value in sorted(others.items()))]
    # Both are JSON, so that a card can show whatever a trainer noted.
    for title, content in (("Trained on", row["trained_on"]), ("Parameters", row["params"])):
        parts += [
            f"## {title}",
            "\n".join(f"- {name}: {plain(value)}" for name, value in json.loads(content).items()),
        ]
    return "\n\n".join(parts) + "\n"


def held_out_table(figures: dict[str, float]) -> str:
    """A Markdown table of HELD_OUT: a row for all languages, then a row a language."""
    # "" is the suffix of figures over all languages.
    langs = ["", *sorted(name.removeprefix("auc") for name in figures if name.startswith("auc_"))]
    rows = [
        [
            lang.removeprefix("_") or "all",
            *(
                f"{figures[name + lang]:.4f}" if name != "n" else f"{figures[name + lang]:,.0f}"
                for name in HELD_OUT
            ),
        ]
        for lang in langs
    ]
    return "\n".join(
        "| " + " | ".join(cells) + " |"
        for cells in (["language", *HELD_OUT.values()], ["---"] * (len(HELD_OUT) + 1), *rows)
    )


def plain(value: object) -> str:
    """As JSON, strings without quotes."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
