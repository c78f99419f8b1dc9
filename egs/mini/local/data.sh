#!/usr/bin/env bash
# Usage: local/data.sh DIR DATA
# Write DATA/{train,valid,test} from the corpus in DIR, whose files are
# DIR/SET/LABEL-SET-NUMBER.wav.
set -euo pipefail

help_message="usage: $0 DIR DATA"

. ./path.sh
. utils/parse_options.sh
[ $# -eq 2 ] || usage

for set in train valid test; do
  if [ ! -d "$1/$set" ]; then
    echo "$0: error: no folder $1/$set; run stage 0 to generate the corpus" >&2
    exit 1
  fi
  data=$2/$set
  mkdir -p "$data"
  find "$(cd "$1" && pwd)/$set" -name '*.wav' | sort |
    sed 's|.*/\(.*\)\.wav$|\1 &|' >"$data/wav.scp"
  awk '{print $1, $1}' "$data/wav.scp" >"$data/utt2spk"
  awk '{split($1, part, "-"); print $1, part[1]}' "$data/wav.scp" >"$data/utt2label"
  utils/utt2spk_to_spk2utt.pl "$data/utt2spk" >"$data/spk2utt"
  cut -d " " -f 2 "$2/train/utt2label" | sort -u >"$data/labels.txt"
  utils/validate_data_dir.sh --no-feats --no-text "$data"
done
