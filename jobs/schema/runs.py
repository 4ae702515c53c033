"""The run log."""

from __future__ import annotations

from gristmill.jobs.schema.table import Table, columns

RUNS = Table(
    "runs",
    "Two rows a job run: started (before its first write) and finished (its last write), with the "
    "versions it read and wrote.",
    columns("""
run_id       | string!    | of the run
job          | string!    | job name
status       | string!    | started, finished (a started run without it died and is repeated), or foreign:
             |            | somebody else changed a table's rows
at           | timestamp! | when this row was written (UTC)
seconds      | double     | wall time of the whole run (finished rows)
batches      | array<string>! | the batches it covers
recipe_hash  | string!    | hash of job name and parameters: equal hash, equal rows
recipe       | string!    | the parameters as JSON
inputs       | string     | fingerprint of what an ingest read (root; names, sizes, times and etags of its
             |            | files)
versions_read    | map<string,bigint> | Delta version of each table as it stood when the run opened it
versions_written | map<string,bigint> | Delta version of each table after its last write
table_ids    | map<string,string> | Delta id of each table that it read, wrote or may write: a table made anew
             |                    | has another
rows_in      | bigint     | documents (ingest: input rows) it looked at
rows_kept    | bigint     | of those, kept
rows_left_out | bigint    | of those, left out: rows_in = rows_kept + rows_left_out
reasons      | map<string,bigint> | left out by reason; a document with two reasons counts in both
code_version | string!    | version of Gristmill
spark_version | string!   | version of Spark
batches_changed | map<string,array<string>> | of a table whose rows it compared with those it would replace:
                |                           | the batches in which they differed, the only ones written;
                |                           | another table it wrote in all of `batches`
"""),
    key=("run_id", "status"),
    keeps_rows=True,
)
