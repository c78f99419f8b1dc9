#!/usr/bin/env bash
# Does pretraining pay with few labels? Fine-tune a pretrained model, and train from scratch, on parts of
# the training set; to be called in the folder of a recipe, after its stages 0 to 3.
set -euo pipefail

nj=1
dumpdir=dump
expdir=exp/labels
pretrained=exp/pretrain/model.pt
sets="train train_30 train_10"
seeds="1 2 3"
updates=
run_args=
help_message="usage: utils/label_shares.sh [options]

Completed runs are skipped; repeat an interrupted call to resume. The table goes to EXPDIR/table.md.

  --nj N               runs at the same time, with one thread each on the CPU (default: $nj)
  --dumpdir DIR        features (default: $dumpdir)
  --expdir DIR         experiments (default: $expdir)
  --pretrained MODEL   model to fine-tune (default: $pretrained)
  --sets \"SET ...\"     training sets, the largest first (default: $sets)
  --seeds \"N ...\"      seeds of initialisation, order and augmentation (default: $seeds)
  --updates \"N ...\"    updates on each of the sets (default: those of the configuration)
  --run-args ARGS      further options of run.sh"

. ./path.sh
. ./cmd.sh
. utils/parse_options.sh
[ $# -eq 0 ] || usage

read -ra set_list <<<"$sets"
read -ra seed_list <<<"$seeds"
read -ra update_list <<<"$updates"
read -ra systems <<<"pretrained scratch"
if [ ${#update_list[@]} -ne 0 ] && [ ${#update_list[@]} -ne ${#set_list[@]} ]; then
  echo "$0: error: ${#update_list[@]} numbers of updates for ${#set_list[@]} sets" >&2
  exit 1
fi

[ "$nj" -eq 1 ] || export OMP_NUM_THREADS=1
mkdir -p "$expdir"
# The smallest sets first: they show early whether all is well.
for ((i = ${#set_list[@]} - 1; i >= 0; i--)); do
  for seed in "${seed_list[@]}"; do
    for system in "${systems[@]}"; do
      model=$pretrained
      [ "$system" = pretrained ] || model=none
      args="--training.seed $seed ${update_list[i]:+--training.updates ${update_list[i]}}"
      echo "--train-set ${set_list[i]} --units-set ${set_list[0]} --dumpdir $dumpdir --pretrained $model" \
        "--expdir $expdir/seed$seed/${set_list[i]} --finetune-tag $system $run_args" \
        "--stage finetune --stop-stage score --finetune-args '$args'"
    done
  done
done >"$expdir/runs"
$train_cmd --max-jobs-run "$nj" JOB=1:"$(wc -l <"$expdir/runs")" "$expdir/log/run.JOB.log" \
  sed -n JOBp "$expdir/runs" \| xargs ./run.sh

name=$(basename "$(ls -d "$expdir/seed${seed_list[0]}/${set_list[0]}"/*_scratch)")
asda results table "$expdir/{run}/{column}/${name%_scratch}_{row}/score" \
  --rows "From scratch=scratch" "Pretrained=pretrained" --columns "${set_list[@]}" \
  --runs "${seed_list[@]/#/seed}" | tee "$expdir/.table.md"
mv "$expdir/.table.md" "$expdir/table.md"
