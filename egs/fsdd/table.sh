#!/usr/bin/env bash
# The table in README.md: both protocols, all labels and few, for pretrained, from scratch, linear
# probe and baselines; also written to EXPDIR/table.md. Completed runs are skipped; repeat an
# interrupted call to resume.
# Usage: ./table.sh [--nj JOBS] [--dumpdir dump] [--expdir exp/table], after ./run.sh --stop-stage 2
set -euo pipefail
cd "$(dirname "$0")"

nj=$(getconf _NPROCESSORS_ONLN)
dumpdir=dump
expdir=exp/table
help_message="usage: ./table.sh [--nj JOBS] [--dumpdir dump] [--expdir exp/table]"

. ./path.sh
. ./cmd.sh
. utils/parse_options.sh
[ $# -eq 0 ] || usage

protocols=(official unseen/fold1 unseen/fold2 unseen/fold3)
systems=(finetune_pretrained finetune_scratch finetune_probe logistic_regression random_forest)

# One thread per process: small models gain little from a second one.
export OMP_NUM_THREADS=1
mkdir -p "$expdir"
printf '%s\n' "${protocols[@]}" >"$expdir/protocols"
$train_cmd --max-jobs-run "$nj" JOB=1:${#protocols[@]} "$expdir/log/compare.JOB.log" \
  sed -n JOBp "$expdir/protocols" \| xargs local/compare.sh --dumpdir "$dumpdir" --expdir "$expdir"

for set in train train_few; do
  for system in "${systems[@]}"; do
    asda results merge "$expdir/$set"/unseen/fold[123]/"$system/score" \
      --out "$expdir/$set/unseen/$system/score"
  done
done
asda results table "$expdir/{column}/{row}/score" \
  --rows Pretrained=finetune_pretrained "From scratch=finetune_scratch" \
  "Linear probe=finetune_probe" "Logistic regression=logistic_regression" \
  "Random forest=random_forest" \
  --columns "Official, all labels=train/official" "Official, 300 labels=train_few/official" \
  "Unseen speakers, all labels=train/unseen" "Unseen speakers, 200 labels=train_few/unseen" \
  --out "$expdir/table.md"
