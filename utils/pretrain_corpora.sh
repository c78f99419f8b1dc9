#!/usr/bin/env bash
# The corpora of --pretrain-corpora, "SET:SHARE:DUMP ...", as options of asda pretrain; to be sourced.
# shellcheck disable=SC2154 # the variables are those of utils/asda.sh

# is_of_other_recipe SET: whether it is the path of a data directory, not the name of one in DATADIR
is_of_other_recipe() {
  [[ $1 == ../* || $1 == /* ]]
}

# own_corpora DIR: print the sets of this recipe among the corpora, and their validation sets
own_corpora() {
  local word set
  for word in $pretrain_corpora; do
    set=${word%%:*}
    if ! is_of_other_recipe "$set"; then
      echo "$set"
      validation_of "$set" "$1/"
    fi
  done
}

# validation_of SET DIR: print the set "valid" beside a set "train", if it exists below DIR
validation_of() {
  if [ "${1##*/}" = train ] && [ -d "$2${1%train}valid" ]; then
    echo "${1%train}valid"
  fi
}

# make_corpora DIR: put options for the corpora into the array corpora, with sets below DIR
make_corpora() {
  local word set share dump name folder valid
  corpora=()
  for word in $pretrain_corpora; do
    IFS=: read -r set share dump <<<"$word"
    name=$(corpus_name "$set")
    folder=$1/$set
    if is_of_other_recipe "$set"; then
      folder=$set
      dump=${dump:-${set%%/data/*}/dump/fbank}
    fi
    [ -d "$folder" ] || fail "--pretrain-corpora: no data directory '$folder' in $PWD"
    [[ " ${corpora[*]} " != *" --corpora.$name.train="* ]] ||
      fail "--pretrain-corpora: two corpora would be named '$name'"
    valid=$(validation_of "$folder" "")
    corpora+=("--corpora.$name.train=$folder" ${valid:+"--corpora.$name.valid=$valid"}
      ${share:+"--corpora.$name.share=$share"})
    if [ -n "$dump" ] && [ "$feats_type" = fbank ]; then
      [ -e "$dump/feats.scp" ] || fail "--pretrain-corpora: no dump '$dump' in $PWD; make it with stage 2 of the recipe of '$set', or name it: SET:SHARE:DUMP"
      corpora+=("--corpora.$name.dump=$dump")
    fi
  done
}

# corpus_name SET: print a name for logs, such as esc50_esc10_all of ../esc50/data/esc10/all
corpus_name() {
  local name=${1//..\//}
  name=${name//\/data\///}
  name=${name#/}
  echo "${name//[^[:alnum:]]/_}"
}
