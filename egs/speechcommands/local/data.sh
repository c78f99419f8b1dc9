#!/usr/bin/env bash
# Usage: local/data.sh [--form v2_35] DIR DATA
# Write DATA/FORM/{train,valid,test} from the corpus in DIR.
set -euo pipefail

form=${form-v2_35}
help_message="usage: $0 [--form v2_35] DIR DATA"

. ./path.sh
. utils/parse_options.sh
[ $# -eq 2 ] || usage

local/data.py "$form" "$1" "$2"
for set in train valid test; do
  utils/validate_data_dir.sh --no-feats "$2/$form/$set"
done
