#!/usr/bin/env bash
# What does a model of sounds forget when it goes on with digits, and what does replay save? Replay is a
# share of the batches that still comes from the sounds. Linear probes of the frozen encoder before and
# after. Completed runs are skipped; repeat an interrupted call to resume.
# Usage: ./adapt.sh [options], see help_message; after ./run.sh --stop-stage 2
set -euo pipefail
cd "$(dirname "$0")"

nj=$(getconf _NPROCESSORS_ONLN)
dumpdir=dump
expdir=exp/compare
seeds="1 2 3"
updates=2000
adapt_updates=1000
ngpu=1
help_message="usage: ./adapt.sh [--nj JOBS] [--dumpdir dump] [--expdir exp/compare]
  [--seeds \"1 2 3\"] [--updates 2000] [--adapt-updates 1000] [--ngpu 1]
The first models are those of ./compare.sh with the same --expdir and --updates; missing ones are
trained."

. ./path.sh
. ./cmd.sh
. utils/parse_options.sh
[ $# -eq 0 ] || usage

export OMP_NUM_THREADS=1
mkdir -p "$expdir/adapt"
read -ra all <<<"$seeds"
printf '%s\n' "${all[@]}" >"$expdir/adapt/seeds"
$train_cmd --max-jobs-run "$nj" JOB=1:${#all[@]} "$expdir/log/adapt.JOB.log" \
  sed -n JOBp "$expdir/adapt/seeds" \| xargs local/adapt_seed.sh --dumpdir "$dumpdir" \
  --expdir "$expdir" --updates "$updates" --adapt-updates "$adapt_updates" --ngpu "$ngpu"

local/table.sh "$expdir" adaptation.md "$seeds" "Sounds=sounds" "then digits=adapted_replay0" \
  "then digits, replay 0.25=adapted_replay0.25" "then digits, replay 0.5=adapted_replay0.5"
