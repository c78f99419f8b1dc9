#!/usr/bin/env bash
# What are labels worth with and without pretraining? A model pretrained on free audio (../asterisk/README.md)
# and the same network from scratch are fine-tuned on a few clips of each class, and on all. Completed runs
# are skipped; repeat an interrupted call to resume.
# Usage: ./labels.sh [options], see help_message; after ./run.sh --stop-stage 1
set -euo pipefail
cd "$(dirname "$0")"

nj=$(getconf _NPROCESSORS_ONLN)
dumpdir=dump/asterisk
expdir=exp/labels
pretrained=../asterisk/exp/pretrain_free/model.pt
tasks="sounds digits"
seeds="1 2 3"
updates=
finetune_args=
help_message="usage: ./labels.sh [--nj JOBS] [--dumpdir dump/asterisk] [--expdir exp/labels]
  [--pretrained ../asterisk/exp/pretrain_free/model.pt] [--tasks \"sounds digits\"] [--seeds \"1 2 3\"]
  [--updates \"N N N N\"] [--finetune-args \"SETTINGS\"]
The features are those of ../asterisk, which the model was pretrained on. Updates are those on all
clips, then on fewer and fewer (default: those of conf/labels_TASK.yaml). Tables and figures go to EXPDIR/TASK."

. ./path.sh
. ./cmd.sh
. utils/parse_options.sh
[ $# -eq 0 ] || usage

# compare TASK COUNT...: fine-tune on all clips, and on COUNT of each class
compare() {
  local task=$1 sets=$1/train count
  shift
  for count in "$@"; do
    utils/subset_data_dir.sh --per-label "data/$task/train" "$count" "data/$task/train_$count"
    sets+=" $task/train_$count"
  done
  utils/label_shares.sh --nj "$nj" --dumpdir "$dumpdir" --expdir "$expdir/$task" --pretrained "$pretrained" \
    --sets "$sets" --seeds "$seeds" --updates "$updates" --finetune-args "$finetune_args" \
    --run-args "--task $task --finetune-config conf/labels_$task.yaml --baseline false"
}

./run.sh --stage dump --stop-stage dump --fbank-config ../asterisk/conf/fbank.yaml --dumpdir "$dumpdir"
for task in $tasks; do
  case $task in
    sounds) compare sounds 6 2 1 ;;
    digits) compare digits 32 8 2 ;;
    *) usage ;;
  esac
done
