#!/usr/bin/env bash
# Usage: local/ablate.sh [options] SEED ARM [PRETRAINING SETTINGS]
# One arm of ablation.sh with one seed: pretrain, fine-tune, and score clean and in noise. The arm
# asda is also fine-tuned with CLS pooling. Completed runs are skipped.
set -euo pipefail

dumpdir=dump
expdir=exp/ablation
pretrain_updates=800
finetune_updates=800
help_message="usage: $0 [--dumpdir dump] [--expdir exp/ablation] [--pretrain-updates 800]
  [--finetune-updates 800] SEED ARM [PRETRAINING SETTINGS]"

. ./path.sh
. utils/parse_options.sh
[ $# -ge 2 ] || usage
seed=$1
arm=$2
shift 2

test_sets=(unseen/fold1/test noisy/{white,babble}_{20,10,0})

# stage NAME OPTIONS...: run one stage of the recipe
stage() {
  ./run.sh --stage "$1" --stop-stage "$1" --train-set unseen/fold1/train \
    --valid-set unseen/fold1/valid --test-sets "${test_sets[*]}" --dumpdir "$dumpdir" \
    --expdir "$expdir/seed$seed" --baseline false --pretrain-tag "$arm" "${@:2}"
}

# finetune_and_score ARM OPTIONS...
finetune_and_score() {
  stage finetune --finetune-tag "$1" \
    --finetune-args "--training.seed $seed --training.updates $finetune_updates ${*:2}"
  stage score --finetune-tag "$1"
}

stage pretrain \
  --pretrain-args "--training.seed $seed --training.updates $pretrain_updates $*"
finetune_and_score "$arm"
if [ "$arm" = asda ]; then
  finetune_and_score cls_pooling --classifier.pooling cls
fi
