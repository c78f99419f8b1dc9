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
  local texts=$datadir${1:+/fold$1}/$units_set units
  units=$(units_folder "$@")
  requires data "$texts/text"
  asda units --config "$units_config" --text "$texts" --out "$units" "${units_words[@]}"
  if [ -n "$ngram_order" ]; then
    asda ngram --text "$texts" --units "$units" --of units --order "$ngram_order" --out "$(ngram_file "$@")"
  fi
}

# ngram_file [FOLD]: print the name of the n-gram
ngram_file() {
  echo "$(units_folder "$@")/${ngram_order}gram.arpa"
}

# decoding_words [FOLD]: set $decoding to the options of asda score and asda transcribe
decoding_words() {
  decoding=("${decode_words[@]}")
  if [ -n "$ngram_order" ]; then
    decoding=(--decoding.method beam --decoding.lm "$(ngram_file "$@")" --decoding.lm_of units
      "${decode_words[@]}")
  fi
}
