#!/usr/bin/env bash
# AudioSet: pretrain on the 2 million clips of the training lists, fine-tune on the balanced 20
# thousand or on all of them, and score mAP on the evaluation list. ./run.sh --help lists the
# options.
set -euo pipefail
cd "$(dirname "$0")"

subset=20k
own_options="subset"
export recipe_help="  --subset SUBSET         fine-tune on 20k (balanced) or 2m (drawn with class-balanced weights)
                          (default: $subset)

--db-dir is the folder with the audio, which cannot be downloaded; README.md describes its layout.
--local-data-opts takes options of local/data.py, e.g. \"--labels mid\"; see local/data.py --help."
. utils/own_options.sh
one_of subset 20k 2m

exec utils/asda.sh \
  --pretrain-set train_2m --train-set "train_$subset" --valid-set valid --test-sets eval \
  --pretrain-config conf/pretrain.yaml --finetune-config "conf/finetune_$subset.yaml" \
  "$@"
