#!/usr/bin/env bash
# The stages that all recipes share, run in a recipe's folder by its run.sh.
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

help_message="usage: ./run.sh [options]

Stages: 0 download, 1 data, 2 dump, 3 pretrain, 4 finetune, 5 score.
What is done is not done again; what was stopped goes on where it stopped.

  --stage STAGE           first stage, by number or name (default: $stage)
  --stop-stage STAGE      last stage (default: $stop_stage)
  --nj N                  parallel jobs that compute features (default: CPUs, $nj)
  --ngpu N                GPUs of a training; 1 uses the CPU if there is none, 0 always (default: $ngpu)

  --db-dir DIR            the corpus, if it is there already (default: stage 0 puts it in downloads)
  --datadir DIR           data directories, where stage 1 puts them (default: $datadir)
  --dumpdir DIR           features; several experiments and recipes can share it (default: $dumpdir)
  --expdir DIR            experiments (default: $expdir)
  --local-data-opts OPTS  options of local/data.sh; stage 0 gives them to local/download.sh too

  --train-set SET         DATADIR/SET to train on
  --valid-set SET         DATADIR/SET to choose models on
  --test-sets \"SET ...\"   DATADIR/SET to score
  --pretrain-set SET      DATADIR/SET to pretrain on (default: the train set)
  --dump-sets \"SET ...\"   DATADIR/SET to compute features of (default: all of the above)
  --folds \"N ...\"         cross-validation: stages 3 to 5 run fold by fold, with DATADIR/foldN/SET
                          and EXPDIR/foldN (default: the folds in DATADIR/folds, if it is there)

  --feats-type TYPE       fbank (dumped by stage 2) or raw (computed from audio during training)
  --fbank-config FILE     features (default: $fbank_config)
  --compression METHOD    of features: 3, 5 or 2 (half as large), or none (default: $compression)
  --max-bad SHARE         of utterances that may have unusable audio (default: $max_bad)
  --pretrain-config FILE  (default: $pretrain_config)
  --pretrain-args ARGS    options that win over it, e.g. \"--optimizer.lr 1e-3\"; asda pretrain --help
  --pretrain-tag TAG      names the experiment pretrain_TAG (default: from config and args)
  --pretrained MODEL      start from this model.pt instead of stage 3's; none = train from scratch
  --finetune-config FILE  (default: $finetune_config)
  --finetune-args ARGS    as --pretrain-args
  --finetune-tag TAG      names the experiment finetune_TAG (default: from the pretrained model,
                          config and args)${recipe_help:+

Options of this recipe alone:
$recipe_help}"

fail() {
  echo "${0##*/}: error: $1" >&2
  exit 1
}

# The options in run.sh would win over those of a file.
for word in "$@"; do
  [[ $word != --config && $word != --config=* ]] || fail "no $word here: write options into run.sh"
done
unset word # a variable that is set is an option
. utils/parse_options.sh

log() {
  echo "$(date '+%Y-%m-%d %H:%M:%S') $*"
}

names=(download data dump pretrain finetune score)

# stage_number STAGE: its number, by number or name
stage_number() {
  local i
  for i in "${!names[@]}"; do
    if [ "$1" = "${names[i]}" ]; then
      echo "$i"
      return
    fi
  done
  [[ $1 =~ ^-?(0|[1-9][0-9]*)$ ]] || fail "no stage '$1'; stages are 0 to 5 or ${names[*]}"
  echo "$1"
}

# default_tag VERB CONFIG ARGS: conf/VERB_wide.yaml and "--a.b 1" make "wide_a.b1"
default_tag() {
  local tag
  tag=$(basename "$2" .yaml)
  tag=${tag#"$1"}${3//--/_}
  tag=${tag//[ |=\/]/}
  echo "${tag#_}"
}

# wanted STAGE
wanted() {
  [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ]
}

# begins STAGE [FOLD]: whether the stage is wanted; says that it begins
begins() {
  wanted "$1" || return 1
  now="stage $1 (${names[$1]})${2:+ of fold $2}"
  log "$now"
}

# run GPUS LOG COMMAND...: on this machine in the foreground, where progress shows; else as a job
run() {
  local gpus=$1 job_log=$2
  shift 2
  if [ "$cmd_backend" = local ]; then
    "$@"
  else
    $cuda_cmd --gpu "$gpus" "$job_log" "$@"
  fi
}

# train VERB EXPERIMENT CONFIG SET OPTIONS...; the set is one of $sets
train() {
  local verb=$1 experiment=$2 config=$3 set=$4 launcher=(asda)
  shift 4
  if [ "$ngpu" -gt 1 ]; then
    launcher=(torchrun --standalone --nproc_per_node "$ngpu" -m asda)
  fi
  run "$ngpu" "$experiment/job.log" "${launcher[@]}" "$verb" --config "$config" \
    --train "$sets/$set" ${valid_set:+--valid "$sets/$valid_set"} "${features[@]}" \
    --exp "$experiment" --training.device "$device" "$@"
}

# score_folder TEST_SET: its name in an experiment
score_folder() {
  [ ${#tests[@]} -eq 1 ] && echo score || echo "score_${1//\//_}"
}

# train_and_score [FOLD]: stages 3 to 5
train_and_score() {
  local sets=$datadir${1:+/fold$1} place=$expdir${1:+/fold$1} init test_set

  if begins 3 "$@"; then
    if [ -n "$pretrained" ]; then
      log "nothing to pretrain with --pretrained $pretrained"
    else
      train pretrain "$place/$pretraining" "$pretrain_config" "${pretrain_set:-$train_set}" \
        "${pretrain_words[@]}"
    fi
  fi

  if begins 4 "$@"; then
    init=${pretrained:-$place/$pretraining/model.pt}
    [ "$pretrained" != none ] || init=
    train finetune "$place/$finetuning" "$finetune_config" "$train_set" \
      ${init:+--init "$init"} "${finetune_words[@]}"
  fi

  if begins 5 "$@"; then
    for test_set in "${tests[@]}"; do
      score "$place/$finetuning" "$sets/$test_set" "$(score_folder "$test_set")"
    done
  fi
}

# features_of DATA: a checksum of what its features are
features_of() {
  if [ "$feats_type" = raw ]; then
    cksum <"$fbank_config"
  else
    utils/filter_scp.pl "$1/utt2spk" "$dumpdir/fbank/utt2moments" | cksum
  fi
}

# score EXPERIMENT DATA NAME: unless NAME/scored says that the same model saw the same tables
score() {
  local out=$1/$3 scored
  scored=$(
    echo "${features[@]}"
    features_of "$2" 2>/dev/null
    find -L "$1/model.pt" "$2" -maxdepth 1 -type f -exec cksum {} + 2>/dev/null | sort
  ) || true
  if [ -f "$out/result.json" ] && [ ! "$out/result.json" -nt "$out/scored" ] &&
    [ "$scored" = "$(cat "$out/scored")" ]; then
    log "$out is up to date; delete it to score again"
    return
  fi
  rm -f "$out/scored"
  run $((ngpu > 0)) "$out.log" asda score --model "$1/model.pt" --data "$2" --out "$out" \
    "${features[@]}" --device "$device"
  echo "$scored" >"$out/scored"
}

# merge_folds: the folds of each test set as one result; of one fold, only goes what it outdates
merge_folds() {
  local test_set score folders
  for test_set in "${tests[@]}"; do
    score=$finetuning/$(score_folder "$test_set")
    folders=("${fold_list[@]/#/$expdir/fold}")
    if [ ${#folders[@]} -eq 1 ]; then
      if [ "${folders[0]}/$score/result.json" -nt "$expdir/$score/result.json" ]; then
        rm -rf "${expdir:?}/$score"
      fi
      continue
    fi
    [ ! -e "$expdir/$finetuning/model.pt" ] ||
      fail "$expdir/$finetuning was trained without folds: choose another --finetune-tag"
    asda results merge "${folders[@]/%//$score}" --out "$expdir/$score"
  done
}

# Lists may be several lines.
for option in local_data_opts test_sets dump_sets folds pretrain_args finetune_args; do
  printf -v "$option" %s "${!option//[[:space:]]/ }"
done

[ $# -eq 0 ] || fail "a word too many: '$1' (a value with spaces needs quotes)"
[ -n "$train_set" ] && [ -n "${test_sets// /}" ] || fail "give --train-set and --test-sets"
stage=$(stage_number "$stage")
stop_stage=$(stage_number "$stop_stage")
[ "$stage" -le "$stop_stage" ] || fail "--stage $stage is after --stop-stage $stop_stage"
case $feats_type in
  fbank) features=(--dump "$dumpdir/fbank") ;;
  raw) features=(--fbank "$fbank_config") ;;
  *) fail "--feats-type is fbank or raw, not '$feats_type'" ;;
esac
[[ $ngpu =~ ^[0-9]+$ ]] || fail "--ngpu is a number of GPUs, not '$ngpu'"
device=auto
[ "$ngpu" -gt 0 ] || device=cpu
read -ra pretrain_words <<<"$pretrain_args"
read -ra local_words <<<"$local_data_opts"
read -ra finetune_words <<<"$finetune_args"
read -ra tests <<<"$test_sets"

# Experiments: pretrain[_TAG], and finetune[_TAG] which also tells what it starts from.
pretrain_tag=${pretrain_tag:-$(default_tag pretrain "$pretrain_config" "$pretrain_args")}
pretraining=pretrain${pretrain_tag:+_$pretrain_tag}
case $pretrained in
  "") origin=$pretrain_tag ;;
  none) origin=scratch ;;
  */model.pt) origin=$(default_tag pretrain "${pretrained%/model.pt}" "") ;;
  *) origin=$(basename "$pretrained" .pt) ;;
esac
if [ -z "$finetune_tag" ]; then
  finetune_tag=$(default_tag finetune "$finetune_config" "$finetune_args")
  finetune_tag=$origin${origin:+${finetune_tag:+_}}$finetune_tag
fi
finetuning=finetune${finetune_tag:+_$finetune_tag}
for name in "$pretraining" "$finetuning"; do
  [ ${#name} -le 200 ] || fail "$name is too long a name: give --${name%%_*}-tag"
done

# needs STAGE OPTION FILE: refuses now what the stage could not do
needs() {
  ! wanted "$1" || [ -e "$3" ] || fail "$2: no file '$3' in $PWD"
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

now="set-up"
trap '[ $? -eq 0 ] || log "stopped in $now; the same call goes on from there" >&2' EXIT

# is_there FOLDER: refuses a corpus that is not
is_there() {
  [ -d "$1" ] || fail "no corpus: no folder '$1' in $PWD; run stage 0 or give --db-dir"
}

if begins 0; then
  if [ -n "$db_dir" ]; then
    is_there "$db_dir"
    log "the corpus is in $db_dir"
  else
    local/download.sh "${local_words[@]}" downloads
  fi
fi
db_dir=${db_dir:-downloads}

if begins 1; then
  is_there "$db_dir"
  local/data.sh "${local_words[@]}" "$db_dir" "$datadir"
fi

if [ -z "$folds" ] && [ -f "$datadir/folds" ]; then
  folds=$(<"$datadir/folds")
fi
read -ra fold_list <<<"${folds//$'\n'/ }"
read -ra dumped <<<"${dump_sets:-$train_set $pretrain_set $valid_set $test_sets}"
dumped=("${dumped[@]/#/$datadir/}")

if begins 2; then
  if [ "$feats_type" = raw ]; then
    log "nothing to dump with --feats-type raw"
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
