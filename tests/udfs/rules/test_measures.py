"""Measures: every kernel equals its plain twin, on rows that fit the eye and on texts that hypothesis makes up."""

import re
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gristmill.udfs.arrow.compiled import text_buffers
from gristmill.udfs.edit.edits import apply_edits
from gristmill.udfs.rules import measures
from gristmill.udfs.text import chars, chinese_words, langid, lines, words

ENGLISH = "The first line says hello.\nThe first line says hello.\n\n- a bullet...\nWe don't use cookies {here}!\n\n\nthat's all, to be honest…\n"
CHINESE = "今天天气很好，我们去公园。\n今天天气很好，我们去公园。\r\n\r\n他在北京的大学学习计算机科学！\n"
LINKS = ("](", "://", "www.")
ROWS = [
    "", " ", "\n", "\n\n\n", " \t\r\n ", "a", "。", "#", "...", "\0", ENGLISH, CHINESE, ENGLISH + CHINESE,
    "one\r\ntwo\rthree\x0bfour\u2028five\x85six", "🙂🙂 🙂 family: 👨‍👩‍👧 done.", "lorem IPSUM is not a text.\nJavaScript is off, turn it on.\n",
    "Fine words here.[1][edit]\nno end here [2]\nCited here.[citation needed]\nEllipsis is no end...\nPrivacy Policy of this site.\n",
    "x" * 1001 + " is a long word.\nthis line is kept.", "# # # 1 2 3 ... …", "[A](https://www.b.c/D://) ](www.www.E $5+3=8|~", "a b a b a b a b a b a b a b a b a b a b a b a b a b", "p\n\np\n\np\n\nq",
    "Download Episode Two Of The Old Show And Watch It For Free Now. Then read on. 黄色电影。Nr. 5 has porn in it! Is it so", "of a b c d e f g h i j. the cat and the dog ran for the hay now. , ab, cd,, ef, gh, x",
    "See https://a.example/b?c=%20d(e) and http:// or https://x. {a} [b] \u27e8c\u27e9", "Terms of Use\n\nA page.\n\n\nWe Use Cookies.\n\n", "Lorem IPSUM dolor", "O'Neil's 1,000.5 a_b e.g. x:y A\u0301b 2;3 Don’t",
    "lorem ipsum\nlorem ipsum.\nlorem ipsum dolor. And more. And \"more.\" Yes? {", "ﬁ Ⅷ ½ İstanbul cooKies", "ไทย ภาษา かな カナ",
]  # fmt: skip
TEXTS = st.one_of(
    st.text(),
    st.lists(st.sampled_from(["the ", "of", "word", ".", "...", "…", " ", "\n", "\n\n", "\r\n", "- ", "•", "#", "{", "javascript", "use cookies", "lorem ipsum", "的", "中国", "，", "。", "[1]", "[edit]", "](", "https://", "www.", "Ab", "+", '"', "\u2028", "a b c d e ", ". ", "Ab ", "A'b ", "1,5 ", "mp3", "Facebook", " sex ", "https://a.b/%4f?", "Privacy Policy ", "Lorem Ipsum", "_", "\u0301", " the", ", ab,"]), max_size=60).map("".join),
)  # fmt: skip


def measure(texts):
    return pa.table(measures.measure_texts(pa.array(texts, pa.string()))).to_pylist()


def read_one(text):
    return chars.read_chars(*text_buffers(pa.array([text])))


def found_words(text, chinese=False):
    found = words.find_words(read_one(text), np.array([chinese]))
    return [text[a:b] for a, b in zip(found.starts.tolist(), found.stops.tolist(), strict=True)]


def flagged(char, flag):
    return bool(chars.flag_table()[ord(char)] & flag)


def repeats(pieces):
    seen, number, length = set(), 0, 0
    for piece in pieces:
        number, length = (number + 1, length + len(piece)) if piece in seen else (number, length)
        seen.add(piece)
    return number, length


def commonest(pieces, n):
    grams = Counter(" ".join(pieces[i : i + n]) for i in range(len(pieces) - n + 1))
    return max((len(gram) * count for gram, count in grams.most_common(1)), default=0)


def repeated_runs(pieces, n):
    seen, length, i = set(), 0, 0
    while i + n <= len(pieces):
        run = "".join(pieces[i : i + n])
        length, i = (length + len(run), i + n) if run in seen else (length, i + 1)
        seen.add(run)
    return length


def commonest_windows(text, width=10):
    counts = sorted(Counter(text[i : i + width] for i in range(len(text) - width + 1)).values(), reverse=True)
    repeated = [count for count in counts if count > 1]
    return sum(repeated[: int(len(counts) ** 0.5)])


def line_verdict(line, any_end=False):
    """C4's reason to drop a line, and what it says of the page."""
    stripped = line.strip()
    cited = re.sub(r"\[[0-9]*\]|\[edit\]|\[citation needed\]", "", stripped)
    says = "".join(char.lower() if char.isascii() else {"\u212a": "k"}.get(char, char) for char in stripped)
    page = {"lorem": "lorem ipsum" in says, "curly": "{" in stripped and "javascript" not in says}
    if any(len(word) > 1000 for word in stripped.split()):
        return "too_long_word", {}
    if not any_end and (not cited.endswith((".", "?", "!", '"', "'")) or cited.endswith("...")):
        return "no_terminal_punctuation", {}
    if len(stripped.split()) < 3:
        return "too_few_words", {}
    if "javascript" in says:
        return "javascript", page
    if any(phrase in says for phrase in ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")):
        return "policy", page
    return None, page


def n_sentences(pieces):
    count, ended = bool(pieces), False
    for piece in pieces:
        if len(piece) == 1 and flagged(piece, chars.TERMINAL):
            ended = True
        elif ended and not all(flagged(char, chars.PUNCT) for char in piece):
            count, ended = count + 1, False
    return int(count)


def ratio(part, whole):
    return part / whole if whole else 0.0


def joins(text, i):
    """Whether the character at i goes on a word that began before it (Unicode's UAX 29, as far as the kernel knows it)."""
    char = text[i]
    if char.isalnum() and not flagged(char, chars.UNSPACED):
        return True
    if char in "_\u00ad" or (ord(char) >= 0x300 and not chars.flag_table()[ord(char)]):
        return True
    if i + 1 == len(text):
        return False
    before, after = text[i - 1], text[i + 1]
    letters = before.isalpha() and after.isalpha() and not flagged(after, chars.UNSPACED)
    digits = all(side.isalnum() and not side.isalpha() for side in (before, after))
    return bool((char in "'’." and (letters or digits)) or (char in ":·" and letters) or (char in ",;" and digits))


def is_list_case(sentence):
    first, i = [], 0
    while i < len(sentence):
        if sentence[i].isalnum():
            first.append(sentence[i])
            while not flagged(sentence[i], chars.UNSPACED) and i + 1 < len(sentence) and joins(sentence, i + 1):
                i += 1
        i += 1
    return len(first) >= 12 and 2 * sum(char.isalpha() and (char.isupper() or char.istitle()) for char in first) > len(first)


CURSED = " №|\ufffd\ufffd\ufffd|aute irure dolor | sunt in culpa qui |orem ipsum | quis nostrud | adipisicing | dolore eu | cupidatat |autem vel eum|wisi enim ad| sex | porn |黄色电影|mp3|ownload|Episode|Develop|Facebook| crusher | xxx "
CURSED = re.compile(rf"{CURSED}|( ...){{9}}|( ....){{9}}|( [^ ]){{9}}|, ..,,? ..,,? ..,,? ..,,?")
POLICIES = (
    "terms of use", "privacy policy", "cookie policy", "uses cookies", "privacy overview", "use of cookies", "use cookies", "privacy & cookies policy", "privacy and cookies policy",
    "necessary cookies are absolutely essential for the website", "any cookies that may not be particularly necessary for the website", "if you continue to browse this site without changing your cookie settings",
)  # fmt: skip


def page_twin(text):
    """The measures of sentences and of the form of a page."""
    sentences = [piece for piece in re.split(r"[.!?]+\s+|[。！？]+", text) if piece.strip()]
    lists, cursed = [is_list_case(piece) for piece in sentences], [bool(CURSED.search(piece)) for piece in sentences]
    n, split = len(text), text.split()
    paragraphs = "".join(char.lower() if char.isascii() else char for char in text).split("\n\n")
    is_draft = any("lorem ipsum" in paragraph for paragraph in paragraphs)
    policy = sum(is_draft or any(phrase in paragraph for phrase in POLICIES) for paragraph in paragraphs)
    urls = re.finditer(r"https?://(?:[A-Za-z0-9$\-_@.&+/:=?#~!*(),]|%[0-9A-Fa-f]{2})+", text)
    return {
        "n_sentences": len(sentences), "list_case_ratio": ratio(sum(lists), len(lists)), "cursed_ratio": ratio(sum(cursed), len(lists)),
        "questionable_ratio": ratio(sum(map(max, lists, cursed)), len(lists)),
        "plain_char_ratio": ratio(len(re.findall(r"[a-zA-Z0-9\n?!,.]", text)), n), "space_ratio": ratio(sum(map(str.isspace, text)), n),
        "bracket_ratio": ratio(sum(char in "()[]{}⟨⟩" for char in text), n), "url_char_ratio": ratio(sum(len(url[0]) for url in urls), n),
        "max_piece_chars": max(map(len, split), default=0), "mean_piece_chars": ratio(sum(map(len, split)), len(split)),
        "alpha_piece_ratio": ratio(sum(any(map(str.isalpha, piece)) for piece in split), len(split)),
        "policy_paragraph_ratio": policy / len(paragraphs),
    }  # fmt: skip


def twin(text, pieces, line_pieces):
    """What the kernels must say of a text, its words, and the words of each of its lines."""
    real = [word for word in pieces if not all(flagged(char, chars.SYMBOL) for char in word)]
    broken, full = text.splitlines(), [line for line in text.split("\n") if line.strip()]
    runs, blocks = re.split(r"\n+", text) if text else [], re.split(r"\n{2,}", text.strip())
    n, tokens = len(text), len(pieces)
    row = {
        "n_chars": n, "n_lines": len(broken), "n_words": len(real), "n_tokens": tokens,
        "n_han": sum(flagged(char, chars.HAN) for char in text),
        "mean_word_chars": ratio(sum(map(len, real)), len(real)),
        "hash_ratio": ratio(text.count("#"), tokens), "ellipsis_ratio": ratio(text.count("...") + text.count("…"), tokens),
        "bullet_line_ratio": ratio(sum(line.lstrip().startswith(("•", "-")) for line in broken), len(broken)),
        "ellipsis_line_ratio": ratio(sum(line.rstrip().endswith(("...", "…")) for line in broken), len(broken)),
        "alpha_word_ratio": ratio(sum(any(char.isalpha() for char in word) for word in pieces), tokens),
        "n_stop_words_en": len({"the", "be", "to", "of", "and", "that", "have", "with"} & set(pieces)),
        "n_stop_words_zh": len(set("的年在月是和日了於·為有被人中为他與後也而由") & set(pieces)),
        "dup_line_ratio": ratio(repeats(runs)[0], len(runs)), "dup_line_char_ratio": ratio(repeats(runs)[1], n),
        "dup_para_ratio": ratio(repeats(blocks)[0], len(blocks)), "dup_para_char_ratio": ratio(repeats(blocks)[1], n),
        "n_long_paragraphs": sum(len(line) >= 200 for line in text.split("\n")),
        "line_punct_ratio": ratio(sum(flagged(line[-1], chars.TERMINAL) for line in full), len(full)),
        "short_line_ratio": ratio(sum(len(line) <= 30 for line in full), len(full)),
        "char_dup_ratio": ratio(repeats(full)[1], len(text.replace("\n", ""))),
        "newline_ratio": ratio(text.count("\n"), tokens),
        "mean_line_chars": ratio(n, len(broken)), "max_line_chars": max(map(len, broken), default=0),
        "alnum_ratio": ratio(sum(char.isalnum() for char in text), n), "han_ratio": ratio(sum(flagged(char, chars.HAN) for char in text), n),
        "digit_ratio": ratio(sum(char.isalnum() and not char.isalpha() for char in text), n),
        "upper_ratio": ratio(sum(char.isupper() or char.istitle() for char in text if char.isalpha()), sum(char.isalpha() for char in text)),
        "sentence_end_ratio": ratio(sum(flagged(char, chars.TERMINAL) for char in text), n),
        "punct_ratio": ratio(sum(flagged(char, chars.PUNCT) for char in text), n),
        "symbol_ratio": ratio(sum(not (char.isalnum() or char.isspace() or flagged(char, chars.PUNCT)) for char in text), n),
        "link_ratio": ratio(sum(map(text.count, LINKS)), tokens), "link_line_ratio": ratio(sum(map(text.count, LINKS)), len(broken)),
    }  # fmt: skip
    row |= {f"top_{k}_gram_ratio": ratio(commonest(pieces, k), n) for k in (2, 3, 4)}
    row |= {f"dup_{k}_gram_ratio": ratio(repeated_runs(pieces, k), n) for k in range(5, 11)}
    row |= page_twin(text)
    row["rep_10_char_ratio"] = ratio(commonest_windows(text), max(n - 9, 0))
    for end in ("", "_any_end"):
        verdicts = [line_verdict(line, bool(end)) for line in broken]
        row[f"n_c4_sentences{end}"] = sum(n_sentences(mine) for mine, verdict in zip(line_pieces, verdicts, strict=True) if verdict[0] is None)
        row[f"has_lorem_ipsum{end}"] = int(any(page.get("lorem") for _, page in verdicts))
        row[f"has_curly_bracket{end}"] = int(any(page.get("curly") for _, page in verdicts))
    at, dropped = 0, []
    for line in text.splitlines(keepends=True):
        reason = line_verdict("".join(line.splitlines()))[0]
        if reason and dropped and dropped[-1]["end"] == at and dropped[-1]["reason"] == reason:
            dropped[-1]["end"] += len(line)
        elif reason:
            dropped.append({"start": at, "end": at + len(line), "reason": reason})
        at += len(line)
    return row | {"c4_dropped_lines": dropped}


def agree(text, chinese):
    pieces = found_words(text, chinese)
    assert "".join(pieces) == "".join(text.split())  # every character that is no white space is in one word
    per_line, at = [], 0
    for line in text.splitlines():
        length, mine = len("".join(line.split())), []
        while length:
            length -= len(pieces[at])
            mine.append(pieces[at])
            at += 1
        per_line.append(mine)
    read = read_one(text)
    columns = measures.measure_chars(read, words.find_words(read, np.array([chinese])))
    row = {name: values.to_pylist()[0] if isinstance(values, pa.Array) else values[0].item() for name, values in columns.items()}
    assert row == twin(text, pieces, per_line)


@pytest.mark.parametrize("chinese", [False, True])
@pytest.mark.parametrize("text", ROWS)
def test_the_kernels_measure_what_their_twin_does(text, chinese):
    agree(text, chinese)


@given(TEXTS, st.booleans())
@example("\u212a lorem ipsum use cooKies.", False)
@settings(max_examples=300, deadline=None)
def test_the_kernels_measure_what_their_twin_does_on_any_text(text, chinese):
    agree(text.encode("utf-8", "ignore").decode(), chinese)


@given(st.lists(TEXTS, max_size=5))
@settings(max_examples=30, deadline=None)
def test_a_document_measures_the_same_alone_and_in_company(texts):
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    assert measure(texts) == [row for text in texts for row in measure([text])]


def test_a_document_measures_the_same_wherever_a_slice_ends(monkeypatch):
    texts = [text for text in ROWS for _ in range(2)]
    together = measure(texts)
    monkeypatch.setattr(measures, "SLICE_BYTES", 40)
    assert measure(texts) == together


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Hello, world!", ["Hello", ",", "world", "!"]),
        ("I can't (don't) we'll", ["I", "ca", "n't", "(", "do", "n't", ")", "we", "'ll"]),
        ("the dog's “best” bone", ["the", "dog", "'s", "“", "best", "”", "bone"]),
        ("see https://example.com/a?b=c-d.", ["see", "https://example.com/a?b=c-d", "."]),
        ("e.g. the U.S. and J. Doe.", ["e.g.", "the", "U.S.", "and", "J.", "Doe", "."]),
        ("well-known 14-day jdk-8 a--b", ["well", "-", "known", "14", "-", "day", "jdk-8", "a", "--", "b"]),
        ("5km/h 10% $5 3+4 2.50", ["5", "km/h", "10", "%", "$", "5", "3", "+", "4", "2.50"]),
        ("wait... what…", ["wait", "...", "what", "…"]),
        ("end.Start a,b 1,000", ["end", ".", "Start", "a", ",", "b", "1,000"]),
        ("f(x): :) (8)", ["f(x", "):", ":)", "(", "8)"]),
        ("10.0.0.1/x 8.8.8.8/x", ["10.0.0.1", "/", "x", "8.8.8.8/x"]),
        ("he said 我爱北京天安门, and left", ["he", "said", "我爱北京天安门", ",", "and", "left"]),  # Han are letters in English
        ("かな กข", ["か", "な", "ก", "ข"]),
    ],
)
def test_words_are_cut_as_the_thresholds_expect(text, pieces):
    assert found_words(text) == pieces


def test_chinese_words_are_cut_by_a_dictionary():
    assert found_words("我爱北京天安门 and NLP", chinese=True) == ["我", "爱", "北京", "天安门", "and", "NLP"]


def test_english_words_are_those_of_spacy():
    spacy = pytest.importorskip("spacy")
    text = ENGLISH + "They'd've said: “It's 5pm, Mr. O'Neil's—not 10a.m.”; visit www.example.org/path, or mail a.b@c.de! x=y/z <tag> [1] **bold** v1.2-beta 译者：[Linux中国](https://linux.cn/)，荣誉推出"
    assert found_words(text) == [token.text for token in spacy.blank("en")(text) if token.text.strip()]


@given(st.text(st.sampled_from("的一是了我不人在他有这中大来上国和说们为子你地出道也时年得就那要下以生会自着去之过家学对可里后小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市眼体别处总才场师书比住员九笑性通目华报立马命张活难神数件安表原车白应路期叫死常提感金何更反合放做系计或司利受光王果亲界及今京务制解各任至清物台象记边共风战干接它许八特觉望直服毛林题建南度统色字请交爱让认算论百吃义科怎元社术结六功指思非流每青管夫连远资队跟带花快条院变联言权往展该领传近留红治决周保达办运武半候七必城父强步完革深区即求品士转量空甚众技轻程告江语英基派满式李息写呢识极令黄德收脸钱党倒未持取设始版双历越史商千片容研像找友孩站广改议形委早房音火际则首单据导影失拿网香似斯专石若兵弟谁校读志飞观争究包组造落视济喜离虽坏兴切验ab1.-% ,。"), max_size=40))
@example("他来到了网易杭研大厦")  # 杭研 is in no dictionary
@settings(max_examples=200, deadline=None)
def test_chinese_words_are_those_of_jieba(text):
    import jieba

    assert found_words(text, chinese=True) == [word.strip() for word in jieba.cut(text) if word.strip()]


@pytest.mark.parametrize(
    "text",
    [
        "The Quick Brown Fox Jumps Over A Lazy Dog In The Old Mill Today",
        "O'Neil's e.g. U.S.A. 1,000.50 can't well-known 5km/h a_b x:y don’t 3;4 A·B e\u0301t\u00e9 “Quoted” (Bracket) #Tag @name",
        "Mr. Smith's 2nd home, 12:30pm; v1.2-beta http://example.org/a?b=c 100% C++ C# Ab\u00adcd",
        "他在北京 Works As A 老师 And Teaches かな",
    ],
)
def test_words_of_a_sentence_begin_where_unicode_has_them(text):
    regex = pytest.importorskip("regex", reason="knows Unicode's word boundaries: pip install -e .[dev]")
    wanted = [piece for piece in regex.split(r"(?wV1)\b", text) if any(map(str.isalnum, piece))]
    found, i = [], 0
    while i < len(text):
        start = i
        while text[start].isalnum() and not flagged(text[i], chars.UNSPACED) and i + 1 < len(text) and joins(text, i + 1):
            i += 1
        if text[start].isalnum():
            found.append(text[start : i + 1])
        i += 1
    assert [piece.strip("_") for piece in found] == [piece.strip("_") for piece in wanted]


LISTED = "Home News Sports Weather Traffic Video Radio Jobs Autos Homes Deals Contact"


@pytest.mark.parametrize(
    ("text", "shares"),  # n_sentences; list case, cursed, either
    [
        ("The mill is old. It stands by the river.", (2, 0.0, 0.0, 0.0)),
        (f"{LISTED}. The mill is old.", (2, 0.5, 0.0, 0.5)),
        (f"{LISTED.removesuffix(' Contact')}. The mill is old.", (2, 0.0, 0.0, 0.0)),  # eleven words
        ("Download it here. The mill is old. It costs 3.50 a day! Read on", (4, 0.0, 0.25, 0.25)),
        (f"Download: {LISTED}. Facebook. The mill.", (3, 1 / 3, 2 / 3, 2 / 3)),
        ("磨坊很老。它在河边！你去过吗？黄色电影网站。", (4, 0.0, 0.25, 0.25)),
        ("", (0, 0.0, 0.0, 0.0)),
    ],
)
def test_sentences_are_questioned_as_madlad_does(text, shares):
    (row,) = measure([text])
    assert (row["n_sentences"], row["list_case_ratio"], row["cursed_ratio"], row["questionable_ratio"]) == shares


def test_dropped_lines_leave_the_text_as_edits():
    text = "This line ends well.\nThis one does not\r\nUse cookies if you must.\nSo it is said."
    (row,) = measure([text])
    assert [line["reason"] for line in row["c4_dropped_lines"]] == ["no_terminal_punctuation", "policy"]
    edited, _ = apply_edits(text, [(line["start"], line["end"], "") for line in row["c4_dropped_lines"]])
    assert edited == "This line ends well.\nSo it is said."


def unified(text):
    return text.replace("\r\n", "\n").replace("\r", "\n")


@given(st.lists(TEXTS.flatmap(lambda text: st.sampled_from([text, text.replace("\n", "\r\n"), text.replace("\n", "\r")])), max_size=4))
@example([ENGLISH.replace("\n", "\r\n"), CHINESE, "use cookies\r\n\r\n\r\rlorem ipsum\r\n", "\r\n" * 3 + "no end"])
@settings(max_examples=100, deadline=None)
def test_line_ends_do_not_matter_and_what_is_dropped_is_the_same_line(texts):
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    plain = [unified(text) for text in texts]
    for text, alike, row, wanted in zip(texts, plain, measure(texts), measure(plain), strict=True):
        dropped, wanted_dropped = row.pop("c4_dropped_lines"), wanted.pop("c4_dropped_lines")
        assert row == wanted
        assert [line["reason"] for line in dropped] == [line["reason"] for line in wanted_dropped]
        edited = [apply_edits(of, [(line["start"], line["end"], "") for line in lines]) for of, lines in ((text, dropped), (alike, wanted_dropped))]
        assert unified(edited[0][0]) == edited[1][0]


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_a_line_that_ends_a_sentence_does_so_before_any_line_end(end):
    lines = ["The harbour lies quiet in the morning light.", "Nobody has come yet to open the gates!", "Is it so?"]
    (row,) = measure([end.join(lines)])
    assert (row["line_punct_ratio"], row["n_lines"], row["newline_ratio"]) == (1.0, 3, 2 / row["n_tokens"])
    (twice,) = measure([end.join([lines[0], "", lines[0]])])
    assert (twice["dup_para_ratio"], twice["dup_line_ratio"]) == (0.5, 0.5)


def test_null_empty_and_blank_texts_go_through():
    texts = pa.array([None, "", " \n"], pa.string())
    rows = measures.measure(texts, lid_model=langid.PACKAGE, lid_chars=100)
    assert rows.schema.equals(measures.MEASURES, check_metadata=True)
    assert [row["lang"] for row in rows.to_pylist()] == [None] * 3
    assert [row["n_chars"] for row in rows.to_pylist()] == [0, 0, 2]
    assert measures.measure(texts[:0], lid_model=langid.PACKAGE, lid_chars=100).num_rows == 0


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        (CHINESE, True), (ENGLISH, False), ("", False), ("1 + 2 = 3", False), ("的", True),
        ("调用 print(value) 打印 the_value_of_it, 然后 return self.value + 1", True),  # code in Chinese prose
        ("He said 你好 to everybody who came to the station that day.", False),
        ("これは日本の本です", False), ("ภาษา的", False),
    ],
)  # fmt: skip
def test_the_script_decides_how_words_are_found(text, chinese):
    assert words.are_chinese(read_one(text)).tolist() == [chinese]
    (row,) = measure([text])
    assert row["n_tokens"] == len(found_words(text, chinese))


def test_the_language_comes_beside_the_measures():
    rows = measures.measure(pa.array([CHINESE, ENGLISH]), lid_model=langid.PACKAGE, lid_chars=100).to_pylist()
    assert [row["lang"] for row in rows] == ["zh", "en"]
    assert all(0.5 < row["lang_score"] <= 1 for row in rows)


def test_large_strings_and_slices_of_columns_measure_alike():
    texts = pa.array(["left out", *ROWS])
    assert measures.measure_texts(texts[1:]) == measures.measure_texts(texts.cast(pa.large_string())[1:])


def test_a_missing_model_is_an_error_that_says_what_to_do():
    with pytest.raises(FileNotFoundError, match="no language model at /nowhere"):
        langid.load_model("/nowhere")


def test_missing_jieba_is_an_error_that_says_what_to_do(monkeypatch):
    monkeypatch.setattr(chinese_words.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install jieba"):
        chinese_words._package.__wrapped__()


def test_every_column_says_what_it_means():
    assert measures.SIGNALS.names[0] == "doc_id"
    assert all(field.metadata[b"comment"] for field in measures.SIGNALS)
    assert set(lines.DROP_REASONS[1:]) == {"too_long_word", "no_terminal_punctuation", "too_few_words", "javascript", "policy"}
