#!/usr/bin/env bash
# ESC-50: 50 classes of environmental sound, with cross-validation over the five official folds.
# Each fold is scored once, by a model pretrained and fine-tuned on the other four. ./run.sh --help
# lists the options.
set -euo pipefail
cd "$(dirname "$0")"

subset=esc50
own_options="subset"
export recipe_help="  --subset SUBSET         esc50, or esc10 with ten of its classes (default: $subset)"
. utils/own_options.sh
one_of subset esc50 esc10
export subset # read by local/data.sh

exec utils/asda.sh \
  --datadir "data/$subset" --expdir "exp/$subset" \
  --train-set train --test-sets test --dump-sets all \
  --pretrain-config conf/pretrain.yaml --finetune-config conf/finetune.yaml \
  "$@"
