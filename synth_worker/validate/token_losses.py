"""The loss of every token of a text under a causal language model in a Hugging Face folder
(transformers, float32, on the CPU)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gristmill.synth_worker.command_line import need
from gristmill.synth_worker.errors import RecipeError

# in one pass of the model: its logits are that many rows of the vocabulary
PADDED_TOKENS = 2048


def batches(lengths: Sequence[int], most: int = PADDED_TOKENS) -> Iterator[list[int]]:
    """Places of texts that go through the model together: of like length, `most` tokens with padding
    (one text at the least)."""
    part: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if part and lengths[i] * (len(part) + 1) > most:
            yield part
            part = []
        part.append(i)
    if part:
        yield part


class CausalModel:
    """A model and its tokenizer. Raises RecipeError when the packages or the folder are missing."""

    def __init__(self, folder: str) -> None:
        torch, transformers = need("torch", "transformers")
        if not (Path(folder) / "config.json").is_file():
            raise RecipeError(
                f"{folder}: no Hugging Face folder (config.json is not there); `make worker` makes "
                "models/smollm2-135m-instruct"
            )
        try:
            self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self.model: Any = transformers.AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, dtype=torch.float32
            ).eval()
        except (OSError, ValueError, KeyError) as error:
            raise RecipeError(
                f"{folder}: not readable as a causal language model: {str(error).splitlines()[0]}"
            ) from None
        self.longest: int | None = getattr(self.model.config, "max_position_embeddings", None)

    def ids(self, text: str, opens: bool = False) -> list[int]:
        """Tokens of a text; `opens`: with what the tokenizer puts before a text, never what it puts
        behind one."""
        found = list(self.tokenizer(text, add_special_tokens=opens, verbose=False)["input_ids"])
        return found[:-1] if opens and found and found[-1] == self.tokenizer.eos_token_id else found

    def losses(self, texts: Sequence[Sequence[int]]) -> list[list[float]]:
        """Nats of each token but the first of each text, in the order of the texts."""
        import torch

        made: list[list[float]] = [[] for _ in texts]
        for part in batches([len(text) for text in texts]):
            width = max(len(texts[i]) for i in part)
            # padding stands behind, where no token before it looks
            rows = torch.zeros((len(part), width), dtype=torch.long)
            mask = torch.zeros_like(rows)
            for row, i in enumerate(part):
                rows[row, : len(texts[i])] = torch.tensor(texts[i])
                mask[row, : len(texts[i])] = 1
            with torch.inference_mode():
                logits = self.model(input_ids=rows, attention_mask=mask, use_cache=False).logits
                for row, i in enumerate(part):
                    n = len(texts[i])
                    made[i] = torch.nn.functional.cross_entropy(
                        logits[row, : n - 1].float(), rows[row, 1:n], reduction="none"
                    ).tolist()
        return made
