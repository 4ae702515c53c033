"""A page to its text and metadata by each engine; what is refused, and that nothing but the page decides."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest

from gristmill.udfs import reasons
from gristmill.udfs.crawl.extract import EXTRACTORS, Extracted, extract
from gristmill.udfs.crawl.pages import Page
from gristmill.udfs.read.values import Reject
from tests.udfs.crawl.params import extract_params

MENU = "<nav class='menu'><ul>" + "".join(f"<li><a href='/{i}'>{name}</a></li>" for i, name in enumerate(["Home", "Products", "Careers", "Contact us", "Log in", "Imprint"])) + "</ul></nav>"
FOOTER = "<footer class='footer'><p>Copyright 2026 The River Mill. All rights reserved. <a href='/p'>Privacy policy</a> <a href='/t'>Terms of use</a></p></footer>"
ENGLISH = [
    "The mill at the bend of the river is older than the village, and nobody knows who built it first.",
    "Its wheel turns slowly in summer, when the water is low, and so fast in spring that the miller has to open the sluice at night.",
    "Farmers from four valleys bring their grain here, wait for half a day, and carry the flour home before it gets dark.",
    "Last year the old beam of the wheel broke, and for three weeks the whole village helped to make a new one out of an oak.",
]
CHINESE = [
    "河湾处的磨坊比村子还要古老，谁也说不清最早是什么人建的，只知道族谱里第一页就提到了它。",
    "夏天水浅的时候，水轮转得很慢；到了春天，水流太急，磨坊主夜里还得起来打开闸门，免得石磨空转。",
    "四个山谷里的农民都把麦子送到这里来，等上半天，再趁着天还没黑把面粉背回家去。",
    "去年水轮的大梁断了，全村人花了三个星期，用一棵老橡树重新做了一根，装上去的那天还放了鞭炮。",
]
CHINESE_MENU = "<div class='nav'><a href='/'>首页</a> <a href='/n'>新闻中心</a> <a href='/c'>联系我们</a> <a href='/l'>登录</a> <a href='/r'>注册</a></div>"
CODE = "def grind(grain):\n    for each in grain:\n        if each.is_dry:\n            yield each.flour()"
TABLE = "<table><tr><th>Month</th><th>Sacks</th></tr><tr><td>May</td><td>120</td></tr><tr><td>June</td><td>95</td></tr></table>"
MATHS = '<math><semantics><mi>E</mi><annotation encoding="application/x-tex">E = m c^2</annotation></semantics></math>'


def page(inside: str, head: str = "", menu: str = MENU) -> bytes:
    return f"<!doctype html><html lang='en'><head><title>The mill | River</title>{head}</head><body>{menu}<main><article><h1>The mill</h1>{inside}</article></main>{FOOTER}</body></html>".encode()


def paragraphs(sentences: list[str]) -> str:
    return "".join(f"<p>{sentence}</p>" for sentence in sentences)


def run(body: bytes, engine: str = "cascade", headers: dict[str, str] | None = None, **numbers: Any) -> Extracted:
    return extract(Page("f:0", "f", body, headers=headers or {}), extract_params(engine, **numbers))


@pytest.mark.parametrize("engine", EXTRACTORS)
@pytest.mark.parametrize("language", ["english", "chinese"])
def test_the_article_stays_and_the_menu_goes(engine: str, language: str) -> None:
    sentences, menu = (ENGLISH, MENU) if language == "english" else (CHINESE, CHINESE_MENU)
    text = run(page(paragraphs(sentences), menu=menu), engine).text
    assert all(sentence in text for sentence in sentences)
    assert "Careers" not in text
    assert "新闻中心" not in text
    assert "All rights reserved" not in text


@pytest.mark.parametrize("engine", EXTRACTORS)
def test_code_keeps_its_lines_and_indentation(engine: str) -> None:
    text = run(page(f"{paragraphs(ENGLISH[:2])}<pre><code>{CODE}</code></pre>{paragraphs(ENGLISH[2:])}"), engine).text
    assert CODE in text


def test_numbers_of_lines_in_a_cell_beside_code_go_and_cells_of_numbers_stay() -> None:
    code = CODE + "\n    # every sack that the farmers of the four valleys have brought here, wet or dry"
    numbers = "<br>".join(map(str, range(1, 6)))
    listing = f"<table><tr><td class='gutter'><pre>{numbers}</pre></td><td class='code'><pre>{code}</pre></td></tr></table>"
    text = run(page(f"{paragraphs(ENGLISH[:2])}{listing}{paragraphs(ENGLISH[2:])}")).text
    assert code in text
    assert not [line for line in text.splitlines() if line[:1].isdigit()]
    sacks = "<table><tr><td><pre>120</pre></td><td><pre>95</pre></td></tr></table>"
    assert "120\t95" in run(page(f"{paragraphs(ENGLISH[:2])}{sacks}{paragraphs(ENGLISH[2:])}")).text


@pytest.mark.parametrize("engine", EXTRACTORS)
def test_a_table_keeps_its_rows(engine: str) -> None:
    text = run(page(f"{paragraphs(ENGLISH[:2])}{TABLE}{paragraphs(ENGLISH[2:])}"), engine).text
    rows = [line.replace("|", " ").split() for line in text.splitlines()]
    assert ["Month", "Sacks"] in rows
    assert ["May", "120"] in rows
    assert ["June", "95"] in rows


@pytest.mark.parametrize("engine", EXTRACTORS)
def test_formulas_stay_as_tex(engine: str) -> None:
    text = run(page(f"{paragraphs(ENGLISH[:2])}<p>The force of the water is given by {MATHS} as everybody knows by now.</p>{paragraphs(ENGLISH[2:])}"), engine).text
    assert "given by $E = m c^2$ as everybody" in text


def test_what_is_told_of_a_page() -> None:
    head = '<meta charset="gbk"><meta name="robots" content="noai"><meta property="article:published_time" content="2024-05-06T00:00:00Z">'
    body = page(paragraphs(ENGLISH), head)
    found = run(body, headers={"content-type": "text/html; charset=big5", "x-robots-tag": "noindex"})
    assert (found.title, found.date, found.html_lang) == ("The mill | River", "2024-05-06", "en")
    assert (found.charset_declared, found.charset_used) == ("big5", "utf-8")
    assert found.n_bytes_html == len(body)
    assert found.text_ratio == pytest.approx(len(found.text.encode()) / len(body))
    assert 0 < found.link_ratio < 0.2
    assert found.wishes == ("noai", "noindex")


def test_the_extractor_is_named_with_its_version() -> None:
    body = page(paragraphs(ENGLISH))
    assert run(body, "resiliparse").extractor.split()[0] == "resiliparse"
    assert run(body, "trafilatura").extractor.split()[1][0].isdigit()
    assert run(body).extractor == "blocks 1"
    assert re.fullmatch(r"blocks 1 with resiliparse \d\S+ and readability \d\S+", run(page(paragraphs(CHINESE), menu=CHINESE_MENU)).extractor)


@pytest.mark.parametrize(
    ("body", "numbers", "expected"),
    [
        (page(paragraphs(ENGLISH)), {"max_nodes": 20}, reasons.TOO_MANY_NODES),
        (page("<div>" * 60 + "x"), {"max_depth": 50}, reasons.NESTED_TOO_DEEP),
        (page("<p a b c d e f g h>x"), {"max_attributes": 5}, reasons.TOO_MANY_ATTRIBUTES),
        (page(paragraphs(CHINESE)).replace("水".encode(), b"\xff\xfe"), {}, reasons.INVALID_ENCODING),
        (b"", {}, reasons.EMPTY_TEXT),
        (b"<html><head><title>x</title></head><body><script>x</script></body></html>", {}, reasons.EMPTY_TEXT),
    ],
)
def test_what_is_refused_has_a_reason(body: bytes, numbers: dict[str, Any], expected: str) -> None:
    with pytest.raises(Reject) as error:
        run(body, **numbers)
    assert error.value.reason == expected
    assert error.value.detail


def test_references_bring_no_control_characters_into_the_text() -> None:
    assert "\x00" not in (text := run(page(paragraphs([*ENGLISH, "The last sack &#0; of &#x1F; the &#xD800; year was weighed by the miller himself."]))).text)
    assert "\ufffd" not in text


ONE = """
import json, sys
from gristmill.udfs.crawl.extract import extract
from gristmill.udfs.crawl.pages import Page
from tests.udfs.crawl.params import extract_params
bodies = json.loads(sys.argv[1])
told = [vars(extract(Page("f:0", "f", body.encode()), extract_params(engine))) for body in bodies for engine in ("cascade", "resiliparse", "trafilatura")]
print(json.dumps(told, default=list))
"""


def test_a_page_gives_the_same_in_every_process_and_after_any_other_page() -> None:
    bodies = [page(paragraphs(ENGLISH) + TABLE).decode(), page(paragraphs(CHINESE)).decode()]
    told = []
    for seed, order in (("1", bodies), ("2", bodies), ("3", [*bodies, *bodies])):
        done = subprocess.run([sys.executable, "-c", ONE, json.dumps(order)], capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": seed}, timeout=300, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        told.append(json.loads(done.stdout))
    assert told[0] == told[1] == told[2][:6] == told[2][6:]


def test_a_page_of_nothing_but_navigation_is_empty() -> None:
    with pytest.raises(Reject) as error:
        run(f"<html><body>{MENU}{FOOTER}</body></html>".encode())
    assert error.value.reason == reasons.EMPTY_TEXT


def test_a_page_of_one_long_text_is_kept_whatever_is_thought_of_it() -> None:
    long = "<br><br>".join(ENGLISH * 3)
    assert ENGLISH[3] in run(f"<html><body><table><tr><td>{long}</td></tr></table></body></html>".encode()).text


def test_a_table_that_lays_out_the_page_is_no_table_of_data() -> None:
    menu = "".join(f"<a href='/{i}'>{name}</a><br>" for i, name in enumerate(["Home", "Products", "Careers", "Contact us"]))
    text = run(f"<html><body><table><tr><td class='menu'>{menu}</td><td>{paragraphs(ENGLISH)}</td></tr></table></body></html>".encode()).text
    assert text == "\n\n".join(ENGLISH)


@pytest.mark.parametrize(("engine", "module"), [("trafilatura", "trafilatura"), ("resiliparse", "resiliparse.extract.html2text"), ("cascade", "readability")])
def test_a_package_that_is_not_there_is_no_fault_of_the_page(engine: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    body = page(paragraphs(CHINESE), menu=CHINESE_MENU)
    assert run(body, engine).text
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError):
        run(body, engine)
