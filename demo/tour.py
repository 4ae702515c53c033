"""What `make demo` runs: the curation, the synthesis where the engine is at hand, then the funnel, where the results are, and one query to try."""

from __future__ import annotations

import argparse
import subprocess
import sys
import textwrap
from pathlib import Path

from jobs import curate
from jobs.core.config import load_recipe
from jobs.core.errors import GristmillError
from jobs.report.ask import Ask, as_text
from jobs.runner.main import open_lake
from jobs.runner.run import run_job

QUERY = (
    "select lang, domain, count(*) as documents, sum(n_chars) as characters, "
    "round(100 * sum(n_chars) / sum(sum(n_chars)) over (), 1) as percent from corpus group by lang, domain order by characters desc limit 8"
)
SAMPLE = (
    "select s.question, s.cot, s.source_text, s.doc_id, s.model, concat_ws(', ', transform(array_sort(collect_list(struct(g.segment, g.status))), x -> x.status)) as segments from samples s join segments g using (request_id) "
    "group by s.sample_id, s.question, s.cot, s.source_text, s.doc_id, s.model order by s.sample_id limit 1"
)
NEAREST = (
    "with v as (select e.doc_id, e.vector, c.source, substring(c.text, 1, 60) as beginning from embeddings e join corpus c using (doc_id) where e.model like 'E5%' and c.lang = 'en') "
    "select round(aggregate(zip_with(a.vector, b.vector, (x, y) -> x * y), 0D, (s, x) -> s + x), 3) as cosine, a.beginning, b.beginning as nearest "
    "from v a join v b on a.doc_id < b.doc_id order by cosine desc, a.doc_id, b.doc_id limit 3"
)
ENGINE = Path(".venv-worker/bin/python")  # both are made by `make worker`
MODEL = Path("models/smollm2-135m-instruct/.ready")


def synthesise(recipe: str, worker: str, lake: str) -> bool:
    """Candidates out, answers by the real engine, samples home; False, with a line that says why, where the engine cannot run."""
    if not (ENGINE.is_file() and MODEL.is_file()):
        print("\nsynthesis is left out: no engine here (see above, or run `make worker`); the curation stands whole")
        return False
    loaded = load_recipe(recipe)
    job, params = next((job, params) for job, params in curate.plan(loaded) if job.name == "export_candidates")
    run_job(job, params, open_lake(loaded, lake, "export_candidates"))
    print(f"gristmill worker --recipe {worker} --lake {lake}   (a language model on the CPU: about a minute)", flush=True)
    done = subprocess.run([str(ENGINE), "-m", "synth_worker", "--recipe", worker, "--lake", lake], check=False)
    if done.returncode:
        print(f"\nsynthesis is left out: the worker stopped with exit code {done.returncode} (see above); the curation stands whole")
        return False
    curate.curate(loaded, lake)
    return True


def embed(recipe: str, lake: str) -> bool:
    """Vectors by Spark NLP, in a process of its own: its jars make another session."""
    print(f"gristmill run embed_text --recipe {recipe} --lake {lake}   (Spark NLP; the first time it fetches 290 MB of jars, a minute or two)", flush=True)
    done = subprocess.run([sys.executable, "-m", "jobs.cli", "run", "embed_text", "--recipe", recipe, "--lake", lake], check=False, stderr=subprocess.PIPE, text=True)
    told = [line for line in done.stderr.replace("\r", "\n").splitlines() if line.startswith("embed_text")]
    print("\n".join(told[-1:]) if not done.returncode else f"no vectors by Spark NLP: {done.stderr[-300:]}")
    return done.returncode == 0


def show_funnel(ask: Ask) -> None:
    """A line a job."""
    print(f"\n{'job':<18} {'in':>7} {'kept':>7} {'left out':>9}  by reason (a document may have several)")
    for row in ask.funnel():
        reasons = [f"{reason} {count:,}" for reason, count in row["reasons"].items()]
        shown = ", ".join(reasons[:5]) + (f", and {len(reasons) - 5} more" if len(reasons) > 5 else "")
        print(f"{row['job']:<18} {row['rows_in']:>7,} {row['rows_kept']:>7,} {row['rows_left_out']:>9,}  {shown or '-'}")


def show_sample(ask: Ask) -> None:
    """One sample beside its source."""
    rows = ask.sql(SAMPLE, 1)[1]
    if not rows:
        return
    question, cot, source, doc, model, statuses = rows[0]
    print(f"\none sample, by {model}: a model this small shows the way, not the quality\n")
    for name, text in (("source", f"{source} ({doc})"), ("segments", statuses), ("reasoning", cot), ("question", question)):
        body = " ".join(str(text).split())
        print(textwrap.fill(body if len(body) < 700 else body[:700] + " ...", 150, initial_indent=f"  {name:<10} ", subsequent_indent=" " * 13))


def main() -> int:
    """Run the recipes that are given, then print the tour of the lake; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lake", required=True, help="the demo lake")
    parser.add_argument("--recipe", help="run this recipe first, as `gristmill run curate --recipe RECIPE --lake LAKE --input INPUT` would")
    parser.add_argument("--input", help="the raw text, with --recipe")
    parser.add_argument("--synthesis", help="then this recipe, around a run of the worker")
    parser.add_argument("--embeddings", help="then this recipe, in a session of its own")
    parser.add_argument("--worker", default="conf/synth_worker_cpu.yaml", help="the worker's recipe, with --synthesis")
    given = parser.parse_args()
    has_samples = False
    try:
        if given.recipe:  # in this process: a second JVM would take ten seconds more
            print(f"gristmill run curate --recipe {given.recipe} --lake {given.lake} --input {given.input}")
            curate.curate(load_recipe(given.recipe), given.lake, given.input)
        if given.synthesis:
            has_samples = synthesise(given.synthesis, given.worker, given.lake)
    except GristmillError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    has_vectors = bool(has_samples and given.embeddings) and embed(given.embeddings, given.lake)
    ask = Ask(given.lake)
    show_funnel(ask)
    if has_samples:
        show_sample(ask)
    lake = Path(given.lake).resolve()
    print(f"\nreport  {lake / '_report' / 'index.html'}")
    for card in sorted(lake.glob("_export/*/README.md")):
        print(f"export  {card.parent} (load_dataset(\"json\", data_files=\"{card.parent}/data/*\"); card: README.md)")
    print(f"try     gristmill sql \"{QUERY}\" --lake {given.lake}\n")
    print(as_text(*ask.sql(QUERY, 8)))
    if has_vectors:
        print("\nnearest in meaning, by the vectors of Spark NLP\n")
        print(as_text(*ask.sql(NEAREST, 3)))
    gone = ask.sql("select d.doc_id from duplicates d join docs using (doc_id) order by d.doc_id limit 1", 1)[1]
    if gone:
        print(f"\nand     gristmill why {gone[0][0][:12]} --lake {given.lake}\n")
        print("\n".join(ask.why(gone[0][0])["lines"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
