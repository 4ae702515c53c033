"""Shingles as plain sets of tuples, and the Jaccard of two texts by them: the reference of udfs/dedup/shingles.py,
with nothing of its hashing."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

from gristmill.udfs.dedup.shingles import ShingleParams
from gristmill.udfs.text.folding import fold_text
from gristmill.udfs.text.signs import AMBIGUOUS, DASH, JOINED, MARK, OPERATOR, SAME, sign_class

UNSPACED = "\u3005\u3040-\u30ff\u3400-\u9fff\u0e01-\u0e4e"


def sign_of(char):
    return 0 if char.isalnum() or char == "_" else sign_class(char, unicodedata.category(char))


def is_operand(word, char):
    return bool(re.match("[0-9]", char)) or (len(word) == 1 and not re.match(f"[{UNSPACED}]", word))


def signs_between(left, gap, right, in_chain):
    """The signs of a gap that count between two words of a line ("": none), and whether an operator does."""
    kinds = [sign_of(char) for char in gap]
    signs = [
        (SAME.get(ord(char), char) if kind != DASH else "-", kind) for char, kind in zip(gap, kinds) if kind
    ]
    operands = bool(left) and is_operand(left, left[-1]), bool(right) and is_operand(right, right[0])
    if {OPERATOR, AMBIGUOUS, DASH} & set(kinds):
        is_apart, has_operator = gap[0].isspace() or gap[-1].isspace(), OPERATOR in kinds
        is_direct = (operands[0] and kinds[0]) or (operands[1] and kinds[-1] == OPERATOR)
        is_minus = kinds[-1] == DASH and re.match("[0-9]", right) and (not left or len(gap) > 1)
        between = left and right and is_apart and (has_operator or in_chain)
        if all(operands) or between or (has_operator and is_direct) or is_minus:
            told = [char for char, kind in signs if kind != JOINED or all(operands)]
            return [char for i, char in enumerate(told) if char != "-" or i == 0 or told[i - 1] != "-"], True
    digits = bool(re.search("[0-9]$", left)), bool(re.match("[0-9]", right)) and kinds[-1:] == [MARK]
    if MARK in kinds and (any(digits) or (operands[0] and kinds[0] == MARK)):
        return [char for char, kind in signs if kind == MARK], False
    return [], False


def signed_words(text):
    """Words and characters with the signs that count behind them; those before the first belong to it."""
    words, found, in_chain = list(re.finditer(rf"[{UNSPACED}]|[^\W{UNSPACED}]+", text)), [], False
    for k in range(-1, len(words)):
        left, start = (words[k].group(), words[k].end()) if k >= 0 else ("", 0)
        right, stop = (words[k + 1].group(), words[k + 1].start()) if k + 1 < len(words) else ("", len(text))
        lines, told = text[start:stop].split("\n"), []
        for n, gap in enumerate(lines):
            is_last = n == len(lines) - 1
            signs, is_operator = signs_between(
                left if n == 0 else "", gap, right if is_last else "", in_chain
            )
            told.append(tuple(signs))
            in_chain = is_operator and is_last
        found.append((left, tuple(signs for signs in told if signs)))
    opening, found = found[0][1], found[1:]
    return [((found[0][0], opening), found[0][1]), *found[1:]] if opening and found else found


def plain(text, params):
    """The n-grams of a text, as tuples: what the hashes stand for."""
    text = re.sub("[\u00ad\u200b]", "", fold_text(text, replace(params.fold, collapse_whitespace=False)))
    solid = re.sub(r"\s", "", text)
    unspaced = re.findall(f"[{UNSPACED}]", solid)
    is_unspaced = unspaced and len(unspaced) >= params.min_unspaced_ratio * len(solid)
    if params.unit == "characters" or (params.unit == "auto" and is_unspaced):
        tokens, n = list(solid), params.characters
        grams = {tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)}
        return grams or ({tuple(tokens)} if tokens else set())
    tokens, n = signed_words(text), params.words
    last = len(tokens) - 1
    # what stands behind an n-gram is no part of it, but at the end of the text, or of single words
    ends = [tokens[i] if i == last or n == 1 else (tokens[i][0], ()) for i in range(len(tokens))]
    grams = {(*tokens[i : i + n - 1], ends[i + n - 1]) for i in range(len(tokens) - n + 1)}
    return grams or ({tuple(tokens)} if tokens else set())


def plain_jaccard(one, other, params=None):
    """The Jaccard of the sets of n-grams of two texts; 0 where neither has any."""
    a, b = (plain(text, params or ShingleParams()) for text in (one, other))
    return len(a & b) / len(a | b) if a | b else 0.0
