#!/usr/bin/env bash
# Connected digits, made of the recordings of the Free Spoken Digit Dataset: each speaker is tested by
# a model that was trained on four others. ./run.sh --help lists the options.
set -euo pipefail
cd "$(dirname "$0")"

exec utils/asda.sh \
  --task recognition --train-set train --valid-set valid --test-sets test --dump-sets all \
  --pretrain-config conf/pretrain.yaml --finetune-config conf/ctc.yaml \
  "$@"
