#!/usr/bin/env bash
# Bootstrap action of a cluster on EC2: unpacks the archive of pack.sh on each node, so that no executor waits for it.
#     bootstrap.sh s3://BUCKET/gristmill/environment.tar.gz [/opt/gristmill]
set -euo pipefail
archive=${1:?usage: bootstrap.sh ARCHIVE [FOLDER]}
folder=${2:-/opt/gristmill}
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
"${as_root[@]}" mkdir -p "$folder"
case $archive in
  s3://*) aws s3 cp --no-progress "$archive" - | "${as_root[@]}" tar -xzf - -C "$folder" ;;
  *) "${as_root[@]}" tar -xzf "$archive" -C "$folder" ;;
esac
# Without the interpreter behind bin/python every task would fail; here the node fails, with the reason in its log.
"$folder/bin/python" -c "import gristmill" || {
  echo "bootstrap.sh: $folder/bin/python does not start: is $(readlink "$folder/bin/python") on this release?" >&2
  exit 1
}
