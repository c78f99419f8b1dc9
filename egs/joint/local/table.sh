#!/usr/bin/env bash
# Usage: local/table.sh EXPDIR TABLE SEEDS TITLE=ARM...
# Print accuracies of the probes as means over seeds, and differences to the first arm; also to
# EXPDIR/TABLE.
set -euo pipefail

help_message="usage: $0 EXPDIR TABLE SEEDS TITLE=ARM..."

. ./path.sh
. utils/parse_options.sh
[ $# -ge 4 ] || usage
expdir=$1
table=$2
read -ra runs <<<"$3"
shift 3

asda results table "$expdir/{run}/pretrain_{row}/probe_{column}/linear/score" --metric accuracy \
  --rows "$@" --runs "${runs[@]/#/seed}" --columns "ESC-10=sounds" "Digits, unseen speakers=digits" \
  --out "$expdir/$table"
