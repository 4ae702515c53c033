"""Contents and layouts to files."""

from __future__ import annotations

import json
from random import Random

from tests.support.gold_pages import layouts_chinese, layouts_english  # noqa: F401  (they enter their functions in LAYOUTS)
from tests.support.gold_pages.contents import Content, contents
from tests.support.gold_pages.site import LAYOUTS, Site, visible
from tests.support.gold_pages.traditional import TABLE

# Text around the content by text of the content: between these a page's own ratio is drawn.
LEAST, MOST = 0.45, 2.2
N_WITHOUT = 8



def files() -> dict[str, bytes]:
    """By name: NAME.html of each content, and gold.jsonl."""
    made, gold = {}, []
    for content in contents():
        site, html = page(content)
        made[f"{content.name}.html"] = html.encode(content.encoding, errors="xmlcharrefreplace")
        if content.options.get("mark"):
            made[f"{content.name}.html"] = b"\xef\xbb\xbf" + made[f"{content.name}.html"]
        gold.append(json.dumps(_gold(content, site, html), ensure_ascii=False))
    made["gold.jsonl"] = ("\n".join(gold) + "\n").encode()
    return made


def page(content: Content) -> tuple[Site, str]:
    """The page as characters. What surrounds the content is made longer or shorter until the page has the ratio drawn for it."""
    wanted = LEAST * (MOST / LEAST) ** Random(content.name + " ratio").random()
    scale, best = wanted, None
    for _ in range(5):
        layout = LAYOUTS[content.layout]
        site = Site(content, layout.style, scale, layout.old)
        html = layout.page(site)
        if content.options.get("script") == "traditional":
            html, site.said = html.translate(TABLE), [each.translate(TABLE) for each in site.said]
        is_share = around(html, content.gold(site.writer.style.tex))
        if best is None or abs(is_share - wanted) < abs(best[0] - wanted):
            best = is_share, site, html
        scale *= min(max(wanted / is_share, 0.3), 3.0)
    return best[1], best[2]


def around(html: str, gold: str) -> float:
    """Characters of a page's text that are not gold, by those that are; blanks do not count."""
    n_gold = len("".join(gold.split()))
    return (len("".join(visible(html).split())) - n_gold) / n_gold


def _gold(content: Content, site: Site, html: str) -> dict[str, object]:
    gold, seen = content.gold(site.writer.style.tex), visible(html)
    least = 6 if site.zh else 16
    phrases = [each for each in dict.fromkeys(site.said) if len(each) >= least and each not in gold and each in seen]
    return {
        "name": content.name,
        "text": gold,
        "lang": content.lang,
        "kind": content.kind,
        "without": sorted(site.several(phrases, N_WITHOUT)),
        "encoding": content.encoding,
        "layout": content.layout,
    }
