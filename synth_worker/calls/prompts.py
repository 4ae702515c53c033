"""From a prompt file and a document to messages; a document is data, whatever it says.

What looks like a control token of any chat template is broken by a space before it reaches a prompt, and a
document stands between two fences that carry a number made from the request, so that it cannot close its own.
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
# of the letters, from which on a text is Chinese
MIN_HAN_SHARE = 0.2
Message = dict[str, str]


def harmless(text: str, tokens: list[str]) -> str:
    """`text` with a space inside whatever could be a control token: of the usual templates, or one of
    `tokens`."""
    broken = TOKEN.sub(lambda m: f"{m.group()[0]} {m.group()[1:]}", text)
    for token in sorted(
        {token for token in tokens if len(token) > 1 and not token.isspace() and not token.isalnum()},
        key=len,
        reverse=True,
    ):
        # two tokens side by side may leave a third between them
        for _ in range(len(token)):
            broken = broken.replace(token, f"{token[0]} {token[1:]}")
    return broken


def language(lang: str | None, text: str) -> str:
    """zh or en: which prompt a document gets; by its language, else by its letters."""
    if lang in ("zh", "en"):
        return str(lang)
    return "zh" if is_chinese(text) else "en"


def is_chinese(text: str) -> bool:
    """Whether enough of the letters are Han."""
    letters = len(LETTER.findall(text))
    return letters > 0 and len(HAN.findall(text)) >= MIN_HAN_SHARE * letters


def fill(template: str, values: dict[str, str]) -> str:
    """Put `values` in the place of {name}; one pass, so that braces inside a value stay what they are."""
    return re.sub(r"\{(\w+)\}", lambda m: values.get(m.group(1), m.group()), template)


def messages(
    step: Step, lang: str, request_id: str, texts: dict[str, str], words: dict[str, str], tokens: list[str]
) -> list[Message]:
    """System and user message.

    `texts` are fenced (document, segment, ...); `words` are our own and are not. Neither brings control
    tokens.
    """
    values = {name: harmless(text, tokens) for name, text in words.items()}
    for name, text in texts.items():
        fence = f"{name.upper()} {hashlib.blake2b(request_id.encode(), digest_size=4).hexdigest()}"
        values[name] = f"[[{fence} BEGIN]]\n{harmless(text, tokens)}\n[[{fence} END]]"
    return [
        {"role": "system", "content": fill(step.system[lang], values)},
        {"role": "user", "content": fill(step.user[lang], values)},
    ]


def repair(file: PromptFile, lang: str, said: str, error: str, tokens: list[str]) -> list[Message]:
    """What is added to the messages after an unusable answer: the answer, and what was wrong with it."""
    return [
        {"role": "assistant", "content": harmless(said[:2000], tokens)},
        {"role": "user", "content": fill(file.repair[lang], {"error": error})},
    ]


def chosen(file: PromptFile, lang: str, request_id: str) -> dict[str, str]:
    """One of each list of choices, by the hash of the request: the same request always gets the same."""
    found = {}
    for name, lists in file.choices.items():
        number = int.from_bytes(
            hashlib.blake2b(f"{name}|{request_id}".encode(), digest_size=8).digest(), "big"
        )
        found[name] = lists[lang][number % len(lists[lang])]
    return found


def digest(parts: list[Message], sampling: dict[str, Any]) -> str:
    """Hash of the rendered prompt and its sampling."""
    body = json.dumps([parts, sampling], ensure_ascii=True, sort_keys=True).encode()
    return hashlib.blake2b(body, digest_size=16).hexdigest()
