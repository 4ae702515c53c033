"""The tables of the second stage of quality: what models measure.

Each scorer at most once a document and version.
"""

from __future__ import annotations

from gristmill.jobs.schema.table import DOC, Table, columns

PERPLEXITY = Table(
    "perplexity",
    "One row for each document and language model: how likely the model finds its text.",
    columns(
        """
job       | string! | the job that measured: score_perplexity (KenLM) or score_loss (a causal language model)
"""
        + DOC
        + """
model     | string! | name and version of the model
n_tokens  | bigint! | tokens that were scored (KenLM: end of text included; a causal model: as many as its
          |         | version says, from the beginning)
log_prob  | double! | natural-log likelihood of all of them
oov_ratio | double  | share of tokens outside the model's vocabulary (null where there is none outside)
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
    "One row for each document and scorer version: at most once each, whatever the thresholds do.",
    columns(
        """
job        | string! | the job that scored
"""
        + DOC
        + """
scorer     | string! | name of the scorer, as the recipe has it
version    | string! | of its model or prompt: another version is another row
raw        | double! | as the scorer gives it, in its own scale
score      | double! | normalised, 0 (worst) to 1 (best); for a harm such as toxicity 1 is the most harmful
detail     | string  | what else the scorer said, as JSON
"""
    ),
    key=("job", "doc_id", "batch_id", "scorer", "version"),
    partitions=("job", "batch_id"),
    check="score BETWEEN 0 AND 1",
    keeps_rows=True,
)

EMBEDDINGS = Table(
    "embeddings",
    "One row for each document and model: a unit vector of its beginning, so that the dot product "
    "of two rows of one model is their cosine.",
    columns(
        DOC
        + """
model      | string! | name and version of the model
vector     | array<float>! | of length 1
n_chars    | bigint! | characters of the text that the model was given
"""
    ),
    key=("doc_id", "batch_id", "model"),
    partitions=("batch_id",),
    keeps_rows=True,
)

QUALITY = Table(
    "quality",
    "One row a document: the ensemble's bin and tier, from scores and perplexity by the recipe; no "
    "model runs for it.",
    columns(
        DOC
        + """
lang       | string  | language whose quantiles were used
quality    | double! | the ensemble's value, 0 to 1
bin        | int!    | quality bin, 0 (worst) to 19 (best)
tier       | string! | head, middle or tail: by perplexity where the language has a model, else by the bin
decided_by | string! | the scorer whose value the ensemble took
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
kind      | string! | kenlm; linear, trees, fasttext, importance_weights, word_stats (train_classifier);
          |         | domains
          |         | (label_domain); scale (build_quality)
lang      | string  | language it is for (null: any)
path      | string! | file or folder, below the lake's root unless absolute
trained_on | string! | what it was trained on, as JSON: tables and versions, slices, counts
figures   | map<string,double> | held-out precision, recall, AUC, sizes
params    | string! | parameters as JSON
at        | timestamp! | when (UTC)
"""),
    key=("job", "name", "version"),
    partitions=("job",),
    keeps_rows=True,
)
