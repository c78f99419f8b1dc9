#!/usr/bin/env bash
# Usage: local/data.sh [--subset esc50] DIR
# Makes data/SUBSET/all, and for each fold data/SUBSET/foldN/{train,test,dev_train,dev_test}.
set -euo pipefail

subset=esc50
help_message="usage: $0 [--subset esc50] DIR"

. ./path.sh
. utils/parse_options.sh
[ $# -eq 1 ] || usage

local/data.py "$subset" "$1" data
for dir in "data/$subset/all" "data/$subset"/fold?/*; do
  utils/validate_data_dir.sh --no-feats "$dir"
done
