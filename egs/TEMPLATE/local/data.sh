#!/usr/bin/env bash
# Usage: local/data.sh [--num-folds N] --labels FILE DIR
# Makes data/all and data/{train,valid,test}, or for each fold data/foldN/{train,valid,test}, of the
# audio files in DIR that the CSV lists.
set -euo pipefail

labels=${labels-}
num_folds=${num_folds-0}
help_message="usage: $0 [--num-folds N] --labels FILE DIR"

. ./path.sh
. utils/parse_options.sh
[ $# -eq 1 ] && [ -n "$labels" ] || usage

local/data.py "$1" "$labels" "$num_folds" data

places=(data)
if [ -e data/folds ]; then
  mapfile -t places < <(sed 's|^|data/fold|' data/folds)
fi
utils/validate_data_dir.sh --no-feats data/all
for place in "${places[@]}"; do
  for set in train valid test; do
    utils/validate_data_dir.sh --no-feats "$place/$set"
  done
done
