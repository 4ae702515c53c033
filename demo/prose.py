"""Documents of the demo corpus from the sentence patterns of text_en.py and text_zh.py.

Everything follows from the generator that is passed in: `random.Random` seeded with a string does not depend on PYTHONHASHSEED.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from random import Random
from types import ModuleType
from typing import Any

from gristmill.demo import text_en, text_zh
from gristmill.demo.numbers import PROBLEM_VALUES, TOPIC_VALUES, shown

DOMAINS = {"web": 34, "wiki": 20, "books": 16, "math": 14, "qa": 8, "docs": 8}  # per cent; domains with less varied patterns get less
TOPICS = tuple(TOPIC_VALUES)
MODULES: dict[str, ModuleType] = {"en": text_en, "zh": text_zh}
WORDY_DOMAINS = ("web", "wiki", "docs", "books", "qa")  # must reach MIN_WORDINESS; worked maths cannot
MIN_WORDINESS = {"en": 0.802, "zh": 0.74}
MAX_JACCARD = 0.185  # to any earlier document; tests require .2

YEARS = (("pick", tuple((str(year),) for year in range(1841, 1946))),)  # after the first railways; drawn anew at each mention

Node = tuple[Any, ...]  # of str, ("pick", (Node, ...)), ("draw", low, high, step), ("slot", name)


# --- the grammar ------------------------------------------------------------------------------------------------------


@cache
def parsed(pattern: str) -> Node:
    """A pattern as nested parts. Raises ValueError naming the pattern when its brackets do not match."""
    node, rest = _parse(pattern, 0)
    if rest != len(pattern):
        raise ValueError(f"brackets do not match: {pattern}")
    return node


def _parse(text: str, at: int) -> tuple[Node, int]:
    """The node that begins at `at`, and where it ends: at the next `|` or `]` of its own level, or at the end of the text."""
    parts: list[Any] = []
    while at < len(text) and text[at] not in "|]":
        if text[at] == "[":
            choices = []
            while not choices or text[at : at + 1] == "|":
                choice, at = _parse(text, at + 1)
                choices.append(choice)
            if text[at : at + 1] != "]":
                raise ValueError(f"brackets do not match: {text}")
            parts.append(("pick", tuple(choices)))
            at += 1
        elif text[at] in "<{":
            end = text.index({"<": ">", "{": "}"}[text[at]], at)
            inner = text[at + 1 : end]
            if text[at] == "{":
                parts.append(("slot", inner))
            else:
                low, high, *step = map(int, inner.split(".."))
                parts.append(("draw", low, high, *(step or [1])))
            at = end + 1
        else:
            end = min((i for sign in "[<{|]" if (i := text.find(sign, at)) >= 0), default=len(text))
            parts.append(text[at:end])
            at = end
    return tuple(parts), at


def rendered(node: Node, rng: Random, values: dict[str, Any], lang: str) -> str:
    """One reading of a pattern. A value that is itself a pattern (a Node) is read in its turn."""
    out = []
    for part in node:
        if isinstance(part, str):
            out.append(part)
        elif part[0] == "pick":
            out.append(rendered(part[1][int(rng.random() * len(part[1]))], rng, values, lang))
        elif part[0] == "draw":
            out.append(_number(part[1] + part[3] * int(rng.random() * ((part[2] - part[1]) // part[3] + 1)), lang))
        else:
            value = values[part[1]]
            out.append(rendered(value, rng, values, lang) if isinstance(value, tuple) else value if isinstance(value, str) else _number(value, lang))
    return "".join(out)


def _number(value: float, lang: str) -> str:
    return shown(value).replace(",", "") if lang == "zh" else shown(value)


@cache
def lines(lang: str, group: str, name: str) -> dict[str, tuple[Node, ...]]:
    """tag -> patterns of one block of the data module; titles and questions are choices as a whole."""
    patterns: dict[str, list[Node]] = {}
    for line in getattr(MODULES[lang], group)[name].strip().splitlines():
        tag, _, pattern = line.partition(": ")
        patterns.setdefault(tag, []).append(parsed(f"[{pattern}]" if tag in ("title", "ask") else pattern))
    return {tag: tuple(nodes) for tag, nodes in patterns.items()}


@cache
def slots(lang: str) -> dict[str, tuple[str, ...]]:
    """Name of a slot -> its possible values: people, places, months."""
    return {name: tuple(word.strip() for word in pool.split("|")) for name, pool in MODULES[lang].SLOTS.items()}


# --- one document -----------------------------------------------------------------------------------------------------


@dataclass
class Draft:
    """A text with what it is about."""

    text: str
    lang: str
    domain: str
    topic: str


class Writer:
    """Writes one document: keeps its values (people, places, numbers) and the patterns of its frame."""

    def __init__(self, rng: Random, lang: str, topic: str | None) -> None:
        self.rng, self.lang = rng, lang
        self.space = " " if lang == "en" else ""
        self.values: dict[str, Any] = {}
        for name, pool in slots(lang).items():
            self.values[name] = rng.choice(pool)
        pop, area = rng.randrange(900, 26_000, 10), rng.randrange(9, 140)
        self.values |= {"year": YEARS, "pop": pop, "area": area, "dens": round(pop / area)}
        self.topic = lines(lang, "TOPICS", topic) if topic else {}
        if topic:
            computed = TOPIC_VALUES[topic](rng)
            self.numbers = {**self.values, **computed}  # `area` means another thing in a calculation
            craft = MODULES[lang].TOPICS[topic].strip().splitlines()
            self.values |= {line.split(": ")[0]: line.split(": ")[1] for line in craft if line.startswith(("craft:", "thing:"))}
            self.values["ask"] = self.say(self.topic["ask"], 1, self.numbers)
        self.frame: dict[str, tuple[Node, ...]] = {}

    def say(self, patterns: tuple[Node, ...], count: int, values: dict[str, Any] | None = None, joint: str | None = None) -> str:
        """`count` different patterns, in the order of the pool, as one run of sentences."""
        chosen = sorted(self.rng.sample(range(len(patterns)), min(count, len(patterns))))
        sentences = [rendered(patterns[i], self.rng, self.values if values is None else values, self.lang) for i in chosen]
        return (self.space if joint is None else joint).join(sentences)

    def facts(self) -> list[str]:
        """All facts of the topic in a random order; each is used once."""
        pool = list(self.topic["fact"])
        self.rng.shuffle(pool)
        return [rendered(node, self.rng, self.values, self.lang) for node in pool]

    def num(self) -> str:
        """The worked calculation of the topic."""
        return self.say(self.topic["num"], 1, self.numbers)

    def join(self, *sentences: str) -> str:
        """Sentences as a paragraph."""
        return self.space.join(sentence for sentence in sentences if sentence)


def web(w: Writer) -> list[str]:
    """An essay in the first person."""
    f, t, fact = w.frame, w.topic, w.facts()
    mids = w.rng.sample(f["mid"], 2)
    body = [
        w.join(w.say(f["open"], 1), w.say(t["open"], 1), fact[0], fact[1]),
        w.join(w.say(mids[:1], 1), fact[2], fact[3], w.say(t["err"], 1)),
        w.join(w.num(), fact[4]),
        w.join(w.say(mids[1:], 1), fact[5], w.say(t["how"], w.rng.randrange(2, 4))),
        w.join(w.say(t["end"], 1), w.say(f["end"], 1)),
    ]
    if w.rng.random() < 0.4:
        del body[w.rng.randrange(1, 4)]
    return ([w.say(t["title"], 1)] if w.rng.random() < 0.5 else []) + body


def wiki(w: Writer) -> list[str]:
    """An article about a place and its craft."""
    f, fact = w.frame, w.facts()
    history = w.join(w.say(f["his"], w.rng.randrange(2, 4)))
    return [
        w.join(w.say(f["open"], 1), w.say(f["geo"], w.rng.randrange(1, 4))),
        history,
        w.join(w.say(f["bridge"], 1), *fact[: w.rng.randrange(4, 6)]),
        w.join(w.num(), fact[6]),
        w.join(w.say(f["end"], w.rng.randrange(1, 3))),
    ]


def books(w: Writer) -> list[str]:
    """A page of a story in which somebody explains something."""
    f, t, fact = w.frame, w.topic, w.facts()
    mids, says = w.rng.sample(f["mid"], 4), w.rng.sample(f["say"], 2)
    close = '"' if w.lang == "en" else "”"
    first = w.say(says[:1], 1) + w.join(fact[0], fact[1], fact[4]) + close
    second = w.say(says[1:], 1) + w.join(*w.rng.sample([fact[2], fact[3], w.num(), w.say(t["err"], 1)], 3)) + close
    return [
        w.say(f["title"], 1), w.join(w.say(f["open"], 1), w.say(mids[:1], 1)), w.join(w.say(mids[1:2], 1), first),
        w.join(w.say(mids[2:3], 1), second), w.join(w.say(mids[3:], 1), w.say(t["end"], 1), w.say(f["end"], 1)),
    ]  # fmt: skip


def docs(w: Writer) -> list[str]:
    """A manual: background, numbered steps, an example with figures, what goes wrong."""
    f, t, fact = w.frame, w.topic, w.facts()
    steps = [rendered(node, w.rng, w.values, w.lang) for node in t["how"]]
    for _ in range(w.rng.randrange(1, 4)):  # sheets differ in how much they spell out
        steps.pop(w.rng.randrange(len(steps)))
    listed = "\n".join([w.say(f["steps"], 1), *(f"{i}. {step}" for i, step in enumerate(steps, 1))])
    return [
        w.say(f["title"], 1), w.join(w.say(f["open"], 1), w.say(t["open"], 1)), w.join(w.say(f["bridge"], 1), *fact[: w.rng.randrange(3, 6)]),
        listed, w.join(w.say(f["example"], 1), w.num()), w.join(w.say(f["trouble"], 1), w.say(t["err"], w.rng.randrange(1, 3))), w.say(f["end"], 1),
    ]  # fmt: skip


def qa(w: Writer) -> list[str]:
    """A question and a reasoned answer."""
    f, t, fact = w.frame, w.topic, w.facts()
    return [
        w.say(f["lead"], 1),
        w.join(w.say(f["answer"], 1), *fact[: w.rng.randrange(3, 6)]),
        w.join(w.say(f["mid"], 1), w.num()),
        w.join(w.say(t["err"], 1), w.say(f["end"], w.rng.randrange(1, 3))),
    ]


def math(w: Writer) -> list[str]:
    """Three or four worked problems."""
    zh = w.lang == "zh"
    body = []
    for number, name in enumerate(w.rng.sample(sorted(PROBLEM_VALUES), w.rng.randrange(3, 5)), 1):
        p = lines(w.lang, "PROBLEMS", name)
        w.values |= {key: w.rng.choice(slots(w.lang)[key]) for key in ("person", "place")}
        values = {**w.values, **PROBLEM_VALUES[name](w.rng, zh)}
        head, problem = w.say(p["name"], 1), w.say(p["say"], 1, values)
        worked, seen = w.say(p["do"], 1, values), w.say(p["see"], w.rng.randrange(1, 3), values)
        if zh:
            body += [f"例{number}（{head}）。{problem}", f"解：{worked}", seen]
        else:
            body += [f"Problem {number} ({head.lower()}). {problem}", f"Solution. {worked}", seen]
    return body


SHAPES = {"web": web, "wiki": wiki, "books": books, "docs": docs, "qa": qa, "math": math}


def write(rng: Random, lang: str, domain: str, topic: str) -> Draft:
    """One document; `topic` is ignored for maths."""
    w = Writer(rng, lang, None if domain == "math" else topic)
    if domain != "math":
        w.frame = lines(lang, "FRAMES", domain)
    paragraphs = [_tidy(paragraph, lang) for paragraph in SHAPES[domain](w)]
    return Draft("\n\n".join(paragraphs), lang, domain, "math" if domain == "math" else topic)


def _tidy(text: str, lang: str) -> str:
    """Single spaces (a choice may be empty), sentences and titles that begin with a capital, a/an by the next letter."""
    text = re.sub(" {2,}", " ", text).strip()
    if lang == "zh":
        return text
    text = re.sub(r"\b([Aa]) (?=[aeio]\w|8\d?\b|11\b|18\b)(?!one\b|once\b|eu)", r"\1n ", text)
    return re.sub(r'(^|(?<=[.!?] )|(?<=[.!?] ")|(?<=^\d\. ))([a-z])', lambda m: m[2].upper(), text, flags=re.M)


# --- dissimilar documents ------------------------------------------------------------------------------------------------


def shingles(text: str, lang: str) -> set[str]:
    """5-word shingles of lower-cased English, 5-character shingles of Chinese without white space."""
    if lang == "zh":
        folded = "".join(text.lower().split())
        return {folded[i : i + 5] for i in range(len(folded) - 4)}
    words = re.findall(r"\w+", text.lower())
    return {" ".join(words[i : i + 5]) for i in range(len(words) - 4)}


def jaccard(a: set[str], b: set[str]) -> float:
    """|a & b| / |a | b|."""
    both = len(a & b)
    return both / (len(a) + len(b) - both) if a or b else 1.0


class DissimilarTexts:
    """The shingle sets of earlier documents, and the similarity of a new one to the nearest of them."""

    def __init__(self) -> None:
        self.sets: list[set[str]] = []
        self.sets_with: dict[str, list[int]] = {}

    def _sample(self, shingles: set[str]) -> list[str]:
        # about every eighth shingle, the same ones in every document: enough to find candidates, which are then compared whole
        return [each for each in shingles if (len(each) + ord(each[1]) + ord(each[3])) % 8 == 0]

    def nearest(self, shingles: set[str]) -> float:
        """The largest Jaccard to an earlier document, or a bound on it below MAX_JACCARD."""
        sample = self._sample(shingles)
        shared = Counter(i for each in sample for i in self.sets_with.get(each, ()))
        # a Jaccard of MAX_JACCARD shares about .31 of the shingles; .2 leaves room for the error of the sample
        near = [self.sets[i] for i, count in shared.items() if count > 0.2 * len(sample)]
        return max((jaccard(shingles, other) for other in near), default=0.0)

    def add(self, shingles: set[str]) -> None:
        """Add the shingles of a document."""
        for each in self._sample(shingles):
            self.sets_with.setdefault(each, []).append(len(self.sets))
        self.sets.append(shingles)


def wordiness(text: str) -> float:
    """Share of the tokens that are words, not numbers or punctuation; Gopher requires .8 (FineWeb-2 for Chinese .735).

    A Chinese word is taken to have 1.7 characters; the limits above leave room for that guess.
    """
    text, n_numbers = re.subn(r"\d+(?:[.,]\d+)*%?", "", text)
    n_marks = len(re.findall(r"[^\w\s]", text))
    n_words = len(re.findall("[一-鿿]", text)) / 1.7 + len(re.findall("[A-Za-z]+", text))
    return n_words / (n_words + n_marks + n_numbers)


def write_dissimilar(rng: Random, lang: str, domain: str, topic: str, seen: DissimilarTexts, tries: int = 40) -> Draft:
    """A document with Jaccard below MAX_JACCARD to all earlier ones; after four failed drafts the next topic is tried.

    Raises RuntimeError when the whole grammar is exhausted.
    """
    for attempt in range(tries):
        turn = TOPICS[(TOPICS.index(topic) + attempt // 4) % len(TOPICS)]
        draft = write(rng, lang, domain, turn)
        if domain in WORDY_DOMAINS and wordiness(draft.text) < MIN_WORDINESS[lang]:
            continue
        marks = shingles(draft.text, lang)
        if seen.nearest(marks) < MAX_JACCARD:
            seen.add(marks)
            return draft
    raise RuntimeError(f"{tries} drafts of {lang} {domain} were each too like an earlier one; ask for fewer documents or write more patterns")
