#!/usr/bin/env bash
# Usage: local/data.sh [--fold 1] DIR DATA
# Write DATA/sounds/{train,test} and DATA/digits/{train,valid,test}: a fold of ESC-10, and of the digits
# with unseen speakers, from the data directories of the recipes esc50 and fsdd in DIR.
set -euo pipefail

fold=1
help_message="usage: $0 [--fold 1] DIR DATA"

. ./path.sh
. utils/parse_options.sh
[ $# -eq 2 ] || usage

# copy RECIPE OPTIONS SOURCE NAME SET...: copy the sets
copy() {
  local recipe=$1 options=$2 source=$1/data/$3 name=$4 set
  shift 4
  if [ ! -d "$source" ]; then
    echo "$0: error: no '$source'; run $recipe/run.sh $options--stop-stage data first" >&2
    exit 1
  fi
  for set in "$@"; do
    utils/copy_data_dir.sh "$source/$set" "$name/$set"
  done
}

copy "$1/esc50" "--subset esc10 " "esc10/fold$fold" "$2/sounds" train test
copy "$1/fsdd" "" "unseen/fold$fold" "$2/digits" train valid test
