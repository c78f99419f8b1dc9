#!/usr/bin/env bash
# Everything that only a GPU can show, in one call of under 8 minutes: tests, speed, profile, loader.
# See tools/gpu/README.md.
set -euo pipefail
cd "$(dirname "$0")/../.."

dry=false    # try it out on the CPU, with a tiny model
python=      # the Python with torch; default: the one that has asda, tools/venv, or python3
wheels=      # folder with packages that this Python lacks, filled by tools/gpu/wheels.sh
seconds=470  # after which nothing new begins, and what runs is ended
further=     # command for the time that is left, such as a training that resumes
help_message="usage: tools/gpu/check.sh [--dry] [--wheels FOLDER] [--python python3] [--seconds 470]
                          [--further COMMAND] OUT

Writes OUT/report.md and, for each piece, OUT/PIECE.json as it goes; OUT/log.txt has all that was printed.
Called again, it does what is missing in OUT."

words=()
for word in "$@"; do
  [ "$word" != --dry ] || word=--dry=true
  words+=("$word")
done
set -- "${words[@]}"
unset word words # parse_options.sh takes every variable that is set for an option
. utils/parse_options.sh
[ $# -eq 1 ] || usage
if [[ ! $seconds =~ ^[0-9]+$ ]]; then
  echo "${0##*/}: error: --seconds must be a whole number, not '$seconds'" >&2
  exit 1
fi
mkdir -p "$1"
out=$(cd "$1" && pwd)

if [ -z "$python" ]; then
  python=python3
  if command -v asda >/dev/null; then
    python=python
  elif [ -x tools/venv/bin/python ]; then
    python=tools/venv/bin/python
  fi
fi
site=$(mktemp -d)
trap 'rm -r "$site"' EXIT
if [ -n "$wheels" ]; then
  "$python" -m pip install -q --no-index --no-deps --no-compile --target "$site" "$wheels"/*.whl
fi
export PYTHONPATH=$site:$PWD${PYTHONPATH:+:$PYTHONPATH}
export PYTHONUNBUFFERED=1
"$python" tools/gpu/requirements.py "$dry"

device=(--device cuda) slowness=1
if [ "$dry" = true ]; then
  device=(--dry) slowness=10
  export ASDA_DRY_RUN=1
fi

# piece NAME SECONDS COMMAND...: run a command that writes OUT/NAME.json, unless that is complete
piece() {
  local name=$1 limit=$(($2 * slowness)) left=$((seconds - SECONDS)) status=0 start=$SECONDS
  shift 2
  if grep -qs '"complete": true' "$out/$name.json"; then
    echo "$name: kept"
    return
  fi
  limit=$((limit < left ? limit : left))
  if [ "$limit" -lt 5 ]; then
    echo "$name: no time left"
    return
  fi
  printf '\n== %s\n' "$name" >>"$out/log.txt"
  timeout --kill-after=10 "$limit" "$@" >>"$out/log.txt" 2>&1 || status=$?
  case $status in
    0) echo "$name: done ($((SECONDS - start)) s)" ;;
    124 | 137) echo "$name: ended after its $limit s; what it has measured is kept" ;;
    *) failed=true && echo "$name: failed, see $out/log.txt" ;;
  esac
  "$python" tools/gpu/report.py "$out"
}

failed=false
piece tests 150 env PYTHONPATH="$PWD/tools/bench:$PWD/tools/gpu:$PYTHONPATH" \
  "$python" -m pytest -m gpu -p gpu_outcomes --results "$out/tests.json" \
  tests/gpu tests/parity tests/kernels
piece step 210 "$python" tools/bench/training_step.py "${device[@]}" --out "$out/step.json" \
  pretraining attention finetuning largest inference
piece profile 40 "$python" tools/bench/step_profile.py "${device[@]}" --out "$out/profile.json"
piece loader 50 "$python" tools/bench/feeding.py "${device[@]}" --out "$out/loader.json"
left=$((seconds - SECONDS))
if [ -n "$further" ] && [ "$left" -ge 20 ]; then
  # A training saves a checkpoint on SIGTERM.
  timeout --kill-after=15 $((left - 15)) bash -c "$further" >>"$out/log.txt" 2>&1 || [ $? -eq 124 ]
  echo "further: $((SECONDS)) s in all"
fi
[ "$failed" = false ]
