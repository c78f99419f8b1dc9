#!/usr/bin/env bash
# Usage: local/compare.sh [options] FOLD
# Train and score all systems of the table in README.md on one fold. Completed runs are skipped.
set -euo pipefail

subset=esc50
dumpdir=dump
expdir=exp/table
help_message="usage: $0 [--subset esc50] [--dumpdir dump] [--expdir exp/table] FOLD"

. ./path.sh
. utils/parse_options.sh
[ $# -eq 1 ] || usage
fold=$1

# experiment STAGE OPTIONS...: run this stage and the following ones
experiment() {
  ./run.sh --stage "$1" --subset "$subset" --folds "$fold" --dumpdir "$dumpdir" \
    --expdir "$expdir/$subset" --baseline false "${@:2}"
}

experiment pretrain
experiment finetune --finetune-tag scratch --pretrained none \
  --finetune-config conf/finetune_scratch.yaml
experiment finetune --finetune-tag probe --finetune-config conf/finetune_probe.yaml
if [ ! -e "$expdir/$subset/fold$fold/random_forest/score/result.json" ]; then
  asda baseline --train "data/$subset/fold$fold/train" --test "data/$subset/fold$fold/test" \
    --dump "$dumpdir/fbank" --out "$expdir/$subset/fold$fold"
fi
