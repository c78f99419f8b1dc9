#!/usr/bin/env bash
# Usage: local/table.sh EXPDIR SEEDS TITLE=ARM...
# Print accuracies of the probes as means over seeds, and differences to the first arm.
set -euo pipefail

help_message="usage: $0 EXPDIR SEEDS TITLE=ARM..."

. ./path.sh
. utils/parse_options.sh
[ $# -ge 3 ] || usage
expdir=$1
read -ra runs <<<"$2"
shift 2

asda results table "$expdir/{run}/pretrain_{row}/probe_{column}/linear/score" --metric accuracy \
  --rows "$@" --runs "${runs[@]/#/seed}" --columns "ESC-10=sounds" "Digits, unseen speakers=digits" |
  tee "$expdir/.table.md"
mv "$expdir/.table.md" "$expdir/table.md"
