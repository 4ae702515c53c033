"""Millions of generated samples: `samples`, `sample_signals` and `sample_scores` as their jobs would write them.

    python -m benchmarks.made_samples --n 300000 --lake /tmp/lake

Three questions in ten are copies of another one: in other case, with a word changed, or with a word appended. One in
ten is Chinese. Half of the others share 24 openings; some have no language or domain, and half were solved, four attempts
each. A sample is a function of its number only.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.jobs.lake.delta_rs import arrow_schema
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.lake.session import open_session
from gristmill.jobs.schema import catalog

Ints = npt.NDArray[np.uint64]
OPENINGS = [
    f"{one} {other}"
    for one in ("Why did", "How was", "When could", "What made", "Who found", "Where is")
    for other in ("the old", "the new", "one of", "every", "the", "its", "their", "a")
]
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "ar", "en", "il")]
# Words that there are: of characters that make no word the tagger of openings takes a tenth of a second a question.
HAN = (
    "水车 石磨 河流 村民 秋天 麦子 面粉 桥梁 铁路 城市 学校 老师 学生 历史 文化 经济 发展 社会 科学 技术 工程 建筑 道路 市场 "
    "价格 农民 土地 森林 气候 环境 能源 电力 机器 工厂 工人 产品 质量 管理 政府 法律 制度 改革 教育 医院 医生 健康 食品 安全 "
    "旅游 音乐 电影 艺术 文学 语言 翻译 数学 物理 化学 生物 地理 海洋 太阳 月亮 研究 提高 减少 增加 改变 影响 保护 建立 利用"
).split()
DOMAINS = ["wiki", "web", "code", "math", "law", None]
SPECIAL = ("cot_units", "question_units", "n_verification", "n_exploration", "n_connectives")


def drawn(numbers: Any, what: int, below: int) -> Any:
    """A number below `below` for each of `numbers`, another one for each `what` (splitmix64)."""
    with np.errstate(over="ignore"):
        mixed = np.asarray(numbers, np.uint64) + np.uint64(what + 1) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ mixed >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ mixed >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        return (mixed ^ mixed >> np.uint64(31)) % np.uint64(below)


def sample_ids(numbers: Ints) -> list[str]:
    """32 hexadecimal digits each."""
    halves = [drawn(numbers, what, 2**63).tolist() for what in (90, 91)]
    return [f"{high:016x}{low:016x}" for high, low in zip(*halves, strict=True)]


def bases(numbers: Ints) -> Ints:
    """Whose question each one is: its own number, or an earlier one's."""
    return np.where(
        drawn(numbers, 1, 10) < 3, drawn(numbers, 2, 2**40) % np.maximum(numbers, np.uint64(1)), numbers
    )


def questions(numbers: Ints) -> list[str]:
    """The question of each."""
    base = bases(numbers)
    sizes, heads, langs = 8 + drawn(base, 4, 9), drawn(base, 5, len(OPENINGS)), drawn(base, 3, 10)
    words = np.stack([drawn(base, 10 + place, len(SYLLABLES) ** 2) for place in range(17)], axis=1).tolist()
    edits, where = drawn(numbers, 6, 3).tolist(), (drawn(numbers, 7, 2**20) % sizes).tolist()
    is_own = (base == numbers).tolist()
    made = []
    for i, (size, head, lang) in enumerate(zip(sizes.tolist(), heads.tolist(), langs.tolist(), strict=True)):
        mine = words[i][: int(size)]
        text = (
            [HAN[word % len(HAN)] for word in mine]
            if lang == 0
            else [_word(word) for word in mine]
        )
        if not is_own[i] and edits[i] == 1:
            text[where[i]] = "井" if lang == 0 else "other"
        if not is_own[i] and edits[i] == 2:
            text.append("水" if lang == 0 else "there")
        whole = f"为什么{''.join(text)}？" if lang == 0 else f"{OPENINGS[head]} {' '.join(text)}?"
        made.append(whole.upper() if not is_own[i] and edits[i] == 0 else whole)
    return made


def _word(number: int) -> str:
    return SYLLABLES[number % len(SYLLABLES)] + SYLLABLES[number // len(SYLLABLES)]


def langs(numbers: Ints) -> list[str | None]:
    """Of each; one in fifty is unknown."""
    told = zip(drawn(bases(numbers), 3, 10).tolist(), drawn(numbers, 8, 50).tolist(), strict=True)
    return [None if odd == 0 else "zh" if lang == 0 else "en" for lang, odd in told]


def rows_of(table: str, numbers: Ints) -> pa.RecordBatch:
    """The rows of `samples`, `sample_signals` or `sample_scores` that samples of these numbers have."""
    schema, n = arrow_schema(catalog.table(table)), len(numbers)
    if table == "sample_scores":
        numbers = numbers[drawn(numbers, 30, 2) == 0]
        n, rate = len(numbers), drawn(numbers, 31, 5) / 4.0
        given: dict[str, Any] = {
            "raw": rate,
            "score": rate,
            "dimension": ["pass_rate"] * n,
            "evaluator": ["m"] * n,
            "recipe": ["solve"] * n,
            "recipe_version": ["1"] * n,
        }
    elif table == "samples":
        domains = [DOMAINS[i] for i in drawn(numbers, 9, len(DOMAINS)).tolist()]
        given = {
            "question": questions(numbers),
            "lang": langs(numbers),
            "domain": domains,
            "recipe": ["cot"] * n,
            "aligned_ratio": [1.0] * n,
        }
    else:
        given = {
            "is_same_language": [True] * n,
            "cot_units": 60 + drawn(numbers, 40, 600),
            "question_units": 8 + drawn(numbers, 41, 30),
            "numbers_found_ratio": [1.0] * n,
            "names_found_ratio": [1.0] * n,
        }
        given |= {name: drawn(numbers, 42 + place, 4 + place) for place, name in enumerate(SPECIAL[2:])}
    given["sample_id"] = sample_ids(numbers)
    return pa.record_batch([_column(field, given.get(field.name), n) for field in schema], schema=schema)


def _column(field: pa.Field, values: Any, n: int) -> pa.Array:
    if values is not None:
        return pa.array(values).cast(field.type)
    kind = field.type
    empty = "" if pa.types.is_string(kind) else False if pa.types.is_boolean(kind) else 0
    return pa.nulls(n, kind) if field.nullable else pa.repeat(pa.scalar(empty, kind), n)


def made(batches: Iterator[pa.RecordBatch], table: str) -> Iterator[pa.RecordBatch]:
    """mapInArrow: id -> rows of the table."""
    for batch in batches:
        yield rows_of(table, batch.column("id").to_numpy().astype(np.uint64))


def main() -> None:
    """Write the tables, and say that finished runs did."""
    import functools

    from tests import lakes

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.made_samples",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--n", type=int, required=True, help="samples")
    parser.add_argument("--lake", required=True, help="an empty folder")
    given = parser.parse_args()
    lake = Lake(open_session("made_samples"), given.lake)
    lakes.write(lake, "docs", [])
    for table, job in (
        ("samples", "merge_samples"),
        ("sample_signals", "score_samples"),
        ("sample_scores", "merge_scores"),
    ):
        rows = lake.spark.range(given.n, numPartitions=max(given.n // 100_000, 2))
        frame = rows.mapInArrow(functools.partial(made, table=table), catalog.table(table).schema)
        lakes.write(lake, table, frame, job)


if __name__ == "__main__":
    main()
