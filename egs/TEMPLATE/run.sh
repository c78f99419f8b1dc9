#!/usr/bin/env bash
# NAME: a folder of audio files and a CSV with one or several labels for each.
# ./run.sh --help lists the options; README.md describes the CSV.
set -euo pipefail
cd "$(dirname "$0")"

audio=  # folder with the audio files
labels= # CSV with one line per file

num_folds=0
own_options="labels num_folds"
export recipe_help="  --labels FILE           CSV with one line per audio file in --db-dir
  --num-folds N           divide the corpus into N folds for cross-validation if the CSV has neither
                          splits nor folds (default: $num_folds, a random split)
  --pretrained own        pretrain on the training clips first; without this option, stage 3 is
                          skipped and the classifier trained from scratch"
. utils/own_options.sh
export labels num_folds # read by local/data.sh

exec utils/asda.sh \
  --db-dir "$audio" --train-set train --valid-set valid --test-sets test --dump-sets all \
  --pretrained none --pretrain-config conf/pretrain.yaml --finetune-config conf/finetune.yaml \
  "$@"
