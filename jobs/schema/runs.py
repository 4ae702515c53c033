"""The run log, and who runs a job now."""

from __future__ import annotations

from gristmill.jobs.schema.table import Table, columns

JOB_LEASES = Table(
    "job_leases",
    "One row for each job that has run where no file lock keeps two drivers apart: who runs it now.",
    columns("""
name  | string! | job-NAME
lease | string! | JSON: owner (host and process), id of its lease, a count that it raises as long as it lives,
      |         | and whether it holds the lease or has ended
"""),
    key=("name",),
    # a partition a name: two jobs' changes are then no conflict to Delta
    partitions=("name",),
)

RUNS = Table(
    "runs",
    "Two rows for each job run: started (before its first write) and finished (its last write), with the "
    "table versions that it read and wrote.",
    columns("""
run_id       | string!    | id of the run
job          | string!    | job name
status       | string!    | started, finished (a run without this row died and is repeated), or foreign:
             |            | another program changed a table's rows
at           | timestamp! | when this row was written (UTC)
seconds      | double     | wall time of the whole run (finished rows)
batches      | array<string>! | the batches that it covers
recipe_hash  | string!    | hash of job name and parameters: equal hash, equal rows
recipe       | string!    | the parameters as JSON
inputs       | string     | fingerprint of an ingest's input (root; names, sizes, times and etags of its
             |            | files)
versions_read    | map<string,bigint> | Delta version of each table when the run opened it
versions_written | map<string,bigint> | Delta version of each table after its last write
table_ids    | map<string,string> | Delta id of each table that it read, wrote or may write; a table that is
             |                    | created again has another id
rows_in      | bigint     | documents (ingest: input rows) that it read
rows_kept    | bigint     | of those, kept
rows_left_out | bigint    | of those, rejected: rows_in = rows_kept + rows_left_out
reasons      | map<string,bigint> | rejected rows by reason; a document with two reasons counts in both
code_version | string!    | version of Gristmill
spark_version | string!   | version of Spark
settings_refused | map<string,string> | settings that the session refused to take, with the value that holds
                 |                    | there instead (empty where it may not be asked for); null: none
batches_changed | map<string,array<string>> | tables whose new rows were compared with the old ones: the
                |                           | batches with a difference, the only ones that were written;
                |                           | other tables were written for all `batches`
"""),
    key=("run_id", "status"),
    keeps_rows=True,
)
