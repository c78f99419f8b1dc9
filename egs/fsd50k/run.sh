#!/usr/bin/env bash
# FSD50K: Freesound clips of 0.3 to 30 s, each with some of 200 labels, in the official split.
# ./run.sh --help lists the options.
set -euo pipefail
cd "$(dirname "$0")"

exec utils/asda.sh \
  --train-set train --valid-set valid --test-sets eval \
  --pretrain-config conf/pretrain.yaml --finetune-config conf/finetune.yaml \
  "$@"
