"""A few thousand bilingual documents under open licences, with planted faults and copies, and the expected outcome of each.

    python -m demo.corpus --out DIR [--seed 7] [--n 3000] [--long-row-bytes 2000000]

DIR/raw/batch-1, DIR/raw/batch-2 and the crawl DIR/raw/crawl (demo/crawl.py) are what a pipeline reads; batch 2 repeats some of batch 1. DIR/plan.parquet has a row for every
row or file written: `kind` (KINDS in demo/kinds.py), `expect` (kept, rejects:<reason>, filter_rules, dedup_exact, dedup_minhash, decontaminate or
any), `parent_id` and `jaccard` of copies (word 5-grams, Chinese character 5-grams), `family` (the root of a family of copies: as many
of its members are kept as `expect` says; the ranking decides which ones), spans of personal data, lines that C4 drops, and
`text_hash` (BLAKE2b-128 of the UTF-8 text) to find a document by. DIR/plan.json counts them.

The same seed gives the same bytes (with the pinned packages), whatever PYTHONHASHSEED. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import shutil
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import opencc
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.demo import crawl, files, kinds
from gristmill.demo.package import pieces
from gristmill.demo.prose import DOMAINS, TOPICS, DissimilarTexts, jaccard, shingles, write_dissimilar

# Rows of each kind in a corpus of 3,000; another --n scales them. `generated` fills up to n.
COUNTS = {
    "package": 180, "exact_copy": 80, "normalised_copy": 50, "script_copy": 40, "near_1": 40, "near_3": 40, "near_5": 40, "near_10": 40, "reworded": 40,
    "chain_b": 20, "recrawl": 30, "repeated_row": 10, "batch_repeat": 40, "new_version": 10, "spam_seo": 40, "spam_sms": 30,
    "boilerplate": 40, "link_list": 30, "log_dump": 20, "minified_js": 16, "mojibake_latin": 20, "mojibake_gbk": 10, "too_short": 30,
    "repetitive": 30, "c4_lines": 40, "c4_lorem": 10, "c4_curly": 10, "contaminated": 20, "pii": 90, "framed": 120, "quoting": 60, "missing_text": 5, "empty_text": 5, "missing_field": 4,
    "wrong_type": 4, "malformed_json": 4, "not_an_object": 3, "duplicate_key": 3, "invalid_encoding": 5, "lone_surrogate": 4, "nul_character": 4,
    "row_too_long": 2, "truncated_file": 1, "unreadable_file": 1,
}  # fmt: skip
EN_ONLY = ("log_dump", "minified_js", "c4_lines", "c4_lorem", "c4_curly")
ZH_ONLY = ("script_copy", "mojibake_latin", "mojibake_gbk")
ROBUST_DOMAINS = ("web", "books")  # so far from every limit of the rules that an edit does not make a text fail one
BROKEN = ("missing_text", "empty_text", "missing_field", "wrong_type", "malformed_json", "not_an_object", "duplicate_key", "invalid_encoding", "lone_surrogate", "nul_character", "row_too_long")  # fmt: skip
# made from a good document, which they replace
IN_PLACE = ("mojibake_latin", "mojibake_gbk", "repetitive", "c4_lines", "c4_lorem", "c4_curly", "contaminated", "pii", "framed", "quoting", "truncated_file", "reworded")
# Where documents go, by file and share of those that may go there; big5 and gb18030 take Chinese only, wet web pages only.
FILES = {
    "batch-1": {"part-0.jsonl": 30, "part-1.jsonl.gz": 25, "part-2.jsonl.zst": 20, "part-3.parquet": 25},
    "batch-2": {"part-0.jsonl.gz": 35, "part-1.parquet": 35, "part-2.jsonl": 30},
}
SPECIAL_FILES = {"batch-1/crawl.warc.wet.gz": 120, "batch-1/texts": 40, "batch-2/texts": 20, "batch-1/zh-gb18030.jsonl": 40, "batch-2/zh-big5.jsonl": 30}
CUT_FILE = "batch-2/cut.jsonl.gz"
SURE_DUPLICATE, SURE_DIFFERENT = 0.74, 0.66  # Jaccard; the recipe's threshold is .7, and between these two the plan expects `any`
PLAN = pa.schema([
    *((name, pa.string()) for name in ("id", "source", "url", "domain", "lang", "batch", "file")), ("row", pa.int32()), ("kind", pa.string()),
    ("parent_id", pa.string()), ("family", pa.string()), ("jaccard", pa.float64()), ("jaccard_root", pa.float64()), ("expect", pa.string()),
    ("pii", pa.string()), ("drop_lines", pa.string()), ("text_hash", pa.string()), ("n_chars", pa.int32()),
])  # fmt: skip


@dataclass
class Doc:
    """One row of the corpus and its expected outcome; `raw` is the line itself when it is no valid row."""

    id: str
    text: str | None
    url: str
    source: str
    domain: str
    lang: str
    license: str
    kind: str
    expect: str = "kept"
    parent: Doc | None = None
    family: str | None = None
    jaccard: float | None = None
    jaccard_root: float | None = None
    pii: str | None = None
    drop_lines: str | None = None
    batch: str = ""
    file: str = ""
    raw: bytes | None = None
    is_used: bool = field(default=False, repr=False)  # has a copy or a fault already, so it gets no other

    def row(self) -> dict[str, str | None]:
        """What the reader sees."""
        return dict(zip(files.COLUMNS, (self.id, self.text, self.url, self.source, self.domain, self.lang, self.license), strict=True))


class Corpus:
    """The documents of one seed, made in a fixed order, each kind with a generator of its own."""

    def __init__(self, seed: int, n: int, long_row_bytes: int) -> None:
        self.seed, self.n, self.long_row_bytes = seed, n, long_row_bytes
        self.docs: list[Doc] = []
        self.seen = DissimilarTexts()
        self.counts = {kind: max(1, round(count * n / 3000)) for kind, count in COUNTS.items()}
        self.counts["chain_c"] = self.counts["chain_b"]

    def rng(self, *names: object) -> Random:
        """The generator of one purpose; strings seed it the same way on every machine."""
        return Random(f"{self.seed}/{'/'.join(map(str, names))}")

    def add(self, kind: str, text: str | None, lang: str, domain: str, **more: object) -> Doc:
        """A new document with an id and URL of its own."""
        number = len(self.docs)
        host = {"en": "millstone.example", "zh": "shimo.example"}[lang]
        identity = {"id": f"{lang}-{number:05d}", "url": f"https://{host}/{domain}/{number:05d}", "source": f"demo/{domain}-{lang}", "license": "CC0-1.0"}
        doc = Doc(text=text, lang=lang, domain=domain, kind=kind, **{**identity, **more})  # type: ignore[arg-type]
        self.docs.append(doc)
        return doc

    def write_good(self) -> None:
        """Generated documents and those taken from packages."""
        rest = self.n - sum(count for kind, count in self.counts.items() if kind not in (*BROKEN, *IN_PLACE))
        order = [domain for domain, share in DOMAINS.items() for _ in range(share)]
        self.rng("order").shuffle(order)
        for lang, count in (("en", rest - rest * 11 // 20), ("zh", rest * 11 // 20)):  # zh makes up for the English of the packages
            for i in range(count):
                draft = write_dissimilar(self.rng(lang, i), lang, order[i % 100], TOPICS[i // 3 % len(TOPICS)], self.seen)
                self.add("generated", draft.text, lang, draft.domain)
        n_code = self.counts["package"] // 3
        for piece in pieces(self.counts["package"] - n_code, n_code, self.rng("package"), self.seen):
            url = f"https://packages.example/{piece.name}"
            # docstrings and bare functions are real, and real text may fail a rule
            self.add("package", piece.text, piece.lang, piece.domain, source=piece.source, license=piece.license, url=url, expect="any")

    def parents(self, kind: str, langs: tuple[str, ...] = ("en", "zh"), domains: tuple[str, ...] = tuple(DOMAINS)) -> list[Doc]:
        """`counts[kind]` generated documents that are not used yet, the languages in turn; they are used from now on."""
        free = {lang: [d for d in self.docs if d.kind == "generated" and not d.is_used and d.lang == lang and d.domain in domains] for lang in langs}
        for lang in langs:
            self.rng(kind, lang).shuffle(free[lang])
        chosen = [free[langs[i % len(langs)]][i // len(langs)] for i in range(self.counts[kind])]
        for doc in chosen:
            doc.is_used = True
        return chosen

    def copy(self, kind: str, parent: Doc, text: str, expect: str, **more: object) -> Doc:
        """A planted copy of a document."""
        parent.family = parent.family or parent.id
        similarity = jaccard(shingles(parent.text or "", parent.lang), shingles(text, parent.lang))
        values = {"jaccard": similarity, "jaccard_root": similarity, "family": parent.family, "source": parent.source, **more}
        return self.add(kind, text, parent.lang, parent.domain, expect=expect, parent=parent, is_used=True, **values)

    def plant_copies(self) -> None:
        """Copies at every similarity: exact, normalised, converted, edited, crawled again."""
        script = opencc.OpenCC("s2t")
        for parent in self.parents("script_copy", ("zh",)):
            self.copy("script_copy", parent, script.convert(parent.text or ""), "dedup_exact")
        for parent in self.parents("exact_copy"):
            self.copy("exact_copy", parent, parent.text or "", "dedup_exact")
        for parent in self.parents("normalised_copy", domains=ROBUST_DOMAINS):
            self.copy("normalised_copy", parent, kinds.denormalised(parent.text or "", parent.lang, self.rng("norm", parent.id)), "dedup_exact")
        for percent in (1, 3, 5, 10):
            kind = f"near_{percent}"
            for parent in self.parents(kind):
                doc = self.copy(kind, parent, kinds.edited(parent.text or "", percent / 100, parent.lang, self.rng(kind, parent.id)), "any")
                doc.expect = self.expected_outcome(doc.jaccard or 0)
        for parent in self.parents("chain_b", domains=("web", "wiki", "books")):  # prose; in worked maths hardly a word can be edited
            self.plant_chain(parent)
        for parent in self.parents("recrawl", domains=ROBUST_DOMAINS):
            rng = self.rng("recrawl", parent.id)
            url = rng.choice([parent.url, parent.url.replace("https", "http"), parent.url + "/", parent.url.replace("//", "//www.")])
            self.copy("recrawl", parent, kinds.recrawled(parent.text or "", parent.lang, rng), "dedup_exact", url=url)

    @staticmethod
    def expected_outcome(similarity: float) -> str:
        """The outcome of a copy at the threshold of .7; `any` where the estimate decides."""
        return "dedup_minhash" if similarity >= SURE_DUPLICATE else "kept" if similarity <= SURE_DIFFERENT else "any"

    def plant_chain(self, a: Doc) -> None:
        """B like A, C like B, C unlike A: a pipeline that removes whole components loses C. Raises RuntimeError after 200 failed attempts."""
        rng = self.rng("chain", a.id)
        root = shingles(a.text or "", a.lang)
        for _ in range(200):
            b = kinds.edited(a.text or "", rng.uniform(0.022, 0.04), a.lang, rng)
            c = kinds.edited(b, rng.uniform(0.022, 0.04), a.lang, rng)
            sets = shingles(b, a.lang), shingles(c, a.lang)
            if jaccard(root, sets[0]) >= SURE_DUPLICATE and jaccard(*sets) >= SURE_DUPLICATE and jaccard(root, sets[1]) <= SURE_DIFFERENT:
                middle = self.copy("chain_b", a, b, "dedup_minhash")
                self.copy("chain_c", middle, c, "kept", jaccard_root=jaccard(root, sets[1]))
                return
        raise RuntimeError(f"no chain from {a.id}: its text is too short for edits of 2 to 4 %")

    def plant_repeats(self) -> None:
        """The same id again: in the batch, in the next batch, in the next batch with other text."""
        for kind, expect in (("repeated_row", "rejects:repeated_document"), ("batch_repeat", "rejects:already_ingested"), ("new_version", "kept")):
            for parent in self.parents(kind):
                text = parent.text or ""
                if kind == "new_version":
                    text = kinds.edited(text, 0.08, parent.lang, self.rng(kind, parent.id))
                    parent.expect = "rejects:superseded_version"
                doc = self.copy(kind, parent, text, expect, id=parent.id, url=parent.url)
                parent.batch, doc.batch = "batch-1", "batch-1" if kind == "repeated_row" else "batch-2"

    def plant_bad(self) -> None:
        """Bad pages; in the domain web, to which the rules for them apply."""
        for kind, make in kinds.BAD.items():
            for i in range(self.counts[kind]):
                lang = "en" if kind in EN_ONLY or i % 2 else "zh"
                self.add(kind, make(lang, self.rng(kind, i)), lang, "web", expect="filter_rules", is_used=True)
        for kind, decode, expect in (("mojibake_latin", kinds.latin_mojibake, "filter_rules"), ("mojibake_gbk", kinds.gbk_mojibake, "any")):
            for parent in self.parents(kind, ("zh",), ("web", "wiki")):
                parent.text, parent.kind, parent.expect, parent.domain = decode(parent.text or ""), kind, expect, "web"
        for parent in self.parents("repetitive", domains=("web", "wiki")):
            paragraph = max((parent.text or "").split("\n\n"), key=len)
            parent.text, parent.kind, parent.expect, parent.domain = kinds.repetitive(paragraph, self.rng("rep", parent.id)), "repetitive", "filter_rules", "web"

    def plant_faults(self) -> None:
        """Good pages with one fault or with personal data."""
        for parent in self.parents("c4_lines", ("en",), ("web",)):
            parent.text, dropped = kinds.with_dropped_lines(parent.text or "", self.rng("c4", parent.id))
            parent.kind, parent.drop_lines = "c4_lines", json.dumps(dropped)
        for kind in ("c4_lorem", "c4_curly"):
            for parent in self.parents(kind, ("en",), ("web",)):
                parent.text, parent.kind, parent.expect = kinds.with_paragraph(kind, parent.text or "", self.rng(kind, parent.id)), kind, "filter_rules"
        for i, parent in enumerate(self.parents("contaminated", domains=("books", "wiki"))):
            parent.text = kinds.with_question(parent.text or "", parent.lang, i % 4 > 1, self.rng("contaminated", parent.id))
            parent.kind, parent.expect = "contaminated", "decontaminate"
        for parent in self.parents("pii", domains=("web", "wiki", "books", "docs", "qa")):
            parent.text, parent.pii = kinds.with_pii(parent.text or "", parent.lang, self.rng("pii", parent.id))
            parent.kind = "pii"
        for parent in self.parents("framed", domains=("web", "wiki")):
            parent.text, parent.kind = kinds.framed(parent.text or "", parent.lang), "framed"
            parent.url = parent.url.replace("millstone.example", "orchard.example").replace("shimo.example", "orchard.example")

        for i, parent in enumerate(self.parents("quoting", domains=("web", "wiki"))):
            # four of each language with the first passage, then four with the second, and so on
            parent.text = kinds.quoting(parent.text or "", parent.lang, i // 8, self.rng("quoting", parent.id))
            parent.kind = "quoting"

    def plant_broken(self) -> None:
        """Lines that are no documents. A null text is written to Parquet as well."""
        for kind in BROKEN:
            for i, parent in enumerate(self.parents(kind)):
                rng = self.rng(kind, i)
                parent.raw = kinds.broken_line(kind, {k: v or "" for k, v in parent.row().items()}, i, self.long_row_bytes, rng)
                parent.kind, parent.expect = kind, f"rejects:{kind}"
                parent.file = f"batch-{i % 2 + 1}/" + (("part-1.jsonl.gz", "part-0.jsonl.gz") if kind == "row_too_long" else ("part-0.jsonl", "part-2.jsonl"))[i % 2]
                if kind == "missing_text" and i % 2:
                    parent.raw, parent.text, parent.file = None, None, "batch-2/part-1.parquet"

    def plant_reworded(self) -> None:
        """Documents in the words of another one, with other articles and particles.

        Planted after all others, in the place of documents that nothing else uses, so that no other row moves.
        """
        free = {lang: [d for d in self.docs if d.kind == "generated" and not d.is_used and d.lang == lang and d.domain in ROBUST_DOMAINS and "/part-" in d.file] for lang in ("en", "zh")}
        for lang in free:
            self.rng("reworded", lang).shuffle(free[lang])
        for i in range(self.counts["reworded"]):
            lang = "zh" if i % 2 else "en"
            parent = next(d for d in iter(free[lang].pop, None) if self.similarity(d, kinds.reworded(d.text or "", lang)) <= SURE_DIFFERENT)
            doc = free[lang].pop()
            doc.text, doc.kind, doc.parent, doc.source, doc.domain = kinds.reworded(parent.text or "", lang), "reworded", parent, parent.source, parent.domain
            doc.jaccard = doc.jaccard_root = self.similarity(parent, doc.text)
            doc.is_used = parent.is_used = True

    @staticmethod
    def similarity(doc: Doc, text: str) -> float:
        """Jaccard of a document and another text."""
        return jaccard(shingles(doc.text or "", doc.lang), shingles(text, doc.lang))

    def assign_files(self) -> None:
        """Gives every document a file. Kinds that depend on an id get files with ids."""
        rng, taiwan = self.rng("places"), opencc.OpenCC("s2tw")
        free = [d for d in self.docs if d.kind == "generated" and not d.is_used]
        rng.shuffle(free)
        for file, count in SPECIAL_FILES.items():
            for doc in [d for d in free if not d.file and self.fits(d, file)][: max(2, round(count * self.n / 3000))]:
                text = taiwan.convert(doc.text or "") if "big5" in file else doc.text or ""
                if text.encode("big5", errors="replace").count(b"?") > text.count("?") and "big5" in file:
                    continue  # Big5 lacks a character
                doc.text, doc.file = text, file
                if "wet" in file or "texts" in file:
                    doc.source = "commoncrawl" if "wet" in file else "text"
        cut = [d for d in free if not d.file][: max(2, round(12 * self.n / 3000))]
        for doc in cut:
            doc.file = CUT_FILE
        cut[-1].kind, cut[-1].expect = "truncated_file", "rejects:truncated_file"
        for doc in self.docs:
            if not doc.file:
                later = doc.parent is not None or not doc.family
                doc.batch = doc.batch or ("batch-2" if later and rng.random() < 0.4 else "batch-1")
                doc.file = f"{doc.batch}/" + rng.choices(list(FILES[doc.batch]), list(FILES[doc.batch].values()))[0]
            doc.batch = doc.file.split("/")[0]
        self.docs.append(Doc("", None, "", "", "", "", "", "unreadable_file", "rejects:unreadable_file", batch="batch-2", file="batch-2/damaged.parquet"))

    @staticmethod
    def fits(doc: Doc, file: str) -> bool:
        """Whether a document can be in that file: WET has the domain web only, a text file none, Big5 lacks mathematical signs."""
        if "wet" in file:
            return doc.domain == "web"
        if "texts" in file:
            return doc.domain in ("wiki", "web")
        return doc.lang == "zh" and (doc.domain != "math" or "big5" not in file)

    def write(self, out: Path) -> list[dict[str, object]]:
        """Writes all files under `out`/raw; returns the rows of the plan."""
        raw = out / "raw"
        shutil.rmtree(raw, ignore_errors=True)
        for batch in FILES:
            (raw / batch).mkdir(parents=True)
        by_file: dict[str, list[Doc]] = {}
        for doc in self.docs:
            by_file.setdefault(doc.file, []).append(doc)
        plan = []
        for file, docs in sorted(by_file.items()):
            self.rng("rows", file).shuffle(docs)
            if file == CUT_FILE:
                docs.sort(key=lambda doc: doc.kind == "truncated_file")
            plan += [plan_row(doc, number) for number, doc in enumerate(docs)]
            write_file(raw / file, docs)
        return sorted(plan, key=lambda row: (row["batch"], row["file"], row["row"]))  # type: ignore[return-value]


def write_file(path: Path, docs: list[Doc]) -> None:
    """One file, or folder of texts, in the format that its name says."""
    rows = [doc.row() if doc.raw is None else doc.raw for doc in docs]
    if path.name == "damaged.parquet":
        path.write_bytes(b"PAR1" + b"this was a Parquet file before the disk was full " * 20)
    elif path.name == "texts":
        files.write_texts(path, rows)  # type: ignore[arg-type]
    elif path.name.endswith(".wet.gz"):
        files.write_wet(path, rows)  # type: ignore[arg-type]
    elif path.suffix == ".parquet":
        files.write_parquet(path, rows)  # type: ignore[arg-type]
    elif path.name == CUT_FILE.split("/")[1]:
        files.write_cut_gzip(path, rows, len(rows) - 1)  # type: ignore[arg-type]
    else:
        files.write_jsonl(path, rows, next((name for name in ("gb18030", "big5") if name in path.name), "utf-8"))  # type: ignore[arg-type]


def plan_row(doc: Doc, number: int) -> dict[str, object]:
    """The row of the plan for one document. `row` counts from 0 in its file; in WET the warcinfo record does not count."""
    readable = doc.text if doc.raw is None and doc.kind != "truncated_file" else None
    return {
        "id": doc.id, "source": doc.source, "url": doc.url, "domain": doc.domain, "lang": doc.lang, "batch": doc.batch,
        "file": f"{doc.file}/{doc.id}.txt" if doc.file.endswith("/texts") else doc.file, "row": 0 if doc.file.endswith("/texts") else number,
        "kind": doc.kind, "parent_id": doc.parent.id if doc.parent else None, "family": doc.family, "jaccard": doc.jaccard,
        "jaccard_root": doc.jaccard_root, "expect": doc.expect, "pii": doc.pii, "drop_lines": doc.drop_lines,
        "text_hash": hashlib.blake2b(readable.encode(), digest_size=16).hexdigest() if readable is not None else None,
        "n_chars": len(readable) if readable is not None else None,
    }  # fmt: skip


def make(out: Path, seed: int = 7, n: int = 3000, long_row_bytes: int = 2_000_000) -> dict[str, object]:
    """Writes the corpus and its plan under `out`; returns counts and sizes."""
    corpus = Corpus(seed, n, long_row_bytes)
    corpus.write_good()
    corpus.plant_copies()
    corpus.plant_repeats()
    corpus.plant_bad()
    corpus.plant_faults()
    corpus.plant_broken()
    corpus.assign_files()
    corpus.plant_reworded()
    plan = corpus.write(out)
    pages = crawl.make(out / "raw" / "crawl", seed)
    (out / "crawl_plan.json").write_text(json.dumps(pages, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    pq.write_table(pa.Table.from_pylist(plan, schema=PLAN), out / "plan.parquet")
    kept = [row for row in plan if row["kind"] in ("generated", "pii", "package")]
    summary: dict[str, object] = {
        "seed": seed, "rows": len(plan), "kinds": {kind: count for kind in kinds.KINDS if (count := sum(row["kind"] == kind for row in plan))},
        "expect": dict(sorted(Counter(str(row["expect"]) for row in plan).items())), "batches": dict(sorted(Counter(str(row["batch"]) for row in plan).items())),
        "good_by_language_and_domain": dict(sorted(Counter(f"{row['lang']} {row['domain']}" for row in kept).items())),
        "about": kinds.KINDS, "bytes": sum(path.stat().st_size for path in sorted((out / "raw").rglob("*")) if path.is_file()),
    }  # fmt: skip
    (out / "plan.json").write_text(json.dumps(summary, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return summary


def main(argv: list[str] | None = None) -> int:
    """Writes the corpus that the arguments describe; returns exit code 0."""
    parser = argparse.ArgumentParser("demo.corpus", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=Path, help="folder for raw/, plan.parquet and plan.json; raw/ is replaced")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--n", type=int, default=3000, help="rows in all (default 3000; 300 to 3500)")
    parser.add_argument("--long-row-bytes", type=int, default=2_000_000, help="size of the rows that are too long (default 2,000,000)")
    args = parser.parse_args(argv)
    if not 300 <= args.n <= 3500:
        parser.error(f"--n {args.n}: the planted kinds need 300 rows, and the grammar gives at most 3500 different texts")
    began = time.perf_counter()
    gc.disable()  # a million small strings that all live to the end
    summary = make(args.out, args.seed, args.n, args.long_row_bytes)
    print(json.dumps({**{key: summary[key] for key in ("seed", "rows", "kinds", "bytes")}, "seconds": round(time.perf_counter() - began, 2)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
