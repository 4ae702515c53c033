"""The tables of scores: measurements of models, at most one for each document and version of a scorer."""

from __future__ import annotations

from gristmill.jobs.schema.table import DOC, Table, columns

PERPLEXITY = Table(
    "perplexity",
    "One row for each document and language model: the likelihood of its text under the model.",
    columns(
        """
job       | string! | the job that measured: score_perplexity (KenLM) or score_loss (a causal language model)
"""
        + DOC
        + """
model     | string! | name and version of the model
n_tokens  | bigint! | tokens scored (KenLM: including the end of text; a causal model: from the beginning, as
          |         | many as its version states)
log_prob  | double! | natural logarithm of their likelihood
oov_ratio | double  | share of tokens outside the model's vocabulary (null for models without unknown tokens)
perplexity | double! | exp(-log_prob / n_tokens)
loss      | double! | -log_prob / n_tokens, nats per token
"""
    ),
    key=("job", "doc_id", "batch_id", "model"),
    partitions=("job", "batch_id"),
    check="n_tokens > 0",
    keeps_rows=True,
)

SCORES = Table(
    "scores",
    "One row for each document and version of a scorer; a changed threshold does not change it.",
    columns(
        """
job        | string! | the job that scored
"""
        + DOC
        + """
scorer     | string! | name of the scorer in the recipe
version    | string! | version of its model or prompt; each version has its own row
raw        | double! | output of the scorer, in its own scale
score      | double! | normalised, 0 (worst) to 1 (best); for a harm such as toxicity 1 is the most harmful
detail     | string  | other output of the scorer, as JSON
"""
    ),
    key=("job", "doc_id", "batch_id", "scorer", "version"),
    partitions=("job", "batch_id"),
    check="score BETWEEN 0 AND 1",
    keeps_rows=True,
)

EMBEDDINGS = Table(
    "embeddings",
    "One row for each document and model: a unit vector of its beginning; the dot product of two rows of "
    "one model is their cosine similarity.",
    columns(
        DOC
        + """
model      | string! | name and version of the model
vector     | array<float>! | vector of length 1
n_chars    | bigint! | characters of the text that the model read
"""
    ),
    key=("doc_id", "batch_id", "model"),
    partitions=("batch_id",),
    keeps_rows=True,
)

QUALITY = Table(
    "quality",
    "One row for each document: the ensemble's value, bin and tier, computed from scores and perplexity "
    "without running a model.",
    columns(
        DOC
        + """
lang       | string  | language whose quantiles were used
quality    | double! | the ensemble's value, 0 to 1
bin        | int!    | quality bin, 0 (worst) to 19 (best)
tier       | string! | head, middle or tail: by perplexity if the language has a model, else by the bin
decided_by | string! | the scorer with the largest contribution to the ensemble's value
recipe_hash | string! | hash of the job's parameters, as in runs
"""
    ),
    key=("doc_id", "batch_id"),
    partitions=("batch_id",),
    check="bin BETWEEN 0 AND 19 AND tier IN ('head', 'middle', 'tail')",
)

MODELS = Table(
    "models",
    "One row for each trained or registered model version.",
    columns("""
job       | string! | the job that trained or registered it
name      | string! | as recipes call it
version   | string! | hash of what it was trained on and of its parameters
kind      | string! | kenlm (train_lm), a kind of udfs/scoring/classifiers.py (train_classifier), domains
          |         | (label_domain), scale (build_quality)
lang      | string  | language it is for (null: any)
path      | string! | its file, relative to the lake's root
sha256    | string  | of the bytes of this file, in hex; no other bytes are used as the model
trained_on | string! | training data, as JSON: tables and versions, slices, counts
figures   | map<string,double> | metrics on held-out examples (precision, recall, AUC) and sizes
params    | string! | parameters as JSON
at        | timestamp! | time of training or registration (UTC)
"""),
    key=("job", "name", "version"),
    partitions=("job",),
    keeps_rows=True,
)
