"""Precision and recall of udfs/edit/pii.py by entity: on hand-written sets and on generated sentences; its throughput and detections on a file of documents.

    python -m benchmarks.pii --n 2000 --seed 7 [--set FILE ...] [--docs FILE --show 100]

By hand: pii_set.yaml (see its head), pii_set_2.yaml; more files of that form by --set, each reported separately. Generated: values are drawn at random with valid
check digits; every sentence also has decoys of the same form (a wrong check digit, an order number, a version). --docs: Parquet with text;
--show prints so many errors, and detections in their context, to check by hand. Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import phonenumbers
import pyarrow.parquet as pq
import yaml

from gristmill.udfs.edit.pii import ENTITIES, find_pii

Truth = set[tuple[int, int, str]]
SETS = tuple(Path(__file__).with_name(name) for name in ("pii_set.yaml", "pii_set_2.yaml"))
MARK = re.compile(r"\[\[(\w+) (.*?)\]\]", re.DOTALL)
FRAMES = ["{}", "请联系{}，谢谢", "（{}）", "see {}.", "是{}吗？", "\t{}\n", "my number: {}; ok", "：{}。", "写给{}的信", "use {}, please"]
DECOYS = ["订单号：{13}", "v{1}.{1}.{1}.{2}", "10.{2}.{2}.{1}", "2024-0{1}-1{1}", "{10}", "0.{12}", "commit {8}abcdef{8}", "@user{3}", "img@2x.png", "192.168.{1}.{2}", "{20}"]
REGIONS = ["US", "GB", "DE", "FR", "JP", "IN", "BR", "AU", "KR", "SG"]


def digits(rng: random.Random, n: int) -> str:
    """`n` random digits."""
    return "".join(rng.choices("0123456789", k=n))


def luhn(start: str) -> str:
    """`start` and the digit that makes its Luhn checksum right."""
    total = sum(int(d) if i % 2 else sum(map(int, str(2 * int(d)))) for i, d in enumerate(reversed(start)))
    return start + str(-total % 10)


def resident(rng: random.Random) -> str:
    """A resident ID of China with a right checksum."""
    body = f"{rng.choice(['110105', '440308', '510107', '320102'])}{rng.randint(1940, 2015)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}{digits(rng, 3)}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights)) % 11]


def phone(rng: random.Random) -> str:
    """A phone number: of China in four forms, or a mobile of another country."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.choice(["138", "159", "177", "186", "199", "136"]) + digits(rng, 8)
    if kind == 1:
        return rng.choice(["010-6", "021-5", "0571-8", "(020) 8"]) + digits(rng, 7)
    if kind == 2:
        return "+86 " + rng.choice(["138", "150", "189"]) + digits(rng, 8)
    number = phonenumbers.example_number_for_type(rng.choice(REGIONS), phonenumbers.PhoneNumberType.MOBILE)
    return phonenumbers.format_number(number, rng.choice([phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.E164]))


def value(rng: random.Random, entity: str) -> str:
    """A random value of the entity."""
    name = "".join(rng.choices("abcdefghijklmnop", k=6))
    if entity == "email":
        return f"{name}{rng.choice(['', '.', '_', '-', '+'])}{digits(rng, 2)}@{rng.choice(['mail.', ''])}{name[::-1]}.{rng.choice(['com', 'cn', 'org', 'com.cn', 'io'])}"
    if entity == "id_card":
        return resident(rng)
    if entity == "bank_card":
        number = luhn(rng.choice(["622202", "453957", "542523", "621700"]) + digits(rng, 9))
        return number if rng.random() < 0.6 else " ".join(number[i : i + 4] for i in range(0, 16, 4))
    if entity == "ip":
        return f"{rng.choice([8, 47, 59, 114, 120, 203])}.{rng.randint(1, 99)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"
    if entity == "credential":
        letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
        return rng.choice(["AKIA" + "".join(rng.choices(letters, k=16)), "ghp_" + "".join(rng.choices(letters + letters.lower(), k=36)), "AIza" + "".join(rng.choices(letters, k=35))])
    return phone(rng)


def decoy(rng: random.Random) -> str:
    """Something of the same look that is no entity."""
    made = rng.choice(DECOYS)
    for n in (1, 2, 3, 8, 10, 12, 13, 20):
        while f"{{{n}}}" in made:
            made = made.replace(f"{{{n}}}", str(rng.randint(1, 9)) + digits(rng, n - 1), 1)
    return made


def sentence(rng: random.Random) -> tuple[str, Truth]:
    """A sentence with one to three entities beside decoys, and their (start, end, entity)."""
    text = ""
    truth: Truth = set()
    for _ in range(rng.randint(1, 3)):
        entity = rng.choice(list(ENTITIES))
        held, frame = value(rng, entity), rng.choice(FRAMES)
        at = len(text) + frame.index("{}")
        truth.add((at, at + len(held), entity))
        text += frame.format(held) + " " + decoy(rng) + "，再说。"
    return text, truth


def marked(line: str) -> tuple[str, Truth]:
    """A line of a set without its marks, and the (start, end, entity) that they stood for."""
    parts: list[str] = []
    truth: Truth = set()
    at = size = 0
    line = line.replace("¦", "")
    for mark in MARK.finditer(line):
        entity, held = mark.groups()
        if entity not in ENTITIES:
            raise ValueError(f"unknown entity {entity} in {line!r}; known: {', '.join(ENTITIES)}")
        parts += [line[at : mark.start()], held]
        size += mark.start() - at + len(held)
        truth.add((size - len(held), size, entity))
        at = mark.end()
    return "".join([*parts, line[at:]]), truth


def written(path: Path) -> list[tuple[str, Truth]]:
    """The lines of a set written by hand, each with its truth."""
    return [marked(line) for line in yaml.safe_load(path.read_text(encoding="utf-8"))["forms"]]


def figures(labelled: Iterable[tuple[str, Truth]], show: int) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and n of each entity and of all; prints the first `show` mistakes."""
    right, missed, wrong = Counter[str](), Counter[str](), Counter[str]()
    for text, truth in labelled:
        found: Truth = set(find_pii(text))
        for counter, spans in ((right, found & truth), (missed, truth - found), (wrong, found - truth)):
            counter.update(name for *_, entity in spans for name in (entity, "all"))
        for start, end, entity in sorted(found ^ truth)[: max(show, 0)]:
            show -= 1
            print("missed" if (start, end, entity) in truth else "wrong ", entity, repr(text[max(0, start - 12) : end + 12]), "<-", repr(text[start:end]))
    made: dict[str, dict[str, float]] = {}
    for entity in (*ENTITIES, "all"):
        hit, lost, bad = right[entity], missed[entity], wrong[entity]
        made[entity] = {"precision": round(hit / max(hit + bad, 1), 4), "recall": round(hit / max(hit + lost, 1), 4), "f1": round(2 * hit / max(2 * hit + lost + bad, 1), 4), "n": hit + lost}
    return made


def on_documents(path: str, show: int, seed: int) -> dict[str, Any]:
    """Hits by entity and the pace over a Parquet file; prints `show` random hits in their surroundings."""
    texts = pq.read_table(path, columns=["text"])["text"].to_pylist()
    began = time.process_time()
    found = [(i, span) for i, text in enumerate(texts) for span in find_pii(text or "")]
    seconds = time.process_time() - began
    for i, (start, end, entity) in random.Random(seed).sample(found, min(show, len(found))):
        print(f"{entity:12} {texts[i][max(0, start - 30) : end + 15]!r}  <- {texts[i][start:end]!r}")
    size = sum(len((text or "").encode()) for text in texts)
    return {"hits": dict(Counter(span[2] for _, span in found)), "docs_per_second_core": round(len(texts) / seconds), "mb_per_second_core": round(size / seconds / 1e6, 1)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=2000, help="sentences made up")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--set", nargs="*", type=Path, default=[], help="more sets written by hand")
    parser.add_argument("--docs", help="Parquet with a column text")
    parser.add_argument("--show", type=int, default=0, help="hits (of --docs) or mistakes printed")
    given = parser.parse_args()
    rng = random.Random(given.seed)
    result: dict[str, Any] = {path.stem: figures(written(path), given.show) for path in (*SETS, *given.set)}
    result["made_up"] = figures((sentence(rng) for _ in range(given.n)), given.show)
    if given.docs:
        result["docs"] = on_documents(given.docs, given.show, given.seed)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
