#!/usr/bin/env bash
# Speech Commands: classify 35 spoken words, with the official validation and test lists.
# ./run.sh --help lists the options; --form selects version 1 or the twelve-class forms.
set -euo pipefail
cd "$(dirname "$0")"

form=v2_35
own_options="form"
export recipe_help="  --form FORM             v2_35, v1_30 (all words), v2_12, v1_12 (ten commands, silence and
                          other words) (default: $form)"
. utils/own_options.sh
one_of form v2_35 v1_30 v2_12 v1_12
export form # read by local/*.sh

finetune_config=conf/finetune.yaml
if [[ $form == *_12 ]]; then
  finetune_config=conf/finetune_12.yaml
fi

exec utils/asda.sh \
  --train-set "$form/train" --valid-set "$form/valid" --test-sets "$form/test" \
  --dumpdir "dump/${form%_*}" --expdir "exp/$form" \
  --pretrain-config conf/pretrain.yaml --finetune-config "$finetune_config" \
  "$@"
