"""Which mapped columns occur in no row: each unit reports its columns, the driver joins the reports.

A column that some rows lack is common; one that no row of any file has is a misspelt name, and nulls in every
row would hide it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gristmill.udfs.read.paths import find_value, why_missing
from gristmill.udfs.read.values import MISSING

MAX_NAMES = 40  # names of columns that a report carries


@dataclass
class Survey:
    """What the rows of one unit had.

    `label`: what messages call its files; `missing`: our field -> their column, until a row has it.
    """

    label: str
    missing: dict[str, str]
    # columns that rows had, in the order in which they came
    names: dict[str, None] = field(default_factory=dict)
    # our field -> what the first object of its path is or holds
    why: dict[str, str] = field(default_factory=dict)
    has_rows: bool = False
    # what the file is, when it is none of its format
    foreign: str | None = None

    def saw(self, names: Iterable[str], present: Iterable[str]) -> None:
        """Rows with columns called `names`; `present`: of our fields, those whose column was there."""
        self.has_rows = True
        for ours in present:
            self.missing.pop(ours, None)
        # Names are for the complaint: without a missing column there is none.
        if self.missing and len(self.names) < MAX_NAMES:
            self.names.update(dict.fromkeys(str(name)[:64] for name in names))

    def look(self, record: Mapping[str, Any]) -> None:
        """Learn from a record; not needed once it has rows and misses nothing. Raises Reject (as
        `find_value`)."""
        self.saw(
            record,
            [ours for ours, theirs in self.missing.items() if find_value(record, theirs) is not MISSING],
        )
        for ours, theirs in self.missing.items():
            if ours not in self.why and (why := why_missing(record, theirs)):
                self.why[ours] = why

    def report(self) -> str | None:
        """One line for the driver; None when there is nothing to say: no rows, and no file of another
        kind."""
        if self.foreign is not None:
            return json.dumps({"foreign": self.foreign}, ensure_ascii=False)
        if not self.has_rows:
            return None
        names = list(self.names)[:MAX_NAMES] if self.missing else []
        why = {ours: text for ours, text in self.why.items() if ours in self.missing}
        return json.dumps(
            {"label": self.label, "missing": self.missing, "names": names, "why": why}, ensure_ascii=False
        )


def complaints(reports: Iterable[str]) -> list[str]:
    """`GLOB: text: no row has body; there are: id, body_text`, one for each mapped column that no file
    of its format has."""
    seen: dict[str, list[Mapping]] = {}
    # Equal reports of many units are one; sorted, so that the message does not depend on the tasks.
    for report in map(json.loads, sorted(set(reports))):
        if "foreign" not in report:
            seen.setdefault(report["label"], []).append(report)
    return [line for label, of_label in sorted(seen.items()) for line in _of_format(label, of_label)]


def _of_format(label: str, of_label: list[Mapping]) -> list[str]:
    names = sorted({name for report in of_label for name in report["names"]})
    column_list = ", ".join(names[:MAX_NAMES]) + (", ..." if len(names) > MAX_NAMES else "") or "none"
    lines = []
    for ours, theirs in sorted(of_label[0]["missing"].items()):
        # One file that has the column is enough: files of a format may differ.
        if all(ours in report["missing"] for report in of_label):
            why = next((f" ({report['why'][ours]})" for report in of_label if ours in report["why"]), "")
            lines.append(f"{label}: {ours}: no row has {theirs}{why}; there are: {column_list}")
    return lines


def foreign_files(reports: Iterable[tuple[str, str]]) -> list[str]:
    """`NAME: a zip archive`, one for each file that is none of its format; `reports`: name of the file,
    report."""
    return [
        f"{name}: {seen}"
        for name, seen in sorted(
            {(name, json.loads(report).get("foreign")) for name, report in reports}, key=str
        )
        if seen
    ]
