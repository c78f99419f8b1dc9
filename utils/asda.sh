#!/usr/bin/env bash
# The stages common to all recipes; each recipe's run.sh calls this script in its own folder.
set -euo pipefail

stage=0
stop_stage=5
nj=$(getconf _NPROCESSORS_ONLN)
ngpu=1
db_dir=
datadir=data
dumpdir=dump
expdir=exp
train_set=
valid_set=
test_sets=
pretrain_set=
dump_sets=
folds=
local_data_opts=
feats_type=fbank
fbank_config=conf/fbank.yaml
compression=3
max_bad=0.05
pretrain_config=conf/pretrain.yaml
pretrain_tag=
pretrain_args=
pretrained=
finetune_config=conf/finetune.yaml
finetune_tag=
finetune_args=
baseline=true

help_message="usage: ./run.sh [options]

Stages: 0 download, 1 data, 2 dump, 3 pretrain, 4 finetune, 5 score.
Completed downloads, features, trainings and scores are skipped; interrupted ones resume.

  --stage STAGE           first stage, by number or name (default: $stage)
  --stop-stage STAGE      last stage (default: $stop_stage)
  --nj N                  parallel jobs for feature extraction (default: number of CPUs, $nj)
  --ngpu N                GPUs for training; with 1 the CPU is used if there is no GPU, with 0 always
                          (default: $ngpu)

  --db-dir DIR            existing copy of the corpus (default: stage 0 downloads it to downloads)
  --datadir DIR           data directories written by stage 1 (default: $datadir)
  --dumpdir DIR           features; experiments and recipes can share them (default: $dumpdir)
  --expdir DIR            experiments (default: $expdir)
  --local-data-opts OPTS  options passed to local/data.sh, and by stage 0 to local/download.sh

  --train-set SET         train on DATADIR/SET
  --valid-set SET         select the model on DATADIR/SET
  --test-sets \"SET ...\"   score DATADIR/SET
  --pretrain-set SET      pretrain on DATADIR/SET (default: the training set)
  --dump-sets \"SET ...\"   extract features of DATADIR/SET (default: all of the above)
  --folds \"N ...\"         cross-validation: run stages 3 to 5 for each fold, on DATADIR/foldN/SET and
                          in EXPDIR/foldN (default: the folds listed in DATADIR/folds, if it exists)

  --feats-type TYPE       fbank (extracted by stage 2) or raw (computed from audio during training)
  --fbank-config FILE     feature configuration (default: $fbank_config)
  --compression METHOD    of the features: 3, 5 or 2 (half the size), or none (default: $compression)
  --max-bad FRACTION      tolerated fraction of utterances with unusable audio (default: $max_bad)
  --pretrain-config FILE  pretraining configuration (default: $pretrain_config)
  --pretrain-args ARGS    settings that override it, e.g. \"--optimizer.lr 1e-3\"; asda pretrain --help
  --pretrain-tag TAG      name the experiment pretrain_TAG (default: derived from config and args)
  --pretrained MODEL      start from this model.pt or checkpoint instead of stage 3's model;
                          none = train from scratch, own = stage 3's model after all
  --finetune-config FILE  fine-tuning configuration (default: $finetune_config)
  --finetune-args ARGS    settings that override it; asda finetune --help
  --finetune-tag TAG      name the experiment finetune_TAG (default: derived from the pretrained model,
                          config and args)
  --baseline true|false   let stage 5 train baselines on features of stage 2, which takes seconds;
                          corpora of more than 10,000 training clips are left out (default: $baseline)${recipe_help:+

Options of this recipe:
$recipe_help}"

fail() {
  echo "${0##*/}: error: $1" >&2
  exit 1
}

# parse_options.sh would read the file first, so the options in run.sh would override it.
for word in "$@"; do
  [[ $word != --config && $word != --config=* ]] || fail "$word is not supported: write options into run.sh"
done
unset word # parse_options.sh takes every variable that is set for an option
. utils/parse_options.sh
. utils/job_words.sh

log() {
  echo "$(date '+%Y-%m-%d %H:%M:%S') $*"
}

names=(download data dump pretrain finetune score)

# stage_number STAGE: print the number of a stage given by number or name
stage_number() {
  local i
  for i in "${!names[@]}"; do
    if [ "$1" = "${names[i]}" ]; then
      echo "$i"
      return
    fi
  done
  [[ $1 =~ ^-?(0|[1-9][0-9]*)$ ]] || fail "unknown stage '$1'; stages are 0 to 5 or ${names[*]}"
  echo "$1"
}

# default_tag VERB CONFIG ARGS: for conf/VERB_wide.yaml and "--a.b 1", print "wide_b1"
# The last part of a setting's name tells it apart from all others; those of the decoder keep two
# parts. What does not fit into a short name of plain characters is told apart by a checksum.
default_tag() {
  local tag args='' plain name word words separator=' '
  tag=$(basename "$2" .yaml)
  read -ra words <<<"$3"
  for word in "${words[@]}"; do
    if [[ $word == --* ]]; then
      name=${word%%=*}
      separator=${word:${#name}:1} # empty: the value is the next word
      separator=${separator:+ }
      word=${word:${#name}+1}
      name=${name#--}
      name=${name//-/_}
      [[ $name == *decoder.* ]] || name=${name##*.}
      args+=_${name#model.}$word
    else
      args+=$separator$word
      separator=' '
    fi
  done
  plain=${args//[^[:alnum:]._+-]/}
  if [ "$plain" != "$args" ] || [ ${#plain} -gt 60 ]; then
    plain=${plain:0:50}_$(printf %08x "$(cksum <<<"${words[*]}" | cut -d ' ' -f 1)")
  fi
  tag=${tag#"$1"}$plain
  echo "${tag#_}"
}

# former_tag VERB CONFIG ARGS: print the tag that earlier versions derived, e.g. "wide_a.b1"
former_tag() {
  local tag
  tag=$(basename "$2" .yaml)
  tag=${tag#"$1"}${3//--/_}
  tag=${tag//[ |=\/]/}
  echo "${tag#_}"
}

# exists EXPERIMENT: whether EXPDIR, or a fold in it, has an experiment of this name
exists() {
  local folder
  for folder in "$expdir/$1" "$expdir"/fold*/"$1"; do
    [ ! -d "$folder" ] || return 0
  done
  return 1
}

# named VERB TAG FORMER_TAG: print VERB[_TAG], or the name that an earlier version gave to this run
named() {
  local name=$1${2:+_$2} former=$1${3:+_$3}
  if ! exists "$name" && exists "$former"; then
    name=$former
  fi
  echo "$name"
}

# joined A B: print A_B, or the one that is not empty
joined() {
  echo "$1${1:+${2:+_}}$2"
}

# is_selected STAGE: whether it is between --stage and --stop-stage
is_selected() {
  [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ]
}

# begin STAGE [FOLD]: log that the stage begins; fails if it is not selected
begin() {
  is_selected "$1" || return 1
  current="stage $1 (${names[$1]})${2:+ of fold $2}"
  log "$current"
}

# run GPUS LOG COMMAND...: in the foreground on this machine, so that progress shows, or as a job
run() {
  local gpus=$1 job_log=$2
  shift 2
  if [ "$cmd_backend" = local ]; then
    "$@"
  else
    quote_job_words "$@"
    $cuda_cmd --gpu "$gpus" "$job_log" "${job_words[@]}"
  fi
}

# train VERB EXPERIMENT CONFIG SET OPTIONS...: train on $sets/SET
train() {
  local verb=$1 experiment=$2 config=$3 set=$4 launcher=(asda)
  shift 4
  if [ "$ngpu" -gt 1 ]; then
    launcher=(torchrun --standalone --nproc_per_node "$ngpu" -m asda)
  fi
  run "$ngpu" "$experiment/job.log" "${launcher[@]}" "$verb" --config "$config" \
    --train "$sets/$set" ${valid_set:+--valid "$sets/$valid_set"} "${features[@]}" \
    "${most_bad[@]/#/--data.}" --exp "$experiment" --training.device "$device" "$@"
}

# requires STAGE PATH [ELSE]: fail unless an earlier stage has written the path
requires() {
  [ -e "$2" ] || fail "no '$2' in $PWD; run --stage $1${3:+, or $3}"
}

# requires_input SETS: fail unless stages 1 and 2 have written what trainings read
requires_input() {
  requires data "$1/$train_set"
  [ "$feats_type" = raw ] || requires dump "$dumpdir/fbank/feats.scp"
}

# score_folder TEST_SET: print the folder of its scores within an experiment
score_folder() {
  [ ${#tests[@]} -eq 1 ] && echo score || echo "score_${1//\//_}"
}

# baseline_folder TEST_SET: print the name of the experiment of its baselines
baseline_folder() {
  local name=baseline_${train_set//\//_}
  [ ${#tests[@]} -eq 1 ] && echo "$name" || echo "${name}_${1//\//_}"
}

# train_and_score [FOLD]: run stages 3 to 5
train_and_score() {
  local sets=$datadir${1:+/fold$1} exp=$expdir${1:+/fold$1} init test_set

  if begin 3 "$@"; then
    if [ "$pretrained" = none ]; then
      log "skipped: training from scratch (--pretrained none); --pretrained own pretrains"
    elif [ -n "$pretrained" ]; then
      log "skipped: --pretrained $pretrained is given"
    else
      requires_input "$sets"
      train pretrain "$exp/$pretraining" "$pretrain_config" "${pretrain_set:-$train_set}" \
        "${pretrain_words[@]}"
    fi
  fi

  if begin 4 "$@"; then
    init=${pretrained:-$exp/$pretraining/model.pt}
    [ "$pretrained" != none ] || init=
    requires_input "$sets"
    [ -z "$init" ] || requires pretrain "$init" "give --pretrained MODEL (none = from scratch)"
    train finetune "$exp/$finetuning" "$finetune_config" "$train_set" \
      ${init:+--init "$init"} "${finetune_words[@]}"
  fi

  if begin 5 "$@"; then
    requires finetune "$exp/$finetuning/model.pt"
    for test_set in "${tests[@]}"; do
      score "$exp/$finetuning" "$sets/$test_set" "$(score_folder "$test_set")"
      if [ "$baseline" = true ] && [ "$feats_type" = fbank ]; then
        train_baselines "$sets" "$test_set" "$exp/$(baseline_folder "$test_set")"
      fi
    done
  fi
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

# is_current OUT CHECKSUMS: whether OUT/.scored says that its results were made of the same, and all
# files are there that were written then
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

# train_baselines SETS TEST_SET OUT: skipped as score is, and never the reason to stop
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
    log "no baselines in $out, see above; --baseline false leaves them out"
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

# describe_corpus: show what the sets look like; of folds each test set, so every clip once
describe_corpus() {
  local shown=("$train_set" ${valid_set:+"$valid_set"} "${tests[@]}") fold
  if [ ${#fold_list[@]} -gt 0 ]; then
    shown=()
    for fold in "${fold_list[@]}"; do
      shown+=("${tests[@]/#/fold$fold/}")
    done
  fi
  asda data summary --fbank-config "$fbank_config" "${shown[@]/#/$datadir/}"
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

# run.sh may write lists over several lines.
for option in local_data_opts test_sets dump_sets folds pretrain_args finetune_args; do
  printf -v "$option" %s "${!option//[[:space:]]/ }"
done

[ $# -eq 0 ] || fail "unexpected argument '$1' (quote values that contain spaces)"
[ -n "$train_set" ] && [ -n "${test_sets// /}" ] || fail "--train-set and --test-sets are required"
stage=$(stage_number "$stage")
stop_stage=$(stage_number "$stop_stage")
[ "$stage" -le "$stop_stage" ] || fail "--stage $stage is after --stop-stage $stop_stage"
case $feats_type in
  fbank) features=(--dump "$dumpdir/fbank") most_bad=() ;;
  raw) features=(--fbank "$fbank_config") most_bad=("max_bad=$max_bad") ;;
  *) fail "--feats-type must be fbank or raw, not '$feats_type'" ;;
esac
[[ $ngpu =~ ^[0-9]+$ ]] || fail "--ngpu must be a number of GPUs, not '$ngpu'"
device=auto
[ "$ngpu" -gt 0 ] || device=cpu
read -ra pretrain_words <<<"$pretrain_args"
read -ra local_words <<<"$local_data_opts"
read -ra finetune_words <<<"$finetune_args"
read -ra tests <<<"$test_sets"

# Experiments are named pretrain[_TAG] and finetune[_TAG]; the latter tag begins with the pretrained
# model's.
[ "$pretrained" != own ] || pretrained=
former=${pretrain_tag:-$(former_tag pretrain "$pretrain_config" "$pretrain_args")}
pretrain_tag=${pretrain_tag:-$(default_tag pretrain "$pretrain_config" "$pretrain_args")}
pretraining=$(named pretrain "$pretrain_tag" "$former")
case $pretrained in
  "") origin=$pretrain_tag ;;
  none) origin=scratch ;;
  */model.pt) origin=$(default_tag pretrain "${pretrained%/model.pt}" "") ;;
  *) origin=$(basename "$pretrained" .pt) ;;
esac
[ -z "$pretrained" ] || former=$origin
if [ -z "$finetune_tag" ]; then
  former=$(joined "$former" "$(former_tag finetune "$finetune_config" "$finetune_args")")
  finetune_tag=$(joined "$origin" "$(default_tag finetune "$finetune_config" "$finetune_args")")
else
  former=$finetune_tag
fi
finetuning=$(named finetune "$finetune_tag" "$former")
for name in "$pretraining" "$finetuning"; do
  [ ${#name} -le 200 ] || fail "experiment name too long, give --${name%%_*}-tag: $name"
done

# needs STAGE OPTION FILE: fail at once rather than hours later, when the stage would miss its file
needs() {
  ! is_selected "$1" || [ -e "$3" ] || fail "$2: no file '$3' in $PWD"
}

if [ -z "$pretrained" ]; then
  needs 3 --pretrain-config "$pretrain_config"
elif [ "$pretrained" != none ]; then
  needs 3 --pretrained "$pretrained"
  needs 4 --pretrained "$pretrained"
fi
needs 4 --finetune-config "$finetune_config"

. ./path.sh
. ./cmd.sh

current="set-up"
# stopped STATUS: what to do next is in the message of the error, unless a signal ended the call
stopped() {
  if [ "$1" -ge 128 ]; then
    log "stopped in $current; repeat the call to resume" >&2
  elif [ "$1" -ne 0 ]; then
    log "stopped in $current" >&2
  fi
}
trap 'stopped $?' EXIT

# require_corpus FOLDER REMEDY: fail unless it exists
require_corpus() {
  [ -d "$1" ] || fail "no corpus: no folder '$1' in $PWD; $2"
}

if begin 0; then
  if [ -n "$db_dir" ]; then
    require_corpus "$db_dir" "correct --db-dir"
    log "skipped: using the corpus in $db_dir"
  else
    local/download.sh "${local_words[@]}" downloads
  fi
fi
remedy=${db_dir:+"correct --db-dir"}
db_dir=${db_dir:-downloads}

if begin 1; then
  require_corpus "$db_dir" "${remedy:-run stage 0 or give --db-dir}"
  local/data.sh "${local_words[@]}" "$db_dir" "$datadir"
fi

if [ -z "$folds" ] && [ -f "$datadir/folds" ]; then
  folds=$(<"$datadir/folds")
fi
read -ra fold_list <<<"${folds//$'\n'/ }"
read -ra dumped <<<"${dump_sets:-$train_set $pretrain_set $valid_set $test_sets}"
dumped=("${dumped[@]/#/$datadir/}")

if begin 2; then
  for folder in "${dumped[@]}"; do
    requires data "$folder"
  done
  describe_corpus
  if [ "$feats_type" = raw ]; then
    log "skipped: --feats-type raw computes features during training"
  else
    utils/dump_fbank.sh --cmd "$train_cmd" --nj "$nj" --fbank-config "$fbank_config" \
      --compression "$compression" --max-bad "$max_bad" "$dumpdir/fbank" "${dumped[@]}"
  fi
fi

if [ ${#fold_list[@]} -eq 0 ]; then
  train_and_score
fi
for fold in "${fold_list[@]}"; do
  train_and_score "$fold"
done
if [ "$stop_stage" -ge 5 ]; then
  [ ${#fold_list[@]} -eq 0 ] || merge_folds
  utils/show_results.sh "$expdir"
fi

log "finished in $SECONDS seconds"
