#!/usr/bin/env bash
# Fuzzes readers, each for some seconds; see README.md.
#
#   tests/fuzz/run.sh 120            # all, two minutes each
#   tests/fuzz/run.sh 600 yaml csv   # some of them
set -euo pipefail
cd "$(dirname "$0")"
. ../../tools/activate.sh
# shellcheck source=tests/environments/environment.sh
. ../environments/environment.sh

seconds=${1:-120}
[[ $seconds =~ ^[0-9]+$ ]] || {
  echo "usage: tests/fuzz/run.sh [SECONDS [READER ...]]" >&2
  exit 1
}
[ $# -le 1 ] || readers=("${@:2}")
[ $# -gt 1 ] || mapfile -t readers < <(ls corpus)
make_environment environment 'atheris>=3.0,<4'
for reader in "${readers[@]}"; do
  mkdir -p "found/$reader"
  echo "$reader"
  environment/bin/python fuzz.py "$reader" "$PWD/found/$reader" "$PWD/corpus/$reader" \
    -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2048 -max_len=65536 -verbosity=0 \
    -print_final_stats=1 -artifact_prefix="$PWD/found/$reader." 2>&1 | grep -v '^INFO'
done
