"""A small text classifier, trained from scratch on labelled rows and saved as a Hugging Face folder; its AUC and speed.

    .venv-worker/bin/python -m benchmarks.small_transformer --train FILE --out models/small-quality

--train: Parquet with text and label (1 good; any other number: a class of its own, as a domain's; strings too). A WordPiece tokenizer of 8,192
entries and a BERT of two layers (128 wide, the first 128 tokens of a text), both trained here: two to four minutes on a core for 5,000 rows.
With a column `part` (numbers), --held FILE is written too: for each row of two classes the logit of the class good by a model trained without its part.
--speed: documents/s of gristmill.udfs.language_models.text_heads compared with transformers' pipeline over the same rows, one thread each. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.inputs import need_columns
from gristmill.udfs.language_models import text_heads
from gristmill.udfs.language_models.causal_lm import CHARS, passes

TOKENS, VOCABULARY, WIDTH, LAYERS, PADDED = 128, 8192, 128, 2, 4096
EPOCHS, RATE, SEED = 4, 1e-3, 1


def named(labels: Sequence[Any]) -> list[str]:
    """1 is good, 0 is bad; anything else as it stands."""
    return [{0: "bad", 1: "good"}.get(label, str(label)) for label in labels]


def train_tokenizer(texts: Sequence[str]) -> Any:
    """WordPiece, case kept, a Han character by itself; [CLS] and [SEP] around a text."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=VOCABULARY, special_tokens=special, show_progress=False))
    ends = [(name, made.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", model_max_length=TOKENS)


def train(texts: Sequence[str], labels: Sequence[str]) -> tuple[Any, Any]:
    """Model and tokenizer. The same rows in the same order give the same model on the same machine."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(SEED)
    heads = [text[: TOKENS * CHARS] for text in texts]
    tokenizer, names = train_tokenizer(heads), sorted(set(labels))
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=2, intermediate_size=2 * WIDTH,
        max_position_embeddings=TOKENS, pad_token_id=tokenizer.pad_token_id, id2label=dict(enumerate(names)), label2id={name: i for i, name in enumerate(names)},
    )  # fmt: skip
    model, tokens = BertForSequenceClassification(config).train(), tokenizer(heads, truncation=True, max_length=TOKENS)["input_ids"]
    wanted = torch.tensor([names.index(label) for label in labels])
    weights = len(labels) / torch.bincount(wanted, minlength=len(names)).clamp(min=1) / len(names)
    rounds = [part for epoch in range(EPOCHS) for part in shuffled(list(passes([len(each) for each in tokens], PADDED)), SEED + epoch)]
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=len(rounds))
    for part in rounds:
        batch = tokenizer.pad({"input_ids": [tokens[i] for i in part]}, return_tensors="pt")
        logits = model(**batch).logits
        torch.nn.functional.cross_entropy(logits, wanted[part], weight=weights).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        plan.step()
    return model.eval(), tokenizer


def shuffled(parts: list[list[int]], seed: int) -> list[list[int]]:
    """The passes of an epoch in another order, and what is in them exchanged between neighbours of like length."""
    draw = random.Random(seed)
    flat, sizes = [i for part in parts for i in part], [len(part) for part in parts]
    for start in range(0, len(flat), 512):
        window = flat[start : start + 512]
        draw.shuffle(window)
        flat[start : start + 512] = window
    ends = np.cumsum([0, *sizes])
    made = [flat[a:b] for a, b in itertools.pairwise(ends)]
    draw.shuffle(made)
    return made


def save(folder: Path, texts: Sequence[str], labels: Sequence[str]) -> float:
    """Train and save; seconds."""
    began = time.monotonic()
    model, tokenizer = train(texts, labels)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return time.monotonic() - began


def held_out(rows: pa.Table, folder: Path) -> list[float]:
    """The logit of being good of each row by a model (in `folder`, one after the other) of the rows of all other parts."""
    texts, labels, parts = rows["text"].to_pylist(), named(rows["label"].to_pylist()), rows["part"].to_pylist()
    found = [0.0] * len(texts)
    for part in sorted(set(parts)):
        rest, test = [i for i, each in enumerate(parts) if each != part], [i for i, each in enumerate(parts) if each == part]
        seconds = save(folder, [texts[i] for i in rest], [labels[i] for i in rest])
        text_heads.load.cache_clear()
        _, logits = text_heads.outputs([texts[i] for i in test], str(folder), "cpu", TOKENS, PADDED)
        for i, two in zip(test, logits, strict=True):
            found[i] = float(two[1] - two[0])
        print(f"part {part}: {len(test)} rows held out, {seconds:.0f} s of training", file=sys.stderr, flush=True)
    return found


def speed(texts: Sequence[str], folder: Path) -> dict[str, float]:
    """Documents/s and MB/s by the kernel of the job and by transformers' pipeline (a text at a time, its default, and 32), one thread, best of three by CPU time."""
    import torch
    from transformers import pipeline

    torch.set_num_threads(1)
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) / 1e6
    batches = [pa.array(texts[i : i + 512]) for i in range(0, len(texts), 512)]  # as Spark cuts them
    bare = pipeline("text-classification", model=str(folder), device="cpu")
    head = text_heads.Head("softmax", ("good",))
    bound = functools.partial(text_heads.score_texts, folder=str(folder), device="cpu", head=head)
    ours = best(lambda: [bound(each, max_tokens=TOKENS, padded_tokens=PADDED) for each in batches])
    theirs = {rows: best(lambda rows=rows: bare(texts, batch_size=rows, truncation=True, max_length=TOKENS)) for rows in (1, 32)}  # type: ignore[misc]
    return {"docs_s_core": round(len(texts) / ours), "mb_s_core": round(size / ours, 2), "pipeline_docs_s_core": round(len(texts) / min(theirs.values())),
            "of_bare_library": round(min(theirs.values()) / ours, 2), "of_bare_library_one_at_a_time": round(theirs[1] / ours, 2)}  # fmt: skip


def best(work: Any) -> float:
    """CPU seconds of the best of three."""
    seconds = []
    for _ in range(3):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)


def main(argv: list[str] | None = None) -> int:
    """Train, measure, print; 0."""
    parser = argparse.ArgumentParser("python -m benchmarks.small_transformer", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", required=True, type=Path, help="Parquet: text, label (and part for --held)")
    parser.add_argument("--out", required=True, type=Path, help="folder for the model of all rows")
    parser.add_argument("--held", type=Path, help="Parquet to write: logit, a row for each of --train by a model that did not see its part")
    parser.add_argument("--speed", action="store_true", help="documents/s beside transformers' pipeline")
    given = parser.parse_args(argv)
    need_columns(given.train, "text", "label", *(["part"] if given.held else []))
    os.environ |= {"TQDM_DISABLE": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    rows = pq.read_table(given.train)
    texts, labels = rows["text"].to_pylist(), named(rows["label"].to_pylist())
    if given.held:
        pq.write_table(pa.table({"logit": held_out(rows, given.out)}), given.held)
    seconds = save(given.out, texts, labels)
    told: dict[str, Any] = {"rows": len(texts), "labels": sorted(set(labels)), "train_seconds": round(seconds, 1)}
    told["model_mb"] = round(sum(path.stat().st_size for path in given.out.iterdir()) / 1e6, 1)
    print(json.dumps(told | (speed(texts, given.out) if given.speed else {})))
    return 0


if __name__ == "__main__":
    sys.exit(main())
