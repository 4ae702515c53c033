#!/usr/bin/env bash
# Packs Gristmill and what conf/demo.yaml needs into an archive for `spark-submit --archives`, without Spark: EMR has its own.
#     deploy/emr/pack.sh dist/environment.tar.gz
# On a machine like the cluster's: Amazon Linux 2023, the same processor architecture. bin/python in the archive is a
# link to PYTHON_PREFIX/bin/python3.11, which has to be on every node (EMR 7.10 and later: /usr/bin/python3.11).
# `make setup-deploy` installs venv-pack2, which packs.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:?usage: deploy/emr/pack.sh ARCHIVE.tar.gz}
python=${PYTHON:-python3.11}
prefix=${PYTHON_PREFIX:-/usr}
pack=.venv-deploy/bin/venv-pack
[ -x "$pack" ] || { echo "pack.sh: $pack is missing; run make setup-deploy" >&2; exit 2; }
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT

"$python" -m venv "$home/environment"
pip=("$home/environment/bin/python" -m pip install -q --disable-pip-version-check -c conf/constraints/spark35.txt)
"${pip[@]}" setuptools wheel
"${pip[@]}" --no-build-isolation '.[demo,s3]'
# Spark's own Python files on the cluster are those of its version; a second copy would shadow them.
if "$home/environment/bin/python" -c 'import pyspark' 2>/dev/null; then
  echo "pack.sh: the environment has a PySpark of its own" >&2
  exit 2
fi
mkdir -p "$(dirname "$out")"
"$pack" -p "$home/environment" --python-prefix "$prefix" -o "$out" --force -q
echo "$out: $(du -h "$out" | cut -f1)"
