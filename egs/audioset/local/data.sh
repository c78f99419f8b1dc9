#!/usr/bin/env bash
# Usage: local/data.sh [options of local/data.py] DIR DATA
# Write DATA/{train_2m,train_20k,valid,eval} and DATA/report from the audio in DIR.
set -euo pipefail
. ./path.sh

local/data.py "$@"
data=${!#}
for set in train_2m train_20k valid eval; do
  if [ -d "$data/$set" ]; then
    utils/validate_data_dir.sh --no-feats "$data/$set"
  fi
done
