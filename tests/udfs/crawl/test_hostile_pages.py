"""A page that was made to exhaust a parser costs its own row: refused or read in time that grows with its bytes, in a process that lives on.

All of it runs in processes of their own, with a small stack: a parser in C that recurs would end them.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from gristmill.udfs import reasons

# name -> the page as an expression of `n`, and the reason for which it is refused (None: it may give a text) at full size
PAGES: dict[str, tuple[str, int, str | None]] = {
    "long text": ("b'<p>' + b'word ' * n", 1_500_000, None),
    "deep": ("b'<div>' * n + b'x'", 100_000, reasons.NESTED_TOO_DEEP),
    "deep in a table": ("b'<table><tr><td>' * n + b'x'", 100_000, reasons.NESTED_TOO_DEEP),
    "deep formatting": ("b'<b><i><font>' * n + b'x'", 300_000, reasons.NESTED_TOO_DEEP),
    "attributes": ("b'<p ' + b' '.join(b'a%d=1' % i for i in range(n)) + b'>x'", 780_000, reasons.TOO_MANY_ATTRIBUTES),
    "unclosed paragraphs": ("b'<p>x' * n", 1_000_000, reasons.TOO_MANY_NODES),
    "formatting that is opened again in each block": ("b''.join(b'<p><b id=%d>' % i for i in range(n))", 400_000, reasons.TOO_MANY_NODES),
    "end tags of nothing": ("b'<div>' * 400 + b'<p>word word</p>' + b'</p>' * n", 1_500_000, reasons.TOO_MANY_NODES),
    "end tags that a table bars": ("b'<q>' + b'<table><tr><td>' * 150 + b'</q>' * n + b'x'", 1_500_000, None),
    "only <": ("b'<' * n", 8_000_000, None),
    "only </": ("b'</' * n", 4_000_000, reasons.EMPTY_TEXT),
    "a comment without end": ("b'<p>x</p><!--' + b'-' * n", 7_900_000, None),
    "comments": ("b'<p>x</p>' + b'<!-->' * n", 1_500_000, None),
    "scripts that close comments": ("b'<p>some words here</p>' + b'<!-- <script> --> </script> <!-- </script><script><!--</script>-->' * n", 30_000, None),
    "a script without end": ("b'<p>x</p><script>' + b'</scrip' * n", 1_000_000, None),
    "an attribute without end": ("b'<p>x</p><a href=\"' + b'x' * n", 7_900_000, None),
    "references": ("b'<p>' + b'&' * n", 7_900_000, None),
    "long references": ("b'<p>' + b'&#' + b'1' * n + b';'", 4_000_000, None),
    "flat": ("b'<div>x</div>' * n", 90_000, None),
    "flat, Chinese": ("'<div>磨坊</div>'.encode() * n", 90_000, None),
    "links, Chinese": ("'<p>磨坊<a href=x>河</a>'.encode() * n", 45_000, None),
    "cells, Chinese": ("'<table><tr>'.encode() + '<td>磨坊'.encode() * n", 90_000, None),
    "a long line, Chinese": ("'<p>磨坊'.encode() + '磨坊，'.encode() * n", 800_000, None),
    "one block of many pieces": ("b'<p>' + b'<i>x</i>' * n", 90_000, None),
    "links": ("b'<p>' + b'<a href=x>x</a>' * n", 90_000, None),
    "line ends": ("b'<p>' + b'x<br>' * n", 90_000, None),
    "cells": ("b'<table><tr>' + b'<td>x</td>' * n", 90_000, None),
    "rows in deep cells": ("b'<table>' + b'<div>' * 400 + b'<tr>' * n + b'x'", 90_000, None),
    "metas": ("b'<p>words</p>' + b'<meta name=robots content=noai>' * n", 90_000, None),
    "annotations": ("b'<math>' + b'<annotation encoding=\"application/x-tex\">x</annotation>' * n", 45_000, None),
    "formulas in formulas": ("b'<span class=katex>' * 400 + b'<math><annotation encoding=\"application/x-tex\">x</annotation></math>' * n", 30_000, None),
    "a list of JSON without end": ("b'<p>words</p><script type=\"application/ld+json\">' + b'[' * n + b'</script>'", 4_000_000, None),
    "declarations": ("b'<p>words</p>' + b'<meta ' * n", 1_000_000, None),
}
RUN = """
import json, resource, sys, time
resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, 1 << 20))
from gristmill.udfs.crawl.extract import extract
from gristmill.udfs.crawl.pages import Page
from gristmill.udfs.read.values import Reject
from tests.udfs.crawl.params import extract_params

params, pages = extract_params(sys.argv[1]), json.loads(sys.argv[2])

def told(body):
    began = time.process_time()
    try:
        result = [None, extract(Page("p", "f", body), params).text[:40]]
    except Reject as reject:
        result = [reject.reason, reject.detail]
    return [*result, time.process_time() - began]

told(b"<p>one two three</p>" * 30)
for name, source, full in pages:
    make = eval("lambda n: " + source)
    reason, detail, whole = told(make(full))
    # a quarter of the page takes about a quarter of the time; pages over a limit are cheap whatever their size
    part = told(make(full // 4))[2]
    alive = told(b"<p>The mill stands where the river bends, and its wheel turns slowly.</p>" * 3)[1]
    print(json.dumps([name, reason, detail, part, whole, alive]), flush=True)
"""
# seconds of processor time, of a machine that others use, too
MOST = 20.0


def run(engine: str, names: list[str]) -> dict[str, list[object]]:
    """What `RUN` prints of each page."""
    pages = [(name, PAGES[name][0], PAGES[name][1]) for name in names]
    args = [engine, json.dumps(pages)]
    done = subprocess.run([sys.executable, "-c", RUN, *args], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, (done.returncode, done.stdout[-300:], done.stderr[-2000:])
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    return {row[0]: row[1:] for row in rows}


@pytest.mark.parametrize("engine", ["cascade", "resiliparse", "trafilatura"])
def test_every_hostile_page_costs_its_own_row(engine: str) -> None:
    found = run(engine, list(PAGES))
    assert list(found) == list(PAGES)
    for name, (reason, detail, part, whole, alive) in found.items():
        expected = PAGES[name][2]
        if expected:
            assert reason == expected, (name, reason, detail)
        assert reason in (None, *reasons.EXTRACTION), name
        assert "mill" in str(alive), name
        assert float(str(whole)) <= MOST, (name, whole)
        assert float(str(whole)) <= 12 * float(str(part)) + 3.0, (name, part, whole)  # quadratic: 16 times
