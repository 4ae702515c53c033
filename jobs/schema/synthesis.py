"""The tables between Spark and the worker.

Plain Delta (no deletion vectors, clustering or row tracking): delta-rs reads and writes them too.
"""

from __future__ import annotations

from gristmill.jobs.schema.table import Table, columns

SYNTH_REQUESTS = Table(
    "synth_requests",
    "One row for each chunk of a document and synthesis recipe: the worker's queue, divided into parts "
    "of bounded size.",
    columns("""
request_id | string! | 32 hex digits: hash of (document, chunk, content, recipe)
part       | string! | part of the queue: leased by one worker at a time; one commit writes its answers
recipe     | string! | cot, qa_extract, textbook, instruction, judge or solve
recipe_version | string! | version and hash of the prompt file
doc_id     | string! | the source document (judge and solve of a sample: the sample's document)
batch_id   | string! | the ingest batch that brought the document
sample_id  | string  | the sample to judge or solve (null otherwise)
chunk      | int!    | number of the chunk in its document, from 0
start      | int!    | first code point of the chunk in corpus.text
end        | int!    | code point after it
lang       | string  | language of the document; the prompt requests answers in it
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
    "One row for each request, step and attempt: the model's output. A failed request has a row with error.",
    columns("""
request_id | string! | synth_requests.request_id
part       | string! | part of the queue
step       | string! | segment, summary, cot, question, extract, refine, judge, solve, ... (followed by a
           |         | colon and the segment's number)
ordinal    | int!    | number of the sample of the request, or of the attempt (solve), from 0
attempt    | int!    | 0, then 1, 2, ... for repairs and retries
is_last    | boolean! | whether it is the last attempt
parsed     | string  | the parsed output, as JSON (null: not parsed)
raw        | string  | the model's output
error      | string  | why the output is not usable (null: usable)
finish_reason | string | stop, length, ...
prompt_tokens | bigint | tokens of the prompt
completion_tokens | bigint | tokens of the answer
seconds    | double  | time from sending the prompt to the end of the answer
model      | string! | the engine's name of the model
sampling   | string! | sampling parameters as JSON
prompt_hash | string! | hash of the rendered prompt
at         | timestamp! | time of the answer (UTC)
"""),
    key=("request_id", "step", "ordinal", "attempt"),
    partitions=("part",),
    keeps_rows=True,
)

SEGMENTS = Table(
    "segments",
    "One row for each segment of a chunk, as marked by the model; joined in order, segments equal the chunk.",
    columns("""
request_id | string! | synth_requests.request_id
part       | string! | part of the queue
segment    | int!    | number of the segment in its chunk, from 0
start      | int!    | first code point in the chunk
end        | int!    | code point after it
status     | string! | how its start was found: start, exact, folded, fuzzy, merged or fallback
marker     | string  | the first words of the segment, as the model gave them
summary    | string  | the model's summary of it
"""),
    key=("request_id", "segment"),
    partitions=("part",),
    check="end > start",
    keeps_rows=True,
)

SAMPLES = Table(
    "samples",
    "One row for each synthetic sample: question, chain of thought, answer and source, with provenance.",
    columns("""
sample_id  | string! | 32 hex digits: hash of (request, ordinal)
request_id | string! | the request that it came from
ordinal    | int!    | number of the sample in its request, from 0
recipe     | string! | cot, qa_extract, textbook or instruction
recipe_version | string! | version and hash of the prompt file
doc_id     | string! | source document
batch_id   | string! | its ingest batch
chunk      | int!    | number of the chunk in its document
start      | int!    | first code point of the chunk in corpus.text
end        | int!    | code point after it
lang       | string  | language of the source document
domain     | string  | domain of the source document
question   | string! | the question
cot        | string  | the chain of thought (null: the recipe has none)
answer     | string  | the final answer, if it is separate from the chain of thought
source_text | string! | the chunk that it was generated from
n_segments | int     | segments of the chunk (cot)
aligned_ratio | double | share of segments whose start was found by its marker, not by fallback (cot)
model      | string! | the model that generated it
prompt_tokens | bigint | prompt tokens of all steps
completion_tokens | bigint | completion tokens of all steps
"""),
    key=("sample_id",),
    keeps_rows=True,
)

SAMPLE_SCORES = Table(
    "sample_scores",
    "One row for each sample, evaluator and dimension; each evaluator has its own rows.",
    columns("""
sample_id  | string! | samples.sample_id
evaluator  | string! | the model that judged or solved
recipe     | string! | judge_sample or solve
recipe_version | string! | version and hash of the prompt file
dimension  | string! | instruction_complexity, response_quality, reasoning_depth, safety; pass_rate (solve)
raw        | double! | the evaluator's score, 0 to 5; pass_rate: share of correct attempts, 0 to 1
score      | double! | normalised, 0 to 1
reason     | string  | the evaluator's explanation
"""),
    key=("sample_id", "evaluator", "recipe_version", "dimension"),
    check="score BETWEEN 0 AND 1",
    keeps_rows=True,
)

SAMPLE_SIGNALS = Table(
    "sample_signals",
    "One row for each sample: all measures that need no judge. Units are words, and single characters "
    "in Chinese.",
    columns("""
sample_id  | string! | samples.sample_id
question_lang | string | measured language of the question
cot_lang   | string  | measured language of the chain of thought (of the answer if there is none)
is_same_language | boolean! | whether both are in the language of the source, as far as it is known
question_units | bigint! | units of the question
cot_units      | bigint! | units of the chain of thought (LIMO: elaborated reasoning)
source_units   | bigint! | units of the source
cot_ratio  | double! | cot_units / source_units
n_numbers  | bigint! | numbers in the chain, except those that number its steps
numbers_found_ratio | double! | share of these that occur in the source (1 if there are none); CCI4.0 reports
                    |         | 98 %
n_names    | bigint! | names in the chain: capitalised words, acronyms, quoted titles, Latin words in Chinese
names_found_ratio | double! | share of these that occur in the source (1 if there are none)
copied_ratio | double! | share of the chain's n-grams of units that occur in the source
repeated_ratio | double! | share of the chain's n-grams of units that occurred before in the chain
n_leaks    | bigint! | phrases in question or chain that mention the passage, the summaries or the model
n_verification | bigint! | phrases that verify (LIMO: self-verification; Gandhi et al.: verification)
n_backtracking | bigint! | phrases that backtrack
n_subgoals | bigint! | phrases that name a step or an intermediate goal
n_backward | bigint! | phrases that reason backward from the goal
n_exploration | bigint! | words of trying and supposing (LIMO: exploratory)
n_connectives | bigint! | connectives (LIMO: adaptive granularity)
"""),
    key=("sample_id",),
    check="numbers_found_ratio BETWEEN 0 AND 1 AND names_found_ratio BETWEEN 0 AND 1 AND copied_ratio "
    "BETWEEN 0 "
    "AND 1 AND repeated_ratio BETWEEN 0 AND 1",
)

SAMPLE_VERDICTS = Table(
    "sample_verdicts",
    "One row for each rejected sample, filter and reason.",
    columns("""
job         | string! | the filter that rejected the sample
sample_id   | string! | samples.sample_id
reason      | string! | why it was rejected; docs/reasons.md (jobs/core/reasons.py) explains each reason
value       | double  | the measured value that failed
threshold   | double  | the threshold that the value was compared with
rule        | string  | the filter or quota that failed
dup_of      | string  | the sample kept in its place (duplicates)
recipe_hash | string! | hash of the job's parameters, as in runs
"""),
    key=("job", "sample_id", "reason", "rule"),
    partitions=("job",),
)

LEASES = Table(
    "leases",
    "One row for each part of the queue that a worker has leased: worker, expiry, and whether it is done.",
    columns("""
part       | string! | part of the queue
worker     | string! | the worker that has leased it
expires_at | timestamp! | after this time another worker may take it (UTC)
attempt    | int!    | how often it was leased
status     | string! | held or done
"""),
    key=("part",),
    keeps_rows=True,
)
