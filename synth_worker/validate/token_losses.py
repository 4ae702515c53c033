"""Losses of all tokens of texts under a causal language model from a Hugging Face folder (transformers,
float32, on the CPU)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gristmill.synth_worker.command_line import import_modules
from gristmill.synth_worker.errors import RecipeError

# tokens, with padding, in one pass of the model: its logits are a row of the
# vocabulary for each token, 400 MB in 32 bits for the 49,152 tokens of SmolLM2
PADDED_TOKENS = 2048


def batches(lengths: Sequence[int], most: int = PADDED_TOKENS) -> Iterator[list[int]]:
    """Positions of texts that go through the model together: of similar length, at most `most` tokens with
    padding, but at least one text.

        lengths [5, 900, 6], most 20   ->   [0, 2], [1]
    """
    # Sorted by length: a short text padded to a long one would cost as much as the long one.
    part: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if part and lengths[i] * (len(part) + 1) > most:
            yield part
            part = []
        part.append(i)
    if part:
        yield part


class CausalModel:
    """A model and its tokenizer. Raises RecipeError when packages or the folder are missing or unreadable.

    `longest`: tokens of its context; None where the model has no such bound.
    """

    def __init__(self, folder: str) -> None:
        torch, transformers = import_modules("torch", "transformers")
        if not (Path(folder) / "config.json").is_file():
            raise RecipeError(
                f"{folder}: no Hugging Face folder (config.json is not there); `make worker` makes "
                "models/smollm2-135m-instruct"
            )
        try:
            # local_files_only: a folder that lacks a file must not become a download.
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
        """The token ids of a text; with `opens`, those that the tokenizer puts before a text, but never those
        that it puts behind one."""
        # An end token between question and chain would
        # make the chain the beginning of another text.
        ids = list(self.tokenizer(text, add_special_tokens=opens, verbose=False)["input_ids"])
        return ids[:-1] if opens and ids and ids[-1] == self.tokenizer.eos_token_id else ids

    def losses(self, texts: Sequence[Sequence[int]]) -> list[list[float]]:
        """The loss (nats) of each token but the first of each text, in the order of `texts`."""
        import torch

        losses: list[list[float]] = [[] for _ in texts]
        for part in batches([len(text) for text in texts]):
            width = max(len(texts[i]) for i in part)
            # Padding on the right: under a causal mask no token of the text attends to it.
            rows = torch.zeros((len(part), width), dtype=torch.long)
            mask = torch.zeros_like(rows)
            for row, i in enumerate(part):
                rows[row, : len(texts[i])] = torch.tensor(texts[i])
                mask[row, : len(texts[i])] = 1
            with torch.inference_mode():
                logits = self.model(input_ids=rows, attention_mask=mask, use_cache=False).logits
                for row, i in enumerate(part):
                    n = len(texts[i])
                    losses[i] = torch.nn.functional.cross_entropy(
                        logits[row, : n - 1].float(), rows[row, 1:n], reduction="none"
                    ).tolist()
        return losses
