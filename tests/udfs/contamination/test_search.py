"""Benchmark questions in documents: edited, cut and reformatted copies are found, questions of the same kind are not."""

import itertools
import pickle
import re
from collections import defaultdict
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.udfs.contamination.search import Index, OverlapParams, build_index, find_items
from gristmill.udfs.text.folding import FoldParams, fold_text

WALK = "Every morning Aya goes for a 9-kilometer-long walk and stops at a coffee shop afterwards. How long does the walk take her?"
TRAIN = "甲、乙两地相距480千米，一列客车每小时行驶60千米，几小时后可以到达乙地？"
PADDING = "Nothing here is a question, it only stands around what is."


def found(items, texts, **params):
    """(text, item) of everything found."""
    rows = find_items(pa.array(texts, pa.string()), build_index(items, OverlapParams(**params))).to_pylist()
    return {(row["row"], row["item"]): row for row in rows}


# --- the plain twin: strings, lists and fractions ---------------------------------------------------------------------

HAN = "\u3400-\u9fff"


def tokens_of(text):
    folded = re.sub("[\u00ad\u200b]", "", fold_text(text or "", FoldParams()))
    return re.findall(rf"[{HAN}]|[^\W_{HAN}]+", folded)


def cost_of(token):
    return Fraction(2, 3) if re.match(f"[{HAN}]", token) else Fraction(1)


def worth_of(token):
    return Fraction(1, 2) if re.fullmatch(rf"[0-9]+|[^{HAN}]", token) else cost_of(token)


def total(tokens, weight=cost_of):
    return sum(map(weight, tokens), Fraction(0))


def has_words(tokens):
    return any(worth_of(token) == cost_of(token) for token in tokens)


def plain_edits(item, text, where, band):
    """Optimal string alignment of the whole item with a stretch of the text, as a table of (tokens of the item, shift); the stretch's end."""
    far = Fraction(10**6)
    cell = {(0, shift): Fraction(0) for shift in range(-band, band + 1)}
    for i, token in enumerate(item, 1):
        for shift in range(-band, band + 1):
            j = i - 1 + where + shift
            same = 0 <= j < len(text) and text[j] == token
            ways = [cell[i - 1, shift] + (0 if same else cost_of(token))]
            ways += [cell.get((i - 1, shift + 1), far) + cost_of(token), cell.get((i, shift - 1), far) + cost_of(token)]
            if i > 1 and 0 < j < len(text) and (text[j - 1], text[j]) == (token, item[i - 2]):
                ways.append(cell[i - 2, shift] + max(cost_of(token), cost_of(item[i - 2])))
            cell[i, shift] = min(ways)
    least, _, shift = min((cell[len(item), shift], abs(shift), shift) for shift in range(-band, band + 1))
    return min(least, total(item)), where + shift + len(item)


def plain_evidence(item, text, where, band):
    standing = set()
    for shift in range(where - band, where + band + 1):
        i = 0
        while i < len(item):
            end = i
            while end < len(item) and 0 <= end + shift < len(text) and item[end] == text[end + shift]:
                end += 1
            if end - i >= 2 and has_words(item[i:end]):
                standing |= set(range(i, end))
            i = max(end, i + 1)
    return total([item[i] for i in standing], worth_of)


def plain_span(item, text, where, band):
    """First and one past the last token of the text that `plain_evidence` counts."""
    spans = []
    for shift in range(where - band, where + band + 1):
        i = 0
        while i < len(item):
            end = i
            while end < len(item) and 0 <= end + shift < len(text) and item[end] == text[end + shift]:
                end += 1
            if end - i >= 2 and has_words(item[i:end]):
                spans.append((i + shift, end + shift))
            i = max(end, i + 1)
    return (min(low for low, _ in spans), max(high for _, high in spans)) if spans else (len(text), 0)


def plain_answer(answers, text, low, high, window):
    """Worth of the weightiest answer that begins within the window after the tokens low to high, or ends in that before them; None: none does."""
    after, before = range(high, high + window), range(low - window + 1, low + 1)
    found = [
        total(answer, worth_of) for answer in answers
        if any(text[at : at + len(answer)] == answer for at in after)
        or any(end >= len(answer) and text[end - len(answer) : end] == answer for end in before)
    ]  # fmt: skip
    return max(found, default=None)


def plain_found(items, texts, params, answers=None):
    """{(text, item): (score, worth of the longest run)}, by the definition and with nothing clever."""
    items, seeds = [tokens_of(item) for item in items], defaultdict(list)
    answers = [[tokens_of(answer)[: params.answer_tokens] for answer in each] for each in answers or [[] for _ in items]]
    answers = [[answer for answer in each if answer] if any(each) else each for each in answers]
    lengths = [min(len(item), params.seed_tokens) if each else params.seed_tokens for item, each in zip(items, answers, strict=True)]
    for number, item in enumerate(items):
        own, best = total(item, worth_of), max((total(answer, worth_of) for answer in answers[number]), default=0)
        if answers[number]:
            is_enough = best > 0 and own + best >= Fraction(params.answer_min_words)
        else:
            is_enough = own >= Fraction(params.min_words)
        for place in range(len(item) - lengths[number] + 1):
            seed = tuple(item[place : place + lengths[number]])
            if len(seed) >= 2 and total(seed, worth_of) >= 2 and is_enough:
                seeds[seed].append((number, place))
    best = {}
    for row, text in enumerate(map(tokens_of, texts)):
        laid, stretch = {}, {}
        for n, at in itertools.product(range(2, params.seed_tokens + 1), range(len(text))):
            hits = seeds.get(tuple(text[at : at + n]), []) if at + n <= len(text) else []
            for number, place in hits if len({number for number, _ in hits}) <= params.max_seed_items else []:
                item, where = items[number], at - place
                if number in stretch and stretch[number][0] == where and at < stretch[number][1]:
                    continue
                first, last = place, place
                while first > 0 and first - 1 + where >= 0 and item[first - 1] == text[first - 1 + where]:
                    first -= 1
                while last < len(item) and last + where < len(text) and item[last] == text[last + where]:
                    last += 1
                stretch[number] = (where, last + where)
                run, length = item[first:last], total(item)
                is_part = has_words(run) and any(total(run, worth_of) >= words and total(run) >= Fraction(share) * length for words, share in params.verbatim)
                if number in laid and not is_part and abs(where - laid[number]) <= params.max_shift_tokens // 2:
                    continue
                laid[number] = where
                least = params.min_identity_short if length < params.short_words else params.min_identity
                edits, end = plain_edits(item, text, where, params.max_shift_tokens)
                if not is_part and float(6 * edits) > float(6 * length) * (1 - least):
                    continue
                evidence = plain_evidence(item, text, where, params.max_shift_tokens)
                if not answers[number] and evidence < params.min_words:
                    continue
                if answers[number]:
                    low, high = plain_span(item, text, where, params.max_shift_tokens)
                    low, high = max(low, min(where, end - len(item))), min(high, end)
                    worth = plain_answer(answers[number], text, low, high, params.answer_window)
                    if not evidence or worth is None or evidence + worth < params.answer_min_words:
                        continue
                key, mine = (row, number), (edits / length, -total(run, worth_of))
                best[key] = min(best.get(key, mine), mine)
    return {key: (float(1 - edits), float(-run)) for key, (edits, run) in best.items()}


LETTERS = ["ab", "cd", "ef", "gh", "x", "7", "12", "中", "汉", "漢", "Ａb", "，", "."]
WRITING = st.lists(st.sampled_from(LETTERS), max_size=24).map(" ".join)
PARAMS = st.builds(
    OverlapParams, seed_tokens=st.integers(2, 4), max_seed_items=st.sampled_from([1, 50]), max_shift_tokens=st.integers(0, 5), min_words=st.sampled_from([1.0, 2.0, 3.5]),
    min_identity=st.sampled_from([0.4, 0.5, 0.75]), short_words=st.sampled_from([0.0, 6.0]), min_identity_short=st.sampled_from([0.75, 1.0]),
    verbatim=st.sampled_from([(), ((4.0, 0.25), (2.5, 0.5))]), answer_min_words=st.sampled_from([1.0, 2.5, 4.0]), answer_window=st.sampled_from([1, 3, 8]),
    answer_tokens=st.sampled_from([1, 3]),
)  # fmt: skip


@st.composite
def copied(draw):
    """A few items, and texts that hold edited parts of them."""
    items = draw(st.lists(WRITING, min_size=1, max_size=3))
    texts = []
    for _ in range(draw(st.integers(1, 3))):
        words = draw(st.sampled_from(items)).split(" ")
        for _ in range(draw(st.integers(0, 3))):
            at = draw(st.integers(0, len(words)))
            words[at : at + draw(st.integers(0, 2))] = draw(st.lists(st.sampled_from(LETTERS), max_size=2))
        texts.append(" ".join([draw(WRITING), *words, draw(WRITING)]))
    return items, texts


ANSWERS = st.lists(st.lists(st.sampled_from([*LETTERS[:8], LETTERS[-1]]), min_size=1, max_size=2).map(" ".join), max_size=2)


@settings(max_examples=600, deadline=None)
@given(case=copied(), params=PARAMS, data=st.data())
def test_the_kernel_finds_what_the_plain_definition_finds(case, params, data):
    items, texts = case
    answers = data.draw(st.none() | st.lists(ANSWERS, min_size=len(items), max_size=len(items)))
    rows = find_items(pa.array(texts, pa.string()), build_index(items, params, answers)).to_pylist()
    mine = {(row["row"], row["item"]): (row["score"], row["longest_match_words"]) for row in rows}
    theirs = plain_found(items, texts, params, answers)
    assert mine.keys() == theirs.keys()
    for key, pair in theirs.items():
        assert mine[key] == pytest.approx(pair)


# --- sentences about the world ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "copy",
    [
        WALK, WALK.upper(), WALK.replace(" ", "\n"), WALK.replace(".", " ").replace("?", " "), "> **Q.** *" + WALK + "*",
        "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in WALK),  # full width
        WALK.replace("9", "12").replace("coffee", "tea").replace("afterwards", ""),  # another number, another word, one dropped
        WALK.replace("goes for", "for goes").replace("the walk", "walk the"),  # swapped
        WALK[: int(0.6 * len(WALK))],  # the beginning of it
    ],
)  # fmt: skip
def test_an_english_question_is_found_however_it_is_dressed(copy):
    assert found([WALK], [f"{PADDING}\n\n{copy}\n\n{PADDING}"])


@pytest.mark.parametrize(
    "copy",
    [
        TRAIN, TRAIN.replace("，", "").replace("、", ""), "\n".join(TRAIN[i : i + 9] for i in range(0, len(TRAIN), 9)), " ".join(TRAIN),
        "甲、乙兩地相距４８０千米，一列客車每小時行駛６０千米，幾小時後可以到達乙地？",  # Traditional, full width
        TRAIN.replace("480", "360").replace("列", "").replace("可以", "以可"), TRAIN[: int(0.6 * len(TRAIN))],
    ],
)  # fmt: skip
def test_a_chinese_question_is_found_however_it_is_dressed(copy):
    assert found([TRAIN], [f"{PADDING}\n\n{copy}\n\n无关的句子在这里。"])


@pytest.mark.parametrize(
    ("item", "other"),
    [
        ("Nancy has 9 five dollar bills. She spent 12 dollars on two books. How much money does she have left?",
         "Robert takes $158 on a shopping trip and spends $45 on shoes and $17 on a bag. How much money does he have left?"),
        ("一根3米长的圆柱形木料，锯成3段，表面积增加16平方分米，这根木料的底面积是多少平方分米？", "一个圆柱形水池的底面积是多少平方分米，高是5分米，体积是60立方分米。"),
        ("Determine the modulo 4 remainder of the sum 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10 + 11 + 12.", "rows: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13"),
        ("What is the rank of the matrix A = [[1, 1, 1], [1, 1, 1], [1, 1, 1]]?", "ones = [[1, 1, 1], [1, 1, 1], [1, 1, 1]]"),
    ],
)  # fmt: skip
def test_a_question_of_the_same_kind_is_not_a_copy(item, other):
    assert not found([item], [other])


def test_a_short_item_must_be_there_almost_word_for_word_and_a_tiny_one_is_never_looked_for():
    items = ["How many years are there in a decade?", "What is true?", "", None]
    assert found(items, ["Do you know how many years are there in a decade? I do."]).keys() == {(0, 0)}
    assert not found(items, ["How many chairs are there in a classroom? What is true?"])
    assert build_index(items).searchable.tolist() == [True, False, False, False]


def test_the_place_is_given_in_code_points_of_the_text_as_it_came():
    text = f"ﬁrst ½ ﬄ 😀 {PADDING} {TRAIN} end"
    (row,) = found([TRAIN], [None, text]).values()
    assert text[row["start"] : row["end"]] == TRAIN[:-1]
    assert (row["row"], row["score"], row["is_copy"]) == (1, 1.0, True)


def test_a_part_of_a_question_is_no_copy_but_a_run():
    (row,) = found([WALK], [WALK[:70]]).values()
    assert not row["is_copy"]
    assert row["longest_match_words"] == 12.5  # 11 words; a, 9 and a count half


def test_the_index_travels_and_the_batching_does_not_matter():
    index = build_index([WALK, TRAIN])
    texts = [PADDING, f"{TRAIN} {WALK}", None, WALK] * 3
    whole = find_items(pa.array(texts), index)
    travelled: Index = pickle.loads(pickle.dumps(index))
    assert find_items(pa.chunked_array([texts[:5], texts[5:]]), travelled).equals(whole)
    assert whole["row"].to_pylist() == [1, 1, 3, 5, 5, 7, 9, 9, 11]
    assert find_items(pa.array([], pa.string()), index).num_rows == 0
    assert find_items(pa.array(texts), build_index([])).num_rows == 0


@pytest.mark.parametrize("wrong", [{"seed_tokens": 1}, {"max_shift_tokens": -1}, {"min_identity": 0.0}, {"verbatim": ((8.0, 1.5),)}, {"min_words": 0.5}])
def test_numbers_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=r"at least|at most"):
        OverlapParams(**wrong)


def test_nearly_every_planted_question_is_found_in_real_documents(shared_data):
    from benchmarks import decontamination

    figures = decontamination.measure(
        *(shared_data / f"{name}.parquet" for name in ("contam_docs_dev", "contam_truth_dev", "benchmarks_eval")), rounds=1
    )
    assert figures["recall"] >= 0.995
    assert figures["precision"] >= 0.99
    assert figures["named"] >= 0.99
