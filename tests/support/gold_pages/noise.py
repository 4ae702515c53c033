"""Scripts, styles and head elements, of which a page of the web has more than of text. Nothing of them is ever shown."""

from __future__ import annotations

import json
from collections.abc import Callable

CLASSES = "wrap main-col side hd bd ft nav-item logo btn btn-primary card grid row list-txt top-bar tab-con mod mod-hd pic-list mask popup toolbar clearfix".split()
PROPERTIES = ("margin:0 auto", "padding:8px 12px", "float:left", "color:#333", "width:1190px", "font-size:14px", "line-height:1.7", "display:flex",
              "border:1px solid #e5e5e5", "background:#fff url(/img/bg.png) no-repeat", "overflow:hidden", "position:relative", "text-align:center")  # fmt: skip
SCRIPTS = (
    "var _hm=_hm||[];(function(){{var s=document.createElement('script');s.src='//stat.site.example/h.js?{a}';var f=document.getElementsByTagName('script')[0];f.parentNode.insertBefore(s,f);}})();",
    "window.dataLayer=window.dataLayer||[];function tag(){{dataLayer.push(arguments);}}tag('js',new Date());tag('config','ID-{a}',{{send_page_view:{b}}});",
    "window.__INITIAL_STATE__={{\"user\":null,\"config\":{{\"abtest\":[{b},{c}],\"token\":\"{a}\"}},\"entities\":{{\"list\":{{\"{b}\":{{\"id\":{b},\"type\":\"rec\",\"url\":\"/p/{c}\"}}}}}}}};",
    "if(/Android|iPhone/i.test(navigator.userAgent)){{location.href='https://m.site.example/'+'{b}.html';}}",
    "document.write('<div class=\"ad-slot\" id=\"slot_{b}\"></div>');(window.slotbydup=window.slotbydup||[]).push({{id:\"u{b}\",container:\"slot_{b}\",size:\"{c},90\"}});",
    "function setTab(n,i){{for(var k=1;k<=4;k++){{var e=document.getElementById('tab'+n+'_'+k);if(e)e.className=(k==i)?'hover':'';}}return {b}<{c};}}",
    "!function(e,t){{\"object\"==typeof module?module.exports=t():e.lazy{b}=t()}}(this,function(){{return {{init:function(o){{return o&&o.el?o.el.getAttribute('data-src'):'{a}'}}}}}});",
)


def noise(random: Callable[[], float], kilobytes: float, old: bool) -> tuple[str, str]:
    """A style element and script elements, about so much of both in all."""

    def number() -> int:
        return int(random() * 90000) + 10000

    rules = []
    while sum(map(len, rules)) < kilobytes * 400:
        name = CLASSES[int(random() * len(CLASSES))]
        inside = ";".join(PROPERTIES[int(random() * len(PROPERTIES))] for _ in range(3))
        rules.append(f".{name}-{number() % 97}{{{inside}}}")
    scripts = []
    while sum(map(len, scripts)) < kilobytes * 600:
        script = SCRIPTS[int(random() * len(SCRIPTS))]
        scripts.append(script.format(a=f"{number():x}{number():x}{number():x}", b=number(), c=number()))
    start, end = ('<script language="javascript">\n<!--\n', "\n//-->\n</script>") if old else ("<script>", "</script>")
    css = "\n".join(rules)
    style = f'<style type="text/css">\n<!--\n{css}\n-->\n</style>' if old else f"<style>{css}</style>"
    return style, "\n".join(start + each + end for each in scripts)


def linked_data(kind: str, title: str, site: str, date: str) -> str:
    """JSON-LD as sites write it for search engines."""
    types = {"product": "Product", "qa": "QAPage", "forum": "DiscussionForumPosting", "listing": "CollectionPage"}
    data = {"@context": "https://schema.org", "@type": types.get(kind, "Article"), "headline": title, "datePublished": date,
            "publisher": {"@type": "Organization", "name": site, "logo": {"@type": "ImageObject", "url": "https://site.example/logo.png"}}}  # fmt: skip
    return f'<script type="application/ld+json">{json.dumps(data, ensure_ascii=False)}</script>'
