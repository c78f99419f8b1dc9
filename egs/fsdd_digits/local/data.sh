#!/usr/bin/env bash
# Usage: local/data.sh DIR DATA
# Write the audio of digit strings and the data directories of all folds to DATA, from the corpus in
# DIR. A second call writes no audio again.
set -euo pipefail

help_message="usage: $0 DIR DATA"

. ./path.sh
. utils/parse_options.sh
[ $# -eq 2 ] || usage

local/data.py "$1" "$2"
for dir in "$2/all" "$2"/fold?/*; do
  utils/validate_data_dir.sh --no-feats "$dir"
done
