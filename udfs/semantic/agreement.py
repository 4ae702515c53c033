"""Whether two texts say the same in almost the same words: the conditions of a semantic duplicate.

A vector sees what a text is about; a swap of two names, another number or a negation hardly moves it. So the
words decide: what must agree (numbers, units, negations, names, question words, no opposites), the lengths,
the order of the shared words, and the words that only one text has. Texts longer than the encoder sees are
compared sentence by sentence (`of_documents`).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from gristmill.udfs.semantic.wording import (
    LIGHT,
    OPPOSITES_EN,
    OPPOSITES_ZH,
    PREPOSITIONS_EN,
    PRONOUNS,
    WHO,
    Wording,
    is_light,
    stem,
    weight,
    wording,
)

AGREEMENTS = ("numbers", "units", "negation", "names", "asks", "opposites")
# The conditions of `failed_condition`, in the order in which they are looked at.
CONDITIONS = (*AGREEMENTS, "cosine", "length", "n_words", "order", "replaced", "extra")

_PAIRS_EN = tuple((pair.split()[0], pair.split()[1]) for pair in OPPOSITES_EN.split("|"))
_PAIRS_ZH = tuple((pair[0], pair[1]) for pair in OPPOSITES_ZH)
# Words of a text up to which a change of their order is measured; it takes the square of them.
MAX_WORDS = 600
# Sentences of a document between two anchors that are matched with each other. A longer stretch without
# a common sentence is no wording of the other, so its sentences are extra without being compared.
MAX_GAP = 40


@dataclass(frozen=True)
class Agreement:
    """What the words of a pair say. All shares are by weight of words, over that of the shorter text.

    `length`: the shorter text over the longer. `order`: share of the shared words that stand in the same
    order. `is_exchange`: two neighbouring parts changed places and nothing else, with no pronoun in the
    shorter part. `is_question`: both ask, and not who. `extra`: words that only one text has, the greater of
    both sides; `content_extra`: the same of content words only. `replaced`: content words that only one text
    has, the lesser of both sides. `n_words`: weight of the shorter text.
    """

    numbers: bool
    units: bool
    negation: bool
    names: bool
    asks: bool
    opposites: bool
    length: float
    n_words: float
    order: float
    is_exchange: bool
    is_question: bool
    extra: float
    content_extra: float
    replaced: float


@dataclass(frozen=True)
class Limits:
    """When a pair of one language is accepted; conf/jobs/dedup_semantic.yaml has the numbers' sources."""

    min_cosine: float
    min_length: float
    min_words: float
    max_extra: float
    max_replaced: float
    # of a pair in which two neighbouring parts were exchanged; None: words stand in the same order
    exchange_min_cosine: float | None
    exchange_questions_only: bool


def failed_condition(pair: Agreement, cosine: float, limits: Limits) -> str | None:
    """The first of CONDITIONS that the pair does not meet; None where it is accepted."""
    for name in AGREEMENTS:
        if not getattr(pair, name):
            return name
    if cosine < limits.min_cosine:
        return "cosine"
    if pair.length < limits.min_length:
        return "length"
    if pair.n_words < limits.min_words:
        return "n_words"
    if pair.order < 1 and not _is_allowed_exchange(pair, cosine, limits):
        return "order"
    if pair.replaced > limits.max_replaced:
        return "replaced"
    return "extra" if pair.extra > limits.max_extra else None


def _is_allowed_exchange(pair: Agreement, cosine: float, limits: Limits) -> bool:
    least = limits.exchange_min_cosine
    return (
        least is not None
        and pair.is_exchange
        and cosine >= least
        # a content word that was added as well could have taken the role of one that moved
        and not pair.content_extra
        and (pair.is_question or not limits.exchange_questions_only)
    )


def agreement(one: Wording, other: Wording, lang: str) -> Agreement:
    """The conditions of a pair of wordings of one language."""

    def weigh(words: Iterable[str]) -> float:
        return sum(weight(word, lang) for word in words)

    count_a, count_b = Counter(one.words), Counter(other.words)
    only_a, only_b = count_a - count_b, count_b - count_a
    light_a, light_b = _inflected(only_a, only_b) if lang != "zh" else (frozenset[str](), frozenset[str]())
    # a word in another form counts as a light one
    (extra_a, content_a), (extra_b, content_b) = (
        _weights(only, light, lang) for only, light in ((only_a, light_a), (only_b, light_b))
    )
    total_a, total_b = weigh(one.words), weigh(other.words)
    shorter = max(1e-9, min(total_a, total_b))
    shared = weigh((count_a & count_b).elements())
    moved_a, moved_b = _shared(one.words, only_a), _shared(other.words, only_b)
    order = 1.0
    if moved_a != moved_b and max(len(moved_a), len(moved_b)) > MAX_WORDS:
        order = 0.0
    elif moved_a != moved_b:
        order = common_subsequence(one.words, other.words, lambda word: weight(word, lang)) / max(
            1e-9, shared
        )
        order = min(order, 1.0)
    names_a, names_b = one.names - set(other.words), other.names - set(one.words)
    opposites = _PAIRS_ZH if lang == "zh" else _PAIRS_EN
    return Agreement(
        numbers=one.numbers == other.numbers,
        units=one.units == other.units,
        negation=one.n_negations == other.n_negations,
        names=not names_a and not names_b,
        asks=one.asks == other.asks,
        opposites=not any(
            (x in only_a and y in only_b) or (y in only_a and x in only_b) for x, y in opposites
        ),
        length=min(total_a, total_b) / max(1e-9, total_a, total_b),
        n_words=min(total_a, total_b),
        order=order,
        is_exchange=order < 1
        and not PREPOSITIONS_EN.intersection((*only_a, *only_b))
        and is_exchange(moved_a, moved_b),
        is_question=bool(one.asks and other.asks) and not one.asks & WHO,
        extra=max(extra_a, extra_b) / shorter,
        content_extra=max(content_a, content_b) / shorter,
        replaced=min(content_a, content_b) / shorter,
    )


def _inflected(only_a: Counter[str], only_b: Counter[str]) -> tuple[frozenset[str], frozenset[str]]:
    """The words of each side of which the other side has another form: running, runs."""
    stems_a, stems_b = (Counter(map(stem, only)) for only in (only_a, only_b))
    return (
        frozenset(word for word in only_a if stems_b[stem(word)]),
        frozenset(word for word in only_b if stems_a[stem(word)]),
    )


def _weights(only: Counter[str], light: frozenset[str], lang: str) -> tuple[float, float]:
    """The weight of the words that only one text has, and how many of them are content words."""
    content = sum(n for word, n in only.items() if word not in light and not is_light(word, lang))
    return content + LIGHT * (only.total() - content), float(content)


def _shared(words: Sequence[str], only: Counter[str]) -> list[str]:
    """`words` without those that the other text lacks: of repeated ones the last go."""
    left, kept = Counter(only), []
    for word in reversed(words):
        if left[word]:
            left[word] -= 1
        else:
            kept.append(word)
    return kept[::-1]


def common_subsequence(a: Sequence[str], b: Sequence[str], weigh: Callable[[str], float]) -> float:
    """The greatest weight of a common subsequence."""
    start, end = _ends(a, b)
    same = sum(map(weigh, a[:start])) + sum(map(weigh, a[len(a) - end :]))
    a, b = a[start : len(a) - end], b[start : len(b) - end]
    before = [0.0] * (len(b) + 1)
    for x in a:
        now, w = [0.0], weigh(x)
        for j, y in enumerate(b):
            now.append(before[j] + w if x == y else max(before[j + 1], now[j]))
        before = now
    return same + before[-1]


def _ends(a: Sequence[object], b: Sequence[object]) -> tuple[int, int]:
    """How many items both begin with, and how many both end with, none counted twice."""
    start, most = 0, min(len(a), len(b))
    while start < most and a[start] == b[start]:
        start += 1
    end = 0
    while end < most - start and a[-1 - end] == b[-1 - end]:
        end += 1
    return start, end


def is_exchange(a: Sequence[str], b: Sequence[str]) -> bool:
    """Whether b is a with two neighbouring parts exchanged, of which the shorter holds no pronoun.

    Such an exchange moves a topic, a time or a place. Roles change where two parts change places around
    a third (A likes B, from A to B), which this is not, and where a pronoun moves.

        为什么 | 电脑 | 不能下载    and  电脑 | 为什么 | 不能下载   ->  True
        女人 | 喜欢 | 男人 and  男人 | 喜欢 | 女人  ->  False
    """
    if len(a) != len(b):
        return False
    start, end = _ends(a, b)
    x, y = list(a[start : len(a) - end]), list(b[start : len(b) - end])
    if len(x) > MAX_WORDS:
        return False
    for at in range(1, len(x)):
        if x[at] == y[0] and x[at:] + x[:at] == y:
            shorter = min(at, len(x) - at)
            return not any(PRONOUNS.intersection(part) for part in (x[:at], x[at:]) if len(part) == shorter)
    return False


# --- documents

_SENTENCE = re.compile(r"[^。！？!?\n]+?(?:[。！？!?\n]+|\.(?=\s)|$)")


def sentences(text: str, lang: str) -> list[Wording]:
    """The sentences of a text that have a word: cut at line ends and at marks that end a sentence."""
    made = (wording(each, lang) for each in _SENTENCE.findall(text))
    return [each for each in made if each.words]


def of_documents(one: str, other: str, lang: str, whole_chars: int, limits: Limits) -> Agreement:
    """The conditions of two whole documents.

    Where one has more than `whole_chars` characters, its sentences are matched with those of the other in
    the order of both. `order` is then 1, as what does not match is extra, and numbers, units and negations
    must agree in the whole texts too. Documents that already differ in those, or too much by their words, are
    not cut.
    """
    a, b = wording(one, lang), wording(other, lang)
    if max(len(one), len(other)) <= whole_chars:
        return agreement(a, b, lang)
    # by words regardless of order, which is cheap and never more than what sentences give
    rough = agreement(
        replace(a, words=tuple(sorted(a.words))), replace(b, words=tuple(sorted(b.words))), lang
    )
    if failed_condition(rough, 1.0, limits) is not None:
        return rough
    return _by_sentences(sentences(one, lang), sentences(other, lang), rough, lang, limits)


def _by_sentences(
    a: list[Wording], b: list[Wording], rough: Agreement, lang: str, limits: Limits
) -> Agreement:
    """`rough` with `extra` and `replaced` as the sentences give them."""
    alone_a = alone_b = extra = replaced = 0.0
    for x, y in _matched(a, b, lang, limits):
        if y is None:
            alone_a += x.weight(lang) if x else 0.0
        elif x is None:
            alone_b += y.weight(lang)
        elif x.words != y.words:
            pair = agreement(x, y, lang)
            extra += pair.extra * pair.n_words
            replaced += pair.replaced * pair.n_words
    total = max(1e-9, rough.n_words)
    # A sentence that stands elsewhere in the other text is extra on both sides, and so replaced.
    return replace(
        rough,
        extra=(extra + max(alone_a, alone_b)) / total,
        replaced=(replaced + min(alone_a, alone_b)) / total,
    )


def _is_match(x: Wording, y: Wording, lang: str, limits: Limits) -> bool:
    """Whether two sentences say the same."""
    # most do not share half of their words, and need no closer look
    shared = (Counter(x.words) & Counter(y.words)).total()
    if 2 * shared < max(len(x.words), len(y.words)):
        return False
    return failed_condition(agreement(x, y, lang), 1.0, limits) is None


Matched: TypeAlias = "tuple[Wording | None, Wording | None]"


def _matched(a: list[Wording], b: list[Wording], lang: str, limits: Limits) -> Iterator[Matched]:
    """The sentences of both texts in order, those that say the same beside each other."""
    start, end = _ends([each.words for each in a], [each.words for each in b])
    stop_a, stop_b = len(a) - end, len(b) - end
    at_a, at_b = start, start
    for next_a, next_b in [*_anchors(a[start:stop_a], b[start:stop_b], start), (stop_a, stop_b)]:
        yield from _in_gap(a[at_a:next_a], b[at_b:next_b], lang, limits)
        at_a, at_b = next_a + 1, next_b + 1


def _anchors(a: list[Wording], b: list[Wording], start: int) -> list[tuple[int, int]]:
    """Positions of equal sentences that each text has once, as many as stand in the same order in both."""
    n_a, n_b = (Counter(each.words for each in side) for side in (a, b))
    at_b = {each.words: position for position, each in enumerate(b) if n_b[each.words] == 1}
    found = [
        (position, at_b[each.words])
        for position, each in enumerate(a)
        if n_a[each.words] == 1 and each.words in at_b
    ]
    # the longest increasing run of positions in b
    tails: list[int] = []
    last: list[int] = []
    before = [-1] * len(found)
    for i, (_, position) in enumerate(found):
        k = bisect_left(tails, position)
        before[i] = last[k - 1] if k else -1
        tails[k : k + 1], last[k : k + 1] = [position], [i]
    chosen, i = [], last[-1] if last else -1
    while i >= 0:
        chosen.append((found[i][0] + start, found[i][1] + start))
        i = before[i]
    return chosen[::-1]


def _in_gap(a: list[Wording], b: list[Wording], lang: str, limits: Limits) -> Iterator[Matched]:
    """The sentences between two anchors: matched by order so that most words are in accepted pairs."""
    if not a or not b or max(len(a), len(b)) > MAX_GAP:
        yield from ((each, None) for each in a)
        yield from ((None, each) for each in b)
        return
    # of single sentences the words decide alone: a cosine is known of the documents only
    loose = replace(limits, min_cosine=0.0, min_words=0.0, exchange_min_cosine=None)
    gain = [[x.weight(lang) if _is_match(x, y, lang, loose) else 0.0 for y in b] for x in a]
    best = [[0.0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) - 1, -1, -1):
        for j in range(len(b) - 1, -1, -1):
            match = best[i + 1][j + 1] + gain[i][j] if gain[i][j] else 0.0
            best[i][j] = max(best[i + 1][j], best[i][j + 1], match)
    i = j = 0
    while i < len(a) or j < len(b):
        if i < len(a) and j < len(b) and gain[i][j] and best[i][j] == best[i + 1][j + 1] + gain[i][j]:
            yield a[i], b[j]
            i, j = i + 1, j + 1
        elif j == len(b) or (i < len(a) and best[i][j] == best[i + 1][j]):
            yield a[i], None
            i += 1
        else:
            yield None, b[j]
            j += 1
