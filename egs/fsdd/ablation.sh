#!/usr/bin/env bash
# Does subtracting the second attention map help? The arms in conf/ablation_arms on unseen speakers
# (fold 1), with three seeds, clean and in noise. Completed runs are skipped; repeat an interrupted
# call to resume.
# Usage: ./ablation.sh [options], see help_message; after ./run.sh --stop-stage 2
set -euo pipefail
cd "$(dirname "$0")"

nj=$(getconf _NPROCESSORS_ONLN)
dumpdir=dump
expdir=exp/ablation
seeds="1 2 3"
pretrain_updates=800
finetune_updates=800
help_message="usage: ./ablation.sh [--nj JOBS] [--dumpdir dump] [--expdir exp/ablation]
  [--seeds \"1 2 3\"] [--pretrain-updates 800] [--finetune-updates 800]"

. ./path.sh
. ./cmd.sh
. utils/parse_options.sh
[ $# -eq 0 ] || usage

# One thread per process: small models gain little from a second one.
export OMP_NUM_THREADS=1
local/add_noise.py data/unseen/fold1/test data/unseen/fold1/train data/noisy
utils/dump_fbank.sh --cmd "$train_cmd" --nj "$nj" --fbank-config conf/fbank.yaml \
  "$dumpdir/fbank" data/noisy/{white,babble}_{20,10,0}

mkdir -p "$expdir"
for seed in $seeds; do
  sed "/^#/d; s/^/$seed /" conf/ablation_arms
done >"$expdir/runs"
$train_cmd --max-jobs-run "$nj" JOB=1:"$(wc -l <"$expdir/runs")" "$expdir/log/run.JOB.log" \
  sed -n JOBp "$expdir/runs" \| xargs local/ablate.sh --dumpdir "$dumpdir" --expdir "$expdir" \
  --pretrain-updates "$pretrain_updates" --finetune-updates "$finetune_updates"

mapfile -t arms < <(sed '/^#/d; s/ .*//' conf/ablation_arms)
arms+=(cls_pooling)
read -ra runs <<<"$seeds"
runs=("${runs[@]/#/seed}")
asda results table "$expdir/{run}/finetune_{row}/score_{column}" --metric accuracy \
  --rows "${arms[@]}" --runs "${runs[@]}" --columns Clean=unseen_fold1_test \
  "White 20 dB=noisy_white_20" "White 10 dB=noisy_white_10" "White 0 dB=noisy_white_0" \
  "Babble 20 dB=noisy_babble_20" "Babble 10 dB=noisy_babble_10" "Babble 0 dB=noisy_babble_0" \
  --out "$expdir/table.md"
local/plot_ablation.py "$expdir" --arms "${arms[@]}" --runs "${runs[@]}"
