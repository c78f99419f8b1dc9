#!/usr/bin/env bash
# What recognition adds to the stages of utils/asda.sh, which sources this file.
# shellcheck disable=SC2034,SC2154 # the variables are those of utils/asda.sh

# units_folder [FOLD]: print the folder of the units, which experiments share
units_folder() {
  local name=${1:+fold$1_}${units_set//\//_}
  echo "$dumpdir/units_$(joined "$name" "$units_tag")"
}

# make_units [FOLD]: train the units of the transcripts, and an n-gram of them if it is asked for. Both
# commands leave alone what they have made of the same texts.
make_units() {
  local texts=$datadir${1:+/fold$1}/$units_set
  requires data "$texts/text"
  asda units --config "$units_config" --text "$texts" --out "$(units_folder "$@")" "${units_words[@]}"
  make_ngram "$@"
}

# make_ngram [FOLD]: estimate the n-gram of the units, if it is asked for
make_ngram() {
  if [ -n "$ngram_order" ]; then
    asda ngram --text "$datadir${1:+/fold$1}/$units_set" --units "$(units_folder "$@")" --of units \
      --order "$ngram_order" --out "$(ngram_file "$@")"
  fi
}

# ngram_file [FOLD]: print the name of the n-gram
ngram_file() {
  echo "$(units_folder "$@")/${ngram_order}gram.arpa"
}

# decoding_tag: print what tells settings of decoding apart in names of folders
decoding_tag() {
  joined "${ngram_order:+${ngram_order}gram}" "$(default_tag '' '' "$decode_args")"
}

# decoding_words [FOLD]: set $decoding to the options of asda score and asda transcribe. The n-gram is
# made here if it was not asked for before.
decoding_words() {
  [ -f "$(ngram_file "$@")" ] || make_ngram "$@"
  decoding=("${decode_words[@]}")
  if [ -n "$ngram_order" ]; then
    decoding=(--decoding.method beam --decoding.lm "$(ngram_file "$@")" --decoding.lm_of units
      "${decode_words[@]}")
  fi
}
