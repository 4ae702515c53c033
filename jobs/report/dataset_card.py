"""The card of an exported dataset: a README for people with front matter for `datasets`.

It is written from the run log and the manifest.
"""

from __future__ import annotations

import json

import pyarrow as pa
import yaml

from gristmill.jobs.core.records import Record, Records


def features(schema: pa.Schema) -> Records:
    """The columns as `datasets` reads them from a card (`dataset_info.features`): JSON Lines carry no
    types of their own."""
    return [{"name": field.name, **_feature(field.type)} for field in schema]


def _feature(kind: pa.DataType) -> Record:
    # `datasets` writes a list of structs as a list of features, and any other list by its dtype.
    if pa.types.is_list(kind):
        inner = kind.value_type
        return {
            "list": features(pa.schema(list(inner)))
            if pa.types.is_struct(inner)
            else _feature(inner)["dtype"]
        }
    return {"dtype": {"double": "float64", "float": "float32"}.get(str(kind), str(kind))}


def card(
    title: str,
    manifest: Record,
    funnel: Records,
    recipes: dict[str, str],
    facts: dict[str, dict[str, int]],
    models: Records,
) -> str:
    """Markdown with its front matter.

    `facts`: rows by language, domain, licence and so on; `funnel`: a row a job; `recipes`: hash by job.
    """
    # The Hub reads language, configs and dataset_info. A
    # licence is not stated there: it is one of the sources'.
    licences = sorted(facts.get("license", {}))
    front = [
        "---",
        f"pretty_name: {json.dumps(title, ensure_ascii=False)}",
        "language: [" + ", ".join(sorted(name for name in facts.get("lang", {}) if name != "unknown")) + "]",
        "configs:",
        "  - config_name: default",
        f"    data_files: data/*.{manifest['format']}",
        yaml.safe_dump(
            {"dataset_info": {"features": manifest["features"]}}, sort_keys=False, allow_unicode=True
        ).strip(),
        "---",
    ]
    lines = [
        *front,
        f"# {title}",
        "",
        f"{manifest['n_rows']:,} rows in {len(manifest['shards'])} shards ({manifest['format']}, "
        f"{manifest['n_bytes']:,} bytes), exported by Gristmill {manifest['code']}.",
        "",
        "```python",
        "from datasets import load_dataset",
        'rows = load_dataset("FOLDER", split="train")  # the folder of this page, or its name on a hub',
        "```",
        "",
        "The head of this page declares the types of the columns (`dataset_info`). JSON Lines files have "
        "no types, so load the folder and not its files.",
        "",
        "`manifest.json` lists each shard with its rows, bytes and SHA-256.",
        "",
    ]
    for name, counted in facts.items():
        ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
        lines += [
            f"## Rows by {name}",
            "",
            f"| {name} | rows |",
            "| --- | ---: |",
            *(f"| {_cell(key)} | {n:,} |" for key, n in ranked),
            "",
        ]
    lines += [
        "## How it was made",
        "",
        "| job | in | kept | left out | recipe |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    lines += [
        f"| {row['job']} | {row['rows_in']:,} | {row['rows_kept']:,} | {row['rows_left_out']:,} | "
        f"`{recipes[row['job']][:12]}` |"
        for row in funnel
    ]
    lines += [
        "",
        f"Lake: `{_cell(manifest['lake'])}`, versions "
        + ", ".join(f"{name} {version}" for name, version in manifest["versions"].items())
        + ".",
        "",
    ]
    if models:
        lines += [
            "## Models that scored it",
            "",
            "| model | version | kind | metrics on held-out examples |",
            "| --- | --- | --- | --- |",
        ]
        for row in models:
            figures = ", ".join(f"{key} {value:.4g}" for key, value in sorted(row["figures"].items()))
            lines.append(f"| {row['name']} | {row['version']} | {row['kind']} | {figures} |")
        lines.append("")
    stated = ", ".join(_cell(name) for name in licences if name != "unknown") or "none is stated"
    lines += [
        "## Licences",
        "",
        f"Licences that the sources state: {stated}. The publisher of this dataset is responsible for "
        "what its sources allow.",
        "",
    ]
    return "\n".join(lines)


def _cell(value: object) -> str:
    """Text of a source as a table cell: without pipes, line breaks and markup; at most 120 characters."""
    # Names of sources and licences come from the input,
    # which may try to write markup into the card.
    return "".join(" " if char in "|\r\n`<>" else char for char in str(value))[:120]
