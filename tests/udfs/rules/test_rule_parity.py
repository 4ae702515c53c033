"""The rules decide as datatrove's own filters do, reason included; benchmarks/rule_parity.py asks the same of real documents."""

import random

import pyarrow as pa
import pytest

pytest.importorskip("datatrove", reason="datatrove is the judge here: pip install -e .[dev]")
pytest.importorskip("spacy", reason="datatrove cuts English with spaCy: pip install -e .[dev]")

from benchmarks import rule_parity
from gristmill.udfs.rules.measures import measure_texts

ENGLISH = {
    "plain": "The boats that you see in the harbour have been there since the spring, and it isn't easy to say why.",
    "quoted": "“That's well-known,” she said; we'd have to be at the station by 5pm (or 17:30).",
    "short": "Read more",
    "bullet": "- an item of the list",
    "open": "And then it began to rain with...",
    "symbols": "# # 1 2 3 == // $5 ::",
    "code": "def f(x): return {x: 1}",
    "script": "Please turn on JavaScript to see the rest of this page.",
    "policy": "By staying here you agree with our privacy policy and the use of cookies.",
    "filler": "Lorem ipsum dolor sit amet, that is what it says.",
    "long": "x" * 1001 + " is a long word to have.",
    "numbers": "12,000 3.14 10-20 2024-11-23 8.8.8.8",
}
CHINESE = {
    "plain": "他在北京的大学学习计算机科学，和我们是多年的朋友。",
    "verse": "床前明月光，疑是地上霜。",
    "short": "点击查看",
    "mixed": "使用 Spark 3.5 处理 10TB 的数据，速度提高了 50%。",
    "open": "后来的事情就不知道了……",
    "symbols": "### 1. --- 第一节 |||",
    "bullet": "- 列表中的一项",
}
GOOD = {
    "en": "The old harbour lies to the north of the town, and most of the boats that you see there have been built with care.\n"
    "In winter the storms come from the west, so the crews stay at home and mend their nets beside the fire.\n"
    "A narrow road climbs to the market, where fish is sold before sunrise. Visitors seldom wake early enough to see it!\n"
    "My grandmother said that a bridge had stood here once. Nobody alive remembers who took it down, or why.",
    "zh": "老港口在城北，那里的渔船大多是本地木匠一手打造的。冬天西风很大，船员们就留在家里修补渔网。\n"
    "一条窄路通向集市，天亮之前鱼就卖完了，所以外来的客人很少能够看到。祖母说从前河上有过一座石桥，"
    "如今没有人记得是谁拆掉了它，也不知道为什么。每年春天，孩子们会沿着河岸放风筝，老人坐在柳树下面喝茶聊天。",
}


REASONS = {"mc4_paragraphs": 1}  # all that it has; of the others two at the least are met


def documents(sentences, n):
    """Texts of a few kinds of lines, some of which come again and again."""
    rng = random.Random(5)
    texts = []
    for _ in range(n):
        kinds = rng.sample(sorted(sentences), rng.randint(1, 4))
        lines = [sentences[rng.choice(kinds)] for _ in range(rng.randint(1, 30))]
        varied = [line if rng.random() < 0.3 else f"{line[:-1]} {rng.choice('abcdefgh')}{i}{line[-1:]}" for i, line in enumerate(lines)]
        texts.append(rng.choice(["\n", "\n\n", " ", "\r\n"]).join(varied))
    return texts


@pytest.mark.parametrize(("language", "sentences"), [("en", ENGLISH), ("zh", CHINESE)])
def test_decisions_and_first_reasons_are_those_of_datatrove(language, sentences):
    texts = [GOOD[language], *documents(sentences, 60)]
    rows = rule_parity.rows_of(measure_texts(pa.array(texts)))
    asked = rule_parity.their_filters(language)
    assert len(asked) >= (5 if language == "en" else 1)
    for name, (filters, limits) in asked.items():
        theirs = [rule_parity.ask(filters, text.replace("\r\n", "\n")) for text in texts]  # it takes no `\r` for a line end
        assert [rule_parity.first_reason(row, limits, wanted) for row, wanted in zip(rows, theirs, strict=True)] == theirs, name
        assert None in theirs, f"{name} keeps none of these texts"
        assert len(set(theirs)) > REASONS.get(name, 2), f"{name} leaves these texts out for too few reasons"
