"""The kinds of rows in the demo corpus, and how the planted ones are made: edits of good text, and text that is bad on purpose."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

from gristmill.demo.prose import slots

KINDS = {
    "generated": "A document written by the grammar of this package; good.",
    "package": "Text that a pinned package carries under an open licence.",
    "exact_copy": "The same text under another id and URL.",
    "normalised_copy": "The same text but for case, white space and full-width forms.",
    "script_copy": "The same Chinese text in Traditional characters (OpenCC s2t).",
    "near_1": "A copy with 1 % of its words (Chinese: characters) edited.",
    "near_3": "A copy with 3 % edited.",
    "near_5": "A copy with 5 % edited.",
    "near_10": "A copy with 10 % edited.",
    "reworded": "The same sentences in the same order with other articles and particles: too unlike for dedup_minhash, and linked by dedup_semantic.",
    "chain_b": "The middle of a chain: much like its parent A and like C.",
    "chain_c": "The end of a chain: much like B, but not like A, the parent of B.",
    "recrawl": "The same page crawled again: the same URL (but for its spelling), other id, changed and shortened text.",
    "repeated_row": "The same id and text twice in one batch.",
    "batch_repeat": "The same id and text that an earlier batch brought.",
    "new_version": "The same id as in an earlier batch with changed text.",
    "spam_seo": "A page stuffed with one phrase for search engines.",
    "spam_sms": "An advertisement as short as a text message.",
    "boilerplate": "Menus, cookie banners and footers without an article.",
    "link_list": "Nothing but links.",
    "log_dump": "Lines of a server log.",
    "minified_js": "A script without line breaks.",
    "mojibake_latin": "Good Chinese text whose UTF-8 bytes were read as Latin-1.",
    "mojibake_gbk": "Good Chinese text whose UTF-8 bytes were read as GBK.",
    "too_short": "A page of one or two sentences.",
    "repetitive": "One paragraph again and again.",
    "c4_lines": "A good page with lines that C4 drops (JavaScript, cookies, policies, no end mark); drop_lines lists them.",
    "c4_lorem": "A good page with a paragraph of lorem ipsum.",
    "c4_curly": "A good page with a curly brace.",
    "contaminated": "A good page with a benchmark's question in it (conf/benchmarks/demo.jsonl), word for word or with a few words edited.",
    "pii": "A good page with invented personal data; pii gives the spans.",
    "framed": "A good page of one site between the lines that all its pages have.",
    "quoting": "A good page with a passage of 600 bytes and more that other pages have, too.",
    "missing_text": "A row whose text is null.",
    "empty_text": "A row whose text is empty or white space.",
    "missing_field": "A row without its text or source.",
    "wrong_type": "A row whose text is a number, a list or an object.",
    "malformed_json": "A line that is not JSON.",
    "not_an_object": "A line of JSON that is no object.",
    "duplicate_key": "A row with the same key twice.",
    "invalid_encoding": "A line with bytes that are not UTF-8.",
    "lone_surrogate": "A row with half of a surrogate pair.",
    "nul_character": "A row with the character U+0000.",
    "row_too_long": "A row of --long-row-bytes.",
    "truncated_file": "The row in which a gzip file was cut off; the rows before it are good.",
    "unreadable_file": "A file that is not Parquet whatever its name says.",
}


# --- edits of good text -----------------------------------------------------------------------------------------------

_FILL = {
    "en": "also rather quite soon often mostly still perhaps then plain small early quiet local certain further common useful steady ordinary".split(),
    "zh": list("也又还再都就很更最多少先后常总渐略稍颇尚甚亦便即只仅恰偏竟"),
}


def edited(text: str, rate: float, lang: str, rng: Random) -> str:
    """Text with `rate` of its words (Chinese: Han characters) replaced, dropped or joined by another; always shorter than before."""
    units = list(re.finditer("[一-鿿]" if lang == "zh" else "[A-Za-z]+", text))
    count = max(2, round(rate * len(units)))
    chosen = rng.sample(units, count)
    # the copy must lose more words than it gains, so that a ranking by length knows which of the two is the original
    operations = ["drop"] * (count // 4 + 1) + ["join"] * (count // 6)
    operations += ["swap"] * (count - len(operations))
    parts, at = [], 0
    for unit, operation in sorted(zip(chosen, operations, strict=True), key=lambda pair: pair[0].start()):
        fill = rng.choice(_FILL[lang])
        parts.append(text[at : unit.start()])
        at = unit.end()
        if operation == "swap":
            parts.append(fill if fill != unit[0] else fill * 2)
        elif operation == "join":
            parts.append(unit[0] + ("" if lang == "zh" else " ") + fill)
        elif text[at : at + 1] == " ":
            at += 1
    return "".join([*parts, text[at:]])


def denormalised(text: str, lang: str, rng: Random) -> str:
    """The same text to a reader that folds case, white space and full-width forms."""
    wide = {ord(char): ord(char) + 0xFEE0 for char in "0123456789"}
    if lang == "zh":
        narrow = str.maketrans("，：；？！（）", ",:;?!()")
        head, _, rest = text.partition("\n\n")  # a word cutter takes every wide digit for a word of its own, so only few become wide
        return (head.translate({**wide, **narrow}) + "\n\n" + rest.translate(rng.choice([{}, narrow]))).replace("\n\n", "\n　　")
    first, _, rest = text.partition(". ")
    text = f"{first.upper()}. {rest}"
    # lines are kept, so that every rule decides about both texts in the same way
    return text.translate(wide).replace("\n\n", rng.choice(["\n", "\n\n\n", "\n\n    "])).replace(", ", rng.choice([",  ", ", ", ",\u00a0"]))


REWORDED_ZH = {
    "和": "与", "如果": "要是", "因为": "由于", "可以": "能", "时候": "时", "已经": "已", "现在": "目前", "以后": "之后", "非常": "十分", "必须": "须",
    "所有": "全部", "的": "", "了": "",
}  # fmt: skip


def reworded(text: str, lang: str) -> str:
    """The same sentences with other articles, in Chinese without some particles: "the river" -> "this river", "河的北岸" -> "河北岸"."""
    if lang == "zh":
        return re.sub("|".join(sorted(REWORDED_ZH, key=len, reverse=True)), lambda found: REWORDED_ZH[found[0]], text)
    text = re.sub(r"\b([Tt])he ", r"\1his ", text)
    return re.sub(r"\b(A|a)n? (?=[a-z])", lambda found: "The " if found[1] == "A" else "the ", text)


def recrawled(text: str, lang: str, rng: Random) -> str:
    """The page some months later: one paragraph removed, a tenth of the rest edited."""
    paragraphs = text.split("\n\n")
    del paragraphs[rng.randrange(1, len(paragraphs))]
    return edited("\n\n".join(paragraphs), 0.1, lang, rng)


def latin_mojibake(text: str) -> str:
    """UTF-8 read as Latin-1 (bytes without a character in cp1252 become control characters)."""
    return text.encode().decode("latin-1")


def gbk_mojibake(text: str) -> str:
    """UTF-8 read as GBK, undecodable bytes replaced."""
    return text.encode().decode("gbk", errors="replace")


# --- bad text ---------------------------------------------------------------------------------------------------------

_GOODS = {
    "en": "discount watches|replica handbags|payday loans|diet tablets|casino bonus|printer ink|garden furniture|car insurance|cheap flights|phone cases".split("|"),
    "zh": "办理贷款|代开发票|减肥产品|手机靓号|二手名表|开锁换锁|疏通管道|网络兼职|彩票预测|搬家公司".split("|"),
}
_MENU = {
    "en": "Home|About us|Shop|Blog|Contact|Login|Register|My account|Cart (0)|Wishlist|Search|Newsletter|Follow us on social media|Share this page|Print|Sitemap|Careers|Press|Support|FAQ|Accept all cookies|Reject all|Cookie settings|Next page|Previous page|Back to top|All rights reserved|Terms and conditions|Privacy notice|Subscribe now|Read more|Top stories|Most read|Related items".split("|"),
    "zh": "首页|关于我们|新闻中心|产品展示|联系我们|登录|注册|我的账户|购物车|收藏本站|设为首页|站内搜索|友情链接|网站地图|版权所有|隐私声明|使用条款|返回顶部|上一页|下一页|更多>>|热门推荐|相关阅读|分享到朋友圈|扫码关注|客服热线|加入我们|人才招聘|意见反馈|举报入口|接受全部|管理偏好|订阅".split("|"),
}


def spam_seo(lang: str, rng: Random) -> str:
    """One phrase forty times with little between."""
    goods, place = rng.choice(_GOODS[lang]), rng.choice(slots(lang)["place"])
    if lang == "zh":
        phrase = f"{place}{goods}"
        return "，".join(f"{phrase}{rng.choice(['哪家好', '多少钱', '电话', '公司', '价格', '上门服务', '二十四小时', '专业正规'])}" for _ in range(rng.randrange(40, 70)))
    phrase = f"{goods} {place}"
    words = ["cheap", "best", "buy", "online", "free", "top", "deal", "sale", "2026", "discount"]
    return "\n".join(" ".join(f"{rng.choice(words)} {phrase}" for _ in range(rng.randrange(4, 9))) for _ in range(rng.randrange(9, 15)))


def spam_sms(lang: str, rng: Random) -> str:
    """A text message that sells something."""
    goods, place, cut = rng.choice(_GOODS[lang]), rng.choice(slots(lang)["place"]), rng.randrange(20, 91)
    code = f"{rng.choice('ABCDEFGHKLMNPRSTUVWXYZ')}{rng.randrange(1000, 10_000)}"
    if lang == "zh":
        return f"【{place}】尊敬的客户，{goods}今日特惠{cut}折起，回复{code}领取，退订回T"
    return f"WINNER!! {place} {goods} now {cut}% OFF today only! Text {code} to claim, reply STOP to end"


def boilerplate(lang: str, rng: Random) -> str:
    """A page without its article."""
    menu = rng.sample(_MENU[lang], rng.randrange(18, 30))
    place = rng.choice(slots(lang)["place"])
    foot = f"© {rng.randrange(2009, 2027)} {place} " + ("版权所有 备案号{}" if lang == "zh" else "Media Ltd. Registered no. {}").format(rng.randrange(10**6, 10**7))
    extra = [f"{rng.choice(menu)} ({rng.randrange(1, 90)})" for _ in range(rng.randrange(3, 9))]
    return "\n".join([*menu, *extra, foot])


def link_list(lang: str, rng: Random) -> str:
    """Titles with addresses."""
    rows = []
    for _ in range(rng.randrange(25, 50)):
        place, number = rng.choice(slots(lang)["place"]), rng.randrange(10**5)
        rows.append(f"- [{place}{'第' if lang == 'zh' else ' page '}{number}](https://links.example/{rng.randrange(10**6):06x}/{number})")
    return "\n".join(rows)


def log_dump(lang: str, rng: Random) -> str:
    """An hour of a server."""
    rows, second = [], rng.randrange(3600)
    for _ in range(rng.randrange(30, 60)):
        second += rng.randrange(1, 40)
        stamp = f"2026-{rng.randrange(1, 13):02d}-11T{second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"
        level, part = rng.choice(["INFO", "WARN", "DEBUG", "ERROR"]), rng.choice(["http", "db.pool", "cache", "worker-3", "auth"])
        rows.append(f"{stamp} {level:<5} [{part}] req={rng.getrandbits(48):012x} status={rng.choice([200, 204, 301, 404, 500])} took={rng.randrange(1, 900)}ms")
    return "\n".join(rows)


def minified_js(lang: str, rng: Random) -> str:
    """A bundle as a crawler finds it."""
    parts = []
    for _ in range(rng.randrange(25, 60)):
        a, b, c = (rng.choice("abcdefghijklmnopqrstuvwxyz") + rng.choice("etnorisa") for _ in range(3))
        n = rng.randrange(1000)
        parts.append(rng.choice([
            f"function {a}({b},{c}){{return {b}?{c}.call(this,{n}):void 0}}", f"var {a}={{{b}:{n},{c}:!0}},{b}=[{n},{n + 1}];",
            f'{a}.{b}("{c}{n}",function({c}){{{c}.{b}&&{a}({n})}});', f"for(var {a}=0;{a}<{n};{a}++){b}[{a}]={c}({a});",
        ]))  # fmt: skip
    return "!function(){" + "".join(parts) + "}();"


def too_short(lang: str, rng: Random) -> str:
    """A sentence or two."""
    person, place, month = (rng.choice(slots(lang)[name]) for name in ("person", "place", "month"))
    if lang == "zh":
        return f"{place}的{person}{month}里换了{rng.randrange(2, 90)}块瓦，此页暂无更多内容。"
    return f"{person} of {place} changed {rng.randrange(2, 90)} tiles in {month}. This page has no further text yet."


def repetitive(paragraph: str, rng: Random) -> str:
    """A paragraph eight to fourteen times."""
    return "\n\n".join([paragraph] * rng.randrange(8, 15))


BAD: dict[str, Callable[[str, Random], str]] = {
    "spam_seo": spam_seo, "spam_sms": spam_sms, "boilerplate": boilerplate, "link_list": link_list, "log_dump": log_dump,
    "minified_js": minified_js, "too_short": too_short,
}  # fmt: skip

# --- good pages with one fault --------------------------------------------------------------------------------

_DROPPED = [
    "Please enable JavaScript in your browser to view the comments.", "This site uses cookies to make your visit more pleasant.",
    "By reading on you accept our terms of use.", "Read our privacy policy before you write to us.", "Share this on every network",
    "Posted in Notes and Essays", "Our cookie policy was last changed in the spring.", "JavaScript must be enabled to load the gallery.", "More stories like this", "Ok.",
]  # fmt: skip
_LOREM = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna aliqua."
_CURLY = ["The template still says {title} where the name should be.", "Set the style to .note { color: grey; } and read on.", "The greeting began with Dear {first_name} and nobody had noticed."]


# They end like sentences, so that no rule on lines decides about such a page.
_FRAME = {
    "en": (
        ["You are in the archive of the Orchard Museum, which is open on every day but Monday.", "Visit the garden, the press house and the library of old tools on your way out."],
        ["The keeper of the archive answers letters that reach the museum before the end of the month.", "Members of the museum read every page of the archive without a fee and may copy it.", "The Orchard Museum is a foundation, and its rooms may be rented for a feast in summer."],
    ),
    "zh": (
        ["您正在浏览果园博物馆的档案，本馆除星期一以外每天开放。", "离开之前，欢迎参观花园、榨汁房和旧工具图书室。"],
        ["月底之前寄到本馆的来信，档案管理员都会一一答复。", "本馆会员可以免费阅读并复制档案里的每一页内容。", "果园博物馆是一家基金会，夏天可以租用馆内的厅堂举办宴会。"],
    ),
}


def framed(text: str, lang: str) -> str:
    """The text between the head and the foot of a site's pages."""
    head, foot = ("\n".join(lines) for lines in _FRAME[lang])
    return f"{head}\n\n{text}\n\n{foot}"


# Longer than min_bytes of conf/jobs/dedup_passages.yaml
_PASSAGES = {
    "en": (
        "The old rule of the valley said that nobody may draw water from the upper channel before the first bell of the morning, "
        "and that whoever opens a gate must write the hour and the height of the water into the book that hangs beside it. "
        "The book of the year of the great flood is still kept in the hall. Its last page was written by a girl of eleven, "
        "who stayed with the gate when the keeper had gone to wake the lower village, and who noted every quarter of an hour "
        "how far the water had risen, until the ink ran out and she went on with a piece of charcoal from the stove of the keeper.",
        "Two stones grind finer than one, but only if they never touch. The runner hangs a hair's breadth above the bed, and the "
        "miller hears from the sound whether it has sunk. A stone that touches strikes sparks and spoils the flour with grit; a "
        "stone that hangs too high leaves the bran whole and warms the grain without opening it. So an apprentice spends the first "
        "winter only listening, with his back to the machine, and has to say without turning round which of the three pairs wants "
        "to be raised, which one has run empty, and on which of them the furrows have grown so blunt that they must be dressed again.",
    ),
    "zh": (
        "山谷里的老规矩说，清晨第一遍钟响以前，谁也不许从上渠放水；开闸的人要把时辰和水位写进挂在闸旁的簿子里。大水那一年的簿子至今还收在祠堂，"
        "最后一页是一个十一岁的女孩写的。守闸人赶去下村叫醒乡亲，她独自留在闸上，每过一刻钟就记下水又涨了多少，直到墨用完了，"
        "她就从守闸人的炉子里捡起一块木炭接着写。后来人们照着这本簿子重新定了堤的高度，又在渠边立了一块石头，石头上没有名字，只刻着那一夜的十四个数字。",
        "两片磨石比一片磨得细，可它们永远不能碰在一起。上面的石头悬着，离下面只有一根头发那么高，磨坊师傅听声音就知道它是不是沉下去了。碰着的石头会打出火星，"
        "把砂子磨进面里；悬得太高的石头磨不开麸皮，只把麦子焐热。所以学徒头一个冬天只是听，背对着机器坐着，不许回头，要说得出三副磨里哪一副该抬高，"
        "哪一副已经空转，哪一副的沟槽钝了、该重新凿过。听得准的人，开春才可以第一次伸手去摸那根调节石头高低的木柄。",
    ),
}


def quoting(text: str, lang: str, number: int, rng: Random) -> str:
    """The page with one of the passages between two of its paragraphs."""
    parts = text.split("\n\n")
    parts.insert(rng.randrange(1, len(parts) + 1), _PASSAGES[lang][number % 2])
    return "\n\n".join(parts)


def with_dropped_lines(text: str, rng: Random) -> tuple[str, list[str]]:
    """The page with two to four lines that C4 drops, and these lines."""
    added = rng.sample(_DROPPED, rng.randrange(2, 5))
    lines = text.split("\n\n")
    for line in added:
        lines.insert(rng.randrange(1, len(lines) + 1), line)
    return "\n\n".join(lines), added


def with_paragraph(kind: str, text: str, rng: Random) -> str:
    """The page with lorem ipsum or a curly brace in it."""
    lines = text.split("\n\n")
    lines.insert(rng.randrange(1, len(lines)), _LOREM if kind == "c4_lorem" else rng.choice(_CURLY))
    return "\n\n".join(lines)


QUESTIONS = Path(__file__).parents[1] / "conf/benchmarks/demo.jsonl"


@functools.lru_cache
def _questions(lang: str) -> list[str]:
    """The demo questions of a language, without those with formulas: their braces are a fault of another kind."""
    questions = [json.loads(line)["question"] for line in QUESTIONS.read_text("utf-8").splitlines()]
    return [q for q in questions if (lang == "zh") == bool(re.search("[一-鿿]", q)) and "{" not in q]


def with_question(text: str, lang: str, is_edited: bool, rng: Random) -> str:
    """The page with a question of its language as a paragraph of its own."""
    question = rng.choice(_questions(lang))
    lines = text.split("\n\n")
    lines.insert(rng.randrange(1, len(lines)), edited(question, 0.08, lang, rng) if is_edited else question)
    return "\n\n".join(lines)


# --- invented personal data -------------------------------------------------------------------------------------------


def luhn_digit(digits: str) -> str:
    """The digit that makes `digits` a valid card number (ISO/IEC 7812-1)."""
    doubled = [int(d) * (2 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits))]
    return str(-sum(n // 10 + n % 10 for n in doubled) % 10)


def resident_digit(digits: str) -> str:
    """The check character of a Chinese resident identity number of 17 digits (GB 11643-1999, ISO 7064 MOD 11-2)."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11]


def _email(rng: Random) -> str:
    user = rng.choice("alder birch cedar dogwood elder fern gorse hazel iris juniper".split())
    return f"{user}.{rng.choice('abcdefghjklm')}{rng.randrange(10, 99)}@{rng.choice(['example.com', 'example.org', 'mail.example.net'])}"


def _resident(rng: Random) -> str:
    # a birthday before 1900, so that no living person has the number
    seventeen = f"{rng.choice(['110101', '310101', '440106', '510104', '330102'])}18{rng.randrange(70, 100)}{rng.randrange(1, 13):02d}{rng.randrange(1, 29):02d}{rng.randrange(1000):03d}"
    return seventeen + resident_digit(seventeen)


def _card(rng: Random) -> str:
    body = f"620000{rng.randrange(10**12):012d}"  # an issuer number that is not given out
    return body + luhn_digit(body)


PII: dict[str, Callable[[Random], str]] = {
    "email": _email,
    "mobile": lambda rng: f"1990000{rng.randrange(10_000):04d}",
    "resident_id": _resident,
    "bank_card": _card,
    "ip": lambda rng: f"{rng.choice(['192.0.2', '198.51.100', '203.0.113'])}.{rng.randrange(1, 255)}",  # RFC 5737, for documents only
}
_PII_LINES = {
    "en": {
        "email": ["Write to {} if you find a mistake.", "The address for questions is {} on weekdays."],
        "mobile": ["In China the workshop answers at {} in the afternoon.", "Call {} before you come, since the gate is often shut."],
        "resident_id": ["The form still showed the identity number {} of the last owner.", "On the permit someone had written {} in pencil."],
        "bank_card": ["Somebody had left the card number {} in the visitors' book.", "The old receipt names card {} in full."],
        "ip": ["The weather station reports from {} every ten minutes.", "The counter noted a visit from {} that night."],
    },
    "zh": {
        "email": ["发现错处请写信到{}告诉我们。", "有问题可以发邮件给{}，平日都有人看。"],
        "mobile": ["来之前请先打{}，大门常常关着。", "工坊下午的电话是{}。"],
        "resident_id": ["登记表上还留着前一位主人的身份证号{}。", "许可证背面用铅笔写着{}。"],
        "bank_card": ["留言簿里有人忘了一张卡，卡号是{}。", "旧收据上完整印着银行卡号{}。"],
        "ip": ["气象站每十分钟从{}发来一次数据。", "计数器记下了那天夜里来自{}的访问。"],
    },
}


def with_pii(text: str, lang: str, rng: Random) -> tuple[str, str]:
    """The page with one to three invented items, and their spans as JSON: [[start, end, kind, value], ...] in code points."""
    paragraphs = text.split("\n\n")
    planted = []
    for kind in rng.sample(sorted(PII), rng.randrange(1, 4)):
        value = PII[kind](rng)
        sentence = rng.choice(_PII_LINES[lang][kind]).format(value)
        at = rng.randrange(1, len(paragraphs))
        paragraphs[at] += ("" if lang == "zh" else " ") + sentence
        planted.append((kind, value))
    whole = "\n\n".join(paragraphs)
    spans = sorted([whole.index(value), whole.index(value) + len(value), kind, value] for kind, value in planted)
    return whole, json.dumps(spans, ensure_ascii=False)


# --- rows that are broken ---------------------------------------------------------------------------------------------


def broken_line(kind: str, row: dict[str, str], which: int, long_row_bytes: int, rng: Random) -> bytes:
    """A line of JSON Lines that cannot become a document. `which` selects the variant of the kind, modulo their number."""
    line = json.dumps(row, ensure_ascii=False)
    whole = line.encode()
    if kind == "malformed_json":
        return [whole[: len(whole) // 2], line.replace('"id"', "id", 1).encode(), b"<html>" + whole, whole + b"}"][which % 4]
    if kind == "not_an_object":
        return [json.dumps([row["text"][:40]], ensure_ascii=False).encode(), json.dumps(row["text"][:40], ensure_ascii=False).encode(), b"42"][which % 3]
    if kind == "duplicate_key":
        return line[:-1].encode() + b', "text": "another text under the same key"}'
    if kind == "invalid_encoding":
        return whole.replace(b'"text": "', [b'"text": "\xff\xfe ', b'"text": "\xc3\x28 ', b'"text": "\xe4\xbd '][which % 3], 1)
    if kind == "row_too_long":
        return json.dumps({**row, "text": " ".join([row["text"]] * (long_row_bytes // len(row["text"].encode()) + 1))}, ensure_ascii=False).encode()
    if kind == "missing_field":
        return json.dumps({key: value for key, value in row.items() if key != ["text", "source"][which % 2]}, ensure_ascii=False).encode()
    text = {
        "missing_text": None,
        "empty_text": ["", "   \n\t ", "\u3000\u3000"][which % 3],
        "wrong_type": [42, ["one", "two"], {"body": "text"}, True][which % 4],
        "lone_surrogate": row["text"][:60] + ["\ud83d", "\udc00 "][which % 2] + row["text"][60:],
        "nul_character": row["text"][:80] + "\0" + row["text"][80:],
    }[kind]
    return json.dumps({**row, "text": text}).encode()
