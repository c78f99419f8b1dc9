#!/usr/bin/env bash
# Usage: local/data.sh [--subset esc50] DIR DATA
# Write DATA/all, and for each fold DATA/foldN/{train,test,dev_train,dev_test}.
set -euo pipefail

subset=${subset-esc50}
help_message="usage: $0 [--subset esc50] DIR DATA"

. ./path.sh
. utils/parse_options.sh
[ $# -eq 2 ] || usage

local/data.py "$subset" "$1" "$2"
for dir in "$2/all" "$2"/fold?/*; do
  utils/validate_data_dir.sh --no-feats "$dir"
done
