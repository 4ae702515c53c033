"""Words in the names of classes, and phrases of texts, that tell what a part of a page is; found in one pass.

Each group is a bit: words of one group mean the same to the classifier, in whatever language they are.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

# In attributes. A blank stands for the end of a name or any character that is no letter.
CLASSES: Mapping[str, str] = {
    "navigation": " nav|nav |navbar|navig|menu|topnav|subnav",
    "breadcrumb": "breadcrumb|crumb",
    "footer": "foot|colophon|copyright",
    "header": "header|masthead|topbar|hero",
    "sidebar": "sidebar| side |aside|widget| rail |rightcol|leftcol|sidenav",
    "comment": "comment|disqus|respond|reply|replies",
    "related": "related|recommend|popular|trending|suggest|readnext|read next|similar|latest|recent| more "
    "|also",
    "social": "share|sharing|social|follow|facebook|twitter|whatsapp",
    "advert": " ad | ads |advert|sponsor|promo|outbrain|taboola|adslot|adsense| banner",
    "consent": "cookie|consent|gdpr|modal|popup|overlay|dialog|lightbox|toast|onetrust",
    "byline": "meta |byline|author|date |dateline|timestamp|published| info ",
    "tags": " tag |tags |tagcloud|category|categories|keyword",
    "newsletter": "newsletter|subscribe|signup|sign up|optin|subscription|mailchimp",
    "account": "login|account| cart|checkout|wishlist|basket|signin|register",
    "search": "search|filter|facet| sort|refine|toolbar",
    "pages": "pagination|pager|paging|pagenav| next | prev |previous",
    "product": "product|price|sku| buy | shop|variant",
    "review": "review|rating|testimonial| stars",
    "description": "desc|detail| spec|summary|overview|feature",
    "forum": "forum|thread|message|topic| post |question|answer|discussion|postbody|bbcode",
    "hidden": "hidden|sr only|screen reader|visuallyhidden|offscreen|assistive|skip| hide |d none",
    "gallery": "caption|gallery|carousel|slider|slide|photo|video|media|thumb|figure|swiper",
    "contents": " toc |table of contents|tableofcontents|toctree",
    "button": " btn|button| cta",
    "main": " content|content | main|maincontent|mainbody",
    "article": "article| entry|story|blog|postcontent|post content|news",
    "prose": " body |text |richtext| rte |prose|markdown|wysiwyg|paragraph|copy ",
    "card": "card|grid| tile|teaser|listing| item|list ",
    "form": " form |field|input|contactform",
    "questions": "faq|accordion|collapse|expand",
    "profile": " bio|profile|about|avatar",
    "legal": "legal|disclaimer|terms|notice|policy",
    "title": "title|heading|headline",
    "code": " code|highlight|syntax|codehilite",
    "lead": " lead |intro|excerpt|standfirst|subtitle|abstract",
    "place": "lang |language|locale|currency|country|region",
    "contact": "contact|address|phone|location| store |map ",
    "logo": "logo|brand|partner|client",
    "event": "event|schedule|calendar",
    "tabs": " tab | tabs |tabpanel|tablist",
    "stats": "count|views|likes|vote|score|badge|icon|label",
    "section": "section|module|block| row | col |column",
}
# In texts, lower case.
PHRASES: Mapping[str, str] = {
    "rights": "©|copyright|all rights reserved|版权所有|保留所有权利|版權所有|icp备|公网安备",
    "policies": "privacy|cookie|terms of|disclaimer|隐私|使用条款|免责声明|服务条款|法律声明",
    "join": "subscribe|newsletter|sign up|订阅|關注|关注我们|扫一扫|扫码|二维码|公众号|下载app|客户端",
    "account": "log in|login|sign in|my account|register|登录|登錄|登陆|注册|註冊|会员中心|忘记密码",
    "share": "share|follow us|facebook|twitter|linkedin|whatsapp|分享|转发|收藏|点赞|微博|微信",
    "comments": "comment|reply|replies|评论|回复|留言|跟帖|发表于",
    "more": "read more|learn more|see more|view all|see all|show more|load more|更多|查看全部|阅读全文|展开",
    "related": "related|you may also|recommended|popular|trending|latest|相关|推荐|热门|猜你喜欢|最新|排行",
    "advert": "advertisement|sponsored|promo|affiliate|广告|推广|赞助",
    "buy": "add to cart|buy now|checkout|free shipping|add to bag|in stock|加入购物车|立即购买|包邮",
    "steps": "previous|next|back to|skip to|上一篇|下一篇|上一页|下一页|返回|首页|尾页|跳转到",
    "search": "search|filter|sort by|搜索|查询|筛选|排序",
    "menu": "menu|home|about us|contact us|careers|sitemap|网站地图|关于我们|联系我们|友情链接|加入我们",
    "byline": "posted|published|updated|min read|written by|来源|作者|编辑|责编|发布时间|记者|阅读量|浏览",
    "report": "report|flag|helpful|upvote|举报|反馈|有用|投诉|纠错",
}


@functools.cache
def classes() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int16], npt.NDArray[np.int64]]:
    """The automaton of CLASSES: the class of each byte, the next state by state and class, the bits of each
    state."""
    return _automaton([group.split("|") for group in CLASSES.values()], only_letters=True)


@functools.cache
def phrases() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int16], npt.NDArray[np.int64]]:
    """The automaton of PHRASES."""
    return _automaton([group.split("|") for group in PHRASES.values()], only_letters=False)


def _automaton(
    groups: Sequence[Sequence[str]], only_letters: bool
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int16], npt.NDArray[np.int64]]:
    """Aho and Corasick's automaton with every transition filled in (CACM 18(6), 1975)."""
    words = [(word.encode(), bit) for bit, group in enumerate(groups) for word in group]
    used = sorted({byte for word, _ in words for byte in word})
    of_byte = np.zeros(256, np.uint8)
    # in names of classes all that is no letter is one class, that of the blank
    for at, byte in enumerate(used):
        of_byte[byte] = at + 1
    if only_letters:
        others = [byte for byte in range(256) if not chr(byte).isalpha() or byte > 127]
        of_byte[others] = of_byte[ord(" ")]
    for byte in range(ord("A"), ord("Z") + 1):
        of_byte[byte] = of_byte[byte + 32]
    return of_byte, *_states([(list(of_byte[list(word)]), bit) for word, bit in words], len(used) + 1)


def _states(
    words: Sequence[tuple[Sequence[int], int]], n_classes: int
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int64]]:
    children: list[dict[int, int]] = [{}]
    bits = [0]
    for word, bit in words:
        state = 0
        for symbol in word:
            if symbol not in children[state]:
                children[state][int(symbol)] = len(children)
                children.append({})
                bits.append(0)
            state = children[state][int(symbol)]
        bits[state] |= 1 << bit
    table = np.zeros((len(children), n_classes), np.int16)
    fallback = [0] * len(children)
    queue = deque([0])
    while queue:
        state = queue.popleft()
        bits[state] |= bits[fallback[state]]
        for symbol in range(n_classes):
            child = children[state].get(symbol)
            if child is None:
                table[state, symbol] = table[fallback[state], symbol] if state else 0
            else:
                table[state, symbol] = child
                fallback[child] = int(table[fallback[state], symbol]) if state else 0
                queue.append(child)
    return table, np.array(bits, np.int64)
