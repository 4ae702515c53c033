"""A text as words that can be compared one by one: what it says, without what may differ between two wordings
of the same.

Words of Latin script and numbers are tokens, and so is each character of an unspaced script (Han, Kana).
Closed classes of words are listed below, as a grammar lists them: particles and articles, which say nothing
by themselves (`free`); words of little weight that may stand on one side only (`light`); words that are
written in two ways (`SAME`). Every other word is content. Pronouns, modal verbs, prepositions that mark
a role (给, 把, 被, by, from) and negations are content, since a sentence changes its meaning with them.

    zh  "请问怎么样还花呗呢？"  ->  怎 么 还 花 呗        en  "It's the 3rd of May"  ->  it is 3rd of may
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

from gristmill.udfs.text.folding import FoldParams, fold_text

FOLD = FoldParams(nfkc=True, casefold=True, traditional_to_simplified=True)

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af"
# one character of an unspaced script; a run of digits with its separators; a run of other letters
_TOKEN = re.compile(rf"[{_HAN}\u3040-\u30ff]|\d+(?:[.,:]\d+)*|[^\W\d_{_HAN}\u3040-\u30ff]+")
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
# Signs that change what a number or a formula says. A dash counts only as the sign of a number: between
# numbers it is a range as well as a minus, and writers put one or two.
_SIGN = re.compile(r"[+*/=<>^√×÷±≤≥≠∈∉⊂∪∩∀∃]|(?<![\w\-–—])[-−](?=\d)")

# Weight of a light word. With .5 as many pairs were accepted at the same precision (benchmarks/semantic.md);
# with 0 "is" and "was" would not differ at all, and more of them were wrong.
LIGHT = 0.25
PRONOUNS = frozenset("我 你 他 她 它 谁 i you he she it we they me him her us them who".split())
# light words that mark the role of what stands behind them; where parts are exchanged too, one that is
# missing may have changed what belongs together (the suburb of A in B, the B suburb of A)
PREPOSITIONS_EN = frozenset("in on at to for".split())
# questions of who did something: there an exchange of parts changes the answer
WHO = frozenset(("谁", "who", "whom", "whose"))

# --- Chinese

_HAN_NUMERAL = re.compile(r"[零〇一二两三四五六七八九十百千万亿半]+")
# after these a numeral is part of a word, not a count
_IDIOMS_ZH = re.compile(
    r"一下|一样|一直|一定|一起|一般|一些|一点|一边|统一|唯一|万一|之一|十分|千万|百度|半天|三星|百分"
)
FREE_ZH = frozenset("的地得了着吗么呢啊吧呀嘛哦呗哈啦哟噢喔哎唉嗯")
LIGHT_ZH = frozenset("是在个都就还也又这那所里中上下时位名只条张部款种件一为于")
# Heads of clauses that address the reader, and nothing else.
_POLITE_ZH = re.compile(r"请问一下|请问下|请问|您好|你好|谢谢|麻烦你|麻烦|求问|想问一下|想问下|想问")
# Two ways to write or say one word. On the right the form that is compared. A not A, 是否 and 能否 ask the
# same as 吗 does, which `asks` keeps.
SAME_ZH = {
    "怎样": "怎么", "如何": "怎么", "咋": "怎么", "怎么才能": "怎么", "怎么样才能": "怎么",
    "怎么才可以": "怎么", "怎么能": "怎么", "怎么可以": "怎么", "如何才能": "怎么", "怎样才能": "怎么",
    "为何": "为什么", "为啥": "为什么", "干嘛": "为什么", "啥": "什么", "哪里": "哪", "哪儿": "哪",
    "何处": "哪", "何时": "什么时", "几时": "什么时", "啥时候": "什么时", "什么时候": "什么时",
    "多长时间": "多久", "您": "你", "没有": "没", "能够": "能", "可以": "能", "时候": "时", "里面": "里",
    "里边": "里", "上面": "上", "以及": "和", "并且": "和", "与": "和", "跟": "和", "及": "和",
    "但是": "但", "因为": "因", "由于": "因", "如果": "若", "要是": "若", "假如": "若", "目前": "现在",
    "如今": "现在", "号码": "号", "有没有": "有", "是不是": "是", "是否": "", "能不能": "能",
    "可不可以": "能", "能否": "能", "可否": "能", "会不会": "会", "要不要": "要", "想不想": "想",
    "知道": "知", "晓得": "知", "想要": "想", "一个": "个", "一下": "", "刚刚": "刚", "已经": "已",
    "之后": "后", "以后": "后", "之前": "前", "以前": "前", "正在": "在", "必须": "须", "需要": "要",
    "或者": "或", "非常": "很", "十分": "很", "虽然": "虽", "所有": "全", "全部": "全", "立即": "立刻",
    "马上": "立刻", "仍然": "仍", "依然": "仍", "仅仅": "只", "仅": "只", "成为": "成", "担任": "任",
    "至": "到", "亦": "也",
}  # fmt: skip
# 怎么样 asks in which way before a verb, and how something is at the end.
_SAME_ZH = re.compile("|".join((r"怎么样(?=\w)", *sorted(SAME_ZH, key=len, reverse=True))))
# 不, 没 and the like outside words in which they deny nothing
_NOT_ZH = re.compile(r"不|没|无|未|别(?!的|人|名|墅)|勿|莫|非(?!常|洲)|否|甭")
_NO_NOT_ZH = re.compile(
    r"(.)不\1|有没有|是否|能否|可否|不错|差不多|不过|不仅|不但|不少|不管|对不起|不好意思|了不起|无论|"
    r"未来|级别|区别|特别|性别|类别|个别|分别|识别|告别|莫斯科"
)
_WH_ZH = (
    "为什么", "什么时", "怎么", "什么", "多少", "多久", "多长", "多大", "多高", "多远", "哪个", "哪些",
    "哪", "几", "谁",
)  # fmt: skip
_YES_NO_ZH = re.compile(r"吗|[么嘛]$|(.)不\1|有没有|没有$|是否|能否|可否|可不可以")
_UNIT_ZH = re.compile(
    r"美元|欧元|英镑|日元|港元|人民币|公里|千米|厘米|毫米|公分|公斤|千克|毫克|平方|立方|分钟|小时|"
    r"星期|礼拜|百分|[元角斤克吨米升度]|(?<=\d)[年月日周天号点分秒万亿千百岁倍]"
)
OPPOSITES_ZH = (
    "开关 上下 买卖 男女 前后 大小 多少 高低 早晚 借还 进出 入出 加减 冻解 左右 东西 南北 新旧 升降 "
    "涨跌 增减 长短 快慢 存取 胜败 赢输 收付 提降 来去 内外 里外 生死 真假 对错 好坏 冷热 正反 正负 "
    "阴阳 父母 夫妻 老少 贵贱 轻重 深浅 远近 黑白 胖瘦 首末 始终 我你 我他 你他 他她 问答"
).split()

# --- English

FREE_EN = frozenset("a an the".split())
LIGHT_EN = frozenset(
    "of to in on at for and is are was were be been being am as that this which who it its there has have "
    "had do does did also then s".split()
)
SAME_EN = {
    "can't": "can not", "cannot": "can not", "won't": "will not", "shan't": "shall not",
    "per cent": "percent", "it's": "it is", "that's": "that is", "there's": "there is",
    "what's": "what is", "he's": "he is", "she's": "she is", "who's": "who is", "let's": "let us",
    "'re": " are", "'ve": " have", "'ll": " will", "'m": " am", "okay": "ok", "whilst": "while",
    "amongst": "among", "towards": "toward", "colour": "color", "favour": "favor", "centre": "center",
    "grey": "gray", "tv": "television", "although": "though",
}  # fmt: skip
_SAME_EN = re.compile(
    "|".join(rf"(?<!\w){re.escape(w)}(?!\w)" if w[0] != "'" else rf"{w}\b" for w in SAME_EN)
)
_NUMERAL_EN = {
    word: str(number)
    for number, word in enumerate(
        "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split(),
        2,
    )
}
_NOT_EN = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|nowhere|without|neither|nor|hardly|barely|unable|"
    r"fails?|failed|den(?:y|ies|ied)|refuses?|refused|lacks?|un(?:likely|true|safe|known)|impossible)\b"
)
_WH_EN = frozenset("what who whom whose where when why how which".split())
_UNIT_EN = re.compile(
    r"\b(?:kg|km|cm|mm|mph|kmh|ft|lbs?|oz|ghz|mhz|gb|mb|kb|tb|percent|hundred|thousand|million|billion|"
    r"trillion|dollars?|euros?|pounds?|yen|yuan|miles?|years?|months?|weeks?|days?|hours?|minutes?|seconds?|"
    r"inch(?:es)?|feet|foot|met(?:er|re)s?|degrees?|am|pm)\b"
)
_MARK = re.compile(r"[%‰$€£¥℃℉°]")
_ENGLISH_NAME = re.compile(r"(?<![.!?:\"'“‘\n]\s)(?<!^)\b[A-Z][\w-]*")
OPPOSITES_EN = (
    "up down|rise fall|rose fell|high low|higher lower|increase decrease|increased decreased|gain loss|"
    "gained lost|buy sell|bought sold|before after|first last|first second|second third|north south|"
    "east west|northern southern|eastern western|left right|man woman|boy girl|male female|men women|"
    "father mother|son daughter|husband wife|brother sister|king queen|he she|his her|him her|open close|"
    "opened closed|win lose|won lost|more less|most least|old new|old young|black white|maximum minimum|"
    "best worst|good bad|big small|large small|long short|hot cold|early late|in out|inside outside|"
    "on off|over under|above below|with without|from to|start end|begin end|empty full|same different|"
    "true false|positive negative|import export|accept reject|pass fail|day night|morning evening|"
    "major minor|odd even|upload download|enable disable|lend borrow|ask answer|right wrong|front back|"
    "top bottom|all some|and or"
)


@dataclass(frozen=True)
class Wording:
    """A text as `words` (without free ones), and what must be the same in two wordings of it."""

    words: tuple[str, ...]
    digits: Counter[str]  # numbers in digits, which two languages share
    numbers: Counter[str]
    units: Counter[str]
    n_negations: int
    names: frozenset[str]
    asks: frozenset[str]

    def weight(self, lang: str) -> float:
        """The weight of all words."""
        return sum(weight(word, lang) for word in self.words)


def wording(text: str, lang: str) -> Wording:
    """The wording of `text`, which is Chinese (`zh`) or taken for English."""
    folded = fold_text(text, FOLD)
    return _chinese(folded) if lang == "zh" else _english(folded, text)


def is_light(word: str, lang: str) -> bool:
    """Whether a word may stand on one side only without changing much."""
    return word in (LIGHT_ZH if lang == "zh" else LIGHT_EN)


def weight(word: str, lang: str) -> float:
    """How much a word counts: LIGHT or 1."""
    return LIGHT if is_light(word, lang) else 1.0


def stem(word: str) -> str:
    """An English word without its ending, roughly: running, runs -> run."""
    for ending in ("ing", "ed", "en", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


def _numbers(text: str) -> Counter[str]:
    return Counter(each.replace(",", "").rstrip(".:/") for each in _NUMBER.findall(text))


def _chinese(text: str) -> Wording:
    bare = text.rstrip(" ?!。？！…~～.,，、")
    plain = _POLITE_ZH.sub("", bare)
    asks = {"yes_no"} if _YES_NO_ZH.search(plain) else set()
    same = _SAME_ZH.sub(lambda m: SAME_ZH.get(m[0], "怎么"), plain)
    rest = same
    for word in _WH_ZH:
        if word in rest:
            asks.add(word)
            rest = rest.replace(word, " ")
    # a particle adds nothing to a question that asks for something
    asks = asks - {"yes_no"} if len(asks) > 1 else asks
    numerals = Counter(each.replace("两", "二") for each in _HAN_NUMERAL.findall(_IDIOMS_ZH.sub("", same)))
    numerals.pop("一", None)
    words = tuple(each for each in _TOKEN.findall(same) if each not in FREE_ZH)
    return Wording(
        words,
        _numbers(text),
        _numbers(text) + numerals,
        Counter(_UNIT_ZH.findall(text)) + Counter(_MARK.findall(text)) + Counter(_SIGN.findall(text)),
        len(_NOT_ZH.findall(_NO_NOT_ZH.sub("", plain))),
        frozenset(each for each in words if each[0].isascii() and each[0].isalpha()),
        frozenset(asks),
    )


def _english(text: str, original: str) -> Wording:
    same = text.replace("’", "'")
    same = _SAME_EN.sub(lambda m: SAME_EN[m[0]], same).replace("n't", " not")
    same = _undotted(same)
    words = tuple(_singular(each) for each in _TOKEN.findall(same) if each not in FREE_EN)
    numbers = _numbers(text) + Counter(n for n in map(_NUMERAL_EN.get, words) if n)
    return Wording(
        tuple(_NUMERAL_EN.get(each, each) for each in words),
        _numbers(text),
        numbers,
        Counter(each.rstrip("s") for each in _UNIT_EN.findall(same))
        + Counter(_MARK.findall(text.replace("%", " ")))
        + Counter(["percent"] * text.count("%"))
        + Counter(_SIGN.findall(text)),
        len(_NOT_EN.findall(same)),
        frozenset(
            _singular(each.casefold())
            for name in _ENGLISH_NAME.findall(_undotted(unicodedata.normalize("NFKC", original)))
            for each in _TOKEN.findall(name)
            if each.casefold() not in FREE_EN | LIGHT_EN
        ),
        _english_question(same, words),
    )


def _english_question(text: str, words: tuple[str, ...]) -> frozenset[str]:
    """The question words of a question; elsewhere who and which begin relative clauses."""
    is_question = text.rstrip(" \"')").endswith("?") or bool(_WH_EN.intersection(words[:1]))
    return frozenset(_WH_EN.intersection(words)) if is_question else frozenset()


def _undotted(text: str) -> str:
    """U.S. becomes US."""
    return re.sub(r"\b(?:[A-Za-z]\.){2,}", lambda m: m[0].replace(".", ""), text)


def _singular(word: str) -> str:
    """Without the s of a plural or of the third person: the one ending that rarely changes what is said."""
    if len(word) > 3 and word[-1] == "s" and word[-2] not in "sui" and word not in LIGHT_EN:
        return word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word[:-1]
    return word
