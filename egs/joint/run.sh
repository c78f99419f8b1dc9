#!/usr/bin/env bash
# One model of sounds and speech: ESC-10 and spoken digits are pretrained on together, and fine-tuned
# on one of them. ./run.sh --help lists the options.
set -euo pipefail
cd "$(dirname "$0")"

task=sounds
own_options="task"
export recipe_help="  --task TASK             fine-tune on sounds or digits (default: $task)"
. utils/own_options.sh
one_of task sounds digits
valid=
[ "$task" = sounds ] || valid=$task/valid

exec utils/asda.sh --db-dir .. \
  --train-set "$task/train" --valid-set "$valid" --test-sets "$task/test" \
  --dump-sets "sounds/train sounds/test digits/train digits/valid digits/test" \
  --pretrain-corpora "sounds/train:0.5 digits/train:0.5" \
  --pretrain-config conf/pretrain.yaml --finetune-config "conf/finetune_$task.yaml" \
  "$@"
