#!/usr/bin/env bash
# Stage 5 of utils/asda.sh, which sources this file: scores, baselines, and merging over folds.
# shellcheck disable=SC2154 # the variables are those of utils/asda.sh

# score_folder TEST_SET: print the folder of its scores within an experiment; other settings of
# decoding have other folders
score_folder() {
  local name=score
  [ ${#tests[@]} -eq 1 ] || name+=_${1//\//_}
  joined "$name" "$(decoding_tag)"
}

# baseline_folder TEST_SET: print the name of the experiment of its baselines
baseline_folder() {
  local name=baseline_${train_set//\//_}
  [ ${#tests[@]} -eq 1 ] && echo "$name" || echo "${name}_${1//\//_}"
}

# score EXPERIMENT DATA NAME: skipped if model, tables, features and n-gram are the same as last time
score() {
  local out=$1/$3 sums word named=()
  for word in "${decoding[@]#*=}"; do
    [ ! -f "$word" ] || named+=("$word")
  done
  sums=$(checksums "$1/model.pt" "$2" "${named[@]}") || true
  make_once "$out" "$sums${decoding[*]/#/ }" score run $((ngpu > 0)) "$out.log" asda score \
    --model "$1/model.pt" --data "$2" --out "$out" "${features[@]}" "${most_bad[@]/#/--}" \
    --device "$device" "${decoding[@]}"
}

# train_baselines SETS TEST_SET OUT: skipped as score is; an error does not stop the recipe
train_baselines() {
  local out=$3 sums status=0
  sums=$(checksums "$1/$train_set" "$1/$2" ${valid_set:+"$1/$valid_set"}) || true
  make_once "$out" "$sums" "train the baselines" run 0 "$out.log" asda baseline \
    --train "$1/$train_set" --test "$1/$2" ${valid_set:+--valid "$1/$valid_set"} --out "$out" \
    "${features[@]}" --limit 10000 || status=$?
  [ $status -lt 128 ] || exit $status # interrupted
  [ $status -eq 0 ] || log "the baselines in $out failed, see above; --baseline false leaves them out"
}

# merge_folds: combine the scores of all folds for each test set. If this call covers one fold only,
# remove a combined result that its new score has made outdated.
merge_folds() {
  local test_set name folders=("${fold_list[@]/#/"$expdir/fold"}")
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
  asda results merge "${folders[@]/%/"/$1"}" --out "$expdir/$1"
}
