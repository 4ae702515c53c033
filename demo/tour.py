"""What `make demo` and `gristmill demo` run: the curation and its report; the synthesis where the engine is installed; the funnel, the paths of the results, and one query to try.

The engine is installed during the curation, at a lower priority. After an interruption the same command continues from there.
"""

from __future__ import annotations

import argparse
import contextlib
import shlex
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path

from gristmill.jobs import curate
from gristmill.jobs.core.config import load_recipe
from gristmill.jobs.core.errors import GristmillError
from gristmill.jobs.report.ask import Ask, as_text
from gristmill.jobs.runner.main import open_lake
from gristmill.jobs.runner.run import run_job

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
LOG = Path(".cache/worker.log")
SHOWN_SECONDS = 20  # between two progress lines of an installation that is waited for
STOP_SECONDS = 20  # that a program has after Ctrl-C to save its work; then it is killed


class Installation:
    """A command that runs during the curation; its output goes to a file until it is waited for."""

    def __init__(self, command: str) -> None:
        self.command, self.began, self.shown = command, time.monotonic(), 0
        LOG.parent.mkdir(exist_ok=True)
        with LOG.open("w") as log:
            self.process = subprocess.Popen(["nice", "-n", "10", *shlex.split(command)], stdout=log, stderr=subprocess.STDOUT, text=True)

    def finished(self) -> bool:
        """Waits for its end and prints its output; returns whether it succeeded."""
        is_waited_for = self.process.poll() is None
        while self.process.poll() is None:
            self.show()
            print(f"{self.command}: goes on since {time.monotonic() - self.began:.0f} s", flush=True)
            try:
                self.process.wait(SHOWN_SECONDS)
            except subprocess.TimeoutExpired:
                continue
        self.show()
        if is_waited_for and not self.process.returncode:
            print(f"{self.command}: done after {time.monotonic() - self.began:.0f} s")
        return not self.process.returncode

    def show(self) -> None:
        """Prints the output since the last call."""
        output = LOG.read_text(errors="replace")
        print(output[self.shown :], end="", flush=True)
        self.shown = len(output)

    def stop(self) -> None:
        """Ends it; what pip has downloaded remains in pip's cache."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


def synthesise(recipe: str, worker: str, lake: str, installation: Installation | None) -> bool:
    """Exports candidates, runs the worker, merges the samples; False, with a line that says why, where the engine cannot run."""
    loaded = load_recipe(recipe)
    job, params = next((job, params) for job, params in curate.plan(loaded) if job.name == "export_candidates")
    run_job(job, params, open_lake(loaded, lake, "export_candidates"))
    if installation and not installation.finished():
        print("the engine could not be set up (see above)")
    if not (ENGINE.is_file() and MODEL.is_file()):
        print("\nsynthesis is left out: no engine is installed (see above, or run `make worker`); the curation is complete")
        return False
    print(f"gristmill worker --recipe {worker} --lake {lake}   (a language model on the CPU: about a minute)", flush=True)
    code = run_whole([str(ENGINE), "-m", "gristmill.synth_worker", "--recipe", worker, "--lake", lake])
    if code:
        print(f"\nsynthesis is left out: the worker stopped with exit code {code} (see above); the curation is complete")
        return False
    curate.curate(loaded, lake)
    return True


def run_whole(command: Sequence[str]) -> int:
    """Runs a program to its end and returns its exit code; after Ctrl-C, which it gets too, waits until it has saved its work."""
    process = subprocess.Popen(command)
    try:
        return process.wait()
    except KeyboardInterrupt:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        process.kill()
        raise


def embed(recipe: str, lake: str) -> bool:
    """Embeds by Spark NLP in a separate process: its jars need another Spark session. Returns whether it succeeded."""
    print(f"gristmill run embed_text --recipe {recipe} --lake {lake}   (Spark NLP; the first time it fetches 290 MB of jars, a minute or two)", flush=True)
    done = subprocess.run([sys.executable, "-m", "gristmill.jobs.cli", "run", "embed_text", "--recipe", recipe, "--lake", lake], check=False, stderr=subprocess.PIPE, text=True)
    lines = [line for line in done.stderr.replace("\r", "\n").splitlines() if line.startswith("embed_text")]
    print("\n".join(lines[-1:]) if not done.returncode else f"no vectors by Spark NLP: {done.stderr[-300:]}")
    return done.returncode == 0


def show_funnel(ask: Ask) -> None:
    """Prints the funnel: one line a job."""
    print(f"\n{'job':<18} {'in':>7} {'kept':>7} {'left out':>9}  by reason (a document may have several)")
    for row in ask.funnel():
        reasons = [f"{reason} {count:,}" for reason, count in row["reasons"].items()]
        shown = ", ".join(reasons[:5]) + (f", and {len(reasons) - 5} more" if len(reasons) > 5 else "")
        print(f"{row['job']:<18} {row['rows_in']:>7,} {row['rows_kept']:>7,} {row['rows_left_out']:>9,}  {shown or '-'}")


def show_sample(ask: Ask) -> None:
    """Prints one sample with its source."""
    rows = ask.sql(SAMPLE, 1)[1]
    if not rows:
        return
    question, cot, source, doc, model, statuses = rows[0]
    print(f"\none sample, by {model}: a model this small shows the pipeline, not the quality\n")
    for name, text in (("source", f"{source} ({doc})"), ("segments", statuses), ("reasoning", cot), ("question", question)):
        body = " ".join(str(text).split())
        print(textwrap.fill(body if len(body) < 700 else body[:700] + " ...", 150, initial_indent=f"  {name:<10} ", subsequent_indent=" " * 13))


def page_of(lake: str) -> Path:
    """The report of a lake."""
    return Path(lake).resolve() / "_report" / "index.html"


def print_stopped(arguments: argparse.Namespace) -> None:
    """Prints what is complete, and the command that continues."""
    page = page_of(arguments.lake)
    state = f"the corpus and its report are complete: {page}" if page.is_file() else "finished jobs are not run again"
    print(f"\nstopped; {state}\ngo on:  {arguments.again}   (what is done is not done again)", flush=True)
    if page.is_file() and arguments.synthesis:
        print(f"or by hand:  gristmill worker --recipe {arguments.worker} --lake {arguments.lake}\n"
              f"             gristmill run curate --recipe {arguments.synthesis} --lake {arguments.lake}", flush=True)  # fmt: skip


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line (None: of the process)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lake", required=True, help="the demo lake")
    parser.add_argument("--recipe", help="run this recipe first, as `gristmill run curate --recipe RECIPE --lake LAKE --input INPUT` would")
    parser.add_argument("--input", help="the raw text, with --recipe")
    parser.add_argument("--synthesis", help="then this recipe, around a run of the worker")
    parser.add_argument("--embeddings", help="then this recipe, in a session of its own")
    parser.add_argument("--worker", default="conf/synth_worker_cpu.yaml", help="the worker's recipe, with --synthesis")
    parser.add_argument("--install", help="the command that installs the worker, during the curation")
    parser.add_argument("--again", default=shlex.join(["python", "-m", "demo.tour", *sys.argv[1:]]), help="the command that goes on after Ctrl-C")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the recipes of the command line, then print the tour of the lake; returns the exit code (130: stopped by Ctrl-C)."""
    args = parse_arguments(argv)
    installation = Installation(args.install) if args.install and args.synthesis else None
    try:
        return tour(args, installation)
    except GristmillError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print_stopped(args)
        return 130
    finally:
        if installation:
            installation.stop()


def tour(args: argparse.Namespace, installation: Installation | None) -> int:
    """See main. Raises GristmillError from the job that stopped."""
    began, has_samples = time.monotonic(), False
    if args.recipe:  # in this process: a second JVM would take ten seconds more
        print(f"gristmill run curate --recipe {args.recipe} --lake {args.lake} --input {args.input}", flush=True)
        curate.curate(load_recipe(args.recipe), args.lake, args.input)
        print(f"\nreport  {page_of(args.lake)}   (of the corpus, after {time.monotonic() - began:.0f} s)", flush=True)
    if args.synthesis:
        print("\nnow the synthesis: questions with chains of thought from a few documents; the page is then written again", flush=True)
        has_samples = synthesise(args.synthesis, args.worker, args.lake, installation)
    has_vectors = bool(has_samples and args.embeddings) and embed(args.embeddings, args.lake)
    ask = Ask(args.lake)
    show_funnel(ask)
    if has_samples:
        show_sample(ask)
    lake = Path(args.lake).resolve()
    print(f"\nreport  {page_of(args.lake)}")
    for card in sorted(lake.glob("_export/*/README.md")):
        print(f"export  {card.parent} (load_dataset(\"json\", data_files=\"{card.parent}/data/*\"); card: README.md)")
    print(f"try     gristmill sql \"{QUERY}\" --lake {args.lake}\n")
    print(as_text(*ask.sql(QUERY, 8)))
    if has_vectors:
        print("\nnearest in meaning, by the vectors of Spark NLP\n")
        print(as_text(*ask.sql(NEAREST, 3)))
    left_out = ask.sql("select d.doc_id from duplicates d join docs using (doc_id) order by d.doc_id limit 1", 1)[1]
    if left_out:
        print(f"\nand     gristmill why {left_out[0][0][:12]} --lake {args.lake}\n")
        print("\n".join(ask.why(left_out[0][0])["lines"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
