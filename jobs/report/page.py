"""Turns the numbers of the report into one HTML page: pictures, tables and sentences.

No Spark here. Every text is escaped by Jinja's autoescape; only Markup made in this package is not.
"""

from __future__ import annotations

from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from gristmill.jobs.core.reasons import in_words
from gristmill.jobs.core.records import Record, Records
from gristmill.jobs.report import charts
from gristmill.jobs.report import text as words
from gristmill.jobs.report.measures import FINE, KEPT, LEFT_OUT, OTHER, WAITING, Measure

# reasons that get a segment of their own in the funnel
SEGMENTS = 5


def render(context: Record) -> str:
    """The HTML of page.html with the values of `context`."""
    env = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        # A misspelt name in the template is an error, not an empty place on the page.
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(
        percent=words.percent,
        number=words.number,
        seconds=words.seconds,
        language=words.language,
        visible=words.visible,
        in_words=lambda reason, column: in_words(column, reason),
    )
    env.globals.update(count=words.count, sample=words.sample, short=charts.short)
    page = env.get_template("page.html").render(context)
    # Lone surrogates cannot be written as UTF-8; they become question marks.
    return page.encode("utf-8", "replace").decode("utf-8")


def _template(name: str) -> str:
    return resources.files("gristmill.jobs.report").joinpath(name).read_text(encoding="utf-8")


def bar(parts: list[tuple[float, str, str]], whole: float, label: str) -> Markup:
    """charts.bar as Markup, so that autoescape leaves it as it is."""
    return Markup(charts.bar(parts, whole, label))


def stages(
    funnel: Records,
    mains: dict[str, dict[str, int]],
    writers: dict[str, set[str]],
    brought: dict[str, tuple[dict[str, int], int]],
) -> Records:
    """One stage a job: documents in, kept and left out by reason, with its bar.

    `funnel`: a row a job; `mains`: job -> reason -> documents, each under one reason; `writers`: job ->
    tables it wrote; `brought`: job -> rejects by reason, and documents, of the batches that it has read.
    """
    drawn: Records = []
    came = sum(brought[row["job"]][1] for row in funnel if row["job"] in brought)
    whole = max([came, *(row["rows_in"] for row in funnel)])
    for row in funnel:
        job, out, reasons = row["job"], row["rows_left_out"], mains.get(row["job"], {})
        if job in brought:
            # Ingest rejects rows, not documents. A document that a later
            # batch replaced was counted as kept and became a reject
            # afterwards, so both numbers are taken from the present tables.
            reasons, n_docs = brought[job]
            out, row = sum(reasons.values()), {**row, "rows_kept": n_docs}
        elif "corpus" in writers.get(job, ()):
            # Its own count includes what the filters before
            # it left out; only its own reasons belong here.
            out = sum(reasons.values())
        stage = {
            "job": job,
            "n_in": row["rows_kept"] + out,
            "kept": row["rows_kept"],
            "left_out": out,
            "seconds": row["seconds"],
            "link": "",
        }
        segments = _segments(reasons, out)
        parts = [
            (stage["kept"], "kept", f"{job}: {stage['kept']:,} kept"),
            *[(n, css, f"{job}: {n:,} {name}") for name, n, css in segments],
        ]
        # Jobs that bring documents stand one below the other; what they brought together goes on below them.
        if drawn and whole and job not in brought:
            above = came if drawn[-1]["job"] in brought else drawn[-1]["kept"]
            drawn[-1]["link"] = Markup(charts.link(above / whole, stage["n_in"] / whole))
        stage["bar"] = bar(
            parts, whole, f"{job}: {stage['n_in']:,} in, {stage['kept']:,} kept, {out:,} left out"
        )
        stage["segments"] = segments
        # The legend goes under its part of the bar, where that leaves it some width.
        stage["at"] = round(100 * stage["kept"] / whole, 1) if stage["kept"] < 0.55 * whole else None
        drawn.append(stage)
    return drawn


def _segments(reasons: dict[str, int], out: int) -> list[tuple[str, int, str]]:
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    # One reason too many gets a colour of its own: "1 more reason" would take as much space.
    shown = ordered if len(ordered) <= SEGMENTS + 1 else ordered[:SEGMENTS]
    # From the total and not from the other reasons, so that the segments add up to the bar.
    rest = out - sum(n for _, n in shown)
    named = [(name, n, f"left-{i + 1}") for i, (name, n) in enumerate(shown)]
    if rest > 0 and len(ordered) > len(shown):
        named.append((f"{len(ordered) - len(shown)} more reasons", rest, f"left-{SEGMENTS + 1}"))
    return named


def kept_table(cells: Records, langs: list[str], domains: list[str]) -> Records:
    """A row a language and a row for each of its domains: documents by outcome, characters kept."""

    def total(lang: str, domain: str | None) -> Record:
        matching = [cell for cell in cells if cell["lang"] == lang and domain in (None, cell["domain"])]
        by_outcome = {
            outcome: sum(cell["n"] for cell in matching if cell["outcome"] == outcome)
            for outcome in (KEPT, LEFT_OUT, WAITING)
        }
        return {
            "lang": lang,
            "domain": domain,
            "kept": by_outcome[KEPT],
            "left_out": by_outcome[LEFT_OUT],
            "waiting": by_outcome[WAITING],
            "n": sum(by_outcome.values()),
            "chars": sum(cell["kept_chars"] for cell in matching),
        }

    rows = [
        row
        for lang in [*langs, OTHER]
        for domain in [None, *domains, OTHER]
        if (row := total(lang, domain))["n"]
    ]
    # Domains of a language of which nothing is kept would be rows of zeros.
    with_documents = {row["lang"] for row in rows if row["kept"] or row["waiting"]}
    rows = [row for row in rows if row["domain"] is None or row["lang"] in with_documents]
    most, longest = (max([row[name] for row in rows], default=1) or 1 for name in ("n", "chars"))
    for row in rows:
        where = f"{words.language(row['lang'])}{'' if row['domain'] is None else ', ' + row['domain']}"
        parts = [
            (row["kept"], "kept", f"{row['kept']:,} kept"),
            (row["left_out"], "left-2", f"{row['left_out']:,} left out"),
        ]
        parts.append((row["waiting"], "waiting", f"{row['waiting']:,} not filtered yet"))
        label = f"{where}: {row['kept']:,} of {row['n']:,} documents kept"
        row["bar"] = bar(parts, most, label)
        row["chars_bar"] = bar(
            [(row["chars"], "kept", label)], longest, f"{where}: {row['chars']:,} characters kept"
        )
    return rows


def measure_cards(
    measures: list[Measure],
    about: dict[str, str],
    limits: dict[tuple[str, str], set[float]],
    langs: list[str],
    domains: list[str],
) -> Records:
    """A card a measure: name, meaning, and the picture of its distribution.

    `about`: measure -> meaning; `limits`: (measure, language) -> limits that some document failed.
    """
    return [
        {
            "name": m.name,
            "about": about.get(m.name, ""),
            "svg": Markup(_distribution(m, limits, langs, domains)),
        }
        for m in measures
    ]


def _distribution(
    measure: Measure, limits: dict[tuple[str, str], set[float]], langs: list[str], domains: list[str]
) -> str:
    overlays = [
        charts.Overlay(
            words.language(lang),
            _coarse(_sum(measure, lang=lang, outcome=KEPT)),
            _coarse(_sum(measure, lang=lang, outcome=LEFT_OUT)),
            sorted(limits.get((measure.name, lang), ())),
        )
        for lang in langs
        if any(key[0] == lang for key in measure.cells)
    ]
    spreads = []
    for domain in domains:
        counts = _sum(measure, domain=domain, outcome=KEPT)
        if sum(counts):
            spreads.append(charts.Spread(domain, quantiles(measure.axis, counts), sum(counts)))
    return charts.distribution(measure.name, measure.axis, overlays, spreads)


def _sum(measure: Measure, outcome: int, lang: str | None = None, domain: str | None = None) -> list[int]:
    matching = [
        c
        for (cell_lang, cell_domain, cell_outcome), c in measure.cells.items()
        if cell_outcome == outcome and lang in (None, cell_lang) and domain in (None, cell_domain)
    ]
    width = len(next(iter(measure.cells.values())))
    return [sum(column) for column in zip(*matching, strict=True)] if matching else [0] * width


def _coarse(counts: list[int]) -> list[int]:
    return [sum(counts[i : i + FINE]) for i in range(0, len(counts), FINE)]


def quantiles(axis: charts.Axis, counts: list[int]) -> tuple[float, float, float, float, float]:
    """The 5th, 25th, 50th, 75th and 95th percentile, each as the middle of its fine bin, in data units."""
    # One walk over the bins: the percentiles rise, so the next one begins where the last one was.
    total, middles, below, i = sum(counts), [], 0, -1
    for share in (5, 25, 50, 75, 95):
        while below * 100 < share * total or i < 0:
            i += 1
            below += counts[i]
        low, high = charts.bin_edges(axis, len(counts), i)
        middles.append((low + high) / 2)
    return tuple(middles)  # type: ignore[return-value]


def summary(
    cells: Records,
    mains: dict[str, dict[str, int]],
    rows_in: int,
    rejected: int,
    has_corpus: bool,
) -> Record:
    """The whole lake in a few numbers.

    `rows_in`: rows that were read, `rejected` of which became no document; `adds_up`: whether every row that
    was read is kept, left out with a reason, waiting or a reject.
    """
    by_outcome = {
        outcome: sum(cell["n"] for cell in cells if cell["outcome"] == outcome)
        for outcome in (KEPT, LEFT_OUT, WAITING)
    }
    out = {job: sum(reasons.values()) for job, reasons in mains.items()}
    langs: dict[str, int] = {}
    for cell in cells:
        langs[cell["lang"]] = langs.get(cell["lang"], 0) + cell["kept_chars"]
    chars = sum(langs.values())
    ordered = sorted(((lang, n) for lang, n in langs.items() if n), key=lambda item: (-item[1], item[0]))
    return {
        "rows_in": rows_in,
        "rejected": rejected,
        "kept": by_outcome[KEPT],
        "left_out": by_outcome[LEFT_OUT],
        "waiting": by_outcome[WAITING],
        "docs": sum(by_outcome.values()),
        "chars": chars,
        "has_corpus": has_corpus,
        "adds_up": rows_in == rejected + sum(by_outcome.values()),
        "languages": words.joined(
            [f"{words.percent(n, chars)} {words.language(lang)}" for lang, n in ordered[:3]]
        ),
        "judges": words.joined(
            [f"{n:,} by {job}" for job, n in sorted(out.items(), key=lambda item: (-item[1], item[0]))]
        ),
    }
