#!/usr/bin/env bash
# NAME: a folder of audio files and a CSV with labels, or a transcript, for each.
# ./run.sh --help lists the options; README.md describes the CSV.
set -euo pipefail
cd "$(dirname "$0")"

audio=  # folder with the audio files
labels= # CSV with one line per file
task=classification # of the labels in the CSV, or recognition of its transcripts

num_folds=0
own_options="labels task num_folds"
export recipe_help="  --labels FILE           CSV with one line per audio file in --db-dir
  --task TASK             classification, or recognition of speech (default: $task)
  --num-folds N           divide the corpus into N folds for cross-validation if the CSV has neither
                          splits nor folds (default: $num_folds, a random split)
  --pretrained own        pretrain on the training clips first; without this option, stage 3 is
                          skipped and the model trained from scratch"
. utils/own_options.sh
one_of task classification recognition
export labels task num_folds # read by local/data.sh

pretrain_config=conf/pretrain.yaml finetune_config=conf/finetune.yaml
if [ "$task" = recognition ]; then
  pretrain_config=conf/pretrain_speech.yaml finetune_config=conf/ctc.yaml
fi

exec utils/asda.sh \
  --db-dir "$audio" --task "$task" --train-set train --valid-set valid --test-sets test --dump-sets all \
  --pretrained none --pretrain-config "$pretrain_config" --finetune-config "$finetune_config" \
  "$@"
