#!/usr/bin/env bash
# Usage: local/data.sh DIR
# Makes the data directories of all protocols from the corpus in DIR.
set -euo pipefail

help_message="usage: $0 DIR"

. ./path.sh
. utils/parse_options.sh
[ $# -eq 1 ] || usage

local/data.py "$1" data
for dir in data/all data/official/* data/unseen/fold?/*; do
  utils/validate_data_dir.sh --no-feats "$dir"
done
