#!/usr/bin/env bash
# Usage: local/arm.sh [options] SEED ARM CORPORA UPDATES
# One model of compare.sh or adapt.sh: pretrain on CORPORA (see --pretrain-corpora) with a seed, then
# probe the teacher on sounds and on digits. What is complete is skipped.
set -euo pipefail

dumpdir=dump
expdir=exp/compare
pretrain_config=conf/pretrain.yaml
init=
ngpu=1
help_message="usage: $0 [--dumpdir dump] [--expdir exp/compare] [--pretrain-config conf/pretrain.yaml]
  [--init MODEL] [--ngpu 1] SEED ARM CORPORA UPDATES"

. ./path.sh
. utils/parse_options.sh
[ $# -eq 4 ] || usage
seed=$1
arm=$2
corpora=$3
updates=$4
exp=$expdir/seed$seed

./run.sh --stage pretrain --stop-stage pretrain --dumpdir "$dumpdir" --expdir "$exp" --ngpu "$ngpu" \
  --pretrain-corpora "$corpora" --pretrain-config "$pretrain_config" --pretrain-tag "$arm" \
  --pretrain-args "--training.seed $seed --training.updates $updates${init:+ --init $init}"

for task in sounds digits; do
  out=$exp/pretrain_$arm/probe_$task
  if [ ! -e "$out/linear/score/result.json" ]; then
    valid=data/$task/valid
    [ -d "$valid" ] || valid=
    asda probe "$exp/pretrain_$arm/model.pt" --train "data/$task/train" --test "data/$task/test" \
      ${valid:+--valid "$valid"} --out "$out" --kinds linear --encoder teacher \
      --pooling statistics --normalization train
  fi
done
