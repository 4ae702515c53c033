"""Languages of short texts: what the script says where lid.176 cannot know. The texts were labelled before the code was written."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gristmill.jobs.core.config import load_recipe
from gristmill.jobs.filter_rules import Params
from gristmill.udfs.arrow.compiled import text_buffers
from gristmill.udfs.rules import measures
from gristmill.udfs.rules.apply_limits import verdict_batches
from gristmill.udfs.text import langid
from gristmill.udfs.text.scripts import HAN, HANGUL, KANA, LATIN, OTHER, count_scripts

ROOT = Path(__file__).resolve().parents[3]
TEXTS = [json.loads(line) for line in (Path(__file__).parent / "short_texts.jsonl").read_text("utf-8").splitlines()]
HALVES = {"while the numbers were chosen": TEXTS[0::2], "held out": TEXTS[1::2]}


def named(*texts):
    """(language, score, who said so) of each text."""
    columns = langid.identify(pa.array(texts, pa.string()), lid_model=langid.PACKAGE, lid_chars=1000)
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


def languages(*texts):
    return [lang for lang, _, _ in named(*texts)]


def reasons(rows):
    """Why the recipe's rules leave out each row, as measure_text and filter_rules do one after the other."""
    plan = load_recipe(ROOT / "conf/jobs/filter_rules.yaml").params("filter_rules", Params).plan()
    texts = pa.array([row["text"] for row in rows])
    signals = measures.measure(texts, lid_model=langid.PACKAGE, lid_chars=1000)
    columns = {name: signals.column(name) for name in signals.schema.names}
    columns["doc_id"] = pa.array([str(i) for i in range(len(rows))])
    more = {"batch_id": pa.array(["b"] * len(rows)), "domain": pa.array([row["domain"] for row in rows])}
    judged = pa.Table.from_batches(list(verdict_batches([pa.record_batch(columns | more)], plan))).to_pylist()
    found = [set() for _ in rows]
    for row in judged:
        if row["rule"]:
            found[int(row["doc_id"])].add(row["reason"])
    return found


def test_the_set_is_what_it_says():
    assert len(TEXTS) == len({row["text"] for row in TEXTS}) == 300
    for kind in ("maths", "questions", "code", "poems", "titles", "chat"):
        assert sum(row["kind"] == kind for row in TEXTS) == 50
    assert sum(row["lang"] in ("en", "zh") and not row["is_mixed"] for row in TEXTS) == 204


@pytest.mark.parametrize("half", HALVES)
def test_good_short_texts_in_english_and_chinese_stay(half):
    rows = [row for row in HALVES[half] if row["is_good"] and row["lang"] in ("en", "zh")]
    lost = [(row["text"], why) for row, why in zip(rows, reasons(rows), strict=True) if why]
    assert len(lost) <= 0.05 * len(rows), lost


@pytest.mark.parametrize("half", HALVES)
def test_short_texts_in_japanese_and_korean_leave_by_their_language(half):
    rows = [row for row in HALVES[half] if row["lang"] in ("ja", "ko")]
    found = languages(*(row["text"] for row in rows))
    assert sum(lang == row["lang"] for lang, row in zip(found, rows, strict=True)) >= 0.95 * len(rows)
    assert all("other_language" in why for why, lang in zip(reasons(rows), found, strict=True) if lang in ("ja", "ko"))


@pytest.mark.parametrize(
    ("lang", "texts"),
    [
        ("zh", ["夜来风雨声", "山海經", "唔該晒，聽日見", "侬今朝到啥地方去？", "道可道，非常道。"]),  # classical, Cantonese, Wu
        ("zh", ["鲜の味火锅店开业公告", "我の天啊", "日语里ありがとう是什么意思？", "日本語の「の」怎么用"]),  # Kana is an ornament or a quotation
        ("ja", ["第三章 夜の風", "銀河鉄道の夜", "x=3のときyの値は？", "「你好」は中国語の挨拶です"]),  # Kana is the grammar
        ("ja", ["東京大学", "国際会議", "取扱説明書"]),  # forms of characters that only Japan writes together
        ("zh", ["東京迪士尼攻略", "機器學習", "《源氏物語》", "中华人民共和国"]),
        ("zh", ["Docker和Kubernetes怎么选？", "Windows 11 安装指南"]),  # long Latin names in a Chinese sentence
        ("ja", ["JavaScriptのPromiseとは？", "PythonとJavaScriptの違いは何ですか？"]),
        ("ko", ["ㅋㅋㅋㅋ 진짜?", "GPU랑 CPU는 뭐가 달라요?", "print(\"안녕하세요\")"]),
        ("en", ["Solve for x: 3x + 5 = 20.", "print('hello')", "git commit -m 'x'", "ls -la | grep foo", "ans += x;", "2, 4, 8, ?"]),
        ("en", ["Les Misérables: A Reader's Guide", "El Niño and Global Weather", "What is \"déjà vu\"?"]),
        ("en", ["Does the word ありがとう come from Portuguese?", "const greeting = translate(message);  // こんにちは"]),
    ],
)  # fmt: skip
def test_the_larger_script_names_a_short_text(lang, texts):
    assert languages(*texts) == [lang] * len(texts)


def test_a_short_sentence_that_is_another_language_beyond_doubt_stays_one():
    texts = {
        "fr": "Quelle est la capitale du Pérou ?", "de": "Warum ist der Himmel blau?", "es": "Muchas gracias por todo",
        "it": "Nel mezzo del cammin di nostra vita", "vi": "Xin chào, bạn khỏe không?", "ru": "Доброе утро, как дела?", "th": "สวัสดีครับ",
    }  # fmt: skip
    assert languages(*texts.values()) == list(texts)


def test_a_script_that_english_and_chinese_are_not_written_in_is_never_taken_for_them():
    assert named("\U00010330\U00010331\U00010332") == [("und", 0.0, "script")]  # Gothic, which the model does not know


def test_verse_in_han_is_chinese_however_long_it_is():
    verse = "孔雀東南飛，五里一徘徊。十三能織素，十四學裁衣。十五彈箜篌，十六誦詩書。十七爲君婦，心中常苦悲。" * 6
    assert named(verse)[0][::2] in (("zh", "model"), ("zh", "script"))


def test_a_long_text_is_what_the_model_says():
    english = "The harbour lies quiet in the morning, and nobody has come yet to open the wooden gates of the market. " * 5
    french = "Le port est calme au matin, et personne n'est encore venu ouvrir les portes en bois du marché couvert. " * 5
    assert [(lang, by) for lang, _, by in named(english, french)] == [("en", "model"), ("fr", "model")]


def test_the_score_says_how_sure_the_one_who_decides_is():
    model, script, default, blank = named("Muchas gracias por todo", "序 A", "npm install --save express", " ")
    assert model[::2] == ("es", "model")
    assert model[1] > 0.9
    assert script == ("zh", 0.5, "script")  # the share of Han among the letters
    assert default[::2] == ("en", "default")
    assert default[1] < 0.1  # what the model gives to English
    assert blank == (None, 0.0, None)


def test_letters_are_counted_by_script_in_the_first_characters():
    texts = pa.array(["aé かカ 漢ㄅ 한ㅋ жα١ 1½∑ªー・。", "", "漢" * 5, None], pa.string())
    found = count_scripts(*text_buffers(texts), 1000)
    assert found[0].tolist() == [2, 2, 2, 2, 2]
    assert (LATIN, HAN, KANA, HANGUL, OTHER) == (0, 1, 2, 3, 4)
    assert found[1:, HAN].tolist() == [0, 5, 0]
    assert np.array_equal(count_scripts(*text_buffers(texts), 3)[:, HAN], [0, 0, 3, 0])
