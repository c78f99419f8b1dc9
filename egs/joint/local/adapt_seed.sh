#!/usr/bin/env bash
# Usage: local/adapt_seed.sh [options] SEED
# The models of adapt.sh with one seed: sounds, then digits with shares of replay.
set -euo pipefail

dumpdir=dump
expdir=exp/compare
updates=2000
adapt_updates=1000
ngpu=1
help_message="usage: $0 [--dumpdir dump] [--expdir exp/compare] [--updates 2000]
  [--adapt-updates 1000] [--ngpu 1] SEED"

. ./path.sh
. utils/parse_options.sh
[ $# -eq 1 ] || usage
seed=$1

# arm OPTIONS... ARM CORPORA UPDATES
arm() {
  local last=("${@: -3}")
  local/arm.sh --dumpdir "$dumpdir" --expdir "$expdir" --ngpu "$ngpu" "${@:1:$#-3}" "$seed" "${last[@]}"
}

# adapt SHARE CORPORA: go on from the model of sounds
adapt() {
  arm --pretrain-config conf/adapt.yaml --init "$expdir/seed$seed/pretrain_sounds/model.pt" \
    "adapted_replay$1" "$2" "$adapt_updates"
}

arm sounds sounds/train:1 "$updates"
adapt 0 digits/train:1
adapt 0.25 "digits/train:0.75 sounds/train:0.25"
adapt 0.5 "digits/train:0.5 sounds/train:0.5"
