#!/usr/bin/env bash
# NAME: a folder of audio files, and a CSV of their labels, of one label each or several.
# ./run.sh --help lists the options; README.md says what the CSV holds.
set -euo pipefail
cd "$(dirname "$0")"

audio=  # folder of the audio files
labels= # CSV with a line per file

num_folds=0
own_options="labels num_folds"
export recipe_help="  --labels FILE           CSV with a line per audio file of --db-dir
  --num-folds N           cut the corpus into N folds for cross-validation, if the CSV has neither
                          splits nor folds (default: $num_folds, a random split)"
. utils/own_options.sh
export labels num_folds # read by local/data.sh

exec utils/asda.sh \
  --db-dir "$audio" --train-set train --valid-set valid --test-sets test --dump-sets all \
  --pretrain-config conf/pretrain.yaml --finetune-config conf/finetune.yaml \
  "$@"
