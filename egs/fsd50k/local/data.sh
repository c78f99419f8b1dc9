#!/usr/bin/env bash
# Usage: local/data.sh DIR DATA
# Write DATA/{train,valid,eval} from the corpus in DIR.
set -euo pipefail

help_message="usage: $0 DIR DATA"

. ./path.sh
. utils/parse_options.sh
[ $# -eq 2 ] || usage

local/data.py "$1" "$2"
for set in train valid eval; do
  utils/validate_data_dir.sh --no-feats "$2/$set"
done
