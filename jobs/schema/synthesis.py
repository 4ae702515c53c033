"""The tables between Spark and the worker.

Plain Delta (no deletion vectors, clustering or row tracking): delta-rs reads and writes them too.
"""

from __future__ import annotations

from gristmill.jobs.schema.table import Table, columns

SYNTH_REQUESTS = Table(
    "synth_requests",
    "One row for each chunk of a document and synthesis recipe: the queue of the worker, cut into "
    "parts of bounded size.",
    columns("""
request_id | string! | 32 hex digits: hash of (document, chunk, content, recipe)
part       | string! | part of the queue: one worker at a time holds it, one commit brings its answers back
recipe     | string! | cot, qa_extract, textbook, instruction, judge or solve
recipe_version | string! | version and hash of the prompt file
doc_id     | string! | the source document (judge and solve of a sample: the sample's document)
batch_id   | string! | the ingest batch that brought the document
sample_id  | string  | the sample in question (judge and solve of samples; null otherwise)
chunk      | int!    | number of the chunk in its document, from 0
start      | int!    | first code point of the chunk in corpus.text
end        | int!    | code point after it
lang       | string  | language of the document; answers are asked for in it
domain     | string  | domain of the document
text       | string! | the chunk
"""),
    key=("request_id",),
    partitions=("part",),
    check="end > start OR sample_id IS NOT NULL",
    keeps_rows=True,
)

SYNTH_ANSWERS = Table(
    "synth_answers",
    "One row for each request, step and attempt: what the model said. A request that failed is a row "
    "with error, never a missing one.",
    columns("""
request_id | string! | synth_requests.request_id
part       | string! | part of the queue
step       | string! | segment, summary, cot, question, extract, refine, judge, solve, ... (with the segment's
           |         | number after a colon)
ordinal    | int!    | which of the samples of the request, or which of k tries (solve), from 0
attempt    | int!    | 0, then 1, ... for repairs and retries
is_last    | boolean! | whether no attempt came after it
parsed     | string  | what was understood, as JSON (null: nothing)
raw        | string  | what the model said
error      | string  | why it is not usable (null: usable)
finish_reason | string | stop, length, ...
prompt_tokens | bigint | tokens of the prompt
completion_tokens | bigint | tokens of the answer
seconds    | double  | from sending to the whole answer
model      | string! | the model, as the engine names it
sampling   | string! | sampling parameters as JSON
prompt_hash | string! | hash of the rendered prompt
at         | timestamp! | when the answer came (UTC)
"""),
    key=("request_id", "step", "ordinal", "attempt"),
    partitions=("part",),
    keeps_rows=True,
)

SEGMENTS = Table(
    "segments",
    "One row for each segment of a chunk, as the model marked it; joined in order they are the chunk.",
    columns("""
request_id | string! | synth_requests.request_id
part       | string! | part of the queue
segment    | int!    | number of the segment in its chunk, from 0
start      | int!    | first code point in the chunk
end        | int!    | code point after it
status     | string! | how its start was found: start, exact, folded, fuzzy, merged or fallback
marker     | string  | the words by which the model said that it begins
summary    | string  | the model's summary of it
"""),
    key=("request_id", "segment"),
    partitions=("part",),
    check="end > start",
    keeps_rows=True,
)

SAMPLES = Table(
    "samples",
    "One row a synthetic sample: question, chain of thought, answer and source, with its provenance.",
    columns("""
sample_id  | string! | 32 hex digits: hash of (request, ordinal)
request_id | string! | the request it came from
ordinal    | int!    | which of the request's samples, from 0
recipe     | string! | cot, qa_extract, textbook or instruction
recipe_version | string! | version and hash of the prompt file
doc_id     | string! | source document
batch_id   | string! | its ingest batch
chunk      | int!    | number of the chunk in its document
start      | int!    | first code point of the chunk in corpus.text
end        | int!    | code point after it
lang       | string  | language of the source document
domain     | string  | domain of the source document
question   | string! | what is asked
cot        | string  | the chain of thought (null: the recipe asks for none)
answer     | string  | the final answer, where there is one of its own
source_text | string! | the chunk it was made from
n_segments | int     | segments of the chunk (cot)
aligned_ratio | double | share of segments found by their markers, not by fallback (cot)
model      | string! | the model that wrote it
prompt_tokens | bigint | of all steps
completion_tokens | bigint | of all steps
"""),
    key=("sample_id",),
    keeps_rows=True,
)

SAMPLE_SCORES = Table(
    "sample_scores",
    "One row for each sample, evaluator and dimension: several evaluators stand side by side.",
    columns("""
sample_id  | string! | samples.sample_id
evaluator  | string! | the model that judged or solved
recipe     | string! | judge_sample or solve
recipe_version | string! | version and hash of the prompt file
dimension  | string! | instruction_complexity, response_quality, reasoning_depth, safety; pass_rate (solve)
raw        | double! | as the evaluator gave it: 0 to 5; pass_rate: share of the tries
score      | double! | normalised, 0 to 1
reason     | string  | what the evaluator said beside it
"""),
    key=("sample_id", "evaluator", "recipe_version", "dimension"),
    check="score BETWEEN 0 AND 1",
    keeps_rows=True,
)

SAMPLE_SIGNALS = Table(
    "sample_signals",
    "One row a sample: every measure of it that needs no judge. Units are words, and single characters "
    "of Chinese.",
    columns("""
sample_id  | string! | samples.sample_id
question_lang | string | measured language of the question
cot_lang   | string  | measured language of the chain of thought (of the answer, where there is none)
is_same_language | boolean! | whether both are in the language of the source, as far as it is known
question_units | bigint! | units of the question
cot_units      | bigint! | units of the chain of thought (LIMO: elaborated reasoning)
source_units   | bigint! | units of the source
cot_ratio  | double! | cot_units / source_units
n_numbers  | bigint! | numbers in the chain, those that count its steps aside
numbers_found_ratio | double! | share of them that stand in the source (1 where there is none); CCI4.0 reports
                    |         | 98 %
n_names    | bigint! | names in the chain: capitalised runs, acronyms, quoted titles, Latin words in Chinese
names_found_ratio | double! | share of them that stand in the source (1 where there is none)
copied_ratio | double! | share of the chain's runs of units that stand in the source
repeated_ratio | double! | share of the chain's runs of units that came before
n_leaks    | bigint! | places where question or chain speak of the passage, the summaries or the model itself
n_verification | bigint! | places that check (LIMO: self-verification; Gandhi et al.: verification)
n_backtracking | bigint! | places that go back
n_subgoals | bigint! | places that name a step or an intermediate goal
n_backward | bigint! | places that reason from the goal
n_exploration | bigint! | words that try and suppose (LIMO: exploratory)
n_connectives | bigint! | words that connect (LIMO: adaptive granularity)
"""),
    key=("sample_id",),
    check="numbers_found_ratio BETWEEN 0 AND 1 AND names_found_ratio BETWEEN 0 AND 1 AND copied_ratio "
    "BETWEEN 0 "
    "AND 1 AND repeated_ratio BETWEEN 0 AND 1",
)

SAMPLE_VERDICTS = Table(
    "sample_verdicts",
    "One row for each left-out sample, job and failing reason.",
    columns("""
job         | string! | the job that judged
sample_id   | string! | samples.sample_id
reason      | string! | what is wrong; docs/reasons.md (jobs/core/reasons.py) says what each means
value       | double  | the measured value that failed
threshold   | double  | what it was compared with
rule        | string  | the filter or quota that failed
dup_of      | string  | the sample that stayed in its place (duplicates)
recipe_hash | string! | hash of the job's parameters, as in runs
"""),
    key=("job", "sample_id", "reason", "rule"),
    partitions=("job",),
)

LEASES = Table(
    "leases",
    "One row for each part of the queue that a worker has taken: who, until when, and whether it is done.",
    columns("""
part       | string! | part of the queue
worker     | string! | who holds it
expires_at | timestamp! | after this moment another worker may take it (UTC)
attempt    | int!    | how often it was taken
status     | string! | held or done
"""),
    key=("part",),
    keeps_rows=True,
)
