# Databricks notebook source
# ruff: noqa: D100
# MAGIC %md
# MAGIC # A curation by hand
# MAGIC On serverless compute or a cluster with dedicated access. Attach the wheel that `databricks bundle deploy` has
# MAGIC uploaded (Environment, Dependencies), or install it here with the path of your volume.

# COMMAND ----------

# MAGIC %pip install /Volumes/main/gristmill/staging/gristmill-0.1.0-py3-none-any.whl -r ../requirements.txt

# COMMAND ----------

from gristmill.jobs.cli import task

LAKE = "main.gristmill"
RECIPE = "conf/demo.yaml"
INPUT = "/Volumes/main/gristmill/raw"
STAGING = "/Volumes/main/gristmill/staging"

# COMMAND ----------

# Errors are exceptions with a sentence that says what to do; a finished curation does nothing the second time.
task([f"GRISTMILL_STAGING={STAGING}", "run", "curate", "--recipe", RECIPE, "--lake", LAKE, "--input", INPUT])

# COMMAND ----------

# Documents in, kept and left out by reason, for each job.
task(["funnel", "--lake", LAKE])

# COMMAND ----------

query = "SELECT lang, domain, count(*) AS documents FROM corpus GROUP BY lang, domain ORDER BY 3 DESC"
task(["sql", query, "--lake", LAKE])
