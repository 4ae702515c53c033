"""Traditional Chinese written as Simplified: spans by OpenCC's phrases, applied they give what OpenCC gives."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.udfs.edit.edits import apply_edits
from gristmill.udfs.edit.script import CONFIGS, convert_texts, converter, script_edits

PIECES = (
    "頭髮 發展 皇后 以後 乾燥 乾隆 乾坤 乾杯 著作 看著 瞭望 瞭解 裡 裏 里程 網際網路 滑鼠 程式 隨身碟 A肝 PN接面 詹姆斯·卡麥隆 計程車 "
    "哈札納維西斯 軟體 雷射印表機 的 了 简体 中文 1 a \n ， 。 😀 𠀀 后 干 台 臺灣 ＜ <PHONE> e\u0301 \x00"
).split(" ")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("頭髮", [(0, 1, "头"), (1, 2, "发")]),
        ("發展", [(0, 1, "发"), (1, 2, "展")]),
        ("皇后", []),
        ("以後", [(1, 2, "后")]),
        ("乾燥", [(0, 1, "干")]),
        ("乾隆", []),
        ("😀他在臺灣學習。", [(3, 4, "台"), (4, 5, "湾"), (5, 6, "学"), (6, 7, "习")]),
    ],
)
def test_what_changes_is_a_span_in_code_points_by_phrases(text: str, wanted: list[tuple[int, int, str]]) -> None:
    changed = [(at, at + 1, char) for start, _, made in script_edits(text, "t2s") for at, char in enumerate(made, start) if char != text[at]]
    assert changed == [edit for edit in wanted if text[edit[0]] != edit[2]]
    assert all(text[start] != made[0] and text[end - 1] != made[-1] for start, end, made in script_edits(text, "t2s"))


@pytest.mark.parametrize("config", CONFIGS)
@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_spans_applied_give_what_opencc_gives_for_the_whole(config: str, text: str) -> None:
    edits = script_edits(text, config)
    assert apply_edits(text, edits)[0] == converter(config)(text)
    assert all(start < end for start, end, _ in edits)
    assert all(one[1] < other[0] for one, other in itertools.pairwise(edits))  # of two that touch, one was enough


def test_a_phrase_of_another_length_is_a_span_of_its_own() -> None:
    assert script_edits("用網際網路看電視。", "tw2sp") == [(1, 5, "互联网"), (6, 8, "电视")]
    assert script_edits("隨身碟壞了", "tw2sp") == [(0, 4, "U盘坏")]


@pytest.mark.parametrize("config", ["t2s", "tw2sp"])
def test_real_text_is_converted_as_opencc_does(shared_data: Path, config: str) -> None:
    import opencc

    file = pq.ParquetFile(shared_data / "corpus_dev.parquet")
    rows = next(file.iter_batches(2_000, columns=["text", "lang_hint"]))
    rows = rows.filter(pc.equal(rows["lang_hint"], "zh"))
    there = opencc.OpenCC("s2twp" if config == "tw2sp" else "s2t").convert
    assert len(rows) > 9
    for text in (there(text) for text in rows["text"].to_pylist()[:60]):
        edits = script_edits(text, config)
        assert apply_edits(text, edits)[0] == converter(config)(text)
        assert max((end - start for start, end, _ in edits), default=0) < 40  # no text is one span


@pytest.mark.parametrize("piece", ["網際網路", "頭髮", "以後", "乾隆", "哈札納維西斯 ", "A肝", "滑鼠\n"])
@pytest.mark.parametrize("config", ["t2s", "tw2sp"])
def test_twice_the_text_takes_about_twice_the_time(piece: str, config: str) -> None:
    def seconds(size: int) -> float:
        began = time.process_time()
        script_edits(piece * (size // len(piece)), config)
        return time.process_time() - began

    script_edits("頭", config)
    ratios = (seconds(40_000) / max(seconds(20_000), 1e-3) for _ in range(5))
    assert any(ratio < 3 for ratio in ratios)


def test_each_text_has_its_edits_and_a_text_without_han_costs_nothing() -> None:
    wanted = [{"start": 1, "end": 2, "replacement": "后"}]
    assert convert_texts(pa.array(["以後", "later", None]), "t2s").to_pylist() == [wanted, [], []]


def test_another_config_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="unknown config s2t of OpenCC; known: t2s"):
        script_edits("以後", "s2t")
