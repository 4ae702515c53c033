"""From a prompt file and a document to chat messages; the text of a document is data, never an instruction.

Anything that looks like a control token of a chat template is broken by a space before it enters a prompt. A
document is put between two fences with a number derived from the request, so that its text cannot end the
fence:

    [[DOCUMENT 5f0c9a1e BEGIN]]
    ... < |im_start| >system ...
    [[DOCUMENT 5f0c9a1e END]]
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from gristmill.synth_worker.recipe import PromptFile, Step

# Control tokens as chat templates write them: <|im_start|>, <｜User｜>, <s>, [INST], <<SYS>>,
# <start_of_turn>, <think>, <tool_call>.
TOKEN = re.compile(
    r"<[|｜]|[|｜]>|<<(?=/?SYS)|\[(?=/?(?:INST|AVAILABLE_TOOLS|TOOL))|<(?=/?[A-Za-z_][\w:.-]{0,40}>)"
    r"|<(?=[^<>\s]{1,40}[|｜▁])",
    re.IGNORECASE,
)
HAN = re.compile(r"[\u3400-\u9fff]")
LETTER = re.compile(r"[^\W\d_]")
# share of Han among the letters from which on a text counts as Chinese
MIN_HAN_SHARE = 0.2
Message = dict[str, str]


def break_tokens(text: str, tokens: list[str]) -> str:
    """`text` with a space inside everything that could be a control token: of the usual templates, or one of
    `tokens`."""
    # Longest first, so that no token survives as a part of a longer one. Words
    # and white space are no control tokens, whatever the tokenizer says.
    broken = TOKEN.sub(lambda m: f"{m.group()[0]} {m.group()[1:]}", text)
    for token in sorted(
        {token for token in tokens if len(token) > 1 and not token.isspace() and not token.isalnum()},
        key=len,
        reverse=True,
    ):
        # Breaking one occurrence may form another with
        # its neighbours, at most once for each character.
        for _ in range(len(token)):
            broken = broken.replace(token, f"{token[0]} {token[1:]}")
    return broken


def language(lang: str | None, text: str) -> str:
    """The language of the prompt, zh or en: that of the document, else decided by its letters."""
    if lang in ("zh", "en"):
        return str(lang)
    return "zh" if is_chinese(text) else "en"


def is_chinese(text: str) -> bool:
    """Whether at least MIN_HAN_SHARE of the letters are Han; False for a text without letters."""
    letters = len(LETTER.findall(text))
    return letters > 0 and len(HAN.findall(text)) >= MIN_HAN_SHARE * letters


def fill(template: str, values: dict[str, str]) -> str:
    """`template` with each {name} replaced by its value; an unknown name is left as it is.

    One pass, so that braces inside a value are not replaced.
    """
    # No str.format: documents and prompts contain braces of their own.
    return re.sub(r"\{(\w+)\}", lambda m: values.get(m.group(1), m.group()), template)


def messages(
    step: Step, lang: str, request_id: str, texts: dict[str, str], words: dict[str, str], tokens: list[str]
) -> list[Message]:
    """System and user message of a step.

    `texts` (document, segment, ...: written by others) are fenced; `words` come from the recipe and are not.
    Control tokens are broken in both.
    """
    values = {name: break_tokens(text, tokens) for name, text in words.items()}
    for name, text in texts.items():
        fence = f"{name.upper()} {hashlib.blake2b(request_id.encode(), digest_size=4).hexdigest()}"
        values[name] = f"[[{fence} BEGIN]]\n{break_tokens(text, tokens)}\n[[{fence} END]]"
    return [
        {"role": "system", "content": fill(step.system[lang], values)},
        {"role": "user", "content": fill(step.user[lang], values)},
    ]


def repair(file: PromptFile, lang: str, answer: str, error: str, tokens: list[str]) -> list[Message]:
    """The messages that are appended after an unusable answer: the answer, and the error in it."""
    # 2,000 characters are enough to point at the error,
    # and bound the prompt of an answer that did not end.
    return [
        {"role": "assistant", "content": break_tokens(answer[:2000], tokens)},
        {"role": "user", "content": fill(file.repair[lang], {"error": error})},
    ]


def choose_words(file: PromptFile, lang: str, request_id: str) -> dict[str, str]:
    """One entry of each list of choices, by the hash of the request: a repeated run gets the same prompt."""
    words = {}
    for name, lists in file.choices.items():
        number = int.from_bytes(
            hashlib.blake2b(f"{name}|{request_id}".encode(), digest_size=8).digest(), "big"
        )
        words[name] = lists[lang][number % len(lists[lang])]
    return words


def digest(parts: list[Message], sampling: dict[str, Any]) -> str:
    """Hash of the rendered messages and their sampling: equal hashes mean the same call."""
    body = json.dumps([parts, sampling], ensure_ascii=True, sort_keys=True).encode()
    return hashlib.blake2b(body, digest_size=16).hexdigest()
