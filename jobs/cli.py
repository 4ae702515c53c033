"""The command `gristmill`: run jobs, check recipes, query a lake and follow a document through its jobs."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gristmill.jobs.core import config
from gristmill.jobs.core.errors import ConfigError, ContractError, GristmillError
from gristmill.jobs.core.params import HasNotes
from gristmill.jobs.core.records import Records
from gristmill.jobs.core.version import code_version
from gristmill.jobs.lake.spark_errors import exit_code_of, raised_as_ours

if TYPE_CHECKING:
    from gristmill.jobs.lake.lake import Lake
    from gristmill.jobs.report.ask import Ask

EXIT_CODES = """exit codes: 0 done; 2 fix the recipe or the command line;
3 a table or batch violates its contract, nothing written;
4 a sanity check failed (for example fewer than min_kept documents left), nothing written;
75 temporary failure (another process works on the same tables, a store does not answer, a disk is full):
run the same command again."""
EXAMPLES = {
    "run": "gristmill run curate --recipe conf/demo.yaml\n  gristmill run filter_rules --recipe "
    "conf/demo.yaml --lake s3a://bucket/lake",
    "list": "gristmill list",
    "check": "gristmill check --recipe conf/demo.yaml",
    "why": "gristmill why 0a1b2c... --lake lakes/demo\n  gristmill why a.jsonl:0 --lake lakes/demo",
    "sql": 'gristmill sql "select lang, count(*) from corpus group by lang" --lake lakes/demo --json',
    "worker": "gristmill worker --recipe conf/synth_worker.yaml --lake lakes/demo",
    "validate": "gristmill validate ppl --pairs pairs.parquet --model models/smollm2-135m-instruct --n 300",
    "funnel": "gristmill funnel --lake lakes/demo",
    "doctor": "gristmill doctor\n  gristmill doctor --recipe conf/demo.yaml --json",
    "demo": "gristmill demo",
    "repair": "gristmill repair --lake lakes/demo\n  gristmill repair --lake lakes/demo --yes",
    "upgrade": "gristmill upgrade --lake lakes/demo\n  gristmill upgrade --lake lakes/demo --yes",
}

# Help texts that several commands share.
LAKE = "path (./lake, s3a://bucket/lake) or schema (catalog.schema)"
SCREEN = 50  # rows that `sql` prints on a screen
# the largest LIMIT of Spark, less the one row that shows whether there are more
MOST_ROWS = 2**31 - 2

# Flags that several evaluations share. Each evaluation refuses the others' flags (see _validate).
_PAIRS = ("pairs", "model", "n", "kind", "seed")
_TRAINS = ("held", "rate", "seeds")
VALIDATES = {  # the kinds of `validate`, and their flags
    "ppl": (*_PAIRS, "out"),
    "sft": (*_PAIRS, *_TRAINS, "steps"),
    "grpo": (*_PAIRS, *_TRAINS, "steps"),
    "lm": ("lake", "against", "seed", *_TRAINS, "tokens"),
}


def parser() -> argparse.ArgumentParser:
    """The whole command line; PySpark is imported only by what needs it."""
    top = argparse.ArgumentParser(
        prog="gristmill",
        description=__doc__,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"gristmill {code_version()}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, about: str, detail: str) -> argparse.ArgumentParser:
        text = f"{about}\n\n{detail}\n\nexample:\n  {EXAMPLES[name]}"
        sub = commands.add_parser(
            name,
            help=about,
            description=text,
            epilog=EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        # These print progress or a program's own output, not rows.
        if name not in ("run", "check", "worker", "validate", "demo"):
            sub.add_argument("--json", action="store_true", help="print JSON for machines")
        return sub

    run = command(
        "run",
        "run one job of a recipe, or all of them (curate)",
        "The same command continues a run that stopped.",
    )
    run.add_argument("job", help="a job's name (see `gristmill list`), or curate")
    run.add_argument("--recipe", required=True, help="YAML file: lake, and a section for each job")
    run.add_argument("--lake", help=f"{LAKE}; overrides the recipe's lake.path")
    run.add_argument("--input", help="file or folder to ingest; overrides the recipe's")
    run.add_argument("--batch", help="work on this batch only")
    command(
        "list",
        "list the jobs with the tables that they read and write",
        "Each job also runs by itself: spark-submit jobs/JOB.py --recipe conf/jobs/JOB.yaml",
    )
    worker = command(
        "worker",
        "answer the requests of a lake with a model",
        "Runs python -m gristmill.synth_worker, in .venv-worker if `make worker` has made it.",
    )
    worker.add_argument("--recipe", required=True, help="YAML file with a section `worker`")
    worker.add_argument("--lake", help="path or URL of the lake; overrides the recipe's")
    worker.add_argument("--worker", help="name of this worker, unique on its machine")
    validate = command(
        "validate",
        "evaluate the data with small models",
        "The help of each says what it compares: python -m gristmill.synth_worker.validate.ppl --help",
    )
    validate.add_argument(
        "what",
        choices=list(VALIDATES),
        help="ppl, sft, grpo: correct against wrong chains of thought, by perplexity or by training; "
        "lm: kept text against raw, or two recipes",
    )
    validate.add_argument(
        "--pairs", help="ppl, sft, grpo: Parquet file: question, correct_cot, adversarial_cot"
    )
    validate.add_argument("--model", help="ppl, sft, grpo: folder of a Hugging Face causal language model")
    validate.add_argument("--lake", help="lm: path of a curated lake")
    validate.add_argument("--against", help="lm: path of a lake by another recipe, in place of raw text")
    validate.add_argument(
        "--n", help="number of pairs, chosen by a seeded hash (ppl: default all), or of questions to train on"
    )
    validate.add_argument("--kind", help="use only pairs of this kind")
    validate.add_argument("--seed", help="seed of the choice and of the bootstrap; the seed of the first run")
    validate.add_argument("--out", help="ppl: JSON Lines file that receives the losses of each pair")
    for flag, about in (
        ("held", "number of held-out questions or documents"),
        ("steps", "optimizer steps"),
        ("seeds", "runs of each arm"),
        ("rate", "learning rate"),
        ("tokens", "bytes that each arm reads"),
    ):
        validate.add_argument(f"--{flag}", help=f"sft, grpo, lm: {about}")
    check = command(
        "check",
        "check a recipe without running it",
        "Lists each unknown key, missing number and job whose input tables would be missing.",
    )
    check.add_argument("--recipe", required=True, help="YAML file")
    check.add_argument(
        "--no-packages",
        action="store_true",
        help="do not look for the packages that it needs: the recipe will run on another machine",
    )
    check.add_argument(
        "--show", action="store_true", help="print the sections with all parameters, also those of a base"
    )
    doctor = command(
        "doctor",
        "look for what is missing on this machine, and say how to get it",
        "Java, Spark, Delta, memory, folders, packages by extra, models. Exit code 2: something is missing.",
    )
    doctor.add_argument("--recipe", help="also look for the packages and models that this recipe needs")
    demo = command(
        "demo",
        "make raw demo text in the working folder, curate it and name the report",
        "Needs the extra demo and Spark: pip install 'gristmill[spark35,demo]'.",
    )
    demo.add_argument("--lake", default="lakes/demo", help="the lake (default: %(default)s)")
    demo.add_argument("--raw", default="lakes/demo-raw", help="folder of the raw text (default: %(default)s)")
    why = command(
        "why",
        "show what each job did with a document, and why",
        "Follows a duplicate to the document that was kept in its place.",
    )
    called = "doc_id (32 hex digits, or its beginning), native key, URL, or source location (file.jsonl:0)"
    why.add_argument("name", help=called)
    sql = command(
        "sql",
        "run a query over the tables of a lake",
        "Reads the tables at the versions of the last finished runs. See docs/sql.md.",
    )
    sql.add_argument("query", help="one read-only query of Spark SQL; tables by their bare names")
    most = f"maximum number of rows; says if there are more (default: {SCREEN} on a screen; else all)"
    sql.add_argument("--limit", type=_count, help=most)
    funnel = command(
        "funnel",
        "documents in, kept and rejected by reason, from each job's last runs",
        "Reads the table runs.",
    )
    repair = command(
        "repair",
        "repair a lake whose tables differ from the run log",
        "Prints what is wrong and what it will do; does it with --yes.",
    )
    upgrade = command(
        "upgrade",
        "bring a lake of another version up to date",
        "Prints the changes to each table; applies them with --yes.",
    )
    for sub in (repair, upgrade):
        sub.add_argument("--yes", action="store_true", help="apply the changes (without it, only print them)")
    for sub in (why, sql, funnel, repair, upgrade):
        default = os.environ.get("GRISTMILL_LAKE")
        sub.add_argument("--lake", default=default, help=f"{LAKE} (default: $GRISTMILL_LAKE)")
    return top


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) > MOST_ROWS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of rows; expected 0 to {MOST_ROWS:,}")
    return int(text)


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    args = parser().parse_args(argv)
    # All errors pass through one translation to exit
    # codes, also those raised while a lake is opened.
    return exit_code_of(lambda: _command(args))


def task(argv: list[str] | None = None) -> None:
    """Run the command in a notebook or as a Databricks wheel task, which ignore exit codes.

    Leading words NAME=VALUE are set as environment variables, as `env` does: serverless compute has no other
    way to set them. Raises the GristmillError that `main` prints, and ConfigError for wrong arguments; never
    SystemExit, whose code a notebook does not pass on.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    while words and re.match(r"[A-Za-z_]\w*=", words[0]):
        name, _, value = words.pop(0).partition("=")
        os.environ[name] = value
    args = parsed(words)
    if args is None:
        return
    code = raised_as_ours(lambda: _command(args))
    if code:
        raise GristmillError(f"gristmill {args.command}: exit code {code}; its output says why")


def parsed(words: list[str]) -> argparse.Namespace | None:
    """The parsed command line; None where it asks for help, which is printed.

    Raises ConfigError with the last line of what argparse would print.
    """
    shown = io.StringIO()
    try:
        with contextlib.redirect_stderr(shown):
            return parser().parse_args(words)
    except SystemExit as error:
        if not error.code:
            return None
        raise ConfigError(shown.getvalue().strip().splitlines()[-1]) from None


def _command(args: argparse.Namespace) -> int | None:
    """Run the command that the arguments name; returns None or an exit code."""
    does: dict[str, Callable[[argparse.Namespace], int | None]] = {
        "run": _run,
        "worker": _worker,
        "validate": _validate,
        "list": _list,
        "check": _check,
        "doctor": _doctor,
        "demo": _demo,
        "why": _why,
        "sql": _sql,
        "funnel": _funnel,
        "repair": _repair,
        "upgrade": _upgrade,
    }
    return does[args.command](args)


def _run(args: argparse.Namespace) -> None:
    from gristmill.jobs import curate
    from gristmill.jobs.runner.main import run_from_files

    # curate is a sequence of jobs, not a job: it has no parameters of its own.
    if args.job == "curate":
        curate.curate(config.load_recipe(args.recipe), args.lake, args.input)
    else:
        run_from_files(curate.find_job(args.job), args.recipe, args.lake, args.input, args.batch)


def _list(args: argparse.Namespace) -> None:
    from gristmill.jobs import curate

    jobs = [curate.find_job(name) for name in curate.job_names()]
    if args.json:
        print(
            json.dumps(
                [
                    {
                        "job": j.name,
                        "about": j.about.splitlines()[0],
                        "reads": j.reads,
                        "writes": [w.table for w in j.writes],
                    }
                    for j in jobs
                ]
            )
        )
        return
    for job in jobs:
        print(
            f"{job.name:<16} {job.about.splitlines()[0]}\n{'':<16} reads {', '.join(job.reads) or '-'}; "
            f"writes {', '.join(w.table for w in job.writes) or '-'}"
        )
    print(f"{'curate':<16} All jobs of one recipe, in order.")


def _worker(args: argparse.Namespace) -> int:
    return _start("gristmill.synth_worker", args, "recipe", "lake", "worker")


def _validate(args: argparse.Namespace) -> int:
    # A flag that the module ignores would let a user believe that it had an effect.
    flags = VALIDATES[args.what]
    others = sorted(
        {flag for known in VALIDATES.values() for flag in known if getattr(args, flag) is not None}
        - set(flags)
    )
    if others:
        raise ConfigError(
            f"validate {args.what} does not take --{others[0]}; it takes "
            f"{', '.join('--' + flag for flag in flags)}"
        )
    return _start(f"gristmill.synth_worker.validate.{args.what}", args, *flags)


def _start(module: str, args: argparse.Namespace, *flags: str) -> int:
    """Run `module` in the worker's environment if it exists, else in this one; returns its exit code."""
    own = Path(".venv-worker/bin/python")
    return _start_with(str(own) if own.is_file() else sys.executable, module, args, *flags)


def _start_with(python: str, module: str, args: argparse.Namespace, *flags: str) -> int:
    named = [word for flag in flags if (value := getattr(args, flag)) for word in (f"--{flag}", value)]
    return subprocess.run([python, "-m", module, *named], check=False).returncode


def _demo(args: argparse.Namespace) -> int:
    # A module of its own: the demo uses jobs, so jobs may not import it.
    return _start_with(sys.executable, "gristmill.demo.start", args, "lake", "raw")


def _doctor(args: argparse.Namespace) -> int:
    from gristmill.jobs.doctor.command import report

    return report(args.recipe, args.json)


def _check(args: argparse.Namespace) -> int | None:
    from gristmill.jobs import curate

    content = config.load_yaml(config.find_file(args.recipe))
    # The worker checks its own recipe: its parameters are in a package that jobs may not import.
    if isinstance(content, dict) and set(content) == {"worker"}:
        # The exit code of the worker's own check is the result of this command.
        command = [sys.executable, "-m", "gristmill.synth_worker", "--recipe", args.recipe, "--check"]
        command += ["--no-packages"] if args.no_packages else []
        return subprocess.run(command, check=False).returncode
    recipe = config.load_recipe(args.recipe)
    if args.show:
        print(config.written_out(recipe), end="")
    for job, params in curate.plan(recipe, packages=not args.no_packages):
        print(f"{job.name:<16} ok  recipe {config.recipe_hash(job.name, params)}")
        # Notes are what a valid recipe leaves undone, such as benchmark files that are missing.
        for line in params.notes() if isinstance(params, HasNotes) else ():
            print(f"{'':<16} {line}")
    return None


def _ask(args: argparse.Namespace) -> Ask:
    # Imported here, like PySpark elsewhere in this file:
    # `gristmill --help` and `check` start without Spark.
    from gristmill.jobs.report.ask import Ask

    if not args.lake:
        raise ConfigError("no lake args: use --lake ./PATH (or catalog.schema), or set GRISTMILL_LAKE")
    return Ask(args.lake)


def _why(args: argparse.Namespace) -> None:
    story = _ask(args).why(args.name)
    print(json.dumps(story, ensure_ascii=False, default=str) if args.json else "\n".join(story["lines"]))


def _sql(args: argparse.Namespace) -> None:
    from gristmill.jobs.report.ask import plain, text_lines

    answer = _ask(args).answer(args.query)
    # A JSON object with a repeated key would silently lose a column.
    twice = sorted({name for name in answer.columns if answer.columns.count(name) > 1})
    if args.json and twice:
        raise ConfigError(f"sql: two columns are called {twice[0]}, and JSON needs unique names; use AS")
    limit = SCREEN if args.limit is None and not args.json and sys.stdout.isatty() else args.limit
    rows, is_more = (answer.every(), False) if limit is None else answer.first(limit)
    if args.json:
        for row in rows:
            named = dict(zip(answer.columns, map(plain, row), strict=True))
            print(json.dumps(named, ensure_ascii=False, default=str))
    else:
        for line in text_lines(answer.columns, rows):
            print(line)
    if is_more:
        more = "--limit N gives more, --json without --limit all of them"
        # On standard error, so that a program that reads the rows does not read this line.
        print(f"sql: there are more than these {limit:,} rows; {more}", file=sys.stderr)


def _funnel(args: argparse.Namespace) -> None:
    rows = _ask(args).funnel()
    if args.json:
        print(json.dumps(rows, ensure_ascii=False, default=str))
        return
    print(f"{'job':<16} {'in':>10} {'kept':>10} {'left out':>10}  by reason (a document may have several)")
    for row in rows:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in row["reasons"].items()) or "-"
        print(
            f"{row['job']:<16} {row['rows_in']:>10,} {row['rows_kept']:>10,} {row['rows_left_out']:>10,} "
            f" {reasons}"
        )


def _lake(args: argparse.Namespace) -> Lake:
    """The lake to repair or upgrade. Raises ContractError if no job has run on it."""
    from gristmill.jobs.lake.lake import Lake
    from gristmill.jobs.lake.session import open_session
    from gristmill.jobs.schema.runs import RUNS

    if not args.lake:
        raise ConfigError("no lake args: use --lake ./PATH (or catalog.schema), or set GRISTMILL_LAKE")
    lake = Lake(open_session("gristmill"), args.lake, create=False)
    if not lake.exists(RUNS):
        raise ContractError(f"lake {args.lake}: no table runs; name a lake on which a job has run")
    return lake


def _repair(args: argparse.Namespace) -> None:
    from gristmill.jobs.upkeep.repair import findings, repair

    lake = _lake(args)
    problems = findings(lake)
    _say(
        [{"table": each.table, "trouble": each.trouble, "action": each.action} for each in problems],
        args,
        "nothing to repair",
    )
    # Printed first, changed after: the list is what the user agreed to with --yes.
    if problems and args.yes:
        repair(lake, problems)
        print("done; run `gristmill run curate` again", file=sys.stderr)


def _upgrade(args: argparse.Namespace) -> None:
    from gristmill.jobs.upkeep.upgrade import changes, upgrade

    lake = _lake(args)
    planned = changes(lake)
    _say(
        [{"table": each.table, "action": each.detail} for each in planned],
        args,
        "every table has the columns of this version",
    )
    if planned and args.yes:
        upgrade(lake, planned)
        print("done; run `gristmill run curate` again", file=sys.stderr)


def _say(rows: Records, args: argparse.Namespace, nothing: str) -> None:
    """Print what `repair` or `upgrade` is going to do, before it does anything."""
    if args.json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        print(": ".join(row.values()))
    if not rows:
        print(nothing)
    elif not args.yes:
        print("nothing was changed; --yes applies this")


if __name__ == "__main__":
    sys.exit(main())
