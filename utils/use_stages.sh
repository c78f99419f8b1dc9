#!/usr/bin/env bash
# Stages 6 and 7 of utils/asda.sh, which sources this file: the trained model labels or transcribes audio,
# and is exported.
# shellcheck disable=SC2154 # the variables are those of utils/asda.sh

# check_use_stages: fail at once rather than hours later if stage 6 or 7 could not work
check_use_stages() {
  local set
  if is_selected 6; then
    for set in "${tagged[@]}"; do
      [ -e "$(tag_input "$set")" ] || fail "--tag-sets: no '$datadir/$set' and no '$set' in $PWD"
    done
  fi
  if [ ${#fold_list[@]} -gt 1 ]; then
    ! is_selected 6 || [ ${#tagged[@]} -eq 0 ] || refuse_folds 6
    ! is_selected 7 || [ ${#formats[@]} -eq 0 ] || refuse_folds 7
  fi
}

# refuse_folds STAGE: say why a stage does not run with several folds
refuse_folds() {
  fail "stage $1 (${names[$1]}) is for one model, but ${#fold_list[@]} folds have one each; choose with --folds N"
}

# tag_input SET: print the data directory of that name, otherwise the folder of audio or file
tag_input() {
  [ -d "$datadir/$1" ] && echo "$datadir/$1" || echo "$1"
}

# tag_all EXPERIMENT SETS: label each of --tag-sets. `asda tag` itself skips files that it has
# labelled with the same model and settings. Bad files do not keep the others from being labelled.
tag_all() {
  local set threshold=() incomplete=()
  if [ "$task" = classification ] && [ -n "$valid_set" ] && [[ " $tag_args" != *" --threshold"* ]]; then
    # In no folder named score*: those are results of test sets.
    score "$1" "$2/$valid_set" valid_score
    threshold=(--threshold "$1/valid_score/thresholds.tsv")
  fi
  for set in "${tagged[@]}"; do
    tag_one "$1" "$set" || incomplete+=("$set")
  done
  [ ${#incomplete[@]} -eq 0 ] ||
    fail "some audio of ${incomplete[*]} could not be labelled, see above; --stage export goes on without it"
}

# tag_one EXPERIMENT SET: label or transcribe the files of a set
tag_one() {
  local name=${2%/} folder out status=0
  name=${name#/}
  folder=$1/$(joined "${tag_verb}_${name//\//_}" "$(decoding_tag)")
  case $tag_format in
    jsonl | csv | ctm | text | trn) out=$folder/$tag_file.$tag_format ;;
    *) out=$folder/$tag_format ;; # a folder with a file for each recording
  esac
  run $((ngpu > 0)) "$folder.log" asda "$tag_verb" "$1/model.pt" "$(tag_input "$2")" \
    --format "$tag_format" --out "$out" --device "$device" "${threshold[@]}" \
    "${decoding[@]/#--decoding./--}" "${tag_words[@]}" || status=$?
  [ $status -lt 128 ] || exit $status # interrupted
  return $status
}

# export_all EXPERIMENT: write the model in each of --export-formats
export_all() {
  local format name sums
  sums=$(cksum <"$1/model.pt")
  for format in "${formats[@]}"; do
    case $format in
      onnx) name=model.onnx ;;
      torch-export | aotinductor) name=model.pt2 ;;
      reference) name=model.pt ;;
      *) name=model ;; # a folder
    esac
    make_once "$1/export_$format" "$sums" export export_one "$1" "$format" "$name"
  done
}

# export_one EXPERIMENT FORMAT NAME: write the model in a format
export_one() {
  local out=$1/export_$2
  rm -rf "${out:?}/$3" # asda export does not replace folders
  run 0 "$out.log" asda export "$1/model.pt" "$out/$3" --format "$2"
}

# tag_and_export: run stages 6 and 7; of several folds, they only say that they have nothing to do
tag_and_export() {
  local fold='' experiment
  [ ${#fold_list[@]} -ne 1 ] || fold=${fold_list[0]}
  experiment=$expdir${fold:+/fold$fold}/$finetuning

  if begin 6 ${fold:+"$fold"}; then
    if [ ${#tagged[@]} -eq 0 ]; then
      log "skipped: --tag-sets names no audio"
    else
      requires finetune "$experiment/model.pt"
      decoding_words ${fold:+"$fold"}
      tag_all "$experiment" "$datadir${fold:+/fold$fold}"
    fi
  fi

  if begin 7 ${fold:+"$fold"}; then
    if [ ${#formats[@]} -eq 0 ]; then
      log "skipped: --export-formats names no format"
    else
      requires finetune "$experiment/model.pt"
      export_all "$experiment"
    fi
  fi
}
