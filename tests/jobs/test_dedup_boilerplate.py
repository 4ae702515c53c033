"""Blocks of lines that the pages of a site share go, from all of them; what they say themselves stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs import dedup_boilerplate, dedup_minhash, report_run
from gristmill.jobs.dedup import boilerplate
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.report.duplicates import boilerplate_lines
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.catalog import table
from gristmill.jobs.schema.documents import DOCS, EDITS, VERDICTS
from gristmill.jobs.schema.duplicates import BOILERPLATE, DUPLICATES, LINE_COUNTS, PAIRS, SKETCHES
from tests.lakes import bring, measure, read, write

pytestmark = pytest.mark.spark

MENU = "Home of the mill\nOur flour, by grain and grade\nOpening hours, prices and directions\nWrite to the miller, or call in the evening\n"
FOOT = "版权所有，未经许可不得转载本站任何内容。\n联系我们：请写信到磨坊编辑部，地址见首页。\n关于本站以及友情链接与网站地图和隐私政策说明\n"
SAYS = "Page {0} tells of grain number {0}, where it grew in the year {1}, who cut it in the field of {2}, and at which stone it was ground to meal.\n"


def page(i: int, before: str = MENU, after: str = "", words: int = 1) -> str:
    return before + "\n" + "".join(SAYS.format(100 * i + k, 1900 + i, chr(97 + i) * 4) for k in range(words)) + after


def site(name: str, n: int, **kind: Any) -> list[dict[str, Any]]:
    return [{"id": f"{name}{i}", "url": f"https://www.{name}.org/{i}", "domain": "web", "text": page(i, **kind)} for i in range(n)]


def run(lake: Lake, params_of: Callable[..., Any], **changes: Any) -> Any:
    measure(lake, params_of("measure_text"))
    return run_job(dedup_boilerplate.JOB, params_of("dedup_boilerplate", **{"skip_rejected_by": [], "min_kept": 0, **changes}), lake)


def left(lake: Lake) -> dict[str, str]:
    """native_key -> the text without its edits; of documents without a verdict."""
    texts = {row.doc_id: (row.native_key, row.text) for row in read(lake, DOCS)}
    spans: dict[str, list[tuple[int, int]]] = {}
    for row in read(lake, EDITS):
        spans.setdefault(row.doc_id, []).append((row.start, row.end))
    out = {row.doc_id for row in read(lake, VERDICTS)}
    done = {}
    for doc_id, (key, text) in texts.items():
        for start, end in sorted(spans.get(doc_id, []), reverse=True):
            text = text[:start] + text[end:]
        if doc_id not in out:
            done[key] = text
    return done


def test_blocks_of_a_site_go_and_all_else_stays(lake: Lake, documents: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    fenced = "```\n" + MENU + "```\n"
    table = "".join(f"| {line} |\n" for line in MENU.splitlines())
    rows = [
        *site("mill", 12, words=3),
        *site("molen", 10, before="", after=FOOT, words=2),
        *site("few", 9, words=3),  # a page too few
        *site("fenced", 12, before=fenced, words=3),
        *site("table", 12, before=table, words=3),
        *[{**row, "domain": "code"} for row in site("code", 12, words=3)],
        *site("line", 12, before=MENU.splitlines()[1] + "\n", words=3),  # one line is no block
        *site("thin", 12, before=MENU + FOOT, words=1),  # more frame than text
    ]
    documents(rows)
    counts = run(lake, params_of).counts
    texts = {row["id"]: row["text"] for row in rows}
    expected = {key: text for key, text in texts.items() if not key.startswith("thin")}
    for i in range(12):
        expected[f"mill{i}"] = page(i, before="", words=3)[1:]
    for i in range(10):
        expected[f"molen{i}"] = page(i, before="", words=2)
    assert left(lake) == expected
    assert (counts.rows_in, counts.rows_kept, counts.rows_left_out, counts.reasons) == (len(rows), len(rows) - 12, 12, {"mostly_boilerplate": 12})
    assert {row.reason for row in read(lake, EDITS)} == {"boilerplate_block"}
    [verdict, *_] = read(lake, VERDICTS)
    assert (verdict.reason, verdict.threshold, verdict.rule) == ("mostly_boilerplate", 0.5, "dedup_boilerplate.max_share")
    assert 0.5 < verdict.value < 1


def told(lake: Lake) -> dict[str, list[str]]:
    own = {"edits": EDITS, "verdicts": VERDICTS, "boilerplate": BOILERPLATE, "line_counts": LINE_COUNTS}
    return {name: sorted(repr(row) for row in read(lake, each)) for name, each in own.items()}


def test_a_common_line_says_how_common_it_is_and_where_it_stands(lake: Lake, documents: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    rows = [*site("mill", 12, words=3), *site("other", 3)]
    rows[5]["text"] = page(5, before="", words=3)
    documents(rows)
    run(lake, params_of)
    texts = {row.doc_id: row.text for row in read(lake, DOCS)}
    found = read(lake, BOILERPLATE)
    assert {(row.site, row.line_text, row.n, row.n_pages, round(row.share, 3)) for row in found} == {("host:mill.org", line, 11, 12, 0.917) for line in MENU.splitlines()}
    for row in found:
        assert texts[row.example_doc_id][row.example_start : row.example_end] == row.line_text
    ids = sorted(row.doc_id for row in read(lake, DOCS) if row.url.startswith("https://www.mill") and row.native_key != "mill5")
    assert {row.example_doc_id for row in found} == {ids[0]}
    # what `gristmill why` says of a page with the menu, and of the one without
    by_key = {row.native_key: row for row in read(lake, DOCS)}
    one, none = (boilerplate_lines(lambda name: lake.read(table(name)), by_key[key]) for key in ("mill1", "mill5"))
    menu = " / ".join(MENU.splitlines())
    assert one[0] == f"  removed by dedup_boilerplate, characters 0 to {len(MENU) + 1}: {menu[:120]}..."
    assert one[1].startswith("    boilerplate_block: Neighbouring lines")
    assert one[2:] == ["    its lines are on 11 of 12 documents of host:mill.org"]
    assert none == []
    run_job(report_run.JOB, params_of("report_run"), lake)
    page_of_lake = Path(lake.local_root or "", "_report/index.html").read_text(encoding="utf-8")
    assert all(shown in page_of_lake for shown in ("host:mill.org", "<td class=\"n\">0.92</td>"))
    assert sum(line in page_of_lake for line in MENU.splitlines()) == 3, "as many as the recipe shows of each reason"


def batches() -> dict[str, list[dict[str, Any]]]:
    """Three batches: the menu is common from the first on, the foot with the second; the third says nothing of these sites."""
    return {
        "one": [*site("mill", 10, words=3), *[{**row, "id": f"a{row['id']}"} for row in site("molen", 6, before="", after=FOOT, words=2)], *site("still", 11, words=3)],
        "two": [{"id": f"b{i}", "url": f"http://molen.org/b{i}", "domain": "web", "text": page(50 + i, before="", after=FOOT, words=2)} for i in range(5)]
        + [{"id": f"c{i}", "url": f"http://mill.org/c{i}", "domain": "web", "text": page(60 + i, before="Another head of the page\n", words=3)} for i in range(3)],
        "three": [{"id": f"d{i}", "url": f"http://else.org/{i}", "domain": "web", "text": page(70 + i)} for i in range(2)],
    }


@pytest.fixture
def read_again(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """For each run, the (batch, site) whose texts it reads a second time; None: all of them."""
    seen: list[Any] = []
    ask = boilerplate.changed_groups

    def noted(*given: Any) -> Any:
        again = ask(*given)
        seen.append(None if again is None else sorted(tuple(row) for row in again.collect()))
        return again

    monkeypatch.setattr(boilerplate, "changed_groups", noted)
    return seen


def test_batch_after_batch_gives_what_all_at_once_give_and_reads_few_texts_twice(
    new_lake: Callable[[Path], Lake], tmp_path: Path, params_of: Callable[..., Any], read_again: list[Any]
) -> None:
    # a document that filter_rules rejects, in each batch
    made = {name: [*rows, {"id": f"short-{name}", "text": name}] for name, rows in batches().items()}

    def filled(name: str, judged: dict[str, set[str]]) -> Lake:
        """A lake with these batches at once, of which filter_rules rejects the documents `judged`."""
        lake = new_lake(tmp_path / name)
        for batch in judged:
            bring(lake, tmp_path / f"raw {name}", made[batch], params_of("ingest_docs"), batch)
        reject(lake, judged)
        return lake

    def reject(lake: Lake, judged: dict[str, set[str]]) -> None:
        docs = read(lake, DOCS)
        for batch, keys in judged.items():
            rows = [("filter_rules", row.doc_id, batch, "too_few_words", 1.0, 2.0, "own.min_words", "h") for row in docs if row.native_key in {*keys, f"short-{batch}"} and row.batch_id == batch]
            write(lake, "verdicts", rows, "filter_rules", batch, where=f"job = 'filter_rules' AND batch_id = '{batch}'")

    steps = filled("steps", {"one": set()})
    run(steps, params_of, skip_rejected_by=["filter_rules"])
    for batch in ("two", "three"):
        bring(steps, tmp_path / "raw steps", made[batch], params_of("ingest_docs"), batch)
        reject(steps, {batch: set()})
        run(steps, params_of, skip_rejected_by=["filter_rules"])
    # first all; then the foot becomes common, in both batches; the third batch changes nothing
    assert read_again == [None, [("one", "host:molen.org"), ("two", "host:mill.org"), ("two", "host:molen.org")], []]
    once = filled("once", {name: set() for name in made})
    run(once, params_of, skip_rejected_by=["filter_rules"])
    assert told(steps) == told(once)
    assert {row.line_text for row in read(steps, BOILERPLATE, site="host:molen.org")} == set(FOOT.splitlines())

    # Documents that another filter leaves out take their lines with them: here the one that is the example of the menu, and the tenth page of molen.
    example = read(steps, BOILERPLATE, site="host:mill.org")[0].example_doc_id
    [key] = [row.native_key for row in read(steps, DOCS) if row.doc_id == example]
    judged = {"one": {key, "amolen1", "amolen2"}, "two": set(), "three": set()}
    reject(steps, judged)
    read_again.clear()
    run(steps, params_of, skip_rejected_by=["filter_rules"])
    assert read_again == [[("one", "host:mill.org")]]  # of molen nothing is known any more
    again = filled("again", judged)
    run(again, params_of, skip_rejected_by=["filter_rules"])
    assert {row.site for row in read(steps, BOILERPLATE)} == {"host:mill.org", "host:still.org"}
    assert told(steps) == told(again)


@pytest.mark.parametrize("preset", ["c4", "dclm"])
def test_of_a_shared_passage_the_best_document_keeps_its_copy(lake: Lake, documents: Callable[..., Any], params_of: Callable[..., Any], preset: str) -> None:
    shared = " ".join(SAYS.format(7000 + k, 1800 + k, "shared") .strip() for k in range(3))
    own = {key: "\n".join(SAYS.format(f"{key} {k}", 1700 + k, key).strip() for k in range(4)) for key in "abc"}
    rows = {
        "a": f"{own['a']}\n{shared}\n",
        "b": f"{own['b']}\n{shared}\nMore words than the others have, and so this document is the one that keeps it.\n",
        "c": f"{own['c']}\n{shared.upper()}\nend\n",
        "d": f"{shared.replace(' grain', ' corn')}\nThe third word differs.\n",
    }
    documents([{"id": key, "text": text} for key, text in rows.items()])
    run(lake, params_of, rule=f"conf/presets/boilerplate_{preset}.yaml")
    assert left(lake) == {**rows, "a": f"{own['a']}\n", "c": f"{own['c']}\nend\n"}
    reason = {"c4": "repeated_sentences", "dclm": "repeated_paragraph"}[preset]
    assert {row.reason for row in read(lake, EDITS)} == {reason}
    ids = {row.native_key: row.doc_id for row in read(lake, DOCS)}
    [passage] = read(lake, BOILERPLATE)
    assert (passage.example_doc_id, passage.n, passage.site) == (ids["b"], 3, "lake")


def test_pages_of_one_template_are_near_duplicates_only_of_their_own_kind(lake: Lake, documents: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    menu = "".join(f"Shelf {chr(97 + i) * 3} of {chr(98 + i) * 4} with {chr(99 + i) * 5} and more {chr(100 + i) * 3} for {chr(97 + i)} readers\n" for i in range(22))
    rows = [*site("mill", 12, before=menu, words=3), {**site("mill", 1, before=menu, words=3)[0], "id": "copy", "url": "https://copy.org/", "text": page(0, before="", words=3) + "x"}]
    documents(rows)
    names = {row.doc_id: row.native_key for row in read(lake, DOCS)}

    def duplicates(edits: list[str]) -> set[str]:
        run_job(dedup_minhash.JOB, params_of("dedup_minhash", skip_rejected_by=["dedup_boilerplate"], edits=edits, exact_only=True, min_kept=0), lake)
        return {names[row.doc_id] for row in read(lake, DUPLICATES, job="dedup_minhash")}

    rule = params_of("dedup_boilerplate").rule.model_dump()
    run(lake, params_of, rule={**rule, "max_share": 0.9})
    # by their texts the pages are alike, and page 0 and its copy without the menu are not
    assert len(duplicates([])) == 11
    assert "copy" not in duplicates([])
    assert duplicates(["dedup_boilerplate"]) in ({"copy"}, {"mill0"})
    size = params_of("dedup_minhash", edits=["dedup_boilerplate"], exact_only=True)
    # compared by their texts, without the menu
    [pair] = [row for row in read(lake, PAIRS, config_hash=size.pairing()) if {names[row.doc_a], names[row.doc_b]} == {"mill0", "copy"}]
    assert (pair.method, pair.similarity > 0.95) == ("exact", True)

    def sketched() -> dict[str, int]:
        """native_key -> generation of its sketch."""
        found: dict[str, int] = {}
        for row in read(lake, SKETCHES, config_hash=size.config_hash()):
            ids = bytes(row.ids)
            assert (row.n, len(row.edits)) == (len(ids) // 16, len(ids) // 2)
            for at in range(0, len(ids), 16):
                high, low = (int.from_bytes(ids[at + k : at + k + 8], "little") for k in (0, 8))
                key = names[f"{high:016x}{low:016x}"]
                assert key not in found, "two sketches of one document"
                found[key] = row.sketch_generation
        return found

    assert sketched() == {row["id"]: 0 for row in rows}
    # with other edits (none) the pages are alike again, and only they are sketched anew
    run(lake, params_of, rule={**rule, "max_share": 0.9, "min_pages": 100})
    assert len(duplicates(["dedup_boilerplate"])) == 11
    assert sketched() == {row["id"]: int(row["id"] != "copy") for row in rows}


def test_lines_of_the_whole_lake_go_from_all_documents(lake: Lake, documents: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    rows = {"a": "One thing, 1.\nÀ propos\nshared: twice\n", "b": "SHARED  twice!\nanother thing\n", "c": "One thing 2\nalone\n", "d": "A propos"}
    documents([{"id": key, "text": text, "source": key} for key, text in rows.items()])
    run(lake, params_of, rule="conf/presets/boilerplate_cc_net.yaml")
    assert left(lake) == {"a": "", "b": "another thing\n", "c": "alone\n", "d": ""}
    assert [(row.site, row.n, row.n_pages) for row in read(lake, BOILERPLATE)] == [("lake", 2, 4)] * 3


def test_a_rule_of_single_lines_says_what_it_costs(params_of: Callable[..., Any]) -> None:
    assert params_of("dedup_boilerplate").notes() == []
    [note] = params_of("dedup_boilerplate", rule="conf/presets/boilerplate_cc_net.yaml").notes()
    assert note.startswith("warning: single lines")
