"""HTML to elements and blocks: what closes what, what is text, and how it is written."""

from __future__ import annotations

import html.parser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.udfs.html import names
from gristmill.udfs.html.blocks import HAN, LINK_WORDS, WORDS, Blocks, count_blocks
from gristmill.udfs.html.features import NAMES, features
from gristmill.udfs.html.nodes import (
    DEPTH,
    PARENT,
    START,
    STOP,
    TAG,
    TOO_DEEP,
    TOO_MANY_ATTRIBUTES,
    TOO_MANY_NODES,
    WHOLE,
    Limits,
    Nodes,
    read_nodes,
)
from gristmill.udfs.html.writing import texts_of, write

LIMITS = Limits(10_000, 200, 50)


def read(page: str) -> tuple[Nodes, Blocks]:
    nodes = read_nodes(page.encode(), LIMITS)
    return nodes, count_blocks(nodes)


def written(page: str) -> str:
    nodes, blocks = read(page)
    return write(nodes, blocks.ids)


def tree(page: str) -> str:
    """Names of elements, each with its children in brackets."""
    nodes, _ = read(page)
    held = nodes.elements[:, [TAG, PARENT]].tolist()

    def shown(row: int) -> str:
        inside = "".join(shown(e) for e in range(row + 1, len(held)) if held[e][1] == row)
        return f"{names.NAMES[held[row][0]] or '?'}({inside})" if row else inside

    return shown(0)


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<p>a<p>b<div>c</div>", "p()p()div()"),
        ("<ul><li>a<li>b<ul><li>c</ul><li>d</ul>", "ul(li()li(ul(li()))li())"),
        ("<dl><dt>a<dd>b<dt>c</dl>", "dl(dt()dd()dt())"),
        ("<table><tr><td>a<td>b<tr><td>c<table><tr><td>d</table></table>", "table(tr(td()td())tr(td(table(tr(td())))))"),
        ("<td>a</div>b</td>", "td()"),
        ("<div><table><tr><td>a</div>b</table></div><p>", "div(table(tr(td())))p()"),
        ("<b><div>a</b>b</div>", "b(div())"),
        ("<a href=1>a<a href=2>b</a>", "a()a()"),
        ("<h2>a<h3>b</h3>", "h2()h3()"),
        ("<br/><img src=x><input><hr>x", "br()img()input()hr()"),
        ("<svg><path/><g><circle/></g></svg><p>x", "svg(?()?(?()))p()"),
        ("<head><title>a</title><p>x", "head(title())p()"),
        ("<html><head><body><p>x</body></html><p>y", "html(head()body(p()p()))"),
        ("<select><option>a<option>b</select>", "select(option()option())"),
        ("<p><span>a</p>b", "p(?())"),
        ("</p></div>x<", ""),
        ("<DIV CLASS=x><P>a</DIV>", "div(p())"),
        ("<script>if (a < b) '<div>'</script><p>", "script()p()"),
        ("<textarea><p></textarea><title><p></title>", "textarea()title()"),
        ("<!-- <p> --><!--><p><!---><b><!doctype html><?php <i> ?>", "p(b())"),
        ('<a title=">">x</a><a title=\'"><b>\'>', "a()a()"),
    ],
)
def test_the_tree_is_what_a_browser_would_show(page: str, expected: str) -> None:
    assert tree(page) == expected


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<p>a <b>b</b> <i>c</i>d</p>", "a b cd"),
        ("<p>a\n  b<br>c<br/>\n d</p>", "a b\nc\nd"),
        ("<h1>T</h1><p>a</p><div>b<p>c</p>d</div>", "T\n\na\n\nb\n\nc\n\nd"),
        ("<ul><li>a<li>b<ul><li>c</ul></ul><p>d", "a\nb\nc\n\nd"),
        ("<table><tr><th>a<th>b<th>c<tr><td>1<td><td>3</table>", "a\tb\tc\n1\t\t3"),
        ("<pre>\n  if x:\n\treturn <span>1</span> &lt; 2\n</pre>", "  if x:\n\treturn 1 < 2"),
        ("<p>x</p><pre><code>a\r\n\r\n  b</code></pre>", "x\n\na\n\n  b"),
        ("<p>&amp;lt; &#x4e2d;&eacute;&nbsp;x &unknown; &", "&lt; 中é x &unknown; &"),
        (f"<p>a&#{'1' * 5000};b&#x{'f' * 5000};c", "abc"),
        ("<nav><a href=1>a</a><a href=2>b</a></nav>", "a b"),
        ("<title>no</title><style>no</style><script>no</script><template>no</template><select><option>no</select>yes", "yes"),
        ("a<script>x</script>b<!-- c -->d", "abd"),
        ("<p>a<p> <p>\n<p>b", "a\n\nb"),
        ("<p>a<span style='color:red; display : none'>spoilt</span>b<span hidden>x</span></p><div style='display:none'>c</div>", "ab\n\nc"),
        ("", ""),
        ("<div></div>", ""),
    ],
)
def test_text_is_written_as_it_is_shown(page: str, expected: str) -> None:
    assert written(page) == expected


def test_what_is_counted_of_a_block() -> None:
    _, blocks = read("<p>One two, <a href=x>three four</a>. 今天天气很好。</p><p><a name=x>no link</a></p>")
    assert blocks.counts[0, WORDS] == pytest.approx(4 + 0.6 * 6)
    assert blocks.counts[:, LINK_WORDS].tolist() == [2, 0]
    assert blocks.counts[:, HAN].tolist() == [6, 0]
    # the root has the sums of all
    assert blocks.sums[0, 0] == pytest.approx(float(blocks.counts[:, WORDS].sum()))


@pytest.mark.parametrize(
    ("page", "limits", "expected"),
    [
        ("<div>" * 10, Limits(100, 10, 5), WHOLE),
        ("<div>" * 11, Limits(100, 10, 5), TOO_DEEP),
        ("<p>x" * 100, Limits(100, 10, 5), WHOLE),
        ("<p>x" * 101, Limits(100, 10, 5), TOO_MANY_NODES),
        ("</p>" * 101, Limits(100, 10, 5), TOO_MANY_NODES),
        ("<p a b c d e>", Limits(100, 10, 5), WHOLE),
        ("<p a b c d e f=1>", Limits(100, 10, 5), TOO_MANY_ATTRIBUTES),
        # each of these would be opened again by a browser in each paragraph that follows
        ("".join(f"<p><b id={i}>" for i in range(49)), Limits(100, 10, 5), TOO_MANY_NODES),
    ],
)
def test_a_scan_stops_at_its_limits(page: str, limits: Limits, expected: int) -> None:
    assert read_nodes(page.encode(), limits).stopped_by == expected


class Plain(html.parser.HTMLParser):
    """The text of well-formed HTML by the standard library."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


WELL_FORMED = st.recursive(
    st.sampled_from(["one ", "two", "今天", "&lt;", "&amp;amp;", " x. "]),
    lambda inside: st.builds(lambda tag, parts: f"<{tag} class='c'>{''.join(parts)}</{tag}>", st.sampled_from(["div", "section", "span", "b", "li", "article", "td"]), st.lists(inside, max_size=4)),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(WELL_FORMED)
def test_no_character_of_a_well_formed_page_is_lost(page: str) -> None:
    parser = Plain()
    parser.feed(page)
    parser.close()
    assert "".join(written(page).split()) == "".join("".join(parser.parts).split())


WILD = st.lists(st.sampled_from([*list("<>/!-=\"'& ap&;"), "<p>", "</p>", "<div", "<!--", "-->", "<script>", "</script>", "<td>", "<table>", "<pre>", "中", "\n", "<a href=x>", "</a>", "<svg>", "<br/>"]), max_size=60).map("".join)


@settings(max_examples=300, deadline=None)
@given(WILD)
def test_any_bytes_give_a_tree_and_finite_features(page: str) -> None:
    nodes, blocks = read(page)
    e = nodes.elements
    assert (e[1:, PARENT] < np.arange(1, len(e))).all()
    assert (e[1:, DEPTH] == e[e[1:, PARENT], DEPTH] + 1).all()
    assert (e[:, START] <= e[:, STOP]).all()
    assert (e[1:, STOP] <= e[e[1:, PARENT], STOP]).all()
    rows = features(nodes, blocks)
    assert rows.shape == (len(blocks.ids), len(NAMES))
    assert np.isfinite(rows).all()
    assert len(texts_of(nodes, blocks.ids)) == len(blocks.ids)
