#!/usr/bin/env bash
# Stage 5 of utils/asda.sh, which sources this file: scores, baselines, and merging over folds.
# shellcheck disable=SC2154 # the variables are those of utils/asda.sh

# score_folder TEST_SET: print the folder of its scores within an experiment
score_folder() {
  [ ${#tests[@]} -eq 1 ] && echo score || echo "score_${1//\//_}"
}

# baseline_folder TEST_SET: print the name of the experiment of its baselines
baseline_folder() {
  local name=baseline_${train_set//\//_}
  [ ${#tests[@]} -eq 1 ] && echo "$name" || echo "${name}_${1//\//_}"
}

# feature_checksum DATA: print a checksum that changes when its features do
feature_checksum() {
  if [ "$feats_type" = raw ]; then
    cksum <"$fbank_config"
  else
    utils/filter_scp.pl "$1/utt2spk" "$dumpdir/fbank/utt2moments" | cksum
  fi
}

# checksums FILE|DATA...: print checksums of files, and of the tables and features of directories
checksums() {
  local path
  echo "${features[@]}"
  for path in "$@"; do
    [ ! -d "$path" ] || feature_checksum "$path" 2>/dev/null
    find -L "$path" -maxdepth 1 -type f -exec cksum {} + 2>/dev/null | sort
  done
}

# is_current OUT CHECKSUMS: whether OUT/.scored has the same checksums, and all result files that it
# lists exist
is_current() {
  local word name
  [ -f "$1/.scored" ] && grep -q '^wrote ' "$1/.scored" || return 1
  [ "$2" = "$(grep -v '^wrote ' "$1/.scored")" ] || return 1
  [ -z "$(find "$1" -name result.json -newer "$1/.scored")" ] || return 1
  while read -r word name; do
    [ "$word" != wrote ] || [ -f "$1/$name" ] || return 1
  done <"$1/.scored"
}

# note_current OUT CHECKSUMS: write OUT/.scored
note_current() {
  mkdir -p "$1"
  {
    echo "$2"
    (cd "$1" && find . -type f ! -name '.*' | sort | sed 's|^|wrote |')
  } >"$1/.scored.new"
  mv "$1/.scored.new" "$1/.scored"
}

# score EXPERIMENT DATA NAME: skipped if model, tables and features are the same as last time
score() {
  local out=$1/$3 sums
  sums=$(checksums "$1/model.pt" "$2") || true
  if is_current "$out" "$sums"; then
    log "$out is up to date; remove it to score again"
    return
  fi
  rm -f "$out/.scored"
  run $((ngpu > 0)) "$out.log" asda score --model "$1/model.pt" --data "$2" --out "$out" \
    "${features[@]}" "${most_bad[@]/#/--}" --device "$device"
  note_current "$out" "$sums"
}

# train_baselines SETS TEST_SET OUT: skipped as score is; an error does not stop the recipe
train_baselines() {
  local out=$3 sums status=0
  sums=$(checksums "$1/$train_set" "$1/$2" ${valid_set:+"$1/$valid_set"}) || true
  if is_current "$out" "$sums"; then
    log "$out is up to date; remove it to train the baselines again"
    return
  fi
  rm -f "$out/.scored"
  run 0 "$out.log" asda baseline --train "$1/$train_set" --test "$1/$2" \
    ${valid_set:+--valid "$1/$valid_set"} --out "$out" "${features[@]}" --limit 10000 || status=$?
  [ $status -lt 128 ] || exit $status # interrupted
  if [ $status -eq 0 ]; then
    note_current "$out" "$sums"
  else
    log "the baselines in $out failed, see above; --baseline false leaves them out"
  fi
}

# merge_folds: combine the scores of all folds for each test set. If this call covers one fold only,
# remove a combined result that its new score has made outdated.
merge_folds() {
  local test_set name folders=("${fold_list[@]/#/$expdir/fold}")
  for test_set in "${tests[@]}"; do
    merge "$finetuning/$(score_folder "$test_set")"
    for name in logistic_regression random_forest; do
      name=$(baseline_folder "$test_set")/$name/score
      [ ! -f "${folders[0]}/$name/result.json" ] || merge "$name"
    done
  done
}

# merge NAME: combine the scores FOLD/NAME of all folds
merge() {
  if [ ${#folders[@]} -eq 1 ]; then
    if [ "${folders[0]}/$1/result.json" -nt "$expdir/$1/result.json" ]; then
      rm -rf "${expdir:?}/$1"
    fi
    return
  fi
  [ ! -e "$expdir/$finetuning/model.pt" ] ||
    fail "$expdir/$finetuning was trained without folds; choose another --finetune-tag"
  asda results merge "${folders[@]/%//$1}" --out "$expdir/$1"
}
