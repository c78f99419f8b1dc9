#!/usr/bin/env bash
# Usage: local/data.sh DIR
# Makes data/{train,valid,eval} from the corpus in DIR.
set -euo pipefail

help_message="usage: $0 DIR"

. ./path.sh
. utils/parse_options.sh
[ $# -eq 1 ] || usage

local/data.py "$1" data
for set in train valid eval; do
  utils/validate_data_dir.sh --no-feats "data/$set"
done
