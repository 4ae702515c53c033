"""Passages that stand at a better place go, and the table passages says where each is kept."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs.dedup_passages import JOB
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.documents import DOCS, EDITS, VERDICTS
from gristmill.jobs.schema.duplicates import PASSAGES
from gristmill.udfs.edit.edits import apply_edits
from tests.lakes import bring, read, write

pytestmark = pytest.mark.spark
WORDS = "amber basin cedar delta ember fjord grove heath inlet jetty knoll ledge marsh notch orbit".split()
HAN = "今天我们在河边的小镇上学习如何测量水位并且记录每变化这样就能知道什么时候会有洪"
LONGEST = [{"by": "n_bytes", "prefer": "high"}]
GIVEN: dict[str, Any] = {"skip_rejected_by": [], "ranking": LONGEST, "min_bytes": 100, "min_words_left": 3, "min_kept": 0}


def prose(seed: int, n: int, lang: str = "en") -> str:
    draw = random.Random(seed)
    if lang == "zh":
        return "".join(draw.choice(HAN) for _ in range(n))
    return " ".join(draw.choice(WORDS) + str(draw.randrange(90)) for _ in range(n))


def corpus(seed: int = 7) -> list[dict[str, str]]:
    """Documents of prose of their own and of shared passages, a third of them Chinese; some repeat a passage."""
    draw, rows = random.Random(seed), []
    passages = [(lang, prose(100 + i, 40 if lang == "en" else 60, lang)) for i in range(6) for lang in ("en", "zh")]
    for i in range(60):
        lang = "zh" if i % 3 == 0 else "en"
        parts = [prose(1000 + i, draw.randrange(20, 60), lang)]
        for _ in range(draw.randrange(4)):
            parts += [draw.choice([text for other, text in passages if other == lang]), prose(draw.randrange(10**6), 15, lang)]
        rows.append({"id": str(i), "text": (" " if lang == "en" else "").join(parts)})
    return rows


def by_key(lake: Lake) -> dict[str, Any]:
    """native_key -> the row of docs."""
    return {row.native_key: row for row in read(lake, DOCS)}


def cut_texts(lake: Lake) -> dict[str, str]:
    """native_key -> the text after the job's edits."""
    texts = {}
    for key, row in by_key(lake).items():
        edits = [(edit.start, edit.end, edit.replacement) for edit in read(lake, EDITS, doc_id=row.doc_id)]
        texts[key] = apply_edits(row.text, edits)[0]
    return texts


def tables_of(lake: Lake) -> tuple[list[tuple[Any, ...]], ...]:
    """The rows of the three tables, without what names the run."""
    passages = [tuple(row) for row in read(lake, PASSAGES)]
    edits = [tuple(row) for row in read(lake, EDITS)]
    verdicts = [(row.doc_id, row.reason, row.value) for row in read(lake, VERDICTS)]
    return sorted(passages), sorted(edits), sorted(verdicts)


def repeated_bytes(rows: list[tuple[str, bytes]], window: int) -> dict[str, list[bool]]:
    """The definition, in plain Python: of each byte of the documents, best first, whether it goes."""
    first: dict[bytes, tuple[str, int]] = {}
    gone = {key: [False] * len(data) for key, data in rows}
    for key, data in rows:
        for at in range(len(data) - window + 1):
            best = first.setdefault(data[at : at + window], (key, at))
            if best[0] != key or at - best[1] >= window:
                gone[key][at : at + window] = [True] * window
    return gone


def test_what_goes_is_what_the_definition_says_and_each_piece_stands_whole_where_passages_says(
    lake: Lake, tmp_path: Path, params_of: Callable[..., Any]
) -> None:
    bring(lake, tmp_path / "raw", corpus(), params_of("ingest_docs"))
    run_job(JOB, params_of("dedup_passages", **GIVEN, border="character"), lake)
    docs = by_key(lake)
    best_first = sorted(docs.values(), key=lambda row: (-row.n_bytes, row.doc_id))
    place = {row.doc_id: at for at, row in enumerate(best_first)}
    gone = repeated_bytes([(row.doc_id, row.text.encode()) for row in best_first], 100)
    edits = read(lake, EDITS)
    assert sum(map(sum, gone.values())) > 5000
    assert not read(lake, VERDICTS)
    of = {row.doc_id: row.text for row in docs.values()}
    for doc_id, mask in gone.items():
        text, at, wanted = of[doc_id], 0, set()
        for i, char in enumerate(text):
            size = len(char.encode())
            if all(mask[at : at + size]):
                wanted.add(i)
            at += size
        assert {i for row in edits if row.doc_id == doc_id for i in range(row.start, row.end)} == wanted
    pieces = read(lake, PASSAGES)
    covered = {(row.doc_id, i) for row in pieces for i in range(row.start, row.end)}
    assert covered == {(row.doc_id, i) for row in edits for i in range(row.start, row.end)}
    for row in pieces:
        text = of[row.doc_id][row.start : row.end]
        assert of[row.kept_doc_id][row.kept_start : row.kept_start + len(text)] == text
        assert row.n_bytes == len(text.encode())
        assert row.n_copies >= 2
        assert (place[row.kept_doc_id], row.kept_start) < (place[row.doc_id], row.start)


def test_a_better_copy_of_a_later_batch_wins_only_where_the_recipe_reconsiders(
    new_lake: Callable[[Path], Lake], tmp_path: Path, params_of: Callable[..., Any]
) -> None:
    rows = corpus()
    halves = {"one": rows[::2], "two": rows[1::2]}
    together, reconsidered, kept, better_first = (new_lake(tmp_path / name) for name in ("t", "r", "k", "b"))
    ingest = params_of("ingest_docs")

    def in_turn(lake: Lake, home: str, **params: Any) -> None:
        for batch, some in halves.items():
            bring(lake, tmp_path / home, some, ingest, batch)
            run_job(JOB, params_of("dedup_passages", **{**GIVEN, **params}), lake)

    for batch, some in halves.items():
        bring(together, tmp_path / "raw_t", some, ingest, batch)
    run_job(JOB, params_of("dedup_passages", **GIVEN, reconsider=True), together)
    in_turn(reconsidered, "raw_r", reconsider=True)
    assert tables_of(reconsidered) == tables_of(together)
    assert tables_of(together)[0]
    # The first batch keeps what it has: after the second, its rows are the same.
    bring(kept, tmp_path / "raw_k", halves["one"], ingest, "one")
    params = params_of("dedup_passages", **GIVEN)
    run_job(JOB, params, kept)
    before = list(tables_of(kept))
    bring(kept, tmp_path / "raw_k", halves["two"], ingest, "two")
    run_job(JOB, params, kept)
    first = {row.doc_id for row in read(kept, DOCS) if row.batch_id == "one"}
    assert [[row for row in rows if first & set(row[:2])] for rows in tables_of(kept)] == before
    assert tables_of(kept) != tables_of(together)
    # Nothing is lost: a passage that both batches have stands in one of them.
    whole = {row.text for row in read(kept, DOCS)}
    left = "\n".join(cut_texts(kept).values())
    shared = [prose(100 + i, 40) for i in range(6)]
    assert all(text in left for text in shared if any(text in each for each in whole))
    # Where the first batch outranks the second, nothing has to be reconsidered.
    ranking = [{"by": "batch", "prefer": "low"}, *LONGEST]
    in_turn(better_first, "raw_b", ranking=ranking)
    run_job(JOB, params_of("dedup_passages", **{**GIVEN, "ranking": ranking}, reconsider=True), together)
    # But for n_copies, which the first batch has from the time when it was cut.
    (pieces, *others), (wanted, *same) = tables_of(better_first), tables_of(together)
    assert [row[:-1] for row in pieces] == [row[:-1] for row in wanted]
    assert others == same


def test_where_the_kept_copy_is_rejected_later_another_one_stays(
    lake: Lake, tmp_path: Path, params_of: Callable[..., Any]
) -> None:
    passage = prose(1, 40)
    rows = [{"id": key, "text": f"{prose(seed, n)} {passage} {prose(seed + 1, 12)}"} for key, seed, n in (("a", 10, 60), ("b", 20, 40), ("c", 30, 20))]
    bring(lake, tmp_path / "raw", rows, params_of("ingest_docs"))
    params = params_of("dedup_passages", **{**GIVEN, "skip_rejected_by": ["filter_rules"]})
    write(lake, "verdicts", [], job="filter_rules", batch="one")
    run_job(JOB, params, lake)
    a = by_key(lake)["a"]
    assert {key: passage in text for key, text in cut_texts(lake).items()} == {"a": True, "b": False, "c": False}
    write(lake, "verdicts", [("filter_rules", a.doc_id, "one", "r", 0.0, 0.0, "r", "h")], job="filter_rules", batch="one")
    run_job(JOB, params, lake)
    docs = by_key(lake)
    assert {key: passage in text for key, text in cut_texts(lake).items() if key != "a"} == {"b": True, "c": False}
    assert {(row.doc_id, row.kept_doc_id) for row in read(lake, PASSAGES)} == {(docs["c"].doc_id, docs["b"].doc_id)}


def test_domains_copies_and_sources_decide_what_counts(
    lake: Lake, tmp_path: Path, params_of: Callable[..., Any]
) -> None:
    passage, longer = prose(1, 40), prose(2, 80)
    texts = {
        "best": f"{prose(10, 99)} {passage} {longer}",
        "code": f"{prose(11, 30)} {passage}",  # exempt: nothing is cut
        "book": f"{prose(12, 30)} {passage} {prose(13, 9)} {longer}",  # only what is as long as its own window
        "page": f"{prose(14, 30)} {passage} {prose(15, 9)}",
    }
    domains = {"code": "code", "book": "books"}
    rows = [{"id": key, "text": text, "domain": domains.get(key, "web"), "source": "one" if key == "page" else "two"} for key, text in texts.items()]
    bring(lake, tmp_path / "raw", rows, params_of("ingest_docs"))
    window = len(longer) - 40
    assert len(passage) < window
    own = {**GIVEN, "min_bytes_by_domain": {"code": None, "books": window}}
    run_job(JOB, params_of("dedup_passages", **own), lake)

    def there() -> dict[str, tuple[bool, bool]]:
        return {key: (passage in text, longer in text) for key, text in cut_texts(lake).items()}

    assert there() == {"best": (True, True), "code": (True, False), "book": (True, False), "page": (False, False)}
    run_job(JOB, params_of("dedup_passages", **{**own, "min_copies": 4}), lake)
    assert there()["page"] == (False, False)
    assert there()["book"] == (True, True)
    run_job(JOB, params_of("dedup_passages", **{**own, "min_copies": 5}), lake)
    assert not read(lake, EDITS)
    run_job(JOB, params_of("dedup_passages", **{**own, "across_sources_only": True, "within_document": "keep"}), lake)
    assert there() == {"best": (True, True), "code": (True, False), "book": (True, True), "page": (False, False)}


def test_a_document_of_which_too_little_is_left_is_left_out_whole(
    lake: Lake, tmp_path: Path, params_of: Callable[..., Any]
) -> None:
    passage = prose(1, 90)
    rows = [{"id": "whole", "text": f"{passage} {prose(2, 50)}"}, {"id": "copy", "text": f"{passage} and no more than this."}]
    bring(lake, tmp_path / "raw", rows, params_of("ingest_docs"))
    run_job(JOB, params_of("dedup_passages", **{**GIVEN, "min_words_left": 35}), lake)
    [verdict] = read(lake, VERDICTS)
    copy = by_key(lake)["copy"]
    assert (verdict.doc_id, verdict.reason, verdict.value, verdict.threshold) == (copy.doc_id, "mostly_repeated", 5.0, 35.0)
    assert not read(lake, EDITS)
    assert {row.doc_id for row in read(lake, PASSAGES)} == {copy.doc_id}


def test_a_run_that_dies_is_repeated_and_partitions_change_nothing(
    new_lake: Callable[[Path], Lake], tmp_path: Path, params_of: Callable[..., Any]
) -> None:
    lakes = [new_lake(tmp_path / name) for name in ("a", "b", "c")]
    params = params_of("dedup_passages", **GIVEN)
    for i, lake in enumerate(lakes):
        rows = corpus()
        random.Random(i).shuffle(rows)
        bring(lake, tmp_path / f"raw_{i}", rows, params_of("ingest_docs"))
    run_job(JOB, params, lakes[0])
    conf = lakes[1].spark.conf
    usual = conf.get("spark.sql.shuffle.partitions")
    conf.set("spark.sql.shuffle.partitions", "7")
    try:
        run_job(JOB, params, lakes[1])
    finally:
        conf.set("spark.sql.shuffle.partitions", usual)

    def dies(*_: Any) -> Any:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        run_job(dataclasses.replace(JOB, steps=(*JOB.steps[:-1], dies)), params, lakes[2])
    run_job(JOB, params, lakes[2])
    assert tables_of(lakes[0]) == tables_of(lakes[1]) == tables_of(lakes[2])
