#!/usr/bin/env bash
# Usage: local/data.sh DIR DATA
# Write the data directories of all protocols to DATA, from the corpus in DIR.
set -euo pipefail

help_message="usage: $0 DIR DATA"

. ./path.sh
. utils/parse_options.sh
[ $# -eq 2 ] || usage

local/data.py "$1" "$2"
for dir in "$2/all" "$2"/official/* "$2"/unseen/fold?/*; do
  utils/validate_data_dir.sh --no-feats "$dir"
done
