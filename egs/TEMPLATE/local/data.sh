#!/usr/bin/env bash
# Usage: local/data.sh [--task TASK] [--num-folds N] --labels FILE DIR DATA
# Write DATA/all and DATA/{train,valid,test}, or for each fold DATA/foldN/{train,valid,test}, for
# the audio files in DIR that the CSV lists.
set -euo pipefail

labels=${labels-}
task=${task-classification}
num_folds=${num_folds-0}
help_message="usage: $0 [--task classification|recognition] [--num-folds N] --labels FILE DIR DATA"

. ./path.sh
. utils/parse_options.sh
[ $# -eq 2 ] || usage
if [ ! -f "$labels" ]; then
  echo "$0: error: no CSV '$labels' in $PWD; pass --labels or write it into run.sh" >&2
  exit 1
fi
data=$2

local/data.py "$task" "$1" "$labels" "$num_folds" "$data"

folders=("$data")
if [ -e "$data/folds" ]; then
  mapfile -t folders <"$data/folds"
  folders=("${folders[@]/#/"$data/fold"}")
fi
utils/validate_data_dir.sh --no-feats "$data/all"
for folder in "${folders[@]}"; do
  for set in train valid test; do
    utils/validate_data_dir.sh --no-feats "$folder/$set"
  done
done
