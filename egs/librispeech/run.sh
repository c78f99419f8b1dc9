#!/usr/bin/env bash
# LibriSpeech: recognise read English, trained on 100 or 960 hours in the official sets.
# ./run.sh --help lists the options.
set -euo pipefail
cd "$(dirname "$0")"

hours=100
own_options="hours"
export recipe_help="  --hours HOURS           100 (train-clean-100) or 960 (all training sets) (default: $hours)"
. utils/own_options.sh
one_of hours 100 960
export hours # read by local/*.sh

exec utils/asda.sh \
  --task recognition --expdir "exp/$hours" \
  --train-set "train_$hours" --valid-set dev \
  --test-sets "dev_clean dev_other test_clean test_other" \
  --pretrain-config conf/pretrain.yaml --finetune-config conf/ctc.yaml \
  "$@"
