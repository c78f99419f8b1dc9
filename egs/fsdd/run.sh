#!/usr/bin/env bash
# Free Spoken Digit Dataset, the official split: recordings 0-4 of each digit and speaker are the
# test set, 5-9 serve to choose models, the others to pretrain and train.
# ./run.sh --help lists the options.
set -euo pipefail
cd "$(dirname "$0")"

exec utils/asda.sh \
  --train-set official/train --valid-set official/valid --test-sets official/test \
  --dump-sets all \
  --pretrain-config conf/pretrain.yaml --finetune-config conf/finetune.yaml \
  "$@"
