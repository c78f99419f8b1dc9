#!/usr/bin/env bash
# The table in README.md: pretrained, from scratch, linear probe and baselines, on five folds; also
# written to EXPDIR/SUBSET/table.md. Completed runs are skipped; repeat an interrupted call to resume.
# Usage: ./table.sh [--subset esc50] [--nj JOBS] [--dumpdir dump] [--expdir exp/table], after
#        ./run.sh [--subset esc50] --stop-stage 2
set -euo pipefail
cd "$(dirname "$0")"

subset=esc50
nj=$(getconf _NPROCESSORS_ONLN)
dumpdir=dump
expdir=exp/table
help_message="usage: ./table.sh [--subset esc50] [--nj JOBS] [--dumpdir dump] [--expdir exp/table]
Run ./run.sh [--subset esc50] --stop-stage 2 first."

. ./path.sh
. ./cmd.sh
. utils/parse_options.sh
[ $# -eq 0 ] && [ -d "data/$subset" ] || usage

# One thread per process: small models gain little from a second one.
export OMP_NUM_THREADS=1
$train_cmd --max-jobs-run "$nj" JOB=1:5 "$expdir/$subset/log/compare.JOB.log" \
  local/compare.sh --subset "$subset" --dumpdir "$dumpdir" --expdir "$expdir" JOB

for system in finetune finetune_scratch finetune_probe logistic_regression random_forest; do
  asda results merge "$expdir/$subset"/fold?/"$system/score" --out "$expdir/$subset/$system/score"
done
asda results table "$expdir/{column}/{row}/score" \
  --rows Pretrained=finetune "From scratch=finetune_scratch" "Linear probe=finetune_probe" \
  "Logistic regression=logistic_regression" "Random forest=random_forest" \
  --columns "All folds=$subset" "Fold 1=$subset/fold1" "Fold 2=$subset/fold2" \
  "Fold 3=$subset/fold3" "Fold 4=$subset/fold4" "Fold 5=$subset/fold5" \
  --out "$expdir/$subset/table.md"
