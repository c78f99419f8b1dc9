#!/usr/bin/env bash
# The stages common to all recipes; each recipe's run.sh calls this script in its own folder.
set -euo pipefail

stage=0
stop_stage=
nj=$(getconf _NPROCESSORS_ONLN)
ngpu=1
num_nodes=1
chain=1
cpus_per_gpu=
mem_per_gpu=
db_dir=
datadir=data
dumpdir=dump
expdir=exp
train_set=
valid_set=
test_sets=
pretrain_set=
pretrain_corpora=
dump_sets=
folds=
local_download_opts=
local_data_opts=
feats_type=fbank
fbank_config=conf/fbank.yaml
compression=3
max_bad=0.05
no_pipes=false
pretrain_config=conf/pretrain.yaml
pretrain_tag=
pretrain_args=
pretrained=
task=classification
units_config=conf/units.yaml
units_args=
units_set=
ngram_order=
decode_args=
finetune_config=
finetune_tag=
finetune_args=
baseline=true
tag_sets=
tag_format=jsonl
tag_args=
export_formats=

help_message="usage: ./run.sh [options]

Stages: 0 download, 1 data, 2 dump, 3 pretrain, 4 finetune, 5 score; and, if asked for, 6 tag, 7 export.
Completed downloads, features, trainings and scores are skipped; interrupted ones resume.

  --stage STAGE           first stage, by number or name (default: $stage)
  --stop-stage STAGE      last stage (default: 5, or that of --stage if it is later)
  --nj N                  parallel jobs for feature extraction (default: number of CPUs, $nj)
  --ngpu N                GPUs for training; with 1 the CPU is used if there is no GPU, with 0 always
                          (default: $ngpu)
  --num-nodes N           nodes with --ngpu GPUs each, as a Slurm job (default: $num_nodes)
  --chain N               Slurm jobs for a training, each going on where the time limit of the one
                          before has ended it (default: $chain)
  --cpus-per-gpu N        CPUs of a training job for each GPU (default: 1 + data.workers)
  --mem-per-gpu GB        its memory for each GPU (default: 8 + data.workers)

  --db-dir DIR            existing copy of the corpus (default: stage 0 downloads it to downloads)
  --datadir DIR           data directories written by stage 1 (default: $datadir)
  --dumpdir DIR           features; experiments and recipes can share them (default: $dumpdir)
  --expdir DIR            experiments (default: $expdir)
  --local-download-opts OPTS  options that stage 0 passes to local/download.sh
  --local-data-opts OPTS  options that stage 1 passes to local/data.sh

  --train-set SET         train on DATADIR/SET
  --valid-set SET         select the model on DATADIR/SET
  --test-sets \"SET ...\"   score DATADIR/SET
  --pretrain-set SET      pretrain on DATADIR/SET (default: the training set)
  --pretrain-corpora \"SET:SHARE ...\"  pretrain on several corpora, each with its share of the batches:
                          DATADIR/SET, or the path of a data directory of another recipe; without
                          shares they follow the sizes (docs/joint_pretraining.md)
  --dump-sets \"SET ...\"   extract features of DATADIR/SET (default: all of the above)
  --folds \"N ...\"         cross-validation: run stages 3 to 5 for each fold, on DATADIR/foldN/SET and
                          in EXPDIR/foldN (default: the folds listed in DATADIR/folds, if it exists)

  --feats-type TYPE       fbank (extracted by stage 2) or raw (computed from audio during training)
  --fbank-config FILE     feature configuration (default: $fbank_config)
  --compression METHOD    of the features: 3, 5 or 2 (half the size), or none (default: $compression)
  --max-bad FRACTION      tolerated fraction of utterances with unusable audio (default: $max_bad)
  --no-pipes true|false   run no commands of wav.scp, as for a corpus from elsewhere: their clips are
                          unusable (default: $no_pipes)
  --pretrain-config FILE  pretraining configuration (default: $pretrain_config)
  --pretrain-args ARGS    settings that override it, e.g. \"--optimizer.lr 1e-3\"; asda pretrain --help
  --pretrain-tag TAG      name the experiment pretrain_TAG (default: derived from config and args)
  --pretrained MODEL      start from this model.pt or checkpoint instead of stage 3's model, or from a
                          published one by its name (asda models lists them), which is fetched;
                          none = train from scratch, own = pretrain in stage 3
  --task TASK             classification (asda finetune) or recognition (asda finetune-ctc), which
                          learns the transcripts in DATADIR/SET/text (default: $task)
  --finetune-config FILE  fine-tuning configuration (default: conf/finetune.yaml, or conf/ctc.yaml for
                          recognition)
  --finetune-args ARGS    settings that override it; asda finetune --help, asda finetune-ctc --help
  --finetune-tag TAG      name the experiment finetune_TAG, or ctc_TAG (default: derived from the
                          pretrained model, config and args)
  --baseline true|false   train baselines in stage 5, on the features of stage 2, for corpora of up to
                          10,000 training clips; this takes seconds (default: $baseline)

For recognition:
  --units-config FILE     units, which stage 2 trains once (default: $units_config)
  --units-args ARGS       settings that override it, e.g. \"--kind bpe --size 200\"; asda units --help
  --units-set SET         train the units on DATADIR/SET/text (default: the training set)
  --ngram-order N         estimate an n-gram of units on the same texts, and decode with it
  --decode-args ARGS      settings of decoding, e.g. \"--decoding.method beam\"; asda score --help

  --tag-sets \"SET|FOLDER ...\"  label or transcribe the audio of DATADIR/SET or of a folder in stage 6; a
                          label is given from its threshold on, chosen on the validation set if
                          there is one
  --tag-format FORMAT     jsonl, csv, audacity or raven; for recognition jsonl, srt, vtt, ctm, text or trn
                          (default: $tag_format)
  --tag-args ARGS         further options, e.g. \"--threshold 0.5 --window 2\"; asda tag --help or
                          asda transcribe --help
  --export-formats \"FORMAT ...\"  write the model in these formats in stage 7, e.g. \"onnx huggingface\";
                          asda export --help${recipe_help:+

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
. utils/experiment_names.sh
. utils/pretrain_corpora.sh
. utils/up_to_date.sh
. utils/scoring_stage.sh
. utils/recognition_stages.sh
. utils/use_stages.sh
. utils/training_jobs.sh

log() {
  echo "$(date '+%Y-%m-%d %H:%M:%S') $*"
}

names=(download data dump pretrain finetune score tag export)

# stage_number STAGE: print the number of a stage given by number or name
stage_number() {
  local i
  for i in "${!names[@]}"; do
    if [ "$1" = "${names[i]}" ]; then
      echo "$i"
      return
    fi
  done
  [[ $1 =~ ^-?(0|[1-9][0-9]*)$ ]] || fail "unknown stage '$1'; stages are 0 to $((${#names[@]} - 1)) or ${names[*]}"
  echo "$1"
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
  set -- "$@" "${forbid[@]}" # a job may not get the environment of this call
  if [ "$cmd_backend" = local ]; then
    "$@"
  else
    quote_job_words "$@"
    $cuda_cmd --gpu "$gpus" "${job_options[@]}" "$job_log" "${job_words[@]}"
  fi
}

# train VERB EXPERIMENT CONFIG SET OPTIONS...: train on $sets/SET, or on ${corpora[@]} if SET is empty
train() {
  local verb=$1 experiment=$2 config=$3 data launcher job_options
  data=(--train "$sets/$4" ${valid_set:+--valid "$sets/$valid_set"})
  [ -n "$4" ] || data=("${corpora[@]}")
  shift 4
  launch_training "$config" "$@"
  run "$ngpu" "$experiment/job.log" "${launcher[@]}" "$verb" --config "$config" \
    "${data[@]}" "${features[@]}" "${most_bad[@]/#/--data.}" --exp "$experiment" --training.device "$device" "$@"
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

# each_fold FUNCTION: call it without an argument or, with cross-validation, once for each fold
each_fold() {
  local fold
  if [ ${#fold_list[@]} -eq 0 ]; then
    "$1"
  fi
  for fold in "${fold_list[@]}"; do
    "$1" "$fold"
  done
}

# check_truth [FOLD]: fail before a stage that takes long if a set of stage 4 or 5 has the labels or the
# texts of the other task, or neither
check_truth() {
  local set needed=() own=utt2label other=text other_task=recognition
  [ "$task" = classification ] || own=text other=utt2label other_task=classification
  ! is_selected 4 || needed+=("$train_set" ${valid_set:+"$valid_set"})
  ! is_selected 5 || needed+=("${tests[@]}")
  for set in "${needed[@]/#/"$datadir${1:+/fold$1}/"}"; do
    if [ -d "$set" ] && [ ! -e "$set/$own" ]; then
      [ ! -e "$set/$other" ] || fail "$set has no $own but $other: give --task $other_task"
      fail "$set has no $own, which --task $task needs; run --stage data"
    fi
  done
}

# train_and_score [FOLD]: run stages 3 to 5
train_and_score() {
  local sets=$datadir${1:+/fold$1} exp=$expdir${1:+/fold$1} init test_set pretrained_on units

  if begin 3 "$@"; then
    if [ "$pretrained" = none ]; then
      log "skipped: training from scratch (--pretrained none); --pretrained own would pretrain"
    elif [ -n "$pretrained" ]; then
      log "skipped: --pretrained $pretrained is given"
    else
      requires_input "$sets"
      make_corpora "$sets"
      pretrained_on=${pretrain_set:-$train_set}
      [ -z "$pretrain_corpora" ] || pretrained_on=
      train pretrain "$exp/$pretraining" "$pretrain_config" "$pretrained_on" \
        "${pretrain_words[@]}"
    fi
  fi

  if begin 4 "$@"; then
    init=${pretrained:-$exp/$pretraining/model.pt}
    [ "$pretrained" != none ] || init=
    requires_input "$sets"
    [ -z "$init" ] || is_model_name "$init" ||
      requires pretrain "$init" "give --pretrained MODEL (none = from scratch)"
    units=()
    [ "$task" = classification ] || units=(--units "$(units_folder "$@")")
    [ ${#units[@]} -eq 0 ] || requires dump "${units[1]}"
    train "$finetune_verb" "$exp/$finetuning" "$finetune_config" "$train_set" \
      ${init:+--init "$init"} "${units[@]}" "${finetune_words[@]}"
  fi

  if begin 5 "$@"; then
    requires finetune "$exp/$finetuning/model.pt"
    decoding_words "$@"
    for test_set in "${tests[@]}"; do
      score "$exp/$finetuning" "$sets/$test_set" "$(score_folder "$test_set")"
      if [ "$baseline" = true ] && [ "$feats_type" = fbank ]; then
        train_baselines "$sets" "$test_set" "$exp/$(baseline_folder "$test_set")"
      fi
    done
  fi
}

# describe_corpus: describe all sets; of folds only the test sets, which cover every clip once
describe_corpus() {
  local shown=("$train_set" ${valid_set:+"$valid_set"} "${tests[@]}") fold
  if [ ${#fold_list[@]} -gt 0 ]; then
    shown=()
    for fold in "${fold_list[@]}"; do
      shown+=("${tests[@]/#/"fold$fold/"}")
    done
  fi
  asda data summary --fbank-config "$fbank_config" "${shown[@]/#/"$datadir/"}"
}

# run.sh may write lists over several lines.
for option in local_download_opts local_data_opts test_sets pretrain_corpora dump_sets folds pretrain_args \
  finetune_args units_args decode_args tag_sets tag_args export_formats; do
  printf -v "$option" %s "${!option//[[:space:]]/ }"
done

[ $# -eq 0 ] || fail "unexpected argument '$1' (quote values that contain spaces)"
[ -n "$train_set" ] && [ -n "${test_sets// /}" ] || fail "--train-set and --test-sets are required"
[ -z "$pretrain_set" ] || [ -z "$pretrain_corpora" ] ||
  fail "--pretrain-set $pretrain_set has no effect with --pretrain-corpora"
stage=$(stage_number "$stage")
stop_stage=$(stage_number "${stop_stage:-$((stage > 5 ? stage : 5))}")
[ "$stage" -le "$stop_stage" ] || fail "--stage $stage is after --stop-stage $stop_stage"
case $feats_type in
  fbank) features=(--dump "$dumpdir/fbank") most_bad=() ;;
  raw) features=(--fbank "$fbank_config") most_bad=("max_bad=$max_bad") ;;
  *) fail "--feats-type must be fbank or raw, not '$feats_type'" ;;
esac
units_tag=
units_set=${units_set:-$train_set}
case $task in
  classification)
    finetune_verb=finetune prefix=finetune
    tag_verb=tag tag_file=tags tag_formats="jsonl csv audacity raven"
    ;;
  recognition)
    finetune_verb=finetune-ctc prefix=ctc baseline=false
    tag_verb=transcribe tag_file=transcripts tag_formats="jsonl srt vtt ctm text trn"
    units_tag=$(default_tag units "$units_config" "$units_args")
    ;;
  *) fail "--task must be classification or recognition, not '$task'" ;;
esac
finetune_config=${finetune_config:-conf/$prefix.yaml}
[[ " $tag_formats " == *" $tag_format "* ]] || fail "--tag-format must be one of $tag_formats, not '$tag_format'"
[[ $ngram_order =~ ^[2-5]?$ ]] || fail "--ngram-order must be from 2 to 5, not '$ngram_order'"
[[ $ngpu =~ ^[0-9]+$ ]] || fail "--ngpu must be a number of GPUs, not '$ngpu'"
forbid=()
if [ "$no_pipes" = true ]; then
  forbid=(--no-pipes)
  export ASDA_NO_PIPES=1 # for local/data.sh and utils/*_data_dir.sh
fi
device=auto
[ "$ngpu" -gt 0 ] || device=cpu
read -ra pretrain_words <<<"$pretrain_args"
read -ra download_words <<<"$local_download_opts"
read -ra data_words <<<"$local_data_opts"
read -ra finetune_words <<<"$finetune_args"
read -ra units_words <<<"$units_args"
read -ra decode_words <<<"$decode_args"
read -ra tests <<<"$test_sets"
read -ra tagged <<<"$tag_sets"
read -ra tag_words <<<"$tag_args"
read -ra formats <<<"$export_formats"

# Experiments are named pretrain[_TAG] and finetune[_TAG] or ctc[_TAG]; the latter tag begins with the
# pretrained model's.
[ "$pretrained" != own ] || pretrained=
[ -n "$pretrain_tag" ] || pretrain_tag=$(default_tag pretrain "$pretrain_config" \
  "$pretrain_args${pretrain_corpora:+ --corpora $pretrain_corpora}")
pretraining=pretrain${pretrain_tag:+_$pretrain_tag}
case $pretrained in
  "") origin=$pretrain_tag ;;
  none) origin=scratch ;;
  */model.pt) origin=$(default_tag pretrain "${pretrained%/model.pt}" "") ;;
  *) origin=$(basename "$pretrained" .pt) ;;
esac
if [ -z "$finetune_tag" ]; then
  finetune_tag=$(joined "$origin" "$(default_tag "$prefix" "$finetune_config" "$finetune_args")")
  finetune_tag=$(joined "$finetune_tag" "$units_tag")
fi
finetuning=$prefix${finetune_tag:+_$finetune_tag}
[ ${#pretraining} -le 200 ] || fail "experiment name too long, give --pretrain-tag: $pretraining"
[ ${#finetuning} -le 200 ] || fail "experiment name too long, give --finetune-tag: $finetuning"

# needs STAGE OPTION FILE: fail at once rather than hours later, when the stage would miss its file
needs() {
  ! is_selected "$1" || [ -e "$3" ] || fail "$2: no file '$3' in $PWD"
}

# is_model_name WORD: whether it is no file, and may be a name that asda models lists
is_model_name() {
  [[ $1 =~ ^[[:alnum:]][[:alnum:]_-]*$ && ! -e $1 ]]
}

if [ -z "$pretrained" ]; then
  needs 3 --pretrain-config "$pretrain_config"
elif [ "$pretrained" != none ] && ! is_model_name "$pretrained"; then
  needs 3 --pretrained "$pretrained"
  needs 4 --pretrained "$pretrained"
fi
needs 4 --finetune-config "$finetune_config"
[ "$task" = classification ] || needs 2 --units-config "$units_config"

. ./path.sh
. ./cmd.sh
check_training_jobs
job_options=()

# Now rather than hours later, and here rather than in a job, which may have no network.
if is_selected 4 && [ "$pretrained" != none ] && is_model_name "$pretrained"; then
  asda models fetch "$pretrained"
fi

current="set-up"
finished=false
# stopped STATUS: what to do next is in the message of the error, unless a signal ended the call. Of a
# signal to itself (Ctrl-C), bash gives no status.
stopped() {
  end_children
  if [ "$1" -ge 128 ] || { [ "$1" -eq 0 ] && ! $finished; }; then
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
    local/download.sh "${download_words[@]}" downloads
  fi
fi
remedy=${db_dir:+"correct --db-dir"}
db_dir=${db_dir:-downloads}

if begin 1; then
  require_corpus "$db_dir" "${remedy:-run stage 0 or give --db-dir}"
  local/data.sh "${data_words[@]}" "$db_dir" "$datadir"
fi

if [ -z "$folds" ] && [ -f "$datadir/folds" ]; then
  folds=$(<"$datadir/folds")
fi
read -ra fold_list <<<"${folds//$'\n'/ }"
used_sets="$train_set $pretrain_set $valid_set $test_sets $(own_corpora "$datadir")"
read -ra dumped <<<"${dump_sets:-${used_sets//$'\n'/ }}"
dumped=("${dumped[@]/#/"$datadir/"}")
check_use_stages
each_fold check_truth

if begin 2; then
  for folder in "${dumped[@]}"; do
    requires data "$folder"
  done
  describe_corpus
  if [ "$feats_type" = raw ]; then
    log "skipped: --feats-type raw computes features during training"
  else
    utils/dump_fbank.sh --cmd "$train_cmd" --nj "$nj" --fbank-config "$fbank_config" \
      --compression "$compression" --max-bad "$max_bad" --no-pipes "$no_pipes" "$dumpdir/fbank" "${dumped[@]}"
  fi
  if [ "$task" = recognition ]; then
    each_fold make_units
  fi
fi

each_fold train_and_score
if is_selected 5; then
  [ ${#fold_list[@]} -eq 0 ] || merge_folds
  utils/show_results.sh "$expdir"
fi
tag_and_export

finished=true
log "finished in $SECONDS seconds"
