#!/usr/bin/env bash
# Usage: local/data.sh DIR
# Makes data/{train,valid,eval} from the corpus in DIR.
set -euo pipefail
. ./path.sh
. utils/parse_options.sh

if [ $# -ne 1 ]; then
  echo "usage: $0 DIR" >&2
  exit 1
fi
local/data.py "$1" data
for set in train valid eval; do
  utils/validate_data_dir.sh --no-feats "data/$set"
done
