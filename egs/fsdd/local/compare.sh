#!/usr/bin/env bash
# Usage: local/compare.sh [options] PROTOCOL
# Train and score all systems of the table in README.md on one protocol (official, unseen/fold1,
# ...), with all labels of the training set and with few. Completed runs are skipped.
set -euo pipefail

dumpdir=dump
expdir=exp/table
help_message="usage: $0 [--dumpdir dump] [--expdir exp/table] PROTOCOL"

. ./path.sh
. utils/parse_options.sh
[ $# -eq 1 ] || usage
protocol=$1

# experiment SET TAG OPTIONS...: fine-tune on data/PROTOCOL/SET and score
experiment() {
  local set=$1 tag=$2
  shift 2
  ./run.sh --stage finetune --train-set "$protocol/$set" --valid-set "$protocol/valid" \
    --test-sets "$protocol/test" --dumpdir "$dumpdir" --expdir "$expdir/$set/$protocol" \
    --baseline false --finetune-tag "$tag" "$@"
}

pretrained=$expdir/pretrain/$protocol
./run.sh --stage pretrain --stop-stage pretrain --train-set "$protocol/train" \
  --valid-set "$protocol/valid" --test-sets "$protocol/test" --dumpdir "$dumpdir" \
  --expdir "$pretrained"

for set in train train_few; do
  experiment "$set" pretrained --pretrained "$pretrained/pretrain/model.pt"
  experiment "$set" scratch --pretrained none
  experiment "$set" probe --pretrained "$pretrained/pretrain/model.pt" \
    --finetune-config conf/finetune_probe.yaml
  if [ ! -e "$expdir/$set/$protocol/random_forest/score/result.json" ]; then
    asda baseline --train "data/$protocol/$set" --test "data/$protocol/test" \
      --dump "$dumpdir/fbank" --out "$expdir/$set/$protocol"
  fi
done
