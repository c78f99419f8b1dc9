#!/usr/bin/env bash
# Run all benchmarks with settings that take up to 15 minutes on 2 cores; each has --help. The defaults
# of datadir_scale.py, training_start.py and audioset_data.py are 2,000,000 clips.
set -euo pipefail
cd "$(dirname "$0")/../.."

audio=
help_message="usage: tools/bench/run.sh [--audio FOLDER]

Prints all tables. FOLDER contains recordings, for example ESC-10. Without it clips are synthesised,
and sizes and errors in compression.py are not those of recordings."

. tools/activate.sh
. utils/parse_options.sh

work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
if [ -z "$audio" ]; then
  audio=$work/audio
  egs/mini/local/synthesize.py "$audio" --train 200 --valid 0 --test 0
fi

# bench SCRIPT OPTIONS...: print its table under a heading
bench() {
  local start=$SECONDS
  printf '\n== %s\n' "$*"
  python "tools/bench/$1" "${@:2}"
  echo "($((SECONDS - start)) s)"
}

bench startup.py
bench metrics.py
bench datadir_scale.py --utterances 200000
bench training_start.py --clips 200000 --dir "$work"
bench audioset_data.py --clips 100000 --dir "$work"
bench compression.py "$audio"
bench filterbank.py
bench dump.py "$audio"
bench reading.py
bench batches.py --seconds 300
bench recognition_patches.py
bench training_step.py
bench precisions.py --rounds 2
bench tagging.py --clips 16 --hours 0.5
bench scaling.py
echo
echo "total: $SECONDS s"
