"""From the corpus to files that a trainer loads: shares are kept, cuts can be undone, shards are whole and the same on every run."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs import export_shards, mix_corpus
from gristmill.jobs.core.errors import ContractError
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.mix_corpus import epochs
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.documents import CORPUS, VERDICTS
from gristmill.jobs.schema.export import MIX
from gristmill.jobs.schema.runs import RUNS
from gristmill.jobs.schema.synthesis import SAMPLES
from gristmill.udfs.edit.fim import Sentinels, undo_cut
from tests.lakes import copied, note_of, read, write

MARKS = {"prefix": "<|fim_prefix|>", "middle": "<|fim_middle|>", "suffix": "<|fim_suffix|>"}
SLICES = {
    "zh": {"lang": ["zh"], "domain": None, "tier": None, "share": 0.5},
    "wiki": {"lang": ["en"], "domain": ["wiki"], "tier": None, "share": 0.2},
    "en": {"lang": ["en"], "domain": None, "tier": None, "share": 0.3},
}


def test_shares_are_bytes_and_a_small_slice_bounds_the_mix(params_of: Callable[..., Any]) -> None:
    params = params_of("mix_corpus", slices=SLICES, max_epochs=2.0)
    found = epochs({"zh": 1000, "wiki": 100, "en": 3000}, params)
    assert found == pytest.approx({"zh": 0.5, "wiki": 2.0, "en": 0.1})
    assert epochs({"zh": 1000, "wiki": 0, "en": 3000}, params) == pytest.approx({"zh": 2.0, "en": 0.4})
    bounded = params_of("mix_corpus", slices=SLICES, max_epochs=2.0, max_bytes=500)
    assert epochs({"zh": 1000, "wiki": 100, "en": 3000}, bounded) == pytest.approx({"zh": 0.25, "wiki": 1.0, "en": 0.05})
    assert epochs({}, params) == {}


@pytest.fixture(scope="module")
def out(demo_lake: Lake, tmp_path_factory: pytest.TempPathFactory, params_of: Callable[..., Any]) -> dict[str, Any]:
    """A copy of the demo lake, mixed and exported; one document holds a sentinel."""
    home = tmp_path_factory.mktemp("out") / "lake"
    lake = copied(demo_lake, home)
    hostile = min(row.doc_id for row in read(lake, CORPUS, domain="wiki", lang="en"))  # of a slice that is wanted whole
    with lake.noted(note_of(lake, "build_corpus")):
        lake.spark.sql(f"UPDATE {lake.ref(CORPUS)} SET text = concat(text, '<|fim_middle|>') WHERE doc_id = '{hostile}'")
    version, finished = lake.latest(CORPUS), lake.spark.read.format("delta").load(f"{home}/runs").where("job = 'build_corpus' AND status = 'finished'").first()
    # readers open what finished runs name: the changed corpus becomes the one of that run
    lake.spark.sql(f"UPDATE {lake.ref(RUNS)} SET versions_written = map('corpus', {version}L) WHERE run_id = '{finished.run_id}' AND status = 'finished'")
    mix = params_of("mix_corpus", slices=SLICES, max_epochs=2.0, fim={"rate": 0.3, "spm_rate": 0.5, **MARKS})
    shards = params_of("export_shards", shard_bytes=100_000, format="jsonl.zst")
    return {"lake": lake, "hostile": hostile, "mix": run_job(mix_corpus.JOB, mix, lake), "mix_params": mix, "shards": shards, "export": run_job(export_shards.JOB, shards, lake)}


@pytest.mark.spark
def test_each_slice_has_its_share_and_no_document_more_copies_than_it_may(out: dict[str, Any]) -> None:
    rows = read(out["lake"], MIX)
    sizes: Counter[str] = Counter()
    for row in rows:
        sizes[row.slice] += row.n_bytes
    shares = {name: size / sum(sizes.values()) for name, size in sizes.items()}
    assert shares == pytest.approx({name: each["share"] for name, each in SLICES.items()}, abs=0.06)
    assert max(row.copy for row in rows) <= 1
    assert Counter((row.doc_id, row.copy) for row in rows).most_common(1)[0][1] == 1
    cut = [row for row in rows if row.fim != "none"]
    assert 0.15 < len(cut) / len(rows) < 0.45
    assert {row.fim for row in cut} == {"psm", "spm"}


@pytest.mark.spark
def test_a_document_that_holds_a_sentinel_is_refused_and_every_document_is_counted(out: dict[str, Any]) -> None:
    lake, counts = out["lake"], out["mix"].counts
    assert out["hostile"] not in {row.doc_id for row in read(lake, MIX)}
    refused = {row.doc_id: row.reason for row in read(lake, VERDICTS) if row.job == "mix_corpus"}
    assert refused == {out["hostile"]: "holds_sentinel"}
    assert counts.rows_in == len(read(lake, CORPUS)) == counts.rows_kept + counts.rows_left_out
    assert counts.reasons["holds_sentinel"] == 1


def loaded(root: Path, pattern: str, tmp_path: Path) -> list[dict[str, Any]]:
    import datasets

    return datasets.load_dataset("json" if "json" in pattern else "parquet", data_files=str(root / "data" / pattern), split="train", cache_dir=str(tmp_path)).to_list()


@pytest.mark.spark
def test_the_shards_load_with_datasets_and_hold_every_row_of_the_mix_once(out: dict[str, Any], tmp_path: Path) -> None:
    lake = out["lake"]
    root = Path(lake.root) / "_export/mix"
    rows = loaded(root, "*.jsonl.zst", tmp_path)
    texts = {row.doc_id: row.text for row in read(lake, CORPUS)}
    mix = {(row.doc_id, row.copy): row.fim for row in read(lake, MIX)}
    assert Counter((row["doc_id"], row["copy"]) for row in rows) == Counter(list(mix))
    marks = Sentinels(**MARKS)
    for row in rows:
        whole = texts[row["doc_id"]]
        assert (undo_cut(row["text"], marks) if mix[row["doc_id"], row["copy"]] != "none" else row["text"]) == whole
    manifest = json.loads((root / "manifest.json").read_text())
    assert (manifest["n_rows"], len(manifest["shards"]) > 1) == (len(rows), True)
    for shard in manifest["shards"]:
        data = (root / shard["file"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (shard["n_bytes"], shard["sha256"])
    page = (root / "README.md").read_text()
    assert page.startswith("---\npretty_name: ")
    assert f"{len(rows):,} rows in {len(manifest['shards'])} shards" in page
    for told in ("language: [en, zh]", "| build_corpus |", "| chars |", "## Licences"):
        assert told in page


@pytest.mark.spark
def test_an_export_goes_on_where_it_was_killed_and_gives_the_same_files(out: dict[str, Any]) -> None:
    lake = out["lake"]
    root = Path(lake.root) / "_export/mix"
    before = {path.name: path.read_bytes() for path in (root / "data").iterdir()}
    first, *others = sorted((root / "data").iterdir())
    stamp = others[-1].stat().st_mtime_ns
    first.unlink()
    (root / "data" / "shard-99999.jsonl.zst").write_bytes(b"of an older export")
    (root / "_parts" / "dead.part").write_bytes(b"half a shard")
    (root / "manifest.json").unlink()
    run_job(export_shards.JOB, out["shards"], lake)
    assert {path.name: path.read_bytes() for path in (root / "data").iterdir()} == before
    assert others[-1].stat().st_mtime_ns == stamp, "a shard that is done is not written again"
    assert run_job(export_shards.JOB, out["shards"], lake).batches == ()


@pytest.mark.spark
@pytest.mark.parametrize(("chat", "format_"), [("messages", "jsonl"), ("sharegpt", "parquet"), ("alpaca", "jsonl.zst")])
def test_samples_are_exported_as_chats(out: dict[str, Any], params_of: Callable[..., Any], tmp_path: Path, chat: str, format_: str) -> None:
    shutil.copytree(out["lake"].root, tmp_path / "lake", ignore=shutil.ignore_patterns("_export"))
    lake = Lake(out["lake"].spark, str(tmp_path / "lake"))
    params = params_of("export_shards", source="samples", chat=chat, format=format_, sentinels=None)
    with pytest.raises(ContractError, match="run merge_samples"):
        run_job(export_shards.JOB, params, lake)
    values = {"sample_id": "s1", "request_id": "r1", "ordinal": 0, "recipe": "cot", "recipe_version": "1", "doc_id": "d", "batch_id": "batch-1", "chunk": 0, "start": 0, "end": 5,
              "lang": "zh", "domain": "math", "question": "多少？", "cot": "先算 1+1。", "answer": "2", "source_text": "1+1=2", "model": "m"}  # fmt: skip
    write(lake, "samples", [tuple(values.get(c.name) for c in SAMPLES.columns)], "merge_samples", "batch-1")
    run_job(export_shards.JOB, params, lake)
    found = loaded(tmp_path / "lake/_export/samples", f"*.{format_}", tmp_path / "cache")
    reply = "先算 1+1。\n\n2"
    wanted = {
        "messages": ("messages", [{"role": "user", "content": "多少？"}, {"role": "assistant", "content": reply}]),
        "sharegpt": ("conversations", [{"from": "human", "value": "多少？"}, {"from": "gpt", "value": reply}]),
        "alpaca": ("output", reply),
    }[chat]
    assert [each[wanted[0]] for each in found] == [wanted[1]]
    assert found[0]["sample_id"] == "s1"
