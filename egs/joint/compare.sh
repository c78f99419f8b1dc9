#!/usr/bin/env bash
# Does one model of sounds and speech know as much of each as a model of that alone? Three seeds, linear
# probes of the frozen encoder. Completed runs are skipped; repeat an interrupted call to resume.
# Usage: ./compare.sh [options], see help_message; after ./run.sh --stop-stage 2
set -euo pipefail
cd "$(dirname "$0")"

nj=$(getconf _NPROCESSORS_ONLN)
dumpdir=dump
expdir=exp/compare
seeds="1 2 3"
updates=2000
ngpu=1
help_message="usage: ./compare.sh [--nj JOBS] [--dumpdir dump] [--expdir exp/compare]
  [--seeds \"1 2 3\"] [--updates 2000] [--ngpu 1]
The joint model is trained for so many updates, half of them on each corpus; the others on one corpus
for as many updates, or for half of them, in which they see as many of its clips as the joint model."

. ./path.sh
. ./cmd.sh
. utils/parse_options.sh
[ $# -eq 0 ] || usage

# One thread per process: small models gain little from a second one.
export OMP_NUM_THREADS=1
mkdir -p "$expdir"
for seed in $seeds; do
  cat <<RUNS
$seed joint "sounds/train:0.5 digits/train:0.5" $updates
$seed sounds sounds/train:1 $updates
$seed digits digits/train:1 $updates
$seed sounds_same_clips sounds/train:1 $((updates / 2))
$seed digits_same_clips digits/train:1 $((updates / 2))
$seed untrained "sounds/train:0.5 digits/train:0.5" 1
RUNS
done >"$expdir/runs"
$train_cmd --max-jobs-run "$nj" JOB=1:"$(wc -l <"$expdir/runs")" "$expdir/log/arm.JOB.log" \
  sed -n JOBp "$expdir/runs" \| xargs local/arm.sh --dumpdir "$dumpdir" --expdir "$expdir" --ngpu "$ngpu"

local/table.sh "$expdir" joint.md "$seeds" "Sounds and digits=joint" "Sounds, as many updates=sounds" \
  "Digits, as many updates=digits" "Sounds, the same clips=sounds_same_clips" \
  "Digits, the same clips=digits_same_clips" "Not trained=untrained"
