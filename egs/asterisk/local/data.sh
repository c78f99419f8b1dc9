#!/usr/bin/env bash
# Usage: local/data.sh DIR DATA
# Write DATA/{all,train,train_30,train_10,valid,test} and DATA/test_LANGUAGE from the prompts in DIR.
set -euo pipefail

help_message="usage: $0 DIR DATA"

. ./path.sh
. utils/parse_options.sh
[ $# -eq 2 ] || usage

local/data.py "$1" "$2"
for set in all train train_30 train_10 valid test test_en test_es test_fr test_it test_ru; do
  utils/validate_data_dir.sh --no-feats "$2/$set"
done
