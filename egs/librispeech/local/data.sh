#!/usr/bin/env bash
# Usage: local/data.sh [--hours 100|960] DIR DATA
# Write DATA/train_HOURS, DATA/train_HOURS_{30,10} and DATA/{dev,dev_clean,dev_other,test_clean,
# test_other} from the corpus in DIR.
set -euo pipefail

hours=${hours-100}
help_message="usage: $0 [--hours 100|960] DIR DATA"

. ./path.sh
. utils/parse_options.sh
[ $# -eq 2 ] || usage

local/data.py "$hours" "$1" "$2"
for set in train_"$hours"{,_30,_10} dev{,_clean,_other} test_{clean,other}; do
  utils/validate_data_dir.sh --no-feats "$2/$set"
done
