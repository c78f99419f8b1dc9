#!/usr/bin/env bash
# Does pretraining pay with few labels? Fine-tune a pretrained model, and train from scratch, on parts of
# the training set; to be called in the folder of a recipe, after its stages 0 to 3.
set -euo pipefail

nj=1
dumpdir=dump
expdir=exp/labels
pretrained=
folds=
sets="train train_30 train_10"
seeds="1 2 3"
updates=
finetune_args=
run_args=
help_message="usage: utils/label_shares.sh [options]

Completed runs are skipped; repeat an interrupted call to resume. The table goes to EXPDIR/table.md,
its figure to EXPDIR/table.png.

  --nj N               runs at the same time, with one thread each on the CPU (default: $nj)
  --dumpdir DIR        features (default: $dumpdir)
  --expdir DIR         experiments (default: $expdir)
  --pretrained MODEL   model to fine-tune; {fold} stands for the fold (default: exp/pretrain/model.pt, or
                       exp/fold{fold}/pretrain/model.pt)
  --folds \"N ...\"      run each of these folds, and merge their results (default: none)
  --sets \"SET ...\"     training sets, the largest first (default: $sets)
  --seeds \"N ...\"      seeds of initialisation, order and augmentation (default: $seeds)
  --updates \"N ...\"    updates on each of the sets (default: those of the configuration)
  --finetune-args ARGS settings that override those of the configuration
  --run-args ARGS      further options of run.sh"

. ./path.sh
. ./cmd.sh
. utils/parse_options.sh
. utils/job_words.sh
[ $# -eq 0 ] || usage

read -ra set_list <<<"$sets"
read -ra seed_list <<<"$seeds"
read -ra update_list <<<"$updates"
read -ra fold_list <<<"$folds"
pretrained=${pretrained:-exp/${folds:+fold{fold\}/}pretrain/model.pt}
if [ ${#update_list[@]} -ne 0 ] && [ ${#update_list[@]} -ne ${#set_list[@]} ]; then
  echo "$0: error: ${#update_list[@]} numbers of updates for ${#set_list[@]} sets" >&2
  exit 1
fi

# for_xargs WORD...: print words such that xargs finds them unchanged
for_xargs() {
  local word
  for word in "$@"; do
    printf "'%s' " "${word//\'/\'\"\'\"\'}"
  done
}

[ "$nj" -eq 1 ] || export OMP_NUM_THREADS=1
mkdir -p "$expdir"
# The smallest sets first: they show early whether all is well.
for ((i = ${#set_list[@]} - 1; i >= 0; i--)); do
  for seed in "${seed_list[@]}"; do
    for fold in "${fold_list[@]-}"; do
      for system in pretrained scratch; do
        model=${pretrained//\{fold\}/$fold}
        [ "$system" = pretrained ] || model=none
        args="--training.seed $seed ${update_list[i]:+--training.updates ${update_list[i]}} $finetune_args"
        words=(--train-set "${set_list[i]}" --units-set "${set_list[0]}" --dumpdir "$dumpdir")
        words+=(--pretrained "$model" --expdir "$expdir/seed$seed/${set_list[i]}")
        words+=(--finetune-tag "$system" ${fold:+--folds "$fold"})
        stages=(--stage finetune --stop-stage score --finetune-args "$args")
        echo "$(for_xargs "${words[@]}")$run_args $(for_xargs "${stages[@]}")"
      done
    done
  done
done >"$expdir/runs"
name_job "$expdir"
quote_job_words "$expdir/runs"
$train_cmd --max-jobs-run "$nj" "$job_name=1:$(wc -l <"$expdir/runs")" "$expdir/log/run.$job_name.log" \
  sed -n "${job_name}p" "${job_words[@]}" \| xargs ./run.sh

first=$expdir/seed${seed_list[0]}/${set_list[0]}${fold_list[0]:+/fold${fold_list[0]}}
name=$(basename "$(ls -d "$first"/*_scratch)")
name=${name%_scratch}

# merge_folds EXPERIMENTS: combine the scores of all folds for both systems
merge_folds() {
  local system folders=("${fold_list[@]/#/"$1/fold"}")
  for system in pretrained scratch; do
    asda results merge "${folders[@]/%/"/${name}_$system/score"}" --out "$1/${name}_$system/score"
  done
}

if [ ${#fold_list[@]} -gt 0 ]; then
  for seed in "${seed_list[@]}"; do
    for set in "${set_list[@]}"; do
      merge_folds "$expdir/seed$seed/$set"
    done
  done
fi
columns=()
for set in "${set_list[@]}"; do
  columns+=("${set##*/}=$set")
done
systems=("$expdir/{run}/{column}/${name}_{row}/score" --rows "From scratch=scratch" "Pretrained=pretrained"
  --columns "${columns[@]}" --runs "${seed_list[@]/#/seed}")
asda plot results "${systems[@]}" --title "$(basename "$PWD"): results by training set" --out "$expdir/table.png"
asda results table "${systems[@]}" --out "$expdir/table.md"
