#!/usr/bin/env bash
# Free Spoken Digit Dataset, official split: for each digit and speaker, recordings 0-4 are the test
# set, 5-9 the validation set, and the others the training set.
# ./run.sh --help lists the options.
set -euo pipefail
cd "$(dirname "$0")"

exec utils/asda.sh \
  --train-set official/train --valid-set official/valid --test-sets official/test \
  --dump-sets all \
  --pretrain-config conf/pretrain.yaml --finetune-config conf/finetune.yaml \
  "$@"
