"""TeX as pages carry it: MathML with an annotation, the spans that KaTeX writes, the fallback picture of a wiki, or as it is."""

from __future__ import annotations

import re
from html import escape

TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\S")
LETTERS = dict(
    zip(
        "alpha beta gamma delta epsilon theta lambda mu nu pi rho sigma tau phi omega Delta Sigma Omega".split(),
        "αβγδϵθλμνπρστϕωΔΣΩ",
    )
)
SIGNS = {
    "sum": "∑", "int": "∫", "prod": "∏", "infty": "∞", "le": "≤", "ge": "≥", "ne": "≠", "cdot": "⋅", "times": "×", "to": "→",
    "pm": "±", "in": "∈", "ldots": "…", "cdots": "⋯", "approx": "≈", "equiv": "≡", "mid": "∣", "binom": "", "partial": "∂", "lfloor": "⌊",
    "rfloor": "⌋", "quad": " ", ",": " ", "Rightarrow": "⇒", "triangle": "△", "angle": "∠", "circ": "∘", "perp": "⊥", "{": "{", "}": "}",
}  # fmt: skip
Node = tuple[str, list["Node"] | str]


def _nodes(tokens: list[str]) -> list[Node]:
    """A tree of the tokens up to the brace that closes this group."""
    nodes: list[Node] = []
    while tokens:
        token = tokens.pop(0)
        if token == "}":
            break
        if token in "^_" and nodes:
            nodes.append(("sup" if token == "^" else "sub", [nodes.pop(), _argument(tokens)]))
        elif node := _node(token, tokens):
            nodes.append(node)
    return nodes


def _argument(tokens: list[str]) -> Node:
    return _node(tokens.pop(0), tokens) or ("row", [])


def _node(token: str, tokens: list[str]) -> Node | None:
    name = token[1:]
    if token == "{":
        return "row", _nodes(tokens)
    if token in ("\\frac", "\\binom"):
        return "frac", [_argument(tokens), _argument(tokens)]
    if token == "\\sqrt":
        return "sqrt", [_argument(tokens)]
    if token in ("\\left", "\\right", "\\displaystyle", "\\mathrm", "\\text", "&"):
        return None
    if token[0] == "\\":
        return ("o", SIGNS[name]) if name in SIGNS else ("i", LETTERS.get(name, name))
    return ("n" if token[0].isdigit() else "i" if token.isalpha() else "o"), token


def _tree(tex: str) -> list[Node]:
    return _nodes(TOKEN.findall(tex))


def _mathml(node: Node) -> str:
    tag, inner = node
    if isinstance(inner, str):
        return f"<m{tag}>{escape(inner)}</m{tag}>"
    names = {"row": "mrow", "frac": "mfrac", "sqrt": "msqrt", "sup": "msup", "sub": "msub"}
    return f"<{names[tag]}>{''.join(map(_mathml, inner))}</{names[tag]}>"


def _spans(node: Node) -> str:
    tag, inner = node
    if isinstance(inner, str):
        return f'<span class="{ {"i": "mord mathnormal", "n": "mord", "o": "mbin"}[tag]}">{escape(inner)}</span>'
    inside = "".join(map(_spans, inner))
    if tag == "row":
        return inside
    return f'<span class="m{tag}"><span class="vlist-t vlist-t2"><span class="vlist-r"><span class="vlist" style="height:0.84em;">{inside}</span></span></span></span>'


def formula(tex: str, form: str, is_display: bool) -> str:
    """HTML of a formula in one of the forms `katex`, `mathml`, `wiki` and `raw`."""
    if form == "raw":
        mark = "$$" if is_display else "$"
        return f"{mark}{escape(tex, quote=False)}{mark}"
    tex_there = f"{{\\displaystyle {tex}}}" if form == "wiki" else tex
    display = ' display="block"' if is_display else ""
    math = (
        f'<math xmlns="http://www.w3.org/1998/Math/MathML"{display}><semantics><mrow>{"".join(map(_mathml, _tree(tex)))}</mrow>'
        f'<annotation encoding="application/x-tex">{escape(tex_there, quote=False)}</annotation></semantics></math>'
    )
    if form == "mathml":
        return math
    if form == "wiki":
        return (
            f'<span class="mwe-math-element"><span class="mwe-math-mathml-inline mwe-math-mathml-a11y" style="display: none;">{math}</span>'
            f'<img src="/media/math/render/svg/{_digits(tex)}" class="mwe-math-fallback-image-inline" aria-hidden="true" style="vertical-align: -0.838ex; height:2.8ex;" alt=""/></span>'
        )
    spans = "".join(map(_spans, _tree(tex)))
    inner = (
        f'<span class="katex"><span class="katex-mathml">{math}</span><span class="katex-html" aria-hidden="true">'
        f'<span class="base"><span class="strut" style="height:1em;vertical-align:-0.25em;"></span>{spans}</span></span></span>'
    )
    return f'<span class="katex-display">{inner}</span>' if is_display else inner


def _digits(tex: str) -> str:
    """A name for the picture of a formula."""
    return "".join(f"{ord(letter) * 7919 % 65521:04x}" for letter in tex)[:40]
