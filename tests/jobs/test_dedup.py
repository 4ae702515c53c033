"""Exact and near-duplicates on a small lake: who stays, who goes, and the evidence."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from gristmill.jobs.dedup_exact import JOB as EXACT
from gristmill.jobs.dedup_minhash import JOB as MINHASH
from gristmill.jobs.dedup_simhash import JOB as SIMHASH
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.job import Job
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.documents import DOCS, VERDICTS
from gristmill.jobs.schema.duplicates import DUPLICATES, HOT_BUCKETS, PAIRS, SKETCHES
from gristmill.udfs.dedup.doc_ids import doc_ids, ids_in
from gristmill.udfs.dedup.shingles import shingle_sets
from gristmill.udfs.dedup.simhash import fingerprints
from tests.lakes import bring, read
from tests.support.true_duplicates import untrue

pytestmark = pytest.mark.spark
RANKING = [{"by": "n_bytes", "prefer": "high"}, {"by": "batch", "prefer": "low"}]
WORDS = "amber basin cedar delta ember fjord grove heath inlet jetty knoll ledge marsh notch orbit patch quarry ridge slope tarn".split()


def prose(seed: int, n: int = 120) -> list[str]:
    draw = random.Random(seed)
    return [draw.choice(WORDS) + str(draw.randrange(50)) for _ in range(n)]


def edited(words: list[str], every: int, tag: str) -> list[str]:
    return [tag + word if i % every == every // 2 else word for i, word in enumerate(words)]


def rows() -> list[dict[str, str]]:
    base, chain = prose(1), prose(2, 200)
    zh = "今天我们在河边的小镇上学习如何测量水位，并且记录每天的变化，这样就能知道什么时候会有洪水。" * 2
    texts = {
        "base": " ".join(base),
        "upper": " ".join(base).upper() + "\n",  # equal but for case and space
        "near": " ".join(edited(base, 60, "x")),  # two words of 120 differ
        "far": " ".join(prose(3)),
        "chain-a": " ".join(chain),
        "chain-b": " ".join(edited(chain, 50, "y")),  # four edits: J about .82 with a
        "chain-c": " ".join(edited(edited(chain, 50, "y"), 39, "z")),  # alike to b, not to a
        "hans": zh,
        "hant": zh.replace("们", "們").replace("边", "邊").replace("学习", "學習").replace("测", "測").replace("变", "變").replace("样", "樣"),
        "punctuation": "!!! → ... ???",  # an arrow, which says something, and no word
        "punctuation-2": "--- ☞ ;;; ,,,",
        "url-1": " ".join(prose(4)),
        "url-2": " ".join(prose(5)),
    }
    urls = {"url-1": "https://www.Example.org/a/", "url-2": "http://example.org/a#top"}
    return [{"id": key, "text": text, "url": urls.get(key, f"https://site.test/{key}")} for key, text in texts.items()]


@pytest.fixture(scope="module")
def deduped(
    new_lake: Callable[[Path], Lake], tmp_path_factory: pytest.TempPathFactory, params_of: Callable[..., Any]
) -> tuple[Lake, dict[str, str]]:
    """The lake after both jobs, and the key of each doc_id."""
    home = tmp_path_factory.mktemp("dedup")
    lake = new_lake(home / "lake")
    bring(lake, home / "raw", rows(), params_of("ingest_docs"))
    run_job(EXACT, params_of("dedup_exact", skip_rejected_by=[], url_domains=["any"], ranking=RANKING), lake)
    run_job(MINHASH, params_of("dedup_minhash", skip_rejected_by=["dedup_exact"], ranking=RANKING), lake)
    return lake, {row.doc_id: row.native_key for row in read(lake, DOCS)}


def test_a_url_is_the_key_of_a_page_only_where_it_is_an_address(spark: Any) -> None:
    from pyspark.sql import functions as F

    from gristmill.jobs.dedup_exact import url_key
    from tests.udfs.text.test_urls import ADDRESSES, NO_ADDRESSES, SPELLINGS

    urls = [*ADDRESSES, *NO_ADDRESSES, *(url for same in SPELLINGS for url in same)]
    frame = spark.createDataFrame(list(enumerate(urls)), "n int, url string").select("n", url_key(F.col("url")).alias("key"))
    keys = dict(zip(urls, [row.key for row in frame.orderBy("n").collect()]))
    assert [url for url in NO_ADDRESSES if keys[url] is not None] == []
    assert [url for url in ADDRESSES if keys[url] is None] == []
    assert [len({keys[url] for url in same}) for same in SPELLINGS] == [1] * len(SPELLINGS)


def left_out(deduped: tuple[Lake, dict[str, str]], job: str) -> dict[str, tuple[str, str]]:
    lake, keys = deduped
    return {keys[row.doc_id]: (keys[row.dup_of], row.method) for row in read(lake, DUPLICATES, job=job)}


@pytest.mark.lake_kinds
def test_copies_that_differ_in_case_space_script_or_url_spelling_are_the_same(deduped: Any) -> None:
    out = left_out(deduped, "dedup_exact")
    assert {tuple(sorted((one, stays))) for one, (stays, _) in out.items()} == {("base", "upper"), ("hans", "hant"), ("url-1", "url-2")}
    assert {method for _, method in out.values()} == {"content", "url"}


@pytest.mark.lake_kinds
def test_a_near_copy_goes_and_names_the_survivor_it_is_itself_alike_to(deduped: Any) -> None:
    lake, _ = deduped
    out = {key: stays for key, (stays, _) in left_out(deduped, "dedup_minhash").items()}
    [(_, first)] = [each for each in left_out(deduped, "dedup_exact").items() if "base" in (each[0], each[1][0])]
    near = [(key, stays) for key, stays in out.items() if "near" in (key, stays)]
    assert near in ([("near", first[0])], [(first[0], "near")]), "of base and upper the one that was kept"
    assert untrue(lake, "dedup_minhash", 0.7) == []


@pytest.mark.lake_kinds
def test_each_exact_copy_names_the_text_or_the_page_that_it_is(deduped: Any) -> None:
    assert untrue(deduped[0], "dedup_exact") == []


@pytest.mark.lake_kinds
def test_a_chain_of_pairs_does_not_make_its_ends_duplicates(deduped: Any) -> None:
    out = {key: stays for key, (stays, _) in left_out(deduped, "dedup_minhash").items() if key.startswith("chain")}
    lake, keys = deduped
    pairs = {tuple(sorted((keys[r.doc_a], keys[r.doc_b]))): r.is_accepted for r in read(lake, PAIRS)}
    assert pairs[("chain-a", "chain-b")] is True
    assert pairs[("chain-b", "chain-c")] is True
    assert pairs.get(("chain-a", "chain-c"), False) is False
    assert {frozenset(each) for each in out.items()} <= {frozenset(f"chain-{end}" for end in ends) for ends in ("ab", "bc")}
    survivors = {"chain-a", "chain-b", "chain-c"} - set(out)
    assert survivors in ({"chain-b"}, {"chain-a", "chain-c"}), "no two survivors are alike, and nobody goes for a document it is not alike to"


@pytest.mark.lake_kinds
def test_documents_without_shingles_never_meet(deduped: Any) -> None:
    lake, keys = deduped
    assert not {"punctuation", "punctuation-2"} & set(left_out(deduped, "dedup_minhash"))
    empty = []
    for block in read(lake, SKETCHES):
        ids = ids_in(block.ids)
        sizes = np.frombuffer(block.n_shingles, np.int32)
        empty += [keys[doc_id] for doc_id, n in zip(doc_ids(ids[:, 0], ids[:, 1]).to_pylist(), sizes, strict=True) if not n]
    assert sorted(empty) == ["punctuation", "punctuation-2"]


@pytest.mark.lake_kinds
def test_every_left_out_document_has_a_verdict_with_its_value_and_limit(deduped: Any) -> None:
    lake, _ = deduped
    verdicts = {(row.job, row.doc_id) for row in read(lake, VERDICTS) if row.value >= row.threshold}
    assert verdicts == {(row.job, row.doc_id) for row in read(lake, DUPLICATES)}


@pytest.mark.lake_kinds
def test_dedup_in_two_batches_leaves_out_what_one_batch_would(
    new_lake: Callable[[Path], Lake], tmp_path: Path, params_of: Callable[..., Any]
) -> None:
    ranking = [{"by": "batch", "prefer": "low"}, {"by": "n_bytes", "prefer": "high"}]
    whole = rows()
    halves = {"1-old": whole[::2], "2-new": whole[1::2]}
    made = {}
    for name, folders in {"apart": halves, "together": {"1-old": whole[::2], "2-new": whole[1::2]}}.items():
        lake = new_lake(tmp_path / name)
        for batch, part in folders.items():
            bring(lake, tmp_path / name / "raw", part, params_of("ingest_docs"), batch)
            if name == "apart":
                run_job(MINHASH, params_of("dedup_minhash", skip_rejected_by=[], ranking=ranking), lake)
        run_job(MINHASH, params_of("dedup_minhash", skip_rejected_by=[], ranking=ranking), lake)
        made[name] = sorted((r.doc_id, r.dup_of, round(r.similarity, 9)) for r in read(lake, DUPLICATES))
        assert untrue(lake, "dedup_minhash", 0.7) == []
        pairs = [(row.doc_a, row.doc_b) for row in read(lake, PAIRS)]
        assert len(pairs) == len(set(pairs)), "no pair is compared twice"
    assert made["apart"] == made["together"]
    assert made["apart"]


def tables_after(lake: Lake, raw: Path, job: Job, params: Any, batches: dict[str, list[dict[str, str]]], ingest: Any) -> dict[str, list[str]]:
    """The rows of the tables that near-duplicate removal writes, after a run on each batch."""
    for batch, part in batches.items():
        bring(lake, raw, part, ingest, batch)
        run_job(job, params, lake)
    return {table.name: sorted(map(repr, read(lake, table))) for table in (PAIRS, HOT_BUCKETS, DUPLICATES, VERDICTS) if lake.exists(table)}


@pytest.mark.parametrize("job", [MINHASH, pytest.param(SIMHASH, marks=pytest.mark.slow)], ids=["minhash", "simhash"])
def test_the_rows_are_the_same_in_many_small_parts_and_by_rounds(
    job: Job, spark: Any, tmp_path: Path, params_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from gristmill.jobs.dedup import steps

    base, made = prose(1), {}
    texts = rows() + [{"id": f"more-{tag}", "text": " ".join(edited(base, 55 + place, tag)), "url": tag} for place, tag in enumerate("pqrs")]
    given, batches = (job, params_of(job.name, skip_rejected_by=[], ranking=RANKING)), {"1": texts[::2], "2": texts[1::2]}
    for name, bounds in {"as shipped": {}, "small": {"DOCUMENTS": 3, "KEYS": 200, "GROUPED": 10}}.items():
        for bound, value in bounds.items():
            monkeypatch.setattr(steps, bound, value)
        lake = Lake(spark, str(tmp_path / name))
        made[name] = tables_after(lake, tmp_path / f"{name}-raw", *given, batches, params_of("ingest_docs"))
        assert untrue(lake, job.name, 0.7, given[1].shingles()) == []
    assert made["as shipped"] == made["small"]
    assert made["small"]["duplicates"]


def test_of_a_family_too_large_to_pair_whole_one_copy_stays_and_templates_all_do(
    lake: Lake, tmp_path: Path, params_of: Callable[..., Any]
) -> None:
    base, shared = prose(11, 200), prose(12, 100)
    texts = {f"copy-{i:02d}": " ".join([*base[:i], f"own{i}", *base[i + 1 :]]) for i in range(24)}  # each shares .9 of its shingles with each other
    texts |= {f"page-{i:02d}": " ".join([*shared, *prose(100 + i, 40)]) for i in range(24)}  # one frame, no two alike enough
    rows = [{"id": key, "text": text} for key, text in texts.items()]
    params = params_of("dedup_minhash", skip_rejected_by=[], ranking=RANKING, max_bucket=4, min_similarity=0.8)
    tables_after(lake, tmp_path / "raw", MINHASH, params, {"1": rows}, params_of("ingest_docs", data_docs=False))
    keys = {row.doc_id: row.native_key for row in read(lake, DOCS)}
    assert untrue(lake, "dedup_minhash", 0.8) == []
    stay = set(texts) - {keys[row.doc_id] for row in read(lake, DUPLICATES)}
    assert sorted(key.split("-")[0] for key in stay) == ["copy"] + ["page"] * 24
    pairs = [(row.doc_a, row.doc_b) for row in read(lake, PAIRS)]
    assert len(pairs) == len(set(pairs)), "no pair is compared twice"
    hot = read(lake, HOT_BUCKETS)
    assert {(row.n_survivors is None, row.n_uncompared == 0) for row in hot} == {(True, True), (False, False)}, "copies are settled, of pages some were never compared"
    assert max(row.n_uncompared for row in hot) <= 24 * 23 // 2


def test_a_batch_that_is_ingested_again_is_sketched_again(lake: Lake, ingest: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    texts = {"one": " ".join(prose(1)), "near": " ".join(edited(prose(1), 60, "x")), "far": " ".join(prose(3))}
    params, made = params_of("dedup_minhash", skip_rejected_by=[], ranking=RANKING), []
    for far in (texts["far"], texts["one"] + " and more"):
        ingest([{"id": key, "text": text} for key, text in (texts | {"far": far}).items()])
        run_job(MINHASH, params, lake)
        made.append(len(read(lake, DUPLICATES)))
        assert sum(row.n for row in read(lake, SKETCHES)) == 3
    assert made == [1, 2]


@pytest.mark.parametrize("decide", ["text", "bits"])
def test_simhash_finds_near_copies_and_says_who_decided(decide: str, lake: Lake, documents: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    long = prose(8, 2000)
    texts = {"long": long, "one-word": [*long[:900], "other", *long[901:]], "stranger": prose(9, 2000)}
    documents([{"id": key, "text": " ".join(words)} for key, words in texts.items()])
    params = params_of("dedup_simhash", skip_rejected_by=[], ranking=RANKING, decide=decide)
    run_job(SIMHASH, params, lake)
    keys = {row.doc_id: row.native_key for row in read(lake, DOCS)}
    (row,) = read(lake, DUPLICATES)
    assert {keys[row.doc_id], keys[row.dup_of]} == {"long", "one-word"}
    (verdict,) = read(lake, VERDICTS)
    if decide == "text":  # three of 1,998 shingles are others on each side
        assert (row.method, row.similarity, verdict.threshold) == ("exact", pytest.approx(1995 / 2001), 0.7)
        assert untrue(lake, "dedup_simhash", 0.7, params.shingles()) == []
    else:
        assert (row.method, verdict.threshold) == ("simhash", 61 / 64)
        sets = shingle_sets(pa.array([" ".join(texts[key]) for key in ("long", "one-word")]), params.shingles())
        one, other = fingerprints(sets.hashes, sets.offsets)
        assert row.similarity == 1 - (int(one) ^ int(other)).bit_count() / 64 >= 61 / 64
