"""Formulas stay as the TeX they were written in, once, whatever draws them."""

from __future__ import annotations

import pytest

from gristmill.udfs.html.blocks import count_blocks
from gristmill.udfs.html.nodes import Limits, read_nodes
from gristmill.udfs.html.tex import has_formulas, keep_tex
from gristmill.udfs.html.writing import write

LIMITS = Limits(10_000, 500, 100)
MATHML = '<math{}><semantics><mrow><mi>x</mi><mo>&lt;</mo><mi>y</mi></mrow><annotation encoding="application/x-tex">{}</annotation></semantics></math>'
WIKIPEDIA = '<span class="mwe-math-element"><span class="mwe-math-mathml-inline" style="display: none;">{}</span><img class="mwe-math-fallback-image-inline" alt="{{\\displaystyle x<y}}"></span>'
KATEX = '<span class="katex"><span class="katex-mathml">{}</span><span class="katex-html" aria-hidden="true"><span class="base">x&lt;y</span></span></span>'


def shown(html: str) -> str:
    data = f"<html><body><p>{html}</p></body></html>".encode()
    data = keep_tex(data, read_nodes(data, LIMITS))
    nodes = read_nodes(data, LIMITS)
    return write(nodes, count_blocks(nodes).ids)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (MATHML.format("", "x &lt; y"), "$x < y$"),
        (MATHML.format(' display="block"', "\\frac{a}{b}"), "$$\\frac{a}{b}$$"),
        (WIKIPEDIA.format(MATHML.format("", "{\\displaystyle x&lt;y}")), "$x<y$"),
        (KATEX.format(MATHML.format("", "x&lt;y")), "$x<y$"),
        (f'<span class="katex-display">{KATEX.format(MATHML.format("", "x&lt;y"))}</span>', "$$x<y$$"),
        ('<script type="math/tex">x<y</script>', "$x<y$"),
        ('<span class="MathJax_Preview">[math]</span><span class="MathJax" id="e-1"><span>x</span><span>y</span></span><script type="math/tex; mode=display">x_1</script>', "$$x_1$$"),
        ('<img class="mwe-math-fallback-image-inline" alt="{\\displaystyle a^2}">', "$a^2$"),
        ('<img class="latex" alt="\\int_0^1 f" src="x.png">', "$\\int_0^1 f$"),
    ],
)
def test_each_way_to_show_a_formula(html: str, expected: str) -> None:
    assert shown(f"before {html} after") == f"before {expected} after"


def test_two_formulas_in_one_sentence_both_stay() -> None:
    one, two = MATHML.format("", "a"), MATHML.format("", "b")
    assert shown(f"if {one} and {two}.") == "if $a$ and $b$."


def test_nothing_else_changes() -> None:
    for html in ('<img class="photo" alt="a mill">', "<math><mi>x</mi></math>", '<script type="text/javascript">x</script>', '<img class="latex">'):
        data = f"<p>one {html} two</p>".encode()
        assert keep_tex(data, read_nodes(data, LIMITS)) == data


def test_an_annotation_that_nobody_closed_takes_no_end_tag_of_others() -> None:
    assert shown('a <b><math><annotation encoding="application/x-tex">x</b> c') == "a $x$ c"


def test_most_pages_are_not_searched() -> None:
    assert not has_formulas(b"<p>Two plus two is four.</p>")
    assert has_formulas(WIKIPEDIA.encode())
