#!/usr/bin/env bash
# Telephone prompts in five languages: recognise the speech in all of them with one model, or classify
# the language that is spoken. ./run.sh --help lists the options.
set -euo pipefail
cd "$(dirname "$0")"

task=recognition
own_options="task"
export recipe_help="  --task TASK             recognition, or classification of the spoken language, on the same
                          features (default: $task)
  --local-download-opts \"--debian true\" lets stage 0 fetch Debian's packages instead of upstream's archives."
. utils/own_options.sh
one_of task recognition classification

finetune_config=conf/ctc.yaml
if [ "$task" = classification ]; then
  finetune_config=conf/finetune_language.yaml
fi

exec utils/asda.sh \
  --task "$task" --train-set train --valid-set valid --test-sets test --dump-sets all \
  --pretrain-config conf/pretrain.yaml --finetune-config "$finetune_config" \
  "$@"
